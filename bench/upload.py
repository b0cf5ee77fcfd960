"""Uploading 256 KiB over the same UDP link to the same virtual device: tandem beside smpmgr."""

import os
import pathlib
import subprocess
import sys
import tempfile

from pairs import compare, row

TANDEM = os.environ.get("TANDEM", "build/gcc/tandem")
SMPMGR = str(pathlib.Path(sys.executable).parent / "smpmgr")
HERE = pathlib.Path(__file__).resolve().parent
ADDRESS = "127.0.0.31"  # smpmgr knows only port 1337
SLOT = "0x70000"


def app(folder, name, version, size):
    raw, signed = os.path.join(folder, name + ".raw"), os.path.join(folder, name + ".bin")
    subprocess.run([TANDEM, "sim-app", raw, "--name", name, "--size", str(size)], check=True)
    subprocess.run([TANDEM, "sign", "-v", version, "-H", "0x200", "--pad-header", "-S", SLOT,
                    "--align", "4", "-k", HERE.parent / "profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem", raw,
                    signed], check=True)
    return signed


def main():
    with tempfile.TemporaryDirectory() as folder:
        old = app(folder, "old", "1.0.0", 4096)
        new = app(folder, "new", "2.0.0", 256 * 1024)
        device = subprocess.Popen(
            [TANDEM, "sim", HERE / "nrf52840.yml", "--state", os.path.join(folder, "device"),
             "--udp", f"{ADDRESS}:1337", "--program", f"slot0={old}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            for line in device.stdout:
                if line.startswith("ready:"):
                    break
            url = f"udp:{ADDRESS}:1337"

            def erase():
                subprocess.run([TANDEM, "-d", url, "image", "erase", "slot1"], check=True,
                               stdout=subprocess.DEVNULL)

            print("Uploading 256 KiB over UDP to the same virtual device, slot erased before each;")
            print("whole process, median (min … max) of 7 pairs after a warm-up")
            print()
            print("| | tandem | smpmgr | smpmgr/tandem |")
            print("|---|---|---|---|")
            print(row("image upload",
                      compare([TANDEM, "-d", url, "--quiet", "image", "upload", new],
                              [SMPMGR, "--ip", ADDRESS, "image", "upload", new], between=erase)))
            # An interpreter takes its time to start; this row says how much of the above that is.
            print(row("start-up alone (`--version`)",
                      compare([TANDEM, "--version"], [SMPMGR, "--version"])))
        finally:
            device.terminate()
            device.wait()


if __name__ == "__main__":
    main()
