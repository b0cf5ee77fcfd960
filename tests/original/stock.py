"""The real MCUboot (swap-offset, as the microbit fixture has it) over a flash of our making.

QEMU's microbit runs the fixture's bootloader from address 0; both slots are given as bytes and
read back once it has decided: it jumps, finds nothing to boot, or stops on an assertion.
"""

import json
import os
import pathlib
import select
import socket
import subprocess
import tempfile
import time

FLASH = 0x40000
PRIMARY = 0x8000
SLOT = 104 * 1024
AREA = slice(PRIMARY, PRIMARY + 2 * SLOT)

ENDS = (b"Jumping to the first image slot", b"Unable to find bootable image", b"ASSERTION FAIL",
        b"ZEPHYR FATAL", b"panic!", b"abort()")


def read_hex(path):
    """The flash that an Intel HEX file describes; 0xFF where it says nothing."""
    flash, base = bytearray(b"\xff" * FLASH), 0
    for line in pathlib.Path(path).read_text().split():
        raw = bytes.fromhex(line[1:])
        count, at, kind, data = raw[0], raw[1] << 8 | raw[2], raw[3], raw[4:-1]
        if kind == 4:
            base = (data[0] << 8 | data[1]) << 16
        elif kind == 2:
            base = (data[0] << 8 | data[1]) << 4
        elif kind == 0:
            flash[base + at : base + at + count] = data
    return flash


class Stock:
    """One bootloader; each boot is a process of its own."""

    def __init__(self, merged, folder=None):
        self.flash = read_hex(merged)
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="stock"))

    def boot(self, slots, limit_s=60):
        """Both slots after one boot, and the console's lines."""
        flash = bytearray(self.flash)
        flash[AREA] = slots
        image, qmp = self.folder / "flash.bin", self.folder / "qmp"
        image.write_bytes(flash)
        qmp.unlink(missing_ok=True)
        qemu = subprocess.Popen(
            ["qemu-system-arm", "-M", "microbit", "-kernel", image, "-display", "none",
             "-monitor", "none", "-serial", "stdio", "-qmp", f"unix:{qmp},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            console = self._console(qemu, time.monotonic() + limit_s)
            return self._dump(qmp), console.decode("ascii", "replace").splitlines()
        finally:
            qemu.kill()
            qemu.wait()
            qemu.stdout.close()

    @staticmethod
    def _console(qemu, end):
        console = b""
        while not any(word in console for word in ENDS):
            left = end - time.monotonic()
            assert left > 0 and select.select([qemu.stdout], [], [], left)[0], \
                "the bootloader came to no end:\n" + console.decode("ascii", "replace")
            more = os.read(qemu.stdout.fileno(), 4096)
            assert more, "QEMU ended:\n" + console.decode("ascii", "replace")
            console += more
        return console

    def _dump(self, qmp):
        out = self.folder / "dump.bin"
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(qmp))
            lines = link.makefile("rw")
            lines.readline()
            for name, arguments in (("qmp_capabilities", {}), ("stop", {}),
                                    ("memsave", {"val": PRIMARY, "size": 2 * SLOT,
                                                 "filename": str(out)})):
                lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while "event" in answer:
                    answer = json.loads(lines.readline())
                assert "return" in answer, answer
        return out.read_bytes()
