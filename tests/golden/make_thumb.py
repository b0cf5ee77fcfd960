#!/usr/bin/env python3
"""make_thumb.py OUT - 6 KB that look like a Thumb program: a few functions' worth of repeated
instructions, and calls (BL) from everywhere to the same places, which the branch filter turns into
equal bytes."""

import pathlib
import struct
import sys

body, state = bytearray(), 1
targets = [0x40, 0x2f0, 0x9a4, 0x1402]
while len(body) < 6001:
    state = state * 1103515245 + 12345 & 0x7fffffff
    if state >> 16 & 3 == 0:
        off = targets[state >> 20 & 3] - (len(body) + 4) >> 1
        body += struct.pack("<HH", 0xf000 | off >> 11 & 0x7ff, 0xf800 | off & 0x7ff)
    else:
        body += struct.pack("<H", (0x4601, 0x2000, 0xb510, 0xbd10, 0x6800)[(state >> 18) % 5] |
                            state >> 24 & 7)
pathlib.Path(sys.argv[1]).write_bytes(body[:6001])
