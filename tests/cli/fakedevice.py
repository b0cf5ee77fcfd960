"""A device that is played: enough of SMP to be updated, and every way to behave badly.

It stands on Python's library alone, and shares no code with Tandem: what both get wrong in
the same way would otherwise go unseen.
"""

import base64
import hashlib
import os
import socket
import struct
import threading
import time
import tty

READ, WRITE = 0, 2
OS, IMAGE, BASIC, TANDEM = 0, 1, 63, 21572


# ---- CBOR, as far as SMP needs it -------------------------------------------------------

def _head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for width, extra in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 1 << 8 * width:
            return bytes([major << 5 | extra]) + n.to_bytes(width, "big")
    raise ValueError(n)


def dumps(x):
    if x is True or x is False:
        return b"\xf5" if x else b"\xf4"
    if isinstance(x, int):
        return _head(0, x) if x >= 0 else _head(1, -1 - x)
    if isinstance(x, bytes):
        return _head(2, len(x)) + x
    if isinstance(x, str):
        return _head(3, len(x.encode())) + x.encode()
    if isinstance(x, list):
        return b"\x9f" + b"".join(dumps(i) for i in x) + b"\xff"
    if isinstance(x, dict):
        return b"\xbf" + b"".join(dumps(k) + dumps(v) for k, v in x.items()) + b"\xff"
    raise TypeError(type(x))


def loads(data):
    value, rest = _load(data)
    return value


def _load(d):
    major, n, d = d[0] >> 5, d[0] & 31, d[1:]
    indefinite = n == 31
    if 24 <= n <= 27:
        width = 1 << (n - 24)
        n, d = int.from_bytes(d[:width], "big"), d[width:]
    if major == 0:
        return n, d
    if major == 1:
        return -1 - n, d
    if major in (2, 3):
        value = d[:n]
        return (value if major == 2 else value.decode()), d[n:]
    if major in (4, 5):
        items = []
        while (d[0] != 0xFF) if indefinite else n > 0:
            value, d = _load(d)
            if major == 5:
                other, d = _load(d)
                value = (value, other)
            items.append(value)
            n -= 1
        return (items if major == 4 else dict(items)), d[1:] if indefinite else d
    return {20: False, 21: True, 22: None}[n], d


# ---- images -----------------------------------------------------------------------------

def image(version=(1, 0, 0), size=3000, fill=b"firmware"):
    """An unsigned MCUboot image with its hash, and that hash."""
    body = (fill * (size // len(fill) + 1))[:size]
    header = struct.pack("<IIHHIIBBHII", 0x96F3B83D, 0, 32, 0, size, 0, *version, 0, 0)
    digest = hashlib.sha256(header + body).digest()
    tlvs = struct.pack("<HH", 0x6907, 4 + 4 + 32) + struct.pack("<HH", 0x10, 32) + digest
    return header + body + tlvs


def hash_of(data):
    return data[-32:]


def version_of(data):
    return "%d.%d.%d" % struct.unpack_from("<BBH", data, 20)


# ---- the device -------------------------------------------------------------------------

class Device:
    """Two slots and a bootloader that swaps. Behaviour is changed by overriding `handle`."""

    buf_size, buf_count = 1024, 4

    def __init__(self, running=None):
        self.slots = [running or image((1, 0, 0)), None]
        self.pending = self.permanent = False
        self.confirmed = True
        self.up_until = None  # silent from then on, to `back_at`
        self.back_at = 0
        self.received = b""
        self.expect = None
        self.seen = []  # (group, id, op) of every request
        self.n_chunks = 0
        self.boots = 1

    # What a request is answered: a map, None for silence, bytes for a raw packet.
    def handle(self, group, id, op, req):
        if (group, id) == (OS, 0):
            return {"r": req["d"]}
        if (group, id) == (OS, 5):
            self.reset()
            return {}
        if (group, id) == (OS, 6):
            return {"buf_size": self.buf_size, "buf_count": self.buf_count}
        if (group, id) == (IMAGE, 0):
            return self.list() if op == READ else self.set_state(req)
        if (group, id) == (IMAGE, 1):
            return self.upload(req)
        if (group, id) == (IMAGE, 5):
            self.slots[1], self.pending, self.permanent = None, False, False
            return {}
        return {"rc": 8}

    def list(self):
        entries = []
        for n, data in enumerate(self.slots):
            if data:
                entries.append({
                    "slot": n, "version": version_of(data), "hash": hash_of(data),
                    "bootable": True, "pending": n == 1 and self.pending,
                    "confirmed": (n == 0) == self.confirmed, "active": n == 0,
                    "permanent": n == 1 and self.permanent})
                if n == 1 and self.confirmed:
                    entries[-1]["confirmed"] = False
        return {"images": entries}

    def set_state(self, req):
        confirm, wanted = req.get("confirm", False), req.get("hash")
        if not wanted:
            self.confirmed = True
        elif self.slots[1] and wanted == hash_of(self.slots[1]):
            self.pending, self.permanent = True, confirm
        elif wanted == hash_of(self.slots[0]) and confirm:
            self.confirmed = True
        else:
            return {"err": {"group": 1, "rc": 8}}
        return self.list()

    def upload(self, req):
        self.n_chunks += 1
        if req["off"] == 0:
            if self.expect and req.get("sha") == self.expect[1]:
                return {"off": len(self.received)}
            self.expect, self.received = (req["len"], req.get("sha")), b""
            self.pending, self.slots[1] = False, None
        if not self.expect or req["off"] != len(self.received):
            return {"off": len(self.received) if self.expect else 0}
        self.received += req["data"]
        done = len(self.received)
        if done == self.expect[0]:
            self.slots[1], self.expect = self.received, None
        return {"off": done}

    def reset(self, away=0.5):
        self.up_until = time.monotonic() + 0.05
        self.back_at = self.up_until + away
        self.expect, self.received = None, b""
        self.boots += 1
        self.boot()

    def boot(self):
        if self.pending:
            self.slots.reverse()
            self.confirmed = self.permanent
            self.pending = self.permanent = False
        elif not self.confirmed:
            self.slots.reverse()
            self.confirmed = True

    def packet(self, packet):
        """A packet in, packets out."""
        now = time.monotonic()
        if self.up_until and self.up_until < now < self.back_at:
            return []
        if len(packet) < 8:
            return []
        op, _, length, group, seq, id = struct.unpack(">BBHHBB", packet[:8])
        version, op = op >> 3, op & 7
        if op not in (READ, WRITE):
            return []
        self.seen.append((group, id, op))
        answer = self.handle(group, id, op, loads(packet[8:8 + length] or b"\xa0"))
        if answer is None:
            return []
        if isinstance(answer, bytes):
            return [answer]
        if "err" in answer and version == 0:
            answer = {"rc": 1}
        body = dumps(answer)
        return [struct.pack(">BBHHBB", version << 3 | op | 1, 0, len(body), group, seq, id) + body]


# ---- links ------------------------------------------------------------------------------

class _Served:
    def __init__(self, device):
        self.device = device
        self.over = False
        self.thread = threading.Thread(target=self._guard, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over = True
        self.close()
        self.thread.join(5)

    def _guard(self):
        try:
            self.run()
        except OSError:
            if not self.over:
                raise


class Udp(_Served):
    def __init__(self, device):
        super().__init__(device)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.url = "udp:127.0.0.1:%d" % self.socket.getsockname()[1]

    def run(self):
        while not self.over:
            try:
                packet, peer = self.socket.recvfrom(65536)
            except socket.timeout:
                continue
            for answer in self.device.packet(packet):
                self.socket.sendto(answer, peer)

    def close(self):
        self.socket.close()


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def frame(packet, width=93):
    """A packet as lines of a console."""
    whole = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc16(packet))
    out = b""
    for at in range(0, len(whole), width):
        out += (b"\x06\x09" if at == 0 else b"\x04\x14")
        out += base64.b64encode(whole[at:at + width]) + b"\n"
    return out


class _Lines(_Served):
    """Console framing over whatever `read` and `write` are."""

    noise = b"*** Booting a fake ***\r\n"

    def serve(self):
        line, whole = b"", b""
        self.write(self.noise)
        while not self.over:
            byte = self.read()
            if byte is None:
                return
            line += byte
            if byte != b"\n":
                continue
            if line[:2] == b"\x06\x09":
                whole = base64.b64decode(line[2:])
            elif line[:2] == b"\x04\x14":
                whole += base64.b64decode(line[2:])
            line = b""
            if len(whole) < 2 or len(whole) - 2 < struct.unpack(">H", whole[:2])[0]:
                continue
            packet, whole = whole[2:-2], b""
            for answer in self.device.packet(packet):
                self.write(b"log line in between\r\n" + frame(answer))


class Tcp(_Lines):
    def __init__(self, device):
        super().__init__(device)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4)
        self.peer = None
        self.url = "tcp:127.0.0.1:%d?baud=4000000" % self.listener.getsockname()[1]

    def run(self):
        while not self.over:
            self.peer, _ = self.listener.accept()
            with self.peer:
                try:
                    self.serve()
                except OSError:
                    pass  # hung up, by one side or the other

    def read(self):
        return self.peer.recv(1) or None

    def write(self, data):
        self.peer.sendall(data)

    def hang_up(self):
        self.peer.shutdown(socket.SHUT_RDWR)
        self.peer.close()

    def close(self):
        for s in (self.listener, self.peer):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()


class Pty(_Lines):
    def __init__(self, device):
        super().__init__(device)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.url = "serial:%s?baud=4000000" % self.path

    def run(self):
        try:
            self.serve()
        except OSError:
            if self.master >= 0:
                raise

    def read(self):
        return os.read(self.master, 1) or None

    def write(self, data):
        os.write(self.master, data)

    def hang_up(self):
        """The cable is pulled: the slave's readers see the end."""
        master, slave, self.master, self.slave = self.master, self.slave, -1, -1
        os.close(slave)
        os.close(master)

    def close(self):
        if self.slave >= 0:
            # The reader waits in read; a byte from the other side lets it go.
            os.write(self.slave, b"\n")
            self.thread.join(2)
            os.close(self.slave)
            os.close(self.master)
