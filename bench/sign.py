"""Signing 1 MiB with each key type: tandem sign beside imgtool sign."""

import os
import pathlib
import subprocess
import sys
import tempfile

from pairs import compare, row

TANDEM = os.environ.get("TANDEM", "build/gcc/tandem")
IMGTOOL = str(pathlib.Path(sys.executable).parent / "imgtool")


def main():
    print("Signing 1 MiB, whole process; median (min … max) of 7 pairs after a warm-up")
    print()
    print("| key | tandem | imgtool | imgtool/tandem |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw.bin")
        with open(raw, "wb") as f:
            f.write(os.urandom(1 << 20))
        for kind in ("ecdsa-p256", "ed25519", "rsa-2048", "rsa-3072"):
            key = os.path.join(folder, kind + ".pem")
            subprocess.run([TANDEM, "keygen", "-k", key, "-t", kind], check=True)
            arguments = ["sign", "-k", key, "-v", "1.2.3", "-H", "0x200", "--pad-header",
                         "-S", "0x180000", "--align", "4", raw, os.path.join(folder, "out.bin")]
            print(row(kind, compare([TANDEM, *arguments], [IMGTOOL, *arguments])), flush=True)


if __name__ == "__main__":
    main()
