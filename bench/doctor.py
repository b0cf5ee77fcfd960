"""Reading 100 MB of console: tandem doctor beside grep looking for one string.

Nobody else does the same work, so the peer is the least that a person would do by hand.
"""

import os
import subprocess
import tempfile

from pairs import compare

TANDEM = os.environ.get("TANDEM", "build/gcc/tandem")
SIZE = 100_000_000

BOOT = """\
*** Booting MCUboot v2.1.0 ***
I: Starting bootloader
I: Image index: 0, Swap type: none
I: Bootloader chainload address offset: 0xc000
I: Image version: v1.2.3
I: Jumping to the first image slot
"""


def write(path):
    """A device that boots now and then and says much in between."""
    n = 0
    with open(path, "w") as log:
        while log.tell() < SIZE:
            log.write(BOOT)
            log.write("".join(
                f"[{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}.{n % 1000:03},000] <inf> sensor: value {n + i} of channel {i % 7}\n"
                for i in range(20000)))
            n += 20000


def main():
    print("Reading 100 MB of a console's log; median (min … max) of 3 pairs after a warm-up")
    print()
    print("| tandem doctor | grep -c -i, one string | most memory of doctor |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "console.log")
        write(path)
        peer = ["sh", "-c", 'LC_ALL=C grep -c -i "not enough free space" "$0" || true', path]
        result = compare([TANDEM, "doctor", path], peer, runs=3)
        done = subprocess.run(["/usr/bin/env", "python3", "-c", (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"),
            TANDEM, "doctor", path], check=True, capture_output=True, text=True)
        times = ("{:.2f} s ({:.2f} … {:.2f})".format(*result[side]) for side in ("ours", "theirs"))
        print("|", " | ".join(times), "|", done.stdout.strip(), "MiB |", flush=True)


if __name__ == "__main__":
    main()
