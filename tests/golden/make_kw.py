#!/usr/bin/env python3
"""make_kw.py KEK PAYLOAD OUT - an image whose key is wrapped with AES (RFC 3394).

imgtool makes it with another kind of wrapping and leaves the payload in the clear; what is left to
do here is the wrapping and the encryption, with the package `cryptography`.
"""

import os
import pathlib
import struct
import subprocess
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

ENC_KW, ENC_X25519 = 0x31, 0x33

kek = pathlib.Path(sys.argv[1]).read_bytes()
subprocess.run(["imgtool", "sign", "-H", "32", "-S", "0x10000", "--pad-header", "-v", "1.0.0",
                "-k", "keys/ed25519.pem", "-E", "keys/x25519.pub.pem", "--clear",
                "--encrypt-keylen", str(len(kek) * 8), sys.argv[2], sys.argv[3]],
               check=True, stdout=subprocess.DEVNULL)
image = bytearray(pathlib.Path(sys.argv[3]).read_bytes())

hdr_size, prot_size, img_size = struct.unpack_from("<HHI", image, 8)
area = hdr_size + img_size + prot_size
entries, at = b"", area + 4
key = os.urandom(len(kek))
while at < len(image):
    kind, size = struct.unpack_from("<HH", image, at)
    value = bytes(image[at + 4:at + 4 + size])
    if kind == ENC_X25519:
        kind, value = ENC_KW, aes_key_wrap(kek, key)
    entries += struct.pack("<HH", kind, len(value)) + value
    at += 4 + size
cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
payload = cipher.update(bytes(image[hdr_size:hdr_size + img_size])) + cipher.finalize()
pathlib.Path(sys.argv[3]).write_bytes(
    bytes(image[:hdr_size]) + payload + bytes(image[hdr_size + img_size:area]) +
    struct.pack("<HH", 0x6907, 4 + len(entries)) + entries)
