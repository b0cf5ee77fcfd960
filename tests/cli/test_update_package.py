#!/usr/bin/env python3
"""`tandem update dfu_application.zip`: old and new manifests, several images, variants for slots.

The packages are written here, key by key as the nRF Connect SDK's builds write them
(docs/spec/package.md says which build writes which), and not by `tandem package create`.
"""

import json
import os
import struct
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fakedevice
import test_sim_cores
import test_sim_modes
import test_sim_stage
from virtual import Case, tandem

BOARD = {0: "nrf5340dk_nrf5340_cpuapp", 1: "nrf5340dk/nrf5340/cpuapp"}


def package(path, files, version=1):
    """files: (name, bytes, keys of the entry)"""
    manifest = {"format-version": version, "time": 1700000000, "files": []}
    if version == 1:
        manifest["name"] = "ferry"
    for name, data, keys in files:
        manifest["files"].append({"type": "application", "board": BOARD[version], "soc": "nRF5340_CPUAPP_QKAA",
                                  "load_address": 0xc000, **keys, "size": len(data), "file": name,
                                  "modtime": 1700000000})
    with zipfile.ZipFile(path, "w") as out:
        for name, data, _ in files:
            out.writestr(name, data)
        out.writestr("manifest.json", json.dumps(manifest, indent=4))
    return path


def slots(image):
    return {"image_index": str(image), "slot_index_primary": str(2 * image + 1),
            "slot_index_secondary": str(2 * image + 2)}


def read(path):
    with open(path, "rb") as f:
        return f.read()


class OneImage(Case):
    PROFILE = "nrf52840-external-flash"
    SIGN = ("-S", "0xf0000", "--align", "4")

    def test_manifests_of_old_and_new_builds(self):
        url = self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()
        for n, (form, keys) in enumerate((
                (0, {"version_MCUBOOT": "2.0.0"}),  # before 1.7 there was no index
                (1, {"version_MCUBOOT": "3.0.0+0", **slots(0)}))):
            name = "v%d" % (n + 2)
            data = read(self.image(name, "%d.0.0" % (n + 2)))
            zipped = package(self.path("dfu_application.zip"), [("app_update.bin", data, keys)], form)
            self.update(url, zipped, code=0, says=["updated", "%d.0.0" % (n + 2)])
        self.update(url, zipped, code=0, says=["already"])

    def test_what_package_create_made_is_taken(self):
        url = self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()
        self.ok("package", "create", self.path("p.zip"), self.image("v2", "2.0.0"))
        self.update(url, self.path("p.zip"), code=0, says=["2.0.0"])


class TwoCores(test_sim_cores.Cores):
    PROFILE = "nrf5340-two-stage"
    APP_SLOT = "0x4c000"
    factory = test_sim_cores.TwoStage.factory

    def test_both_images_of_a_package(self):
        url = self.factory().url()
        app, net = read(self.app("v2", "2.0.0")), read(self.net("net2", 2))
        zipped = package(self.path("dfu_application.zip"), [
            ("ferry.signed.bin", app, {"version_MCUBOOT": "2.0.0+0", **slots(0)}),
            ("signed_by_mcuboot_and_b0_net.bin", net, {"version": "2", "load_address": 0x1008800, **slots(1)})])
        self.update(url, zipped, code=0, says=["updated"])
        listed = json.loads(self.ok("-d", url, "--json", "image", "list"))["images"]
        self.assertEqual({(i["image"], i["version"]) for i in listed if i["active"]}, {(0, "2.0.0"), (1, "2.0.0")})

    def test_several_images_in_one_file(self):
        url = self.factory().url()
        app, net = read(self.app("v2", "2.0.0")), read(self.net("net2", 2))
        head = b"\xa1\x63img\x82" + b"".join(
            b"\xa2\x62id" + bytes([n]) + b"\x64size\x1a" + struct.pack(">I", len(data)) for n, data in enumerate((app, net)))
        path = self.path("dfu_multi_image.bin")
        with open(path, "wb") as f:
            f.write(struct.pack("<H", len(head)) + head + app + net)
        self.update(url, path, code=0, says=["updated"])


class DirectXip(test_sim_modes.DirectXip):
    def both(self, name, version):
        files = []
        for slot, address in test_sim_modes.XIP.items():
            data = read(self.build("%s-%s" % (name, slot), version, slot))
            files.append(("%s_%s.bin" % (name, slot), data, {
                "image_index": "0", "slot": slot[-1], "version_MCUBOOT+XIP": version + "+0",
                "load_address": int(address, 0)}))
        return package(self.path(name + ".zip"), files)

    def test_the_variant_for_the_slot_that_does_not_run_is_sent_there_and_back(self):
        sim, url = self.begin()
        self.update(url, self.both("two", "2.0.0"), code=0, says=["two_slot1.bin is the one for this device", "2.0.0"])
        self.update(url, self.both("three", "3.0.0"), code=0, says=["three_slot0.bin is the one for this device"])
        sim.stop()
        self.start().until("*** three-slot0, version 3.0.0+0 ***")


for inherited in [n for n in dir(test_sim_modes.DirectXip) if n.startswith("test_")]:
    setattr(DirectXip, inherited, None)  # they are run where they stand


class Stages(test_sim_stage.Stage):
    def both(self, version, keys):
        files = []
        for n, slot in enumerate(("s0", "s1")):
            data = read(self.stage("b%d-%s" % (version, slot), slot, version))
            files.append(("signed_by_mcuboot_and_b0_%s_image_update.bin" % slot, data, {
                "type": "mcuboot", "version_MCUBOOT": "0.0.%d" % version, "version_B0": str(version), **keys(n)}))
        return package(self.path("dfu_mcuboot.zip"), files, 0 if not keys(0) else 1)

    def test_the_variant_that_does_not_run_is_sent(self):
        url = self.factory().url()
        # Child-image builds say nothing of slots: the addresses do.
        self.update(url, self.both(2, lambda n: {}), code=0,
                    says=["b0_s1_image_update.bin is the one for this device", "second stage version 2 in S1"])
        self.update(url, self.both(3, lambda n: {"slot": str(n), "image_index": "0"}), code=0,
                    says=["b0_s0_image_update.bin is the one", "second stage version 3 in S0"])

    def test_an_application_and_a_stage_do_not_share_a_slot(self):
        url = self.factory().url()
        zipped = package(self.path("both.zip"), [
            ("app.bin", read(self.image("app2", "2.0.0")), {"version_MCUBOOT": "2.0.0+0", **slots(0)}),
            ("s1.bin", read(self.stage("b2", "s1", 2)), {"type": "mcuboot", "version_B0": "2"})])
        self.update(url, zipped, code=4, says=["takes one at a time", "unpack it"])


class Device(fakedevice.Device):
    """A stock device that tells its mode, if it tells."""

    mode = None

    def handle(self, group, id, op, req):
        if (group, id) == (0, 8) and self.mode is not None:
            return {"mode": self.mode} if req.get("query") == "mode" else {"bootloader": "MCUboot"}
        return super().handle(group, id, op, req)


class Refusals(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.device = Device()
        self.link = fakedevice.Udp(self.device)
        self.link.__enter__()
        self.addCleanup(self.link.__exit__, None, None, None)

    def zip(self, *files, name="dfu.zip", version=1):
        return package(os.path.join(self.folder, name), files, version)

    def update(self, *args):
        return tandem("-d", self.link.url, "update", *args)

    def variants(self):
        a, b = fakedevice.image((2, 0, 0), fill=b"slot zero"), fakedevice.image((2, 0, 0), fill=b"slot one")
        return self.zip(*(("app%d.bin" % n, data, {"image_index": "0", "slot": str(n), "version_MCUBOOT+XIP": "2.0.0+0"})
                          for n, data in enumerate((a, b))))

    def test_what_contradicts_itself_stops_before_the_device_is_touched(self):
        v2 = fakedevice.image((2, 0, 0))
        damaged = v2[:500] + b"?" + v2[501:]
        app = {"version_MCUBOOT": "2.0.0+0", **slots(0)}
        rows = [
            ([("a.bin", v2, {**app, "version_MCUBOOT": "2.0.1+0"})], "the manifest says 2.0.1"),
            ([("a.bin", damaged, app)], "a.bin"),
            ([("a.bin", b"x" * 900, app)], "is no MCUboot image"),
            ([("a.bin", v2, app), ("b.bin", fakedevice.image((2, 0, 0), fill=b"b"), app)], "both for image 0"),
            ([], "lists no files"),
        ]
        for files, says in rows:
            ran = self.update(self.zip(*files))
            with self.subTest(says):
                self.assertEqual(ran.returncode, 4, ran.stdout + ran.stderr)
                self.assertIn(says, ran.stderr)
                self.assertLessEqual(len(ran.stderr.splitlines()), 3)
        with open(os.path.join(self.folder, "cut.zip"), "wb") as f:
            f.write(read(self.zip(("a.bin", v2, app)))[:-30])
        ran = self.update(os.path.join(self.folder, "cut.zip"))
        self.assertEqual(ran.returncode, 4)
        self.assertIn("cannot be read", ran.stderr)
        self.assertEqual(self.device.seen, [])

    def test_a_package_comes_alone(self):
        zipped = self.variants()
        for args in ([zipped, "1=" + zipped], ["1=" + zipped]):
            ran = self.update(*args)
            self.assertEqual((ran.returncode, self.device.seen), (2, []))
            self.assertIn("give it alone", ran.stderr)

    def test_a_device_that_does_not_say_how_it_updates_gets_neither_variant(self):
        ran = self.update(self.variants())
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertIn("does not say whether it runs images in either", ran.stderr)
        self.assertIn("--strategy direct-xip", ran.stderr)
        self.assertEqual(self.device.n_chunks, 0)
        ran = self.update("--json", self.variants())
        last = json.loads(ran.stdout.splitlines()[-1])
        self.assertEqual((last["result"], last["verdict"]), ("refused", None))

    def test_a_device_that_says_nothing_at_all_is_not_reached(self):
        stage = self.zip(*(("s%d.bin" % n, fakedevice.image((2, 0, 0), fill=b"s%d" % n),
                            {"type": "mcuboot", "slot": str(n), "version_MCUBOOT": "2.0.0"}) for n in range(2)), name="s.zip")
        self.device.handle = lambda *request: None
        for zipped in (self.variants(), stage):
            ran = self.update("--json", "--timeout", "0.3", zipped)
            self.assertEqual(ran.returncode, 3, ran.stdout + ran.stderr)
            self.assertEqual(json.loads(ran.stdout.splitlines()[-1])["result"], "unreachable")

    def test_the_mode_decides_whoever_tells_it(self):
        rows = [(4, [], "app1.bin"), (5, [], "app1.bin"), (3, [], "app0.bin"), (1, [], "app0.bin"),
                (None, ["--strategy", "direct-xip"], "app1.bin"), (None, ["--strategy", "swap-move"], "app0.bin")]
        for mode, args, wanted in rows:
            with self.subTest(mode=mode, args=args):
                self.device.mode = mode
                ran = self.update("--dry-run", *args, self.variants())
                self.assertIn(wanted + " is the one for this device", ran.stderr, ran.stdout)
        self.device.mode = -1  # what Zephyr has no number for
        self.assertEqual(self.update("--dry-run", self.variants()).returncode, 1)

    def test_a_stage_for_a_device_that_does_not_tell_which_runs_is_not_guessed(self):
        a, b = fakedevice.image((2, 0, 0), fill=b"s0"), fakedevice.image((2, 0, 0), fill=b"s1")
        zipped = self.zip(*(("s%d.bin" % n, data, {"type": "mcuboot", "slot": str(n), "version_MCUBOOT": "2.0.0"})
                            for n, data in enumerate((a, b))))
        ran = self.update(zipped)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("does not say which of them runs", ran.stderr)
        zipped = self.zip(*(("s%d.bin" % n, data, {"type": "mcuboot", "version_MCUBOOT": "2.0.0"})
                            for n, data in enumerate((a, b))))
        ran = self.update(zipped)
        self.assertEqual(ran.returncode, 4)
        self.assertIn("nothing tells which of the two variants", ran.stderr)


if __name__ == "__main__":
    unittest.main()
