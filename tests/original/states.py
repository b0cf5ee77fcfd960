"""Flash states of a device with swap-offset: what may lie in two slots when the power comes on.

Each state is drawn from one random number generator, whose seed is printed: an image or what is
left of one in each slot, at the place where it belongs or at the other one, and a trailer whose
cells are unset, set, torn, or nonsense. A state is the bytes of both slots and its story.
"""

import hashlib
import struct

SECTOR = 1024
SECTORS = 104
SLOT = SECTORS * SECTOR
MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
ROOM = (SECTORS - 2) * SECTOR  # the largest image: one sector for the trailer, one for the swap

# Cells of the trailer, from the end of the slot; words of 4 in cells of 8.
IMAGE_OK, COPY_DONE, SWAP_INFO, TLV_SIZES, SWAP_SIZE = 24, 32, 40, 48, 56


def image(version, size, seed, flags=0):
    """An image of size bytes in all; its code is a loop that goes nowhere."""
    payload = size - 0x200 - 40
    loop = struct.pack("<II", 0x20004000, 0x8000 + 0x200 + 9) + b"\xfe\xe7"
    noise = hashlib.shake_128(b"%d" % seed).digest(payload - len(loop))
    header = struct.pack("<IIHHIIBBHI4x", 0x96F3B83D, 0, 0x200, 0, payload, flags, *version, 0)
    signed = header.ljust(0x200, b"\xff") + loop + noise
    return signed + struct.pack("<HHHH", 0x6907, 40, 0x10, 32) + hashlib.sha256(signed).digest()


class State:
    def __init__(self, story, slots):
        self.story = story
        self.slots = bytes(slots)
        self.mended = False  # its primary's notes were torn, and are read as whole
        self.hidden = b""  # the first bytes of the secondary, where the original is not shown them

    @property
    def primary(self):
        return Slot(self.slots[:SLOT], 0)

    @property
    def secondary(self):
        return Slot(self.slots[SLOT:], SECTOR)


class Slot:
    """One slot as a reader sees it; off: where its image begins."""

    def __init__(self, raw, off):
        self.raw = raw
        self.off = off

    def cell(self, at):
        value = self.raw[SLOT - at]
        return {0xFF: "unset", 1: "set"}.get(value, "bad")

    @property
    def magic(self):
        raw = self.raw[-16:]
        return "good" if raw == MAGIC else "unset" if raw == b"\xff" * 16 else "bad"

    @property
    def image_ok(self):
        return self.cell(IMAGE_OK)

    @property
    def copy_done(self):
        return self.cell(COPY_DONE)

    @property
    def swap_type(self):
        return {2: "test", 3: "perm", 4: "revert"}.get(self.raw[SLOT - SWAP_INFO] & 15, "none")

    @property
    def swap_size(self):
        return struct.unpack_from("<I", self.raw, SLOT - SWAP_SIZE)[0]

    @property
    def underway(self):
        return self.magic == "good" and self.copy_done == "unset"

    def header(self, off=None):
        at = self.off if off is None else off
        fields = struct.unpack_from("<IIHHIIBBHI", self.raw, at)
        return fields if fields[0] == 0x96F3B83D else None

    def sound(self, off=None):
        """Size of the image that is there and whose hash fits; None: there is no such."""
        at = self.off if off is None else off
        header = self.header(at)
        if header is None:
            return None
        _, _, head, prot, size = header[:5]
        end = head + size
        if prot != 0 or end + 40 > SLOT - at:
            return None
        raw = self.raw[at : at + end + 40]
        if raw[end : end + 8] != struct.pack("<HHHH", 0x6907, 40, 0x10, 32):
            return None
        return end + 40 if hashlib.sha256(raw[:end]).digest() == raw[end + 8 :] else None


class Maker:
    def __init__(self, rng):
        self.rng = rng
        self.seed = 0

    def pick(self, **weights):
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def size(self):
        kind = self.pick(small=60, medium=20, edge=20)
        if kind == "small":
            return self.rng.randrange(0x240, 6 * SECTOR)
        if kind == "medium":
            return self.rng.randrange(6 * SECTOR, 30 * SECTOR)
        return self.rng.choice([3 * SECTOR - 1, 3 * SECTOR, 3 * SECTOR + 1, ROOM - 1, ROOM, ROOM + 1,
                                ROOM + SECTOR, ROOM + SECTOR - 40])

    def content(self, slot, off, version):
        """Puts something at off of the slot, and says what."""
        kind = self.pick(image=70, blank=8, damaged=8, cut_off=4, sizes=4, non_bootable=3, noise=3)
        if kind == "blank":
            return "blank"
        if kind == "noise":
            slot[off : off + 2000] = self.rng.randbytes(2000)
            return "noise"
        self.seed += 1
        size = min(self.size(), SLOT - off)
        raw = bytearray(image(version, size, self.seed, 0x10 if kind == "non_bootable" else 0))
        if kind == "damaged":
            raw[self.rng.randrange(0x20, size - 40)] ^= 1 << self.rng.randrange(8)
        if kind == "cut_off":
            raw[self.rng.randrange(0x200, size) :] = b""
        if kind == "sizes":
            at = self.rng.choice([0x08, 0x0A, 0x0C, 0x0E, size - 40, size - 38, size - 36, size - 34])
            raw[at] ^= 1 << self.rng.randrange(8)
        slot[off : off + len(raw)] = raw
        return f"{kind} {version[0]}.{version[1]}.{version[2]} of {size}"

    def torn(self, want):
        """A word that was to be programmed, and was not wholly."""
        return bytes(b | self.rng.randrange(256) for b in want)

    def flag(self, slot, at, unset, done, torn):
        kind = self.pick(unset=unset, set=done, torn=torn)
        if kind == "set":
            slot[SLOT - at] = 1
        elif kind == "torn":
            slot[SLOT - at] = self.rng.choice([0x00, 0x03, 0x7F, 0x81])
        return kind

    def magic(self, slot, unset, good, torn):
        kind = self.pick(unset=unset, good=good, torn=torn)
        if kind == "good":
            slot[-16:] = MAGIC
        elif kind == "torn":
            slot[-16:] = self.torn(MAGIC)
        return kind

    def info(self, slot):
        kind = self.pick(unset=30, test=30, perm=15, revert=10, odd=5, other=5)
        value = {"test": 2, "perm": 3, "revert": 4, "odd": self.rng.choice([1, 5, 0x0F, 0]),
                 "other": 0x12}.get(kind)
        if value is not None:
            slot[SLOT - SWAP_INFO] = value
        return kind

    def sizes(self, slot, real):
        if self.pick(stored=60, unset=40) == "unset":
            return "unset"
        value = self.rng.choice([real, real, real, 1, SLOT, 0x7FFFFFFF])
        slot[SLOT - SWAP_SIZE : SLOT - SWAP_SIZE + 4] = struct.pack("<I", value)
        slot[SLOT - TLV_SIZES : SLOT - TLV_SIZES + 4] = struct.pack("<HH", 40, 40)
        return str(value)

    def state(self):
        p, x = bytearray(b"\xff" * SLOT), bytearray(b"\xff" * SLOT)
        versions = [(1, 0, self.rng.randrange(3)), (self.rng.randrange(3), self.rng.randrange(2), 1)]
        story = ["P: " + self.content(p, 0, versions[0])]
        place = self.pick(second=80, first=12, both=8)  # the sector at which X's image begins
        if place != "first":
            story.append("X: " + self.content(x, SECTOR, versions[1]))
        if place != "second":
            keep = bytes(x[SECTOR:])
            story.append("X at sector 0: " + self.content(x, 0, versions[1]))
            if place == "both":
                x[SECTOR:] = keep
        # A trailer below which an image lies is not one that any bootloader wrote.
        p_kind = self.pick(never=35, tried=20, done=20, any=25)
        if p_kind == "tried" or p_kind == "done":
            p[-16:] = MAGIC
            p[SLOT - COPY_DONE] = 1
            p[SLOT - SWAP_INFO] = 2
            if p_kind == "done":
                p[SLOT - IMAGE_OK] = 1
            story.append("P " + p_kind)
        elif p_kind == "any":
            story.append("P magic " + self.magic(p, 15, 60, 25))
            story.append("image_ok " + self.flag(p, IMAGE_OK, 45, 35, 20))
            story.append("copy_done " + self.flag(p, COPY_DONE, 15, 60, 25))
            story.append("info " + self.info(p))
            story.append("swap_size " + self.sizes(p, 5 * SECTOR))
        x_kind = self.pick(none=25, test=30, perm=20, any=25)
        if x_kind == "test" or x_kind == "perm":
            x[-16:] = MAGIC
            x[SLOT - SWAP_INFO] = 2 if x_kind == "test" else 3
            if x_kind == "perm":
                x[SLOT - IMAGE_OK] = 1
            story.append("X " + x_kind)
        elif x_kind == "any":
            story.append("X magic " + self.magic(x, 10, 65, 25))
            story.append("image_ok " + self.flag(x, IMAGE_OK, 50, 30, 20))
            story.append("copy_done " + self.flag(x, COPY_DONE, 80, 10, 10))
            story.append("info " + self.info(x))
        return State(", ".join(story), p + x)
