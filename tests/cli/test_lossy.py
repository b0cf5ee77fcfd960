#!/usr/bin/env python3
"""The command, a proxy that spoils what passes, and a virtual device: three processes.

tests/lossy_test.c does the same a thousand times in one; here it is real sockets, ptys and time.
"""

import heapq
import json
import os
import pty
import random
import select
import socket
import threading
import time
import tty
import unittest
from concurrent.futures import ThreadPoolExecutor

import virtual
from virtual import Sim, tandem

SEED = int(os.environ.get("LOSSY_SEED", "1"))
RUNS = int(os.environ.get("LOSSY_RUNS", "12"))  # for each kind of link


class Proxy(threading.Thread):
    """Passes things on when their time has come; what happens to them is the kind's business."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.waiting = []
        self.count = 0
        self.spoilt = 0
        self.ends = False

    def later(self, seconds, pass_on):
        self.count += 1
        heapq.heappush(self.waiting, (time.monotonic() + seconds, self.count, pass_on))

    def run(self):
        while not self.ends:
            ready = select.select(self.sources(), [], [], 0.01)[0]
            for source in ready:
                self.take(source)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                heapq.heappop(self.waiting)[2]()

    def stop(self):
        self.ends = True
        self.join()
        self.close()


class UdpProxy(Proxy):
    """Loses, doubles, delays, and so lets datagrams be overtaken."""

    def __init__(self, seed, host, port):
        super().__init__(seed)
        self.device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.device.connect((host, port))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.bind(("127.0.0.1", 0))
        self.url = "udp:127.0.0.1:%d" % self.client.getsockname()[1]
        self.whom = None

    def sources(self):
        return [self.device, self.client]

    def take(self, source):
        try:
            if source is self.client:
                data, self.whom = source.recvfrom(65536)
            else:
                data = source.recv(65536)
        except ConnectionError:
            return
        if self.random.random() < 0.08:
            self.spoilt += 1
            return
        whom = self.whom
        for _ in range(2 if self.random.random() < 0.1 else 1):
            delay = self.random.random() * (0.2 if self.random.random() < 0.05 else 0.004)
            self.later(delay, lambda: self.send(source, data, whom))

    def send(self, source, data, whom):
        try:
            if source is self.client:
                self.device.send(data)
            else:
                self.client.sendto(data, whom)
        except ConnectionError:
            pass

    def close(self):
        self.device.close()
        self.client.close()


class PtyProxy(Proxy):
    """Turns bits and loses bytes of a serial line."""

    def __init__(self, seed, path):
        super().__init__(seed)
        self.device = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.device)
        self.client, self.held = pty.openpty()
        tty.setraw(self.held)
        self.url = "serial:%s?baud=1000000" % os.ttyname(self.held)

    def sources(self):
        return [self.device, self.client]

    def take(self, source):
        data = bytearray()
        for byte in os.read(source, 4096):
            chance = self.random.random()
            if chance < 0.0001:
                byte ^= 1 << self.random.randrange(8)
            if chance < 0.0002:
                self.spoilt += 1
            if not 0.0001 <= chance < 0.0002:
                data.append(byte)
        os.write(self.client if source == self.device else self.device, data)

    def close(self):
        for fd in (self.device, self.client, self.held):
            os.close(fd)


class Lossy(virtual.Case):
    PROFILE = "tandem-nrf52833"
    SIGN = ("-S", "0x38000", "--align", "4")

    def setUp(self):
        super().setUp()
        self.old = self.image("one", "1.0.0", size=12000)
        self.new = self.image("two", "2.0.0", size=16000)

    def one(self, kind, n):
        """A run: its result, and that it is true."""
        line = self.path("tty-%s-%d" % (kind, n))
        links = ["--udp", "127.0.0.1:0"] + (["--pty", line] if kind == "pty" else [])
        sim = Sim(self.PROFILE, "--state", self.path("d-%s-%d" % (kind, n)), *links,
                  "--program", "slot0=" + self.old)
        try:
            urls = sim.until("ready:").split()[1:]
            direct = next(u.rstrip(",") for u in urls if u.startswith("udp:"))
            host, port = direct[len("udp:"):].rsplit(":", 1)
            seed = SEED * 1000 + n
            proxy = UdpProxy(seed, host, int(port)) if kind == "udp" else PtyProxy(seed, line)
            proxy.start()
            try:
                ran = tandem("-d", proxy.url, "--json", "update", self.new, timeout=150)
            finally:
                proxy.stop()
            images = json.loads(tandem("-d", direct, "--json", "image", "list").stdout)["images"]
        finally:
            sim.stop()
        last = json.loads(ran.stdout.splitlines()[-1])
        running = next(i for i in images if i["active"])
        what = "%s %d: %s\n%s" % (kind, n, last, images)
        if ran.returncode == 0:
            self.assertEqual((last["result"], running["version"][:5], running["confirmed"]),
                             ("updated", "2.0.0", True), what)
            self.assertEqual(running["hash"], last["hash"], what)
        else:  # nothing but silence can be the reason, and the text says so
            self.assertEqual((ran.returncode, last["result"]), (3, "unreachable"), what)
            self.assertIn(running["version"][:5], ("1.0.0", "2.0.0"), what)
            self.assertRegex(last["text"], "does not answer|did not come back", what)
        return last["result"], last["seconds"], proxy.spoilt

    def runs(self, kind):
        with ThreadPoolExecutor(6) as pool:
            ends = list(pool.map(lambda n: self.one(kind, n), range(RUNS)))
        results = [result for result, _, _ in ends]
        print("%s: %d runs, seed %d: %s; %d spoilt, %.1f s each" % (
            kind, RUNS, SEED, {r: results.count(r) for r in set(results)},
            sum(s for _, _, s in ends), sum(s for _, s, _ in ends) / RUNS))
        self.assertGreater(sum(s for _, _, s in ends), 0)
        self.assertGreater(results.count("updated"), RUNS // 2)

    def test_datagrams_that_are_lost_late_and_doubled_end_in_an_update_or_the_truth(self):
        self.runs("udp")

    def test_a_line_that_turns_bits_and_loses_bytes_ends_in_an_update_or_the_truth(self):
        self.runs("pty")


if __name__ == "__main__":
    unittest.main()
