"""What a link allows, and what clients make of it: uploads over links as slow as real ones.

    bench/links.py            256 KiB over two delays and one line, most of a minute
    bench/links.py --long     256 KiB and 1 MiB, three delays, two lines: half an hour
    bench/links.py [--long] udp:10 serial:115200 ...   only these

Each row is one virtual device behind one wire (bench/wire.c), and every client in turn sends the
same file to it, its slot erased before. Flash takes no time here: this is about links. Seconds are
those of the whole process. "Share" is of tandem's transfer, from its first chunk's request to the
last one's answer as --log has them: of window x packet / round trip over UDP, where the window is
what the device says (its buffers but one), and of the line's own rate for the bytes that framing
puts on it over serial.
"""

import base64
import os
import pathlib
import re
import shutil
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
    sent, first, last = [], None, None
    for line in log.read_text().splitlines():
        found = re.match(r"([\d.]+) ([<>]) ([0-9a-f]+)$", line)
        if not found or found[3][8:12] != "0001" or found[3][14:16] != "01":  # group, command
            continue
        at, mark = float(found[1]), found[2]
        if mark == ">":
            first = at if first is None else first
            sent.append(len(found[3]) // 2)
        else:
            last = at
    took = last - first
    if kind == "udp":
        best = -(-len(sent) // WINDOW) * 2 * number / 1000
    else:
        best = sum(map(line_bytes, sent)) * 10 / number
    return took, 100 * best / took, len(sent)


# ---- rows --------------------------------------------------------------------------------

def row(folder, kind, number, size, runs):
    file = os.path.join(folder, f"new-{size}.bin")
    log = pathlib.Path(folder) / "log"
    rig = Rig(folder, kind, number)
    others = [(name, make) for name, make, kinds in peers() if kind in kinds]
    best, share = {}, 0
    try:
        for _ in range(runs):
            for name, make in [("tandem", tandem), *others]:
                rig.erase()
                command = make(rig.link, file)
                if name == "tandem":
                    log.unlink(missing_ok=True)
                    command[1:1] = ["--log", str(log)]
                took = timed(command, 600)
                if took is None or not rig.holds(size):
                    best.setdefault(name, None)
                    continue
                if name == "tandem":
                    share = max(share, share_of(log, kind, number)[1])
                best[name] = min(took, best.get(name) or took)
    finally:
        rig.end()
    cells = []
    for name, _ in others:
        cells.append("failed" if best[name] is None
                     else f"{name} {best[name]:.2f} s ({best[name] / best['tandem']:.2f}x)")
    what = f"UDP, {number} ms each way" if kind == "udp" else f"serial, {number} baud"
    print(f"| {what} | {size // 1024} KiB | {best['tandem']:.2f} s | {share:.0f} % "
          f"(goal {GOAL[kind]} %) | {', '.join(cells)} |", flush=True)


def app(folder, name, version, size):
    raw, signed = os.path.join(folder, name + ".raw"), os.path.join(folder, name + ".bin")
    subprocess.run([TANDEM, "sim-app", raw, "--name", name, "--size", str(size)], check=True)
    subprocess.run([TANDEM, "sign", "-v", version, "-H", "0x200", "--pad-header", "-S", "0x140000",
                    "--align", "4", "-k", KEY, raw, signed], check=True)


def main():
    long = "--long" in sys.argv
    named = [a.split(":") for a in sys.argv[1:] if ":" in a]
    sizes = [256 << 10, 1 << 20] if long else [256 << 10]
    rows = ([(kind, int(number)) for kind, number in named] or
            [("udp", 1), ("udp", 10), ("serial", 1000000)] +
            ([("udp", 50), ("serial", 115200)] if long else []))
    print("Uploads over links as slow as real ones, the same device for all; seconds of the whole")
    print("process, the best of each one's runs; share: tandem's transfer, of what the link allows")
    print(f"Again: bench/links.py {' '.join(sys.argv[1:])}\n")
    print("| link | file | tandem | share | beside (times as long) |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        app(folder, "old", "1.0.0", 4096)
        for size in sizes:
            app(folder, f"new-{size}", f"2.0.{size >> 10}", size)
            for kind, number in rows:
                row(folder, kind, number, size, 1 if size > 1 << 19 else 2)


if __name__ == "__main__":
    main()
