"""A virtual device and images for it: what the tests of `tandem sim`'s profiles share."""

import os
import select
import signal
import subprocess
import tempfile
import time
import unittest

COMMAND = os.environ["TANDEM"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEY = os.path.join(ROOT, "profiles", "keys", "PUBLIC-DEMO-ecdsa-p256.pem")


def tandem(*args, timeout=60):
    return subprocess.run([COMMAND, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout)


class Sim:
    """A running `tandem sim`, its console read line by line."""

    def __init__(self, *args, stderr=subprocess.STDOUT):
        self.process = subprocess.Popen([COMMAND, "sim", *map(str, args)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=stderr)
        self.lines = []
        self.rest = b""

    def until(self, start, seconds=20):
        """Reads on until a line that begins so; returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                self.lines.append(line.decode())
                if self.lines[-1].startswith(start):
                    return self.lines[-1]
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                got = os.read(self.process.stdout.fileno(), 4096)
                if not got:
                    break
                self.rest += got
        raise AssertionError("no line %r in:\n%s" % (start, "\n".join(self.lines)))

    def url(self):
        return self.until("ready:").split()[1]

    def console(self):
        """Everything that it has said so far, also what no test has waited for."""
        while select.select([self.process.stdout], [], [], 0.1)[0]:
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                break
            self.rest += got
        return "\n".join([*self.lines, self.rest.decode()])

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        self.process.stdout.close()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


class Case(unittest.TestCase):
    """One profile, a folder, and images for it."""

    PROFILE = ""
    SIGN = ()  # what sign is told beside key, version and header

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.state = os.path.join(self.folder, "device")
        self.sims = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def ok(self, *args):
        ran = tandem(*args)
        self.assertEqual(ran.returncode, 0, "%s\n%s%s" % (args, ran.stdout, ran.stderr))
        return ran.stdout

    def image(self, name, version, *, app=(), sign=None, key=KEY, size=20000):
        raw, out = self.path(name + ".raw"), self.path(name + ".bin")
        self.ok("sim-app", raw, "--name", name, "--size", size, *app)
        self.ok("sign", "-k", key, "-v", version, "-H", "0x200", "--pad-header",
                *(self.SIGN if sign is None else sign), raw, out)
        return out

    def start(self, *args):
        sim = Sim(self.PROFILE, "--state", self.state, "--udp", "127.0.0.1:0", *args)
        self.addCleanup(sim.stop)
        self.sims.append(sim)
        return sim

    def update(self, url, *args, code, says=()):
        ran = tandem("-d", url, "update", *args)
        text = "exit %d\n%s%s" % (ran.returncode, ran.stdout, ran.stderr)
        self.assertEqual(ran.returncode, code, text)
        for words in says:
            self.assertIn(words, ran.stdout + ran.stderr, text)
        return ran.stdout + ran.stderr
