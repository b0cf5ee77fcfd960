#!/usr/bin/env python3
"""stat, settings, shell, os and raw against a device that is played: also odd answers.

Every refusal says what, where, what to do, in at most three lines, and has its exit code.
"""

import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import time
import unittest

from fakedevice import READ, WRITE, Device, Udp

COMMAND = os.environ["TANDEM"]
STAT, SETTINGS, FS, SHELL, ENUM = 2, 3, 8, 9, 10
REFUSED, USAGE, UNREACHABLE, FILE, INTERRUPTED = 1, 2, 3, 4, 130


class Whole(Device):
    """A device with every group; refuse maps (group, id, op) to an answer of another kind."""

    def __init__(self):
        super().__init__()
        self.settings = {"app/name": b"ferry", "app/raw": b"\x00\xff", "app/none": b""}
        self.saved = dict(self.settings)
        self.lines = []
        self.shown = 0
        self.refuse = {}

    def handle(self, group, id, op, req):
        if (group, id, op) in self.refuse:
            return self.refuse[group, id, op]
        rooms = {STAT: self.stat, SETTINGS: self.setting, SHELL: self.shell}
        answer = rooms[group](id, op, req) if group in rooms else None
        return answer if answer is not None else super().handle(group, id, op, req)

    def stat(self, id, op, req):
        if id == 1:
            return {"stat_list": ["smp", "flash"]}
        if req["name"] not in ("smp", "flash"):
            return {"err": {"group": STAT, "rc": 2}}
        self.shown += 1
        return {"name": req["name"], "fields": {"rx": self.shown, "tx": 2**64 - 1 if req["name"] == "flash" else 0}}

    def setting(self, id, op, req):
        name = req.get("name")
        if (id, op) == (0, READ):
            if name not in self.settings:
                return {"err": {"group": SETTINGS, "rc": 3}}
            value = self.settings[name]
            return {"val": value[:4], "max_size": 4} if name == "app/name" and self.refuse.get("short") else {"val": value}
        if (id, op) == (0, WRITE):
            self.settings[name] = req["val"]
        elif id == 1 and name not in self.settings:
            return {"err": {"group": SETTINGS, "rc": 7}}
        elif id == 1:
            del self.settings[name]
        elif (id, op) == (3, READ):
            self.settings = dict(self.saved)
        elif (id, op) == (3, WRITE):
            self.saved = dict(self.settings)
        return {}

    def shell(self, id, op, req):
        line = " ".join(req["argv"])
        self.lines.append(line)
        if line == "uptime":
            return {"o": "Uptime: 12 ms\n", "ret": 0}
        if line == "colour":
            return {"o": "\x1b[31mred\r\n", "ret": 0}
        if line == "old":
            return {"o": "no\n", "rc": -22}
        if line == "silent":
            return None if time.sleep(3) else b""
        return {"o": line + ": command not found\n", "ret": -8}


class Case(unittest.TestCase):
    def setUp(self):
        self.device = Whole()
        self.link = Udp(self.device)
        self.link.__enter__()
        self.addCleanup(self.link.__exit__, None, None, None)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_it(self, *args):
        return subprocess.run([COMMAND, "-d", self.link.url, "--timeout", "1", *map(str, args)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)

    def ok(self, *args):
        ran = self.run_it(*args)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        return ran.stdout

    def json(self, *args):
        lines = self.ok("--json", *args).splitlines()
        self.assertEqual(len(lines), 1)
        return json.loads(lines[0])

    def no(self, code, *args, says=()):
        """An error: its exit code, its words, and that it is short."""
        ran = self.run_it(*args)
        text = "%s: exit %d\n%s%s" % (args, ran.returncode, ran.stdout, ran.stderr)
        self.assertEqual(ran.returncode, code, text)
        self.assertLessEqual(len(ran.stderr.splitlines()), 3, text)
        for words in says:
            self.assertIn(words, ran.stderr, text)
        if code not in (USAGE, INTERRUPTED):
            told = json.loads(self.run_it("--json", *args).stderr.splitlines()[-1])
            self.assertEqual(sorted(told["error"]), ["code", "remedy", "text"])
        return ran


class Statistics(Case):
    def test_list_and_show(self):
        self.assertEqual(self.ok("stat", "list"), "smp\nflash\n")
        self.assertEqual(self.json("stat", "list"), {"groups": ["smp", "flash"]})
        self.assertIn("rx", self.ok("stat", "show", "smp"))
        shown = self.json("stat", "show", "smp")
        self.assertEqual((shown["group"], shown["values"]["tx"]), ("smp", 0))
        self.assertGreater(self.json("stat", "show", "flash")["values"]["tx"], 1.8e19)

    def test_a_group_that_is_not_there(self):
        self.no(REFUSED, "stat", "show", "smpp", says=["no statistics of that name", self.link.url[4:], "tandem stat list"])
        self.no(USAGE, "stat", "show", says=["which statistics?"])


class Settings(Case):
    def test_values_come_and_go_as_bytes_and_text(self):
        self.assertEqual(self.ok("settings", "get", "app/name"), '6665727279  "ferry"\n')
        self.assertEqual(self.ok("settings", "get", "app/raw"), "00ff\n")
        self.assertEqual(self.ok("settings", "get", "app/none"), "\n")
        self.assertEqual(self.json("settings", "get", "app/name"),
                         {"value": "6665727279", "text": "ferry", "length": 5, "cut": False, "limit": None})
        self.assertEqual(self.json("settings", "get", "app/raw")["text"], None)

    def test_three_ways_to_set_one(self):
        path = os.path.join(self.folder, "value")
        with open(path, "wb") as f:
            f.write(b"\x01\x02\x00")
        for args, value in ((["0aFF"], b"\x0a\xff"), (["@" + path], b"\x01\x02\x00"), (["--string", "hé"], "hé".encode()),
                            (["--string="], b"")):
            ran = self.run_it("settings", "set", "app/raw", *args)
            self.assertEqual((ran.returncode, ran.stdout), (0, "The setting is set.\n"))
            self.assertIn("tandem settings save", ran.stderr)
            self.assertEqual(self.device.settings["app/raw"], value)

    def test_the_rest(self):
        self.device.settings["app/raw"] = b"\x07"
        for args, result in ((["delete", "app/name"], "deleted"), (["commit"], "committed"), (["save"], "saved"),
                             (["load"], "loaded"), (["save", "app"], "saved")):
            self.assertEqual(self.json("settings", *args), {"result": result})
        self.assertEqual(self.device.settings, {"app/raw": b"\x07", "app/none": b""})

    def test_a_device_that_gives_less_says_so(self):
        self.device.refuse["short"] = True
        ran = self.run_it("settings", "get", "app/name")
        self.assertIn("no more than 4 bytes", ran.stderr)
        self.assertEqual(self.json("settings", "get", "app/name")["limit"], 4)

    def test_what_is_wrong_is_said(self):
        self.no(REFUSED, "settings", "get", "app/nme", says=["no setting of that name", "as in app/name"])
        self.no(REFUSED, "settings", "delete", "app/nme", says=["cannot be deleted"])
        for args, says in ((["get"], "NAME is missing"), (["set"], "NAME is missing"), (["set", "a"], "HEX, @FILE or"),
                           (["set", "a", "0a", "--string", "x"], "one value"), (["set", "a", "xyz"], "hex digits"),
                           (["set", "a", "0a", "0b"], "one argument too many"), (["commit", "a"], "too many")):
            self.no(USAGE, "settings", *args, says=[says])
        self.no(FILE, "settings", "set", "a", "@" + os.path.join(self.folder, "none"), says=["cannot be read", "none"])
        self.no(USAGE, "settings", "set", "a", "00" * 5000, says=["longer than a packet"])
        self.assertNotIn("a", self.device.settings)


class Shell(Case):
    def test_the_output_is_the_output(self):
        self.assertEqual(self.ok("shell", "exec", "uptime"), "Uptime: 12 ms\n")
        self.assertEqual(self.json("shell", "exec", "uptime"), {"ret": 0, "output": "Uptime: 12 ms\n", "cut": False})

    def test_everything_behind_the_first_word_is_the_devices(self):
        self.run_it("shell", "exec", "log", "--json", "-v", "a b")
        self.assertEqual(self.device.lines, ["log --json -v a b"])

    def test_a_command_that_fails_is_exit_1_and_keeps_its_output(self):
        ran = self.no(REFUSED, "shell", "exec", "nonsense", says=["returned -8", "nonsense", "shell exec help"])
        self.assertEqual(ran.stdout, "nonsense: command not found\n")
        ran = self.no(REFUSED, "shell", "exec", "old", says=["returned -22"])
        self.assertEqual(ran.stdout, "no\n")

    def test_a_line_is_never_sent_twice(self):
        ran = self.run_it("shell", "exec", "silent")
        self.assertEqual(ran.returncode, UNREACHABLE)
        self.assertIn("was not sent twice", ran.stderr)
        self.assertEqual(self.device.lines, ["silent"])

    def test_no_device_drives_the_terminal(self):
        master, slave = pty.openpty()
        ran = subprocess.run([COMMAND, "-d", self.link.url, "shell", "exec", "colour"], stdin=subprocess.DEVNULL, stdout=slave,
                             timeout=30)
        os.close(slave)
        self.assertEqual(ran.returncode, 0)
        self.assertEqual(os.read(master, 100), b"\\x1b[31mred\r\n")
        os.close(master)

    def test_no_line_is_no_request(self):
        self.no(USAGE, "shell", "exec", says=["which command"])
        self.assertEqual(self.device.seen, [])


class Refusals(Case):
    ROWS = [
        (["stat", "list"], (STAT, 1, READ), "CONFIG_MCUMGR_GRP_STAT=y"),
        (["stat", "show", "smp"], (STAT, 0, READ), "CONFIG_MCUMGR_GRP_STAT=y"),
        (["settings", "get", "a"], (SETTINGS, 0, READ), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["settings", "set", "a", "00"], (SETTINGS, 0, WRITE), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["settings", "delete", "a"], (SETTINGS, 1, WRITE), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["settings", "commit"], (SETTINGS, 2, WRITE), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["settings", "load"], (SETTINGS, 3, READ), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["settings", "save"], (SETTINGS, 3, WRITE), "CONFIG_MCUMGR_GRP_SETTINGS=y"),
        (["shell", "exec", "x"], (SHELL, 0, WRITE), "CONFIG_MCUMGR_GRP_SHELL=y"),
        (["storage", "erase"], (63, 0, WRITE), "CONFIG_MCUMGR_GRP_ZBASIC_STORAGE_ERASE=y"),
        (["os", "tasks"], (0, 2, READ), "CONFIG_MCUMGR_GRP_OS_TASKSTAT=y"),
        (["os", "datetime"], (0, 4, READ), "CONFIG_MCUMGR_GRP_OS_DATETIME=y"),
        (["os", "info"], (0, 7, READ), "CONFIG_MCUMGR_GRP_OS_INFO=y"),
        (["os", "bootloader"], (0, 8, READ), "CONFIG_MCUMGR_GRP_OS_BOOTLOADER_INFO=y"),
        (["groups"], (ENUM, 3, READ), "CONFIG_MCUMGR_GRP_ENUM=y"),
    ]

    def test_a_group_that_was_not_built_in_names_its_option(self):
        for args, key, option in self.ROWS:
            with self.subTest(" ".join(args)):
                self.device.refuse = {key: {"rc": 8}}
                self.no(REFUSED, *args, says=[option, "rc 8", self.link.url[4:]])

    def test_a_refused_access_has_the_devices_own_words(self):
        for args, key, _ in self.ROWS[:-1]:
            with self.subTest(" ".join(args)):
                self.device.refuse = {key: {"rc": 11, "rsn": "wants an authenticated link"}}
                self.no(REFUSED, *args, says=["rc 11", "wants an authenticated link", "try:"])

    def test_an_answer_that_lacks_what_was_promised_is_the_devices_fault(self):
        for args, key, _ in self.ROWS[:-1]:
            if key[2] == WRITE and args[0] != "shell":
                continue  # these promise nothing but that it is done
            with self.subTest(" ".join(args)):
                self.device.refuse = {key: {"fields": 3, "val": 7, "stat_list": 1, "o": 5, "ret": "x", "tasks": 9,
                                            "datetime": 1, "output": 2, "bootloader": 3}}
                if args != ["settings", "load"]:
                    self.no(REFUSED, *args, says=["lacks what the command promises"])

    def test_typos_are_answered_with_what_was_meant(self):
        for typed, meant in (("stta", "stat"), ("setings", "settings"), ("shel", "shell"), ("storge", "storage")):
            self.no(USAGE, typed, "x", says=["did you mean '%s'?" % meant])
        for verb, typed, meant in (("stat", "lst", "list"), ("settings", "gett", "get"), ("shell", "exe", "exec")):
            self.no(USAGE, verb, typed, says=["did you mean '%s %s'?" % (verb, meant)])

    def test_nobody_there_is_exit_3(self):
        self.link.__exit__(None, None, None)
        for args in (["stat", "list"], ["settings", "get", "a"], ["shell", "exec", "x"]):
            ran = self.run_it("--timeout", "0.3", *args)
            self.assertEqual(ran.returncode, UNREACHABLE, ran.stderr)

    def test_every_verb_has_its_help(self):
        for args in (["stat", "list"], ["stat", "show"], ["settings", "get"], ["settings", "set"], ["settings", "save"],
                     ["shell", "exec"]):
            self.assertIn("usage: tandem " + " ".join(args), self.ok(*args, "--help"))


class Watch(Case):
    def begin(self, *args, **more):
        return subprocess.Popen([COMMAND, "-d", self.link.url, *args], stdin=subprocess.DEVNULL, **more)

    def test_with_json_it_is_an_object_a_line_and_ctrl_c_is_130(self):
        child = self.begin("--json", "stat", "show", "smp", "--watch", "0.05", stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
        seen = [json.loads(child.stdout.readline())["values"]["rx"] for _ in range(4)]
        self.assertEqual(seen, [1, 2, 3, 4])
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=10)
        for line in out.splitlines():
            json.loads(line)
        self.assertEqual((child.returncode, err), (INTERRUPTED, ""))

    def test_on_a_terminal_it_is_drawn_in_place(self):
        master, slave = pty.openpty()
        child = self.begin("image", "list", "--watch=0.05", stdout=slave, stderr=subprocess.PIPE,
                           env=dict(os.environ, TERM="xterm"))
        os.close(slave)
        seen, end = b"", time.monotonic() + 20
        while seen.count(b"\x1b[H\x1b[J") < 2 and time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 4096)
        child.send_signal(signal.SIGINT)
        self.assertEqual((child.wait(10), child.stderr.read()), (INTERRUPTED, b""))
        child.stderr.close()
        os.close(master)
        self.assertTrue(seen.startswith(b"\x1b[2J\x1b[H"), seen)
        self.assertGreaterEqual(seen.count(b"slot0"), 2)

    def test_a_reader_that_goes_away_ends_it(self):
        child = self.begin("--json", "stat", "show", "smp", "--watch", "0.05", stdout=subprocess.PIPE)
        child.stdout.readline()
        child.stdout.close()
        self.assertNotEqual(child.wait(10), INTERRUPTED)

    def test_a_device_that_goes_away_ends_it(self):
        child = self.begin("--timeout", "0.3", "stat", "show", "smp", "--watch", "0.05", stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
        child.stdout.readline()
        self.link.__exit__(None, None, None)
        _, err = child.communicate(timeout=20)
        self.assertEqual(child.returncode, UNREACHABLE, err)

    def test_a_refusal_ends_it(self):
        self.no(REFUSED, "os", "tasks", "--watch", says=["CONFIG_MCUMGR_GRP_OS_TASKSTAT=y"])

    def test_its_seconds_are_looked_at(self):
        self.no(USAGE, "stat", "show", "smp", "--watch=soon", says=["--watch wants seconds"])
        self.no(USAGE, "os", "pools", "--watch", "1", "2", says=["one argument too many"])


if __name__ == "__main__":
    unittest.main()
