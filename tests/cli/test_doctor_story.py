#!/usr/bin/env python3
"""What tandem doctor tells of a log as a whole: the order of things, and what no line says.

Debian's python3 alone; TANDEM names the binary.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))

OK, FOUND = 0, 1
OLD, NEW = "5ad07c13" * 8, "e1946fb2" * 8


def images(*slots):
    lines = ["Images:"]
    for number, (digest, flags) in enumerate(slots):
        lines += [
            f" image=0 slot={number}",
            f"    version: 1.{number}.0",
            "    bootable: true",
            f"    flags: {flags}",
            f"    hash: {digest}",
        ]
    return lines + ["Split status: N/A (0)"]


def command(words):
    return f"$ mcumgr -c board {words}"


START = [command("image list"), *images((OLD, "active confirmed"))]
SEND = [command("image upload app_update.bin"), "Done"]
MARK = [command(f"image test {NEW}"), *images((OLD, "active confirmed"), (NEW, "pending"))]
RESET = [command("reset"), "Done", command("image list")]

CONSOLE = """\
I: Starting bootloader
I: Primary image: magic=good, swap_type=0x2, copy_done=0x1, image_ok=0x1
I: Secondary image: magic={magic}, swap_type=0x1, copy_done=0x3, image_ok=0x3
I: Boot source: none
I: Image index: 0, Swap type: {type}
{more}I: Bootloader chainload address offset: 0xc000
I: Jumping to the first image slot
"""


class Story(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-story-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def doctor(self, want, **files):
        names = []
        for name, text in files.items():
            names.append(name + ".txt")
            (self.dir / names[-1]).write_text(text if isinstance(text, str) else "\n".join(text) + "\n")
        done = subprocess.run(
            [TANDEM, "--no-color", "doctor", *names], capture_output=True, timeout=60, cwd=self.dir, text=True
        )
        self.assertEqual(done.returncode, want, done.stdout + done.stderr)
        return " ".join(done.stdout.split())

    def first(self, out):
        return out.split(" 1. ", 1)[1].split(" of 100)", 1)[1].split()[1]

    def test_typed_commands_are_told_in_their_order(self):
        out = self.doctor(OK, shell=START + SEND + MARK + RESET + images((NEW, "active"), (OLD, "confirmed")))
        told = ["an upload by command", f"{NEW[:8]} is asked to be tested", "a reset by command", "slot 0: 1.0.0 e1946fb2, active"]
        places = [out.index(words) for words in told]
        self.assertEqual(places, sorted(places))

    def test_an_upload_without_a_mark_is_why_nothing_changed(self):
        out = self.doctor(FOUND, shell=START + SEND + RESET + images((OLD, "active confirmed"), (NEW, "")))
        self.assertEqual(self.first(out), "D32")

    def test_a_slot_that_emptied_was_refused(self):
        out = self.doctor(FOUND, shell=START + SEND + MARK + RESET + images((OLD, "active confirmed")))
        self.assertEqual(self.first(out), "D10")

    def test_a_mark_that_survived_was_left_for_lack_of_room(self):
        after = images((OLD, "active confirmed"), (NEW, "pending"))
        out = self.doctor(FOUND, shell=START + SEND + MARK + RESET + after)
        self.assertEqual(self.first(out), "D07")
        self.assertIn("was pending before the reset, and is after it", out)

    def test_a_console_that_sees_no_mark_says_that_it_looks_elsewhere(self):
        after = images((OLD, "active confirmed"), (NEW, "pending"))
        console = CONSOLE.format(magic="unset", type="none", more="")
        out = self.doctor(FOUND, shell=START + SEND + MARK + RESET + after, console=console)
        self.assertNotIn("D07", out.split("Set aside")[0])
        self.assertIn("disagree", out)

    def test_what_no_rule_names_ends_in_the_ways_that_are_left(self):
        after = images((OLD, "active confirmed"), (NEW, "pending"))
        console = CONSOLE.format(magic="good", type="test", more="I: Starting swap using move algorithm.\n")
        out = self.doctor(FOUND, shell=START + SEND + MARK + RESET + after, console=console)
        self.assertEqual(self.first(out), "S1")
        self.assertIn("left it on purpose or never saw it", out)


if __name__ == "__main__":
    unittest.main()
