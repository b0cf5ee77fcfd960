"""Packages of `tandem package create`, read by fwupd: a reader of NCS packages that is not ours.

fwupdtool (Debian's package fwupd) parses a file and prints what it found, without a device.
"""

import os
import subprocess
import xml.etree.ElementTree as xml

import pytest
from conftest import KEYS, TANDEM


def run(*args):
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{args}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def images(tmp_path):
    made = []
    for n in (1, 2):
        raw, out = tmp_path / f"app{n}.raw", tmp_path / f"app{n}.bin"
        run(TANDEM, "sim-app", raw, "--name", f"app{n}", "--size", 9000)
        run(TANDEM, "sign", "-k", KEYS / "PUBLIC-DEMO-ecdsa-p256.pem", "-v", f"{n}.2.3+4", "-H", "0x200", "--pad-header",
            "-S", "0x40000", raw, out)
        made.append(out)
    return made


def fwupd_reads(path):
    """Id, version, address and size of each file, as fwupd tells them."""
    said = run("fwupdtool", "firmware-parse", path, "nordic-hid-archive")
    root = xml.fromstring(said[said.index("<firmware"):])
    return [(f.findtext("id"), f.findtext("version"), int(f.findtext("addr") or "0", 0), int(f.find("data").get("size"), 0))
            for f in root.findall("firmware")]


def test_fwupd_reads_one_image(images, tmp_path):
    out = tmp_path / "dfu.zip"
    run(TANDEM, "package", "create", "--board", "ferry/nrf52840", "--soc", "nrf52840", "--load-address", "0xc000", out,
        images[0])
    assert fwupd_reads(out) == [("ferry/nrf52840_MCUBOOT_bank0", "1.2.3.4", 0xc000, os.path.getsize(images[0]))]


@pytest.mark.parametrize("form", [0, 1])
def test_fwupd_reads_variants_of_both_forms(images, tmp_path, form):
    out = tmp_path / "dfu.zip"
    run(TANDEM, "package", "create", "--format-version", form, "--board", "ferry", "--soc", "s", out,
        f"0.0={images[0]}", f"0.1={images[1]}")
    assert [f[:2] for f in fwupd_reads(out)] == [("ferry_MCUBOOT+XIP_bank0", "1.2.3.4"),
                                                 ("ferry_MCUBOOT+XIP_bank1", "2.2.3.4")]
