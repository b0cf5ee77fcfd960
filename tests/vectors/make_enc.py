#!/usr/bin/env python3
"""Writes the vectors of wrapped image keys and AES-CTR. Needed only to make them anew.

    make_enc.py wycheproof DIR   from a checkout of C2SP's Wycheproof (testvectors_v1/)
    make_enc.py edges            from python-cryptography, with fresh keys

ECIES: the agreement is Wycheproof's (its keys, its points, what it says of them); what stands
on top (HKDF, HMAC, AES-CTR) is python-cryptography's. Fields: result, scheme, what it is, the
device's private key, value of the TLV, the image's key ("-" unless the result is "ok").
AES-CTR: key, offset in the payload, plain, encrypted.
"""
import json
import os
import pathlib
import sys

from cryptography.hazmat.primitives import hashes, hmac, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = pathlib.Path(__file__).parent
DER = serialization.Encoding.DER
RAW = serialization.Encoding.Raw
PLAIN = serialization.NoEncryption()
P256_SHORT = bytes.fromhex(
    "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420")
X25519_HEAD = bytes.fromhex("302e020100300506032b656e04220420")
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def write(name, lines):
    (HERE / name).write_text("".join("\t".join(fields) + "\n" for fields in lines))


def ctr(key, data):
    run = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return run.update(data) + run.finalize()


def seal(shared, public, key, alg=hashes.SHA256):
    """tag and wrapped key, as MCUboot's ECIES has them, behind the public key"""
    okm = HKDF(alg(), len(key) + alg.digest_size, None, b"MCUBoot_ECIES_v1").derive(shared)
    wrapped = ctr(okm[:len(key)], key)
    mac = hmac.HMAC(okm[len(key):], alg())
    mac.update(wrapped)
    return public + mac.finalize() + wrapped


def p256_der(scalar):
    return P256_SHORT + scalar.to_bytes(32, "big")


def wycheproof(folder):
    folder = pathlib.Path(folder) / "testvectors_v1"

    def groups(name):
        return json.loads((folder / f"{name}.json").read_text())["testGroups"]

    def says(test):
        return f"tcId {test['tcId']} {test['comment']}".strip()

    lines = []
    for n, test in enumerate(t for g in groups("ecdh_secp256r1_ecpoint_test") for t in g["tests"]):
        key = bytes(range(n % 2 * 16 + 16))
        public = bytes.fromhex(test["public"])
        shared = bytes.fromhex(test["shared"]) or bytes(32)
        scalar = int(test["private"], 16) % P256_N
        if len(public) != 65:
            continue
        good = test["result"] == "valid"
        lines.append(("ok" if good else "eenc", "ecies-p256", says(test), p256_der(scalar).hex(),
                      seal(shared, public, key).hex(), key.hex() if good else "-"))
    for n, test in enumerate(t for g in groups("x25519_test") for t in g["tests"]):
        key = bytes(range(n % 2 * 16 + 16))
        shared = bytes.fromhex(test["shared"])
        good = any(shared)
        if good and n % 4 != 0:  # there are so many that a device's memory does not hold them
            continue
        for name, alg in (("ecies-x25519", hashes.SHA256), ("ecies-x25519-sha512", hashes.SHA512)):
            if alg is hashes.SHA512 and n % 16 != 0:
                continue
            value = seal(shared, bytes.fromhex(test["public"]), key, alg)
            lines.append(("ok" if good else "eenc", name, says(test),
                          (X25519_HEAD + bytes.fromhex(test["private"])).hex(), value.hex(),
                          key.hex() if good else "-"))
    write("wycheproof_ecies.txt", lines)

    lines = []
    for group in groups("aes_wrap_test"):
        for test in group["tests"]:
            size = group["keySize"] // 8
            if size == 24 or len(test["ct"]) // 2 != size + 8:
                continue
            good = test["result"] == "valid"
            lines.append(("ok" if good else "eenc", "aes-kw", says(test), test["key"], test["ct"],
                          test["msg"] if good else "-"))
    for group in groups("rsa_oaep_2048_sha256_mgf1sha256_test"):
        for test in group["tests"]:
            good = test["result"] == "valid"
            if test.get("label") or len(test["ct"]) != 512:
                continue
            if good and len(test["msg"]) not in (32, 64):
                continue
            lines.append(("ok" if good else "eenc", "rsa-2048", says(test),
                          pkcs1(group).hex(), test["ct"], test["msg"] if good else "-"))
    write("wycheproof_wrap.txt", lines)


def pkcs1(group):
    key = serialization.load_der_private_key(bytes.fromhex(group["privateKeyPkcs8"]), None)
    return key.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def edges():
    lines = []

    def row(want, scheme, says, priv, value, key=None):
        lines.append((want, scheme, says, priv.hex(), value.hex(), key.hex() if key else "-"))

    for size in (16, 32):
        key = os.urandom(size)
        # ECIES
        p256 = ec.generate_private_key(ec.SECP256R1())
        eph = ec.generate_private_key(ec.SECP256R1())
        point = eph.public_key().public_bytes(serialization.Encoding.X962,
                                              serialization.PublicFormat.UncompressedPoint)
        shared = eph.exchange(ec.ECDH(), p256.public_key())
        full = p256.private_bytes(DER, serialization.PrivateFormat.PKCS8, PLAIN)
        short = p256_der(p256.private_numbers().private_value)
        value = seal(shared, point, key)
        x_key = x25519.X25519PrivateKey.generate()
        x_eph = x25519.X25519PrivateKey.generate()
        x_priv = x_key.private_bytes(DER, serialization.PrivateFormat.PKCS8, PLAIN)
        x_pub = x_eph.public_key().public_bytes(RAW, serialization.PublicFormat.Raw)
        x_shared = x_eph.exchange(x_key.public_key())
        for scheme, priv, public, secret, alg in (
            ("ecies-p256", full, point, shared, hashes.SHA256),
            ("ecies-x25519", x_priv, x_pub, x_shared, hashes.SHA256),
            ("ecies-x25519-sha512", x_priv, x_pub, x_shared, hashes.SHA512),
        ):
            value = seal(secret, public, key, alg)
            row("ok", scheme, f"{size} bytes", priv, value, key)
            for at, what in ((len(public), "first byte of the tag"),
                             (len(public) + alg.digest_size - 1, "last byte of the tag"),
                             (len(public) + alg.digest_size, "first byte of the wrapped key"),
                             (len(value) - 1, "last byte of the wrapped key"),
                             (len(public) - 1, "the point")):
                row("eenc", scheme, f"{what} is another", priv, flip(value, at))
            row("eenc", scheme, "another derivation", priv,
                seal(flip(secret, 0), public, key, alg))
            row("etrunc", scheme, "a byte short", priv, value[:-1])
            row("etrunc", scheme, "a byte long", priv, value + b"\0")
            row("ekey", scheme, "the private key is a byte short", priv[:-1], value)
            row("ekey", scheme, "the private key is another kind's",
                x_priv if scheme == "ecies-p256" else full, value)
        row("ok", "ecies-p256", "the private key without the public one", short,
            seal(shared, point, key), key)
        row("eenc", "ecies-p256", "a compressed point's first byte", full,
            b"\2" + seal(shared, point, key)[1:])
        row("eenc", "ecies-x25519", "a point of order one and its secret", x_priv,
            seal(bytes(32), b"\1" + bytes(31), key))
        # AES-KW
        kek = os.urandom(size)
        value = keywrap.aes_key_wrap(kek, key)
        row("ok", "aes-kw", f"{size} bytes", kek, value, key)
        for at in (0, 7, 8, len(value) - 1):
            row("eenc", "aes-kw", f"byte {at} is another", kek, flip(value, at))
        row("eenc", "aes-kw", "another key", flip(kek, size - 1), value)
        row("eenc", "aes-kw", "padded wrap (RFC 5649)", kek,
            keywrap.aes_key_wrap_with_padding(kek, key[:-3]))
        row("ekey", "aes-kw", "the private key has the other length", os.urandom(48 - size), value)
        row("etrunc", "aes-kw", "eight bytes short", kek, value[:-8])
        # RSA
        priv = rsa.generate_private_key(65537, 2048)
        der = priv.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)
        n = priv.public_key().public_numbers().n

        def oaep(message, mgf=hashes.SHA256, alg=hashes.SHA256, label=None):
            return priv.public_key().encrypt(
                message, padding.OAEP(padding.MGF1(mgf()), alg(), label))

        value = oaep(key)
        row("ok", "rsa-2048", f"{size} bytes", der, value, key)
        row("eenc", "rsa-2048", "a bit is another", der, flip(value, 255))
        row("eenc", "rsa-2048", "SHA-1 in both places", der, oaep(key, hashes.SHA1, hashes.SHA1))
        row("eenc", "rsa-2048", "SHA-1 in the mask", der, oaep(key, hashes.SHA1))
        row("eenc", "rsa-2048", "a label", der, oaep(key, label=b"x"))
        row("eenc", "rsa-2048", "a byte less than a key", der, oaep(key[:-1]))
        row("eenc", "rsa-2048", "a byte more than a key", der, oaep(key + b"\0"))
        row("eenc", "rsa-2048", "PKCS#1 1.5", der, priv.public_key().encrypt(key, padding.PKCS1v15()))
        row("eenc", "rsa-2048", "0", der, bytes(256))
        row("eenc", "rsa-2048", "the modulus", der, n.to_bytes(256, "big"))
        row("eenc", "rsa-2048", "all ones", der, b"\xff" * 256)
        for em in (b"\1" + bytes(255), bytes(255) + b"\1"):
            row("eenc", "rsa-2048", "no padding", der,
                pow(int.from_bytes(em, "big") % n, 65537, n).to_bytes(256, "big"))
        row("etrunc", "rsa-2048", "a byte short", der, value[:-1])
        row("ekey", "rsa-2048", "the private key is a byte short", der[:-1], value)
        row("ekey", "rsa-2048", "the private key of 3072 bits", rsa.generate_private_key(
            65537, 3072).private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN),
            value)
        row("ekey", "rsa-2048", "the public key",
            priv.public_key().public_bytes(DER, serialization.PublicFormat.PKCS1), value)
    write("edges_wrap.txt", lines)

    lines = []
    for size in (16, 32):
        key = os.urandom(size)
        plain = os.urandom(4096)
        whole = ctr(key, plain)
        for off, length in ((0, 16), (0, 1), (0, 100), (1, 15), (1, 14), (1, 16), (15, 1), (15, 2),
                            (15, 100), (16, 16), (17, 64), (31, 33), (4000, 96), (4095, 1)):
            lines.append((key.hex(), str(off), plain[off:off + length].hex(),
                          whole[off:off + length].hex()))
        # 64 KiB blocks further: the counter has more than two bytes.
        far = 0xFFFFFFF0
        run = Cipher(algorithms.AES(key), modes.CTR((far // 16).to_bytes(16, "big"))).encryptor()
        lines.append((key.hex(), str(far), plain[:15].hex(), run.update(plain[:15]).hex()))
    write("aes_ctr.txt", lines)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "wycheproof":
        wycheproof(sys.argv[2])
    elif len(sys.argv) == 2 and sys.argv[1] == "edges":
        edges()
    else:
        sys.exit(__doc__)
