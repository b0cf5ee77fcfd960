#!/usr/bin/env python3
"""`tandem package`: what it makes is what others read; Python's zipfile and json judge it.

Readers are played by their rules: nRF Connect Device Manager on iOS wants each key with one type
and stops at any other; on Android it takes members that end in .bin; fwupd goes by board and
version key. None of their code is here, only which keys they ask for and as what.
"""

import io
import json
import os
import subprocess
import unittest
import zipfile

from virtual import COMMAND, Case, tandem

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")


def read_as_ios(manifest):
    """The files as image and slot numbers, or an error where a strict decoder would stop."""
    if type(manifest["format-version"]) is not int or type(manifest["time"]) is not int:
        raise TypeError("format-version and time are numbers")
    for f in manifest["files"]:
        for key, kind in (("size", int), ("modtime", int), ("file", str), ("type", str), ("board", str), ("soc", str)):
            if type(f[key]) is not kind:
                raise TypeError(key)
        if "version_MCUBOOT" in f or "version_MCUBOOT+XIP" in f:
            if type(f["load_address"]) is not int:
                raise TypeError("load_address")
        slot = f.get("slot")
        yield f["file"], int(f["image_index"]) if type(f["image_index"]) is str else 0, \
            int(slot) if type(slot) is str else 1


def read_as_fwupd(manifest):
    if manifest["format-version"] not in (0, 1):
        raise ValueError("format-version")
    for f in manifest["files"]:
        keys = [k for k in ("version_B0", "version_MCUBOOT", "version_MCUBOOT+XIP") if k in f]
        if not keys or not f["board"]:
            raise KeyError("board or version")
        yield f["file"], f["board"], keys[0].split("_")[1]


class Package(Case):
    SIGN = ("-S", "0x40000")

    def make(self, *args, code=0, says=()):
        ran = tandem("package", "create", *args)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        for words in says:
            self.assertIn(words, ran.stdout + ran.stderr)
        return ran

    def opened(self, *args):
        """The manifest and the members of what was just made."""
        out = self.path("out.zip")
        self.make(*args)
        with zipfile.ZipFile(out) as archive:
            self.assertIsNone(archive.testzip())
            return json.loads(archive.read("manifest.json")), {n: archive.read(n) for n in archive.namelist()}


class Create(Package):
    def test_one_image_is_a_package_that_everybody_reads(self):
        app = self.image("app", "1.2.3+4")
        manifest, files = self.opened("--name", "ferry", "--board", "ferry/nrf52840", "--soc", "nrf52840",
                                      "--load-address", "0xc000", self.path("out.zip"), app)
        with open(app, "rb") as f:
            self.assertEqual(files["app.bin"], f.read())
        entry = manifest["files"][0]
        self.assertEqual(manifest["name"], "ferry")
        self.assertEqual({k: v for k, v in entry.items() if k != "modtime"}, {
            "type": "application", "board": "ferry/nrf52840", "soc": "nrf52840", "load_address": 0xc000,
            "image_index": "0", "slot_index_primary": "1", "slot_index_secondary": "2",
            "version_MCUBOOT": "1.2.3+4", "size": os.path.getsize(app), "file": "app.bin"})
        self.assertEqual(entry["modtime"], int(os.path.getmtime(app)))
        self.assertEqual(list(read_as_ios(manifest)), [("app.bin", 0, 1)])
        self.assertEqual(list(read_as_fwupd(manifest)), [("app.bin", "ferry/nrf52840", "MCUBOOT")])

    def test_several_images_and_variants(self):
        app, net = self.image("app", "1.0.0"), self.image("net", "2.0.0")
        manifest, _ = self.opened("--board", "b", "--soc", "s", "--load-address", "1=0x1008800", self.path("out.zip"),
                                  app, "1=" + net)
        self.assertEqual(list(read_as_ios(manifest)), [("app.bin", 0, 1), ("net.bin", 1, 1)])
        self.assertEqual([f["load_address"] for f in manifest["files"]], [0, 0x1008800])
        self.assertEqual([f["slot_index_secondary"] for f in manifest["files"]], ["2", "4"])
        manifest, _ = self.opened("--board", "b", "--soc", "s", self.path("out.zip"), "0.0=" + app, "0.1=" + net)
        self.assertEqual(list(read_as_ios(manifest)), [("app.bin", 0, 0), ("net.bin", 0, 1)])
        self.assertEqual([k for f in manifest["files"] for k in f if k.startswith("version")],
                         ["version_MCUBOOT+XIP"] * 2)

    def test_hex_goes_in_as_the_binary(self):
        app = self.image("app", "1.0.0")
        raw, out = self.path("app.raw"), self.path("hexed.hex")
        self.ok("sign", "-k", os.path.join(GOLDEN, "keys", "ecdsa-p256.pem"), "-v", "1.0.0", "-H", "0x200",
                "--pad-header", "-S", "0x40000", "-x", "0xc000", raw, out)
        _, files = self.opened(self.path("out.zip"), out)
        self.assertEqual(sorted(files), ["hexed.bin", "manifest.json"])
        self.assertEqual(files["hexed.bin"][:4], b"\x3d\xb8\xf3\x96")
        self.assertTrue(app)

    def test_old_form(self):
        manifest, _ = self.opened("--format-version", "0", "--board", "b", self.path("out.zip"),
                                  self.image("app", "1.0.0"))
        self.assertEqual(manifest["format-version"], 0)

    def test_an_address_that_the_image_tells_is_taken(self):
        app = self.image("app", "1.0.0", sign=("-S", "0x40000", "--rom-fixed", "0x20000"))
        manifest, _ = self.opened(self.path("out.zip"), app)
        self.assertEqual(manifest["files"][0]["load_address"], 0x20000)

    def test_an_address_of_the_layout_is_taken(self):
        layout = self.path("pm.yml")
        with open(layout, "w") as f:
            f.write("mcuboot: {address: 0x0, size: 0xc000}\nmcuboot_primary: {address: 0xc000, size: 0x40000}\n"
                    "mcuboot_secondary: {address: 0x4c000, size: 0x40000}\n")
        app = self.image("app", "1.0.0")
        manifest, _ = self.opened("--layout", layout, self.path("out.zip"), "0.0=" + app)
        self.assertEqual(manifest["files"][0]["load_address"], 0xc000)
        manifest, _ = self.opened("--layout", layout, self.path("out.zip"), "0.1=" + app)
        self.assertEqual(manifest["files"][0]["load_address"], 0x4c000)

    def test_the_same_order_gives_the_same_bytes(self):
        app = self.image("app", "1.0.0")
        made = []
        for name in ("a.zip", "b.zip"):
            os.environ["SOURCE_DATE_EPOCH"] = "1700000001"
            self.addCleanup(os.environ.pop, "SOURCE_DATE_EPOCH", None)
            self.make(self.path(name), app)
            os.utime(app)
            with open(self.path(name), "rb") as f:
                made.append(f.read())
        self.assertEqual(made[0], made[1])
        with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
            self.assertEqual(json.loads(archive.read("manifest.json"))["time"], 1700000001)

    def test_its_own_reader_finds_nothing_odd(self):
        self.make(self.path("out.zip"), self.image("app", "1.0.0"))
        told = tandem("package", "inspect", self.path("out.zip"))
        self.assertIn("nothing is odd", told.stdout)
        told = json.loads(tandem("package", "inspect", "--json", self.path("out.zip")).stdout)
        self.assertEqual((told["kind"], told["issues"]), ("package", []))

    def test_json(self):
        app = self.image("app", "1.0.0")
        told = json.loads(self.make("--json", self.path("out.zip"), app).stdout)
        self.assertEqual(told["package"], self.path("out.zip"))
        self.assertEqual(told["size"], os.path.getsize(self.path("out.zip")))
        self.assertEqual({k: told["files"][0][k] for k in ("file", "image", "slot", "version")},
                         {"file": "app.bin", "image": 0, "slot": None, "version": "1.0.0+0"})
        self.assertEqual(len(told["files"][0]["hash"]), 64)

    def test_what_would_fail_later_is_refused_and_nothing_is_written(self):
        app, other = self.image("app", "1.0.0"), self.image("other", "2.0.0")
        with open(app, "rb") as f:
            data = bytearray(f.read())
        data[3000] ^= 1
        damaged, folder = self.path("damaged.bin"), self.path("folder")
        with open(damaged, "wb") as f:
            f.write(data)
        os.mkdir(folder)
        again = os.path.join(folder, "app.bin")
        os.link(app, again)
        rows = [
            (2, [], ["wants OUT.zip"]),
            (2, ["OUT"], ["which files"]),
            (2, ["--format-version", "2", "OUT", app], ["0 or 1"]),
            (2, ["--type", "app", "OUT", app], ["application, mcuboot or bin"]),
            (2, ["--name", "\udcff", "OUT", app], ["no UTF-8"]),
            (2, ["--board", "\udcff", "OUT", app], ["no UTF-8"]),
            (2, ["--load-address", "here", "OUT", app], ["wants an address"]),
            (2, ["--load-address", "1=0x100", "OUT", app], ["names image 1", "no file is for it"]),
            (2, ["OUT", app, "1=" + again], ["same name"]),
            (4, ["OUT", self.path("none.bin")], ["cannot be read", "none.bin"]),
            (4, ["OUT", self.path("app.raw")], ["no image", "app.raw"]),
            (4, ["OUT", damaged], ["hash", "damaged.bin"]),
            (4, ["OUT", app, other], ["both for image 0", "0=FILE 1=FILE"]),
            (4, [os.path.join(self.path("nowhere"), "x.zip"), app], ["cannot be written"]),
        ]
        for code, args, says in rows:
            with self.subTest(says[0]):
                out = self.path("out.zip")
                ran = self.make(*[out if a == "OUT" else a for a in args], code=code, says=says)
                self.assertLessEqual(len(ran.stderr.splitlines()), 3)
                self.assertFalse(os.path.exists(out))

    def test_a_file_whose_name_no_manifest_can_hold_is_refused(self):
        odd, out = self.path("odd\udcff.bin"), self.path("out.zip")
        os.link(self.image("app", "1.0.0"), odd)
        ran = subprocess.run([COMMAND, "package", "create", out, odd], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=30)
        self.assertEqual(ran.returncode, 2)
        self.assertIn(b"no UTF-8", ran.stderr)
        self.assertIn(b"rename it", ran.stderr)
        self.assertFalse(os.path.exists(out))

    def test_what_is_worth_knowing_is_said(self):
        unsigned = self.path("u.bin")
        self.image("u", "1.0.0")
        self.ok("sign", "-v", "1.0.0", "-H", "0x200", "--pad-header", "-S", "0x40000", self.path("u.raw"), unsigned)
        self.make(self.path("out.zip"), unsigned, says=["carries no signature", "--board"])


class Inspect(Package):
    def test_other_files_are_no_packages(self):
        ran = tandem("package", "inspect", self.image("app", "1.0.0"))
        self.assertEqual(ran.returncode, 4)
        self.assertIn("no package", ran.stderr)
        self.assertEqual(tandem("package", "inspect").returncode, 2)


if __name__ == "__main__":
    unittest.main()
