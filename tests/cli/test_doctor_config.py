#!/usr/bin/env python3
"""Configurations through the real command: what is found depends on neither dress nor order.

Debian's python3 alone; TANDEM names the binary.
"""

import json
import os
import pathlib
import resource
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
ACCUSED = {"option.misplaced", "option.misspelt", "option.unset", "option.no-effect",
           "option.redundant", "option.malformed", "option.conflict", "option.renamed"}


def options():
    out = subprocess.run([TANDEM, "doctor", "--options", "--json"], capture_output=True, text=True,
                         check=True).stdout
    return [json.loads(line)["option"] for line in out.splitlines()]


def cpu_seconds():
    """What the children ran so far, which a busy machine does not stretch as it does the clock."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def merged(image, on, lines=3000):
    """A build's .config: what the books know of an image, among thousands of made-up names."""
    text = []
    for option in options():
        name, value = option["say"], option["default"]
        if option["until"] or name.startswith("SB_") or (
                option["images"] and image not in option["images"]):
            continue
        if name in on:
            text.append(f"{name}={on[name]}")
        elif value in (None, "n") or option["or_else"]:
            text.append(f"# {name} is not set")
        else:
            text.append(f"{name}={value}")
            text.append(f"CONFIG_HAS_{name[7:]}=y")
            # Near a known name, and right all the same.
            text.append(f"{name}S=y")
    parts = ("GPIO", "SENSOR", "KERNEL", "ARCH", "NVIC", "DMAC", "THREAD", "BOARD")
    words = ("INIT", "PRIORITY", "STACK", "DRIVER", "ENABLED", "POWER", "TIMER", "ALIGN")
    n = 0
    while len(text) < lines:
        name = f"CONFIG_{parts[n % 8]}_{words[n // 8 % 8]}_{n // 64}"
        text.append((f"# {name} is not set", f"{name}=y", f"{name}={n}", "", f'{name}="a b"')[n % 5])
        n += 1
    return text


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

    def accusations(self, path, text):
        path = pathlib.Path(self.dir.name, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        began = cpu_seconds()
        got = subprocess.run([TANDEM, "doctor", "--json", "--all", str(path.relative_to(
            self.dir.name))], cwd=self.dir.name, capture_output=True, text=True, check=False)
        took = cpu_seconds() - began
        self.assertNotEqual(got.stdout, "", got.stderr)
        lines = [json.loads(line) for line in got.stdout.splitlines()]
        facts = {(l["finding"]["id"], e["fact"], e["text"]) for l in lines if "finding" in l
                 for e in l["finding"]["evidence"]}
        return took, {fact for fact in facts if fact[1] in ACCUSED}, facts

    def test_a_builds_config_is_read_at_once_and_accused_of_nothing(self):
        server = {f"CONFIG_{name}": "y" for name in (
            "BT", "BT_PERIPHERAL", "BT_SMP", "BOOTLOADER_MCUBOOT", "FLASH", "FLASH_MAP", "ZCBOR",
            "NET_BUF", "STREAM_FLASH", "IMG_MANAGER", "MCUBOOT_IMG_MANAGER", "MCUMGR", "REBOOT",
            "MCUMGR_GRP_IMG", "MCUMGR_GRP_OS", "MCUMGR_TRANSPORT_BT", "MCUMGR_TRANSPORT_BT_PERM_RW",
            "MCUBOOT_BOOTLOADER_MODE_SWAP_WITHOUT_SCRATCH", "LOG", "LOG_MODE_DEFERRED",
            "MCUMGR_TRANSPORT_BT_REASSEMBLY", "MCUMGR_GRP_OS_MCUMGR_PARAMS")}
        header = "#\n# Automatically generated file; DO NOT EDIT.\n"
        app = "\n".join(merged("app", server)) + "\n"
        boot = "\n".join(merged("mcuboot", {
            "CONFIG_MCUBOOT": "y", "CONFIG_BOOT_SWAP_USING_MOVE": "y",
            "CONFIG_BOOT_SIGNATURE_TYPE_RSA": "y",
            "CONFIG_BOOT_SIGNATURE_KEY_FILE": '"own.pem"'})) + "\n"
        for path, text in (("build/app/zephyr/.config", header + app), (".config", app),
                           ("config.txt", header + app), ("paste.txt", app),
                           ("post.txt", "Here is my prj.conf:\n" + app), ("prj.conf", app),
                           ("build/mcuboot/zephyr/.config", header + boot), ("boot.txt", boot)):
            with self.subTest(path):
                took, accused, facts = self.accusations(path, text)
                self.assertEqual(accused, set())
                self.assertLess(took, 1)
                self.assertTrue(facts, "nothing was read")

    def test_an_excerpt_does_not_say_what_is_not_set(self):
        _, accused, _ = self.accusations(
            "post.txt", "In prj.conf I have:\nCONFIG_MCUMGR=y\nCONFIG_MCUMGR_TRANSPORT_BT=y\n"
                        "and in mcuboot.conf:\nCONFIG_BOOT_SWAP_USING_MOVE=y\n")
        self.assertEqual({a for a in accused if a[1] == "option.unset"}, set())

    def test_options_are_explained_listed_and_guessed(self):
        def ask(code, *args):
            got = subprocess.run([TANDEM, "doctor", "--options", *args], capture_output=True,
                                 text=True, check=False)
            self.assertEqual(got.returncode, code, got.stderr)
            return got.stdout + got.stderr

        for name in ("CONFIG_MCUMGR_TRANSPORT_NETBUF_SIZE", "mcumgr_transport_netbuf_size=9"):
            self.assertRegex(ask(0, name), r"largest request and answer(?s:.*)default +384")
        self.assertRegex(ask(0, "MCUMGR_SMP_BT"), r"until +Zephyr 3\.3; now")
        self.assertGreater(len(ask(0).splitlines()), 600)
        self.assertIn("CONFIG_MCUBOOT_BOOTUTIL_LIB: ", ask(0, "trailers"))
        self.assertIn("the nearest name is CONFIG_MCUMGR_TRANSPORT_BT\n",
                      ask(1, "CONFIG_MCUMGR_TRANSPROT_BT"))
        self.assertIn("the books know no option", ask(1, "QQQQQQQQQ"))
        self.assertIn("one name or word", ask(2, "a", "b"))
        old = json.loads(ask(0, "--json", "BOOT_ENCRYPT_RSA"))["option"]
        self.assertEqual((old["until"], old["now"]), ("zephyr-3.5", "BOOT_ENCRYPT_IMAGE"))
        self.assertIn("BOOT_ENCRYPT_RSA",
                      json.loads(ask(0, "--json", "BOOT_ENCRYPT_IMAGE"))["option"]["was"])


if __name__ == "__main__":
    unittest.main()
