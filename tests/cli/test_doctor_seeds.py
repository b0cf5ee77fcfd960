#!/usr/bin/env python3
"""The two cases that the doctor was made for: the findings and their order hold however the
case is told - whole, reordered, cut short, as frames alone or as words alone.

Debian's python3 alone; TANDEM names the binary.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
CASES = ROOT / "tests" / "doctor" / "cases"

MARK_STAYS = (CASES / "mark-stays.txt").read_text(encoding="utf-8")
SECOND_STAGE = (CASES / "second-stage.txt").read_text(encoding="utf-8")


def signed(size):
    """An image of so many bytes, its header and records besides."""
    with tempfile.TemporaryDirectory(prefix="tandem-doctor-") as name:
        bare, out = pathlib.Path(name) / "app.bin", pathlib.Path(name) / "app.signed.bin"
        bare.write_bytes(bytes(i * 7 & 0xFF for i in range(size)))
        subprocess.run(
            [TANDEM, "sign", "-H", "512", "-S", "0x37000", "-v", "1.0.0", "--pad-header", str(bare), str(out)],
            check=True, capture_output=True, timeout=60,
        )
        return out.read_bytes()


def diagnose(*contents):
    """What the doctor says about files with these contents: findings and what was set aside."""
    with tempfile.TemporaryDirectory(prefix="tandem-doctor-") as name:
        files = []
        for i, content in enumerate(contents):
            files.append(pathlib.Path(name) / f"{i}.txt")
            files[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
        done = subprocess.run(
            [TANDEM, "doctor", "--json", *map(str, files)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    found = [x["finding"] for x in said if "finding" in x]
    aside = [x["set_aside"] for x in said if "set_aside" in x]
    return done.returncode, found, aside


def ids(findings, kind=None):
    return [f["id"] for f in findings if kind is None or f["kind"] == kind]


# ---- the first case, told in other ways -------------------------------------------------

def logs(text):
    """The two logs, each from its heading to its last line with a time."""
    lines = text.splitlines()
    heads = [i for i, line in enumerate(lines) if line.strip().startswith("nRF Connect, ")]
    out = []
    for head in heads:
        end = head + 2
        while end < len(lines) and re.match(r"\s*[VDIWEA]\t", lines[end]):
            end += 1
        out.append("\n".join(lines[head:end]) + "\n")
    return out


def config(text):
    return "\n".join(line.strip() for line in text.splitlines() if line.strip().startswith("CONFIG_")) + "\n"


def only(text, letters):
    """The lines of these levels alone."""
    return "".join(line + "\n" for line in text.splitlines() if re.match(rf"\s*[{letters}]\t", line))


def hex_alone(text):
    return "".join(
        line + "\n" for line in text.splitlines() if "setValue(0x0" in line or "value: (0x)" in line
    )


def as_tandem(text):
    """The same frames as our own log has them."""
    out = ["# tandem-log 1 2026-11-21T13:01:45Z ble:Orbit"]
    for line in text.splitlines():
        sent = re.search(r"setValue\(0x(0[02][0-9A-F]+)\)", line)
        came = re.search(r"value: \(0x\) ([0-9A-F-]+)", line)
        if sent:
            out.append(f"{len(out)}.000000 > {sent.group(1).lower()}")
        elif came:
            out.append(f"{len(out)}.000000 < {came.group(1).replace('-', '').lower()}")
    return "\n".join(out) + "\n"


def first_lines(text, n):
    return "".join(line + "\n" for line in text.splitlines()[:n])


FIRST, SECOND = logs(MARK_STAYS)
CONFIG = config(MARK_STAYS)
RENAMED = MARK_STAYS.replace("Orbit", "Nestor").replace("D3:19:4C:0E:77:A2", "F0:11:22:33:44:55")
LISTED = next(i for i, line in enumerate(MARK_STAYS.splitlines(), 1) if '"pending":true' in line)
ERASED = next(i for i, line in enumerate(MARK_STAYS.splitlines(), 1) if '{"rc":8}' in line)

NO_ROOM = ["D07", "D08", "A2", "A3"]

# what it is, its files, harmless findings that belong to it
STAYS = [
    ("as it came", [MARK_STAYS], ["D03", "D29"]),
    ("with other names", [RENAMED], ["D03", "D29"]),
    ("the later log first", [SECOND + "\n" + FIRST + "\n" + CONFIG], ["D03", "D29"]),
    ("the configuration first", [CONFIG + "\n" + FIRST + "\n" + SECOND], ["D03", "D29"]),
    ("three files", [CONFIG, SECOND, FIRST], ["D03", "D29"]),
    ("the logs without configuration", [FIRST + SECOND], ["D03", "D29"]),
    ("the first log alone", [FIRST], ["D03"]),
    ("the second log alone", [SECOND], ["D03", "D29"]),
    ("what the app says in words alone", [only(MARK_STAYS, "A")], ["D03"]),
    ("words of the second log alone", [only(SECOND, "A")], ["D03"]),
    ("frames in hex alone", [hex_alone(MARK_STAYS)], ["D03"]),
    ("frames of the first log alone", [hex_alone(FIRST)], ["D03"]),
    ("the same frames in our own log", [as_tandem(FIRST) + as_tandem(SECOND)], ["D03"]),
    ("with blanks in place of tabs and another line end", [MARK_STAYS.replace("\t", "  ").replace("\n", "\r\n")], ["D03", "D29"]),
    ("quoted in an answer", ["".join(f"> {line}\n" for line in MARK_STAYS.splitlines())], ["D03", "D29"]),
    ("without the debug lines", [only(MARK_STAYS, "VIWEA")], ["D03", "D29"]),
    ("cut off behind the first list", [first_lines(MARK_STAYS, LISTED)], []),
    ("cut off behind the refusal", [first_lines(MARK_STAYS, ERASED)], ["D03"]),
    ("cut off before the second log", [MARK_STAYS[: MARK_STAYS.index(CONFIG.splitlines()[0])]], ["D03"]),
]

# two slots of 220 KB in pages of 4 KB: 212 KB can be swapped
PARTITIONS = """\
mcuboot: {address: 0x0, size: 0xc000, end_address: 0xc000, region: flash_primary}
mcuboot_primary: {address: 0xc000, size: 0x37000, end_address: 0x43000, region: flash_primary}
mcuboot_secondary: {address: 0x43000, size: 0x37000, end_address: 0x7a000, region: flash_primary}
"""

BOOT = "*** Booting MCUboot v1.9.99 ***\nI: Starting bootloader\n"
SMALL_ROOM = BOOT + "I: Boot source: none\nW: Not enough free space to run swap upgrade\nI: Swap type: none\n"
NOT_VALID = BOOT + "I: Swap type: test\nE: Image in the secondary slot is not valid!\n"

# ---- the second case ----------------------------------------------------------------------


def one_a_line(text):
    return re.sub(r" (?=CONFIG_|# )", "\n", text)


def parts(text):
    """The three files and the prose around them."""
    files = re.findall(r"^<([\w.]+)>\n((?:(?!<|It builds).*\n)+)", text, re.M)
    return dict(files), re.sub(r"^<[\w.]+>\n(?:(?!<|It builds).*\n)+", "", text, flags=re.M)


FILES, PROSE = parts(SECOND_STAGE)
TURNED = "".join(f"<{name}>\n{FILES[name]}" for name in reversed(list(FILES))) + PROSE
NAMED = next(i for i, line in enumerate(SECOND_STAGE.splitlines(), 1) if "b0_s1_image" in line)

REFUSED = ["B1", "B2", "B3", "B4", "B5"]

STAGES = [
    ("as it came", [SECOND_STAGE]),
    ("one option a line", [one_a_line(SECOND_STAGE)]),
    ("the bootloader's file first", [TURNED]),
    ("the prose first", [PROSE + "".join(f"<{n}>\n{t}" for n, t in FILES.items())]),
    ("cut off behind the file's name", [first_lines(SECOND_STAGE, NAMED)]),
    ("cut off before the file's name", [first_lines(SECOND_STAGE, NAMED - 1)]),
    ("without its beginning", ["\n".join(SECOND_STAGE.splitlines()[2:]) + "\n"]),
    ("with other names", [SECOND_STAGE.replace("scale", "pump").replace("We want", "I would like")]),
    ("without the network core's file", [SECOND_STAGE.replace(f"<hci_rpmsg.conf>\n{FILES['hci_rpmsg.conf']}", "")]),
]

B0 = "*** Booting nRF Connect SDK v2.2.0 ***\nAttempting to boot slot {}.\nVerifying signature against key 0.\n"
STRUCK_OFF = (
    B0.format(1)
    + "Public key didn't match, try next.\nFailed to validate signature.\n"
    + "Failed to validate, permanently invalidating!\n"
    + "Attempting to boot slot 0.\nVerifying signature against key 0.\nFirmware signature verified.\n"
)
ERASED_OLD = BOOT + "I: Swap type: test\nI: Image 0 in slot 1 erased due to downgrade prevention\n"
SLOT_0 = B0.format(0) + "Firmware signature verified.\nFirmware version 1\nBooting (0x10200).\n"
VARIANT = BOOT + "I: Swap type: test\nE: Image in slot is for wrong s0/s1 image\n"


class TheMarkStays(unittest.TestCase):
    def test_the_reasons_stand_in_their_order_however_it_is_told(self):
        for says, texts, harmless in STAYS:
            with self.subTest(says):
                code, found, aside = diagnose(*texts)
                self.assertEqual(ids(found, "cause")[: len(NO_ROOM)], NO_ROOM)
                self.assertEqual(found[0]["id"], "D07")
                self.assertEqual(code, 1)

    def test_what_only_looks_like_an_error_is_called_harmless(self):
        for says, texts, harmless in STAYS:
            with self.subTest(says):
                _, found, _ = diagnose(*texts)
                for rule in harmless:
                    self.assertIn(rule, ids(found, "harmless"))

    def test_signature_version_and_revert_are_set_aside(self):
        for says, texts, _ in STAYS:
            with self.subTest(says):
                _, found, aside = diagnose(*texts)
                for rule in ("A4", "A5", "D10", "D12", "D33"):
                    self.assertNotIn(rule, ids(found))
                self.assertLessEqual({"A4", "A5"}, set(ids(aside)))

    def test_what_else_is_in_it_is_found_as_well(self):
        _, found, _ = diagnose(MARK_STAYS)
        for rule in ("D01", "D31", "D73"):
            self.assertIn(rule, ids(found))

    def test_the_console_decides(self):
        for says, console, first, gone in (
            ("no room", SMALL_ROOM, ["D07", "D08"], ["A2", "A3", "A5"]),
            ("not valid", NOT_VALID, ["D10"], ["D07", "D08", "A2", "A3"]),
        ):
            with self.subTest(says):
                _, found, _ = diagnose(MARK_STAYS, console)
                self.assertEqual(ids(found, "cause")[: len(first)], first)
                for rule in gone:
                    self.assertNotIn(rule, ids(found))


    def test_partitions_and_image_decide(self):
        for says, size, first, aside_as_well in (
            ("an image above the limit", 218000, ["D07"], []),
            ("an image below it, so it is the one that runs", 100000, ["D08"], ["D07"]),
        ):
            with self.subTest(says):
                _, found, aside = diagnose(MARK_STAYS, PARTITIONS, signed(size))
                self.assertEqual(ids(found, "cause")[: len(first)], first)
                self.assertLessEqual(set(aside_as_well), set(ids(aside)))


class TheSecondStage(unittest.TestCase):
    def test_nothing_of_its_reasons_is_called_contradicted(self):
        self.assertEqual(ids(diagnose(SECOND_STAGE)[2]), [])

    def test_the_reasons_stand_in_their_order_however_it_is_told(self):
        for says, texts in STAGES:
            with self.subTest(says):
                code, found, _ = diagnose(*texts)
                self.assertEqual(ids(found, "cause")[: len(REFUSED)], REFUSED)
                self.assertEqual(code, 1)

    def test_the_console_decides(self):
        for says, console, first, gone in (
            ("struck off", STRUCK_OFF, ["B1", "D64"], ["B2", "B3", "B4", "B5", "N01"]),
            ("erased as too old", ERASED_OLD, ["B2"], ["B1", "B3", "B4", "B5"]),
            ("the old slot again", SLOT_0, ["B3"], []),
            ("the wrong variant", VARIANT, ["D65"], ["B1", "B2", "B4", "B5"]),
        ):
            with self.subTest(says):
                _, found, _ = diagnose(SECOND_STAGE, console)
                self.assertEqual(ids(found, "cause")[: len(first)], first)
                for rule in gone:
                    self.assertNotIn(rule, ids(found))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
