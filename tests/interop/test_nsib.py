"""What tandem nsib writes, judged by the format's description with other people's code.

`cryptography` makes and verifies the keys and signatures, `intelhex` reads and writes the hex files;
this side knows nothing of ours but its output.
"""

import hashlib
import itertools
import struct

import pytest
from conftest import tandem
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from intelhex import IntelHex

COMMON, INFO, VALIDATION = 0x281EE6DE, 0x8FCEBB4C, 0x86518483


def make_key(path):
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    return key


def make_public(path, key):
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                   serialization.PublicFormat.SubjectPublicKeyInfo))
    return path


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962,
                                         serialization.PublicFormat.UncompressedPoint)[1:]


def program(base, version, length, soc):
    image = bytearray(hashlib.shake_128(b"%d" % length).digest(length))
    struct.pack_into("<II", image, 0, 0x20001000, base + 0x241)
    struct.pack_into("<IIIIIIIII16xII", image, 0x200, COMMON, INFO, 2 | soc << 8, 60, length,
                     version, base, base, 0x9102FFFF, 0, 0)
    return bytes(image)


def first_stage_accepts(image, slot_base, trusted):
    """b0's checks on a slot's bytes; returns the version."""
    at = next(o for o in (0, 0x200, 0x400, 0x600, 0x800, 0xE00, 0x1000)
              if struct.unpack_from("<II", image, o) == (COMMON, INFO))
    (_, _, compat, total, size, version, address, boot, valid) = struct.unpack_from("<9I", image, at)
    assert valid == 0x9102FFFF and total == 60 and boot == address
    start = address - slot_base
    end = start + size
    trailer = next(end + i for i in range(5)
                   if struct.unpack_from("<II", image, end + i) == (COMMON, VALIDATION))
    assert struct.unpack_from("<II", image, trailer + 8) == (compat | 1 << 16, address)
    digest, xy, sig = (image[trailer + a:trailer + b] for a, b in ((16, 48), (48, 112), (112, 176)))
    assert digest == hashlib.sha256(image[start:end]).digest()
    assert hashlib.sha256(xy).digest()[:16] in trusted
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + xy)
    public.verify(utils.encode_dss_signature(int.from_bytes(sig[:32], "big"),
                                             int.from_bytes(sig[32:], "big")),
                  digest, ec.ECDSA(hashes.SHA256()))
    return version


@pytest.mark.parametrize("length,soc,suffix", [*itertools.product((0x1000, 0x1001, 0x1F03),
                                                                  (52, 53), ("bin", "hex"))])
def test_a_sealed_program_is_what_a_first_stage_accepts(tmp_path, length, soc, suffix):
    key = make_key(tmp_path / "key.pem")
    base = 0x19200
    source = tmp_path / ("in." + suffix)
    image = program(base, 7, length, soc)
    if suffix == "hex":
        ih = IntelHex()
        ih.frombytes(image, base)
        ih.write_hex_file(str(source))
    else:
        source.write_bytes(image)
    for out in ("out.bin", "out.hex"):
        tandem("nsib", "sign", "-k", tmp_path / "key.pem", source, tmp_path / out)
    ih = IntelHex(str(tmp_path / "out.hex"))
    assert ih.minaddr() == base
    for sealed in ((tmp_path / "out.bin").read_bytes(), ih.tobinstr()):
        assert first_stage_accepts(sealed, base, [hashlib.sha256(point(key)).digest()[:16]]) == 7
        spoilt = bytearray(sealed)
        spoilt[-1] ^= 1
        with pytest.raises(InvalidSignature):
            first_stage_accepts(bytes(spoilt), base, [hashlib.sha256(point(key)).digest()[:16]])


def test_the_wrapped_program_is_accepted_in_its_slot_and_verified_by_imgtool(tmp_path, tool):
    from conftest import run

    key = make_key(tmp_path / "inner.pem")
    make_key(tmp_path / "outer.pem")
    (tmp_path / "in.bin").write_bytes(program(0x9200, 5, 0x3001, 53))
    tandem("nsib", "sign", "-k", tmp_path / "inner.pem", "--mcuboot-key", tmp_path / "outer.pem",
           "-v", "1.2.3", "-S", "0xc000", tmp_path / "in.bin", tmp_path / "out.bin")
    image = (tmp_path / "out.bin").read_bytes()
    assert first_stage_accepts(image, 0x9000, [hashlib.sha256(point(key)).digest()[:16]]) == 5
    assert struct.unpack_from("<I", image, 12)[0] == 0x3004 + 176
    run(tool("imgtool"), "verify", "-k", tmp_path / "outer.pem", tmp_path / "out.bin")


@pytest.mark.parametrize("der", [False, True])
def test_a_signature_of_cryptography_is_taken(tmp_path, der):
    key = make_key(tmp_path / "key.pem")
    (tmp_path / "in.bin").write_bytes(program(0x9200, 1, 0x1003, 52))
    tandem("nsib", "sign", "--hash-only", "--hash-out", tmp_path / "h1", tmp_path / "in.bin")
    h1 = (tmp_path / "h1").read_bytes()
    sig = key.sign(h1, ec.ECDSA(hashes.SHA256()))
    if not der:
        r, s = utils.decode_dss_signature(sig)
        sig = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    (tmp_path / "sig").write_bytes(sig)
    tandem("nsib", "sign", "-s", tmp_path / "sig", "-p", make_public(tmp_path / "pub.pem", key),
           tmp_path / "in.bin", tmp_path / "out.bin")
    first_stage_accepts((tmp_path / "out.bin").read_bytes(), 0x9200,
                        [hashlib.sha256(point(key)).digest()[:16]])


@pytest.mark.parametrize("old,width,counters", [*itertools.product((False, True), (2, 4),
                                                                   ((0, 0), (20, 0), (4, 6)))])
def test_provision_data_are_what_the_description_says(tmp_path, old, width, counters):
    keys = [make_key(tmp_path / f"{i}.pem") for i in range(3)]
    files = ",".join(str(make_public(tmp_path / f"{i}.pub", k)) for i, k in enumerate(keys))
    at = 0xFFD500 if width == 4 else 0xFF8100
    tandem("nsib", "provision", "--s0-addr", "0x9000", "--s1-addr", "0x15000", "--provision-addr",
           hex(at), "--public-key-files", files, "--b0-generation", "old" if old else "2.9",
           "--num-counter-slots-version", counters[0], "--mcuboot-counters-slots", counters[1],
           "--no-verify-hashes", "-o", tmp_path / "p.hex")
    want = struct.pack("<III", 0x9000, 0x15000, len(keys))
    for i, key in enumerate(keys):
        want += struct.pack("<I", 0xFFFFFFFF if old else 0x50FAFFFF | i << 24)
        want += hashlib.sha256(point(key)).digest()[:16]
    used = [(what, n) for what, n in zip((1, 2), counters) if n]
    if used:
        want += struct.pack("<HH", 1, len(used))
    for what, n in used:
        want += struct.pack("<HH", what, n) + b"\xff" * (n * width)
    theirs = IntelHex()
    theirs.frombytes(want, at + (0x30 if width == 4 else 0x28))
    theirs.write_hex_file(str(tmp_path / "theirs.hex"))
    assert (tmp_path / "p.hex").read_text() == (tmp_path / "theirs.hex").read_text().replace("\r", "")
