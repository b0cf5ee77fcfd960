"""What a link allows, and what clients make of it: uploads over links as slow as real ones.

    bench/links.py            256 KiB over two delays and one line, two minutes
    bench/links.py --long     256 KiB and 1 MiB, three delays, two lines: half an hour
    bench/links.py --kib 256 --runs 5 udp:10 serial:115200 ...   only these

Each row is one virtual device behind one wire (bench/wire.c), and every client in turn sends the
same file to it, its slot erased before. Flash takes no time here: this is about links. Seconds are
those of the whole process. "Share" is of tandem's transfer, from its first chunk's request to the
last one's answer as --log has them: of window x packet / round trip over UDP, where the window is
what the device says (its buffers but one) and the packet the largest that Ethernet carries, and of
the line's own rate for the bytes that framing puts on it over serial. What was sent twice counts
once: repeats are no part of what had to be sent.
"""

import argparse
import base64
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TANDEM = os.environ.get("TANDEM", str(HERE.parent / "build/gcc/tandem"))
WIRE = os.environ.get("WIRE", str(pathlib.Path(TANDEM).parent / "bench/wire"))
VENV = pathlib.Path(os.environ.get("VENV", pathlib.Path(sys.executable).parent))
KEY = HERE.parent / "profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem"
ADDRESS = "127.0.0.33"  # smpmgr knows only port 1337
WINDOW = 3              # links.yml: buf_count 4, and one for the answer
UDP_PACKET = 1472
PARAMS = bytes.fromhex("0800000100000006a0")  # os params, version 2: the device's buffers
GOAL = {"udp": 90, "serial": 95}


# ---- clients -----------------------------------------------------------------------------

def tandem(link, file):
    return [TANDEM, "-d", link["url"], "--quiet", "image", "upload", file]


def smpmgr(link, file):
    place = ["--port", link["path"], "--baudrate", str(link["baud"])] if "path" in link else [
        "--ip", ADDRESS]
    return [str(VENV / "smpmgr"), *place, "image", "upload", file]


TOOLKIT = """
import sys
from mcumgr_toolkit import MCUmgrClient
kind, place, number, file = sys.argv[1:]
make = MCUmgrClient.udp if kind == "udp" else MCUmgrClient.serial
with make(place, int(number)) as client:
    client.use_auto_frame_size()
    client.image_upload(open(file, "rb").read())
"""


def toolkit(link, file):
    place = (["serial", link["path"], str(link["baud"])] if "path" in link
             else ["udp", ADDRESS, "1337"])
    return [str(VENV / "python"), "-c", TOOLKIT, *place, file]


def mcumgr(link, file):
    if "path" in link:
        connect = ["--conntype", "serial", "--connstring", f"dev={link['path']},baud={link['baud']}"]
    else:
        connect = ["--conntype", "udp", "--connstring", f"[{ADDRESS}]:1337"]
    return ["mcumgr", *connect, "image", "upload", file]


def mcumgr_client(link, file):
    return ["mcumgr-client", "-d", link["path"], "-b", str(link["baud"]), "upload", file]


def peers():
    """Those that are there. The Go and Rust commands are no packages of PyPI or Debian."""
    if (VENV / "smpmgr").exists():
        yield "smpmgr", smpmgr, ("udp", "serial")
    if list(VENV.parent.glob("lib/*/site-packages/mcumgr_toolkit")):
        yield "mcumgr-toolkit", toolkit, ("udp", "serial")
    if shutil.which("mcumgr"):
        yield "Go mcumgr", mcumgr, ("udp", "serial")
    if shutil.which("mcumgr-client"):
        yield "mcumgr-client", mcumgr_client, ("serial",)


# ---- the far end -------------------------------------------------------------------------

class Rig:
    """A virtual device, and a wire to it."""

    def __init__(self, folder, kind, number):
        self.running = []
        self.kind, self.number = kind, number
        state = tempfile.mkdtemp(dir=folder)
        pty, near = os.path.join(state, "device.pty"), os.path.join(state, "tty")
        ends = ["--udp", "127.0.0.1:0"] + (["--pty", pty] if kind == "serial" else [])
        line = self.start([TANDEM, "sim", HERE / "links.yml", "--state", state, "--speed", "fast",
                           *ends, "--program", f"slot0={folder}/old.bin"], "ready:")
        self.direct = re.search(r"udp:(\S+)", line)
        if kind == "serial":
            self.start([WIRE, "serial", near, pty, str(number)], "ready")
            self.link = {"url": f"serial:{near}?baud={number}", "path": near, "baud": number}
        else:
            self.start([WIRE, "udp", f"{ADDRESS}:1337", self.direct[1], str(number * 1000)], "ready")
            self.link = {"url": f"udp:{ADDRESS}:1337"}

    def start(self, command, until):
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        for line in process.stdout:
            if line.startswith(until):
                return line
        raise SystemExit(f"bench: {command[0]} did not start")

    def erase(self):
        subprocess.run([TANDEM, "-d", "udp:" + self.direct[1], "image", "erase", "slot1"],
                       check=True, stdout=subprocess.DEVNULL)

    def round_trip(self):
        """What a request that asks for nothing takes over the wire: milliseconds, the median."""
        taken = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect((ADDRESS, 1337))
            for _ in range(21):
                begin = time.perf_counter()
                s.send(PARAMS)
                s.recv(UDP_PACKET)
                taken.append(1000 * (time.perf_counter() - begin))
        return statistics.median(taken)

    def holds(self, size):
        """That the file arrived, whoever sent it, is asked of the device."""
        said = subprocess.run([TANDEM, "-d", "udp:" + self.direct[1], "--json", "image", "list"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        return f"2.0.{size >> 10}" in said

    def end(self):
        for process in self.running:
            process.terminate()
            process.wait()
            process.stdout.close()


def timed(command, patience):
    begin = time.perf_counter()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=patience)
    except subprocess.TimeoutExpired:
        return None
    return time.perf_counter() - begin if done.returncode == 0 else None


# ---- the limit ---------------------------------------------------------------------------

def line_bytes(packet):
    """What a packet is on a console: length and checksum, base64, three bytes around each line."""
    text = len(base64.b64encode(bytes(packet + 4)))
    return text + 3 * -(-text // 124)


def share_of(log, kind, number):
    """(seconds of the transfer, percent of what the link allows), from tandem's log."""
    sent, first, last = {}, None, None
    for line in log.read_text().splitlines():
        found = re.match(r"([\d.]+) ([<>]) ([0-9a-f]+)$", line)
        if not found or found[3][8:12] != "0001" or found[3][14:16] != "01":  # group, command
            continue
        at, mark = float(found[1]), found[2]
        if mark == ">":
            first = at if first is None else first
            sent[found[3][16:]] = len(found[3]) // 2  # by its body: a repeat has a new number
        else:
            last = at
    took = last - first
    if kind == "udp":
        packets = -(-sum(sent.values()) // UDP_PACKET)
        best = -(-packets // WINDOW) * 2 * number / 1000
    else:
        best = sum(map(line_bytes, sent.values())) * 10 / number
    return took, 100 * best / took


# ---- rows --------------------------------------------------------------------------------

def spread(values, unit="", digits=2):
    median = f"{statistics.median(values):.{digits}f}{unit}"
    if len(values) == 1:
        return median
    return f"{median} ({min(values):.{digits}f} … {max(values):.{digits}f})"


def cell(name, seconds, ours):
    """A peer beside tandem, turn by turn: what drifts slows both of a pair."""
    if None in seconds:
        return f"{name} failed {seconds.count(None)} of {len(seconds)} times"
    ratios = [theirs / mine for theirs, mine in zip(seconds, ours)]
    return f"{name} {spread(seconds, ' s')}, {spread(ratios, '×', 1)}"


def row(folder, kind, number, size, runs):
    file = os.path.join(folder, f"new-{size}.bin")
    log = pathlib.Path(folder) / "log"
    rig = Rig(folder, kind, number)
    clients = [("tandem", tandem)] + [(n, make) for n, make, kinds in peers() if kind in kinds]
    took, shares = {name: [] for name, _ in clients}, []
    try:
        trip = rig.round_trip() if kind == "udp" else 0
        for _ in range(runs):
            for name, make in clients:
                rig.erase()
                command = make(rig.link, file)
                if name == "tandem":
                    log.unlink(missing_ok=True)
                    command[1:1] = ["--log", str(log)]
                seconds = timed(command, 900)
                took[name].append(seconds if rig.holds(size) else None)
                if took[name][-1] is None and name == "tandem":
                    raise SystemExit(f"bench: {' '.join(command)}: the upload failed")
                if name == "tandem":
                    shares.append(share_of(log, kind, number)[1])
    finally:
        rig.end()
    ours = took.pop("tandem")
    cells = "; ".join(cell(name, seconds, ours) for name, seconds in took.items())
    what = f"serial, {number} baud" if kind == "serial" else (
        f"UDP, {number} ms each way; a request took {trip:.2f} ms")
    print(f"| {what} | {size // 1024} KiB | {runs} | {spread(ours, ' s')} "
          f"| {spread(shares, ' %', 0)}, goal {GOAL[kind]} % | {cells} |", flush=True)


def app(folder, name, version, size):
    raw, signed = os.path.join(folder, name + ".raw"), os.path.join(folder, name + ".bin")
    subprocess.run([TANDEM, "sim-app", raw, "--name", name, "--size", str(size)], check=True)
    subprocess.run([TANDEM, "sign", "-v", version, "-H", "0x200", "--pad-header", "-S", "0x140000",
                    "--align", "4", "-k", KEY, raw, signed], check=True)


def main():
    args = argparse.ArgumentParser(description="Uploads over links as slow as real ones.")
    args.add_argument("--long", action="store_true", help="every row, 256 KiB and 1 MiB")
    args.add_argument("--runs", type=int, help="of each row; 5, and 1 for what takes minutes")
    args.add_argument("--kib", type=int, action="append", help="size of the file")
    args.add_argument("rows", nargs="*", help="udp:MS or serial:BAUD")
    args = args.parse_args()
    sizes = args.kib or ([256, 1024] if args.long else [256])
    named = args.rows or ["udp:1", "udp:10", "serial:1000000"] + (
        ["udp:50", "serial:115200"] if args.long else [])
    print("Uploads over links as slow as real ones, the same device for all. Seconds of the whole")
    print("process: the median (least … most) of the runs, clients in turn; share: tandem's")
    print("transfer, of what the link allows; ×: times as long as tandem, run by run.")
    print(f"Again: bench/links.py {' '.join(sys.argv[1:])}\n")
    print("| link | file | runs | tandem | share | beside |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        app(folder, "old", "1.0.0", 4096)
        for kib in sizes:
            app(folder, f"new-{kib << 10}", f"2.0.{kib}", kib << 10)
            for kind, number in (name.split(":") for name in named):
                slow = kib > 512 or (kind, number) == ("serial", "115200")
                row(folder, kind, int(number), kib << 10, args.runs or (1 if slow else 5))


if __name__ == "__main__":
    main()
