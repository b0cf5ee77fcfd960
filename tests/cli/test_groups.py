#!/usr/bin/env python3
"""stat, settings, fs, shell, os and raw against a device that is played: also odd answers.

Every refusal says what, where, what to do, in at most three lines, and has its exit code.
"""

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import tempfile
import time
import unittest
import zlib

from fakedevice import READ, WRITE, Device, Tcp, Udp

COMMAND = os.environ["TANDEM"]
STAT, SETTINGS, FS, SHELL, ENUM = 2, 3, 8, 9, 10
REFUSED, USAGE, UNREACHABLE, FILE, INTERRUPTED = 1, 2, 3, 4, 130


class Bytes(str):
    """A text as a device may send it: any bytes."""

    def __new__(cls, data):
        made = super().__new__(cls)
        made.data = data
        return made

    def encode(self):
        return self.data


class Whole(Device):
    """A device with every group; refuse maps (group, id, op) to an answer of another kind."""

    def __init__(self):
        super().__init__()
        self.settings = {"app/name": b"ferry", "app/raw": b"\x00\xff", "app/none": b""}
        self.saved = dict(self.settings)
        self.lines = []
        self.files = {"/lfs1/log": bytes(range(256)) * 20, "/lfs1/none": b""}
        self.hashes = {"sha256": lambda b: hashlib.sha256(b).digest(), "crc32": zlib.crc32}
        self.shown = 0
        self.refuse = {}

    def handle(self, group, id, op, req):
        if (group, id, op) in self.refuse:
            return self.refuse[group, id, op]
        rooms = {STAT: self.stat, SETTINGS: self.setting, FS: self.fs, SHELL: self.shell}
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

    def fs(self, id, op, req):
        name = req.get("name")
        if (id, op) == (0, WRITE):
            if not name.startswith("/lfs1/"):
                return {"err": {"group": FS, "rc": 14}}
            held = b"" if req["off"] == 0 else self.files.get(name, b"")
            if req["off"] != len(held):
                return {"err": {"group": FS, "rc": 11}, "len": len(held)}
            self.files[name] = held + req["data"]
            return {"off": len(self.files[name])}
        if id == 4:
            return {}
        if id == 3:
            return {"types": {k: {"format": 0 if k == "crc32" else 1, "size": 4 if k == "crc32" else 32}
                              for k in self.hashes}} if self.hashes else {"rc": 8}
        if name not in self.files:
            return {"err": {"group": FS, "rc": 3}}
        data = self.files[name]
        if (id, op) == (0, READ):
            answer = {"off": req["off"], "data": data[req["off"]:req["off"] + 300]}
            return dict(answer, len=len(data)) if req["off"] == 0 else answer
        if id == 1:
            return {"len": len(data)}
        kind = req.get("type", "crc32")
        if not self.hashes:
            return {"rc": 8}
        if kind not in self.hashes:
            return {"err": {"group": FS, "rc": 13}}
        if not data:
            return {"err": {"group": FS, "rc": 16}}
        return {"type": kind, "len": len(data), "output": self.hashes[kind](data)}

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


class Texts(Case):
    ROWS = [(["os", "echo", "x"], (0, 0, WRITE), "r", "echo"), (["os", "info"], (0, 7, READ), "output", "info"),
            (["os", "datetime"], (0, 4, READ), "datetime", "datetime"),
            (["os", "bootloader"], (0, 8, READ), "bootloader", "bootloader")]

    def test_no_text_of_the_device_drives_the_terminal(self):
        for args, key, theirs, _ in self.ROWS:
            with self.subTest(" ".join(args)):
                self.device.refuse = {key: {theirs: "\x1b[31mred"}}
                master, slave = pty.openpty()
                ran = subprocess.run([COMMAND, "-d", self.link.url, *args], stdin=subprocess.DEVNULL, stdout=slave, timeout=30)
                os.close(slave)
                shown = os.read(master, 100)
                os.close(master)
                self.assertEqual((ran.returncode, shown), (0, b"\\x1b[31mred\r\n"))

    def test_json_stays_json_whatever_bytes_a_text_has(self):
        for args, key, theirs, ours in self.ROWS:
            with self.subTest(" ".join(args)):
                self.device.refuse = {key: {theirs: Bytes(b"a\xff\x00b")}}
                self.assertEqual(self.json(*args), {ours: "a?\0b"})


class Statistics(Case):
    def test_list_and_show(self):
        self.assertEqual(self.ok("stat", "list"), "smp\nflash\n")
        self.assertEqual(self.json("stat", "list"), {"groups": ["smp", "flash"]})
        self.assertIn("rx", self.ok("stat", "show", "smp"))
        shown = self.json("stat", "show", "smp")
        self.assertEqual((shown["group"], shown["values"]["tx"]), ("smp", 0))
        self.assertGreater(self.json("stat", "show", "flash")["values"]["tx"], 1.8e19)

    def test_what_is_beyond_the_table_is_counted(self):
        self.device.refuse = {(STAT, 1, READ): {"stat_list": ["s%d" % i for i in range(40)]},
                              (STAT, 0, READ): {"name": "smp", "fields": {"f%d" % i: i for i in range(70)}}}
        for args, key, shown in ((("list",), "groups", 32), (("show", "smp"), "values", 64)):
            ran = self.run_it("stat", *args)
            self.assertIn("%d more are not shown." % (8 if shown == 32 else 6), ran.stderr)
            said = self.json("stat", *args)
            self.assertEqual((len(said[key]), said["not_shown"]), (shown, 8 if shown == 32 else 6))

    def test_a_group_that_is_not_there(self):
        self.no(REFUSED, "stat", "show", "smpp", says=["no such group of statistics", self.link.url[4:], "tandem stat list"])
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


class Files(Case):
    def path(self, name, data=None):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        return path

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def test_there_and_back(self):
        data = os.urandom(7001)
        self.assertIn("7001 bytes uploaded, proven by its sha256", self.ok("fs", "upload", self.path("a", data), "/lfs1/a"))
        self.assertEqual(self.device.files["/lfs1/a"], data)
        self.assertIn("downloaded, proven by its sha256", self.ok("fs", "download", "/lfs1/a", self.path("b")))
        self.assertEqual(self.read("b"), data)

    def test_json_shows_how_far_it_is(self):
        lines = self.ok("--json", "fs", "download", "/lfs1/log", self.path("log")).splitlines()
        last = json.loads(lines[-1])
        self.assertEqual((last["result"], last["bytes"], last["proof"]), ("downloaded", 5120, "sha256"))
        for line in lines[:-1]:
            self.assertEqual(json.loads(line)["event"], "transfer")

    def test_into_a_folder_and_to_standard_output(self):
        self.ok("fs", "download", "/lfs1/log", self.folder)
        self.assertEqual(self.read("log"), self.device.files["/lfs1/log"])
        ran = subprocess.run([COMMAND, "-d", self.link.url, "fs", "download", "/lfs1/log", "-"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        self.assertEqual((ran.returncode, ran.stdout), (0, self.device.files["/lfs1/log"]))

    def test_empty_files(self):
        self.ok("fs", "upload", self.path("e", b""), "/lfs1/e")
        self.assertEqual(self.device.files["/lfs1/e"], b"")
        self.ok("fs", "download", "/lfs1/none", self.path("got"))
        self.assertEqual(self.read("got"), b"")

    def test_status_and_hash(self):
        data = self.device.files["/lfs1/log"]
        self.assertEqual(self.ok("fs", "status", "/lfs1/log"), "5120 bytes\n")
        self.assertEqual(self.json("fs", "status", "/lfs1/log"), {"size": 5120})
        self.assertEqual(self.ok("fs", "hash", "/lfs1/log"), "%08x  crc32, 5120 bytes\n" % zlib.crc32(data))
        self.assertEqual(self.json("fs", "hash", "/lfs1/log", "crc32")["number"], zlib.crc32(data))
        self.assertEqual(self.json("fs", "hash", "/lfs1/log", "sha256"),
                         {"type": "sha256", "offset": 0, "length": 5120, "hash": hashlib.sha256(data).hexdigest()})

    def test_a_device_without_hashes_is_not_taken_for_proof(self):
        self.device.hashes = {}
        ran = self.run_it("fs", "upload", self.path("a", b"x" * 2000), "/lfs1/a")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertNotIn("proven", ran.stdout)
        self.assertIn("no hash to prove it by", ran.stderr)
        self.no(REFUSED, "fs", "hash", "/lfs1/a", says=["CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH=y"])

    def test_a_download_whose_hash_is_wrong_leaves_the_old_file(self):
        self.device.hashes = {"sha256": lambda b: bytes(32)}
        path = self.path("log", b"old")
        self.no(REFUSED, "fs", "download", "/lfs1/log", path, says=["no file was written", "/lfs1/log"])
        self.assertEqual((self.read("log"), os.listdir(self.folder)), (b"old", ["log"]))
        self.no(REFUSED, "fs", "upload", path, "/lfs1/a", says=["not that of the file that was sent"])

    def test_what_is_wrong_is_said(self):
        local = self.path("a", b"x" * 100)
        self.no(REFUSED, "fs", "download", "/lfs1/lgo", self.path("new"), says=["no such file", "/lfs1/name"])
        self.no(REFUSED, "fs", "status", "/lfs1/lgo", says=["no such file"])
        self.no(REFUSED, "fs", "upload", local, "/lfs2/a", says=["no file system is mounted there", "/lfs1"])
        self.no(REFUSED, "fs", "hash", "/lfs1/log", "md5", says=["does not know that hash", "sha256, crc32"])
        self.no(FILE, "fs", "upload", self.path("none"), "/lfs1/a", says=["cannot be read", "none"])
        self.no(FILE, "fs", "upload", self.folder, "/lfs1/a", says=["directory"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["a"])

    def test_what_cannot_be_written_is_said_before_the_device_is_asked(self):
        self.no(FILE, "fs", "download", "/lfs1/log", self.path("no/such"), says=["cannot be written", "no/such"])
        for args, says in ((["upload"], "LOCAL, the file to send, is missing"), (["upload", "a"], "REMOTE is missing"),
                           (["upload", "/tmp/a", "b"], "no whole path"), (["download", "log", "x"], "no whole path"),
                           (["download"], "is missing"), (["download", "/lfs1/log"], "LOCAL is missing"),
                           (["status"], "REMOTE is missing"), (["hash", "/a", "b", "c"], "too many")):
            self.no(USAGE, "fs", *args, says=[says])
        self.no(USAGE, "--json", "fs", "download", "/lfs1/log", "-", says=["cannot both"])
        self.assertEqual(self.device.seen, [])

    def test_a_device_that_is_unplugged_leaves_no_file(self):
        served = self.device.fs

        def fs(id, op, req):
            if req.get("off"):
                self.link.over = True
                self.link.close()
            return served(id, op, req)

        self.device.fs = fs
        ran = self.run_it("--timeout", "0.5", "fs", "download", "/lfs1/log", self.path("log"))
        self.assertEqual(ran.returncode, UNREACHABLE, ran.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_ctrl_c_leaves_no_file_and_says_how_to_go_on(self):
        served = self.device.fs
        self.device.fs = lambda id, op, req: served(id, op, req) if not req.get("off") else None
        self.device.handle = lambda *a, handle=self.device.handle: handle(*a) if not a[3].get("off") else None
        child = subprocess.Popen([COMMAND, "-d", self.link.url, "fs", "download", "/lfs1/log", self.path("log")],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.7)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=10)
        self.assertEqual(child.returncode, INTERRUPTED)
        self.assertIn("the same command again", err)
        self.assertEqual(os.listdir(self.folder), [])


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
        (["fs", "status", "/a"], (FS, 1, READ), "CONFIG_MCUMGR_GRP_FS_FILE_STATUS=y"),
        (["fs", "hash", "/a"], (FS, 2, READ), "CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH=y"),
        (["fs", "upload", __file__, "/a"], (FS, 0, WRITE), "CONFIG_MCUMGR_GRP_FS=y"),
        (["fs", "download", "/a", "-"], (FS, 0, READ), "CONFIG_MCUMGR_GRP_FS=y"),
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
                                            "datetime": 1, "output": True, "bootloader": 3}}
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

    def test_a_link_that_goes_away_between_two_looks_is_said(self):
        with Tcp(self.device) as link:
            child = subprocess.Popen([COMMAND, "-d", link.url, "--json", "stat", "show", "smp", "--watch", "60"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            child.stdout.readline()
            link.over = True
            link.close()
            _, err = child.communicate(timeout=20)
        self.assertEqual(child.returncode, UNREACHABLE, err)
        self.assertEqual(json.loads(err)["error"]["code"], "TD_ELINKDOWN")

    def test_a_refusal_ends_it(self):
        self.no(REFUSED, "os", "tasks", "--watch", says=["CONFIG_MCUMGR_GRP_OS_TASKSTAT=y"])

    def test_its_seconds_are_looked_at(self):
        self.no(USAGE, "stat", "show", "smp", "--watch=soon", says=["--watch wants seconds"])
        self.no(USAGE, "os", "pools", "--watch", "1", "2", says=["one argument too many"])


if __name__ == "__main__":
    unittest.main()
