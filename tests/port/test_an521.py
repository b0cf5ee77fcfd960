"""The boot core and the server as firmware, on QEMU's mps2-an521: Debian's packages alone.

    TANDEM=build/gcc/tandem FIRMWARE=build/cortex-m33+nodsp/port/qemu-mps2-an521 python3 tests/port/test_an521.py

The board's flash is a file (port/qemu-mps2-an521/board.h); QEMU is killed, cut and started
again over it, as a board is.
"""

import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build/gcc/tandem"))
FIRMWARE = pathlib.Path(
    os.environ.get("FIRMWARE", ROOT / "build/cortex-m33+nodsp/port/qemu-mps2-an521"))
KEY = ROOT / "profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem"
MEMORY, FLASH, SLOT, COUNTDOWN = 16 << 20, 0x84000, 0x40000, 0x84000


def run(*args, ok=0):
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == ok, f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


class Board:
    """One board: a flash file, and QEMU while the power is on."""

    def __init__(self, folder):
        self.file = folder / "flash.bin"
        with open(self.file, "wb") as f:
            f.truncate(MEMORY)
            f.write(b"\xff" * FLASH)
        self.console = b""
        self.qemu = None

    def program(self, image, off=0):
        with open(self.file, "r+b") as f:
            f.seek(off)
            f.write(pathlib.Path(image).read_bytes())

    def countdown(self, operations):
        """The power goes in the middle of that write or erase, counted from 1."""
        with open(self.file, "r+b") as f:
            f.seek(COUNTDOWN)
            f.write(struct.pack("<I", operations))

    def on(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.qemu = subprocess.Popen(
            ["qemu-system-arm", "-M", "mps2-an521,memory-backend=flash", "-object",
             f"memory-backend-file,id=flash,mem-path={self.file},size={MEMORY},share=on",
             "-kernel", str(FIRMWARE / "an521_boot.elf"), "-display", "none", "-monitor", "none",
             "-chardev",
             f"socket,id=uart,host=127.0.0.1,port={self.port},server=on,wait=off,"
             f"logfile={self.file}.log",
             "-serial", "chardev:uart", "-semihosting-config", "enable=on,target=native"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.qemu.poll() is None or time.monotonic() < end, "QEMU did not start"
                if self.qemu.poll() is not None:
                    return  # a cut came at once
                time.sleep(0.02)

    def off(self):
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
            self.qemu = None

    def log(self):
        return pathlib.Path(f"{self.file}.log").read_text(errors="replace")

    def tandem(self, *args, ok=0):
        return run(TANDEM, "-d", f"tcp:127.0.0.1:{self.port}", "--json", *args, ok=ok).stdout

    def images(self):
        return json.loads(self.tandem("image", "list").splitlines()[0])["images"]


class An521(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.board = Board(self.path)
        self.addCleanup(self.board.off)
        self.v1 = self.sign("1.0.0", KEY)
        self.v2 = self.sign("2.0.0", KEY)
        self.board.program(self.v1)

    def sign(self, version, key):
        raw, out = self.path / f"{version}.raw", self.path / f"{version}-{key.stem}.bin"
        run("arm-none-eabi-objcopy", "-O", "binary", FIRMWARE / f"an521_app_{version}.elf", raw)
        run(TANDEM, "sign", "-k", key, "-v", version, "-H", "0x400", "--pad-header", "-S",
            hex(SLOT), "--align", "4", "--max-sectors", "64", raw, out)
        return out

    def test_one_command_updates_the_firmware_over_its_uart(self):
        self.board.on()
        self.assertEqual(self.board.images()[0]["version"], "1.0.0")
        last = json.loads(self.board.tandem("update", self.v2).splitlines()[-1])
        self.assertEqual(last["result"], "updated", last)
        running = [i for i in self.board.images() if i["active"]][0]
        self.assertEqual((running["version"], running["confirmed"]), ("2.0.0", True))
        self.assertIn("app: version 2.0.0", self.board.log())

    def test_an_image_with_a_foreign_key_is_refused_by_client_and_by_bootloader(self):
        foreign = self.path / "foreign.pem"
        run(TANDEM, "keygen", "-k", foreign, "-t", "ecdsa-p256")
        image = self.sign("2.0.0", foreign)
        self.board.on()
        first = json.loads(self.board.tandem("update", image, ok=1).splitlines()[-1])
        self.assertEqual(first["result"], "refused", first)
        second = json.loads(
            self.board.tandem("update", "--force=key", image, ok=1).splitlines()[-1])
        self.assertEqual((second["result"], second["verdict"]), ("refused", "unknown-key"), second)
        self.assertEqual(self.board.images()[0]["version"], "1.0.0")

    def test_a_power_cut_in_the_swap_is_finished_at_the_next_start(self):
        for at in (1, 4, 9, 20, 33):
            with self.subTest(at=at):
                self.board.off()
                Board.__init__(self.board, self.path)
                self.board.program(self.v1)
                self.board.on()
                self.board.tandem("image", "upload", self.v2)
                self.board.tandem("image", "test", self.v2)
                self.board.off()
                self.board.countdown(at)
                self.board.on()
                self.assertEqual(self.board.qemu.wait(20), 0, "the cut did not come")
                self.board.on()
                running = [i for i in self.board.images() if i["active"]][0]
                self.assertEqual(running["version"], "2.0.0")

    def test_a_blank_board_waits_in_recovery_and_is_brought_to_life_over_its_uart(self):
        Board.__init__(self.board, self.path)
        foreign = self.path / "foreign.pem"
        run(TANDEM, "keygen", "-k", foreign, "-t", "ecdsa-p256")
        self.board.on()
        self.assertEqual(self.board.images(), [])
        refused = run(TANDEM, "-d", f"tcp:127.0.0.1:{self.board.port}", "image", "upload",
                      self.sign("2.0.0", foreign), ok=1)
        self.assertIn("unknown-key", refused.stderr)
        self.board.tandem("image", "upload", self.v1)
        self.board.tandem("os", "reset")
        running = self.board.images()[0]
        self.assertEqual((running["version"], running["active"]), ("1.0.0", True))
        self.assertIn("Enter the serial recovery mode", self.board.log())


if __name__ == "__main__":
    unittest.main()
