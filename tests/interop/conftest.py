"""What the interop tests share: the tandem binary, virtual devices, Zephyr servers, QEMU.

Nothing here is mocked: each fixture starts a real process and ends it.
"""

import contextlib
import ctypes
import fcntl
import glob
import json
import os
import pathlib
import queue
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
KEYS = ROOT / "profiles" / "keys"


def leave_the_network():
    """This process, and those that it starts from now on, get a loopback for themselves."""
    new_user, new_net, set_flags, up, running = 0x10000000, 0x40000000, 0x8914, 1, 64
    uid, gid = os.getuid(), os.getgid()
    flags = new_net if uid == 0 else new_net | new_user
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if uid != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"),
                           ("gid_map", f"{gid} {gid} 1")):
            pathlib.Path("/proc/self", name).write_text(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, set_flags, struct.pack("16sH22x", b"lo", up | running))


def pytest_sessionstart(session):
    """smpmgr and Zephyr's native server know one port, 1337. So that nobody else has it, the
    tests have a network of their own, where the kernel grants it; a child tries it out."""
    child = os.fork()
    if child == 0:
        try:
            leave_the_network()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        leave_the_network()


def run(*args, ok=0, timeout=120, env=None, cwd=None):
    """Runs a program, returns its CompletedProcess, and insists on the exit code `ok`."""
    done = subprocess.run(
        [str(a) for a in args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    if ok is not None:
        assert done.returncode == ok, f"{args}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def tandem(*args, **kw):
    return run(TANDEM, *args, **kw)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Process:
    """A program whose output is kept, and can be waited for line by line."""

    def __init__(self, *args, cwd=None):
        self.lines = []
        self._queue = queue.Queue()
        self.process = subprocess.Popen(
            [str(a) for a in args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_line(self, part, timeout=20):
        """The next unread line that contains `part`."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no '{part}' within {timeout} s:\n" + self.text())
            assert line is not None, f"the process ended before '{part}':\n" + self.text()
            if part in line:
                return line

    def text(self):
        return "\n".join(self.lines)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def sim(profile, state, *args):
    """A virtual device, running and ready."""
    p = Process(TANDEM, "sim", profile, "--state", state, *args)
    try:
        p.wait_line("ready:")
        yield p
    finally:
        p.stop()


def make_app(path, name, version, key=None, size=24 * 1024, sign=(), app=()):
    """An application for the virtual device, signed by our own signer."""
    raw = str(path) + ".raw"
    tandem("sim-app", raw, "--name", name, "--size", size, *app)
    tandem(
        "sign", "-v", version, "-H", "0x200", "--pad-header", "-S", "0x38000", "--align", "4",
        *(["-k", key] if key else []), *sign, raw, path,
    )
    return path


@pytest.fixture(scope="session")
def tool(tmp_path_factory):
    """Names a program that pip installed beside the running Python."""
    bin_dir = pathlib.Path(sys.executable).parent

    def find(name):
        here = bin_dir / name
        found = str(here) if here.exists() else shutil.which(name)
        assert found, f"{name} is not installed; run make interop"
        return found

    return find


@pytest.fixture(scope="session")
def zephyr():
    """The folder of Zephyr SMP servers that smpclient's source distribution carries."""
    given = os.environ.get("SMP_SERVER_FIXTURES")
    if given:
        return pathlib.Path(given)
    cache = ROOT / ".cache" / "interop"
    archives = sorted(cache.glob("smpclient-*.tar.gz"))
    assert archives, "run ci/venv, or set SMP_SERVER_FIXTURES to a folder with Zephyr's servers"
    archive = str(archives[-1])
    folder = pathlib.Path(archive[: -len(".tar.gz")])
    if not folder.exists():
        with tarfile.open(archive) as tar:
            tar.extractall(cache)
    return folder / "tests" / "fixtures" / "smp-server"


def zephyr_file(folder, pattern):
    found = sorted(glob.glob(str(folder / pattern)))
    assert found, f"no {pattern} in {folder}; set SMP_SERVER_FIXTURES to a folder that has it"
    return pathlib.Path(found[0])


@contextlib.contextmanager
def qemu(machine, cpu, loaders, serial_port, log, ready):
    """An emulated board whose first UART is a TCP socket, once its console has said `ready`
    (empty: its console is elsewhere).

    The models of the UARTs lose interrupts for bytes that arrive before the firmware listens.
    """
    args = ["qemu-system-arm", "-cpu", cpu, "-machine", machine, "-display", "none",
            "-monitor", "none", "-chardev",
            f"socket,id=con,host=127.0.0.1,port={serial_port},server=on,wait=off,logfile={log}",
            "-serial", "chardev:con"]
    for loader in loaders:
        args += ["-device", f"loader,{loader}"]
    p = Process(*args)
    try:
        end = time.monotonic() + 30
        while not log.exists() or ready not in log.read_text(errors="replace"):
            assert time.monotonic() < end, f"no '{ready}' on the console:\n" + p.text()
            time.sleep(0.05)
        time.sleep(0.3 if ready else 1.5)
        yield p
    finally:
        p.stop()
