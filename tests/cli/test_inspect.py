#!/usr/bin/env python3
"""`tandem inspect`: packages, hex files, dumps, and files that are something else."""

import hashlib
import gzip
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import xml.dom.minidom
import zipfile

TANDEM = os.environ["TANDEM"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
KEY = ROOT / "profiles" / "keys" / "PUBLIC-DEMO-ecdsa-p256.pem"
OTHER_KEY = ROOT / "profiles" / "keys" / "PUBLIC-DEMO-ed25519.pem"
OK, REFUSED, USAGE, FILE = 0, 1, 2, 4
SLOT = 0x38000
PROFILE = "tandem-nrf52833"
MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
WIDE = bytes.fromhex("10002de15d29410b8d77679c110f1f8a")


def tandem(*args, timeout=60):
    return subprocess.run([TANDEM, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout)


def pad(data, size):
    return bytes(data).ljust(size, b"\xff")


def with_trailer(data, size=SLOT, ok=0xff, done=0xff, info=0xff, magic=MAGIC, align=8, swap=None):
    """A slot as MCUboot leaves it: cells from the end down."""
    slot = bytearray(pad(data, size))
    at = size - 16
    slot[at:] = magic
    at = (at - align) // align * align
    slot[at] = ok
    slot[at - align] = done
    slot[at - 2 * align] = info
    if swap is not None:
        slot[at - 3 * align:at - 3 * align + 4] = struct.pack("<I", swap)
    return bytes(slot)


def vectors(reset):
    handler = reset + 0x21
    return struct.pack("<16I", 0x20008000, reset | 1, *[handler] * 5, 0, 0, 0, 0, handler, handler,
                       0, handler, handler)


def hex_file(chunks):
    """Intel hex, written here and not by the tool that reads it."""
    def record(kind, addr, data):
        raw = struct.pack(">BHB", len(data), addr, kind) + data
        return ":" + (raw + bytes([-sum(raw) & 0xff])).hex().upper() + "\n"
    out, upper = "", None
    for base, data in sorted(chunks):
        for off in range(0, len(data), 16):
            addr = base + off
            if addr >> 16 != upper:
                upper = addr >> 16
                out += record(4, 0, struct.pack(">H", upper))
            out += record(0, addr & 0xffff, data[off:off + 16])
    return (out + record(1, 0, b"")).encode()


def nvs_sector(entries, size=4096, stride=8):
    """A sector of Zephyr's NVS that is still open: data from the start, entries from the end."""
    sector, at, data = bytearray(b"\xff" * size), size - 2 * stride, 0
    for number, value in entries:
        sector[data:data + len(value)] = value
        raw = struct.pack("<HHHB", number, data, len(value), 0xff)
        crc = 0xff
        for byte in raw:
            crc ^= byte
            for _ in range(8):
                crc = (crc << 1 ^ 7 if crc & 0x80 else crc << 1) & 0xff
        sector[at:at + 8] = raw + bytes([crc])
        at -= stride
        data += len(value) + -len(value) % 4
    return bytes(sector)


# A firmware for b0, as the vendor's scripts sign it with the P-256 key of RFC 6979.
FW_INFO = bytes.fromhex("dee61e284cbbce8f023400003c0000000210000003000000009200000092" "0000ffff0291") + bytes(24)
FW_KEY = bytes.fromhex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                       "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
FW_SIG = bytes.fromhex("09537833e72c80755e08b2e15f755d2e82ba1b3c0616b322cd667ad868a27c70"
                       "f8545292ca491ecd182e3eb3b282e7753168dade839782234156555cd3b10bb2")
FINGERPRINT = "d6c23e2744a840cb3a5a14b6554cce7c"


def firmware():
    code = bytearray(7 * i & 0xff for i in range(0x1002))
    code[:8] = struct.pack("<II", 0x20001000, 0x9501)
    code[0x200:0x23c] = FW_INFO
    digest = hashlib.sha256(code).digest()
    return bytes(code) + b"\xff\xff" + struct.pack("<4I", 0x281ee6de, 0x86518483, 0x13402, 0x9200) + \
        digest + FW_KEY + FW_SIG


def provision(token=0x50faffff, slots=(), n_slots=4):
    used = b"".join(struct.pack("<H", slot) for slot in slots)
    return struct.pack("<4I", 0x9000, 0x15000, 1, token) + bytes.fromhex(FINGERPRINT) + \
        struct.pack("<4H", 1, 1, 1, n_slots) + pad(used, 2 * n_slots)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.v1 = cls.image("v1", "1.0.0")
        cls.v2 = cls.image("v2", "2.0.0")

    @classmethod
    def image(cls, name, version, *sign, key=KEY):
        raw = os.path.join(cls.shared.name, name + ".raw")
        out = os.path.join(cls.shared.name, name + ".bin")
        for ran in (tandem("sim-app", raw, "--name", name, "--size", 20000),
                    tandem("sign", "-k", key, "-v", version, "-H", "0x200", "--pad-header", "-S", hex(SLOT),
                           "--align", "4", *sign, raw, out)):
            assert ran.returncode == 0, ran.stderr
        return pathlib.Path(out).read_bytes()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def file(self, name, data):
        path = self.dir / name
        path.write_bytes(data)
        return path

    def say(self, *args, exit=OK, says=(), not_says=()):
        done = tandem("inspect", *args)
        text = "exit %d\n%s%s" % (done.returncode, done.stdout, done.stderr)
        self.assertEqual(done.returncode, exit, text)
        for words in [says] if isinstance(says, str) else says:
            self.assertIn(words, done.stdout + done.stderr, text)
        for words in [not_says] if isinstance(not_says, str) else not_says:
            self.assertNotIn(words, done.stdout + done.stderr, text)
        return done.stdout

    def json(self, *args):
        return json.loads(self.say("--json", *args))

    def flash(self, slot0, slot1, boot=0xc000, rest=b""):
        return pad(b"", boot) + pad(slot0, SLOT) + pad(slot1, SLOT) + rest


class Kinds(Case):
    def test_what_is_no_firmware_is_called_what_it_is(self):
        rows = [("log.txt", b"W: Not enough free space to run swap upgrade\n" * 30, "this is text"),
                ("a.elf", b"\x7fELF\x01\x01\x01" + bytes(60), "ELF file"),
                ("capture.pcap", bytes.fromhex("d4c3b2a102000400") + bytes(40), "capture of packets"),
                ("empty.bin", b"", "empty"),
                ("noise.bin", bytes(hashlib.sha512(bytes([i])).digest()[k] for i in range(99) for k in range(64)),
                 "nothing in it that can be recognised"),
                ("cut.bin", self.v1[:9000], "20664 bytes needed")]
        rows[-1] = ("cut.bin", self.v1[:9000], "9000 there")
        for name, data, says in rows:
            with self.subTest(name):
                self.say(self.file(name, data), exit=FILE, says=says)
        self.say(self.dir, exit=FILE, says="directory")
        self.say(self.dir / "absent", exit=FILE, says="check the path")

    def test_a_program_without_header_is_called_unsigned(self):
        path = self.file("zephyr.bin", vectors(0xc300) + bytes(range(256)) * 20)
        self.say(path, says=("without MCUboot header", "not signed", "0xc300"))
        self.assertEqual(self.json(path)["kind"], "program")

    def test_several_files_and_the_worst_exit_code(self):
        out = self.say(self.file("a.bin", self.v1), self.file("t.txt", b"words\n" * 9), self.file("b.bin", self.v2),
                       exit=FILE)
        self.assertIn("version 1.0.0", out)
        self.assertIn("version 2.0.0", out)

    def test_usage(self):
        self.say(exit=USAGE)
        self.say("--base", "x", "a", exit=USAGE, says="--base")
        self.say("--align", "5", "a", exit=USAGE, says="8, 16 or 32")
        self.say("--layout", self.dir / "absent.yml", self.file("f", self.flash(self.v1, b"")), exit=FILE)


class Dumps(Case):
    """Each row: what stands in the slots, and what the next boot makes of it."""

    def rows(self):
        damaged = bytearray(self.v2)
        damaged[4000] ^= 1
        big = pad(self.v2, 0x37800)
        v1, v2 = self.v1, self.v2
        yield "nothing asked", v1, v2, "run", ("nobody has asked for it", "trailer blank")
        yield "test", v1, with_trailer(v2), "test", ("a test swap is requested", "swaps 2.0.0 in on trial")
        yield "permanent", v1, with_trailer(v2, ok=1), "install", ("a permanent swap is requested", "for good")
        yield "trial", with_trailer(v2, done=1, info=2), v1, "revert", ("on trial", "swaps 1.0.0 back")
        yield "confirmed", with_trailer(v2, ok=1, done=1, info=2), v1, "run", ("confirmed", "runs 2.0.0")
        yield "damaged", v1, with_trailer(damaged), "refuse", ("HASH DOES NOT MATCH", "refuses it")
        yield "no image", v1, with_trailer(b""), "refuse", ("holds no image",)
        yield "torn image_ok", v1, with_trailer(v2, ok=0x7f), "run", ("image_ok in slot 1 is torn",)
        yield "torn magic", v1, with_trailer(v2, magic=MAGIC[:15] + b"\xff"), "run", ("neither good nor erased",)
        yield "other cells", v1, with_trailer(v2, magic=WIDE, align=16), "run", ("cells of 16 bytes", "--max-align 8")
        yield "short pad", v1, with_trailer(v2, size=0x30000), "run", ("padded for another slot", "-S 0x38000")
        yield "same image", v1, v1, "run", ("the same image",)
        yield "nothing", b"", v2, "nothing", ("nothing to boot",)
        yield "under way", with_trailer(v1, info=2, swap=len(v1)), v2, "resume", ("a swap is half done (test",)
        yield "both good", with_trailer(v1, info=2, done=1), with_trailer(v2), "test", ("swaps 2.0.0 in",)

    def test_the_next_boot_is_told_with_a_layout(self):
        for name, slot0, slot1, want, says in self.rows():
            if name == "torn image_ok":
                continue  # Tandem's bootloader takes it for a test
            with self.subTest(name):
                path = self.file("flash.bin", self.flash(slot0, slot1, rest=b"\xff" * 0x4000))
                out = self.say("--layout", PROFILE, path, says=says)
                self.assertNotIn("guess", out)
                found = self.json("--layout", PROFILE, path)
                self.assertEqual(found["next_boot"]["action"], want)
                self.assertFalse(found["layout"]["guessed"])

    def test_without_a_layout_the_slots_are_guessed_and_it_is_said(self):
        for name, slot0, slot1, want, _ in self.rows():
            if name in ("nothing", "no image", "other cells", "short pad"):
                continue
            with self.subTest(name):
                path = self.file("flash.bin", self.flash(slot0, slot1, rest=b"\xff" * 0x4000))
                self.say(path, says="a guess; --layout FILE makes it sure")
                found = self.json(path)
                self.assertTrue(found["layout"]["guessed"])
                self.assertEqual([slot["address"] for slot in found["slots"]], [0xc000, 0xc000 + SLOT])
                # A stock bootloader reads a torn image_ok as no request; so does the guess.
                self.assertEqual(found["next_boot"]["action"], want)

    def test_too_large_for_the_swap_is_told_before_it_happens(self):
        raw = self.file("big.raw", bytes(0x36c00))
        big = self.dir / "big.bin"
        done = tandem("sign", "-k", KEY, "-v", "3.0.0", "-H", "0x200", "--pad-header", "-S", hex(SLOT), "--align", "4",
                      raw, big)
        self.assertEqual(done.returncode, OK, done.stderr)
        path = self.file("flash.bin", self.flash(self.v1, with_trailer(big.read_bytes())))
        self.say("--layout", PROFILE, path, says=("no room to install it", "221184"))

    def test_the_map_covers_every_byte_once(self):
        for name, slot0, slot1, _, _ in self.rows():
            with self.subTest(name):
                data = self.flash(slot0, slot1, rest=nvs_sector([(1, b"abc")]))
                found = self.json(self.file("flash.bin", data))
                at = 0
                for region in found["map"]:
                    self.assertEqual(region["address"], at)
                    at += region["size"]
                self.assertEqual(at, len(data))

    def test_settings_are_recognised_by_their_entries(self):
        data = self.flash(self.v1, b"", rest=nvs_sector([(1, b"one"), (2, b"twotwo"), (0x8000, b"x" * 40)]) +
                          nvs_sector([(7, b"seven")]))
        thing = [t for t in self.json(self.file("flash.bin", data))["things"] if t["kind"] == "storage"]
        self.assertEqual(len(thing), 1)
        self.assertEqual(thing[0]["size"], 8192)
        self.assertIn("4 entries", thing[0]["text"])

    def test_settings_in_wider_write_units_are_recognised(self):
        rest = nvs_sector([(1, b"one"), (2, b"two")], stride=16)
        kinds = [t["kind"] for t in self.json(self.file("flash.bin", self.flash(self.v1, b"", rest=rest)))["things"]]
        self.assertIn("storage", kinds)

    def test_swap_offset_is_guessed_from_where_the_images_stand(self):
        shifted = pad(b"", 0x1000) + self.v2
        path = self.file("flash.bin", self.flash(self.v1, with_trailer(shifted), rest=b"\xff" * 0x4000))
        found = self.json(path)
        self.assertEqual(found["layout"]["strategy"], "swap-offset")
        self.assertEqual([slot["address"] for slot in found["slots"]], [0xc000, 0xc000 + SLOT])
        self.assertEqual(found["next_boot"]["action"], "test")
        # A layout that says swap-move: the image stands where that one does not look.
        self.say("--layout", PROFILE, path, says=("begins at 0x45000", "looks for it at 0x44000"))

    def test_an_address_moves_everything(self):
        path = self.file("slots.bin", pad(self.v1, SLOT) + with_trailer(self.v2))
        found = self.json("--base", "0xc000", path)
        self.assertEqual([slot["address"] for slot in found["slots"]], [0xc000, 0xc000 + SLOT])
        found = self.json("--base", "0xc000", "--layout", PROFILE, path)
        self.assertEqual(found["next_boot"]["action"], "test")

    def test_the_partition_managers_layout_is_taken(self):
        layout = self.file("pm_static.yml", b"""mcuboot: {address: 0x0, size: 0xc000, region: flash_primary}
mcuboot_primary: {address: 0xc000, size: 0x38000, region: flash_primary}
mcuboot_secondary: {address: 0x44000, size: 0x38000, region: flash_primary}
settings_storage: {address: 0x7c000, size: 0x4000, region: flash_primary}
""")
        path = self.file("flash.bin", self.flash(self.v1, with_trailer(self.v2), rest=b"\xff" * 0x4000))
        out = self.say("--layout", layout, path, says=("pm_static.yml", "a test swap is requested"))
        self.assertNotIn("guess", out)
        bad = self.file("bad.yml", b"mcuboot_primary: [\n")
        self.say("--layout", bad, path, exit=FILE, says="bad.yml")

    def test_a_second_slot_on_another_chip_is_judged_by_itself(self):
        text = (ROOT / "profiles" / (PROFILE + ".yml")).read_text().replace("keys/", str(ROOT / "profiles/keys") + "/")
        outside = """  - name: outside
    size: 0x40000
    sectors:
      - { count: 64, size: 4096 }
    write_size: 4
    erased: 0xff
    writes_per_word: 2
    torn_word: unstable
    timing: { erase_us: 50000, program_us: 10, read_us_per_kb: 100 }

partitions:"""
        text = text.replace("\npartitions:", "\n" + outside, 1).replace(
            "secondary: { flash: internal, offset: 0x44000", "secondary: { flash: outside, offset: 0x00000")
        profile = self.file("two.yml", text.encode())
        inside = self.file("in.bin", pad(b"", 0xc000) + pad(pad(self.v1, SLOT), 0x74000))
        outer = self.file("out.bin", pad(with_trailer(self.v2), 0x40000))
        self.say("--layout", profile, inside, says=("slot 1: not in this file", "runs 1.0.0"))
        self.say("--layout", profile, outer, says=("slot 0: not in this file", "a test swap is requested",
                                                 "brings what runs now back"))

    def test_the_cells_distance_can_be_given(self):
        path = self.file("flash.bin", self.flash(self.v1, with_trailer(self.v2, magic=WIDE, align=16)))
        found = self.json("--layout", PROFILE, "--align", "16", path)
        self.assertEqual(found["next_boot"]["action"], "test")


class Simulated(Case):
    """Dumps of a device that really ran, at rest and in the middle of a swap."""

    def sim(self, *args):
        done = subprocess.Popen([TANDEM, "sim", PROFILE, "--state", self.dir / "dev", *map(str, args)],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(done.stdout.close)
        for line in done.stdout:
            if line.startswith("ready:"):
                done.terminate()
        return done.wait(30)

    def dump(self, *args):
        return self.json(*args, self.dir / "dev" / "flash.bin")

    def prepare(self):
        (self.dir / "slot1.bin").write_bytes(with_trailer(self.v2))
        (self.dir / "slot0.bin").write_bytes(self.v1)
        self.assertEqual(self.sim("--program", "slot0=%s" % (self.dir / "slot0.bin"), "--program",
                                  "slot1=%s" % (self.dir / "slot1.bin"), "--cut-power-at", "1", "--cut", "before"), 0)

    def test_rest_points(self):
        self.prepare()
        self.assertEqual(self.dump("--layout", PROFILE)["next_boot"]["action"], "test")
        self.assertEqual(self.sim(), 0)
        found = self.dump("--layout", PROFILE)
        self.assertEqual(found["next_boot"]["action"], "revert")
        self.assertEqual([v["verdict"] for v in found["boot_log"]], ["trial-started"])
        self.assertEqual(self.dump()["next_boot"]["action"], "revert")
        self.assertEqual(self.sim(), 0)
        found = self.dump("--layout", PROFILE)
        self.assertEqual(found["next_boot"]["action"], "run")
        self.assertEqual(found["boot_log"][0]["verdict"], "reverted")
        self.assertEqual(found["slots"][0]["image"]["version"], "1.0.0+0")

    def test_in_the_middle_the_steps_are_counted(self):
        steps = []
        for cut in (14, 24, 34):
            with self.subTest(cut):
                for name in ("flash.bin", "flash.meta", "lock"):
                    (self.dir / "dev" / name).unlink(missing_ok=True)
                self.prepare()
                self.assertEqual(self.sim("--cut-power-at", cut), 0)
                exact, guess = self.dump("--layout", PROFILE), self.dump()
                for found in (exact, guess):
                    self.assertEqual(found["next_boot"]["action"], "resume")
                    self.assertEqual(found["next_boot"]["swap_type"], "test")
                self.assertEqual(exact["next_boot"]["steps"], 18)
                self.assertEqual(exact["next_boot"]["steps_done"], guess["next_boot"]["steps_done"])
                steps.append(exact["next_boot"]["steps_done"])
        self.assertEqual(steps, sorted(set(steps)))
        self.say("--layout", PROFILE, self.dir / "dev" / "flash.bin", says=("of 18 steps are done", "Tandem's note"))


class Hex(Case):
    def test_a_merged_hex_file_is_explained_by_address(self):
        path = self.file("merged.hex", hex_file([(0, vectors(0x100) + bytes(2000)), (0xc000, self.v1),
                                                 (0xff8100 + 0x28, provision())]))
        found = self.json(path)
        self.assertEqual(found["kind"], "hex")
        self.assertEqual([(t["kind"], t["address"]) for t in found["things"]],
                         [("code", 0), ("image", 0xc000), ("provision", 0xff8100)])
        self.say(path, says=("not in the file", "code: starts at 0x100"))

    def test_a_factory_file_is_no_bare_program(self):
        boot = vectors(0x100) + bytes(900) + b"I: Jumping to the first image slot\0" + bytes(200)
        path = self.file("merged.hex", hex_file([(0, boot), (0xc000, self.v1)]))
        self.say(path, says=("MCUboot: starts at 0x100", "one image, at 0xc000"), not_says="not signed")
        done = tandem("doctor", path)
        self.assertNotIn("bare program", done.stdout)
        self.assertEqual(self.json(path)["things"][0]["role"], "mcuboot")

    def test_a_table_behind_a_chips_own_block_is_found(self):
        block = b"FCFB" + bytes(range(1, 253)) * 3
        path = self.file("rt.hex", hex_file([(0x60000000, block.ljust(0x2000, b"\1") + b"\0\x94\0\x80" + vectors(0x60002100)[4:] +
                                              b"\x46" * 900)]))
        self.assertEqual([(t["kind"], t["address"]) for t in self.json(path)["things"]], [("code", 0x60002000)])

    def test_an_image_alone_stays_an_image(self):
        path = self.file("app.hex", hex_file([(0xc000, self.v1)]))
        self.assertEqual(self.json(path)["kind"], "image")
        self.say("--layout", PROFILE, path, says="slot 0, 0xc000")

    def test_what_is_wrong_with_a_hex_file_is_told(self):
        text = hex_file([(0, vectors(0x100) + bytes(200)), (0xc000, self.v1)])
        for name, data, says in (("sum.hex", text.replace(b":10", b":11", 1), "line"),
                                 ("twice.hex", hex_file([(0, bytes(64)), (32, bytes(64))]), "same address")):
            with self.subTest(name):
                self.say(self.file(name, data), exit=FILE, says=says)


class Nsib(Case):
    def dump(self, prov=None, code=None):
        return pad(pad(b"", 0x8028) + (prov or provision()), 0x9200) + (code or firmware())

    def test_metadata_and_provision_data_are_read(self):
        path = self.file("s0.bin", self.dump())
        found = self.json(path)
        things = {thing["kind"]: thing for thing in found["things"]}
        self.assertEqual(things["firmware"]["address"], 0x9200)
        self.assertEqual(things["firmware"]["nsib"]["version"], 3)
        self.assertTrue(things["firmware"]["nsib"]["validation"]["signature_good"])
        self.assertEqual(things["firmware"]["nsib"]["validation"]["fingerprint"], FINGERPRINT)
        data = things["provision"]["provision"]
        self.assertEqual((data["s0"], data["s1"]), (0x9000, 0x15000))
        self.assertEqual(data["keys"][0]["fingerprint"], FINGERPRINT)
        self.assertEqual(data["counters"][0]["left"], 4)
        self.say(path, says=("hash and signature good", "4 of 4 slots left", "life cycle assembly"))

    def test_states_of_keys_and_counters(self):
        for prov, says in ((provision(0x50fa0000), "revoked"), (provision(0xffffffff), "valid (b0 until SDK 2.6)"),
                           (provision(slots=[0xfff8, 0xfff6]), "firmware version 9 (version 4, from S0), 2 of 4")):
            with self.subTest(says):
                self.say(self.file("s0.bin", self.dump(prov)), says=says)

    def test_what_b0_would_refuse_is_told(self):
        code = bytearray(firmware())
        code[0x800] ^= 1
        self.say(self.file("s0.bin", self.dump(code=bytes(code))), says="THE HASH DOES NOT MATCH")
        code = bytearray(firmware())
        code[-1] ^= 1
        self.say(self.file("s0.bin", self.dump(code=bytes(code))), says="THE SIGNATURE DOES NOT VERIFY")
        code = bytearray(firmware())
        code[0x220:0x224] = bytes.fromhex("00000291")
        self.say(self.file("s0.bin", self.dump(code=bytes(code))), says="INVALIDATED")
        self.say(self.file("s0.bin", self.dump(code=firmware()[:0x1002])), says="no validation info behind it")

    def test_which_slot_the_first_stage_boots(self):
        two = firmware()
        code = bytearray(firmware())
        code[0x220:0x224] = bytes.fromhex("00000291")
        rows = [(provision(), two, 0, None),
                (provision(0x50fa0000), two, None, "its key is revoked"),
                (provision(slots=[0xfff8, 0xfff6]), two, None, "below the counter"),
                (provision(), bytes(code), None, "invalidated"),
                (provision().replace(bytes.fromhex(FINGERPRINT), bytes(16)), two, None, "never provisioned")]
        for prov, code, boots, why in rows:
            with self.subTest(why):
                path = self.file("s0.bin", self.dump(prov, code))
                found = self.json(path)["first_stage"]
                self.assertEqual(found["boots"], boots)
                if why is not None:
                    self.assertIn(why, found["slots"][0]["refused"])
                self.assertEqual(found["slots"][1]["refused"], "no firmware is there")
                self.say(path, says="boots version 3 from S0" if boots == 0 else "boots neither slot")

    def test_an_image_for_mcuboots_own_update_shows_both_layers(self):
        raw, out = self.file("inner.bin", firmware()), self.dir / "up.bin"
        done = tandem("sign", "-k", KEY, "-v", "0.0.1", "-H", "0x200", "--pad-header", "-S", "0x10000", "--align", "4",
                      raw, out)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.say(out, says=("MCUboot image, version 0.0.1", "firmware version 3, for address 0x9200",
                            "hash and signature good"))
        self.assertEqual(self.json(out)["nsib"]["version"], 3)


class Packages(Case):
    def entry(self, name, data, **more):
        return dict({"type": "application", "board": "ferry/nrf52833", "soc": "nrf52833", "load_address": 49664,
                     "image_index": "0", "slot_index_primary": "1", "slot_index_secondary": "2",
                     "version_MCUBOOT": "1.0.0+0", "size": len(data), "file": name, "modtime": 1}, **more)

    def zip(self, manifest, files, name="dfu.zip"):
        path = self.dir / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for member, data in files:
                out.writestr(member, data)
            if manifest is not None:
                out.writestr("manifest.json", manifest if isinstance(manifest, bytes) else json.dumps(manifest))
        return path

    def issues(self, path):
        return {issue["issue"] for issue in self.json(path)["issues"]}

    def manifest(self, *entries, version=1):
        return {"format-version": version, "time": 1, "name": "ferry", "files": list(entries)}

    def test_old_and_new_manifests_are_in_order(self):
        old = self.entry("app_update.bin", self.v1)
        for key in ("image_index", "slot_index_primary", "slot_index_secondary"):
            del old[key]
        for manifest, name in ((self.manifest(self.entry("app.bin", self.v1)), "app.bin"),
                               (self.manifest(old, version=0), "app_update.bin"),
                               (self.manifest(self.entry("a.bin", self.v1, image_index=0)), "a.bin"),
                               (self.manifest(self.entry("a.bin", self.v1, image_index="-1")), "a.bin")):
            with self.subTest(name):
                path = self.zip(manifest, [(name, self.v1)])
                self.say(path, says=("nothing is odd", "version 1.0.0+0"))
                self.assertEqual(self.issues(path), set())

    def test_what_contradicts_is_named(self):
        v1, v2, e = self.v1, self.v2, self.entry
        damaged = bytearray(v1)
        damaged[3000] ^= 1
        other = self.image("other", "1.0.0", key=OTHER_KEY)
        rows = [
            ("size-differs", self.manifest(e("a.bin", v1, size=9)), [("a.bin", v1)]),
            ("version-differs", self.manifest(e("a.bin", v2)), [("a.bin", v2)]),
            ("file-missing", self.manifest(e("a.bin", v1)), []),
            ("file-extra", self.manifest(e("a.bin", v1)), [("a.bin", v1), ("b.bin", v2)]),
            ("named-twice", self.manifest(e("a.bin", v1), e("a.bin", v1)), [("a.bin", v1)]),
            ("same-target", self.manifest(e("a.bin", v1), e("b.bin", v2, version_MCUBOOT="2.0.0+0")),
             [("a.bin", v1), ("b.bin", v2)]),
            ("keys-differ", self.manifest(e("a.bin", v1), e("b.bin", other, image_index="1")),
             [("a.bin", v1), ("b.bin", other)]),
            ("not-an-image", self.manifest(e("a.bin", b"x" * 900)), [("a.bin", b"x" * 900)]),
            ("image-damaged", self.manifest(e("a.bin", bytes(damaged))), [("a.bin", bytes(damaged))]),
            ("no-manifest", None, [("a.bin", v1)]),
            ("manifest-malformed", b"{ not json", [("a.bin", v1)]),
            ("manifest-empty", {"format-version": 1, "files": []}, [("a.bin", v1)]),
            ("other-bootloader", {"manifest": {"application": {"bin_file": "a.bin"}}}, [("a.bin", v1)]),
            ("variants-without-slot",
             self.manifest(e("s0.bin", v1, type="mcuboot"), e("s1.bin", v2, type="mcuboot", version_MCUBOOT="2.0.0+0")),
             [("s0.bin", v1), ("s1.bin", v2)]),
            ("no-file-name", {"files": [{"type": "application"}]}, []),
        ]
        for want, manifest, files in rows:
            with self.subTest(want):
                self.assertIn(want, self.issues(self.zip(manifest, files)))

    def test_a_name_twice_in_the_archive_is_told(self):
        path = self.dir / "dfu.zip"
        with zipfile.ZipFile(path, "w") as out:
            out.writestr("manifest.json", json.dumps(self.manifest(self.entry("a.bin", self.v1))))
            out.writestr("a.bin", self.v1)
            with self.assertWarns(UserWarning):
                out.writestr("a.bin", self.v2)
        self.assertIn("there-twice", self.issues(path))

    def test_a_bomb_stays_packed(self):
        path = self.zip(self.manifest(self.entry("big.bin", b"")), [("big.bin", bytes(120_000_000))])
        self.assertLess(path.stat().st_size, 300_000)
        self.assertIn("too-large", self.issues(path))
        self.say(path, says="was left packed")

    def test_a_damaged_archive_is_a_file_error(self):
        path = self.zip(self.manifest(self.entry("a.bin", self.v1)), [("a.bin", self.v1)])
        path.write_bytes(path.read_bytes()[:-40])
        self.say(path, exit=FILE, says="cannot be read")

    def multi(self, *images):
        body = b"".join(b"\xa2\x62id" + (bytes([number]) if number >= 0 else bytes([0x1f - number])) + b"\x64size\x1a" +
                        struct.pack(">I", len(data)) for number, data in images)
        head = b"\xa1\x63img" + bytes([0x80 + len(images)]) + body
        return struct.pack("<H", len(head)) + head + b"".join(data for _, data in images)

    def test_several_images_in_one_file(self):
        data = self.multi((0, self.v1), (1, self.v2))
        found = self.json(self.file("dfu_multi_image.bin", data))
        self.assertEqual(found["form"], "multi")
        self.assertEqual([f["version"] for f in found["files"]], ["1.0.0+0", "2.0.0+0"])
        self.assertEqual(found["issues"], [])
        cut = self.issues(self.file("cut.bin", data[:-100]))
        self.assertIn("truncated", cut)
        self.assertIn("extra-bytes", self.issues(self.file("more.bin", data + b"1234")))
        self.say(self.file("bad.bin", data[:5] + b"\xff" + data[6:40]), exit=FILE)

    def test_names_reach_no_terminal_raw(self):
        name = "a\x1b[31m.bin"
        path = self.zip(self.manifest(self.entry(name, self.v1)), [(name, self.v1)])
        self.assertNotIn("\x1b", self.say(path))


class Pictures(Case):
    def test_svg_is_a_document_with_every_region(self):
        flash = self.file("flash.bin", self.flash(self.v1, with_trailer(self.v2), rest=b"\xff" * 0x4000))
        out = self.dir / "map.svg"
        self.say("--svg", out, "--layout", PROFILE, flash, self.file("<&>.bin", self.v1))
        document = xml.dom.minidom.parse(str(out))
        words = " ".join(t.firstChild.nodeValue for t in document.getElementsByTagName("text") if t.firstChild)
        for want in ("slot 0: image 1.0.0+0", "slot 1: trailer", "next boot: swaps 2.0.0 in", "<&>.bin"):
            self.assertIn(want, words)

    def test_a_long_name_is_cut_in_front(self):
        out = self.dir / "map.svg"
        self.say("--svg", out, self.file("a_long_name_" * 10 + "end.bin", self.v1))
        titles = [t.firstChild.nodeValue for t in xml.dom.minidom.parse(str(out)).getElementsByTagName("text")
                  if t.getAttribute("class") == "t"]
        self.assertTrue(titles[0].startswith("..."), titles)
        self.assertLessEqual(len(titles[0]), 63)

    def test_labels_do_not_overlap(self):
        flash = self.file("flash.bin", self.flash(with_trailer(self.v1, done=1, info=2), self.v2))
        out = self.dir / "map.svg"
        self.say("--svg", out, flash)
        document = xml.dom.minidom.parse(str(out))
        rows = [float(t.getAttribute("y")) for t in document.getElementsByTagName("text")
                if t.getAttribute("class") == "l"]
        self.assertGreater(len(rows), 5)
        for above, below in zip(rows, rows[1:]):
            self.assertGreaterEqual(below - above, 13)

    def test_a_picture_that_cannot_be_written_is_a_file_error(self):
        self.say("--svg", self.dir / "no" / "map.svg", self.file("a.bin", self.v1), exit=FILE, says="cannot be written")


class Doctor(Case):
    def findings(self, *files):
        done = tandem("doctor", "--json", *files)
        self.assertIn(done.returncode, (OK, REFUSED), done.stderr)
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        return {o["finding"]["name"] if "finding" in o else o["name"] for o in objects
                if "finding" in o or o.get("kind") in ("cause", "trap", "remark")}

    def test_a_large_dump_is_read_to_its_end(self):
        data = self.flash(self.v1, with_trailer(self.v2, ok=0x7f), rest=b"\xff" * 0x4000)
        self.assertIn("request-unseen", self.findings(self.file("flash.bin", data)))

    def test_a_good_dump_and_a_good_image_are_healthy(self):
        data = self.flash(self.v1, with_trailer(self.v2), rest=b"\xff" * 0x4000)
        for name, held in (("flash.bin", data), ("v2.bin", self.v2)):
            # The demo's key is a public one, and it is said.
            self.assertEqual(self.findings(self.file(name, held)) - {"sample-key"}, set())

    def test_a_damaged_image_is_found(self):
        bad = bytearray(self.v1)
        bad[3000] ^= 1
        self.assertIn("file-damaged", self.findings(self.file("v1.bin", bytes(bad))))

    def test_a_key_that_b0_does_not_trust_is_found(self):
        prov = bytearray(provision())
        prov[16] ^= 1
        dump = pad(pad(b"", 0x8028) + bytes(prov), 0x9200) + firmware()
        self.assertIn("nsib-key-untrusted", self.findings(self.file("s0.bin", dump)))

    def test_what_is_packed_is_to_be_unpacked(self):
        self.say(self.file("a.bin.gz", gzip.compress(bytes(5000))), exit=FILE,
                 says=["this is packed with gzip", "unpack it"])


if __name__ == "__main__":
    unittest.main()
