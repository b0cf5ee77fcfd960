"""Thousands of requests, valid, odd and broken, asked of Zephyr's real server and of ours.

Ours is built as theirs is (tests/twin.c): the same groups, names and buffers. Answers are compared
to the byte of what they say; what may differ stands in INTENDED, each with its reason. An answer
that differs and is not in the table fails, with the request.

    TWINS=1500 TWINS_SEED=1     how many for each manner, and which
"""

import io
import os
import pathlib
import random
import socket
import struct

import cbor2
import pytest

from conftest import TANDEM, Process, free_port, zephyr_file

pytestmark = pytest.mark.timeout(240)
N = int(os.environ.get("TWINS", "1500"))
SEED = int(os.environ.get("TWINS_SEED", "1"))

# group: {id: (what a body may hold, by key)}
TEXTS = ["", "x", "smp_svr_stats", "nope", "/lfs1/a", "/lfs1/b", "/lfs1", "/nope/a", "a", "led/x",
         "sha256", "crc32", "é", "x" * 32, "x" * 70, "x" * 256]
INTS = [0, 1, 2, 5, 6, 7, 9, 10, 23, 24, 63, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32,
        2**63, 2**64 - 1, -1, -25]
KEYS = {
    0: {0: {"d": "text"}, 1: {"echo": "int"}, 2: {}, 3: {}, 4: {"datetime": "text"}, 6: {},
        7: {"format": "format"}, 8: {"query": "text"}},
    1: {0: {"hash": "bytes", "confirm": "bool"}, 1: {"off": "int", "data": "bytes"}, 5: {}, 6: {}},
    2: {0: {"name": "text"}, 1: {}},
    3: {0: {"name": "text", "max_size": "int", "val": "bytes"}, 1: {"name": "text"},
        2: {}, 3: {"name": "text"}},
    8: {0: {"name": "text", "off": "int", "data": "bytes", "len": "int"}, 1: {"name": "text"},
        2: {"name": "text", "type": "text", "off": "int", "len": "int"}, 3: {}, 4: {}},
    9: {0: {"argv": "texts"}},
    10: {0: {}, 1: {}, 2: {"index": "int"}, 3: {"groups": "ints"}},
    63: {1: {}},
}


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def value(self, kind):
        r = self.r
        if r.random() < 0.12:
            kind = r.choice(["text", "int", "bytes", "bool", "texts", "ints", "null", "map", "float"])
        if kind == "text":
            return r.choice(TEXTS)
        if kind == "format":
            return r.choice(["a", "s", "snrvbmpio", "", "z", "sz", "ss", "x" * 40, " s", "s a"])
        if kind == "int":
            return r.choice(INTS) if r.random() < 0.7 else r.randrange(40)
        if kind == "bytes":
            return r.randbytes(r.choice([0, 1, 5, 32, 33, 64, 200]))
        if kind == "bool":
            return r.random() < 0.5
        if kind == "texts":
            return [self.value("text") for _ in range(r.randrange(4))]
        if kind == "ints":
            return [r.choice([0, 1, 2, 3, 8, 10, 63, 64]) for _ in range(r.randrange(6))]
        return {"null": None, "map": {"a": 1}, "float": 1.5}[kind]

    def body(self, group, cid):
        r, keys = self.r, KEYS.get(group, {}).get(cid, {})
        how = r.random()
        if how < 0.03:
            return b""
        if how < 0.06:
            return r.randbytes(r.randrange(1, 20))
        if how < 0.09:
            return cbor2.dumps(r.choice([[], 5, "x", None, [1, {"a": 2}], -1, b"x"]))
        body = {k: self.value(kind) for k, kind in keys.items() if r.random() < 0.85}
        if r.random() < 0.15:
            body[r.choice(["x", "off", "name", "zz", "d"])] = self.value("int")
        items = list(body.items())
        r.shuffle(items)
        out = cbor2.dumps(dict(items))
        if r.random() < 0.1:  # of a length that is not told
            out = b"\xbf" + b"".join(cbor2.dumps(k) + cbor2.dumps(v) for k, v in items) + b"\xff"
        if (group, cid) == (10, 3):
            return out  # Zephyr 4.4 answers nothing any more, ever, after a list that is cut short
        how = r.random()
        if how < 0.05 and len(out) > 1:
            return out[: r.randrange(1, len(out))]
        if how < 0.08:
            return out + r.randbytes(r.randrange(1, 4))
        if how < 0.11:
            at = r.randrange(len(out))
            return out[:at] + bytes([r.randrange(256)]) + out[at + 1:]
        return out

    def request(self, seq):
        """One request; never a reset, and never an erase of the room where files lie."""
        r = self.r
        group = r.choice(list(KEYS)) if r.random() < 0.93 else r.choice([4, 5, 64, 255, 256, 65535])
        ids = list(KEYS.get(group, {0: 0}))
        cid = r.choice(ids) if r.random() < 0.93 else r.randrange(256)
        op = r.choice([0, 2]) if r.random() < 0.95 else r.randrange(8)
        version = 1 if r.random() < 0.7 else 0 if r.random() < 0.8 else r.randrange(4)
        if (group, cid) in ((0, 5), (63, 0)):
            cid = 6
        if (group, cid) == (9, 0):
            body = cbor2.dumps({"argv": self.value("text")}) if r.random() < 0.5 else self.body(9, 0)
            if b"reboot" in body:
                body = b"\xa0"
        else:
            body = self.body(group, cid)
        res = r.randrange(8) if r.random() < 0.03 else 0
        flags = r.randrange(256) if r.random() < 0.03 else 0
        size = len(body)
        if r.random() < 0.03:
            size = max(0, size + r.choice([-3, -1, 1, 5, 300]))
        return struct.pack(">BBHHBB", res << 5 | version << 3 | op, flags, size, group, seq, cid) + body


class Server:
    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.probes = 0

    def take(self, seconds):
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None

    def ask(self, packet):
        """All answers to a packet: whatever comes before the answer to an echo behind it. Zephyr
        has two buffers, and drops what comes while they are taken: the echo goes out later."""
        self.probes += 1
        text = f"twin {self.probes}"
        probe = cbor2.dumps({"d": text})
        probe = struct.pack(">BBHHBB", 10, 0, len(probe), 0, 255, 0) + probe
        self.socket.sendto(packet, self.to)
        answers = [a for a in [self.take(0.03)] if a]
        for _ in range(50):
            self.socket.sendto(probe, self.to)
            while got := self.take(0.1):
                if got[6] != 255:
                    answers.append(got)
                elif text.encode() in got:
                    return answers
        raise AssertionError(f"port {self.to[1]}: no answer after {packet.hex()}")


MASKED = {(0, 2), (0, 7), (2, 0), (9, 0)}  # what is in them is each device's own


def shape(value):
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    return type(value).__name__ if not isinstance(value, list) else "list"


def meaning(answer):
    """An answer as it is compared: header, and result or values."""
    first, flags, size, group, seq, cid = struct.unpack(">BBHHBB", answer[:8])
    assert size == len(answer) - 8, answer.hex()
    stream = io.BytesIO(answer[8:])
    body = cbor2.load(stream)
    assert stream.read() == b"", answer.hex()
    assert isinstance(body, dict), answer.hex()
    head = (first, flags, group, seq, cid)
    body.pop("rsn", None)
    if "rc" in body and body["rc"] != 0:
        return head, ("rc", body["rc"])
    if "err" in body:
        return head, ("err", body["err"]["group"], body["err"]["rc"])
    if (group, cid) in MASKED:
        return head, ("ok", repr(sorted(shape(body).items())) if (group, cid) != (0, 2) else "tasks")
    return head, ("ok", repr(sorted(body.items(), key=repr)))


def as_list(value):
    return value if isinstance(value, list) else [value]


class Case:
    """A request, and what both said: lists of meanings."""

    def __init__(self, packet, theirs, ours):
        first, self.flags, self.size, self.group, self.seq, self.id = struct.unpack(
            ">BBHHBB", packet[:8])
        self.packet, self.theirs, self.ours = packet, theirs, ours
        self.op, self.version, self.reserved = first & 7, first >> 3 & 3, first >> 5
        self.broken = self.size != len(packet) - 8
        try:
            stream = io.BytesIO(packet[8:])
            self.body = cbor2.load(stream)
            self.rest = stream.read()
        except Exception:
            self.body, self.rest = None, b""

    def result(self, whose):
        return whose[0][1] if len(whose) == 1 else None

    def __str__(self):
        return (f"{self.packet.hex()}\n  op {self.op} version {self.version} group {self.group} "
                f"id {self.id} {self.body!r}\n  Zephyr: {self.theirs}\n  ours:   {self.ours}")


# name, whether it is this difference, why it is meant
INTENDED = [
    ("Zephyr reads beyond the length that the header tells",
     lambda c: c.size < len(c.packet) - 8,
     "the rest of the packet is the next request's; ours reads what was announced"),
    ("a setting that is not there has two codes",
     lambda c: (c.group, c.id, c.op) == (3, 0, 0) and (c.result(c.theirs), c.result(c.ours)) in (
         (("err", 3, 5), ("err", 3, 3)), (("rc", 1), ("rc", 5))),
     "Zephyr looks for who handles the name's first part; our back ends know whole names"),
    ("a shell line that cannot be read whole",
     lambda c: c.group == 9 and c.result(c.ours) == ("rc", 3) and (c.body is None or any(
         not isinstance(a, str) for a in as_list(c.body.get("argv")))),
     "Zephyr runs what stands before an argument that is no text; ours runs nothing"),
    ("a shell line without a word",
     lambda c: c.group == 9 and isinstance(c.body, dict) and not "".join(c.body["argv"]).strip(),
     "Zephyr runs the empty line; ours has nothing to run"),
    ("a file that a refused upload left behind",
     lambda c: c.group == 8 and c.result(c.ours) in (("err", 8, 3), ("rc", 5)),
     "Zephyr makes the file before it looks at the offset; ours when the first byte is written"),
    ("a chunk for a place where nothing is mounted",
     lambda c: (c.group, c.id, c.op) == (8, 0, 2) and c.result(c.ours) in (
         ("err", 8, 11), ("rc", 1)) and c.result(c.theirs) in (("err", 8, 14), ("rc", 5)),
     "ours looks at the offset first: no file of that name is open"),
    ("an offset of 2^64 - 1",
     lambda c: c.group == 8 and isinstance(c.body, dict) and c.body.get("off") == 2**64 - 1,
     "Zephyr takes it for an offset that is missing"),
    ("a file where the directory is",
     lambda c: (c.group, c.id, c.op) == (8, 0, 2) and c.result(c.ours) == ("err", 8, 4),
     "Zephyr calls it unknown; ours says that it is a directory"),
]


@pytest.mark.parametrize("manner", ["zephyr-4", "tandem"])
def test_both_servers_answer_alike_or_differ_as_intended(zephyr, tmp_path, manner, capsys):
    program = zephyr_file(zephyr, "*native_sim_udp.exe")
    os.chmod(program, 0o755)
    port = free_port(socket.SOCK_DGRAM)
    twin = pathlib.Path(TANDEM).with_name("twin")
    theirs = Process(program, cwd=tmp_path)
    ours = Process(twin, port, manner)
    try:
        theirs.wait_line("smp_udp: Started")
        ours.wait_line("ready")
        table, unlisted = compare(Server(1337), Server(port), Generator(SEED))
    finally:
        theirs.stop()
        ours.stop()
    with capsys.disabled():
        print(f"\n{N} requests, seed {SEED}, manner {manner}:")
        for name, n in sorted(table.items(), key=lambda row: -row[1]):
            print(f"  {n:5} {name}")
    assert not unlisted, f"{len(unlisted)} differences:\n" + "\n".join(str(c) for c in unlisted[:40])


def compare(theirs, ours, generator):
    table, unlisted = {"alike": 0}, []
    for i in range(N):
        packet = generator.request(i % 250)
        case = Case(packet, [meaning(a) for a in theirs.ask(packet)],
                    [meaning(a) for a in ours.ask(packet)])
        if case.theirs == case.ours:
            table["alike"] += 1
            continue
        for name, applies, _ in INTENDED:
            if applies(case):
                table[name] = table.get(name, 0) + 1
                break
        else:
            unlisted.append(case)
    return table, unlisted
