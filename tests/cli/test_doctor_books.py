#!/usr/bin/env python3
"""The doctor's books against what there is: a condition on a fact that nothing makes never holds.

Debian's python3 alone; TANDEM names the binary.
"""

import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
ROOMS = ("doctor", "layout", "tools")


def rules():
    out = subprocess.run([TANDEM, "doctor", "--rules", "--json"], capture_output=True, text=True,
                         check=True).stdout
    return [json.loads(line)["rule"] for line in out.splitlines()]


def conditions(rule):
    for text in (*rule["when"], *rule["any"], *rule["unless"],
                 *(adjust["if"] for adjust in rule["adjust"])):
        yield text.removeprefix("not ")


def facts_made():
    """Names of phrases, and every name of that form that the code spells out."""
    made = set()
    for room in ROOMS:
        for path in (ROOT / "src" / room).rglob("*"):
            text = path.read_text() if path.suffix in (".c", ".h", ".yml") else ""
            if path.parent.name == "phrases":
                made |= set(re.findall(r"^  - fact: ([a-z0-9.-]+)", text, re.M))
            elif path.suffix == ".c" and not path.stem.endswith(("_test", "_fuzz")):
                made |= set(re.findall(r'"([a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*)"', text))
    return made


class DoctorBooks(unittest.TestCase):
    def test_every_fact_that_a_rule_names_is_made_by_something(self):
        made = facts_made()
        unknown = set()
        for rule in rules():
            for condition in conditions(rule):
                name = condition.split()[0]
                if name.endswith("*"):
                    known = any(fact.startswith(name[:-1]) for fact in made)
                else:
                    known = name in made
                if not known:
                    unknown.add((rule["id"], name))
        self.assertEqual(unknown, set())


if __name__ == "__main__":
    unittest.main()
