"""The real MCUboot beside ours, over generated flash states: tests/original says how."""

import subprocess
import sys

import pytest

from conftest import ROOT, zephyr_file

ORIGINAL = ROOT / "tests" / "original"
OURS = ROOT / "build" / "gcc" / "original" / "original"


@pytest.mark.timeout(600)
def test_each_difference_to_the_original_has_a_name(zephyr):
    """A thousand states, the same in each run, so that what fails here is a change of ours and not
    chance; `make original` draws others."""
    done = subprocess.run(
        [sys.executable, ORIGINAL / "compare.py", "--ours", OURS, "--merged",
         zephyr_file(zephyr, "*qemu_cortex_m0_serial.merged.hex"), "--states", "1000", "--seed", "1"],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
