#!/usr/bin/env python3
"""tandem decode: files, pipes and words of hex; lines for people and for programs.

Debian's python3 alone; TANDEM names the binary.
"""

import gzip
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))

OK, REFUSED, USAGE, FILE = 0, 1, 2, 4

REQUEST = "0a00000600004200a16164626869"
ANSWER = "0b00000700004200bf6172626869ff"

PHONE = """\
nRF Connect, 2026-03-01
Lamp (C0:11:22:33:44:55)
D\t10:00:00.000\t[McuMgr] [Callback] Connection state changed with status: 0 and new state: 2 (CONNECTED)
I\t10:00:00.010\t[McuMgr] MTU changed to: 247
A\t10:00:00.100\t[McuMgr] Sending (10 bytes) Header (Op: 2, Flags: 0, Len: 2, Group: 63, Seq: 1, Command: 0) CBOR {}
V\t10:00:00.110\t[McuMgr] Writing characteristic da2e7828-fbce-4e01-ae9e-261174997c48 (WRITE COMMAND)
D\t10:00:00.120\t[McuMgr] characteristic.setValue(0x02000002003F0100BFFF)
I\t10:00:00.170\t[McuMgr] Notification received from da2e7828-fbce-4e01-ae9e-261174997c48, value: (0x) 03-00-00-06-00-3F-01-00-BF-62-72-63-08-FF
A\t10:00:00.180\t[McuMgr] Received Header (Op: 3, Flags: 0, Len: 6, Group: 63, Seq: 1, Command: 0) CBOR {"rc":8}
D\t10:00:00.200\t[McuMgr] characteristic.setValue(0x0200000200000205BFFF)
D\t10:00:01.000\t[McuMgr] [Callback] Connection state changed with status: 8 and new state: 0 (DISCONNECTED)
"""


class Decode(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-decode-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def decode(self, *args, ok=OK, text=None):
        done = subprocess.run([TANDEM, "decode", *map(str, args)], input=text, capture_output=True,
                              text=True, timeout=60,
                              **({} if text is not None else {"stdin": subprocess.DEVNULL}))
        self.assertEqual(done.returncode, ok, f"{args}\n{done.stdout}{done.stderr}")
        return done

    def objects(self, *args, **kw):
        return [json.loads(line) for line in self.decode("--json", *args, **kw).stdout.splitlines()]

    def file(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def test_a_phones_log_is_one_line_a_message(self):
        lines = self.decode(self.file("log.txt", PHONE)).stdout.splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertRegex(lines[0], r"^ +1 10:00:00.120 > basic erase storage, v1 seq 1$")
        self.assertRegex(lines[1], r"^ +2 10:00:00.170   < basic erase storage, v1 seq 1, answers 1 "
                                   r"after 50 ms: refused, rc 8 NOT_SUPPORTED: ")
        self.assertRegex(lines[2], r"^ +3 10:00:00.200 > os reset, v1 seq 2$")
        self.assertRegex(lines[3], r"! 3 was not answered: os reset, seq 2$")

    def test_all_tells_of_the_link(self):
        out = self.decode("--all", self.file("log.txt", PHONE)).stdout
        for words in ("- link up\n", "- MTU 247 bytes\n", "- link down, status 8\n"):
            self.assertIn(words, out)

    def test_json_is_one_object_a_message(self):
        path = self.file("log.txt", PHONE)
        request, answer, reset, lost = self.objects(path)
        self.assertEqual((request["n"], request["line"], request["direction"], request["op"],
                          request["group_name"], request["command"], request["turn"]),
                         (1, 7, "to device", "write", "basic", "erase storage", "request"))
        self.assertEqual(request["frame"], "02000002003f0100bfff")
        self.assertEqual((answer["turn"], answer["request"], answer["after_ms"], answer["rc"],
                          answer["error"], answer["ok"], answer["body"]),
                         ("answer", 1, 50.0, 8, "NOT_SUPPORTED", False, {"rc": 8}))
        self.assertEqual(answer["file"], str(path))
        self.assertEqual(reset["command"], "reset")
        self.assertEqual(lost, {"event": "unanswered", "file": str(path), "request": 3})

    def test_hex_is_taken_from_the_command_line_in_any_dress(self):
        for word in (ANSWER, ANSWER.upper(), "0x" + ANSWER,
                     "-".join(ANSWER[i:i + 2] for i in range(0, len(ANSWER), 2)),
                     " ".join(ANSWER[i:i + 2] for i in range(0, len(ANSWER), 2)),
                     ", ".join("0x" + ANSWER[i:i + 2] for i in range(0, len(ANSWER), 2))):
            self.assertIn('os echo, v2 seq 66: r "hi"', self.decode(word).stdout, word)

    def test_a_frame_that_is_cut_is_said_to_be(self):
        self.assertIn("cut", self.decode(ANSWER[:-4]).stdout)
        self.assertTrue(self.objects(ANSWER[:-4])[0]["cut"])

    def test_two_frames_in_a_row_are_two(self):
        self.assertEqual([o["seq"] for o in self.objects(REQUEST + ANSWER)], [66, 66])

    def test_standard_input_is_followed(self):
        process = subprocess.Popen([TANDEM, "decode"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        alarm = threading.Timer(30, process.kill)
        alarm.start()
        for frame, words in ((REQUEST, "> os echo"), (ANSWER, "answers 1")):
            process.stdin.write(frame + "\n")
            process.stdin.flush()
            self.assertIn(words, process.stdout.readline())
        process.stdin.close()
        self.assertEqual(process.wait(30), OK)
        alarm.cancel()

    def test_a_dash_is_standard_input(self):
        self.assertIn("os echo", self.decode("-", text=REQUEST + "\n").stdout)

    def test_a_console_with_frames_between_its_lines(self):
        raw = (b"*** Booting Zephyr OS ***\r\n\x06\x09ABAKAAAGAABCAKFhZGJoaZsK\n"
               b"[00:00:01.000,000] <inf> app: hello\r\n\x06\x09ABELAAAHAABCAL9hcmJoaf9Hhw==\n")
        done = self.decode(self.file("console.raw", raw))
        self.assertIn("answers 1", done.stdout)

    def test_our_own_log_of_a_real_conversation(self):
        state, log = self.dir / "device", self.dir / "talk.log"
        sim = subprocess.Popen([TANDEM, "sim", "tandem-nrf52833", "--state", state, "--udp",
                                "127.0.0.1:0", "--program", f"slot0={self.image()}"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(sim.stdout.close)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.kill)
        url = next(line.split()[1] for line in sim.stdout if line.startswith("ready: "))
        subprocess.run([TANDEM, "-d", url, "--log", log, "image", "list"], check=True, timeout=60,
                       capture_output=True)
        objects = self.objects("--all", log)
        self.assertEqual(objects[0]["link"], "up")
        lists = [o for o in objects if o.get("command") == "list"]
        self.assertEqual([o["turn"] for o in lists], ["request", "answer"])
        self.assertTrue(lists[1]["body"]["images"][0]["active"])
        self.assertFalse([o for o in objects if o["event"] == "unanswered"])

    def image(self):
        raw, signed = self.dir / "app.raw", self.dir / "app.bin"
        key = ROOT / "profiles" / "keys" / "PUBLIC-DEMO-ecdsa-p256.pem"
        subprocess.run([TANDEM, "sim-app", raw, "--name", "one"], check=True, capture_output=True)
        subprocess.run([TANDEM, "sign", "-v", "1.0.0", "-H", "0x200", "--pad-header", "-S",
                        "0x38000", "--align", "4", "-k", key, raw, signed], check=True,
                       capture_output=True)
        return signed

    def test_what_holds_no_frame_is_told_with_what_was_looked_at(self):
        for content in ("Dear all,\nmy update fails, see deadbeef 0102030405060708.\n", "",
                        b"\x00\xff" * 5000):
            done = self.decode(self.file("no.txt", content), ok=REFUSED)
            self.assertIn("no SMP frame was found", done.stderr)
            self.assertEqual(done.stdout, "")
        error = json.loads(self.decode("--json", self.file("no.txt", "x\n"), ok=REFUSED).stderr)
        self.assertEqual(error["error"]["code"], "no-frame")

    def test_files_that_cannot_be_read_are_named(self):
        done = self.decode(self.dir / "missing.log", ok=FILE)
        self.assertIn("missing.log", done.stderr)
        self.assertIn(str(self.dir), self.decode(self.dir, ok=FILE).stderr)

    def test_a_log_of_many_megabytes_takes_seconds_and_little_memory(self):
        path = self.dir / "big.log"
        with path.open("w") as out:
            for _ in range(20000):
                out.write(PHONE)
        size = path.stat().st_size
        began = time.monotonic()
        done = subprocess.run(["/usr/bin/env", "python3", "-c",
                               "import resource,subprocess,sys;"
                               "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,check=True);"
                               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                               TANDEM, "decode", path],
                              capture_output=True, text=True, timeout=200, check=True)
        self.assertLess(time.monotonic() - began, 100, f"{size} bytes")
        # The sanitizers' builds need more for themselves.
        limit = 40_000 if "asan" not in TANDEM else 900_000
        self.assertLess(int(done.stdout), limit, "KB")

    def test_what_is_packed_is_to_be_unpacked(self):
        done = self.decode(self.file("a.log.gz", gzip.compress(PHONE.encode())), ok=REFUSED)
        self.assertIn("unpack it first", done.stderr)

    def test_a_frame_is_taken_as_it_was_pasted(self):
        plain = self.decode(ANSWER).stdout
        self.assertIn('< os echo, v2 seq 66: r "hi"', plain)
        pairs = [ANSWER[i:i + 2] for i in range(0, len(ANSWER), 2)]
        for words in (pairs, [" ".join(pairs)], [ANSWER[:8], ANSWER[8:16], ANSWER[16:]],
                      ["<0b000007 00004200 bf617262 6869ff>"],
                      ["{length = 15, bytes = 0x%s}" % ANSWER], ["value: (0x) " + "-".join(pairs)]):
            self.assertEqual(self.decode(*words).stdout, plain, words)
        both = self.decode(REQUEST, ANSWER).stdout.splitlines()
        self.assertEqual(len(both), 2)
        self.assertIn("answers 1", both[1])

    def test_each_of_several_files_is_named(self):
        one, two = self.file("one.log", PHONE), self.file("two.txt", ANSWER)
        lines = self.decode(one, two).stdout.splitlines()
        self.assertEqual(lines[0], f"{one}:")
        self.assertEqual(lines[lines.index(f"{two}:") - 1], "")
        self.assertNotIn(f"{one}:", self.decode(one).stdout)

    def test_what_cannot_be_read_does_not_stop_the_others(self):
        done = self.decode(self.dir / "none", self.file("two.txt", ANSWER), ok=FILE)
        self.assertIn("none: No such file", done.stderr)
        self.assertIn("os echo", done.stdout)

    def test_a_folder_is_no_file(self):
        done = self.decode(self.dir, ok=FILE)
        self.assertIn("Is a directory", done.stderr)
        self.assertIn("  try: name the files in it\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
