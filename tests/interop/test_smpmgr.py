"""smpmgr over every group that it knows, against the virtual device that has them all."""

import hashlib
import pathlib
import re
import zlib

import pytest

from conftest import KEYS, make_app, run, sim

pytestmark = pytest.mark.timeout(180)
ADDRESS = "127.0.0.31"


@pytest.fixture(scope="module")
def device(tmp_path_factory, tool):
    folder = tmp_path_factory.mktemp("smpmgr")
    app = make_app(folder / "v1.bin", "one", "1.2.3", KEYS / "PUBLIC-DEMO-ecdsa-p256.pem")
    with sim("nrf52840-external-flash", folder / "d", "--udp", f"{ADDRESS}:1337", "--program",
             f"slot0={app}") as process:
        process.folder = folder

        def smpmgr(*args, ok=0):
            done = run(tool("smpmgr"), "--ip", ADDRESS, "--timeout", "5", *args, ok=ok, cwd=folder,
                       env={"COLUMNS": "500", "NO_COLOR": "1", "TERM": "dumb"})
            return done.stdout

        process.smpmgr = smpmgr
        yield process


def test_files_go_there_and_come_back(device):
    text = bytes(i % 251 for i in range(20000))
    local = device.folder / "local.bin"
    local.write_bytes(text)
    device.smpmgr("file", "upload", local, "/lfs1/remote.bin")
    assert (device.folder / "d" / "lfs1" / "remote.bin").read_bytes() == text
    assert "20000" in device.smpmgr("file", "read-size", "/lfs1/remote.bin")
    device.smpmgr("file", "download", "/lfs1/remote.bin", device.folder / "back.bin")
    assert (device.folder / "back.bin").read_bytes() == text


def test_files_have_hashes(device):
    (device.folder / "d" / "lfs1" / "h.txt").write_bytes(b"123456789")
    types = device.smpmgr("file", "get-supported-hash-types")
    assert "crc32" in types and "sha256" in types
    answer = device.smpmgr("file", "get-hash", "/lfs1/h.txt")
    wanted = (hashlib.sha256(b"123456789").hexdigest(), str(zlib.crc32(b"123456789")),
              hex(zlib.crc32(b"123456789")))
    assert any(w in answer for w in wanted), answer


def test_nothing_outside_of_the_file_system_is_read(device):
    (device.folder / "secret.txt").write_text("secret")
    for path in ("/lfs1/../secret.txt", "/etc/passwd", "/lfs1/../../secret.txt"):
        target = device.folder / "stolen"
        device.smpmgr("file", "download", path, target, ok=None)
        assert not target.exists() or not target.read_bytes()


def test_the_shell_answers(device):
    assert re.search(r"Tandem \d+\.\d+\.\d+, nrf52840-external-flash", device.smpmgr(
        "shell", "kernel version"))
    assert "version: 1.2.3" in device.smpmgr("shell", "image running")
    assert "command not found" in device.smpmgr("shell", "format everything", ok=None)
    device.smpmgr("shell", "date set 2031-02-03 04:05:06")
    assert "2031-02-03 04:05:" in device.smpmgr("shell", "date get")


def test_groups_are_enumerated(device):
    groups = device.smpmgr("enum", "get-supported-groups")
    for name in ("OS_MANAGEMENT", "IMAGE_MANAGEMENT", "STATISTICS", "SETTINGS", "FILE_MANAGEMENT",
                 "SHELL", "ENUM", "ZEPHYR", "21572"):
        assert name in groups, groups
    details = device.smpmgr("enum", "get-group-details", "8", "9")
    assert "handlers" in details or "name" in details, details


def test_statistics_are_listed_and_read(device):
    names = device.smpmgr("statistics", "list")
    for name in ("boot", "flash", "flash1", "smp", "link0"):
        assert re.search(rf"\b{name}\b", names), names
    before = int(re.search(r"'?requests'?\W+(\d+)", device.smpmgr("statistics", "get", "smp")).group(1))
    after = int(re.search(r"'?requests'?\W+(\d+)", device.smpmgr("statistics", "get", "smp")).group(1))
    assert after > before
    assert "bytes_written" in device.smpmgr("statistics", "fetch-all")


def test_echo_images_and_a_reset(device):
    assert "hello" in device.smpmgr("os", "echo", "hello")
    assert "1.2.3" in device.smpmgr("image", "state-read")
    device.smpmgr("image", "erase", "1")
    (device.folder / "d" / "lfs1" / "stays.bin").write_bytes(bytes(20000))
    device.smpmgr("shell", "date set 2031-02-03 04:05:06")
    device.smpmgr("os", "reset")
    device.wait_line("*** one, version 1.2.3")
    device.wait_line("ready:")
    # Files are in flash, the clock ran on, and the counters of the link begin anew.
    assert "20000" in device.smpmgr("file", "read-size", "/lfs1/stays.bin")
    assert "2031-02-03 04:0" in device.smpmgr("shell", "date get")
    assert re.search(r"boots'?\W+2", device.smpmgr("statistics", "get", "boot"))
