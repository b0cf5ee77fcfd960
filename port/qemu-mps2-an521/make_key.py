"""Writes a public key, as the bootloader embeds it, into a C file: make_key.py PEM OUT.

openssl does the reading; the DER is SubjectPublicKeyInfo, as MCUboot has it for P-256.
"""

import hashlib
import subprocess
import sys


def c_bytes(data):
    return ", ".join(f"0x{b:02x}" for b in data)


def main(pem, out):
    der = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"],
                         check=True, capture_output=True).stdout
    fingerprint = hashlib.sha256(der).digest()
    with open(out, "w") as f:
        f.write('#include "config.h"\n\n'
                f"static const uint8_t der[] = {{ {c_bytes(der)} }};\n\n"
                "const struct td_image_key config_keys[1] = { { der, sizeof der } };\n\n"
                "const uint8_t config_key_fingerprints[1][32] = {\n"
                f"    {{ {c_bytes(fingerprint)} }},\n}};\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
