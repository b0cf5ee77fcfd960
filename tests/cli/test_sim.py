#!/usr/bin/env python3
"""`tandem sim` as a process: its folder, its links, its console, and how it says what is wrong."""

import os
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import virtual
from virtual import KEY, ROOT, tandem

OTHER_KEY = os.path.join(ROOT, "profiles", "keys", "PUBLIC-DEMO-ed25519.pem")
ECHO_LINE = b"\x06\x09ABAKAAAGAABCAKFhZGJoaZsK\n"  # echo "hi", v2, seq 0x42
ECHO = bytes.fromhex("0a00000600004200a16164626869")
ECHO_ANSWER = bytes.fromhex("0b00000600004200a16172626869")
# made with smpclient.transport.serial.Cobs().encode of the two above
ECHO_COBS = bytes.fromhex("020a01020601024209a161646268699b0a00")
ECHO_ANSWER_COBS = bytes.fromhex("020b01020601024209a16172626869dc5500")


class Sim(virtual.Sim):
    """What it says on stderr stays apart, for the tests of its errors."""

    def __init__(self, *args):
        super().__init__(*args, stderr=subprocess.PIPE)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.v1 = cls.image("v1", "1.0.0")
        cls.v2 = cls.image("v2", "2.0.0")

    @classmethod
    def image(cls, name, version, key=KEY, suffix="bin", *sign):
        raw = os.path.join(cls.shared.name, name + ".raw")
        out = os.path.join(cls.shared.name, name + "." + suffix)
        for ran in (tandem("sim-app", raw, "--name", name, "--size", 20000),
                    tandem("sign", "-k", key, "-v", version, "-H", "0x200", "--pad-header", "-S",
                           "0x38000", "--align", "4", *sign, raw, out)):
            assert ran.returncode == 0, ran.stderr
        return out

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.state = os.path.join(self.folder, "device")

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return path

    def start(self, *args, profile="tandem-nrf52833"):
        sim = Sim(profile, "--state", self.state, *args)
        self.addCleanup(sim.stop)
        return sim

    def refuse(self, exit, *args, says):
        ran = tandem("sim", *args)
        text = "exit %d\n%s%s" % (ran.returncode, ran.stdout, ran.stderr)
        self.assertEqual(ran.returncode, exit, text)
        for words in says:
            self.assertIn(words, ran.stderr, text)


class Running(Case):
    def udp(self, sim):
        url = sim.until("ready:").split()[1]
        self.assertTrue(url.startswith("udp:127.0.0.1:"))
        return url

    def test_boot_lines_come_first_and_ready_again_after_each_reboot(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        url = self.udp(sim)
        self.assertIn("I: Starting bootloader", sim.lines[0])
        self.assertIn("*** v1, version 1.0.0+0 ***", sim.lines)
        self.assertEqual(tandem("-d", url, "os", "reset").returncode, 0)
        sim.until("I: Starting bootloader")
        sim.until("ready: udp:")

    def test_what_was_installed_is_there_in_the_next_process(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        ran = tandem("-d", self.udp(sim), "update", self.v2)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(sim.stop(), 0)
        sim = self.start()
        sim.until("*** v2, version 2.0.0+0 ***")

    def test_both_signals_end_it_with_0(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            sim = self.start("--program", "slot0=" + self.v1)
            sim.until("ready:")
            self.assertEqual(sim.stop(number), 0)

    def test_a_kill_in_the_middle_leaves_a_folder_that_the_next_process_takes(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        tandem("-d", self.udp(sim), "image", "upload", self.v2)
        sim.stop(signal.SIGKILL)
        self.start().until("ready:")

    def test_a_power_cut_ends_the_process_and_the_next_one_finishes(self):
        for kind in ("before", "torn", "after"):
            sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
            url = self.udp(sim)
            for verb in ("upload", "test"):
                self.assertEqual(tandem("-d", url, "image", verb, self.v2).returncode, 0)
            sim.stop()
            ran = tandem("sim", "tandem-nrf52833", "--state", self.state, "--cut-power-at", 12,
                         "--cut", kind)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(ran.stdout.splitlines()[-1], "power cut at operation 12")
            self.assertNotIn("ready:", ran.stdout)
            sim = self.start()
            sim.until("*** v2, version 2.0.0+0, on trial ***")
            sim.stop()

    def test_nothing_to_boot_is_said_and_the_process_stays(self):
        sim = self.start("--udp", "127.0.0.1:0")
        sim.until("E: Unable to find bootable image")
        sim.until("sim: no bootable image")
        self.assertIsNone(sim.process.poll())

    def test_keys_of_the_command_line_replace_those_of_the_profile(self):
        image = self.image("ed", "1.0.0", OTHER_KEY)
        self.start("--key", OTHER_KEY, "--program", "slot0=" + image).until("ready:")

    def test_hex_files_are_programmed_where_they_say(self):
        for address in ("0", "0xc000"):
            image = self.image("hex", "1.0.0", KEY, "hex", "-x", address)
            sim = self.start("--program", "slot0=" + image)
            sim.until("*** hex, version 1.0.0+0 ***")
            sim.stop()

    def test_real_speed_takes_the_time_that_flash_takes(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1, "--speed",
                         "real")
        began = time.monotonic()
        ran = tandem("-d", self.udp(sim), "image", "upload", self.v2)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        # Six sectors of 85 ms and more, and 20 KB of words at 41 us.
        self.assertGreater(time.monotonic() - began, 0.5)


class Links(Case):
    def read_line(self, fd, start, seconds=5):
        got = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                got += os.read(fd, 4096)
            for line in got.split(b"\n"):
                if line.startswith(start) and (line + b"\n") in got:
                    return line
        raise AssertionError("%r not in %r" % (start, got))

    def test_a_pty_is_a_link_that_goes_away_with_the_process(self):
        path = self.path("tty")
        sim = self.start("--pty", path, "--program", "slot0=" + self.v1)
        self.assertEqual(sim.until("ready:"), "ready: serial:" + path)
        for _ in range(2):  # opened, closed and opened again
            fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
            os.write(fd, ECHO_LINE)
            self.read_line(fd, b"\x06\x09")
            os.close(fd)
        self.assertEqual(tandem("-d", "serial:" + path, "os", "echo", "hi").stdout.strip(), "hi")
        sim.stop()
        self.assertFalse(os.path.lexists(path))

    def test_the_console_is_on_the_serial_line_too(self):
        path = self.path("tty")
        sim = self.start("--pty", path, "--program", "slot0=" + self.v1)
        sim.until("ready:")
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.read_line(fd, b"*** v1, version 1.0.0+0 ***")
        os.close(fd)

    def test_a_serial_line_behind_tcp(self):
        sim = self.start("--tcp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        url = sim.until("ready:").split()[1]
        self.assertEqual(tandem("-d", url, "os", "echo", "hi").stdout.strip(), "hi")
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2]))) as s:
            s.sendall(b"noise\n" + ECHO_LINE)
            self.read_line(s.fileno(), b"\x06\x09")

    def test_a_line_that_carries_packets_alone(self):
        for framing, request, answer in (("raw", ECHO, ECHO_ANSWER),
                                         ("cobs", ECHO_COBS, ECHO_ANSWER_COBS)):
            with self.subTest(framing):
                tty = self.path("tty")
                sim = self.start("--tcp", "127.0.0.1:0?framing=" + framing, "--pty",
                                 tty + "?framing=" + framing, "--program", "slot0=" + self.v1)
                urls = sim.until("ready:").split()[1:]
                self.assertEqual([u.partition("?")[2] for u in urls], ["framing=" + framing] * 2)
                fd = os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                self.assertRaises(BlockingIOError, os.read, fd, 100)    # no boot log was printed
                os.write(fd, request)
                self.assertTrue(select.select([fd], [], [], 5)[0])
                self.assertEqual(os.read(fd, 100).lstrip(b"\0"), answer)
                os.close(fd)
                port = int(urls[0].partition("?")[0].split(":")[2])
                with socket.create_connection(("127.0.0.1", port)) as s:
                    s.settimeout(5)
                    s.sendall(request)
                    self.assertEqual(s.recv(100).lstrip(b"\0"), answer)
                sim.stop()

    def test_who_may_do_what_is_said_in_words(self):
        """A server's `access`, a link's `trust`, a command, and what it lacks: "" is nothing."""
        ask, write = ("image", "list"), ("image", "erase", "1")
        shell, secret = ("shell", "exec", "version"), ("settings", "get", "a/b")
        pair, passkey, never = "an encrypted link", "an authenticated link", "never allowed"
        rows = (
            # Nothing is said: the safe rules. Files and settings may be secrets, a shell is a key.
            ("", ((ask, "", "", ""), (write, passkey, passkey, ""), (shell, never, never, never),
                  (secret, passkey, passkey, ""), (("os", "echo", "hi"), "", "", ""),
                  (("os", "reset"), passkey, passkey, ""), (("fs", "status", "/lfs1/x"), passkey,
                                                            passkey, ""), (("why",), "", "", ""))),
            ("access: open", ((write, "", "", ""), (shell, "", "", ""))),
            ("access: { image: { read: encrypted, write: authenticated }, shell: authenticated, "
             "stat: never, settings: encrypted }",
             ((ask, pair, "", ""), (write, passkey, passkey, ""), (shell, passkey, passkey, ""),
              (("stat", "list"), never, never, never), (secret, pair, "", ""))),
            ("access: { image: { write: never } }",
             ((ask, "", "", ""), (write, never, never, never))),
        )
        with open(os.path.join(ROOT, "profiles", "nrf52840-external-flash.yml")) as f:
            text = f.read().replace("keys/", os.path.join(ROOT, "profiles", "keys", ""))
        trusts = ("none", "encrypted", "authenticated")
        for access, commands in rows:
            sim = self.start(*(x for t in trusts for x in ("--udp", "127.0.0.1:0?trust=" + t)),
                             "--program", "slot0=" + self.v1,
                             profile=self.path("x.yml", text.replace("access: open", access)))
            links = sim.until("ready:").split()[1:]
            for command, *lacks in commands:
                for trust, link, lack in zip(trusts, links, lacks):
                    with self.subTest(access=access, trust=trust, command=command):
                        ran = tandem("-d", link, *command)
                        if lack:
                            self.assertEqual(ran.returncode, 1, ran.stderr)
                            self.assertIn("rc 11", ran.stderr)
                            self.assertIn(lack, ran.stderr)
                        else:
                            self.assertNotIn("rc 11", ran.stderr)
                            self.assertNotIn(ran.returncode, (2, 3), ran.stderr)
                        if command == ("os", "reset") and not lack:
                            sim.until("ready:")
            sim.stop()

    def test_no_command_reads_a_slot_back(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1,
                         profile="nrf52840-external-flash")
        url = sim.url()
        for id in ("2", "3", "4", "7"):  # file, core list and load of older servers, and beyond
            with self.subTest(id=id):
                ran = tandem("-d", url, "raw", "1", id, "read")
                self.assertEqual(ran.returncode, 1, ran.stdout)
                self.assertIn("rc 8", ran.stderr)

    def test_a_shell_on_the_console(self):
        sim = self.start("--tcp", "127.0.0.1:0", "--program", "slot0=" + self.v1,
                         profile="nrf52840-external-flash")
        url = sim.until("ready:").split()[1]
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2]))) as s:
            got = b""
            for typed, answer in ((b"versoo\x7f\x7fion\r", b"\r\nTandem "),
                                  (ECHO_LINE, b"\x06\x09ABALAAAGAABCAKFhcmJoadxV\n"),
                                  (b"nonsense\n", b"nonsense: command not found\r\nuart:~$ ")):
                s.sendall(typed)
                s.settimeout(5)
                while answer not in got:
                    got += s.recv(4096)

    def test_a_console_without_a_shell_says_nothing(self):
        sim = self.start("--tcp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        url = sim.until("ready:").split()[1]
        with socket.create_connection(("127.0.0.1", int(url.split(":")[2]))) as s:
            s.sendall(b"version\r" + ECHO_LINE)
            self.assertEqual(s.recv(100)[:2], b"\x06\x09")

    def test_ipv6_and_several_links_at_once(self):
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.bind(("::1", 0))
        except OSError:
            self.skipTest("this machine has no IPv6")
        sim = self.start("--udp", "[::1]:0", "--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0",
                         "--program", "slot0=" + self.v1)
        urls = sim.until("ready:").split()[1:]
        self.assertEqual(len(urls), 3)
        for url in urls:
            self.assertEqual(tandem("-d", url, "os", "echo", "hi").stdout.strip(), "hi")

    def test_an_answer_goes_to_whoever_asked(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        port = int(sim.until("ready:").split()[1].split(":")[2])
        peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        for n, s in enumerate(peers):
            s.settimeout(5)
            s.connect(("127.0.0.1", port))
            s.send(ECHO[:6] + bytes([n]) + ECHO[7:])
            self.assertEqual(s.recv(100)[6], n)
            s.close()

    def test_a_datagram_larger_than_the_device_takes_is_lost(self):
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        port = int(sim.until("ready:").split()[1].split(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", port))
            s.send(ECHO + bytes(2049 - len(ECHO)))
            s.send(ECHO)
            self.assertEqual(s.recv(100)[:1], b"\x0b")
            s.settimeout(0.2)
            self.assertRaises(socket.timeout, s.recv, 100)

    def test_no_datagram_is_lost_while_buffers_are_free(self):
        """Also not one that comes at the very moment at which another is being read."""
        sim = self.start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1)
        port = int(sim.until("ready:").split()[1].split(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect(("127.0.0.1", port))
            for turn in range(3000):
                s.send(ECHO)
                later = time.perf_counter() + turn % 100 * 1e-6
                while time.perf_counter() < later:
                    pass
                s.send(ECHO)
                self.assertEqual([s.recv(100), s.recv(100)], [ECHO_ANSWER] * 2, "turn %d" % turn)


class Kept(Case):
    """What a device with every group keeps: over a reset, and over a power cycle."""

    def start(self):
        return super().start("--udp", "127.0.0.1:0", "--program", "slot0=" + self.v1,
                             profile="nrf52840-external-flash")

    def ask(self, url, *args, ok=0):
        ran = tandem("-d", url, *args)
        self.assertEqual(ran.returncode, ok, ran.stderr)
        return ran.stdout

    def check(self, url, clock):
        back = self.path("back")
        self.ask(url, "fs", "download", "/lfs1/notes", back)
        with open(back) as f:
            self.assertEqual(f.read(), "kept")
        self.assertIn("0102", self.ask(url, "settings", "get", "app/saved").replace(" ", ""))
        self.ask(url, "settings", "get", "app/unsaved", ok=1)
        said = self.ask(url, "shell", "exec", "date get") if clock else ""
        self.assertEqual("2031-02-03 04:05:" in said, clock)

    def test_files_and_saved_settings_always_and_the_clock_over_a_reset(self):
        sim = self.start()
        url = sim.url()
        self.ask(url, "fs", "upload", self.path("notes", "kept"), "/lfs1/notes")
        self.ask(url, "settings", "set", "app/saved", "0102")
        self.ask(url, "settings", "save")
        self.ask(url, "settings", "set", "app/unsaved", "03")
        self.ask(url, "os", "datetime", "2031-02-03T04:05:06")
        self.ask(url, "os", "reset")
        sim.until("ready:")
        self.check(url, clock=True)
        sim.stop()
        sim = self.start()
        url = sim.url()
        self.check(url, clock=False)
        self.ask(url, "storage", "erase")
        self.ask(url, "settings", "get", "app/saved", ok=1)


class Refusals(Case):
    def test_a_folder_in_use_names_the_process(self):
        sim = self.start("--program", "slot0=" + self.v1)
        sim.until("ready:")
        self.refuse(4, "tandem-nrf52833", "--state", self.state,
                    says=["in use by process %d" % sim.process.pid])

    def test_a_wrong_command_line_is_exit_2(self):
        here = ("tandem-nrf52833", "--state", self.state)
        rows = [
            ((), "PROFILE is missing"),
            (("tandem-nrf52833",), "--state DIR is missing"),
            ((*here, "another"), "'another'"),
            ((*here, "--cut-power-at", "0"), "--cut-power-at"),
            ((*here, "--cut", "half"), "before, torn or after"),
            ((*here, "--speed", "slow"), "real or fast"),
            ((*here, "--h4", "socket"), "Bluetooth"),
            ((*here, "--program", "slot2=x"), "netcore_good, and not 'slot2=x'"),
            ((*here, "--program", "slot0"), "SLOT=FILE"),
            ((*here, "--cut", "torn"), "--cut-power-at N, which says when, is missing"),
            ((*here, "--pin"), "has no recovery"),
        ]
        for args, words in rows:
            with self.subTest(args):
                self.refuse(2, *args, says=[words])

    def test_a_wrong_profile_is_exit_4_and_says_which_line(self):
        bad = self.path("bad.yml", "name: x\nflash: 7\n")
        unknown = self.path("unknown.yml", "name: x\n\nflashes: []\n")
        rows = [
            ("tandem-nrf52832", ["no profile named 'tandem-nrf52832'", "krepet-nrf52833"]),
            (self.path("missing.yml"), ["missing.yml", "cannot be read"]),
            (bad, ["bad.yml:2", "list"]),
            (unknown, ["unknown.yml:3", "unknown key 'flashes'", "partitions"]),
        ]
        for profile, says in rows:
            with self.subTest(profile):
                self.refuse(4, profile, "--state", self.state, says=says)

    def test_files_that_cannot_be_used_are_exit_4(self):
        large = self.path("large.bin", "x" * 0x38001)
        empty = self.path("empty.bin", "")
        no_pem = self.path("no.pem", "nothing")
        far = self.image("far", "1.0.0", KEY, "hex", "-x", "0x60000")
        here = ("tandem-nrf52833", "--state", self.state)
        rows = [
            ((*here, "--program", "slot0=" + large), ["does not fit", "large.bin"]),
            ((*here, "--program", "slot0=" + far), ["does not fit"]),
            ((*here, "--program", "slot0=" + empty), ["empty"]),
            ((*here, "--program", "slot0=" + self.path("none.bin")), ["none.bin"]),
            ((*here, "--key", no_pem), ["no.pem"]),
            ((*here, "--key", KEY, "--key", OTHER_KEY), ["another type"]),
            ((*here, "--udp", "nonsense"), ["HOST:PORT"]),
            ((*here, "--pty", empty), ["is there already"]),
            (("tandem-nrf52833", "--state", os.path.join(empty, "x")), ["state folder"]),
        ]
        for args, says in rows:
            with self.subTest(args):
                self.refuse(4, *args, says=says)

    def test_a_port_in_use_is_named(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            where = "127.0.0.1:%d" % s.getsockname()[1]
            self.refuse(4, "tandem-nrf52833", "--state", self.state, "--udp", where, says=[where])

    def test_the_flash_of_another_device_is_not_taken(self):
        sim = self.start("--program", "slot0=" + self.v1)
        sim.until("ready:")
        sim.stop()
        with open(os.path.join(ROOT, "profiles", "krepet-nrf52833.yml")) as f:
            text = f.read()
        text = text.replace("keys/", os.path.join(ROOT, "profiles/keys/"))
        small = self.path("small.yml", text.replace("count: 128", "count: 256")
                          .replace("size: 0x80000", "size: 0x100000"))
        other = self.path("other.yml", text.replace("writes_per_word: 2", "writes_per_word: 3"))
        self.refuse(4, small, "--state", self.state, says=["another device"])
        self.refuse(4, other, "--state", self.state, says=["another device"])


class Applications(Case):
    def test_the_same_name_gives_the_same_file_and_the_size_is_exact(self):
        one, two = self.path("one"), self.path("two")
        for out in (one, two):
            self.assertEqual(tandem("sim-app", out, "--name", "x", "--size", "777").returncode, 0)
        with open(one, "rb") as a, open(two, "rb") as b:
            data = a.read()
            self.assertEqual(data, b.read())
        self.assertEqual(len(data), 777)

    def test_a_wrong_command_line_is_exit_2(self):
        out = self.path("out")
        rows = [
            (("--name", "x"), "OUT is missing"),
            ((out,), "--name is missing"),
            ((out, "--name", ""), "--name"),
            ((out, "--name", "x" * 44), "--name"),
            ((out, "--name", "x", "--size", "63"), "--size"),
            ((out, "--name", "x", "--size", "many"), "--size"),
            ((out, out, "--name", "x"), "is another"),
        ]
        for args, words in rows:
            with self.subTest(args):
                ran = tandem("sim-app", *args)
                self.assertEqual(ran.returncode, 2, ran.stderr)
                self.assertIn(words, ran.stderr)
                self.assertFalse(os.path.exists(out))

    def test_a_file_that_cannot_be_written_is_exit_4(self):
        ran = tandem("sim-app", os.path.join(self.folder, "no", "where"), "--name", "x")
        self.assertEqual(ran.returncode, 4, ran.stderr)


if __name__ == "__main__":
    unittest.main()
