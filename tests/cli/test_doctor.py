#!/usr/bin/env python3
"""tandem doctor as people call it: what it says, in which order, and with which exit code.

Debian's python3 alone; TANDEM names the binary.
"""

import gzip
import io
import json
import os
import pathlib
import pty
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
GOLDEN = ROOT / "tests" / "golden"

OK, FOUND, USAGE, FILE = 0, 1, 2, 4

NO_ROOM = """\
*** Booting MCUboot v2.1.0 ***
I: Starting bootloader
I: Image index: 0, Swap type: test
W: Not enough free space to run swap upgrade
W: required 249856 bytes but only 245760 are available
I: Bootloader chainload address offset: 0xc000
"""

GOOD = """\
*** Booting MCUboot v2.1.0 ***
I: Starting bootloader
I: Primary image: magic=unset, swap_type=0x1, copy_done=0x3, image_ok=0x3
I: Secondary image: magic=unset, swap_type=0x1, copy_done=0x3, image_ok=0x3
I: Boot source: none
I: Image index: 0, Swap type: none
I: Bootloader chainload address offset: 0xc000
I: Image version: v1.2.3
I: Jumping to the first image slot
"""


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-doctor-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def file(self, name, content):
        (self.dir / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def doctor(self, want, *args, stdin=b""):
        done = subprocess.run(
            [TANDEM, "doctor", *map(str, args)], input=stdin, capture_output=True, timeout=120, cwd=self.dir
        )
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, want, f"{args}\n{done.out}{done.err}")
        return done

    def objects(self, want, *args):
        return [json.loads(line) for line in self.doctor(want, "--json", *args).out.splitlines()]


class Text(Case):
    def test_what_is_wrong_comes_with_its_evidence_and_exit_code_1(self):
        out = self.doctor(FOUND, self.file("console.txt", NO_ROOM)).out
        for text in (
            "Looked at\n  console.txt  console of MCUboot\n",
            "What is wrong, the likeliest first\n\n1. ",
            "   console.txt:4  W: Not enough free space to run swap upgrade\n",
            "\n   Why      ",
            "\n   Do       ",
        ):
            self.assertIn(text, out)
        self.assertNotIn("\033", out)
        for line in out.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_when_nothing_is_wrong_it_says_so(self):
        done = self.doctor(OK, self.file("boot.txt", GOOD))
        self.assertIn("Nothing is wrong with what these files show.\n", done.out)
        self.assertIn("boot.txt  console of MCUboot\n", done.out)
        self.assertEqual(done.err, "")

    def test_a_file_of_no_known_kind_is_called_so(self):
        done = self.doctor(OK, self.file("a.txt", "Dear diary,\n\ntoday was warm.\n"), self.file("b", ""))
        self.assertIn("a.txt  3 lines of text, none of a kind that I know\n", done.out)
        self.assertIn("b      nothing that I know\n", done.out)
        self.assertIn("nothing in these files that I could judge. What helps: ", done.out)

    def test_text_of_windows_is_text(self):
        for name, text in {
            "le.txt": NO_ROOM.encode("utf-16-le"),
            "be.txt": NO_ROOM.encode("utf-16-be"),
            "le-marked.txt": b"\xff\xfe" + NO_ROOM.encode("utf-16-le"),
            "be-marked.txt": b"\xfe\xff" + NO_ROOM.encode("utf-16-be"),
            "marked.txt": b"\xef\xbb\xbf" + NO_ROOM.replace("\n", "\r\n").encode(),
        }.items():
            out = self.doctor(FOUND, self.file(name, text)).out
            self.assertIn(f"{name}:4  W: Not enough free space to run swap upgrade\n", out)

    def test_what_is_packed_is_not_passed_over_in_silence(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("console.txt", NO_ROOM)
        for name, content in {"a.gz": gzip.compress(NO_ROOM.encode()), "a.zip": packed.getvalue()}.items():
            out = self.doctor(FOUND, self.file(name, content)).out
            self.assertIn(f"1. {name} is packed: nothing in it was looked at\n", out)
            self.assertIn("Unpack it", out)

    def test_an_image_is_recognised_among_text(self):
        shutil.copy(GOLDEN / "ecdsa-p256.img", self.dir / "app.bin")
        out = self.doctor(FOUND, "app.bin", self.file("console.txt", NO_ROOM)).out
        self.assertIn("  app.bin      MCUboot image, version ", out)

    def test_standard_input_is_a_file(self):
        out = self.doctor(FOUND, "-", stdin=NO_ROOM.encode()).out
        self.assertIn("(standard input):4  W: Not enough", out)

    def test_line_ends_and_colours_change_nothing(self):
        plain = self.doctor(FOUND, self.file("c", NO_ROOM)).out
        self.assertEqual(self.doctor(FOUND, self.file("c", NO_ROOM.replace("\n", "\r\n"))).out, plain)
        coloured = "".join(f"\033[1;33m{line}\033[0m\n" for line in NO_ROOM.splitlines())
        self.assertEqual(self.doctor(FOUND, self.file("c", coloured)).out, plain)

    def test_a_terminal_gets_colours_unless_it_wants_none(self):
        self.file("c.txt", NO_ROOM)
        env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        for options, title in ((["c.txt"], b"\x1b[1m\x1b[31m1. "), (["--no-color", "c.txt"], b"\n1. ")):
            ours, theirs = pty.openpty()
            done = subprocess.Popen([TANDEM, "doctor", *options], stdout=theirs, cwd=self.dir, env=env)
            os.close(theirs)
            out = b""
            try:
                while block := os.read(ours, 4096):
                    out += block
            except OSError:
                pass  # how a terminal says that nobody writes any more
            os.close(ours)
            self.assertEqual(done.wait(), FOUND)
            self.assertIn(title, out)
            self.assertEqual(b"\x1b" in out, "--no-color" not in options)

    def test_a_file_that_cannot_be_read_is_said_and_the_others_are_judged(self):
        done = self.doctor(FILE, "none.txt", self.file("c.txt", NO_ROOM), ".")
        self.assertIn("none.txt: No such file", done.err)
        self.assertIn(".: Is a directory", done.err)
        self.assertIn("c.txt:4", done.out)
        alone = self.doctor(FILE, "none.txt")
        self.assertEqual((alone.out, "other files" in alone.err), ("", False))

    def dump(self):
        """An image in slot 0, and in slot 1 a request and no image."""
        self.file("program", struct.pack("<II", 0x20001000, 0xC401) + bytes(20000))
        subprocess.run([TANDEM, "sign", "-H", "0x200", "--pad-header", "-S", "0x38000", "--align", "4", "-v", "1.0.0",
                        "program", "image"], check=True, stdout=subprocess.DEVNULL, cwd=self.dir)
        magic = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
        flash = bytearray(b"\xff" * 0x80000)
        image = (self.dir / "image").read_bytes()
        flash[0xC000:0xC000 + len(image)] = image
        flash[0x7C000 - 16:0x7C000] = magic
        return self.file("dump.bin", bytes(flash))

    def test_a_dump_is_judged_by_the_layout_beside_it_in_any_order(self):
        dump, slots = self.dump(), ((0xC000, 0x38000), (0x44000, 0x38000))
        yaml = "mcuboot: {address: 0, size: 0xc000}\n" + "".join(
            f"mcuboot_{name}: {{address: {at:#x}, size: {size:#x}}}\n"
            for name, (at, size) in zip(("primary", "secondary"), slots))
        report = "".join(f"| {at:#x}: mcuboot_{name} ({size:#x} - 224kB) |\n"
                         for name, (at, size) in zip(("primary", "secondary"), slots))
        said = self.file("pm_static.yml", yaml)
        pasted = self.file("build.log", "  flash_primary (0x80000 - 512kB): \n" + report)
        foreign = self.file("foreign.yml", yaml.replace("0xc000,", "0x10000,").replace("0x44000", "0x48000"))
        refused = "slot 1 holds no image"
        # Alone, the trailer is taken for slot 0's end; a layout that nothing in the dump fits changes nothing.
        for files in ((dump,), (dump, foreign), (foreign, dump)):
            with self.subTest(files=files):
                self.assertNotIn(refused, " ".join(self.doctor(OK, *files).out.split()))
        for files in ((dump, said), (said, dump), (dump, pasted), (pasted, dump), (foreign, dump, said)):
            with self.subTest(files=files):
                found = [o["finding"] for o in self.objects(FOUND, *files) if "finding" in o]
                self.assertEqual(found[0]["id"], "F15")
                self.assertIn(refused, found[0]["why"])
        piped = self.doctor(FOUND, "-", said, stdin=(self.dir / dump).read_bytes())
        self.assertIn(refused, " ".join(piped.out.split()))

    def test_each_of_two_layouts_is_recognised(self):
        one = self.file("one.yml", "mcuboot: {address: 0, size: 0xc000}\nmcuboot_primary: {address: 0xc000, size: 0x1000}\n")
        two = self.file("two.yml", "mcuboot: {address: 0, size: 0xd000}\nmcuboot_primary: {address: 0xd000, size: 0x1000}\n")
        out = self.doctor(OK, one, two).out
        self.assertIn("one.yml  partitions", out)
        self.assertIn("two.yml  partitions", out)

    def test_a_command_line_that_makes_no_sense_is_usage(self):
        self.assertIn("one file or more", self.doctor(USAGE).err)
        self.assertIn("no option --al", self.doctor(USAGE, "--al", "x").err)
        self.assertIn("one rule or topic", self.doctor(USAGE, "--rules", "a", "b").err)
        self.assertIn("no rule and no topic 'a'", self.doctor(USAGE, "--rules", "a").err)

    def test_rules_are_listed_and_explained(self):
        rules = self.doctor(OK, "--rules").out.splitlines()
        self.assertGreater(len(rules), 50)
        out = self.doctor(OK, "--rules", rules[0].split()[0]).out
        for word in ("\n  score ", "\n  why "):
            self.assertIn(word, out)
        one = self.objects(OK, "--rules", rules[0].split()[0])
        self.assertEqual(one[0]["rule"]["id"], rules[0].split()[0])


class Json(Case):
    def test_findings_are_objects_and_the_result_is_the_last(self):
        got = self.objects(FOUND, self.file("console.txt", NO_ROOM))
        self.assertEqual([list(o) for o in got if len(o) != 1], [])
        kinds = [next(iter(o)) for o in got]
        self.assertEqual(kinds[0], "file")
        self.assertEqual(kinds[-1], "result")
        result = got[-1]["result"]
        self.assertEqual((result["files"], result["unread"], result["exit"]), (1, 0, 1))
        findings = [o["finding"] for o in got if "finding" in o]
        self.assertEqual(len(findings), sum(result[k] for k in ("causes", "traps", "remarks", "harmless")))
        first = findings[0]
        self.assertEqual(first["kind"], "cause")
        self.assertEqual(
            set(first),
            set("id name kind score likelihood title why fix check evidence asks sources".split()),
        )
        said = [e for f in findings for e in f["evidence"] if "Not enough free space" in e["text"]]
        self.assertEqual((said[0]["file"], said[0]["line"]), ("console.txt", 4))
        self.assertEqual(said[0]["offset"], NO_ROOM.index("W: Not"))

    def test_bytes_that_are_no_text_still_make_json(self):
        self.objects(FOUND, self.file("c", NO_ROOM.encode() + b"E: \xff\xfe Image in the secondary slot is not valid!\n"))

    def test_an_unread_file_is_counted(self):
        result = self.objects(FILE, "none", self.file("c", GOOD))[-1]["result"]
        self.assertEqual((result["unread"], result["exit"], result["causes"]), (1, FILE, 0))


class Size(Case):
    """A log of any length takes the memory of a short one."""

    def feed(self, megabytes):
        env = dict(os.environ)
        # ASan keeps what was freed; what is measured here is what is held.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        child = subprocess.Popen([TANDEM, "doctor", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        sent = n = 0
        while sent < megabytes * 1000000:
            block = "".join(self.lines(n + i) for i in range(2000)).encode()
            child.stdin.write(block)
            sent += len(block)
            n += 2000
        child.stdin.close()
        out = child.stdout.read().decode()
        child.stdout.close()
        self.assertEqual(child.wait(), FOUND, out)
        self.assertIn("W: Not enough free space", out)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    @staticmethod
    def lines(n):
        """Whatever can differ from line to line does: values, hashes, frames, times, options."""
        if n % 50 == 3:
            return f"W: Not enough free space to run swap upgrade\nW: required {n} bytes but only {n - 9} are available\n"
        if n % 50 == 7:
            return f"CONFIG_SOMETHING_{n}=y\n0x{n:08x}: part_{n} (0x{n:x})\n"
        if n % 50 == 9:
            return f"V\t0{n % 10}:47:{n % 60:02}.{n % 1000:03}\t[McuMgr] New state: UPLOAD\n"
        if n % 50 == 11:
            seq = n % 256
            return f"hex 01-00-00-06-00-3f-{seq:02x}-00-bf-62-72-63-{n % 24:02x}-ff\n"
        return f"[{n // 3600000 % 100:02}:{n // 60000 % 60:02}:{n // 1000 % 60:02}.{n % 1000:03},000] <inf> app: value {n} of 0x{n * 7919 & 0xFFFFFFFF:08x}\n"

    def test_a_log_of_a_hundred_megabytes_takes_constant_memory(self):
        checked = "asan" in TANDEM  # ten times as slow, and larger
        short, long = self.feed(2), self.feed(20 if checked else 100)
        self.assertLess(long - short, 8 * 1024, f"{short} KB for 2 MB, {long} KB for the long one")
        if not checked:
            self.assertLess(long, 64 * 1024, f"{long} KB")


if __name__ == "__main__":
    unittest.main(verbosity=2)
