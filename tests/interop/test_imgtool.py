"""Ours and imgtool's, both ways: the same options give the same bytes, and each takes the other's.

For unsigned and Ed25519 images the files are byte-identical. ECDSA and RSA signatures are
different each time, so all but the signature TLV and the lengths that follow from it is compared.
"""

import itertools
import json
import os
import pathlib
import struct
import subprocess

import click.testing
import imgtool.main
import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
KEYS = ROOT / "tests" / "golden" / "keys"

BASE = ["-H", "0x20", "-S", "0x10000", "-v", "1.2.3+4"]
SIGNATURES = {0x20, 0x22, 0x23, 0x24}


def IMGTOOL(args):
    """imgtool without the second that Python takes to start it."""
    done = click.testing.CliRunner().invoke(imgtool.main.imgtool, args, prog_name="imgtool")
    if done.exception and not isinstance(done.exception, SystemExit):
        return subprocess.CompletedProcess(args, 1, done.output, repr(done.exception))
    return subprocess.CompletedProcess(args, done.exit_code, done.stdout, "")


def run(tool, *args, ok=0):
    args = [str(a) for a in args]
    if callable(tool):
        done = tool(args)
    else:
        done = subprocess.run([tool, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)
    if ok is not None:
        assert done.returncode == ok, f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def payload(tmp_path_factory):
    folder = tmp_path_factory.mktemp("payload")
    body = bytes((i * 7 + i // 251) % 256 for i in range(3001))
    (folder / "app.bin").write_bytes(body)
    (folder / "roomy.bin").write_bytes(bytes(0x20) + body)
    (folder / "tlv.bin").write_bytes(b"\x00\x01binary\xff")
    run("python3", "-c", HEX_OF, folder / "app.bin", folder / "app.hex", "0x8020")
    run("python3", "-c", HEX_OF, folder / "app.bin", folder / "wide.hex", "0x1fff0")
    return folder


# An Intel hex writer of its own, so that neither side feeds the other.
HEX_OF = """
import sys
data, base = open(sys.argv[1], "rb").read(), int(sys.argv[3], 0)
def record(kind, addr, body):
    raw = bytes([len(body), addr >> 8 & 255, addr & 255, kind]) + body
    return ":" + (raw + bytes([-sum(raw) & 255])).hex().upper()
lines, upper, at = [], None, 0
while at < len(data):
    addr = base + at
    if addr >> 16 != upper:
        upper = addr >> 16
        lines.append(record(4, 0, upper.to_bytes(2, "big")))
    n = min(32, len(data) - at, 0x10000 - (addr & 0xffff))
    lines.append(record(0, addr & 0xffff, data[at:at + n]))
    at += n
open(sys.argv[2], "w").write("\\r\\n".join(lines + [record(1, 0, b"")]) + "\\r\\n")
"""


def both(tmp_path, args, source, suffix=".bin"):
    theirs, ours = tmp_path / f"theirs{suffix}", tmp_path / f"ours{suffix}"
    run(IMGTOOL, "sign", *args, source, theirs)
    run(TANDEM, "sign", *args, source, ours)
    return theirs, ours


def without_signature(image):
    """The image's bytes without the signatures' values and the lengths that follow from them."""
    hdr_size, prot_size, img_size = struct.unpack_from("<HHI", image, 8)
    at = hdr_size + img_size + prot_size
    magic, total = struct.unpack_from("<HH", image, at)
    assert magic == 0x6907
    end, parts = at + total, [image[:at]]
    at += 4
    while at < end:
        kind, size = struct.unpack_from("<HH", image, at)
        parts.append(struct.pack("<H", kind) + (b"" if kind in SIGNATURES else image[at + 2:at + 4 + size]))
        at += 4 + size
    rest = image[end:]
    return b"".join(parts), rest.lstrip(b"\xff"), total


OPTIONS = {
    "plain": [],
    "version-short": ["-v", "7"],
    "version-long": ["-v", "255.255.65535+4294967295"],
    "header-0x200": ["-H", "0x200"],
    "header-octal": ["-H", "0o100"],
    "header-binary": ["-H", "0b100000"],
    "pad": ["--pad"],
    "test": ["--test"],
    "confirm": ["--confirm"],
    "test-and-confirm": ["--test", "--confirm"],
    "overwrite-pad": ["--pad", "--overwrite-only"],
    "overwrite-confirm": ["--confirm", "--overwrite-only"],
    "erased-0": ["--pad", "-R", "0"],
    "erased-0-confirm": ["--confirm", "-R", "0", "--align", "4"],
    "max-sectors": ["--pad", "-M", "256", "--align", "8"],
    "counter": ["-s", "0xdeadbeef"],
    "counter-auto": ["-s", "auto"],
    "dependencies": ["-d", "(0, 1.2.3+4)(255,7) , (3, 0.1)"],
    "load-addr": ["-L", "0x20240000"],
    "rom-fixed": ["-F", "0xc000"],
    "non-bootable": ["--non-bootable"],
    "boot-record": ["--boot-record", "SPE"],
    "boot-record-long": ["--boot-record", "abcdefghijkl", "--sha", "256"],
    "boot-record-utf8": ["--boot-record", "éééééééééééé"],
    "custom-hex": ["--custom-tlv", "0xa0", "0x0102ff"],
    "custom-empty": ["--custom-tlv", "0xa0", ""],
    "custom-text": ["--custom-tlv", "0x00a1", "héllo", "--custom-tlv", "65534", "x"],
    "custom-file": ["--custom-tlv-file", "0xa2", "@tlv.bin", "--custom-tlv", "0xa1", "first"],
    "uuid-raw": ["--vid", "12345678-1234-5678-1234-567812345678", "--cid", "12345678123456781234567812345678"],
    "uuid-named": ["--vid", "example.com", "--cid", "gadget"],
    "all": ["-s", "1", "-d", "(1, 1.2.3+0)", "--boot-record", "app", "--vid", "a.b", "--cid", "c",
            "--custom-tlv", "0xa0", "0xaa", "--confirm", "--align", "4"],
}
for align, cell in itertools.product((1, 2, 4, 8, 16, 32), (None, 8, 16, 32)):
    if cell is None or cell >= align:
        for mark in ("--pad", "--confirm"):
            OPTIONS[f"align-{align}-{cell}{mark}"] = [mark, "--align", align] + (
                ["--max-align", cell] if cell else [])

KINDS = {
    "unsigned": ([], True),
    "unsigned-384": (["--sha", "384"], True),
    "unsigned-512": (["--sha", "512"], True),
    "ed25519": (["-k", KEYS / "ed25519.pem"], True),
    "ed25519-512": (["-k", KEYS / "ed25519.pem", "--sha", "512"], True),
    "ed25519-pure": (["-k", KEYS / "ed25519.pem", "--pure"], True),
    "ed25519-full": (["-k", KEYS / "ed25519.pem", "--public-key-format", "full"], True),
    "ecdsa-p256": (["-k", KEYS / "ecdsa-p256.pem"], False),
    "ecdsa-p256-full": (["-k", KEYS / "ecdsa-p256.pem", "--public-key-format", "full"], False),
    "ecdsa-p256-padded": (["-k", KEYS / "ecdsa-p256.pem", "--pad-sig"], False),
    "ecdsa-p384": (["-k", KEYS / "ecdsa-p384.pem"], False),
    "ecdsa-p384-full": (["-k", KEYS / "ecdsa-p384.pem", "--public-key-format", "full"], False),
    "ecdsa-p384-padded": (["-k", KEYS / "ecdsa-p384.pem", "--pad-sig"], False),
    "rsa-2048": (["-k", KEYS / "rsa-2048.pem"], False),
    "rsa-3072": (["-k", KEYS / "rsa-3072.pem"], False),
}


def with_files(args, payload):
    return [payload / str(a)[1:] if str(a).startswith("@") else a for a in args]


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", ["unsigned", "ed25519"])
def test_every_option_gives_the_same_bytes(tmp_path, payload, kind, option):
    args = [*BASE, "--pad-header", *KINDS[kind][0], *with_files(OPTIONS[option], payload)]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    assert ours.read_bytes() == theirs.read_bytes()
    run(TANDEM, "verify", *KINDS[kind][0], theirs)
    run(TANDEM, "inspect", "--json", theirs)
    run(IMGTOOL, "verify", *KINDS[kind][0], ours)
    run(IMGTOOL, "dumpinfo", ours)


@pytest.mark.parametrize("option", ["plain", "all", "confirm", "align-16-None--pad"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_gives_the_same_bytes_but_for_random_signatures(tmp_path, payload, kind, option):
    key_args, identical = KINDS[kind]
    args = [*BASE, "--pad-header", *key_args, *OPTIONS[option]]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    a, b = theirs.read_bytes(), ours.read_bytes()
    if identical:
        assert a == b
    else:
        assert without_signature(a)[:2] == without_signature(b)[:2]
        assert abs(without_signature(a)[2] - without_signature(b)[2]) <= 3
    key = ["-k", key_args[1]] if "-k" in key_args else []
    run(IMGTOOL, "verify", *key, ours)
    run(TANDEM, "verify", *key, theirs)
    run(TANDEM, "verify", *key, ours)
    if key:
        public = key_args[1].with_suffix(".pub.pem")
        run(IMGTOOL, "verify", "-k", public, ours)
        run(TANDEM, "verify", "-k", public, theirs)


def test_a_header_that_the_linker_left_room_for_is_filled_in(tmp_path, payload):
    theirs, ours = both(tmp_path, BASE, payload / "roomy.bin")
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("source", ["app.hex", "wide.hex"])
@pytest.mark.parametrize("option", ["plain", "pad", "test", "confirm", "overwrite-confirm", "erased-0-confirm",
                                    "align-16-16--confirm", "align-32-32--pad"])
def test_hex_in_and_out_is_the_same_text(tmp_path, payload, source, option):
    args = [*BASE, "--pad-header", "-k", KEYS / "ed25519.pem", *OPTIONS[option]]
    theirs, ours = both(tmp_path, args, payload / source, ".hex")
    assert ours.read_text() == theirs.read_text()
    run(TANDEM, "verify", "-k", KEYS / "ed25519.pem", theirs)
    run(IMGTOOL, "verify", "-k", KEYS / "ed25519.pem", ours)


@pytest.mark.parametrize("address", ["0", "0x8000", "0xfff0", "0x12345678"])
def test_hex_out_of_bin_takes_its_address(tmp_path, payload, address):
    args = [*BASE, "--pad-header", "-x", address, "--confirm"]
    theirs, ours = both(tmp_path, args, payload / "app.bin", ".hex")
    assert ours.read_text() == theirs.read_text()


def test_hex_in_bin_out_is_the_same(tmp_path, payload):
    theirs, ours = both(tmp_path, [*BASE, "--pad-header"], payload / "app.hex", ".bin")
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("what", ["payload", "digest"])
def test_what_is_to_be_signed_elsewhere_is_the_same(tmp_path, payload, what):
    args = [*BASE, "--pad-header", "-s", "3", "--vector-to-sign", what]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_a_signature_made_elsewhere_goes_in_either_way(tmp_path, payload, kind):
    key = KEYS / f"{kind}.pem"
    args = [*BASE, "--pad-header"]
    made = {}
    for name, tool in (("theirs", IMGTOOL), ("ours", TANDEM)):
        made[name] = tmp_path / f"{name}.bin"
        run(tool, "sign", *args, "-k", key, "--sig-out", tmp_path / f"{name}.sig", payload / "app.bin", made[name])
    for name in made:
        for tool in (IMGTOOL, TANDEM):
            again = tmp_path / "again.bin"
            run(tool, "sign", *args, "--fix-sig", tmp_path / f"{name}.sig", "--fix-sig-pubkey",
                KEYS / f"{kind}.pub.pem", payload / "app.bin", again)
            assert again.read_bytes() == made[name].read_bytes()


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519", "x25519"])
def test_keys_of_either_are_read_by_the_other(tmp_path, kind):
    for name, tool in (("theirs", IMGTOOL), ("ours", TANDEM)):
        key = tmp_path / f"{name}.pem"
        run(tool, "keygen", "-t", kind, "-k", key)
        for encoding in ("lang-c", "lang-rust", "pem", "raw"):
            texts = []
            for by in (IMGTOOL, TANDEM):
                out = tmp_path / "out"
                run(by, "getpub", "-k", key, "-e", encoding, "-o", out)
                texts.append(out.read_bytes())
            assert texts[0] == texts[1], encoding
        for suffix in ("_2", ""):
            args = ["-k", key, "--name-suffix", suffix]
            assert run(IMGTOOL, "getpub", *args).stdout == run(TANDEM, "getpub", *args).stdout
            assert run(IMGTOOL, "getpubhash", *args).stdout == run(TANDEM, "getpubhash", *args).stdout
        assert run(TANDEM, "keyinfo", "-k", key).stdout == run(IMGTOOL, "keyinfo", "-k", key).stdout


def test_each_refuses_what_the_other_signed_with_another_key(tmp_path, payload):
    args = [*BASE, "--pad-header", "-k", KEYS / "other-p256.pem"]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    assert run(TANDEM, "verify", "-k", KEYS / "ecdsa-p256.pem", theirs, ok=1).stdout == ""
    run(IMGTOOL, "verify", "-k", KEYS / "ecdsa-p256.pem", ours, ok=1)


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_both_draw_the_line_of_the_slot_at_the_same_byte(tmp_path, over):
    trailer = 128 * 3 * 8 + 4 * 8 + 16
    most = 0x10000 - trailer - 0x20 - 0x28  # header, and the area of an unsigned image
    source = tmp_path / "app.bin"
    source.write_bytes(bytes([1]) * (most + over))
    args = [*BASE, "--pad-header", "--align", "8", source, tmp_path / "out.bin"]
    for tool in (IMGTOOL, TANDEM):
        assert (run(tool, "sign", *args, ok=None).returncode == 0) == (over <= 0)


def test_started_under_the_name_imgtool_it_answers(tmp_path, payload):
    link = tmp_path / "imgtool"
    link.symlink_to(pathlib.Path(TANDEM).resolve())
    out = tmp_path / "out.bin"
    run(link, "sign", *BASE, "--pad-header", payload / "app.bin", out)
    run(link, "create", *BASE, "--pad-header", payload / "app.bin", out)
    run(link, "verify", out)
    run(link, "dumpinfo", out)


def test_inspect_json_agrees_with_dumpinfo(tmp_path, payload):
    out = tmp_path / "out.bin"
    args = [*BASE, "--pad-header", "-k", KEYS / "ed25519.pem", *OPTIONS["all"]]
    run(TANDEM, "sign", *args, payload / "app.bin", out)
    theirs = json.loads(run(IMGTOOL, "dumpinfo", "-f", "json", out).stdout)
    ours = json.loads(run(TANDEM, "inspect", "--json", out).stdout)
    assert ours["header"]["img_size"] == theirs["header"]["img_size"]
    assert ours["header"]["protected_tlv_size"] == theirs["header"]["protected_tlv_size"]
    area = theirs["tlv_area"]
    for protected, name in ((True, "tlvs_prot"), (False, "tlvs")):
        mine = [(t["type"], t["len"], t["value"]) for t in ours["tlvs"] if t["protected"] == protected]
        want = [(t["type"], t["len"], t["data"]) for t in area[name]]
        assert mine == want


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """What compressors are asked to do: Thumb code, text, nothing, and more than a dictionary."""
    folder = tmp_path_factory.mktemp("programs")
    thumb = (ROOT / "tests" / "golden" / "thumb.bin").read_bytes()
    state, noise = 1, bytearray()
    while len(noise) < 20000:
        state = state * 1103515245 + 12345 & 0xffffffff
        noise.append(state >> 24)
    for name, body in (("thumb", thumb), ("zeros", bytes(70000)), ("noise", bytes(noise)),
                       ("long", (thumb + bytes(noise)) * 9), ("tiny", b"1234"),
                       ("roomy", bytes(0x20) + thumb)):
        (folder / name).write_bytes(body)
    return folder


BIG = ["-H", "0x20", "-S", "0x80000", "-v", "1.2.3+4"]


@pytest.mark.parametrize("program", ["thumb", "zeros", "noise", "long", "tiny"])
@pytest.mark.parametrize("kind", ["unsigned", "unsigned-512", "ed25519", "ed25519-pure", "ed25519-full"])
@pytest.mark.parametrize("compression", ["lzma2", "lzma2armthumb"])
def test_the_same_program_is_compressed_to_the_same_bytes(tmp_path, programs, compression, kind, program):
    args = [*BIG, "--pad-header", *KINDS[kind][0], "--compression", compression]
    theirs, ours = both(tmp_path, args, programs / program)
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("option", ["all", "pad", "confirm", "counter", "load-addr", "rom-fixed", "uuid-named",
                                    "header-0x200"])
@pytest.mark.parametrize("compression", ["lzma2", "lzma2armthumb"])
def test_compression_goes_with_every_option(tmp_path, programs, compression, option):
    args = [*BIG, "--pad-header", *KINDS["ed25519"][0], "--compression", compression, *OPTIONS[option]]
    theirs, ours = both(tmp_path, args, programs / "thumb")
    assert ours.read_bytes() == theirs.read_bytes()


def test_compression_keeps_the_room_that_the_linker_left(tmp_path, programs):
    theirs, ours = both(tmp_path, [*BIG, "--compression", "lzma2"], programs / "roomy")
    assert ours.read_bytes() == theirs.read_bytes()


def test_imgtool_forgets_non_bootable_when_it_compresses_and_we_do_not(tmp_path, programs):
    args = [*BIG, "--pad-header", "--compression", "lzma2", "--non-bootable"]
    theirs, ours = both(tmp_path, args, programs / "thumb")
    assert struct.unpack_from("<I", theirs.read_bytes(), 16)[0] & 0x10 == 0
    assert struct.unpack_from("<I", ours.read_bytes(), 16)[0] & 0x10 == 0x10


def test_what_does_not_shrink_is_encrypted_all_the_same_where_imgtool_leaves_it_readable(tmp_path, programs):
    args = [*BIG, "--pad-header", "-E", KEYS / "x25519.pub.pem", "--compression", "lzma2"]
    theirs, ours = both(tmp_path, args, programs / "noise")
    body = (programs / "noise").read_bytes()
    assert body in theirs.read_bytes() and not tlvs(theirs.read_bytes()).get(0x33)
    assert body not in ours.read_bytes()
    assert opened(ours.read_bytes(), KEYS / "x25519.pem")[0x20:].startswith(body)


def tlvs(image):
    """The unprotected area: values by type."""
    hdr_size, prot_size, img_size = struct.unpack_from("<HHI", image, 8)
    at = hdr_size + img_size + prot_size
    end, found = at + struct.unpack_from("<H", image, at + 2)[0], {}
    at += 4
    while at < end:
        kind, size = struct.unpack_from("<HH", image, at)
        found[kind] = image[at + 4:at + 4 + size]
        at += 4 + size
    return found


def opened(image, private_pem):
    """The image decrypted with the device's key, by the package cryptography."""
    flags = struct.unpack_from("<I", image, 16)[0]
    key_len = {4: 16, 8: 32}[flags & 12]
    key = serialization.load_pem_private_key(private_pem.read_bytes(), None)
    found = tlvs(image)
    (kind, value), = [(k, v) for k, v in found.items() if 0x30 <= k <= 0x34]
    if kind == 0x30:
        content = key.decrypt(value, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    else:
        sha = hashes.SHA512() if kind == 0x34 else hashes.SHA256()
        point = 65 if kind == 0x32 else 32
        once, mac, wrapped = value[:point], value[point:-key_len], value[-key_len:]
        if kind == 0x32:
            secret = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), once))
        else:
            secret = key.exchange(x25519.X25519PublicKey.from_public_bytes(once))
        okm = HKDF(sha, key_len + sha.digest_size, None, b"MCUBoot_ECIES_v1").derive(secret)
        check = hmac.HMAC(okm[key_len:], sha)
        check.update(wrapped)
        check.verify(mac)
        content = ctr(okm[:key_len], wrapped)
    assert len(content) == key_len
    hdr_size, _, img_size = struct.unpack_from("<HHI", image, 8)
    plain = ctr(content, image[hdr_size:hdr_size + img_size])
    return image[:hdr_size] + plain + image[hdr_size + img_size:]


def ctr(key, data):
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return cipher.update(data) + cipher.finalize()


RECIPIENTS = {
    "rsa-2048": [],
    "ecdsa-p256": [],
    "x25519": [],
    "x25519-sha512": ["--hmac-sha", "512"],
}


def without_wrapped_key(image):
    """The bytes but for the wrapped key's value; all of them are random."""
    found = tlvs(image)
    value, = [v for k, v in found.items() if 0x30 <= k <= 0x34]
    return image.replace(value, bytes(len(value)))


@pytest.mark.parametrize("option", ["plain", "all", "confirm", "header-0x200", "align-16-None--pad"])
@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_an_encrypted_image_is_imgtools_but_for_what_is_random(tmp_path, payload, recipient, bits, option):
    kind = recipient.removesuffix("-sha512")
    args = [*BASE, "--pad-header", *KINDS["ed25519"][0], *OPTIONS[option], "-E", KEYS / f"{kind}.pub.pem",
            "--encrypt-keylen", bits, *RECIPIENTS[recipient]]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    a, b = theirs.read_bytes(), ours.read_bytes()
    plain = [opened(image, KEYS / f"{kind}.pem") for image in (a, b)]
    assert without_wrapped_key(plain[0]) == without_wrapped_key(plain[1])
    assert without_wrapped_key(a) != without_wrapped_key(b)
    (tmp_path / "plain").write_bytes(plain[1])
    run(IMGTOOL, "verify", *KINDS["ed25519"][0], tmp_path / "plain")
    for image in (theirs, ours):
        run(TANDEM, "verify", *KINDS["ed25519"][0], "--decrypt", KEYS / f"{kind}.pem", image)
        run(TANDEM, "inspect", "--json", image)
        run(IMGTOOL, "dumpinfo", image)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048", "ed25519-pure", "unsigned"])
def test_a_clear_image_is_imgtools_but_for_the_wrapped_key(tmp_path, payload, kind):
    recipient = kind if kind in ("ecdsa-p256", "rsa-2048") else "x25519"
    args = [*BASE, "--pad-header", *KINDS[kind][0], "-E", KEYS / f"{recipient}.pub.pem", "--clear"]
    theirs, ours = both(tmp_path, args, payload / "app.bin")
    for tool in (IMGTOOL, TANDEM):
        run(tool, "verify", *[a for a in KINDS[kind][0] if a != "--pure"], ours)
    if KINDS[kind][1]:
        assert without_wrapped_key(theirs.read_bytes()) == without_wrapped_key(ours.read_bytes())


@pytest.mark.parametrize("compression", ["lzma2", "lzma2armthumb"])
@pytest.mark.parametrize("bits", [128, 256])
def test_compressed_and_encrypted_is_imgtools_but_for_what_is_random(tmp_path, programs, bits, compression):
    args = [*BIG, "--pad-header", *KINDS["ed25519"][0], "-E", KEYS / "x25519.pub.pem", "--encrypt-keylen", bits,
            "--compression", compression]
    theirs, ours = both(tmp_path, args, programs / "thumb")
    plain = [without_wrapped_key(opened(f.read_bytes(), KEYS / "x25519.pem")) for f in (theirs, ours)]
    assert plain[0] == plain[1]


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize("recipient, enctlv", [("x25519", 80), ("ecdsa-p256", 113), ("rsa-2048", 256)])
def test_saved_keys_need_the_same_room(tmp_path, over, recipient, enctlv):
    trailer = 128 * 3 * 8 + 2 * (-(-enctlv // 8) * 8) + 4 * 8 + 16
    most = (0x10000 - trailer - 0x20 - 0x28 - 4 - enctlv) // 16 * 16
    source = tmp_path / "app.bin"
    source.write_bytes(bytes([1]) * (most + over))
    args = [*BASE, "--pad-header", "--align", "8", "-E", KEYS / f"{recipient}.pub.pem", "--save-enctlv", source,
            tmp_path / "out.bin"]
    for tool in (IMGTOOL, TANDEM):
        assert (run(tool, "sign", *args, ok=None).returncode == 0) == (over <= 0)


@pytest.mark.parametrize("kind", ["ecdsa-p384", "rsa-3072", "ed25519"])
def test_we_refuse_recipients_for_whom_imgtool_makes_images_that_nothing_opens(tmp_path, payload, kind):
    args = [*BASE, "--pad-header", "-E", KEYS / f"{kind}.pub.pem", payload / "app.bin", tmp_path / "out.bin"]
    run(IMGTOOL, "sign", *args)
    run(TANDEM, "sign", *args, ok=4)


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519", "x25519"])
def test_private_keys_are_printed_alike_or_refused_alike(tool, kind):
    for form in ([], ["-f", "pkcs8"], ["-f", "openssl"]):
        for minimal in ([], ["--minimal"]):
            args = ["getpriv", "-k", KEYS / f"{kind}.pem", *form, *minimal]
            theirs = run(tool("imgtool"), *args, ok=None)  # it prints past click's runner
            ours = run(TANDEM, *args, ok=theirs.returncode)
            if theirs.returncode == 0:
                assert ours.stdout == theirs.stdout
