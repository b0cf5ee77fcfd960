#!/usr/bin/env python3
"""What `tandem` says and returns in front of devices that behave, and of those that do not."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fakedevice
from fakedevice import IMAGE, OS, READ, TANDEM, WRITE, Device, Pty, Tcp, Udp, hash_of, image

COMMAND = os.environ["TANDEM"]


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TANDEM", "NO_COLOR"))}
    env.update(more)
    return env


def tandem(*args, timeout=60, **more):
    return subprocess.run([COMMAND, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, env=environment(**more))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, data):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def check(self, ran, exit, *said, out=()):
        text = "exit %d\n--- stdout\n%s--- stderr\n%s" % (ran.returncode, ran.stdout, ran.stderr)
        self.assertEqual(ran.returncode, exit, text)
        for words in said:
            self.assertIn(words, ran.stderr, text)
        for words in out:
            self.assertIn(words, ran.stdout, text)
        if exit != 0:
            self.assertTrue(ran.stderr.strip(), "an error that says nothing")
        return ran


class WrongCommandLines(Case):
    def test_each_is_exit_2_and_says_what_is_wrong(self):
        rows = [
            ([], "a verb is missing"),
            (["updat", "x"], "did you mean 'update'?"),
            (["rehearse", "x"], "'rehearse' is not in this version"),
            (["image", "lst"], "did you mean 'image list'?"),
            (["image"], "wants to know what to do"),
            (["--jsn"], "did you mean --json?"),
            (["raw", "1"], "raw wants GROUP ID read|write"),
            (["image", "list", "--timeuot", "3"], "did you mean --timeout?"),
            (["image", "list"], "not said which device"),
            (["-d", "127.0.0.1", "image", "list"], "udp:, serial: or tcp:"),
            (["-d", "udp:h:0", "image", "list"], "port from 1 to 65535"),
            (["-d", "tcp:h", "image", "list"], "needs its port"),
            (["-d", "serial:p?baud=fast", "image", "list"], "baud is a number"),
            (["-d"], "-d wants a value"),
            (["--json=yes", "image", "list"], "--json takes no value"),
            (["--timeout", "soon", "os", "params"], "--timeout wants seconds"),
            (["--timeout", "0", "os", "params"], "--timeout wants seconds"),
            (["os", "params", "extra"], "one argument too many"),
            (["os", "echo"], "which text?"),
            (["os", "reset", "--boot-mode", "256"], "--boot-mode wants 0 to 255"),
            (["image", "test"], "which image"),
            (["image", "erase", "slot7"], "is no slot"),
            (["image", "upload"], "the file to send is missing"),
            (["update"], "the file to update to is missing"),
            (["update", "--mode", "yolo", "x"], "--mode is"),
            (["update", "--force", "sinature", "x"], "did you mean 'signature'?"),
            (["update", "--accept=everything", "x"], "--accept is"),
            (["update", "--wait", "x", "y"], "--wait wants seconds"),
            (["update", "--strategy", "teleport", "x"], "no strategy 'teleport'"),
            (["update", "--soc", "z80", "x"], "not a chip known here"),
            (["update", "a", "b"], "given twice"),
        ]
        for args, words in rows:
            with self.subTest(args=args):
                self.check(tandem(*args), 2, words)

    def test_an_error_is_three_lines_at_most(self):
        ran = self.check(tandem("-d", "ble:x", "image", "list"), 3, "Bluetooth is not in this")
        self.assertLessEqual(len(ran.stderr.splitlines()), 3)
        self.assertEqual(ran.stdout, "")

    def test_an_error_in_json_has_its_three_members(self):
        ran = self.check(tandem("--json", "-d", "nowhere", "image", "list"), 2)
        error = json.loads(ran.stderr)["error"]
        self.assertEqual(sorted(error), ["code", "remedy", "text"])
        self.assertEqual(error["code"], "bad-device")
        self.assertEqual(ran.stdout, "")

    def test_help_and_version_are_results(self):
        self.check(tandem("--help"), 0, out=["usage: tandem", "update", "image"])
        self.check(tandem("--version"), 0, out=["tandem "])
        self.check(tandem("image", "--help"), 0, out=["upload"])
        self.check(tandem("help"), 0, out=["usage: tandem", "update", "image"])
        self.check(tandem("help", "os", "reset"), 0, out=["usage: tandem os reset"])
        self.check(tandem("help", "updat"), 2, "did you mean 'update'")
        for verb in (["update"], ["image", "list"], ["os", "reset"], ["why"], ["storage", "erase"]):
            self.check(tandem(*verb, "--help"), 0, out=["usage: tandem " + " ".join(verb)])

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        read, write = os.pipe()
        os.close(read)
        ran = subprocess.run([COMMAND, "--help"], stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        # Also when it goes in the middle, and the command has more to say.
        with Udp(Device()) as link:
            path = self.file("v2.bin", image((2, 0, 0)))
            process = subprocess.Popen([COMMAND, "-d", link.url, "--json", "update", path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       env=environment())
            process.stdout.close()
            self.assertEqual(process.stderr.read(), "")
            self.assertEqual(process.wait(30), 0)
            process.stderr.close()

    @unittest.skipUnless(os.path.exists("/dev/full"), "no full disk to write to")
    def test_a_full_disk_is_said(self):
        with open("/dev/full", "w") as full:
            ran = subprocess.run([COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE,
                                 text=True)
        self.assertEqual(ran.returncode, 4)
        self.assertIn("could not be written", ran.stderr)
        self.assertIn("No space left", ran.stderr)
        with Udp(Device()) as link:
            self.check(tandem("-d", link.url, "--log", "/dev/full", "os", "params"), 4,
                       "the log could not be written")


class WrongFiles(Case):
    def test_each_is_exit_4_before_the_device_is_touched(self):
        good = image()
        damaged = bytearray(good)
        damaged[100] ^= 1
        rows = [
            ("missing.bin", None, "No such file"),
            ("empty.bin", b"", ""),
            ("text.bin", b"this is not firmware, it is a sentence about firmware\n", "magic"),
            ("truncated.bin", good[:-10], "ends before"),
            ("half.bin", good[:1000], "ends before"),
            ("damaged.bin", bytes(damaged), "do not give the hash"),
            ("bad.hex", b":00000001FE\n", ""),
        ]
        device = Device()
        with Udp(device) as link:
            for name, data, words in rows:
                path = (os.path.join(self.folder.name, name) if data is None
                        else self.file(name, data))
                for verb in (["update"], ["image", "upload"]):
                    with self.subTest(name=name, verb=verb):
                        self.check(tandem("-d", link.url, *verb, path), 4, words, name)
        self.assertEqual(device.seen, [])

    def test_what_is_no_image_is_called_by_its_name(self):
        rows = [(b"PK\x03\x04" + b"\0" * 100, "package (zip)", "tandem update takes it whole",
                 (["image", "upload"],)),
                (b"\x7fELF" + b"\0" * 100, "ELF", "tandem sign", (["update"], ["image", "upload"]))]
        for data, what, remedy, verbs in rows:
            for verb in verbs:
                self.check(tandem("-d", "serial:/no/such/port", *verb, self.file("f", data)), 4, what,
                           remedy)

    def test_a_log_that_cannot_be_opened_is_exit_4(self):
        self.check(tandem("--log", "/no/such/folder/log", "-d", "udp:h", "os", "params"), 4,
                   "log file cannot be written")


class UnreachableDevices(Case):
    def test_nobody_listens(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        began = time.monotonic()
        self.check(tandem("-d", "udp:127.0.0.1:%d" % port, "image", "list"), 3, "nobody listens")
        self.check(tandem("-d", "tcp:127.0.0.1:%d" % port, "image", "list"), 3,
                   "connection refused")
        self.check(tandem("-d", "serial:/no/such/port", "image", "list"), 3, "No such file")
        self.check(tandem("-d", "udp:no-such-host.invalid", "image", "list"), 3, "no host")
        self.assertLess(time.monotonic() - began, 20)

    def test_an_update_says_unreachable_as_its_result(self):
        path = self.file("v2.bin", image((2, 0, 0)))
        ran = self.check(tandem("--json", "-d", "serial:/no/such/port", "update", path), 3)
        self.assertEqual(json.loads(ran.stdout.splitlines()[-1])["result"], "unreachable")

    def test_an_update_does_not_wait_for_a_port_where_nobody_listens(self):
        path = self.file("v2.bin", image((2, 0, 0)))
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        url = "udp:127.0.0.1:%d" % s.getsockname()[1]
        s.close()
        began = time.monotonic()
        self.check(tandem("-d", url, "update", path), 3, "unreachable: ", "nobody listens", "try: ")
        ran = self.check(tandem("--json", "-d", url, "update", path), 3)
        self.assertLess(time.monotonic() - began, 15)
        last = json.loads(ran.stdout.splitlines()[-1])
        self.assertEqual(last["result"], "unreachable")
        self.assertTrue(last["remedy"])

    def test_silence_ends_after_the_time_that_was_given(self):
        class Silent(Device):
            def handle(self, *request):
                return None

        for link in (Udp(Silent()), Tcp(Silent()), Pty(Silent())):
            with self.subTest(link=link.url), link:
                began = time.monotonic()
                self.check(tandem("-d", link.url, "--timeout", "1.5", "image", "list"), 3,
                           "does not answer")
                self.assertLess(time.monotonic() - began, 6)

    def test_garbage_is_not_taken_for_an_answer(self):
        class Garbage(Device):
            def handle(self, *request):
                return os.urandom(40)

        class NotCbor(Device):
            def packet(self, packet):
                return [bytes([packet[0] | 1]) + packet[1:2] + b"\x00\x04" + packet[4:8] +
                        b"\x9f\xff\x00\x1c"]

        for device in (Garbage, NotCbor):
            for link in (Udp(device()), Pty(device())):
                with self.subTest(device=device.__name__, link=link.url), link:
                    self.check(tandem("-d", link.url, "--timeout", "1", "image", "list"), 3)
                    path = self.file("v2.bin", image((2, 0, 0)))
                    self.check(tandem("-d", link.url, "--timeout", "1", "update", path), 3)

    def test_a_late_answer_is_waited_for(self):
        class Late(Device):
            def handle(self, *request):
                time.sleep(0.7)
                return super().handle(*request)

        with Udp(Late()) as link:
            self.check(tandem("-d", link.url, "os", "echo", "hello"), 0, out=["hello"])
            self.check(tandem("-d", link.url, "--timeout", "0.3", "os", "echo", "hello"), 3,
                       "does not answer")

    def test_a_line_that_is_cut_is_said(self):
        class Cut(Device):
            def handle(self, *request):
                self.link.hang_up()
                return None

        for make, words in ((Tcp, "closed the connection"), (Pty, "was unplugged")):
            device = Cut()
            with make(device) as link:
                device.link = link
                self.check(tandem("-d", link.url, "--timeout", "5", "image", "list"), 3, words)


class SingleSteps(Case):
    def test_each_link_carries_them(self):
        for make in (Udp, Tcp, Pty):
            with self.subTest(link=make.__name__), make(Device()) as link:
                self.check(tandem("-d", link.url, "os", "echo", "hi there"), 0, out=["hi there"])
                self.check(tandem("-d", link.url, "os", "params"), 0,
                           out=["4 buffers of 1024 bytes"])
                self.check(tandem("-d", link.url, "image", "list"), 0,
                           out=["slot0", "1.0.0", "running, confirmed"])

    def test_the_device_may_come_from_the_environment_and_options_stand_anywhere(self):
        with Udp(Device()) as link:
            self.check(tandem("os", "params", TANDEM_DEVICE=link.url), 0, out=["1024"])
            self.check(tandem("os", "params", "--json", "-d" + link.url), 0, out=["{"])
            self.check(tandem("--device=" + link.url, "os", "params", "-vv"), 0, " > 08")

    def test_a_list_has_every_flag(self):
        with Udp(Device()) as link:
            ran = self.check(tandem("-d", link.url, "--json", "image", "list"), 0)
        entry = json.loads(ran.stdout)["images"][0]
        self.assertEqual(entry, {
            "image": 0, "slot": 0, "version": "1.0.0", "hash": hash_of(image()).hex(),
            "bootable": True, "pending": False, "confirmed": True, "active": True,
            "permanent": False})

    def test_upload_test_reset_confirm(self):
        new = image((2, 0, 0))
        path, short = self.file("v2.bin", new), hash_of(new).hex()[:10].upper()
        device = Device()
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "image", "test", path), 1, "no slot")
            self.check(tandem("-d", link.url, "image", "test", "0123456789"), 1, "no slot")
            self.check(tandem("-d", link.url, "image", "test", "xyz"), 2, "neither a hash")
            self.check(tandem("-d", link.url, "image", "upload", path), 0,
                       out=["slot1", "not requested"])
            self.check(tandem("-d", link.url, "image", "test", short), 0,
                       out=["tried at the next reset"])
            self.check(tandem("-d", link.url, "image", "confirm", path), 1, "waits for its trial")
            self.check(tandem("-d", link.url, "os", "reset"), 0, out=["resets"])
            time.sleep(0.7)
            self.check(tandem("-d", link.url, "image", "list"), 0, out=["2.0.0", "on trial"])
            self.check(tandem("-d", link.url, "image", "confirm"), 0,
                       out=["running, confirmed"])
            self.check(tandem("-d", link.url, "image", "erase"), 0, out=["empty"])
        self.assertTrue(device.confirmed)
        self.assertIsNone(device.slots[1])

    def test_a_yes_without_effect_is_no_success(self):
        class SaysYes(Device):
            def set_state(self, req):
                return self.list()

        device = SaysYes()
        device.slots[1] = image((2, 0, 0))
        path = self.file("v2.bin", device.slots[1])
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "image", "test", path), 1, "not pending")
            self.check(tandem("-d", link.url, "image", "confirm", path), 1, "not confirmed")

    def test_a_missing_command_is_said_in_words(self):
        with Udp(Device()) as link:
            ran = self.check(tandem("-d", link.url, "storage", "erase"), 1, "without this command")
            self.check(tandem("-d", link.url, "--json", "image", "slots"), 1,
                       "TD_SMP_RC_NOT_SUPPORTED")
        self.assertLessEqual(len(ran.stderr.splitlines()), 3)

    def test_a_request_that_no_packet_carries_is_exit_2(self):
        with Udp(Device()) as link:
            self.check(tandem("-d", link.url, "os", "echo", "x" * 3000), 2, "longer than a packet")

    def test_the_log_has_the_frames_and_the_lines_between_them(self):
        log = os.path.join(self.folder.name, "log")
        with Tcp(Device()) as link:
            self.check(tandem("-d", link.url, "--log", log, "os", "echo", "hi"), 0)
        with open(log) as f:
            lines = f.read().splitlines()
        self.assertRegex(lines[0], r"^# tandem-log 1 \d{4}-\d\d-\d\dT[\d:]+Z tcp:")
        marks = [line.split(" ", 2)[1] for line in lines[1:]]
        self.assertIn(">", marks)
        self.assertIn("<", marks)
        self.assertIn("|", marks)
        sent = next(line for line in lines if line.split(" ")[1] == ">")
        self.assertRegex(sent, r"^\d+\.\d{6} > 0a0000060000[0-9a-f]{2}00[ab][1f]6164626869")

    def test_a_frame_told_on_stderr_is_written_in_a_few_pieces(self):
        read, write = os.pipe2(os.O_DIRECT)  # a read gets what one write gave
        with Udp(Device()) as link, os.fdopen(read, "rb", buffering=0) as pipe:
            ran = subprocess.Popen([COMMAND, "-d", link.url, "-v", "os", "echo", "x" * 500],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=write, env=environment())
            os.close(write)
            pieces = list(iter(lambda: pipe.read(4096), b""))
            self.assertEqual(ran.wait(60), 0)
        self.assertIn(b"78" * 500 + b"\n", b"".join(pieces))
        self.assertLess(len(pieces), 60)


class Talkative(Device):
    """One that tells of its threads, its clock and its groups."""

    def handle(self, group, id, op, req):
        if (group, id, op) == (OS, 2, READ):
            return {"tasks": {"main": {"prio": -1, "tid": 1 << 40, "state": 128, "stksiz": 256,
                                       "stkuse": 12, "runtime": 1 << 33},
                              "a\x1b[2Jb": {"prio": 3}}}
        if (group, id, op) == (OS, 3, READ):
            return {"heap": {"blksiz": 16, "nblks": 8, "nfree": 3, "min": 2}}
        if (group, id, op) == (OS, 4, READ):
            return {"err": {"group": 0, "rc": 4}}
        if (group, id, op) == (OS, 4, WRITE):
            return {} if req["datetime"] == "2026-01-31T12:00:00" else {"rc": 3}
        if (group, id, op) == (OS, 7, READ):
            return {"output": "Zephyr " + req.get("format", "-")}
        if (group, id, op) == (10, 1, READ):
            return {"groups": [0, 1, 63]}
        if (group, id) == (99, 7):
            return {"op": op, "got": req, "bytes": b"\x01\xff", "list": [1, -2, True]}
        return super().handle(group, id, op, req)


class TheDeviceAsSuch(Case):
    def test_what_it_tells_is_printed_for_people_and_for_programs(self):
        with Udp(Talkative()) as link:
            def ask(*args, exit=0, said=(), out=()):
                return self.check(tandem("-d", link.url, *args), exit, *said, out=out).stdout

            ask("os", "tasks", out=["main", "-1", "48 of 1024", "8589934592", "a?[2Jb"])
            task = json.loads(ask("--json", "os", "tasks"))["tasks"][0]
            self.assertEqual(task, {"name": "main", "prio": -1, "tid": 1 << 40, "state": 128,
                                    "stack_size": 1024, "stack_used": 48, "runtime": 1 << 33})
            pool = json.loads(ask("--json", "os", "pools"))["pools"][0]
            self.assertEqual(pool, {"name": "heap", "block_size": 16, "blocks": 8, "free": 3,
                                    "least_free": 2})
            ask("os", "pools", out=["heap", "16"])
            ask("os", "datetime", exit=1, said=["has not been set", "try: set it"])
            ask("os", "datetime", "2026-01-31T12:00:00", out=["clock is set"])
            for word in ("yesterday", "2026-13-31T12:00:00", "2026-01-00T12:00:00", "2026-01-31T24:00:00",
                         "2026-01-31T12:60:00", "2026-01-31T12:00:60", "2026-01-31T12:00:00.123456"):
                ask("os", "datetime", word, exit=2, said=["no date and time"])
            self.assertEqual(json.loads(ask("--json", "os", "info", "sv")), {"info": "Zephyr sv"})
            groups = json.loads(ask("--json", "groups"))["groups"]
            self.assertEqual([g["group"] for g in groups], [0, 1, 63])
            self.assertEqual(groups[0], {"group": 0, "name": None, "handlers": None})

    def test_a_raw_request_carries_any_body(self):
        rows = [
            (["read"], 0, {}),
            (["write", '{"a":[-5,{"b":true}],"c":"hex:0aff"}'], 2,
             {"a": [-5, {"b": True}], "c": "hex:0aff"}),
            (["write", "hex:a1616101"], 2, {"a": 1}),
        ]
        with Udp(Talkative()) as link:
            for args, op, got in rows:
                ran = self.check(tandem("-d", link.url, "raw", "99", "7", *args), 0)
                self.assertEqual(json.loads(ran.stdout), {"op": op, "got": got, "bytes": "hex:01ff",
                                                          "list": [1, -2, True]})
            self.check(tandem("-d", link.url, "raw", "98", "7", "read"), 1, "rc 8", "try: ")
            for args in (["99"], ["99", "7", "reed"], ["99", "256", "read"],
                         ["99", "7", "read", "{"], ["99", "7", "read", "[]"],
                         ["99", "7", "read", '{"a":0.5}'], ["99", "7", "read", "hex:a"]):
                self.check(tandem("-d", link.url, "raw", *args), 2)

    def test_what_is_not_built_in_is_said_with_what_to_do(self):
        with Udp(Device()) as link:
            for verb in (["os", "tasks"], ["os", "pools"], ["os", "datetime"], ["os", "info"],
                         ["os", "bootloader"], ["groups"], ["storage", "erase"]):
                ran = self.check(tandem("-d", link.url, *verb), 1, "built without this command")
                self.assertEqual(len(ran.stderr.splitlines()), 3, ran.stderr)
                self.assertIn("  try: ", ran.stderr)

    def test_there_is_no_bluetooth_to_scan_with(self):
        self.check(tandem("scan"), 3, "no Bluetooth")


class Why(Case):
    def test_a_stock_device_is_judged_by_its_list(self):
        def trial(d):
            d.slots.append(d.slots.pop(0))
            d.slots[0], d.confirmed = image((2, 0, 0)), False

        def pending(d):
            d.slots[1], d.pending = image((2, 0, 0)), True

        def lying(d):
            d.slots[1] = image((2, 0, 0))

        rows = [
            (lambda d: None, "slot-empty", "nothing was sent, or the bootloader refused it"),
            (trial, "on-trial", "runs on trial"),
            (pending, "still-pending", "slot sizes, sectors or partitions"),
            (lying, "not-requested", "never marked"),
        ]
        for prepare, name, words in rows:
            device = Device()
            prepare(device)
            with self.subTest(name=name), Udp(device) as link:
                self.check(tandem("-d", link.url, "why"), 0, out=[words])
                ran = self.check(tandem("-d", link.url, "--json", "why"), 0)
                self.assertEqual(json.loads(ran.stdout)["inference"], name)
                self.assertEqual("tandem doctor" in json.loads(ran.stdout)["remedy"], name != "on-trial")


class Updates(Case):
    def result(self, ran):
        return json.loads(ran.stdout.splitlines()[-1])

    def test_over_each_link_it_ends_confirmed(self):
        new = image((2, 0, 0), size=20000)
        path = self.file("v2.bin", new)
        for make in (Udp, Tcp, Pty):
            device = Device()
            with self.subTest(link=make.__name__), make(device) as link:
                ran = self.check(tandem("-d", link.url, "--json", "update", path), 0)
                self.assertEqual(self.result(ran)["result"], "updated")
                self.assertEqual(self.result(ran)["hash"], hash_of(new).hex())
                self.assertEqual(device.slots[0], new)
                self.assertTrue(device.confirmed)
                self.assertEqual(device.boots, 2)
                ran = self.check(tandem("-d", link.url, "--json", "update", path), 0)
                self.assertEqual(self.result(ran)["result"], "already")
                self.assertEqual(device.boots, 2)

    def test_events_come_as_the_contract_has_them(self):
        path = self.file("v2.bin", image((2, 0, 0), size=20000))
        with Udp(Device()) as link:
            ran = self.check(tandem("-d", link.url, "--json", "update", path), 0)
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual(ran.stderr, "")
        kinds = [line.get("event") for line in lines]
        self.assertEqual(kinds[0], "preflight")
        self.assertIn("upload", kinds)
        self.assertEqual([line["state"] for line in lines if line.get("event") == "state"],
                         ["test", "reset", "wait", "verify", "confirm"])
        for line in lines:
            if line.get("event") == "preflight":
                self.assertIn(line["result"], ("pass", "fail", "unknown"))
                self.assertIn("check", line)
            if line.get("event") == "upload":
                self.assertLessEqual(line["offset"], line["size"])
                self.assertIn("bytes_per_s", line)
        self.assertEqual(sorted(lines[-1]), sorted(
            ["result", "hash", "version", "seconds", "verdict", "text", "remedy"]))

    def test_modes_stop_where_they_say(self):
        path = self.file("v2.bin", image((2, 0, 0)))
        for mode, result, running, confirmed in (("test", "tested", "2.0.0", False),
                                                 ("confirm", "updated", "2.0.0", True),
                                                 ("upload", "uploaded", "1.0.0", True)):
            device = Device()
            with self.subTest(mode=mode), Udp(device) as link:
                ran = self.check(tandem("-d", link.url, "--json", "update", "--mode", mode, path),
                                 0)
                self.assertEqual(self.result(ran)["result"], result)
                self.assertEqual(fakedevice.version_of(device.slots[0]), running)
                self.assertEqual(device.confirmed, confirmed)

    def test_a_dry_run_changes_nothing(self):
        path = self.file("v2.bin", image((2, 0, 0)))
        device = Device()
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "update", "--dry-run", path), 0, out=["slot-room"])
        self.assertFalse([s for s in device.seen if s[2] == WRITE])

    def test_a_revert_is_told(self):
        class Reverts(Device):
            def boot(self):
                super().boot()
                if not self.confirmed:
                    super().boot()

        path = self.file("v2.bin", image((2, 0, 0)))
        with Udp(Reverts()) as link:
            ran = tandem("-d", link.url, "--json", "update", path)
        self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
        self.assertIn(self.result(ran)["result"], ("reverted", "refused", "failed"))

    def test_a_device_that_does_not_come_back_is_unreachable(self):
        class Gone(Device):
            def reset(self):
                super().reset(away=10000)

        path = self.file("v2.bin", image((2, 0, 0)))
        with Udp(Gone()) as link:
            ran = tandem("-d", link.url, "--json", "update", "--wait", "4", path)
        self.assertEqual(ran.returncode, 3, ran.stdout + ran.stderr)
        self.assertEqual(self.result(ran)["result"], "unreachable")

    def test_a_reset_in_mid_upload_is_survived(self):
        class Resets(Device):
            def upload(self, req):
                if self.n_chunks == 12 and self.boots == 1:
                    self.reset(away=0.3)
                    return None
                return super().upload(req)

        for make in (Udp, Pty):
            device = Resets()
            with self.subTest(link=make.__name__), make(device) as link:
                path = self.file("v2.bin", image((2, 0, 0), size=30000))
                self.check(tandem("-d", link.url, "update", path), 0, out=["updated"])
                self.assertEqual(device.boots, 3)

    def test_a_line_is_left_alone_while_the_device_boots(self):
        """Small UARTs that receive while nobody reads them never receive again."""
        class GoesDeaf(Device):
            deaf = False
            says = [(0.3, b"*** Booting ***\r\n"), (0.6, b"I: Starting swap using move\r\n"),
                    (3.0, b"I: Jumping to the first image slot\r\n")]

            def reset(self):
                super().reset(away=3.1)
                threading.Thread(target=self.boot_log, args=(time.monotonic(),)).start()

            def boot_log(self, began):
                for at, line in self.says:
                    time.sleep(max(0, began + at - time.monotonic()))
                    self.link.write(line)

            def packet(self, packet):
                if self.up_until and self.up_until < time.monotonic() < self.back_at:
                    self.deaf = True
                return [] if self.deaf else super().packet(packet)

        path = self.file("v2.bin", image((2, 0, 0)))
        for make in (Tcp, Pty):
            device = GoesDeaf()
            with self.subTest(link=make.__name__), make(device) as link:
                device.link = link
                self.check(tandem("-d", link.url, "update", "--wait", "20", path), 0,
                           out=["updated"])

    def test_a_device_that_forgets_forever_is_given_up(self):
        class Forgets(Device):
            def upload(self, req):
                if req["off"] > 0:
                    self.expect = None
                return super().upload(req)

        path = self.file("v2.bin", image((2, 0, 0), size=30000))
        with Udp(Forgets()) as link:
            for verb in (["update"], ["image", "upload"]):
                self.check(tandem("-d", link.url, *verb, path), 1, "forget")

    def test_silence_in_mid_upload_is_unreachable(self):
        class FallsSilent(Device):
            def handle(self, *request):
                return None if self.n_chunks > 5 else super().handle(*request)

        path = self.file("v2.bin", image((2, 0, 0), size=30000))
        with Udp(FallsSilent()) as link:
            ran = tandem("-d", link.url, "--timeout", "2", "--json", "update", path)
        self.assertEqual(ran.returncode, 3, ran.stdout + ran.stderr)
        self.assertEqual(self.result(ran)["result"], "unreachable")

    def test_an_upload_that_is_refused_says_the_device_s_reason(self):
        class Refuses(Device):
            def upload(self, req):
                return {"err": {"group": 1, "rc": 30}}

        path = self.file("v2.bin", image((2, 0, 0)))
        with Udp(Refuses()) as link:
            self.check(tandem("-d", link.url, "update", path), 1, "larger than the device")
            self.check(tandem("-d", link.url, "image", "upload", path), 1,
                       "larger than the device", "group code 30")

    def test_ctrl_c_leaves_an_upload_that_can_be_resumed(self):
        class Slow(Device):
            def upload(self, req):
                time.sleep(0.02)
                return super().upload(req)

        new = image((2, 0, 0), size=200000)
        path = self.file("v2.bin", new)
        device = Slow()
        with Udp(device) as link:
            process = subprocess.Popen([COMMAND, "-d", link.url, "update", path],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       env=environment())
            while len(device.received) < 20000:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 130, out + err)
            self.assertIn("interrupted", err)
            n, before = device.n_chunks, len(device.received)
            self.assertGreater(before, 0)
            self.check(tandem("-d", link.url, "update", path), 0, out=["updated"])
            self.assertLess(device.n_chunks - n, (len(new) - before) / 900 + 20)
        self.assertEqual(device.slots[0], new)

    def test_another_pending_image_is_erased_first(self):
        device = Device()
        device.slots[1], device.pending = image((1, 5, 0)), True
        path = self.file("v2.bin", image((2, 0, 0)))
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "update", path), 0, out=["updated"])
        self.assertEqual(fakedevice.version_of(device.slots[0]), "2.0.0")
        self.assertIn((IMAGE, 5, WRITE), device.seen)

    def test_an_image_that_is_pending_is_reset_into_and_never_confirmed_before(self):
        device = Device()
        device.slots[1], device.pending = image((2, 0, 0)), True
        path = self.file("v2.bin", device.slots[1])
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "update", path), 0, out=["updated"])
        self.assertEqual(device.n_chunks, 0)
        self.assertTrue(device.confirmed)

    def test_the_trial_of_another_image_is_left_alone(self):
        device = Device(running=image((1, 9, 0)))
        device.slots[1], device.confirmed = image((1, 0, 0)), False
        path = self.file("v2.bin", image((2, 0, 0)))
        with Udp(device) as link:
            self.check(tandem("-d", link.url, "update", path), 1, "trial")
        self.assertEqual(device.boots, 1)
        self.assertFalse([s for s in device.seen if s[2] == WRITE])


if __name__ == "__main__":
    unittest.main(verbosity=1)
