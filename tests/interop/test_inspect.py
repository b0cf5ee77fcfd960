"""`tandem inspect` on what other people's programs wrote: imgtool's padded images, intelhex's files."""

import json

import intelhex
import pytest
from test_imgtool import IMGTOOL, KEYS, TANDEM, run

SLOT = 0x20000
BOOT = 0xc000


@pytest.fixture
def signed(tmp_path):
    """sign(name, version, *options): a file that imgtool signed."""
    def sign(name, version, *options, payload=b"\x11\x22\x33\x44" * 3000, suffix="bin", addr=0):
        raw = tmp_path / f"{name}.raw.{suffix}"
        if suffix == "hex":
            image = intelhex.IntelHex()
            image.frombytes(payload, offset=addr + 0x200)
            image.write_hex_file(str(raw))
        else:
            raw.write_bytes(payload)
        out = tmp_path / f"{name}.{suffix}"
        run(IMGTOOL, "sign", "-k", KEYS / "ecdsa-p256.pem", "-v", version, "-H", "0x200", "--pad-header", "-S",
            hex(SLOT), "--align", "4", *options, raw, out)
        return out
    return sign


def inspect(*args):
    return json.loads(run(TANDEM, "inspect", "--json", *args).stdout)


LAYOUT = f"""
mcuboot: {{address: 0, size: {BOOT}, region: flash_primary}}
mcuboot_primary: {{address: {BOOT}, size: {SLOT}, region: flash_primary}}
mcuboot_secondary: {{address: {BOOT + SLOT}, size: {SLOT}, region: flash_primary}}
"""


@pytest.fixture
def layout(tmp_path):
    path = tmp_path / "pm_static.yml"
    path.write_text(LAYOUT)
    return path


def flash(tmp_path, slot0, slot1):
    path = tmp_path / "flash.bin"
    path.write_bytes(b"\xff" * BOOT + slot0.read_bytes().ljust(SLOT, b"\xff") + slot1.read_bytes().ljust(SLOT, b"\xff"))
    return path


@pytest.mark.parametrize("options,want", [
    ((), "run"), (("--pad",), "test"), (("--pad", "--confirm"), "install"), (("--confirm",), "install"),
])
def test_what_imgtool_pads_is_what_the_next_boot_does(tmp_path, signed, layout, options, want):
    old, new = signed("old", "1.0.0"), signed("new", "1.1.0", *options)
    dump = flash(tmp_path, old, new)
    assert inspect("--layout", layout, dump)["next_boot"]["action"] == want
    assert inspect(dump)["next_boot"]["action"] == want


@pytest.mark.parametrize("align", [8, 16, 32])
def test_cells_of_every_alignment_are_found(tmp_path, signed, layout, align):
    old = signed("old", "1.0.0")
    new = signed("new", "1.1.0", "--pad", "--max-align", str(align))
    dump = flash(tmp_path, old, new)
    assert inspect(dump)["next_boot"]["action"] == "test"
    assert inspect("--layout", layout, "--align", str(align), dump)["next_boot"]["action"] == "test"
    found = inspect("--layout", layout, dump)
    assert found["next_boot"]["action"] == ("test" if align == 8 else "run")
    if align != 8:
        assert f"cells of {align} bytes" in found["next_boot"]["why"]


def test_an_image_padded_for_a_smaller_slot_is_not_seen(tmp_path, signed, layout):
    old = signed("old", "1.0.0")
    new = signed("new", "1.1.0", "--pad", "-S", "0x18000")
    found = inspect("--layout", layout, flash(tmp_path, old, new))
    assert found["next_boot"]["action"] == "run"
    assert "padded for another slot" in found["next_boot"]["why"]


def test_a_merged_hex_file_is_explained(tmp_path, signed, layout):
    merged = intelhex.IntelHex()
    vectors = [0x20008000, 0x101] + [0x121] * 5 + [0] * 4 + [0x121, 0x121, 0, 0x121, 0x121]
    merged.frombytes(b"".join(word.to_bytes(4, "little") for word in vectors) + b"\x01\x02" * 2000)
    for addr, image in ((BOOT, signed("old", "1.0.0")), (BOOT + SLOT, signed("new", "1.1.0", "--pad"))):
        part = intelhex.IntelHex()
        part.frombytes(image.read_bytes(), offset=addr)
        merged.merge(part)
    path = tmp_path / "merged.hex"
    merged.write_hex_file(str(path))
    found = inspect("--layout", layout, path)
    assert [(t["kind"], t["address"]) for t in found["things"]] == [
        ("code", 0), ("image", BOOT), ("image", BOOT + SLOT), ("trailer", BOOT + 2 * SLOT - 48)]
    assert found["next_boot"]["action"] == "test"
    assert all(t["sound"] for t in found["things"] if t["kind"] == "image")


@pytest.mark.parametrize("options,ok", [(("--pad",), "unset"), (("--confirm",), "set")])
def test_hex_files_of_imgtool_keep_their_trailer(signed, options, ok):
    path = signed("app", "1.2.3", *options, suffix="hex", addr=BOOT)
    found = inspect(path)
    assert found["kind"] == "image"
    assert found["header"]["version"] == "1.2.3+0"
    assert found["trailer"]["image_ok"] == ok


@pytest.mark.parametrize("pattern,things", [
    # MCUboot and a factory image, as Zephyr's build merges them.
    ("*qemu_cortex_m0_serial.merged.hex", [("code", "mcuboot"), ("image", None)]),
    # MCUboot alone, with serial recovery.
    ("*4.4.0*mps2_an385_serial_recovery_buf2048.hex", [("code", "mcuboot")]),
])
def test_builds_of_zephyr_are_told_apart(zephyr, pattern, things):
    found = inspect(sorted(zephyr.glob(pattern))[-1])
    assert [(t["kind"], t.get("role")) for t in found["things"]] == things
    assert all(t["sound"] for t in found["things"] if t["kind"] == "image")


def test_signed_builds_of_zephyr_are_images_that_start_behind_their_header(zephyr):
    for path in sorted(zephyr.glob("*.signed.bin")):
        found = inspect(path)
        assert found["kind"] == "image" and found["hash"]["match"], path.name
        assert found["vectors"]["reset"] > found["header"]["hdr_size"], path.name
