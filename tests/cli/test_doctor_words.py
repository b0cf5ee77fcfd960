#!/usr/bin/env python3
"""What the doctor's rules tell people to do can be done: options and commands that they name exist.

Debian's python3 alone; TANDEM names the binary.
"""

import functools
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
OPTIONS = ROOT / "src" / "doctor" / "options"

OPTION = re.compile(r"\b(?:SB_)?CONFIG_[A-Z0-9_]*[A-Z0-9]\b(?!_)")
# A verb is what follows the program's name in a command, and options are what follows the verb.
COMMAND = re.compile(r"\btandem (?:-d [A-Z]+ )?([a-z][a-z0-9-]*)((?: [^;,`()]*)?)")
# Words that follow the name where a sentence speaks of the program.
SENTENCES = {"finds", "prints", "says", "shows", "in", "is", "and", "of", "does", "itself"}
# imgtool's commands; of these rules name a few.
IMGTOOL = {"sign", "verify", "dumpinfo", "keygen", "getpub", "getpubhash", "getpriv", "create", "keyinfo"}


def run(*args):
    return subprocess.run([TANDEM, *args], capture_output=True, timeout=60, text=True)


@functools.cache
def rules():
    lines = run("--json", "doctor", "--rules").stdout.splitlines()
    return [json.loads(line)["rule"] for line in lines]


def texts(rule):
    return [rule[key] for key in ("title", "why", "fix", "check") if rule.get(key)]


@functools.cache
def usage(*verb):
    done = run(*verb, "--help")
    return done.stdout if done.returncode == 0 else None


def known_options():
    """The names of the books: SB_CONFIG_ is written out, CONFIG_ is not."""
    names = set()
    for book in OPTIONS.glob("*.yml"):
        for name in re.findall(r"\b(?:name|now): *'?([A-Z0-9_]+)", book.read_text()):
            names.add(name if name.startswith("SB_CONFIG_") else "CONFIG_" + name)
    return names


class Words(unittest.TestCase):
    def test_there_are_rules_to_look_at(self):
        self.assertGreater(len(rules()), 300)

    def test_every_option_that_a_rule_names_is_in_the_books(self):
        known = known_options()
        for rule in rules():
            for text in texts(rule):
                for name in OPTION.findall(text):
                    with self.subTest(rule=rule["id"]):
                        self.assertIn(name, known, text)

    def test_every_command_that_a_rule_names_exists_with_its_options(self):
        for rule in rules():
            for text in texts(rule):
                for verb, rest in COMMAND.findall(text):
                    with self.subTest(rule=rule["id"], command=f"tandem {verb}{rest}"):
                        self.check_command(verb, rest.split())

    def check_command(self, verb, words):
        if verb in SENTENCES:
            return
        path = [verb]
        self.assertIsNotNone(usage(verb), "there is no such verb")
        if "COMMAND [ARGUMENTS]" in usage(verb) and words and words[0].isalpha():
            path.append(words[0].rstrip("."))
            self.assertIsNotNone(usage(*path), "there is no such command")
        for word in words:
            option = re.match(r"--?[a-z][a-z-]*", word)
            if option:
                self.assertRegex(usage(*path), rf"(?<![\w-]){option[0]}(?![\w-])")

    def test_every_command_of_imgtool_that_a_rule_names_exists(self):
        for rule in rules():
            for text in texts(rule):
                for verb in re.findall(r"\bimgtool ([a-z]+) (?:-|[A-Z]{3})", text):
                    with self.subTest(rule=rule["id"]):
                        self.assertIn(verb, IMGTOOL)


if __name__ == "__main__":
    unittest.main()
