#!/usr/bin/env python3
"""`tandem` in front of the virtual device: real processes, real bootloader, real links."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

COMMAND = os.environ["TANDEM"]
SLOT = "0x38000"


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("TANDEM", "NO_COLOR"))}


def tandem(*args, timeout=60):
    return subprocess.run([COMMAND, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=environment())


class Board:
    """A process of `tandem sim`, and what it prints."""

    def __init__(self, case, profile="tandem-nrf52833", *options, state=None):
        self.state = state or tempfile.mkdtemp(dir=case.folder)
        self.log = os.path.join(self.state, "console.log")
        self.tty = os.path.join(self.state, "tty")
        self.options = options
        self.profile = profile
        self.process = None
        case.addCleanup(self.stop)

    def start(self, *options):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [COMMAND, "sim", self.profile, "--state", os.path.join(self.state, "flash"),
                 "--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--pty", self.tty,
                 *map(str, self.options), *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment())
        self.options = [o for o in self.options if "slot0=" not in str(o) and o != "--program"]
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for line in self.console().splitlines():
                if line.startswith("ready: "):
                    urls = dict(url.split(":", 1) for url in line[7:].split())
                    self.urls = {kind: kind + ":" + rest for kind, rest in urls.items()}
                    self.url = self.urls["udp"]
                    return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("the board did not start:\n" + self.console())

    def console(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in ("ours", "foreign"):
            cls.must("keygen", "-k", cls.path(name + ".pem"), "-t", "ecdsa-p256")

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    @classmethod
    def must(cls, *args):
        ran = tandem(*args)
        if ran.returncode != 0:
            raise AssertionError("%s: %s%s" % (args, ran.stdout, ran.stderr))

    @classmethod
    def image(cls, version, *options, key="ours", size=40000):
        name = "app-%s-%s-%d%s" % (version, key, size, "".join(options))
        if not os.path.exists(cls.path(name + ".bin")):
            cls.must("sim-app", cls.path(name), "--name", name[:40], "--size", size, *options)
            cls.must("sign", "-k", cls.path(key + ".pem"), "-v", version, "--align", "4",
                     "-H", "0x200", "--pad-header", "-S", SLOT, cls.path(name),
                     cls.path(name + ".bin"))
        return cls.path(name + ".bin")

    def board(self, profile="tandem-nrf52833", running="1.0.0"):
        return Board(self, profile, "--key", self.path("ours.pem"), "--program",
                     "slot0=" + self.image(running))

    def check(self, ran, exit, *said, out=()):
        text = "exit %d\n--- stdout\n%s--- stderr\n%s" % (ran.returncode, ran.stdout, ran.stderr)
        self.assertEqual(ran.returncode, exit, text)
        for words in said:
            self.assertIn(words, ran.stderr, text)
        for words in out:
            self.assertIn(words, ran.stdout, text)
        return ran

    def result(self, board, exit, result, *args, url=None, verdict=None):
        """Runs an update and checks its exit code against the last line of its JSON."""
        ran = tandem("-d", url or board.url, "--json", "update", *args)
        self.check(ran, exit)
        last = json.loads(ran.stdout.splitlines()[-1])
        text = ran.stdout + ran.stderr + board.console()
        self.assertEqual(last["result"], result, text)
        if verdict:
            self.assertEqual(last["verdict"], verdict, text)
        if exit != 0:
            self.assertTrue(last["text"] and last["remedy"], "a failure without a remedy: " + text)
        return last

    def running(self, board, url=None):
        ran = self.check(tandem("-d", url or board.url, "--json", "image", "list"), 0)
        return next(i for i in json.loads(ran.stdout)["images"] if i["active"])


class WhatSucceeds(Case):
    def test_every_link_ends_with_the_new_hash_confirmed(self):
        for kind in ("udp", "tcp", "serial"):
            with self.subTest(kind=kind):
                board = self.board().start()
                url = board.urls[kind]
                if kind != "udp":
                    url += "?baud=1000000"
                last = self.result(board, 0, "updated", self.image("2.0.0"), url=url)
                self.assertIn("version 2.0.0 (%s), confirmed" % last["hash"][:16], last["text"])
                runs = self.running(board)
                self.assertEqual((runs["hash"], runs["version"], runs["confirmed"]),
                                 (last["hash"], "2.0.0", True))
                self.result(board, 0, "already", self.image("2.0.0"), url=url)

    def test_every_profile_is_updated(self):
        for profile in ("tandem-nrf52833", "krepet-nrf52833", "overwrite-only"):
            with self.subTest(profile=profile):
                board = self.board(profile).start()
                self.result(board, 0, "updated", self.image("2.0.0"))
                runs = self.running(board)
                self.assertEqual((runs["version"], runs["confirmed"]), ("2.0.0", True))

    def test_an_image_on_trial_is_confirmed_by_the_next_update(self):
        board = self.board().start()
        self.result(board, 0, "tested", "--mode", "test", self.image("2.0.0"))
        self.assertFalse(self.running(board)["confirmed"])
        self.check(tandem("-d", board.url, "update", self.image("3.0.0")), 1, "trial")
        self.assertFalse(self.running(board)["confirmed"])
        self.result(board, 0, "updated", self.image("2.0.0"))
        self.assertTrue(self.running(board)["confirmed"])

    def test_one_that_is_not_confirmed_is_gone_after_a_reset(self):
        board = self.board().start()
        self.result(board, 0, "tested", "--mode", "test", self.image("2.0.0"))
        self.check(tandem("-d", board.url, "os", "reset"), 0)
        time.sleep(0.5)
        self.assertEqual(self.running(board)["version"], "1.0.0")
        self.check(tandem("-d", board.url, "why"), 0, out=["reverted", "by software"])

    def test_the_single_steps_add_up_to_an_update(self):
        board = self.board().start()
        new = self.image("2.0.0")
        self.check(tandem("-d", board.url, "image", "upload", new), 0, out=["slot1"])
        self.check(tandem("-d", board.url, "image", "test", new), 0, out=["pending"])
        self.check(tandem("-d", board.url, "image", "confirm", new), 1, "waits for its trial")
        self.check(tandem("-d", board.url, "os", "reset"), 0)
        time.sleep(0.5)
        self.check(tandem("-d", board.url, "image", "list"), 0, out=["on trial"])
        self.check(tandem("-d", board.url, "image", "confirm"), 0, out=["running, confirmed"])
        self.check(tandem("-d", board.url, "image", "erase", "slot0"), 1, "try: ")
        self.check(tandem("-d", board.url, "image", "upload", new, "--slot", "1.1"), 1,
                   "no such slot")
        self.check(tandem("-d", board.url, "image", "upload", new, "--image", "1"), 1,
                   "no such slot")
        self.check(tandem("-d", board.url, "image", "erase", "1.0"), 1, "no such slot", "try: ")
        self.check(tandem("-d", board.url, "os", "tasks"), 0, out=["thread", "main", "idle"])
        self.check(tandem("-d", board.url, "image", "erase"), 0)
        self.check(tandem("-d", board.url, "image", "slots"), 0, out=["221184"])
        self.check(tandem("-d", board.url, "storage", "erase"), 0, out=["erased"])
        self.check(tandem("-d", board.url, "os", "bootloader", "mode"), 0, out=["swap-move"])
        self.check(tandem("-d", board.url, "why"), 0, out=["Nothing was refused"])


    def test_a_device_without_trials_says_so_of_a_test(self):
        board = self.board("overwrite-only").start()
        last = self.result(board, 0, "updated", "--mode", "test", self.image("2.0.0"))
        self.assertIn("no trials", last["text"])


class WhatIsRefused(Case):
    def test_a_foreign_key_before_the_first_byte_and_by_the_bootloader(self):
        board = self.board().start()
        foreign = self.image("2.0.0", key="foreign")
        self.result(board, 1, "refused", foreign)
        ran = self.check(tandem("-d", board.url, "--json", "image", "list"), 0)
        self.assertEqual(len(json.loads(ran.stdout)["images"]), 1)
        self.result(board, 1, "refused", "--force", "key", foreign, verdict="unknown-key")
        self.check(tandem("-d", board.url, "why"), 0, out=["does not trust", "2.0.0"])
        self.assertEqual(self.running(board)["version"], "1.0.0")

    def test_a_downgrade_before_the_first_byte_and_by_the_bootloader(self):
        board = self.board(running="2.0.0").start()
        self.result(board, 1, "refused", self.image("1.0.0"))
        self.result(board, 1, "refused", "--force=version", self.image("1.0.0"),
                    verdict="downgrade")
        self.check(tandem("-d", board.url, "why", "--history"), 0,
                   out=["older than the running one"])

    def test_a_stock_device_refuses_in_silence_and_is_understood_all_the_same(self):
        board = self.board("krepet-nrf52833").start()
        last = self.result(board, 1, "refused", self.image("2.0.0", key="foreign"))
        self.assertIsNone(last["verdict"])
        self.assertEqual(self.running(board)["version"], "1.0.0")
        self.check(tandem("-d", board.url, "why"), 0, out=["keeps no verdicts"])
        self.check(tandem("-d", board.url, "image", "upload", self.image("2.0.0"), "--image", "1"),
                   1, "another image", "image erase")

    def test_a_stock_device_that_keeps_another_pending_image_says_what_helps(self):
        board = self.board("krepet-nrf52833").start()
        self.check(tandem("-d", board.url, "image", "upload", self.image("2.0.0")), 0)
        self.check(tandem("-d", board.url, "image", "test", self.image("2.0.0")), 0)
        last = self.result(board, 1, "refused", self.image("3.0.0"))
        self.assertIn("refuses to erase", last["text"])
        self.assertIn("reset the device", last["remedy"])
        self.assertEqual(self.running(board)["version"], "1.0.0")
        self.check(tandem("-d", board.url, "image", "erase"), 1, "rc 6", "try: ")
        ran = self.check(tandem("-d", board.url, "update", self.image("2.0.0")), 0,
                         "does not tell enough to check", out=["updated"])
        self.assertNotIn("??", ran.stderr)

    def test_an_image_that_cannot_be_swapped_is_not_sent(self):
        board = self.board().start()
        large = self.image("2.0.0", size=222000)
        self.check(tandem("-d", board.url, "update", large), 1, "swap-room")
        self.check(tandem("-d", board.url, "image", "upload", large), 1)


    def test_a_layout_tells_what_a_stock_device_does_not(self):
        board = self.board("krepet-nrf52833").start()
        layout = self.path("pm_static.yml")
        with open(layout, "w") as f:
            for name, at, size in (("mcuboot", 0, 0xC000), ("mcuboot_primary", 0xC000, 0x38000),
                                   ("mcuboot_secondary", 0x44000, 0x38000)):
                f.write("%s: {address: 0x%x, size: 0x%x}\n" % (name, at, size))
        large = self.image("2.0.0", size=222000)
        self.check(tandem("-d", board.url, "update", "--dry-run", large), 0,
                   out=["?? swap-room"])
        self.check(tandem("-d", board.url, "update", "--dry-run", "--layout", layout, large), 0,
                   out=["how its bootloader updates"])
        told = ("--layout", layout, "--strategy", "swap-move")
        last = self.result(board, 1, "refused", *told, large)
        self.assertIn("221184", last["text"])
        self.result(board, 0, "updated", *told, self.image("2.0.0"))
        self.check(tandem("-d", board.url, "update", "--layout", "nowhere.yml", large), 4,
                   "cannot be read")


    def test_a_layouts_slots_are_those_of_the_files_image(self):
        board = self.board("krepet-nrf52833").start()
        layout = self.path("pm_static.yml")
        with open(layout, "w") as f:
            for name, at, size in (("mcuboot", 0, 0xC000), ("mcuboot_primary", 0xC000, 0x20000),
                                   ("mcuboot_secondary", 0x2C000, 0x20000),
                                   ("mcuboot_primary_1", 0x4C000, 0x10000),
                                   ("mcuboot_secondary_1", 0x5C000, 0x10000)):
                f.write("%s: {address: 0x%x, size: 0x%x}\n" % (name, at, size))
        told = ("update", "--dry-run", "--layout", layout, "--strategy", "swap-move")
        image = self.image("2.0.0", size=0x11000)
        self.check(tandem("-d", board.url, *told, image), 0)
        self.check(tandem("-d", board.url, *told, "1=" + image), 1, "65536")


class WhatIsReverted(Case):
    def test_what_crashes_and_what_hangs(self):
        for option, verdict in (("--crash", "reverted"), ("--hang", "reverted-watchdog")):
            with self.subTest(option=option):
                board = self.board().start()
                self.result(board, 1, "reverted", self.image("2.0.0", option), verdict=verdict)
                runs = self.running(board)
                self.assertEqual((runs["version"], runs["confirmed"]), ("1.0.0", True))

    def test_what_runs_without_smp_is_unreachable(self):
        board = self.board().start()
        last = self.result(board, 3, "unreachable", "--wait", "3", self.image("2.0.0", "--mute"))
        self.assertIn("trial", last["remedy"] + last["text"])


class WhatIsInterrupted(Case):
    def test_a_power_cut_in_mid_swap(self):
        board = self.board().start("--cut-power-at", "150")
        self.result(board, 3, "unreachable", "--wait", "2", self.image("2.0.0"))
        self.assertIn("power cut at operation 150", board.console())
        self.assertEqual(board.process.wait(10), 0)
        board.start()
        self.result(board, 0, "updated", self.image("2.0.0"))
        self.assertEqual(self.running(board)["version"], "2.0.0")

    def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(self):
        board = self.board().start()
        new = self.image("2.0.0", size=150000)
        url = board.urls["tcp"] + "?baud=460800"
        process = subprocess.Popen([COMMAND, "-d", url, "--json", "update", new],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment())
        while True:
            line = json.loads(process.stdout.readline())
            if line.get("event") == "upload" and line["offset"] > 20000:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, out + err)
        last = json.loads(out.splitlines()[-1])
        self.assertEqual(last["result"], "interrupted")
        self.assertTrue(last["remedy"])
        ran = self.check(tandem("-d", board.url, "--json", "update", new), 0)
        uploads = [e for e in map(json.loads, ran.stdout.splitlines())
                   if e.get("event") == "upload"]
        # The first says what begins, the next how far it is after the first answer.
        self.assertGreaterEqual(uploads[1]["offset"], 20000, uploads[:4])
        self.assertEqual(self.running(board)["version"], "2.0.0")

    def test_the_process_is_killed_in_mid_upload(self):
        board = self.board().start()
        new = self.image("2.0.0", size=150000)
        process = subprocess.Popen([COMMAND, "-d", board.urls["tcp"] + "?baud=460800", "update",
                                    new], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=environment())
        time.sleep(1)
        process.kill()
        process.wait()
        self.result(board, 0, "updated", new)


if __name__ == "__main__":
    unittest.main(verbosity=1)
