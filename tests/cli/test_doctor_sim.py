#!/usr/bin/env python3
"""The doctor on what virtual devices and the command itself wrote: real boots, real logs."""

import json
import os
import subprocess
import tempfile
import time
import unittest

COMMAND = os.environ["TANDEM"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEY = os.path.join(ROOT, "profiles", "keys", "PUBLIC-DEMO-ecdsa-p256.pem")
SLOT = "0x38000"


def tandem(*args):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TANDEM", "NO_COLOR"))}
    return subprocess.run([COMMAND, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          env=env)


class Doctor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.console = self.path("console.txt")
        self.logs = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def image(self, name, version, key=KEY, size=20000, slot=SLOT, app=()):
        raw, out = self.path(name + ".raw"), self.path(name + ".bin")
        for ran in (tandem("sim-app", raw, "--name", name, "--size", size, *app),
                    tandem("sign", "-k", key, "-v", version, "-H", "0x200", "--pad-header", "-S",
                           slot, "--align", "4", raw, out)):
            self.assertEqual(ran.returncode, 0, ran.stderr)
        return out

    def start(self, profile, image):
        with open(self.console, "w") as out:
            process = subprocess.Popen(
                [COMMAND, "sim", profile, "--state", self.path("device"), "--udp", "127.0.0.1:0",
                 "--key", KEY, "--program", "slot0=" + image],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.terminate)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with open(self.console) as printed:
                for line in printed:
                    if line.startswith("ready: "):
                        self.url = line.split()[1]
                        return
            time.sleep(0.02)
        self.fail("the device did not start")

    def tandem(self, *args, exit=0):
        self.logs.append(self.path("conversation-%d.log" % len(self.logs)))
        ran = tandem("-d", self.url, "--log", self.logs[-1], *args)
        self.assertEqual(ran.returncode, exit, ran.stdout + ran.stderr)

    def found(self, *files):
        ran = tandem("doctor", "--json", *files)
        self.assertIn(ran.returncode, (0, 1), ran.stderr)
        findings = [json.loads(line) for line in ran.stdout.splitlines()]
        return [(f["finding"]["id"], f["finding"]["kind"]) for f in findings if "finding" in f]

    def first_of_each(self, id):
        for files in ([self.console], self.logs, [self.console, *self.logs]):
            self.assertEqual(self.found(*files)[:1], [(id, "cause")], files)

    def update_and_find_nothing(self, profile):
        self.start(profile, self.image("v1", "1.0.0"))
        self.tandem("update", self.image("v2", "2.0.0"))
        for files in ([self.console], self.logs, [self.console, *self.logs]):
            wrong = [f for f in self.found(*files) if f[1] != "harmless"]
            self.assertEqual(wrong, [], files)

    def test_a_good_update_of_tandem_is_healthy(self):
        self.update_and_find_nothing("tandem-nrf52833")

    def test_a_good_update_of_stock_firmware_is_healthy(self):
        self.update_and_find_nothing("krepet-nrf52833")

    def test_a_good_overwrite_is_healthy(self):
        self.update_and_find_nothing("overwrite-only")

    def test_a_foreign_key_is_named_by_a_device_that_tells(self):
        other = self.path("other.pem")
        tandem("keygen", "-k", other, "-t", "ecdsa-p256")
        self.start("tandem-nrf52833", self.image("v1", "1.0.0"))
        self.tandem("update", "--force", "key", self.image("v2", "2.0.0", other), exit=1)
        self.assertEqual(self.found(self.console)[0], ("M20", "cause"))
        self.assertEqual(self.found(*self.logs)[0], ("T01", "cause"))
        self.assertEqual(self.found(self.console, *self.logs)[0], ("T01", "cause"))

    def test_a_foreign_key_is_a_refusal_to_a_device_that_does_not_tell(self):
        other = self.path("other.pem")
        tandem("keygen", "-k", other, "-t", "ecdsa-p256")
        self.start("krepet-nrf52833", self.image("v1", "1.0.0"))
        self.tandem("update", self.image("v2", "2.0.0", other), exit=1)
        self.first_of_each("D10")

    def test_a_trial_that_crashes_is_found_to_be_reverted(self):
        self.start("krepet-nrf52833", self.image("v1", "1.0.0"))
        self.tandem("update", self.image("v2", "2.0.0", app=["--crash"]), exit=1)
        self.assertEqual(self.found(self.console)[0], ("M67", "cause"))
        self.assertEqual(self.found(self.console, *self.logs)[0], ("M67", "cause"))

    def test_an_image_without_room_to_swap_is_found(self):
        self.start("krepet-nrf52833", self.image("v1", "1.0.0"))
        big = self.image("v2", "2.0.0", size=0x38000 - 0x1800, slot="0x40000")
        self.tandem("image", "upload", big)
        self.tandem("image", "test", big)
        self.tandem("os", "reset")
        time.sleep(1)
        self.tandem("image", "list")
        self.first_of_each("D07")


if __name__ == "__main__":
    unittest.main()
