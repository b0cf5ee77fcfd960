"""The Tab key in zsh and fish, which `make test` asks only where they happen to be installed."""

import os
import subprocess
import sys

from conftest import ROOT, TANDEM


def test_zsh_and_fish_offer_what_the_program_does():
    done = subprocess.run([sys.executable, ROOT / "tests" / "cli" / "test_completion.py", "Others"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, TANDEM=str(TANDEM)))
    assert done.returncode == 0 and "skipped" not in done.stderr, done.stdout + done.stderr
