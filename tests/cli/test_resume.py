#!/usr/bin/env python3
"""An upload that was interrupted goes on where it stopped: by a reset of the device, by the power
being cut, by Ctrl-C, by several of them. Real processes; what was sent is counted in the log."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from virtual import COMMAND, KEY, ROOT, Sim, tandem

SIZE = 120000
SECTOR = 4096
RECORDS = 16  # of one upload at most: docs/spec/boot-log.md, Bookmark
AFTER_RESET, NO_SHA, NO_LOG, OTHER, CHANGED = 3, 5, 6, 7, 8  # docs/spec/smp-tandem.md, id 2


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def sent(log):
    """Bytes of the file in all upload requests of a log, those that were sent again as well."""
    total, seen_first = 0, False
    with open(log) as f:
        for line in f:
            if line.startswith("#") or line.split(" ", 2)[1] != ">":
                continue
            packet = bytes.fromhex(line.split()[2])
            if packet[0] & 7 == 2 and struct.unpack(">H", packet[4:6])[0] == 1 and packet[7] == 1:
                at = packet.index(b"ddata") + 5
                # While nobody listens the first chunk alone is sent, as often as the link comes up.
                first = b"clen" in packet[:at]
                if first and seen_first:
                    continue
                seen_first |= first
                head = packet[at]
                total += {0x58: lambda: packet[at + 1],
                          0x59: lambda: struct.unpack(">H", packet[at + 1:at + 3])[0]}.get(
                              head, lambda: head & 31)()
    return total


class Client:
    """`tandem` in the background; its lines are read as they come."""

    def __init__(self, case, *args):
        self.log = case.path("log-%d" % case.count())
        self.process = subprocess.Popen(
            [COMMAND, "--json", "--log", self.log, *map(str, args)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        case.addCleanup(self.stop)
        self.events = []

    def until_offset(self, offset):
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1].get("event") == "upload" and self.events[-1]["offset"] >= offset:
                return self.events[-1]["offset"]
        raise AssertionError("it ended before %d: %s\n%s" % (offset, self.events[-3:],
                                                             self.process.stderr.read()))

    def end(self, seconds=60):
        out, self.err = self.process.communicate(timeout=seconds)
        self.events += map(json.loads, out.splitlines())
        return self.process.returncode

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()
        self.process.stderr.close()

    def all(self, name):
        return [e for e in self.events if e.get("event") == name]

    def resumed(self):
        return [e["offset"] for e in self.all("resumed")]

    def starts(self):
        return [e["start"] for e in self.all("start")]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.old = cls.image("old", "1.0.0", 20000)
        cls.new = cls.image("new", "2.0.0", SIZE)
        cls.other = cls.image("other", "3.0.0", SIZE)

    @classmethod
    def image(cls, name, version, size):
        raw, out = (os.path.join(cls.shared, name + end) for end in (".raw", ".bin"))
        for ran in (tandem("sim-app", raw, "--name", name, "--size", size),
                    tandem("sign", "-k", KEY, "-v", version, "-H", "0x200", "--pad-header", "-S",
                           "0x38000", "--align", "4", raw, out)):
            assert ran.returncode == 0, ran.stderr
        return out

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.port = free_port()
        self.udp = "udp:127.0.0.1:%d" % self.port
        self.tty = self.path("tty")
        self.n = 0
        self.sims = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def count(self):
        self.n += 1
        return self.n

    def profile(self, name="tandem-nrf52833", *changes):
        with open(os.path.join(ROOT, "profiles", name + ".yml")) as f:
            text = f.read().replace("keys/", os.path.join(ROOT, "profiles", "keys", ""))
        for was, now in changes:
            self.assertIn(was, text)
            text = text.replace(was, now)
        path = self.path("profile.yml")
        with open(path, "w") as f:
            f.write(text)
        return path

    def device(self, *args, profile="tandem-nrf52833"):
        """The same device each time it is started, at the same addresses."""
        for sim in self.sims:
            sim.stop()
        new = [] if os.path.exists(self.path("device")) else ["--program", "slot0=" + self.old]
        sim = Sim(profile, "--state", self.path("device"), "--udp", self.udp[4:], "--pty",
                  self.tty, *new, *args)
        self.addCleanup(sim.stop)
        self.sims = [sim]
        sim.until("ready:")
        return sim

    def forget(self):
        """The next device is a new one."""
        for sim in self.sims:
            sim.stop()
        shutil.rmtree(self.path("device"), ignore_errors=True)

    def slow(self, profile="tandem-nrf52833"):
        """One that takes its time, so that something can happen in mid-upload."""
        return self.device("--speed", "real", profile=profile)

    def runs(self, version):
        ran = tandem("-d", self.udp, "--json", "image", "list")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        active = [i for i in json.loads(ran.stdout)["images"] if i["active"]]
        self.assertEqual([(i["version"], i["confirmed"]) for i in active], [(version, True)])

    def saved(self, client, least, before=0):
        """What a resume at `least` spares was not sent again. before: by an earlier client."""
        size = os.path.getsize(self.new)
        self.assertGreaterEqual(before + sent(client.log), size)
        # After a reset: from 0 up to the reset, what was under way then, and from the record on.
        again = SIZE // (RECORDS - 1) + 2 * SECTOR + 5 * 2048
        self.assertLess(before + sent(client.log), size + again)
        self.assertGreater(least, again)  # so beginning at 0 would not have passed


class OneClient(Case):
    """It is not stopped; the device goes away under it and comes back."""

    def goes_on(self, client, start=AFTER_RESET):
        code = client.end()
        self.assertEqual(code, 0, client.err + str(client.events[-6:]))
        self.assertEqual(client.starts()[-1], start)
        self.assertTrue(client.all("start")[-1]["text"])
        self.assertEqual(len(client.resumed()), 1, client.events)
        self.assertEqual(client.resumed()[0] % SECTOR, 0)
        self.saved(client, client.resumed()[0])

    def test_the_power_is_cut(self):
        for profile in ("tandem-nrf52833", "nrf52840-external-flash"):
            for verb in (("update",), ("image", "upload")):
                with self.subTest(profile=profile, verb=verb):
                    self.forget()
                    sim = self.device("--cut-power-at", 95,
                                      profile=profile)
                    client = Client(self, "-d", self.udp, *verb, self.new)
                    sim.until("power cut")
                    self.assertEqual(sim.process.wait(10), 0)
                    self.device(profile=profile)
                    self.goes_on(client)
                    if verb[0] == "update":
                        self.runs("2.0.0")

    def test_the_process_is_killed_and_takes_its_time_to_come_back(self):
        sim = self.slow()
        client = Client(self, "-d", self.udp, "update", self.new)
        client.until_offset(60000)
        sim.stop(signal.SIGKILL)
        time.sleep(4)
        self.device()
        self.goes_on(client)
        self.runs("2.0.0")

    def test_somebody_else_resets_it(self):
        self.slow()
        client = Client(self, "-d", self.udp, "update", self.new)
        client.until_offset(60000)
        ran = tandem("-d", self.udp, "os", "reset", "--force")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.goes_on(client)
        self.runs("2.0.0")

    def test_over_a_serial_line(self):
        self.slow()
        client = Client(self, "-d", "serial:" + self.tty + "?baud=1000000", "update", self.new)
        client.until_offset(60000)
        ran = tandem("-d", self.udp, "os", "reset", "--force")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.goes_on(client)
        self.runs("2.0.0")

    def test_people_read_where_it_goes_on_and_why(self):
        for verb in (("update",), ("image", "upload")):
            with self.subTest(verb=verb):
                self.forget()
                sim = self.device("--cut-power-at", 95)
                process = subprocess.Popen([COMMAND, "-d", self.udp, *verb, self.new],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           text=True)
                sim.until("power cut")
                self.device()
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 0, err)
                self.assertRegex(err, r"The upload is resumed at \d+ of \d+ bytes\.")
                self.assertIn("it goes on after a reset of the device", err)


class TwoClients(Case):
    """The first is stopped, and the device is reset before the second comes."""

    def stopped(self, *verb, at=60000):
        """A client that got so far and was interrupted."""
        client = Client(self, "-d", self.udp, *verb)
        client.until_offset(at)
        client.process.send_signal(signal.SIGINT)
        self.assertEqual(client.end(), 130, client.err)
        return client

    def again(self, *args, start, profile="tandem-nrf52833"):
        """Starts the device anew and runs to the end; how the device took that is start."""
        self.device(profile=profile)
        client = Client(self, "-d", self.udp, *args)
        self.assertEqual(client.end(), 0, client.err + str(client.events[-6:]))
        self.assertEqual(client.starts(), [start])
        self.assertTrue(client.all("start")[0]["text"])
        return client

    def test_ctrl_c_says_how_to_go_on_and_a_reset_in_between_does_no_harm(self):
        for verb in (("update",), ("image", "upload")):
            with self.subTest(verb=verb):
                self.forget()
                self.slow()
                first = self.stopped(*verb, self.new)
                self.assertIn("goes on where", first.err)
                second = self.again(*verb, self.new, start=AFTER_RESET)
                self.assertEqual(len(second.resumed()), 1)
                self.saved(second, second.resumed()[0], before=sent(first.log))
        ran = tandem("-d", self.udp, "update", self.new)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.runs("2.0.0")

    def test_each_reason_to_begin_at_0_is_said(self):
        no_log = (("  boot_log:  { flash: internal, offset: 0x7c000, size: 0x02000 }\n", ""),)
        rows = (
            ("another file came meanwhile", (), ["update"], self.other, OTHER),
            ("the sha is not sent", (), ["update", "--no-resume"], self.new, NO_SHA),
            ("the device has no boot log", no_log, ["update"], self.new, NO_LOG),
        )
        for says, changes, verb, file, start in rows:
            with self.subTest(says):
                self.forget()
                profile = self.profile("tandem-nrf52833", *changes)
                self.slow(profile)
                self.stopped("update", self.new)
                client = self.again(*verb, file, start=start, profile=profile)
                self.assertEqual(client.resumed(), [])
                self.assertGreaterEqual(sent(client.log), os.path.getsize(file))

    def test_a_slot_that_was_changed_meanwhile_is_written_from_0(self):
        sim = self.slow()
        self.stopped("update", self.new)
        sim.stop()
        flash = os.path.join(self.path("device"), "flash.bin")
        with open(flash, "r+b") as f:
            f.seek(0x44000 + 5000)
            was = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([was[0] ^ 1]))
        client = self.again("update", self.new, start=CHANGED)
        self.assertEqual(client.resumed(), [])
        self.runs("2.0.0")

    def test_a_device_without_a_log_that_is_reset_says_why_it_begins_again(self):
        profile = self.profile("tandem-nrf52833", (
            "  boot_log:  { flash: internal, offset: 0x7c000, size: 0x02000 }\n", ""))
        sim = self.device("--cut-power-at", 75, profile=profile)
        process = subprocess.Popen([COMMAND, "-d", self.udp, "image", "upload", self.new],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        sim.until("power cut")
        self.device(profile=profile)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("it begins again at 0", err)
        self.assertIn("the device keeps no record", err)


if __name__ == "__main__":
    unittest.main(verbosity=1)
