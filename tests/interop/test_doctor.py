"""The doctor on logs of real programs: each captured here, now, from real MCUboot and Zephyr.

The board is QEMU's microbit with MCUboot (swap by offset, hash only) and Zephyr's SMP server.
Its boot console and SMP share one UART: the console file holds both, as a terminal program
would have caught it, and `tandem --log` holds the packets and what was printed in between.
"""

import contextlib
import os
import socket
import struct
import threading
import time
import tty

import pytest

from conftest import free_port, json_lines, qemu, run, tandem, zephyr_file

pytestmark = pytest.mark.timeout(300)

SLOT = 106496  # bytes; pages of 1024
PARTITIONS = f"""\
mcuboot: {{address: 0x0, size: 0x8000}}
mcuboot_primary: {{address: 0x8000, size: {SLOT:#x}}}
mcuboot_secondary: {{address: {0x8000 + SLOT:#x}, size: {SLOT:#x}}}
"""


class Board:
    def __init__(self, url, console, folder):
        self.url, self.console, self.folder, self.logs = url, console, folder, []

    def tandem(self, *args, ok=0):
        log = self.folder / f"conversation-{len(self.logs)}.log"
        self.logs.append(log)
        return tandem("-d", self.url, "--log", log, *args, ok=ok, timeout=200)

    def wait_for_boots(self, n):
        """Until the application has started n times, and is quiet again."""
        end = time.monotonic() + 60
        while self.console.read_text(errors="replace").count("smp_sample: build time") < n:
            assert time.monotonic() < end, self.console.read_text(errors="replace")[-2000:]
            time.sleep(0.1)
        time.sleep(0.5)


@pytest.fixture
def board(zephyr, tmp_path):
    merged = zephyr_file(zephyr, "*qemu_cortex_m0_serial.merged.hex")
    port = free_port()
    with qemu("microbit", "cortex-m0", [f"file={merged}"], port, tmp_path / "console.txt",
              "smp_sample: build time"):
        yield Board(f"tcp:127.0.0.1:{port}", tmp_path / "console.txt", tmp_path)


@pytest.fixture
def payload(zephyr):
    """The bytes between header and records of the image that the board was made with."""
    data = zephyr_file(zephyr, "*qemu_cortex_m0_serial.signed.bin").read_bytes()
    magic, _, hdr, _, size = struct.unpack_from("<IIHHI", data)
    assert magic == 0x96F3B83D
    return data[hdr : hdr + size]


def sign(tool, out, payload, version, slot=SLOT):
    raw = out.with_suffix(".raw")
    raw.write_bytes(payload)
    run(tool("imgtool"), "sign", "--version", version, "--header-size", "0x200", "--pad-header",
        "--slot-size", slot, "--align", "4", raw, out)
    return out


def findings(*files):
    """What the doctor finds, the likeliest first, as (id, kind); its exit code must agree."""
    done = tandem("doctor", "--json", *files, ok=None)
    found = [o["finding"] for o in json_lines(done.stdout) if "finding" in o]
    wrong = [f for f in found if f["kind"] != "harmless"]
    assert done.returncode == (1 if any(f["kind"] in ("cause", "trap") for f in wrong) else 0)
    return [(f["id"], f["kind"]) for f in found]


def above_harmless(found):
    return [f for f in found if f[1] != "harmless"]


def dresses(board):
    """The same happening as a person may have caught it."""
    return {
        "console": [board.console],
        "logs": board.logs,
        "both": [board.console, *board.logs],
    }


def test_a_good_swap_has_no_finding_above_harmless(board, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    board.tandem("update", new)
    for name, files in dresses(board).items():
        assert above_harmless(findings(*files)) == [], name
        with_file = above_harmless(findings(*files, new))
        assert with_file == [("F05", "trap")], name  # true: nobody signed it


def test_a_trial_that_nobody_confirmed_is_found_to_be_reverted(board, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    board.tandem("update", "--mode", "test", new)
    board.tandem("os", "reset")
    board.wait_for_boots(3)
    board.tandem("image", "list")
    for name, files in dresses(board).items():
        assert findings(*files)[0] == ("D33", "cause"), name


def test_a_revert_is_found_by_the_console_alone(board, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    board.tandem("update", "--mode", "test", new)
    board.tandem("os", "reset")
    board.wait_for_boots(3)
    lines = board.console.read_text(errors="replace").splitlines()
    only = tmp_path / "bootloader.txt"
    only.write_text("\n".join(line for line in lines if line[:2] in ("I:", "W:", "E:", "**")))
    assert findings(only)[0] == ("M67", "cause")


def test_an_image_too_large_to_be_swapped_is_found(board, payload, tool, tmp_path):
    """It fits the slot, so the signer (told a larger slot) and the server take it; the swap
    needs a page more than is left."""
    big = payload + bytes((i * 7) % 251 for i in range(SLOT - 1796 - len(payload)))
    new = sign(tool, tmp_path / "new.bin", big, "2.0.0", slot=2 * SLOT)
    assert new.stat().st_size < SLOT
    board.tandem("image", "upload", new)
    board.tandem("image", "test", new)
    board.tandem("os", "reset")
    board.wait_for_boots(2)
    board.tandem("image", "list")
    layout = tmp_path / "partitions.yml"
    layout.write_text(PARTITIONS)
    found = findings(board.console, *board.logs)
    assert found[0] == ("D10", "cause")  # refused and erased; the size is one of its reasons
    found = findings(board.console, *board.logs, layout)
    assert found[0] == ("M24", "cause")
    assert findings(board.console, new, layout)[0] == ("M24", "cause")


def test_a_payload_damaged_after_signing_is_found_to_be_refused(board, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    data = bytearray(new.read_bytes())
    data[0x5000] ^= 1
    new.write_bytes(data)
    board.tandem("update", "--mode", "test", "--force", "header", new, ok=1)
    board.wait_for_boots(2)
    for name, files in dresses(board).items():
        assert findings(*files)[0] == ("D10", "cause"), name
        assert findings(*files, new)[0] == ("I01", "cause"), name


def test_a_device_without_the_storage_group_is_called_healthy(board):
    board.tandem("storage", "erase", ok=None)
    for name, files in dresses(board).items():
        found = findings(*files)
        assert ("D03", "harmless") in found, name
        assert above_harmless(found) == [], name


@pytest.fixture
def smpmgr(board, tool, tmp_path):
    """smpmgr on a pty that leads to the board; what it prints is kept as a person would paste it."""
    master, slave = os.openpty()
    tty.setraw(slave)
    host, port = board.url.split(":")[1:]
    wire = socket.create_connection((host, int(port)))
    log = tmp_path / "smpmgr.txt"

    def carry(read, write):
        with contextlib.suppress(OSError):
            while data := read(4096):
                write(data)

    for pair in ((wire.recv, lambda data: os.write(master, data)),
                 (lambda n: os.read(master, n), wire.sendall)):
        threading.Thread(target=carry, args=pair, daemon=True).start()

    def call(*args, line_buffers=2, ok=0):
        done = run(tool("smpmgr"), "--port", os.ttyname(slave), "--line-length", 128,
                   "--line-buffers", line_buffers, "--timeout", 5, "--loglevel", "DEBUG", *args,
                   ok=ok, timeout=200)
        with log.open("a") as out:
            out.write(done.stdout + done.stderr)

    call.log = log
    yield call
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()
    os.close(slave)
    os.close(master)


def test_smpmgrs_log_of_a_trial_that_nobody_confirmed(board, smpmgr, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    smpmgr("image", "state-read")
    smpmgr("upgrade", "--slot", "1", new)
    board.wait_for_boots(2)
    smpmgr("image", "state-read")
    smpmgr("os", "reset")
    board.wait_for_boots(3)
    smpmgr("image", "state-read")
    assert findings(smpmgr.log)[0] == ("D33", "cause")
    assert findings(smpmgr.log, board.console)[0] == ("D33", "cause")
    assert findings(board.console, smpmgr.log)[0] == ("D33", "cause")


def test_smpmgrs_log_of_a_packet_too_small_for_a_header(smpmgr, payload, tool, tmp_path):
    new = sign(tool, tmp_path / "new.bin", payload, "1.2.3")
    smpmgr("upgrade", "--slot", "1", new, line_buffers=1, ok=1)
    assert findings(smpmgr.log)[0] == ("D17", "cause")
