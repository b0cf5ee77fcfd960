#!/usr/bin/env python3
"""Zephyr's NVS, read and written from the description of its format alone (docs/spec/nvs.md).

    nvs_reader.py FILE --sector N [--word N] [--erased 00] [--crc]     every value: "id hex"
    nvs_reader.py FILE --settings ...                                  every setting: "name hex"
    nvs_reader.py FILE --make SEED --sector N --count N ...            writes a partition, and
                                                                       prints what it holds

It shares no line with the C code, and knows nothing of power cuts: it reads what is at rest.
"""
import argparse
import binascii
import random
import struct


def crc8(data):
    crc = 0xff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xff
    return crc


def up(n, unit):
    return (n + unit - 1) // unit * unit


class Geometry:
    def __init__(self, args):
        self.sector, self.word = args.sector, args.word
        self.erased, self.crc = int(args.erased, 16), args.crc
        self.ate = up(8, self.word)

    def parse(self, raw, place):
        """(id, offset, length) of a sound allocation table entry, or None."""
        if raw == bytes([self.erased]) * 8 or crc8(raw[:7]) != raw[7]:
            return None
        ident, off, length = struct.unpack("<HHH", raw[:6])
        return (ident, off, length) if off + length <= place else None


class Reader:
    def __init__(self, geometry, data):
        self.g, self.data = geometry, data
        self.n = len(data) // geometry.sector

    def entry(self, sector, place):
        at = sector * self.g.sector + place
        return self.g.parse(self.data[at:at + 8], place)

    def closed(self, sector):
        return self.entry(sector, self.g.sector - self.g.ate)

    def entries(self, sector):
        """Oldest first, down from the sector's end to the first erased place."""
        place = self.g.sector - 2 * self.g.ate
        while place >= 0:
            at = sector * self.g.sector + place
            if self.data[at:at + 8] == bytes([self.g.erased]) * 8:
                return
            entry = self.entry(sector, place)
            if entry:
                yield entry
            place -= self.g.ate

    def values(self):
        open_ones = [s for s in range(self.n) if not self.closed(s) and any(self.entries(s))]
        assert len(open_ones) == 1, f"sectors being filled: {open_ones}"
        order = [(open_ones[0] + 1 + i) % self.n for i in range(self.n)]
        found = {}
        for sector in order:
            for ident, off, length in self.entries(sector):
                if ident == 0xffff:
                    continue
                found.pop(ident, None)
                if length:
                    at = sector * self.g.sector + off
                    found[ident] = self.value(self.data[at:at + length])
        return found

    def value(self, raw):
        if not self.g.crc:
            return raw
        assert struct.unpack("<I", raw[-4:])[0] == binascii.crc32(raw[:-4]), "a value's CRC"
        return raw[:-4]


def settings(values):
    last = struct.unpack("<H", values.get(0x8000, b"\x00\x80"))[0]
    return {values[i]: values[i + 0x4000] for i in range(0x8001, last + 1)
            if i in values and i + 0x4000 in values}


class Writer:
    """Fills sector after sector; what is moved on is all that counts, into the next sector."""

    def __init__(self, geometry, count):
        self.g, self.count = geometry, count
        self.data = bytearray([geometry.erased]) * (geometry.sector * count)
        self.at, self.where = 0, {}
        self.begin()

    def begin(self):
        self.data_off, self.place = 0, self.g.sector - 2 * self.g.ate

    def put_entry(self, place, ident, off, length):
        raw = struct.pack("<HHHB", ident, off, length, 0xff)
        at = self.at * self.g.sector + place
        self.data[at:at + 8] = raw + bytes([crc8(raw)])

    def append(self, ident, raw, align=True):
        at = self.at * self.g.sector + self.data_off
        self.data[at:at + len(raw)] = raw
        self.put_entry(self.place, ident, self.data_off, len(raw))
        self.place -= self.g.ate
        self.data_off += up(len(raw), self.g.word) if align else len(raw)
        self.where[ident] = (self.at, raw)

    def done(self):
        self.put_entry(self.place, 0xffff, self.data_off, 0)
        self.place -= self.g.ate

    def turn(self, packed):
        self.put_entry(self.g.sector - self.g.ate, 0xffff, self.place + self.g.ate, 0)
        self.at = (self.at + 1) % self.count
        oldest = (self.at + 1) % self.count
        self.begin()
        for ident, (sector, raw) in list(self.where.items()):
            if sector == oldest and raw:
                self.append(ident, raw, not packed)
            elif sector == oldest:
                del self.where[ident]
        self.data_off = up(self.data_off, self.g.word)
        self.done()
        at = oldest * self.g.sector
        self.data[at:at + self.g.sector] = bytes([self.g.erased]) * self.g.sector

    def write(self, ident, value, packed):
        raw = value + struct.pack("<I", binascii.crc32(value)) if self.g.crc and value else value
        if self.place - self.data_off < up(len(raw), self.g.word) + self.g.ate:
            self.turn(packed)
        assert self.place - self.data_off >= up(len(raw), self.g.word) + self.g.ate
        self.append(ident, raw)


def make(args, geometry):
    rng = random.Random(args.make)
    writer, values = Writer(geometry, args.count), {}
    writer.done()
    for _ in range(rng.randrange(5, 200)):
        ident = rng.randrange(4)
        value = rng.randbytes(rng.choice([0, 1, 3, 4, 7, 12]))
        writer.write(ident, value, args.packed)
        values.pop(ident, None)
        if value:
            values[ident] = value
    with open(args.file, "wb") as out:
        out.write(writer.data)
    return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--sector", type=int, required=True)
    parser.add_argument("--word", type=int, default=4)
    parser.add_argument("--erased", default="ff")
    parser.add_argument("--crc", action="store_true")
    parser.add_argument("--settings", action="store_true")
    parser.add_argument("--make", type=int)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--packed", action="store_true", help="moved values share words")
    args = parser.parse_args()
    geometry = Geometry(args)
    if args.make is not None:
        values = make(args, geometry)
    else:
        with open(args.file, "rb") as file:
            values = Reader(geometry, file.read()).values()
    if args.settings:
        for name, value in sorted(settings(values).items()):
            print(name.decode(), value.hex())
        return
    for ident, value in sorted(values.items()):
        print(ident, value.hex())


if __name__ == "__main__":
    main()
