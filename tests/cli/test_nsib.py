#!/usr/bin/env python3
"""tandem nsib: the vectors of the first stage's format, and what of each command is refused.

Python's library alone: what the tool writes is read here with struct and hashlib, by the format's
description. TANDEM names the binary.
"""

import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
GOLDEN = ROOT / "tests" / "golden" / "keys"
OK, REFUSED, USAGE, FILE = 0, 1, 2, 4

# The key of RFC 6979, A.2.5, and what it signs deterministically over H1 of the vector.
KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX
Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
-----END PRIVATE KEY-----
"""
XY = bytes.fromhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                   "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
PRINT = "d6c23e2744a840cb3a5a14b6554cce7c"
H1 = "41e4501fe9ef30a0b19e753251ae94760f64ede8413e1487200d9f460a1ac360"
H2 = "dee3e5edcbd890155c4c4186665b8e2a89064c32505059291466f8c99d6bb37f"
R = bytes.fromhex("09537833e72c80755e08b2e15f755d2e82ba1b3c0616b322cd667ad868a27c70")
S = bytes.fromhex("f8545292ca491ecd182e3eb3b282e7753168dade839782234156555cd3b10bb2")

# Its fingerprint is 31dcab012319ded0fc762a4bffff5197: found by trying twenty thousand keys.
HOLE = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkD0Hl2c+/4Sn8gLV1ioejAWFg4Lc
Sr+9QtJATm4I5ZrXtMHP2Kca7h/FukAJIXfNOq6OwAO/pFk1zIo9o5o/yw==
-----END PUBLIC KEY-----
"""


def program(base=0x9200, version=3, length=0x1002, soc=52, product=0, reset=None, at=0x200,
            info_size=None, valid=0x9102FFFF, records=b"", counts=(0, 0), pointers=()):
    """The vector's image, with its words as they are asked for."""
    image = bytearray((7 * i) & 0xFF for i in range(length))
    struct.pack_into("<II", image, 0, 0x20001000, base + 0x301 if reset is None else reset)
    info = struct.pack("<III", 0x281EE6DE, 0x8FCEBB4C, 2 | soc << 8 | product << 24)
    info += struct.pack("<IIIIII", 60 + len(records), length if info_size is None else info_size,
                        version, base, base, valid)
    info += bytes(16) + struct.pack("<II", *counts) + records
    image[at:at + len(info)] = info
    for off, value in pointers:
        struct.pack_into("<I", image, off, value)
    return bytes(image)


def hex_lines(addr, data):
    """Intel hex of data below 64 KB of address, with a start record as objcopy leaves it."""
    out = []
    for off in range(0, len(data), 16):
        row = data[off:off + 16]
        line = bytes([len(row)]) + struct.pack(">H", addr + off) + b"\0" + row
        out.append(":%s%02X" % (line.hex().upper(), -sum(line) & 0xFF))
    return out


def der(r, s):
    body = b""
    for n in (r, s):
        n = n.lstrip(b"\0")
        n = b"\0" + n if n[0] & 0x80 else n
        body += bytes([2, len(n)]) + n
    return bytes([0x30, len(body)]) + body


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-nsib-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.key = self.file("key.pem", KEY)
        self.vector = self.file("vector.bin", program(reset=0x9501))
        self.rs = self.file("rs.sig", R + S)

    def file(self, name, content):
        path = self.dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def out(self, name="out.bin"):
        return self.dir / name

    def check(self, want, *args, says=()):
        done = subprocess.run([TANDEM, "nsib", *map(str, args)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, want, f"{args}\n{done.stdout}{done.stderr}")
        for word in (says,) if isinstance(says, str) else says:
            self.assertIn(word, done.stdout + done.stderr)
        return done

    def refused(self, want, says, *args):
        """Exit code and words; one error of three lines at most, and nothing was written."""
        before = sorted(p.name for p in self.dir.iterdir())
        done = self.check(want, *args, says=says)
        lines = [line for line in done.stderr.splitlines() if line.startswith("tandem: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()), before)

    def json(self, *args):
        return json.loads(self.check(OK, *args, "--json").stdout)


class Sign(Case):
    def test_the_vector_has_its_hashes(self):
        self.check(OK, "sign", "--hash-only", self.vector, says=("H1 " + H1, "H2 " + H2))
        self.check(OK, "sign", "--digest", "--hash-out", self.out(), self.vector)
        self.assertEqual(self.out().read_bytes().hex(), H1)

    def test_a_signature_from_elsewhere_is_raw_or_der(self):
        for name, sig, says in (("raw", R + S, "64 bytes"), ("der", der(R, S), "DER")):
            self.check(OK, "sign", "-s", self.file(name, sig), "-p", self.key, self.vector,
                       self.out(), says=says)
            want = self.vector.read_bytes() + b"\xff\xff"
            want += struct.pack("<IIII", 0x281EE6DE, 0x86518483, 0x00013402, 0x9200)
            want += bytes.fromhex(H1) + XY + R + S
            self.assertEqual(self.out().read_bytes(), want)
            self.assertEqual(len(want), 0x1004 + 0xB0)

    def test_what_it_signs_it_finds_good(self):
        for length in (0x1000, 0x1001, 0x1003):
            path = self.file("p.bin", program(length=length, product=7))
            self.check(OK, "sign", "-k", self.key, path, self.out(), says="sealed by the key " + PRINT)
            info = self.out().read_bytes()[(length + 3) // 4 * 4:]
            self.assertEqual(len(info), 176)
            self.assertEqual(struct.unpack_from("<I", info, 8)[0], 0x07013402)
            self.assertEqual(info[16:48], hashlib.sha256(path.read_bytes()).digest())
            seen = self.json("inspect", self.out())["firmware"][0]
            self.assertTrue(seen["validation"]["signature_good"])
            self.assertEqual(seen["validation"]["fingerprint"], PRINT)

    def test_hex_in_and_out_with_gaps_and_a_start_record(self):
        image = bytearray(program())
        image[0x800:0x900] = b"\xff" * 256
        lines = hex_lines(0x9200, bytes(image[:0x800])) + [":040000050000950161"]
        lines += hex_lines(0x9B00, bytes(image[0x900:])) + [":00000001FF"]
        path = self.file("in.hex", "\n".join(lines) + "\n")
        self.check(OK, "sign", "-k", self.key, path, self.out())
        self.check(OK, "sign", "-k", self.key, path, self.out("out.hex"))
        self.assertEqual(self.out().read_bytes()[:0x1002], bytes(image))
        text = self.out("out.hex").read_text()
        self.assertTrue(text.startswith(":10920000"))
        self.assertEqual(text.count("\n:04000005"), 0)
        self.assertEqual(self.json("inspect", self.out("out.hex"))["firmware"][0]["start"], 0x9200)

    def test_skip_leaves_out_the_room_of_a_header(self):
        image = bytearray(program(length=0x1202, at=0x400, base=0x9000))
        struct.pack_into("<II", image, 0x200, 0x20001000, 0x9501)
        struct.pack_into("<I", image, 0x400 + 28, 0x9200)
        path = self.file("in.bin", bytes(image))
        self.check(OK, "sign", "--skip", "0x200", "-k", self.key, path, self.out())
        info = self.out().read_bytes()[0x1204:]
        self.assertEqual(struct.unpack_from("<I", info, 12)[0], 0x9200)
        self.assertEqual(info[16:48], hashlib.sha256(bytes(image[0x200:])).digest())
        self.refused(FILE, "not behind what is skipped", "sign", "--skip", "0x100", "-k", self.key,
                     path, self.out("no"))

    def test_what_no_first_stage_would_boot_is_not_sealed(self):
        def bad(says, content, *more, name="bad.bin"):
            path = self.file(name, content)
            self.refused(FILE, says, "sign", "-k", self.key, *more, path, self.out("no"))

        bad("no fw_info", bytes(0x2000))
        bad("ends before the firmware does", program()[:0x900])
        bad("bytes behind the firmware's end", program() + bytes(8))
        bad("marked it invalid", program(valid=0x91020000))
        bad("reset vector", program(reset=0x9500))
        bad("reset vector", program(reset=0xA203))
        bad("reset vector", program(reset=0x8001))
        bad("contradicts itself", program(info_size=59))
        bad("does not begin where the firmware does",
            "\n".join(hex_lines(0x9000, program()) + [":00000001FF"]), name="bad.hex")
        bad("do not look there", program(at=0x600), "--b0-generation", "old", "--mcuboot-key",
            self.key, "-v", "1.0.0", "-S", "0xc000", "-H", "0x800")
        bad("would not find validation info", program(), "-m", "0x281ee6de,0x86518483,0x00013502")
        bad("inside the firmware", program(), "--offset", "0x1000")
        bad("no first stage looks there", program(), "--offset", "0x1100")
        self.check(OK, "sign", "-k", self.key, self.vector, self.out())
        self.refused(FILE, "sealed already", "sign", "-k", self.key, self.out(), self.out("no"))

    def test_fw_info_at_0x600_is_for_later_generations(self):
        path = self.file("p.bin", program(at=0x600))
        self.check(OK, "sign", "-k", self.key, path, self.out())
        # 0x600 behind a pad of 0x200 is 0x800, which all look at.
        self.check(OK, "sign", "-k", self.key, "--b0-generation", "old", path, self.out())
        path = self.file("p.bin", program(at=0xE00))
        self.check(OK, "sign", "-k", self.key, path, self.out())
        path = self.file("p.bin", program(at=0xA00))
        self.refused(FILE, "do not look there", "sign", "-k", self.key, path, self.out("no"))

    def test_the_options_of_the_script_are_taken(self):
        self.check(OK, "sign", "-s", self.rs, "-p", self.key, "--offset", "0x1004", "-m",
                   "0x281ee6de,0x86518483,0x00013402", self.vector, self.out())
        self.check(OK, "sign", "--private-key", self.key, self.vector, self.out())

    def test_a_bad_signature_is_named(self):
        sig = bytearray(R + S)
        sig[5] ^= 1
        self.refused(REFUSED, "not this program's by this key", "sign", "-s",
                     self.file("bad.sig", bytes(sig)), "-p", self.key, self.vector, self.out("no"))
        self.refused(REFUSED, "not this program's by this key", "sign", "-s", self.rs, "-p",
                     GOLDEN / "ecdsa-p256.pem", self.vector, self.out("no"))
        for content in (R + S + b"\n", R, der(R, S)[:-1], der(R, S) + b"\0"):
            self.refused(FILE, "neither 64 bytes", "sign", "-s", self.file("bad.sig", content), "-p",
                         self.key, self.vector, self.out("no"))

    def test_a_signer_that_hashed_once_too_often_or_too_little_is_named(self):
        if shutil.which("openssl") is None:
            self.skipTest("openssl is not there")
        h1 = self.file("h1", bytes.fromhex(H1))
        h2 = self.file("h2", bytes.fromhex(H2))

        def sign(how, path):
            subprocess.run(["openssl", *how, *(["-in", path] if how[0] == "pkeyutl" else [path])],
                           check=True, capture_output=True)
            return self.dir / "sig"

        as_is = ["pkeyutl", "-sign", "-inkey", self.key, "-out", self.dir / "sig"]
        hashed = ["dgst", "-sha256", "-sign", self.key, "-out", self.dir / "sig"]
        for how, path, says in ((as_is, h1, "H1 as a digest"), (hashed, self.vector, "H1 as a digest"),
                                (hashed, h2, "H2 as a message")):
            self.refused(REFUSED, says, "sign", "-s", sign(how, path), "-p", self.key, self.vector,
                         self.out("no"))
        for how, path in ((as_is, h2), (hashed, h1)):
            self.check(OK, "sign", "-s", sign(how, path), "-p", self.key, self.vector, self.out())

    def test_keys_that_cannot_sign_for_a_first_stage_are_refused(self):
        for key, code, says in ((GOLDEN / "ed25519.pem", FILE, "nRF54L"),
                                (GOLDEN / "rsa-2048.pem", FILE, "knows no keys of this kind"),
                                (GOLDEN / "ecdsa-p256.pub.pem", FILE, "public key"),
                                (self.dir / "none.pem", FILE, "none.pem")):
            self.refused(code, says, "sign", "-k", key, self.vector, self.out("no"))

    def test_a_key_of_a_build_is_warned_of(self):
        for name in ("GENERATED_NON_SECURE_SIGN_KEY_PRIVATE.pem", "build/key.pem"):
            self.check(OK, "sign", "-k", self.file(name, KEY), self.vector, self.out(),
                       says="can be updated" if "/" in name else "pristine build")
        self.file("out/CMakeCache.txt", "")
        self.check(OK, "sign", "-k", self.file("out/key.pem", KEY), self.vector, self.out("x"),
                   says="can be updated")
        done = self.check(OK, "sign", "-k", self.key, self.vector, self.out())
        self.assertNotIn("updated", done.stderr)

    def test_command_lines_that_make_no_sense(self):
        for args in (("-k", self.key), ("-k", self.key, self.vector), (self.vector, "o"),
                     ("-k", self.key, "-s", self.rs, "-p", self.key, self.vector, "o"),
                     ("-s", self.rs, self.vector, "o"), ("--hash-only", self.vector, "o"),
                     ("--hash-only", "-k", self.key, self.vector),
                     ("-k", self.key, "-v", "1.0.0", self.vector, "o"),
                     ("-k", self.key, "--mcuboot-key", self.key, self.vector, "o"),
                     ("-k", self.key, "-m", "1,2", self.vector, "o"),
                     ("-k", self.key, "--skip", "x", self.vector, "o"),
                     ("-k", self.key, "--b0-generation", "new", self.vector, "o"),
                     ("-k", self.key, self.vector, "o", self.vector, "o")):
            self.refused(USAGE, (), "sign", *args)


class Package(Case):
    """Both variants, wrapped for MCUboot."""

    WRAP = ("-v", "0.0.3", "-S", "0xc000")

    def variants(self, s1=0x15200, **differs):
        pointers = [(0x400, 0x9301), (0xF00, 0x9800)]
        a = program(pointers=pointers)
        b = bytearray(program(base=s1, pointers=[(o, v + s1 - 0x9200) for o, v in pointers],
                              **differs))
        return self.file("s0.raw", a), b

    def sign(self, a, b, *more):
        return ("sign", "-k", self.key, *more, a, self.out("s0.bin"), self.file("s1.raw", bytes(b)),
                self.out("s1.bin"))

    def test_both_variants_are_wrapped_byte_by_byte(self):
        a, b = self.variants()
        self.check(OK, *self.sign(a, b, "--mcuboot-key", self.key, *self.WRAP, "--s0-addr",
                                  "0x9000", "--s1-addr", "0x15000"))
        for name, base in (("s0", 0x9200), ("s1", 0x15200)):
            image = self.out(name + ".bin").read_bytes()
            magic, _, header, protected, size, flags = struct.unpack_from("<IIHHII", image)
            self.assertEqual((magic, header, protected, flags), (0x96F3B83D, 0x200, 0, 0))
            self.assertEqual(size, 0x1004 + 176)
            self.assertEqual(struct.unpack_from("<I", image, 0x204)[0], base + 0x301)
            self.assertEqual(struct.unpack_from("<I", image, 0x400 + 24)[0], base)
            self.assertEqual(image[0x200:0x1202], self.out(name + ".raw").read_bytes())
            self.assertEqual(struct.unpack_from("<HH", image, 0x200 + size)[0], 0x6907)
            done = subprocess.run([TANDEM, "verify", "-k", self.key, self.out(name + ".bin")],
                                  capture_output=True)
            self.assertEqual(done.returncode, OK)

    def test_the_wrap_is_what_tandem_sign_makes(self):
        key = GOLDEN / "ed25519.pem"  # signs the same each time
        sig = ("-s", self.rs, "-p", self.key)
        self.check(OK, "sign", *sig, self.vector, self.out("inner.bin"))
        self.check(OK, "sign", *sig, "--mcuboot-key", key, *self.WRAP, self.vector, self.out())
        subprocess.run([TANDEM, "sign", "-k", key, "-H", "0x200", "--pad-header", "--align", "4",
                        *self.WRAP, self.out("inner.bin"), self.out("two.bin")], check=True)
        self.assertEqual(self.out().read_bytes(), self.out("two.bin").read_bytes())

    def test_variants_differ_in_addresses_alone(self):
        a, b = self.variants()
        b[0x900] ^= 1
        self.refused(REFUSED, ("1 bytes, first at offset 0x900", "more than addresses"),
                     *self.sign(a, b))
        self.check(OK, *self.sign(a, b, "--accept-differences"), says="first at 0x900")

    def test_addresses_in_instructions_are_addresses(self):
        def mov(top, value, register=3):
            high = 0xF240 | top << 7 | value >> 12 | (value >> 1 & 0x400)
            low = (value << 4 & 0x7000) | register << 8 | (value & 0xFF)
            return struct.pack("<HH", high, low)

        a, b = self.variants(s1=0x29200)
        a = bytearray(a.read_bytes())
        for image, value in ((a, 0x0000F234), (b, 0x0002F234)):
            image[0x702:0x70A] = mov(0, value & 0xFFFF) + mov(1, value >> 16)
        self.check(OK, *self.sign(self.file("s0.raw", bytes(a)), b))
        b[0x706:0x70A] = mov(1, 2, register=4)
        self.refused(REFUSED, "more than addresses", *self.sign(self.file("s0.raw", bytes(a)), b))

    def test_what_are_no_variants(self):
        a, _ = self.variants()
        for says, b in (("one address", program()), ("different versions", program(0x15200, 4)),
                        ("no variants of one program", program(0x15200, length=0x1006)),
                        ("no variants of one program", program(0x15200, product=1)),
                        ("on one another", program(0x9400))):
            self.refused(REFUSED, says, *self.sign(a, b))

    def test_the_slots_that_were_named_are_where_it_is_linked(self):
        a, b = self.variants()
        wrap = ("--mcuboot-key", self.key, *self.WRAP)
        self.refused(REFUSED, "neither slot", *self.sign(a, b, *wrap, "--s0-addr", "0x9000",
                                                         "--s1-addr", "0x25000"))
        self.refused(REFUSED, "right behind the header", *self.sign(
            a, b, *wrap, "--s0-addr", "0x8000", "--s1-addr", "0x14000"))
        self.refused(REFUSED, "does not fit into its slot",
                     *self.sign(a, b, "--mcuboot-key", self.key, "-v", "0.0.3", "-S", "0x1200"))

    def test_the_version_is_above_that_of_the_last_release(self):
        self.check(OK, "sign", "-k", self.key, "--mcuboot-key", self.key, *self.WRAP, self.vector,
                   self.out("v3.bin"))
        for version, want, says in ((2, REFUSED, "below the previous"),
                                    (3, REFUSED, "is the previous one's"), (4, OK, ())):
            path = self.file("next.bin", program(version=version))
            self.check(want, "sign", "-k", self.key, "--previous", self.out("v3.bin"), path,
                       self.out("next.out"), says=says)
        self.refused(FILE, "no firmware of a first stage", "sign", "-k", self.key, "--previous",
                     self.key, self.vector, self.out("no"))


class Provision(Case):
    BASE = ("--s0-addr", "0x9000", "--s1-addr", "0x15000", "--provision-addr", "0x8000")

    def bytes_of(self, path):
        """Address and bytes of a hex file of one piece."""
        upper, first, data = 0, None, b""
        for line in path.read_text().split():
            raw = bytes.fromhex(line[1:])
            self.assertEqual(sum(raw) & 0xFF, 0)
            if raw[3] == 4:
                upper = struct.unpack(">H", raw[4:6])[0] << 16
            if raw[3] == 2:
                upper = struct.unpack(">H", raw[4:6])[0] << 4
            if raw[3] == 0:
                at = upper + struct.unpack(">H", raw[1:3])[0]
                first = at if first is None else first
                self.assertEqual(at, first + len(data))
                data += raw[4:-1]
        return first, data

    def make(self, *args):
        self.check(OK, "provision", *args, "-o", self.out("p.hex"))
        return self.bytes_of(self.out("p.hex"))

    def test_the_example_is_the_scripts_file(self):
        self.make(*self.BASE, "--public-key-files", self.key, "--num-counter-slots-version", 4)
        self.assertEqual(self.out("p.hex").read_text(),
                         ":10802800009000000050010001000000FFFFFA501E\n"
                         ":10803800D6C23E2744A840CB3A5A14B6554CCE7CFB\n"
                         ":108048000100010001000400FFFFFFFFFFFFFFFF29\n"
                         ":00000001FF\n")

    def test_generations_mark_keys_their_own_way(self):
        keys = f"{self.key},{GOLDEN / 'ecdsa-p256.pub.pem'}"
        for generation, at, tokens in (("bare", 0x8000, (0xFFFFFFFF, 0xFFFFFFFF)),
                                       ("old", 0x8028, (0xFFFFFFFF, 0xFFFFFFFF)),
                                       ("2.7", 0x8028, (0x50FAFFFF, 0x51FAFFFF)),
                                       ("2.9", 0x8028, (0x50FAFFFF, 0x51FAFFFF))):
            addr, data = self.make(*self.BASE, "--public-key-files", keys, "--b0-generation",
                                   generation)
            self.assertEqual(addr, at)
            self.assertEqual(struct.unpack_from("<III", data), (0x9000, 0x15000, 2))
            self.assertEqual(struct.unpack_from("<I", data, 12)[0], tokens[0])
            self.assertEqual(struct.unpack_from("<I", data, 32)[0], tokens[1])
            self.assertEqual(len(data), 52)

    def test_words_for_nrf54l_and_one_slot(self):
        addr, data = self.make("--s0-addr", "0xe000", "--provision-addr", "0xffd500",
                               "--num-counter-slots-version", 2, "--psa-certificate-reference",
                               "0632793520245-10010")
        self.assertEqual(addr, 0xFFD530)
        self.assertEqual(data, struct.pack("<IIIHHHH", 0xE000, 0xE000, 0, 1, 1, 1, 2) + b"\xff" * 8 +
                         struct.pack("<HHBB", 0x9312, 1, 1, 19) + b"0632793520245-10010" + bytes(3))

    def test_mcuboot_alone_has_its_counter_behind_zeros(self):
        addr, data = self.make("--mcuboot-only", "--provision-addr", "0xff8100",
                               "--mcuboot-counters-slots", 4)
        self.assertEqual(addr, 0xFF8100)
        self.assertEqual(data, bytes(0x34) + struct.pack("<HHHH", 1, 1, 2, 4) + b"\xff" * 8)

    def test_what_is_written_is_inspected(self):
        self.make("--s0-addr", "0x8000", "--provision-addr", "0xff8108", "--public-key-files",
                  self.key, "--num-counter-slots-version", 240)
        seen = self.json("inspect", self.out("p.hex"))["provision"][0]
        self.assertEqual((seen["address"], seen["s0"], seen["s1"]), (0xFF8108, 0x8000, 0x8000))
        self.assertEqual(seen["keys"][0]["fingerprint"], PRINT)
        self.assertEqual(seen["counters"], [{"what": 1, "value": 0, "slots": 240, "left": 240}])

    def test_data_without_keys_are_inspected_where_they_are_said_to_be(self):
        self.make("--mcuboot-only", "--provision-addr", "0xff8100", "--mcuboot-counters-slots", 4)
        self.check(FILE, "inspect", self.out("p.hex"), says="--provision-addr")
        seen = self.json("inspect", "--provision-addr", "0xff8100", self.out("p.hex"))
        self.assertEqual(seen["provision"][0]["counters"][0]["what"], 2)
        self.check(FILE, "inspect", "--provision-addr", "0x1000", self.out("p.hex"))

    def test_what_a_first_stage_does_not_live_with_is_refused(self):
        def bad(says, *more, code=REFUSED, base=self.BASE):
            self.refused(code, says, "provision", *base, *more, "-o", self.out("no.hex"))

        otp = ("--s0-addr", "0x9000", "--provision-addr", "0xff8100", "--public-key-files", self.key)
        hole = self.file("hole.pem", HOLE)
        bad("aligned ffff", "--public-key-files", hole)
        bad("given twice", "--public-key-files", f"{self.key},{self.key}")
        bad("odd", "--num-counter-slots-version", 3)
        bad("odd", "--mcuboot-counters-slots", 3)
        bad("can be configured for", "--num-counter-slots-version", 1802)
        bad("can be configured for", "--num-counter-slots-version", 302, base=otp)
        # Kconfig allows 300 slots; with a key they end behind the 0x280 bytes that b0 reads.
        bad("do not fit", "--num-counter-slots-version", 300, base=otp)
        bad("do not fit", "--num-counter-slots-version", 4, "--max-size", "0x57",
            "--public-key-files", self.key)
        bad("Ed25519", "--public-key-files", GOLDEN / "ed25519.pem", code=FILE)
        self.check(OK, "provision", *otp, "--num-counter-slots-version", 240, "-o", self.out("p.hex"))
        self.check(OK, "provision", *self.BASE, "--num-counter-slots-version", 4, "--max-size",
                   "0x58", "--public-key-files", self.key, "-o", self.out("p.hex"))
        self.check(OK, "provision", *self.BASE, "--public-key-files", hole, "--no-verify-hashes",
                   "-o", self.out("p.hex"))

    def test_command_lines_that_make_no_sense(self):
        for args in ((), ("--provision-addr", "0x8000"), ("--s0-addr", "0x9000"),
                     (*self.BASE, "-o", "p.bin"), (*self.BASE, "word"),
                     (*self.BASE, "--otp-write-width", 3),
                     ("--s0-addr", "0x9000", "--provision-addr", "0x8002"),
                     ("--s0-addr", "0x9000", "--provision-addr", "0xff8100", "--otp-write-width", 4),
                     (*self.BASE, "--psa-certificate-reference", "x" * 20),
                     (*self.BASE, "--public-key-files", ",".join(["k"] * 17)),
                     (*self.BASE, "--b0-generation", "bare", "--mcuboot-only")):
            self.refused(USAGE, (), "provision", *args)


class Keys(Case):
    def test_fingerprints_are_what_a_device_holds(self):
        self.assertEqual(hashlib.sha256(XY).hexdigest()[:32], PRINT)
        self.check(OK, "keys", self.key, says=PRINT)
        self.check(OK, "keys", GOLDEN / "ecdsa-p256.pem", GOLDEN / "other-p256.pem")

    def test_keys_that_no_first_stage_takes(self):
        hole = self.file("hole.pem", HOLE)
        self.check(REFUSED, "keys", hole, says=("31dcab012319ded0fc762a4bffff5197", "NOT USABLE"))
        self.check(REFUSED, "keys", self.key, self.key, says="same key as one above")
        self.check(FILE, "keys", GOLDEN / "ed25519.pem", says="nRF54L")

    def test_a_new_key_signs_and_is_known_by_its_public_half(self):
        new, public = self.out("new.pem"), self.out("pub.pem")
        made = self.check(OK, "keys", "--generate", new, "--public", public).stdout.split()[0]
        self.assertEqual(new.stat().st_mode & 0o077, 0)
        self.check(OK, "keys", public, says=made)
        self.check(OK, "sign", "-k", new, self.vector, self.out(), says=made)
        self.check(OK, "keys", "--generate", new, says="new.pem.old1")
        self.assertTrue(self.out("new.pem.old1").exists())

    def test_command_lines_that_make_no_sense(self):
        for args in ((), ("--generate", "a", "b"), ("--public", "a"), ("--bogus",)):
            self.check(USAGE, "keys", *args)


class Inspect(Case):
    def test_records_of_services_are_told(self):
        def record(api, version, flags, more=b""):
            return struct.pack("<IIIIIII", 0x281EE6DE, 0xB845ACEA, 0x3402, 28 + len(more), api,
                               flags, version) + more

        records = record(0x1002, 1, 0, bytes(8))
        records += record(0x1003, 1, 1, struct.pack("<III", 255, 1, 0x20000400))
        path = self.file("p.bin", program(records=records, counts=(1, 1)))
        self.check(OK, "inspect", path, says=(
            "offers     BL_SHA256 (0x1002), version 1", "asks for   BL_SECP256R1 (0x1003)",
            "required", "no validation info"))
        seen = self.json("inspect", path)["firmware"][0]["records"]
        self.assertEqual([(r["request"], r["id"]) for r in seen], [(False, 0x1002), (True, 0x1003)])
        broken = bytearray(path.read_bytes())
        struct.pack_into("<I", broken, 0x200 + 60 + 12, 0xFFFFFFFC)
        self.check(OK, "inspect", self.file("b.bin", bytes(broken)), says="damaged")
        self.assertIsNone(self.json("inspect", self.dir / "b.bin")["firmware"][0]["records"])

    def test_a_spoilt_seal_is_told(self):
        self.check(OK, "sign", "-k", self.key, self.vector, self.out())
        image = bytearray(self.out().read_bytes())
        for off, says in ((0x900, "THE HASH DOES NOT MATCH"), (0x1004 + 120, "DOES NOT VERIFY")):
            spoilt = bytearray(image)
            spoilt[off] ^= 1
            self.check(OK, "inspect", self.file("s.bin", bytes(spoilt)), says=says)

    def test_a_dump_tells_what_boots(self):
        self.check(OK, "sign", "-k", self.key, self.vector, self.out())
        self.check(OK, "provision", *Provision.BASE, "--public-key-files", self.key,
                   "--num-counter-slots-version", 4, "-o", self.out("p.hex"))
        page = bytearray(b"\xff" * 0x20000)
        at, data = Provision.bytes_of(self, self.out("p.hex"))
        page[at:at + len(data)] = data
        sealed = self.out().read_bytes()
        page[0x9200:0x9200 + len(sealed)] = sealed
        dump = self.file("dump.bin", bytes(page))
        self.check(OK, "inspect", dump, says=("boots version 3 from S0", "4 of 4 slots left"))
        self.assertEqual(self.json("inspect", dump)["boots"], 0)

    def test_other_files_are_refused(self):
        self.check(FILE, "inspect", self.key, says="nothing in it is for a first stage")
        self.check(FILE, "inspect", self.dir / "none")
        self.check(USAGE, "inspect")


if __name__ == "__main__":
    unittest.main()
