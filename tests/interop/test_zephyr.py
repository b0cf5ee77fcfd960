"""tandem as a client of real Zephyr servers and real MCUboot bootloaders."""

import os
import re
import struct

import pytest

from conftest import Process, free_port, json_lines, qemu, run, tandem, zephyr_file

pytestmark = pytest.mark.timeout(300)


def payload_of(signed):
    """The bytes between header and TLVs of a signed image."""
    data = signed.read_bytes()
    magic, _, hdr, _, size = struct.unpack_from("<IIHHI", data)
    assert magic == 0x96F3B83D
    return data[hdr : hdr + size]


@pytest.fixture
def native(zephyr, tmp_path):
    """Zephyr's server as a Linux process, over UDP."""
    program = zephyr_file(zephyr, "*native_sim_udp.exe")
    os.chmod(program, 0o755)
    p = Process(program, cwd=tmp_path)  # it keeps its flash in a file there
    try:
        p.wait_line("smp_udp: Started")
        yield "udp:127.0.0.1:1337"
    finally:
        p.stop()


def test_echo_and_params_of_a_native_zephyr(native):
    assert tandem("-d", native, "os", "echo", "hello over there").stdout.strip() == "hello over there"
    params = json_lines(tandem("-d", native, "--json", "os", "params").stdout)[0]
    assert (params["buf_size"], params["buf_count"]) == (2048, 2)


def test_a_zephyr_without_the_image_group_is_explained(native):
    done = tandem("-d", native, "image", "list", ok=1)
    assert "without this command" in done.stderr and "image list" in done.stderr


def test_a_long_echo_that_does_not_fit_is_explained(native):
    done = tandem("-d", native, "os", "echo", "x" * 3000, ok=None)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr and done.stderr.strip()


@pytest.mark.parametrize("signer", ["tandem", "imgtool"])
def test_update_of_real_mcuboot_swap_offset_in_qemu(zephyr, tool, tmp_path, signer):
    merged = zephyr_file(zephyr, "*qemu_cortex_m0_serial.merged.hex")
    payload = tmp_path / "payload.bin"
    payload.write_bytes(payload_of(zephyr_file(zephyr, "*qemu_cortex_m0_serial.signed.bin")))
    new = tmp_path / "new.bin"
    sign = ["sign", "--version", "1.2.3", "--header-size", "0x200", "--pad-header",
            "--slot-size", "106496", "--align", "4", payload, new]
    run(tool("imgtool"), *sign) if signer == "imgtool" else tandem(*sign)
    port = free_port()
    with qemu("microbit", "cortex-m0", [f"file={merged}"], port, tmp_path / "console",
              "smp_sample: build time"):
        url = f"tcp:127.0.0.1:{port}"
        before = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
        assert before[0]["version"] == "0.0.0" and before[0]["active"]
        done = tandem("-d", url, "--json", "update", new, timeout=200)
        events = json_lines(done.stdout)
        assert events[-1]["result"] == "updated", events[-1]
        assert events[-1]["version"].startswith("1.2.3")
        after = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
        running = [i for i in after if i["active"]][0]
        assert running["version"].startswith("1.2.3") and running["confirmed"]
        assert running["hash"] == events[-1]["hash"]
        again = json_lines(tandem("-d", url, "--json", "update", new).stdout)
        assert again[-1]["result"] == "already"


def test_update_of_real_mcuboot_ram_load_in_qemu(zephyr, tmp_path):
    boot = zephyr_file(zephyr, "*mps2_an385_serial_recovery.hex")
    old = zephyr_file(zephyr, "*mps2_an385_serial_recovery.signed.bin")
    payload = tmp_path / "payload.bin"
    payload.write_bytes(payload_of(old))
    new = tmp_path / "new.bin"
    tandem("sign", "--version", "2.0.0", "--header-size", "0x200", "--pad-header", "--slot-size",
           "0x80000", "--align", "4", "--load-addr", "0x20240000", payload, new)
    port = free_port()
    with qemu("mps2-an385", "cortex-m3", [f"file={boot}", f"file={old},addr=0x20050000"], port,
              tmp_path / "console", ""):
        url = f"tcp:127.0.0.1:{port}"
        events = json_lines(tandem("-d", url, "--json", "update", new, timeout=280).stdout)
        assert events[-1]["result"] == "updated", events[-1]
        after = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
        running = [i for i in after if i["active"]][0]
        assert running["hash"] == events[-1]["hash"]
        assert re.match(r"2\.0\.0", running["version"])
