#!/usr/bin/env python3
"""Configurations through the real command: what is found depends on neither dress nor order.

Debian's python3 alone; TANDEM names the binary.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))

PRJ = """# RADIO
CONFIG_BT=y
CONFIG_BT_PERIPHERAL=y
CONFIG_BT_SMP=y
CONFIG_BT_MAX_CONN=1
# UPDATE
CONFIG_BOOTLOADER_MCUBOOT=y
CONFIG_MCUMGR=y
CONFIG_MCUMGR_CMD_IMG_MGMT=y
CONFIG_MCUMGR_CMD_OS_MGMT=y
CONFIG_MCUMGR_SMP_BT=y
CONFIG_MCUMGR_SMP_BT_AUTHEN=n
"""
NET = """# RADIO
CONFIG_BT_MAX_CONN=2
CONFIG_BT_BUF_ACL_RX_SIZE=502
"""
WANTED = {"K01", "K30", "K43"}


class DoctorConfig(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def found(self, files):
        names = []
        for name, text in files:
            path = os.path.join(self.dir.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as f:
                f.write(text)
            names.append(name)
        got = subprocess.run([TANDEM, "doctor", "--json", "--all", *names], cwd=self.dir.name,
                             stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        lines = [json.loads(line) for line in got.stdout.splitlines()]
        return got.returncode, {l["finding"]["id"] for l in lines if "finding" in l}

    def test_files_a_post_and_one_long_line_say_the_same(self):
        post = "My files.\n<prj.conf>\n" + PRJ + "<hci_ipc.conf>\n" + NET
        dresses = [
            [("prj.conf", PRJ), ("child_image/hci_ipc.conf", NET)],
            [("child_image/hci_ipc/prj.conf", NET), ("prj.conf", PRJ)],
            [("post.txt", post)],
            [("crlf.txt", post.replace("\n", "\r\n"))],
            [("quoted.txt", "".join("> " + line + "\n" for line in post.splitlines()))],
            [("line.txt", "See my prj.conf\n" + " ".join(PRJ.splitlines()) +
              "\nand hci_ipc.conf:\n" + " ".join(NET.splitlines()) + "\n")],
        ]
        for files in dresses:
            with self.subTest(files[0][0]):
                code, ids = self.found(files)
                self.assertEqual(code, 1)
                self.assertEqual(ids, WANTED)

    def test_a_said_sdk_decides_about_names(self):
        code, ids = self.found([("old.txt", "NCS v2.1.0, prj.conf:\n" + PRJ)])
        self.assertEqual((code, ids), (1, {"K30"}))
        code, ids = self.found([("new.txt", "NCS v2.6.1, prj.conf:\n" + PRJ)])
        self.assertEqual(code, 1)
        self.assertIn("D72", ids)


if __name__ == "__main__":
    unittest.main()
