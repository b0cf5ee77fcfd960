#!/usr/bin/env python3
"""Every verb for a group against a virtual device that has all of them."""

import json
import os
import signal
import subprocess
import unittest

from virtual import COMMAND, Case, tandem


class Groups(Case):
    PROFILE = "nrf52840-external-flash"
    SIGN = ("-S", "0xf0000", "--align", "4")

    def setUp(self):
        super().setUp()
        self.url = self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()

    def do(self, *args):
        return self.ok("-d", self.url, *args)

    def json(self, *args):
        return json.loads(self.do("--json", *args).splitlines()[-1])

    def no(self, code, *args, says=()):
        ran = tandem("-d", self.url, *args)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        self.assertLessEqual(len(ran.stderr.splitlines()), 3)
        for words in says:
            self.assertIn(words, ran.stderr)

    def test_groups_are_listed_with_their_names(self):
        groups = {g["group"]: g["name"] for g in self.json("groups")["groups"]}
        self.assertLessEqual({0, 1, 2, 3, 8, 9, 10, 63, 21572}, set(groups))
        self.assertEqual(groups[9], "shell mgmt")
        self.assertIn("shell mgmt", self.do("groups"))

    def test_counters_count(self):
        names = self.json("stat", "list")["groups"]
        self.assertIn("smp", names)
        first, then = ([self.json("stat", "show", n)["values"] for n in names] for _ in range(2))
        self.assertEqual([sorted(v) for v in first], [sorted(v) for v in then])
        smp = names.index("smp")
        self.assertGreater(sum(then[smp].values()), sum(first[smp].values()))
        self.no(1, "stat", "show", "nothing", says=["no statistics of that name", "tandem stat list"])

    def test_counters_can_be_watched(self):
        child = subprocess.Popen([COMMAND, "-d", self.url, "--json", "stat", "show", "smp", "--watch", "0.05"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        seen = [sum(json.loads(child.stdout.readline())["values"].values()) for _ in range(4)]
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
        self.assertEqual((child.returncode, err, seen), (130, "", sorted(set(seen))))

    def test_the_device_as_such(self):
        self.assertIn("idle", {t["name"] for t in self.json("os", "tasks")["tasks"]})
        pools = self.json("os", "pools")["pools"]
        self.assertTrue(all(p["least_free"] <= p["free"] <= p["blocks"] for p in pools) and pools)
        self.no(1, "os", "datetime", says=["not been set", "tandem os datetime"])
        self.assertEqual(self.json("os", "datetime", "2026-01-31T12:00:00"), {"result": "set"})
        self.assertTrue(self.json("os", "datetime")["datetime"].startswith("2026-01-31T12:00"))
        self.assertIn("virtual", self.do("os", "info", "a"))
        self.no(1, "os", "info", "xyz", says=["the letters are"])
        self.assertEqual(self.json("os", "bootloader"), {"bootloader": "MCUboot"})
        self.assertEqual(self.json("os", "bootloader", "mode")["mode_name"], "swap-move")

    def test_files_go_there_and_back(self):
        data = os.urandom(70001)
        with open(self.path("there"), "wb") as f:
            f.write(data)
        self.assertEqual(self.json("fs", "upload", self.path("there"), "/lfs1/file")["proof"], "sha256")
        self.assertEqual(self.json("fs", "status", "/lfs1/file"), {"size": 70001})
        self.assertEqual(self.json("fs", "hash", "/lfs1/file")["length"], 70001)
        self.assertEqual(self.json("fs", "download", "/lfs1/file", self.path("back"))["proof"], "sha256")
        with open(self.path("back"), "rb") as f:
            self.assertEqual(f.read(), data)
        with open(self.path("there"), "wb"):
            pass
        self.do("fs", "upload", self.path("there"), "/lfs1/file")
        self.assertEqual(tandem("-d", self.url, "fs", "download", "/lfs1/file", self.path("back")).stderr, "")
        self.assertEqual(os.path.getsize(self.path("back")), 0)
        self.no(1, "fs", "download", "/lfs1/none", self.path("none"), says=["no such file"])
        self.no(1, "fs", "status", "/elsewhere/none", says=["/lfs1"])
        self.no(1, "fs", "hash", "/lfs1/file", "md5", says=["does not know that hash"])
        self.assertFalse(os.path.exists(self.path("none")))

    def test_settings_are_set_saved_and_found_again(self):
        self.assertEqual(self.json("settings", "set", "app/name", "--string", "ferry"), {"result": "set"})
        self.assertEqual(self.json("settings", "save"), {"result": "saved"})
        self.assertEqual(self.json("settings", "set", "app/name", "0102"), {"result": "set"})
        self.assertEqual(self.json("settings", "commit"), {"result": "committed"})
        self.assertEqual(self.json("settings", "get", "app/name"),
                         {"value": "0102", "text": None, "length": 2, "cut": False, "limit": None})
        # What was set and not saved is lost by a load.
        self.assertEqual(self.json("settings", "load"), {"result": "loaded"})
        self.assertIn('"ferry"', self.do("settings", "get", "app/name"))
        self.assertEqual(self.json("settings", "delete", "app/name"), {"result": "deleted"})
        self.no(1, "settings", "get", "app/name", says=["no setting of that name", "as in app/name"])
        self.no(1, "settings", "set", "app/name", "00" * 300, says=["refused (group code 1: value too long)"])

    def test_a_line_is_run(self):
        self.assertIn("uptime", self.do("shell", "exec", "help"))
        self.do("shell", "exec", "date", "set", "2026-01-31", "12:00:00")
        self.assertIn("2026", self.do("shell", "exec", "date", "get"))
        self.no(1, "shell", "exec", "nonsense", says=["returned -8", "shell exec help"])

    def test_what_the_device_refuses_of_an_image_has_a_way_out(self):
        self.no(1, "image", "erase", "slot0", says=["slot is running", "needed to revert is kept"])
        with open(self.path("large.raw"), "wb") as f:
            f.write(bytes(0x100000))
        self.ok("sign", "-v", "1.1.0", "-H", "0x200", "--pad-header", "-S", "0x200000", "--align", "4",
                self.path("large.raw"), self.path("large"))
        self.no(1, "image", "upload", self.path("large"), says=["larger than the device can take",
                                                                "tandem image slots"])

    def test_erasing_the_storage_takes_the_settings(self):
        self.do("settings", "set", "app/name", "01")
        self.do("settings", "save")
        self.assertEqual(self.json("storage", "erase"), {"result": "erased"})
        self.no(1, "settings", "get", "app/name", says=["no setting of that name"])


class Without(Case):
    """A profile that names no groups of its own has the ones that are safe."""

    PROFILE = "swap-offset"
    SIGN = ("-S", "0x38000", "--align", "4")

    def test_no_shell_and_no_files_unless_the_profile_names_them(self):
        url = self.start("--program", "slot0=" + self.image("v1", "1.0.0")).url()
        for args, option in ((["shell", "exec", "help"], "SHELL"), (["fs", "status", "/lfs1/a"], "FS_FILE_STATUS")):
            ran = tandem("-d", url, *args)
            self.assertEqual(ran.returncode, 1, ran.stderr)
            self.assertTrue("CONFIG_MCUMGR_GRP_" + option in ran.stderr or "rc 11" in ran.stderr, ran.stderr)


if __name__ == "__main__":
    unittest.main()
