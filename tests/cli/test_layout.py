#!/usr/bin/env python3
"""tandem layout report, check and diff: what they print, their exit codes and pictures."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

TANDEM = os.environ["TANDEM"]
OK, REFUSED, USAGE, FILE = 0, 1, 2, 4

ONE = {
    "mcuboot": (0x0, 0xC000),
    "mcuboot_pad": (0xC000, 0x200),
    "app": (0xC200, 0x38E00),
    "mcuboot_primary": (0xC000, 0x39000, ["mcuboot_pad", "app"]),
    "mcuboot_secondary": (0x45000, 0x39000),
    "settings_storage": (0x7E000, 0x2000),
}
TWO = {
    "b0": (0x0, 0x7000),
    "provision": (0x7000, 0x1000),
    "b0_container": (0x0, 0x8000, ["b0", "provision"]),
    "s0_pad": (0x8000, 0x200),
    "mcuboot": (0x8200, 0xBE00),
    "s0": (0x8000, 0xC000, ["s0_pad", "mcuboot"]),
    "s1_pad": (0x14000, 0x200),
    "s1_image": (0x14200, 0xBE00),
    "s1": (0x14000, 0xC000, ["s1_pad", "s1_image"]),
    "mcuboot_pad": (0x20000, 0x200),
    "app": (0x20200, 0x2EE00),
    "mcuboot_primary": (0x20000, 0x2F000, ["mcuboot_pad", "app"]),
    "mcuboot_secondary": (0x4F000, 0x2F000),
    "settings_storage": (0x7E000, 0x2000),
}
NET = {
    "b0n": (0x1000000, 0x8580),
    "provision": (0x1008580, 0x280),
    "b0n_container": (0x1000000, 0x8800, ["b0n", "provision"]),
    "app": (0x1008800, 0x37800),
}

REPORT = """\
  flash_primary (0x80000 - 512kB): 
+----------------------------------------------+
| 0x0: mcuboot (0xc000 - 48kB)                 |
+---0xc000: mcuboot_primary (0x39000 - 228kB)--+
| 0xc000: mcuboot_pad (0x200 - 512B)           |
| 0xc200: app (0x38e00 - 227kB)                |
+----------------------------------------------+
| 0x45000: mcuboot_secondary (0x39000 - 228kB) |
| 0x7e000: settings_storage (0x2000 - 8kB)     |
+----------------------------------------------+

"""


def flow(text):
    """Without the line ends, which are the terminal's."""
    return " ".join(text.split())


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-layout-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def write(self, name, parts, **other):
        """Partition manager's YAML, as its build writes it."""
        text = ""
        for part, (at, size, *span) in {**parts, **other}.items():
            text += f"{part}:\n  address: {at:#x}\n  end_address: {at + size:#x}\n  region: flash_primary\n"
            text += f"  size: {size:#x}\n"
            if span:
                text += f"  orig_span: &{part}\n" + "".join(f"  - {m}\n" for m in span[0])
                text += f"  span: *{part}\n"
        path = self.dir / name
        path.write_text(text)
        return path

    def run_layout(self, want, *args, **kw):
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        done = subprocess.run([TANDEM, "layout", *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, env=env,
                              **({} if "input" in kw else {"stdin": subprocess.DEVNULL}), **kw)
        self.assertEqual(done.returncode, want, f"{args}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def lines(self, want, *args):
        return [json.loads(line) for line in self.run_layout(want, "--json", *args).splitlines()]


class Report(Case):
    def test_the_look_and_what_it_hides(self):
        out = self.run_layout(OK, "report", self.write("partitions.yml", ONE))
        self.assertTrue(out.startswith(REPORT), out)
        self.assertIn("app is 227.5kB", flow(out[len(REPORT):]))
        exact = self.run_layout(OK, "report", "--exact", self.dir / "partitions.yml")
        self.assertIn("app (0x38e00 - 227.5kB)", exact)
        self.assertNotIn("cut off", exact)

    def test_a_report_is_read_from_a_log_and_from_standard_input(self):
        text = "".join(f"2026-01-01 INFO: \033[94m{line}\033[0m\n" for line in REPORT.splitlines())
        log = self.dir / "build.log"
        log.write_text("building...\n" + text + "done\n")
        self.assertTrue(self.run_layout(OK, "report", log).startswith(REPORT))
        self.assertTrue(self.run_layout(OK, "report", "-", input=text).startswith(REPORT))

    def test_two_cores_are_one_layout(self):
        app, net = self.write("partitions.yml", ONE), self.write("partitions_CPUNET.yml", NET)
        out = self.run_layout(OK, "report", app, net)
        self.assertIn(" CPUNET flash_primary (0x40000 - 256kB): ", out)
        rows = self.lines(OK, "report", app, net)
        self.assertEqual({r["domain"] for r in rows}, {"", "CPUNET"})
        primary = next(r for r in rows if r["name"] == "mcuboot_primary")
        self.assertEqual(primary, {"name": "mcuboot_primary", "domain": "", "region": "flash_primary",
                                   "address": 0xC000, "size": 0x39000, "container": True,
                                   "members": ["mcuboot_pad", "app"]})
        self.assertIn("of the same core", self.run_layout(USAGE, "report", app, app))

    def test_a_builds_folder_stands_for_its_files(self):
        for name in ("old", "new"):
            (self.dir / name).mkdir()
            self.write(f"{name}/partitions.yml", ONE)
            self.write(f"{name}/partitions_CPUNET.yml", NET, **({} if name == "old" else {
                "b0n_container": (0x1000000, 0x9000, ["b0n", "provision"])}))
        self.write("old/pm_static.yml", TWO)  # the build's files say more
        rows = self.lines(OK, "report", self.dir / "old")
        self.assertEqual(len(rows), len(ONE) + len(NET))
        self.assertIn("[b0n-changed]", self.run_layout(REFUSED, "diff", self.dir / "old", self.dir / "new"))
        self.assertIn("new/partitions_CPUNET.yml:", self.run_layout(REFUSED, "check", self.dir / "new"))
        (self.dir / "app").mkdir()
        self.assertIn("no layout in this folder", self.run_layout(FILE, "report", self.dir / "app"))
        self.write("app/pm_static.yml", ONE)
        self.run_layout(OK, "check", self.dir / "app")
        (self.dir / "app" / "partitions.yml").write_text("app: [\n")
        self.assertIn("partitions.yml", self.run_layout(FILE, "check", self.dir / "app"))

    def test_files_that_hold_no_layout(self):
        for name, text, says in (("a.yml", "a:\n  address: 0x0\n  size: many\n", "a.yml:3"),
                                 ("b.yml", "a: [\n", "no YAML"),
                                 ("pm.yml", "app:\n  size: 0x100\n", "partitions.yml of the build"),
                                 ("c.txt", "hello\n", "there is no layout in this file")):
            (self.dir / name).write_text(text)
            self.assertIn(says, self.run_layout(FILE, "report", self.dir / name))
        self.assertIn("cannot be read", self.run_layout(FILE, "report", self.dir / "none.yml"))

    def test_usage(self):
        path = self.write("p.yml", ONE)
        for args, says in ((["report"], "the layout is missing"), (["diff", path], "two layouts"),
                           (["diff", path, path, path], "FROM and TO"), (["frob"], "no 'layout frob'"),
                           (["check", "--soc", "z80", path], "not a chip"),
                           (["check", "--keys", "17", path], "--keys is a number from 1 to 16"),
                           (["check", "--align", "3", path], "--align"),
                           (["check", "--strategy", "teleport", path], "strategy")):
            self.assertIn(says, self.run_layout(USAGE, *args))


    def test_sentences_fit_a_terminal_of_80_columns(self):
        one, two = self.write("one.yml", ONE), self.write("two.yml", TWO)
        crowded = self.write("crowded.yml", ONE, settings_storage=(0x7C000, 0x4000))
        for want, *args in ((OK, "report", two), (REFUSED, "check", crowded), (REFUSED, "diff", one, two)):
            for line in self.run_layout(want, *args).splitlines():
                # What names a file is as long as the name.
                self.assertLessEqual(len(line.replace(str(self.dir), "")), 80, line)


class Check(Case):
    def test_a_sound_layout(self):
        out = self.run_layout(OK, "check", self.write("partitions.yml", ONE))
        self.assertIn("Nothing is wrong with this layout.", out)
        self.assertRegex(out, r"swap-move +225280  220kB  < supposed\n")
        self.assertRegex(out, r"overwrite-only +233432")
        rows = self.lines(OK, "check", self.dir / "partitions.yml")
        self.assertEqual(rows[-1], {"result": "sound", "errors": 0, "warnings": 0, "notes": 0,
                                    "soc": "nrf52833", "sure": True})
        rooms = {r["strategy"]: r["max_image"] for r in rows if r.get("event") == "room"}
        self.assertEqual(rooms["swap-offset"], 225280)

    def test_every_strategy_has_its_name(self):
        path = self.write("partitions.yml", ONE)
        for name, mode, most in (("single", "single-slot", 233424), ("scratch", "swap-scratch", None),
                                 ("overwrite", "overwrite-only", 233432), ("move", "swap-move", 225280),
                                 ("offset", "swap-offset", 225280), ("xip", "direct-xip", 233432),
                                 ("xip-revert", "direct-xip-revert", 233432), ("ram-load", "ram-load", 233432),
                                 ("ram-load-revert", "ram-load", 233432), ("loader", "firmware-loader", 233424),
                                 ("single-ram", "single-ram-load", 233424)):
            with self.subTest(name):
                for said in (name, mode):
                    # Without a scratch partition there is nothing to swap through.
                    rows = self.lines(REFUSED if most is None else OK, "check", "--strategy", said, path)
                    rooms = {r["strategy"]: r["max_image"] for r in rows if r.get("event") == "room"}
                    self.assertEqual(rooms[mode], most)
        out = self.run_layout(USAGE, "check", "--strategy", "teleport", path)
        for mode in ("single-slot", "swap-scratch", "direct-xip-revert", "firmware-loader", "swap-offset"):
            self.assertIn(mode, out)

    def test_a_network_core_that_nothing_brings_back_is_agreed_to(self):
        net = {"mcuboot_primary_1": (0x0, 0x40000), "mcuboot_secondary_1": (0x0, 0x40000)}
        path = self.write("p.yml", {**ONE, **net})
        text = path.read_text()
        for name, region in (("mcuboot_primary_1", "ram_flash"), ("mcuboot_secondary_1", "external_flash")):
            at = text.index(name)
            text = text[:at] + text[at:].replace("flash_primary", region, 1)
        path.write_text(text)
        (self.dir / "program").write_bytes(b"n" * 4000)
        image = self.dir / "net.img"
        subprocess.run([TANDEM, "sign", "-H", "0x200", "--pad-header", "-S", "0x39000", "-v", "1.0.0",
                        str(self.dir / "program"), str(image)], check=True, stdout=subprocess.DEVNULL)
        self.assertIn("[no-netcore-revert]", self.run_layout(OK, "check", "--soc", "nrf5340", path))
        update = [TANDEM, "-d", "tcp:127.0.0.1:1", "update", "--soc", "nrf5340", "--layout", str(path)]
        for args, code, says in (([f"1={image}"], REFUSED, "cannot be brought back"),
                                 (["--accept=no-netcore-revert", f"1={image}"], 3, ""),
                                 ([str(image)], 3, "")):
            ran = subprocess.run([*update, *args], capture_output=True, text=True, timeout=60)
            self.assertEqual(ran.returncode, code, ran.stderr)
            self.assertIn(says, ran.stderr)

    def test_an_issue_has_its_place_and_remedy(self):
        path = self.write("pm_static.yml", ONE, settings_storage=(0x7C000, 0x4000))
        out = self.run_layout(REFUSED, "check", path)
        self.assertRegex(flow(out), r"pm_static\.yml:\d+: error: .*share 0x2000 bytes.*\[storage-in-slot\] try: ")
        self.assertIn("1 error, 0 warnings.", out)
        issue = next(r for r in self.lines(REFUSED, "check", path) if r.get("event") == "issue")
        at = path.read_text().splitlines()[issue["line"] - 1]
        self.assertEqual((issue["rule"], issue["harm"], at), ("storage-in-slot", "error", "settings_storage:"))
        self.assertTrue(issue["text"] and issue["remedy"])

    def test_the_network_cores_issues_name_its_file(self):
        app = self.write("partitions.yml", ONE)
        net = self.write("partitions_CPUNET.yml", NET, b0n_container=(0x1000000, 0x8900, ["b0n", "provision"]))
        out = self.run_layout(REFUSED, "check", "--soc", "nrf5340", app, net)
        self.assertIn("partitions_CPUNET.yml:", out)
        self.assertIn("[net-container]", out)

    def test_images_are_weighed(self):
        path, program = self.write("partitions.yml", ONE), self.dir / "program"
        sizes = {}
        for name, size in (("fits", 200000), ("large", 226000)):
            program.write_bytes(b"p" * size)
            subprocess.run([TANDEM, "sign", "-H", "0x200", "--pad-header", "-S", "0x39000", "-v", "1.0.0",
                            str(program), str(self.dir / name)], check=True, stdout=subprocess.DEVNULL)
            sizes[name] = self.dir / name
        self.run_layout(OK, "check", "--image", sizes["fits"], "--running", sizes["fits"], path)
        self.assertIn("[image-too-large]", self.run_layout(REFUSED, "check", "--image", sizes["large"], path))
        self.assertIn("[running-too-large]",
                      self.run_layout(REFUSED, "check", "--image", sizes["fits"], "--running", sizes["large"], path))
        self.run_layout(OK, "check", "--strategy", "overwrite-only", "--image", sizes["large"], path)
        self.assertIn("[pad-size]", self.run_layout(REFUSED, "check", "-H", "0x400", path))
        self.assertIn("cable", self.run_layout(REFUSED, "diff", "--image", sizes["large"], path,
                                               self.write("b.yml", ONE, settings_storage=(0x7F000, 0x1000))))

    def test_sectors_of_an_external_flash_can_be_said(self):
        path = self.write("partitions.yml", {**ONE, "mcuboot_secondary": (0, 0x39000)})
        text = path.read_text().replace("mcuboot_secondary:\n  address: 0x0\n  end_address: 0x39000\n  region: flash_primary",
                                        "mcuboot_secondary:\n  address: 0x0\n  end_address: 0x39000\n  region: external_flash")
        path.write_text(text)
        self.assertIn("[external-sector]", self.run_layout(OK, "check", path))
        self.assertIn("as far as is assumed", " ".join(self.run_layout(OK, "report", path).split()))
        self.assertNotIn("[external-sector]", self.run_layout(OK, "check", "--external-sector-size", "4096", path))
        self.assertNotIn("assumed", self.run_layout(OK, "report", "--external-sector-size", "4096", path))
        self.assertIn("[page-alignment]",
                      self.run_layout(REFUSED, "check", "--external-sector-size", "0x10000", path))
        path.write_text(text.replace("external_flash", "external_flash\n  device: MX25R64"))
        self.assertNotIn("[external-sector]", self.run_layout(OK, "check", path))

    def test_what_is_told_of_the_bootloader_counts(self):
        path = self.write("partitions.yml", ONE)
        self.assertIn("[too-many-sectors]", self.run_layout(REFUSED, "check", "-M", "40", path))
        self.assertIn("[page-alignment]", self.run_layout(REFUSED, "check", "--soc", "nrf52840", self.write(
            "odd.yml", ONE, mcuboot_secondary=(0x45800, 0x38800))))
        two = self.write("two.yml", TWO)
        self.run_layout(OK, "check", two)
        self.assertIn("[provision-writes]",
                      self.run_layout(REFUSED, "check", "--soc", "nrf52832", "--counter-slots", "300", two))


class Diff(Case):
    def test_one_stage_to_two_needs_a_cable(self):
        one, two = self.write("one.yml", ONE), self.write("two.yml", TWO)
        out = self.run_layout(REFUSED, "diff", one, two)
        self.assertIn("one stage becomes two", out)
        self.assertIn("Over the air: no", out)
        self.assertRegex(out, r"added +b0 +0x0 \(0x7000\)")
        rows = self.lines(REFUSED, "diff", one, two)
        self.assertEqual(rows[-1]["result"], "cable")
        moved = next(r for r in rows if r.get("name") == "mcuboot_secondary")
        self.assertEqual((moved["kind"], moved["from"]["address"], moved["to"]["address"]),
                         ("moved-and-resized", 0x45000, 0x4F000))
        self.assertIn("stage-added", [r["rule"] for r in rows if r.get("event") == "consequence"])

    def test_what_can_be_updated_over_the_air(self):
        one = self.write("one.yml", ONE)
        self.assertEqual(self.run_layout(OK, "diff", one, one), "Over the air: yes: nothing changes.\n")
        storage = self.write("storage.yml", ONE, settings_storage=(0x7F000, 0x1000))
        self.assertIn("yes, with care", self.run_layout(OK, "diff", one, storage))
        self.assertEqual(self.lines(REFUSED, "diff", self.write("two.yml", TWO), self.write(
            "moved.yml", TWO, mcuboot_secondary=(0x50000, 0x2E000)))[-1]["result"], "bootloader-first")


class Picture(Case):
    def test_pictures_are_well_formed_and_always_the_same(self):
        one, two = self.write("one.yml", ONE), self.write("two.yml", TWO)
        for args in (["report", one], ["report", one, self.write("partitions_CPUNET.yml", NET)], ["check", two],
                     ["diff", one, two]):
            pictures = []
            for name in ("a.svg", "b.svg"):
                self.run_layout(REFUSED if args[0] == "diff" else OK, *args, "--svg", self.dir / name)
                pictures.append((self.dir / name).read_bytes())
            self.assertEqual(*pictures)
            root = xml.etree.ElementTree.fromstring(pictures[0])
            texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn("mcuboot_secondary", texts)
            width, height = float(root.get("width")), float(root.get("height"))
            for box in root.iter("{http://www.w3.org/2000/svg}rect"):
                self.assertLessEqual(float(box.get("x", 0)) + float(box.get("width")), width)
                self.assertLessEqual(float(box.get("y", 0)) + float(box.get("height")), height)
        self.assertIn("cannot be written", self.run_layout(FILE, "report", one, "--svg", self.dir / "no" / "x.svg"))


if __name__ == "__main__":
    unittest.main()
