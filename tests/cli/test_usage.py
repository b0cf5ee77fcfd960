#!/usr/bin/env python3
"""What --help says: it fits a terminal, and the man page knows every verb and option of it.

Debian's python3 alone; TANDEM names the binary.
"""

import functools
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
PAGE = ROOT / "docs" / "man" / "tandem.1"

GLOBAL = {"json", "help", "version", "quiet", "no-color"}


@functools.cache
def usage(*verb):
    done = subprocess.run([TANDEM, *verb, "--help"], capture_output=True, timeout=60, text=True)
    return done.stdout if done.returncode == 0 else ""


def names(text):
    """The first words of a list: two blanks, the name, two blanks or more, what it does."""
    return re.findall(r"^  ([a-z][a-z0-9-]+) {1,}[^ ]", text, re.M)


@functools.cache
def commands():
    paths = []
    listed = usage().split("Global options")[0]
    for verb in names(listed):
        subs = usage(verb) if "COMMAND [ARGUMENTS]" in usage(verb) else ""
        paths += [(verb, sub) for sub in names(subs.split("\n\n", 2)[-1])] if subs else [(verb,)]
    return paths


@functools.cache
def page():
    """The sections of the man page by the command that they are about."""
    sections, now = {}, ""
    for line in PAGE.read_text().splitlines():
        if line.startswith((".Ss", ".Sh")):
            now = line
        sections[now] = sections.get(now, "") + line.replace("\\-", "-") + "\n"
    return sections


class Usage(unittest.TestCase):
    def test_there_are_commands(self):
        self.assertIn(("doctor",), commands())
        self.assertIn(("layout", "check"), commands())
        self.assertGreater(len(commands()), 30)

    def test_every_line_fits_into_80_columns(self):
        for path in [(), *commands()]:
            for line in usage(*path).splitlines():
                with self.subTest(command=" ".join(path)):
                    self.assertLessEqual(len(line), 80, line)

    def test_the_man_page_tells_of_every_command_and_its_options(self):
        for path in commands():
            with self.subTest(command=" ".join(path)):
                about = "".join(
                    text for head, text in page().items()
                    if re.search(rf"[.]Ss (?:\S+ , )*{path[0]}\b", head.replace("Cm ", "").replace(" | ", " , "))
                )
                self.assertTrue(about, "no section")
                self.assertIn(path[-1], about)
                for short, option in re.findall(r"(?:(?<!\S)-(\w), )?--([a-z][a-z0-9-]+)", usage(*path)):
                    if option not in GLOBAL:
                        known = rf"-{option}\b" + (rf"|\bFl {short}\b" if short else "")
                        self.assertRegex(about, known, "is not in the man page")


if __name__ == "__main__":
    unittest.main()
