#!/usr/bin/env python3
"""Writes the vector files beside this script. Needed only when they are to be made anew.

    make.py wycheproof DIR   from a checkout of C2SP's Wycheproof (testvectors_v1/)
    make.py cavp DIR         from NIST's CAVP SHA-2 byte vectors (*.rsp)
    make.py edges            from python-cryptography and plain integers, with fresh keys

A file is lines of tab-separated fields; see README.md.
"""
import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P384_N = int("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
             "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16)


def write(name, lines):
    (HERE / name).write_text("".join("\t".join(fields) + "\n" for fields in lines))


def wycheproof(folder):
    folder = pathlib.Path(folder) / "testvectors_v1"
    for name, source in (
        ("ecdsa_p256", "ecdsa_secp256r1_sha256_test"),
        ("ecdsa_p384", "ecdsa_secp384r1_sha384_test"),
        ("ed25519", "ed25519_test"),
        ("rsa2048_pss", "rsa_pss_2048_sha256_mgf1_32_test"),
        ("rsa3072_pss", "rsa_pss_3072_sha256_mgf1_32_test"),
    ):
        lines = []
        for group in json.loads((folder / f"{source}.json").read_text())["testGroups"]:
            key = group["publicKeyAsn"] if name.startswith("rsa") else group["publicKeyDer"]
            lines.append(("key", key))
            for test in group["tests"]:
                says = f"tcId {test['tcId']} {test['comment']}".strip()
                lines.append((test["result"], says, test["msg"] or "-", test["sig"] or "-"))
        write(f"wycheproof_{name}.txt", lines)


def cavp(folder):
    for bits in (256, 384, 512):
        lines = []
        for kind, every in (("Short", 1), ("Long", 12)):
            text = (pathlib.Path(folder) / f"SHA{bits}{kind}Msg.rsp").read_text()
            rows = re.findall(r"Len = (\d+)\s+Msg = (\w+)\s+MD = (\w+)", text)
            for n, msg, md in rows[::every][:70]:
                lines.append((md, msg if int(n) else "-"))
        write(f"cavp_sha{bits}.txt", lines)


def edges_ecdsa(curve, n, alg, size, head):
    """head: bytes of a key's DER in front of X"""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    der = serialization.Encoding.DER
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    msg = b"Two slots ride in tandem."
    cap = 2 * size + 8
    key = ec.generate_private_key(curve)
    pub = key.public_key().public_bytes(der, spki)

    def integer(value):
        size = value.bit_length() // 8 + 1
        return b"\x02" + bytes([size]) + value.to_bytes(size, "big")

    def sequence(body):
        return b"\x30" + bytes([len(body)]) + body

    def sign(want=lambda r, s: True):
        while True:
            r, s = utils.decode_dss_signature(key.sign(msg, ec.ECDSA(alg)))
            if want(r, s):
                return r, s

    r, s = sign(lambda r, s: r.bit_length() < 8 * size - 7 and s.bit_length() == 8 * size)
    good = sequence(integer(r) + integer(s))
    re_, se = sign(lambda r, s: s % 256 == 0 and r.bit_length() == 8 * size)
    ends_00 = sequence(integer(re_) + integer(se))
    other = ec.generate_private_key(curve).public_key().public_bytes(der, spki)
    off_curve = bytearray(pub)
    off_curve[-1] ^= 1
    compressed = bytearray(pub)
    compressed[head - 1] = 2
    another = bytearray(pub)
    another[head - 5] ^= 1
    lines = []

    def row(want, says, sig, k=pub):
        lines.append((want, says, k.hex() or "-", msg.hex(), sig.hex() or "-"))

    row("ok", "as signed", good)
    row("ok", f"zeros pad it to {cap} bytes", good.ljust(cap, b"\0"))
    row("ok", "s ends in 00", ends_00)
    row("ok", "s ends in 00 and zeros follow", ends_00.ljust(cap, b"\0"))
    row("esig", "s ends in 00 and the 00 was stripped", ends_00[:-1])
    row("esiglen", f"zeros pad it to {cap + 1} bytes", good.ljust(cap + 1, b"\0"))
    row("esig", "one byte of the padding is not 0", good.ljust(cap - 1, b"\0") + b"\1")
    row("esig", "a byte follows that is not 0", good + b"\1")
    row("esig", "a zero follows inside the sequence", sequence(integer(r) + integer(s) + b"\0"))
    row("esig", "the last byte is missing", good[:-1])
    row("esig", "s is missing", sequence(integer(r)).ljust(8, b"\0"))
    row("esiglen", "it is empty", b"")
    row("esiglen", "it is seven bytes", good[:7])
    row("esig", "r is 0", sequence(integer(0) + integer(s)))
    row("esig", "s is 0", sequence(integer(r) + integer(0)))
    row("esig", "both are 0", sequence(integer(0) + integer(0)).ljust(cap, b"\0"))
    row("esig", "r is n", sequence(integer(n) + integer(s)))
    row("esig", "s is n", sequence(integer(r) + integer(n)))
    row("esig", "s is n + s", sequence(integer(r) + integer(s + n))
        if s + n < 1 << 8 * size else sequence(integer(r) + integer((1 << 8 * size) - 1)))
    row("ok", "s is n - s, which is the same signature", sequence(integer(r) + integer(n - s)))
    row("esig", "r and s are exchanged", sequence(integer(s) + integer(r)))
    row("esig", "the length is in long form", b"\x30\x81" + good[1:])
    row("esig", "r has a zero too many", sequence(
        b"\x02" + bytes([len(integer(r)) - 1]) + b"\0" + integer(r)[2:] + integer(s)))
    row("esig", "r is negative", sequence(
        b"\x02" + bytes([size]) + (r | 1 << 8 * size - 1).to_bytes(size, "big") + integer(s)))
    row("esig", "r has no bytes", sequence(b"\x02\x00" + integer(s)))
    row("esig", "r is longer than the sequence", bytes([0x30, 2 * size + 4, 2, 0x7F]) + bytes(2 * size + 2))
    row("esig", "r is a bit string", sequence(b"\x03" + integer(r)[1:] + integer(s)))
    row("esig", "it is a set", b"\x31" + good[1:])
    row("esig", "another key", good, other)
    row("ekey", "the point is not on the curve", good, bytes(off_curve))
    row("ekey", "the point is all zeros", good, pub[:head] + bytes(2 * size))
    row("ekey", "the point says compressed", good, bytes(compressed))
    row("ekey", "the curve is another", good, bytes(another))
    row("ekey", "the key is a byte short", good, pub[:-1])
    row("ekey", "the key is a byte long", good, pub + b"\0")
    row("ekey", "there is no key", good, b"")
    write(f"edges_ecdsa_p{8 * size}.txt", lines)


def edges():
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    der = serialization.Encoding.DER
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pkcs1 = serialization.PublicFormat.PKCS1
    msg = b"Two slots ride in tandem."
    digest = hashlib.sha256(msg).digest()

    edges_ecdsa(ec.SECP256R1(), P256_N, hashes.SHA256(), 32, 27)
    edges_ecdsa(ec.SECP384R1(), P384_N, hashes.SHA384(), 48, 24)

    # Ed25519: the digest is the message
    lines = []
    order = (1 << 252) + 27742317777372353535851937790883648493
    edkey = ed25519.Ed25519PrivateKey.generate()
    pub = edkey.public_key().public_bytes(der, spki)
    good = edkey.sign(digest)
    other = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(der, spki)
    s = int.from_bytes(good[32:], "little")
    head = pub[:12]

    def row(want, says, sig, k=pub):
        lines.append((want, says, k.hex() or "-", msg.hex(), sig.hex() or "-"))

    row("ok", "as signed", good)
    row("esig", "it signs the image and not its digest", edkey.sign(msg))
    row("esig", "S is above the order", good[:32] + (s + order).to_bytes(32, "little"))
    row("esig", "S is the order", good[:32] + order.to_bytes(32, "little"))
    row("esig", "S has its top bit set", good[:63] + bytes([good[63] | 0x80]))
    row("esig", "R and S are 0", bytes(64))
    row("esig", "the key has small order and R and S are 0", b"\1" + bytes(63),
        head + b"\1" + bytes(31))
    row("esig", "the key is not in canonical form", good,
        head + ((1 << 255) - 19 + 1).to_bytes(32, "little"))
    row("esig", "R differs in one bit", bytes([good[0] ^ 1]) + good[1:])
    row("esig", "another key", good, other)
    row("esiglen", "it is a byte short", good[:-1])
    row("esiglen", "it is a byte long", good + b"\0")
    row("esiglen", "it is empty", b"")
    row("ekey", "the algorithm is X25519", good, pub[:8] + b"\x6e" + pub[9:])
    row("ekey", "the key is a byte short", good, pub[:-1])
    row("ekey", "the key is bare", good, pub[12:])
    write("edges_ed25519.txt", lines)

    # RSA-PSS, encoded here so that each part can be wrong
    for bits in (2048, 3072):
        lines = []
        size = bits // 8
        key = rsa.generate_private_key(65537, bits)
        numbers = key.private_numbers()
        n, d = numbers.public_numbers.n, numbers.d
        pub = key.public_key().public_bytes(der, pkcs1)
        other = rsa.generate_private_key(65537, bits).public_key().public_bytes(der, pkcs1)

        def row(want, says, sig, k=pub):
            lines.append((want, says, k.hex() or "-", msg.hex(), sig.hex() or "-"))

        def mgf1(seed, count, alg):
            out = b""
            for i in range(count // alg().digest_size + 1):
                out += alg(seed + i.to_bytes(4, "big")).digest()
            return out[:count]

        def encode(salt=b"s" * 32, trailer=0xBC, one=1, dirty=0, top=0, mask=hashlib.sha256):
            h = hashlib.sha256(bytes(8) + digest + salt).digest()
            db = bytearray(size - 33 - 1 - len(salt)) + bytes([one]) + salt
            db[0] |= dirty
            masked = bytearray(a ^ b for a, b in zip(db, mgf1(h, len(db), mask)))
            masked[0] = masked[0] & 0x7F | top
            return bytes(masked) + h + bytes([trailer])

        def raw(em):
            value = int.from_bytes(em, "big")
            return pow(value, d, n).to_bytes(size, "big") if value < n else None

        def pss(salt_length, mgf=hashes.SHA256):
            return key.sign(msg, padding.PSS(padding.MGF1(mgf()), salt_length), hashes.SHA256())

        good = pss(32)
        row("ok", "as signed", good)
        row("ok", "composed by hand with a fixed salt", raw(encode()))
        for length in (0, 1, 20, 31, 33, 64, size - 34):
            row("esig", f"the salt has {length} bytes", pss(length))
        row("esig", "the trailer is CC", raw(encode(trailer=0xCC)))
        row("esig", "the trailer is BD", raw(encode(trailer=0xBD)))
        row("esig", "the separator is 02", raw(encode(one=2)))
        row("esig", "the separator is missing", raw(encode(one=0)))
        row("esig", "the padding begins with a bit that is set", raw(encode(dirty=1)))
        row("esig", "the mask is made with SHA-512", pss(32, hashes.SHA512))
        row("esig", "the padding is PKCS#1 1.5",
            key.sign(msg, padding.PKCS1v15(), hashes.SHA256()))
        i = 0
        while raw(encode(salt=i.to_bytes(32, "big"), top=0x80)) is None:
            i += 1
        row("esig", "the first bit is set", raw(encode(salt=i.to_bytes(32, "big"), top=0x80)))
        row("esig", "it is the modulus", n.to_bytes(size, "big"))
        bigger = int.from_bytes(good, "big") + n
        i = 0
        while bigger >= 1 << bits:
            bigger = int.from_bytes(raw(encode(salt=i.to_bytes(32, "big"))), "big") + n
            i += 1
        row("esig", "the modulus was added to it", bigger.to_bytes(size, "big"))
        row("esig", "it is 0", bytes(size))
        row("esig", "it is 1", bytes(size - 1) + b"\1")
        row("esig", "another key", good, other)
        row("esiglen", "it is a byte short", good[:-1])
        row("esiglen", "a zero stands in front", b"\0" + good)
        row("esiglen", "it is empty", b"")
        e3 = rsa.generate_private_key(3, bits).public_key().public_bytes(der, pkcs1)
        row("ekey", "the exponent is 3", good, e3)
        row("ekey", "the exponent is 65539", good, pub[:-1] + b"\3")
        row("ekey", "the modulus is even", good, pub[:-6] + bytes([pub[-6] & 0xFE]) + pub[-5:])
        row("ekey", "the modulus has a bit less", good,
            pub[:9] + bytes([pub[9] & 0x7F]) + pub[10:])
        row("ekey", "the key is wrapped in SubjectPublicKeyInfo", good,
            key.public_key().public_bytes(der, spki))
        row("ekey", "the key is a byte long", good, pub + b"\0")
        row("ekey", "there is no key", good, b"")
        write(f"edges_rsa{bits}_pss.txt", lines)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
