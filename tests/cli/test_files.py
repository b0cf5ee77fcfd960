#!/usr/bin/env python3
"""The file verbs and what they are handed: message and exit code of every refusal.

Debian's python3 and openssl alone; TANDEM names the binary.
"""

import json
import os
import pathlib
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
GOLDEN = ROOT / "tests" / "golden"
KEYS = GOLDEN / "keys"

OK, REFUSED, USAGE, FILE = 0, 1, 2, 4
BASE = ["-H", "32", "-S", "0x10000", "-v", "1.0.0", "--pad-header"]


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tandem-files-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def run_tandem(self, *args, **kw):
        return subprocess.run(
            [TANDEM, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **kw
        )

    def check(self, want, *args, says=(), **kw):
        """Runs the command; on an error: up to three lines, none on stdout, each of says in it."""
        done = self.run_tandem(*args, **kw)
        self.assertEqual(done.returncode, want, f"{args}\n{done.stdout}{done.stderr}")
        if want != OK:
            self.assertLessEqual(len(done.stderr.splitlines()), 3, done.stderr)
            self.assertNotEqual(done.stderr, "")
            self.assertEqual(done.stdout, "")
        for word in (says,) if isinstance(says, str) else says:
            self.assertIn(word, done.stdout + done.stderr)
        return done

    def file(self, name, content):
        path = self.dir / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def golden(self, name):
        return (GOLDEN / name).read_bytes()


class Verify(Case):
    def test_good_images_pass(self):
        for kind in ("rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519"):
            for key in (f"{kind}.pem", f"{kind}.pub.pem"):
                self.check(OK, "verify", "-k", KEYS / key, GOLDEN / f"{kind}.img", says="Image was correctly validated")
        self.check(OK, "verify", GOLDEN / "sha384.img")
        self.check(OK, "verify", "-k", KEYS / "ed25519.pem", GOLDEN / "ed25519-sha512.img")
        self.check(OK, "verify", "-k", KEYS / "ed25519.pem", GOLDEN / "ed25519-pure.img")
        self.check(OK, "verify", "-k", KEYS / "ed25519.pem", GOLDEN / "confirmed.img")

    def test_what_would_not_boot_is_refused_with_its_reason(self):
        p256, ed = KEYS / "ecdsa-p256.pem", KEYS / "ed25519.pem"
        for key, image, says in (
            (KEYS / "other-p256.pem", "ecdsa-p256.img", "not trusted"),
            (p256, "minimal.img", "not signed"),
            (p256, "ed25519.img", "another algorithm"),
            (p256, "ecdsa-p384.img", "P-384"),
            (p256, "encrypted.img", ("encrypted", "--decrypt")),
            (p256, "comp-lzma2-enc-ec256-128.img", "encrypted"),
            (p256, "ed25519-pure.img", "another kind of hash"),
            (p256, "sha512.img", "another kind of hash"),
        ):
            with self.subTest(image=image):
                self.check(REFUSED, "verify", "-k", key, GOLDEN / image, says=says)

    def test_compressed_images_pass_in_the_form_that_is_stored(self):
        for kind in ("lzma2", "lzma2armthumb"):
            for name in ("rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519"):
                self.check(OK, "verify", "-k", KEYS / f"{name}.pem", GOLDEN / f"comp-{kind}-{name}.img",
                           says="only overwrite-only unpacks it")
            self.check(OK, "verify", "-k", KEYS / "ed25519.pem", GOLDEN / f"comp-{kind}-pure.img")
            self.check(OK, "verify", GOLDEN / f"comp-{kind}-unsigned.img")

    def test_imgtools_encrypted_images_open_with_the_devices_key(self):
        for kind, signer, device in (
            ("enc-rsa2048-128", "rsa-2048", "rsa-2048.pem"),
            ("enc-rsa2048-256", "rsa-2048", "rsa-2048.pem"),
            ("enc-ec256-128", "ecdsa-p256", "ecdsa-p256.pem"),
            ("enc-ec256-256", "ecdsa-p256", "ecdsa-p256.pem"),
            ("enc-x25519-128", "ed25519", "x25519.pem"),
            ("enc-x25519-256", "ed25519", "x25519.pem"),
            ("enc-x25519-sha512-128", "ed25519", "x25519.pem"),
            ("enc-x25519-sha512-256", "ed25519", "x25519.pem"),
            ("enc-kw-128", "ed25519", "kw-128.key"),
            ("enc-kw-256", "ed25519", "kw-256.key"),
            ("enc-pure", "ed25519", "x25519.pem"),
            ("enc-all-tlvs", "ed25519", "x25519.pem"),
            ("comp-lzma2-enc-ec256-128", "ecdsa-p256", "ecdsa-p256.pem"),
            ("comp-lzma2armthumb-enc-x25519-256", "ed25519", "x25519.pem"),
        ):
            with self.subTest(kind):
                self.check(OK, "verify", "-k", KEYS / f"{signer}.pem", "--decrypt", KEYS / device, GOLDEN / f"{kind}.img",
                           says="Image was correctly validated")
                self.check(REFUSED, "verify", "-k", KEYS / f"{signer}.pem", GOLDEN / f"{kind}.img", says="--decrypt")

    def test_a_clear_image_needs_no_key_of_the_device(self):
        for name, signer in (("rsa2048-128", "rsa-2048"), ("ec256-128", "ecdsa-p256"), ("x25519-256", "ed25519")):
            for args in ([], ["--decrypt", KEYS / "x25519.pem"]):
                self.check(OK, "verify", "-k", KEYS / f"{signer}.pem", *args, GOLDEN / f"clear-{name}.img")

    def test_a_key_that_does_not_open_says_so(self):
        x25519, image = KEYS / "x25519.pem", self.golden("enc-x25519-128.img")
        other = self.dir / "other.pem"
        self.check(OK, "keygen", "-k", other, "-t", "x25519")
        bent = self.file("bent.img", image[:-1] + bytes([image[-1] ^ 1]))
        for want, key, path, says in (
            (REFUSED, other, GOLDEN / "enc-x25519-128.img", "does not open"),
            (REFUSED, x25519, bent, "does not open"),
            (FILE, KEYS / "kw-256.key", GOLDEN / "enc-kw-128.img", "kw-256.key"),
            (REFUSED, KEYS / "ecdsa-p256.pem", GOLDEN / "enc-x25519-128.img", "no key that this device could open"),
            (FILE, KEYS / "ed25519.pem", GOLDEN / "enc-x25519-128.img", "cannot be used for this"),
            (FILE, KEYS / "x25519.pub.pem", GOLDEN / "enc-x25519-128.img", "only the public key"),
            (FILE, KEYS / "x25519.pub.der", GOLDEN / "enc-x25519-128.img", "no PEM key"),
        ):
            with self.subTest(str(key), image=path.name):
                self.check(want, "verify", "--decrypt", key, path, says=says)

    def test_each_damage_has_its_own_answer(self):
        good = self.golden("ed25519.img")
        for name, at, want, says in (
            ("payload", 100, REFUSED, "do not give the hash"),
            ("magic", 0, FILE, "magic number"),
            ("signature", len(good) - 1, REFUSED, "does not verify"),
            ("key hash", len(good) - 80, REFUSED, "not trusted"),
            ("area", 32 + 1000, FILE, "no TLV area"),
        ):
            with self.subTest(name):
                bad = bytearray(good)
                bad[at] ^= 0x10
                self.check(want, "verify", "-k", KEYS / "ed25519.pem", self.file("bad.img", bytes(bad)),
                           says=(says, "offset 0x"))

    def test_pure_signatures_are_looked_at(self):
        bad = bytearray(self.golden("ed25519-pure.img"))
        bad[-1] ^= 1
        self.check(REFUSED, "verify", "-k", KEYS / "ed25519.pem", self.file("bad.img", bytes(bad)),
                   says="does not verify")

    def test_malformed_files_say_where(self):
        good = self.golden("ed25519.img")
        for name, content, says in (
            ("empty", b"", "empty"),
            ("one byte", b"\x3d", "ends before"),
            ("half a header", good[:16], "ends before"),
            ("half a payload", good[:500], "ends before"),
            ("without its last byte", good[:-1], "bytes needed"),
            ("erased", b"\xff" * 4096, "erased"),
            ("zeros", bytes(4096), "erased"),
            ("text", b"Hello, world. This is no image at all.\n", "magic number"),
            ("version 1", b"\x3c" + good[1:], "version 1"),
            ("wrapping size", good[:12] + b"\xff" * 4 + good[16:], "32 bits"),
        ):
            with self.subTest(name):
                self.check(FILE, "verify", self.file("x.img", content), says=says)

    def test_every_truncation_is_refused_calmly(self):
        good = self.golden("minimal.img")
        for size in range(len(good)):
            self.check(FILE, "verify", self.file("x.img", good[:size]))

    def test_files_that_cannot_be_read(self):
        self.check(FILE, "verify", self.dir / "absent.img", says=("absent.img", "No such file"))
        self.check(FILE, "verify", self.dir, says="Is a directory")
        self.check(FILE, "verify", "-k", self.dir / "absent.pem", GOLDEN / "ed25519.img", says="absent.pem")

    def test_an_oversized_file_is_refused(self):
        path = self.dir / "huge.bin"
        with open(path, "wb") as out:
            out.truncate(80 << 20)
        self.check(FILE, "verify", path, says="too large")

    def test_usage(self):
        self.check(USAGE, "verify")
        self.check(USAGE, "verify", "a", "b")
        self.check(USAGE, "verify", "--nonsense", "a")
        self.check(OK, "verify", "--help", says="usage:")

    def test_errors_as_json(self):
        done = self.check(REFUSED, "--json", "verify", "-k", KEYS / "other-p256.pem", GOLDEN / "ecdsa-p256.img")
        error = json.loads(done.stderr)["error"]
        self.assertEqual(error["code"], "TD_EIMG_KEY")
        self.assertTrue(error["remedy"])


class Keys(Case):
    def sign(self, want, key, *more, says=()):
        return self.check(want, "sign", *BASE, "-k", key, *more, GOLDEN / "payload.bin", self.dir / "out.bin", says=says)

    def test_keys_that_cannot_be_used_say_why(self):
        cases = (
            ("absent.pem", None, "No such file"),
            ("empty.pem", b"", "no PEM key"),
            ("text.pem", b"hello", "no PEM key"),
            ("cut.pem", (KEYS / "ecdsa-p256.pem").read_bytes()[:100], "no PEM key"),
        )
        for name, content, says in cases:
            with self.subTest(name):
                path = self.file(name, content) if content is not None else self.dir / name
                self.sign(FILE, path, says=says)
                self.assertFalse((self.dir / "out.bin").exists())
        self.sign(FILE, self.dir, says="Is a directory")
        self.sign(FILE, KEYS / "ecdsa-p256.pub.pem", says="only the public key")
        self.sign(FILE, KEYS / "x25519.pem", says="cannot sign")

    def test_kinds_that_mcuboot_does_not_know(self):
        for args in (["RSA", "-pkeyopt", "rsa_keygen_bits:1024"], ["EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"]):
            path = self.dir / "odd.pem"
            subprocess.run(["openssl", "genpkey", "-out", path, "-algorithm", *args], check=True, capture_output=True)
            self.sign(FILE, path, says="kind of key")

    def test_keys_of_every_shape_are_read(self):
        for kind in ("ecdsa-p256", "rsa-2048"):
            source = KEYS / f"{kind}.pem"
            for name, args in (
                ("traditional", ["pkey", "-traditional"]),
                ("public", ["pkey", "-pubout"]),
            ):
                path = self.dir / f"{name}.pem"
                subprocess.run(["openssl", *args, "-in", source, "-out", path], check=True, capture_output=True)
                self.check(OK, "verify", "-k", path, GOLDEN / f"{kind}.img")
        path = self.dir / "pkcs1.pem"
        subprocess.run(["openssl", "rsa", "-in", KEYS / "rsa-2048.pem", "-RSAPublicKey_out", "-out", path],
                       check=True, capture_output=True)
        self.check(OK, "verify", "-k", path, GOLDEN / "rsa-2048.img")

    def test_a_locked_key_needs_its_passphrase(self):
        locked = KEYS / "locked-p256.pem"
        self.sign(FILE, locked, says=("no passphrase", "--passphrase-file"))
        self.sign(FILE, locked, "--passphrase-file", self.file("wrong", "tandm\n"), says="does not open")
        self.sign(FILE, locked, "--passphrase-file", self.dir / "absent", says="passphrase file cannot be read")
        self.sign(OK, locked, "--passphrase-file", self.file("right", "tandem\n"))
        self.check(OK, "verify", "-k", KEYS / "ecdsa-p256.pem", self.dir / "out.bin")

    def typed(self, args, lines):
        """Runs the command at a terminal and types the lines; the exit code and what it showed."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(TANDEM, [TANDEM, *map(str, args)])
        shown = b""
        for line in lines:
            while not shown.rstrip(b" ").endswith(b":"):
                shown += os.read(fd, 1000)
            time.sleep(0.2)  # the prompt stands before the echo is off
            os.write(fd, line.encode() + b"\n")
            shown += b"\n"
        try:
            while chunk := os.read(fd, 1000):
                shown += chunk
        except OSError:
            pass
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def test_at_a_terminal_the_passphrase_is_asked_for_and_not_shown(self):
        args = ["sign", *BASE, "-k", KEYS / "locked-p256.pem", GOLDEN / "payload.bin", self.dir / "out.bin"]
        code, shown = self.typed(args, ["tandem"])
        self.assertEqual(code, OK, shown)
        self.assertIn("Passphrase for", shown)
        self.assertNotIn("tandem\r\n", shown)
        code, shown = self.typed(args, ["wrong"])
        self.assertEqual(code, FILE, shown)
        self.assertIn("does not open", shown)

    def test_keygen_makes_keys_that_sign_and_verify(self):
        for kind in ("rsa-2048", "rsa-3072", "ecdsa-p256", "ecdsa-p384", "ed25519"):
            key, out = self.dir / f"{kind}.pem", self.dir / f"{kind}.img"
            self.check(OK, "keygen", "-k", key, "-t", kind)
            self.assertEqual(key.stat().st_mode & 0o777, 0o600)
            self.check(OK, "sign", *BASE, "-k", key, GOLDEN / "payload.bin", out)
            self.check(OK, "verify", "-k", key, out)
        self.check(OK, "keygen", "-k", self.dir / "k.pem", "-t", "x25519")
        subprocess.run(["openssl", "pkey", "-in", self.dir / "k.pem", "-noout"], check=True)

    def test_keygen_locks_a_key(self):
        key, word = self.dir / "k.pem", self.file("word", "secret\n")
        self.check(OK, "keygen", "-k", key, "-t", "ed25519", "--passphrase-file", word)
        self.assertIn("ENCRYPTED", key.read_text())
        self.check(FILE, "getpub", "-k", key, says="encrypted")
        self.check(OK, "getpub", "-k", key, "--passphrase-file", word)
        subprocess.run(["openssl", "pkey", "-in", key, "-passin", "pass:secret", "-noout"], check=True)
        self.check(FILE, "keygen", "-k", self.dir / "n.pem", "-t", "ed25519", "-p", says="no terminal")
        code, shown = self.typed(["keygen", "-k", self.dir / "n.pem", "-t", "ed25519", "-p"], ["a", "b", "same", "same"])
        self.assertEqual(code, OK, shown)
        self.assertIn("not the same", shown)
        subprocess.run(["openssl", "pkey", "-in", self.dir / "n.pem", "-passin", "pass:same", "-noout"], check=True)

    def test_keygen_never_loses_a_key(self):
        key = self.dir / "k.pem"
        self.check(OK, "keygen", "-k", key, "-t", "ed25519")
        first = key.read_bytes()
        self.check(OK, "keygen", "-k", key, "-t", "ed25519", says="k.pem.old1")
        self.assertNotEqual(key.read_bytes(), first)
        self.assertEqual((self.dir / "k.pem.old1").read_bytes(), first)

    def test_keygen_usage_and_unwritable(self):
        self.check(USAGE, "keygen", "-t", "ed25519")
        self.check(USAGE, "keygen", "-k", self.dir / "k")
        self.check(USAGE, "keygen", "-k", self.dir / "k", "-t", "rsa-1024", says="rsa-2048")
        self.check(FILE, "keygen", "-k", self.dir / "no" / "k", "-t", "ed25519", says="No such file")
        self.check(FILE, "keygen", "-k", "/dev/full", "-t", "ed25519", says="No space left")

    def test_getpub_in_each_encoding(self):
        key = KEYS / "ecdsa-p256.pem"
        want = (KEYS / "ecdsa-p256.pub.der").read_bytes()
        out = self.dir / "pub"
        self.check(OK, "getpub", "-k", key, "-e", "raw", "-o", out)
        self.assertEqual(out.read_bytes(), want)
        self.check(OK, "getpub", "-k", key, "-e", "c", says=("ecdsa_pub_key[]", "ecdsa_pub_key_len = 91"))
        self.check(OK, "getpub", "-k", key, "-e", "rust", says="ECDSA_PUB_KEY: &[u8]")
        self.check(OK, "getpub", "-k", key, "-e", "pem", says="BEGIN PUBLIC KEY")
        self.check(USAGE, "getpub", "-k", key, "-e", "basic")
        self.check(USAGE, "getpub")
        self.check(FILE, "getpub", "-k", self.dir / "absent")
        self.check(FILE, "getpub", "-k", key, "-o", "/dev/full", says="No space left")

    def test_getpriv_gives_what_a_bootloader_keeps(self):
        for kind, args in (("rsa-2048", []), ("rsa-2048-minimal", ["--minimal"]), ("ecdsa-p256", ["-f", "pkcs8"]),
                           ("ecdsa-p256-minimal", ["--minimal"]), ("x25519", [])):
            with self.subTest(kind):
                done = self.check(OK, "getpriv", "-k", KEYS / f"{kind.removesuffix('-minimal')}.pem", *args)
                want = (KEYS / f"{kind}.priv.der").read_bytes()
                text = done.stdout.split("{")[1].split("}")[0]
                self.assertEqual(bytes(int(b, 16) for b in text.replace(",", " ").split()), want)
                self.assertIn(f"enc_priv_key_len = {len(want)};", done.stdout)

    def test_getpriv_says_why_not(self):
        self.check(USAGE, "getpriv", says="-k")
        self.check(USAGE, "getpriv", "-k", KEYS / "ed25519.pem", says="opens nothing")
        self.check(USAGE, "getpriv", "-k", KEYS / "rsa-2048.pem", "-f", "pkcs8", says="no form 'pkcs8'")
        self.check(USAGE, "getpriv", "-k", KEYS / "x25519.pem", "-f", "openssl", says="no form 'openssl'")
        self.check(USAGE, "getpriv", "-k", KEYS / "x25519.pem", "-f", "raw", says="openssl or pkcs8")
        self.check(USAGE, "getpriv", "-k", KEYS / "ecdsa-p384.pem", "--minimal", says="no minimal form")
        self.check(USAGE, "getpriv", "-k", KEYS / "x25519.pem", "more", says="no option")
        self.check(FILE, "getpriv", "-k", KEYS / "x25519.pub.pem", says="private")
        self.check(FILE, "getpriv", "-k", self.dir / "absent.pem", says="No such file")

    def test_keyinfo_tells_the_halves_apart(self):
        self.check(OK, "keyinfo", "-k", KEYS / "ed25519.pem", says="private")
        self.check(OK, "keyinfo", "-k", KEYS / "ed25519.pub.pem", says="public")
        done = self.run_tandem("keyinfo", "-k", KEYS / "ed25519.pub.pem", "--require", "private")
        self.assertEqual(done.returncode, REFUSED)


class Sign(Case):
    def sign(self, want, *args, source=GOLDEN / "payload.bin", out="out.bin", says=()):
        return self.check(want, "sign", *args, source, self.dir / out if isinstance(out, str) else out, says=says)

    def test_the_two_images_of_the_spec(self):
        self.sign(OK, *BASE, "-v", "1.2.3+4", source=GOLDEN / "tiny.bin")
        self.assertEqual((self.dir / "out.bin").read_bytes(), self.golden("minimal.img"))
        self.sign(OK, *BASE, "-v", "1.2.3+4", "-s", "auto", "--custom-tlv", "0xa0", "0xbeef", source=GOLDEN / "tiny.bin")
        self.assertEqual((self.dir / "out.bin").read_bytes(), self.golden("custom.img"))

    def test_a_layout_gives_the_exact_limit_and_the_slots_size(self):
        pairs = (("mcuboot", 0, 0xC000), ("mcuboot_pad", 0xC000, 0x200), ("app", 0xC200, 0x38E00),
                 ("mcuboot_primary", 0xC000, 0x39000), ("mcuboot_secondary", 0x45000, 0x39000),
                 ("settings_storage", 0x7E000, 0x2000))
        layout = self.file("pm_static.yml", "".join(
            f"{name}:\n  address: {at:#x}\n  size: {size}\n" for name, at, size in pairs))
        args = ["-H", "0x200", "-v", "1.0.0", "--pad-header", "--align", "4", "--layout", layout]
        largest = 0x39000 - 2 * 0x1000 - 0x200 - 40  # header, and the TLVs of an unsigned image
        self.sign(OK, *args, source=self.file("fits", b"x" * largest))
        self.assertEqual((self.dir / "out.bin").stat().st_size, 0x39000 - 2 * 0x1000)
        (self.dir / "out.bin").unlink()
        self.sign(REFUSED, *args, source=self.file("large", b"x" * (largest + 1)),
                  says=("swap-move takes at most 225280", "slot of 0x39000"))
        self.assertFalse((self.dir / "out.bin").exists())
        # Overwriting leaves more of it to the image.
        self.sign(OK, *args, "--strategy", "overwrite-only", "--overwrite-only", source=self.dir / "large")
        self.sign(REFUSED, *args, "-H", "0x20", says=("mcuboot_pad 0x200", "--header-size 0x20"))
        self.sign(USAGE, *args, "-S", "0x10000", says=("-S says 0x10000", "0x39000"))
        self.sign(FILE, *args[:-1], self.file("none.yml", "app:\n  size: 5\n"), says="nothing here has an address")
        self.sign(FILE, *args[:-1], self.file("net.yml", "b0n:\n  address: 0x01000000\n  size: 0x8580\n"),
                  says="no primary slot")

    def test_each_image_has_its_own_slots_in_a_layout(self):
        pairs = (("mcuboot", 0, 0xC000, ""), ("mcuboot_primary", 0xC000, 0x70000, ""),
                 ("mcuboot_secondary", 0x7C000, 0x70000, ""),
                 ("mcuboot_primary_1", 0, 0x20000, ", region: ram_flash"),
                 ("mcuboot_secondary_1", 0, 0x20000, ", region: external_flash"))
        lines = [f"{name}: {{address: {at:#x}, size: {size:#x}{more}}}\n" for name, at, size, more in pairs]
        layout, alone = self.file("both.yml", "".join(lines)), self.file("one.yml", "".join(lines[:3]))
        start = struct.pack("<II", 0x21001000, 0x01008A01)  # vectors of the network core
        net, large = self.file("net", start + bytes(50000)), self.file("large", start + bytes(0x20000))
        app = self.file("app", struct.pack("<II", 0x20001000, 0xC401) + bytes(0x20000))
        args = ["-H", "0x200", "-v", "1.0.0", "--pad-header", "--align", "4", "--soc", "nrf5340"]
        rows = (
            ("the application's", OK, layout, app, [], ""),
            ("it is too large for the other pair", REFUSED, layout, app, ["--image", "1"], "slot 0x20000"),
            ("the network core's", OK, layout, net, ["--image", "1"], ""),
            ("and too large", REFUSED, layout, large, ["--image", "1"], "slot 0x20000"),
            ("nobody said which", REFUSED, layout, net, [], ("network core's", "--image 1")),
            ("through the application's slots", OK, alone, net, ["--image", "0"], ""),
            ("no such pair", FILE, alone, net, ["--image", "1"], ("no primary slot of image 1", "--image 0")),
            ("a number that is none", USAGE, layout, net, ["--image", "7"], "0 to 3"),
        )
        for name, exit, path, source, more, says in rows:
            with self.subTest(name):
                self.sign(exit, *args, *more, "--layout", path, source=source, says=says)
        self.sign(USAGE, *args, "-S", "0x20000", "--image", "1", source=net, says="--layout is missing")

    def test_imgtools_golden_files_come_out_again(self):
        ed = ["-k", KEYS / "ed25519.pem"]
        for name, args in (
            ("ed25519.img", [*BASE, "-v", "2.1.0+7", *ed]),
            ("ed25519-sha512.img", [*BASE, "-v", "2.1.0", "--sha", "512", *ed]),
            ("ed25519-pure.img", [*BASE, "-v", "2.1.0", "--pure", *ed]),
            ("sha384.img", [*BASE, "--sha", "384"]),
            ("rom-fixed.img", [*BASE, "-F", "0x8000"]),
            ("confirmed.img", ["-H", "0x200", "-S", "0x4000", "-v", "1.0.0", "--pad-header", "--confirm", "--align", "4", *ed]),
            ("all-tlvs.img", [*BASE, "-v", "9.8.7+6", *ed, "-s", "0x01020304", "-d", "(1, 1.2.3+4)(2, 5.6)",
                              "--boot-record", "app", "--vid", "example.com", "--cid", "gadget",
                              "--custom-tlv", "0xa1", "text", "--custom-tlv", "0xfffe", "0x00ff"]),
        ):
            with self.subTest(name):
                self.sign(OK, *args)
                self.assertEqual((self.dir / "out.bin").read_bytes(), self.golden(name))

    def test_what_makes_no_sense_is_usage(self):
        for args, says in (
            ([], "version"),
            (["-v", "1.0.0"], "header"),
            (["-v", "1.0.0", "-H", "32"], "slot"),
            ([*BASE, "-v", "1.0.x"], "no version"),
            ([*BASE, "-v", "01.0"], "leading zeros"),
            ([*BASE, "-v", "256.0.0"], "255"),
            ([*BASE, "-v", "1.0.0+4294967296"], "no version"),
            ([*BASE, "-v", ""], "no version"),
            ([*BASE, "-v", "1.2.3.4"], "no version"),
            ([*BASE, "-H", "31"], "32 to 65535"),
            ([*BASE, "-H", "65536"], "32 to 65535"),
            ([*BASE, "-S", "many"], "--slot-size"),
            ([*BASE, "-S", "0", "--pad"], "0 bytes"),
            ([*BASE, "--align", "3"], "--align"),
            ([*BASE, "--align", "16", "--max-align", "8"], "could not write"),
            ([*BASE, "-e", "big"], "big-endian"),
            ([*BASE, "-s", "lots"], "--security-counter"),
            ([*BASE, "-s", "0x100000000"], "--security-counter"),
            ([*BASE, "-d", "nothing"], "dependencies"),
            ([*BASE, "-d", "(256, 1.0)"], "dependencies"),
            ([*BASE, "-d", "(1, 1.0"], "dependencies"),
            ([*BASE, "--boot-record", "thirteen_char"], "12"),
            ([*BASE, "--custom-tlv", "0x40", "0x00"], "0xa0"),
            ([*BASE, "--custom-tlv", "0xffff", "0x00"], "0xfffe"),
            ([*BASE, "--custom-tlv", "0xa0", "0x123"], "hex digits"),
            ([*BASE, "--custom-tlv", "0xa0", "a", "--custom-tlv", "0xa0", "b"], "twice"),
            ([*BASE, "--custom-tlv", "0xa0", "x" * 65540], "65535"),
            ([*BASE, "-L", "1", "-F", "2"], "exclude"),
            ([*BASE, "--cid", "gadget"], "--vid"),
            ([*BASE, "-k", KEYS / "rsa-2048.pem", "--sha", "512"], "--sha"),
            ([*BASE, "-k", KEYS / "rsa-2048.pem", "--pure"], "ed25519"),
            ([*BASE, "--pure"], "ed25519"),
            ([*BASE, "--fix-sig", "x"], "together"),
            ([*BASE, "--strategy", "swap-move"], "together"),
            ([*BASE, "--strategy", "teleport", "--sector-size", "4096"], "strategy"),
            ([*BASE, "--erased-val", "7"], "--erased-val"),
            ([*BASE, "--encrypt-keylen", "192"], "--encrypt-keylen"),
            ([*BASE, "--hmac-sha", "384"], "--hmac-sha"),
            ([*BASE, "--hmac-sha", "512", "-E", KEYS / "ecdsa-p256.pub.pem"], "x25519"),
            ([*BASE, "--compression", "zip"], "--compression"),
            ([*BASE, "--compression", "lzma2", "--vector-to-sign", "digest"], "signed twice"),
            ([*BASE, "--compression", "lzma2", "--fix-sig", "x", "--fix-sig-pubkey", "y"], "two signatures"),
            ([*BASE, "--soc", "z80"], "not a chip known here"),
            ([*BASE, "--verison", "1"], "--version"),
            ([*BASE, "third"], "too many"),
        ):
            with self.subTest(args=[str(a)[:40] for a in args]):
                self.sign(USAGE, *args, says=says)
                self.assertFalse((self.dir / "out.bin").exists())
        self.check(USAGE, "sign", *BASE, "one")
        self.check(USAGE, "sign")
        self.check(OK, "sign", "--help", says="usage: tandem sign")

    def test_programs_that_cannot_be_signed(self):
        self.sign(FILE, *BASE, source=self.dir / "absent.bin", says="No such file")
        self.sign(FILE, *BASE, source=self.dir, says="Is a directory")
        self.sign(FILE, *BASE, source=self.file("empty.bin", b""), says="empty")
        plain = ["-H", "32", "-S", "0x10000", "-v", "1.0.0"]
        self.sign(FILE, *plain, says=("not filled with zeros", "--pad-header"))
        self.sign(FILE, *plain, source=self.file("short.bin", bytes(20)), says="room for the header")
        self.sign(FILE, *plain, source=self.file("bare.bin", bytes(32)), says="room for the header")
        self.sign(FILE, *plain, source=GOLDEN / "ed25519.img", says="signed already")

    def test_too_large_says_by_how_much(self):
        self.sign(REFUSED, *BASE, "-S", "0x500", says=("does not fit", "bytes too many"))
        self.assertFalse((self.dir / "out.bin").exists())

    def test_a_strategy_gives_the_exact_limit(self):
        # Swap-move keeps one sector spare and rounds the trailer up: P - up(T, S) - S.
        args = ["-H", "32", "-S", "0x8000", "-v", "1.0.0", "--pad-header", "--align", "8", "--strategy", "swap-move",
                "--sector-size", "4096"]
        most = 24576 - 32 - 40
        self.sign(OK, *args, source=self.file("fits.bin", b"\1" * most))
        self.sign(REFUSED, *args, source=self.file("over.bin", b"\1" * (most + 1)), says=("at most 24576", "swap-move"))
        usual = args[:-4]
        self.sign(OK, *usual, source=self.dir / "over.bin")

    def test_who_cannot_open_an_image_is_no_recipient(self):
        for key, says in (
            ("ecdsa-p384.pub.pem", "no bootloader opens"),
            ("rsa-3072.pub.pem", "no bootloader opens"),
            ("ed25519.pub.pem", "no bootloader opens"),
            ("ecdsa-p256.pub.der", "no PEM key"),
            ("absent.pem", "No such file"),
        ):
            with self.subTest(key):
                self.sign(FILE, *BASE, "-E", KEYS / key, says=says)
                self.assertFalse((self.dir / "out.bin").exists())

    def test_an_encrypted_image_shows_nothing_of_the_program(self):
        body = self.golden("payload.bin")
        for key in ("ecdsa-p256", "x25519", "rsa-2048"):
            for half in (".pub.pem", ".pem"):
                self.sign(OK, *BASE, "-E", KEYS / (key + half))
                image = (self.dir / "out.bin").read_bytes()
                self.assertNotIn(body[:16], image)
                self.sign(OK, *BASE, "-E", KEYS / (key + half), "--clear")
                self.assertIn(body, (self.dir / "out.bin").read_bytes())

    def test_compression_is_for_overwriting_alone(self):
        thumb, sectors = GOLDEN / "thumb.bin", ["--sector-size", "4096"]
        self.sign(OK, *BASE, "--compression", "lzma2", "--strategy", "overwrite-only", *sectors, source=thumb)
        for strategy in ("swap-move", "swap-offset", "swap-scratch", "direct-xip", "ram-load"):
            (self.dir / "out.bin").unlink(missing_ok=True)
            self.sign(REFUSED, *BASE, "--compression", "lzma2", "--strategy", strategy, *sectors, source=thumb,
                      says=("overwrite-only alone", strategy))
            self.assertFalse((self.dir / "out.bin").exists())

    def test_what_runs_where_it_is_stored_is_not_encrypted(self):
        for strategy in ("direct-xip", "direct-xip-revert"):
            self.sign(REFUSED, *BASE, "-E", KEYS / "x25519.pub.pem", "--strategy", strategy, "--sector-size", "4096",
                      says=("cannot be encrypted", strategy))

    def test_a_program_must_find_room_unpacked_as_well(self):
        source = self.file("zeros.bin", bytes(0x10000))
        self.sign(REFUSED, *BASE, "--compression", "lzma2", "--quiet", source=source, says="bytes too many")
        self.sign(OK, *BASE, "-S", "0x12000", "--compression", "lzma2", source=source, says="are ")
        self.assertLess((self.dir / "out.bin").stat().st_size, 1000)

    def test_what_does_not_shrink_stays_as_it_is(self):
        self.sign(OK, *BASE, "-v", "1.2.3+4", "--compression", "lzma2", source=GOLDEN / "tiny.bin",
                  says="does not become smaller")
        self.assertEqual((self.dir / "out.bin").read_bytes(), self.golden("minimal.img"))

    def test_imgtools_compressed_files_come_out_again(self):
        ed = ["-k", KEYS / "ed25519.pem"]
        for kind in ("lzma2", "lzma2armthumb"):
            for name, args in (("unsigned", []), ("ed25519", ed), ("pure", [*ed, "--pure"])):
                with self.subTest(f"{kind} {name}"):
                    self.sign(OK, *BASE, *args, "--compression", kind, source=GOLDEN / "thumb.bin")
                    self.assertEqual((self.dir / "out.bin").read_bytes(), self.golden(f"comp-{kind}-{name}.img"))

    def test_output_is_whole_or_not_there(self):
        self.sign(FILE, *BASE, out=self.dir / "no" / "out.bin", says="No such file")
        self.sign(FILE, *BASE, out=self.dir, says="Is a directory")
        self.sign(FILE, *BASE, out=pathlib.Path("/dev/full"), says="No space left")
        self.sign(OK, *BASE, out=pathlib.Path("/dev/null"))
        out = self.file("out.bin", b"old")
        self.sign(REFUSED, *BASE, "-S", "0x500")
        self.assertEqual(out.read_bytes(), b"old")
        self.sign(OK, *BASE)
        self.assertEqual([p.name for p in self.dir.iterdir()], ["out.bin"])

    def test_a_disk_that_fills_up_leaves_the_old_file(self):
        import resource
        import signal

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

        out = self.file("out.bin", b"old")
        self.check(FILE, "sign", *BASE, GOLDEN / "payload.bin", out, preexec_fn=small_files, says="cannot be written")
        self.assertEqual(out.read_bytes(), b"old")
        self.assertEqual([p.name for p in self.dir.iterdir()], ["out.bin"])

    def test_a_link_is_written_through_and_the_mode_stays(self):
        real = self.file("real.bin", b"old")
        real.chmod(0o640)
        (self.dir / "link.bin").symlink_to("real.bin")
        self.sign(OK, *BASE, out="link.bin")
        self.assertTrue((self.dir / "link.bin").is_symlink())
        self.assertGreater(real.stat().st_size, 1000)
        self.assertEqual(real.stat().st_mode & 0o777, 0o640)

    def test_a_signature_from_elsewhere_must_fit(self):
        self.sign(OK, *BASE, "-k", KEYS / "ed25519.pem", "--sig-out", self.dir / "sig")
        fixed = [*BASE, "--fix-sig", self.dir / "sig", "--fix-sig-pubkey", KEYS / "ed25519.pub.pem"]
        whole = (self.dir / "out.bin").read_bytes()
        self.sign(OK, *fixed)
        self.assertEqual((self.dir / "out.bin").read_bytes(), whole)
        self.sign(REFUSED, *fixed, "-v", "1.0.1", says="does not verify for this image")
        self.sign(FILE, *BASE, "--fix-sig", self.file("bad", "?!"), "--fix-sig-pubkey", KEYS / "ed25519.pub.pem",
                  says="not base64")

    def test_json_tells_what_was_made(self):
        done = self.sign(OK, "--json", *BASE, "-k", KEYS / "ed25519.pem")
        made = json.loads(done.stdout)
        self.assertEqual(made["version"], "1.0.0+0")
        self.assertEqual(made["size"], (self.dir / "out.bin").stat().st_size)
        self.assertEqual(len(made["hash"]), 64)


def record(kind, addr, body):
    raw = bytes([len(body), addr >> 8, addr & 255, kind]) + body
    return ":" + (raw + bytes([-sum(raw) & 255])).hex().upper()


END = ":00000001FF"


class Hex(Case):
    def sign(self, want, lines, *args, out="out.bin", says=()):
        source = self.file("in.hex", "\n".join(lines) + "\n" if isinstance(lines, list) else lines)
        return self.check(want, "sign", *BASE, *args, source, self.dir / out, says=says)

    def test_bad_hex_names_the_line(self):
        good = record(0, 0x8000, b"\1" * 16)
        for lines, says in (
            ([good, good[:-1] + ("0" if good[-1] != "0" else "1"), END], ("checksum", "line 2")),
            ([good[1:], END], ("colon", "line 1")),
            ([good, "", ":0000000", END], ("length", "line 3")),
            ([good[:-2], END], ("length", "line 1")),
            ([good.replace("01", "0G", 1), END], ("hex digit", "line 1")),
            ([record(6, 0, b""), END], ("type", "line 1")),
            ([record(4, 0, b"\1"), END], ("two bytes", "line 1")),
            ([good, good, END], ("same address", "line 2")),
            ([record(4, 0, b"\xff\xff"), record(0, 0xffff, b"\1\1"), END], ("32 bits", "line 2")),
            ([END], "no data"),
            ("", "no data"),
            ([good, record(4, 0, b"\x10\x00"), record(0, 0x1000, b"\1"), END], "too far apart"),
            ("\x7fELF\x01\x01", ("colon", "line 1")),
        ):
            with self.subTest(says=says):
                self.sign(FILE, lines, says=says)

    def test_gaps_are_filled_and_segments_count(self):
        lines = [record(2, 0, b"\x08\x00"), record(0, 0x10, b"\xaa"), record(0, 0x13, b"\xbb"), END]
        self.sign(OK, lines)
        image = (self.dir / "out.bin").read_bytes()
        self.assertEqual(image[32:36], b"\xaa\xff\xff\xbb")

    def test_an_address_is_needed_and_taken(self):
        done = self.run_tandem("sign", *BASE, GOLDEN / "payload.bin", self.dir / "out.hex")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("--hex-addr", done.stderr)
        self.check(OK, "sign", *BASE, "-x", "0x1c000", GOLDEN / "payload.bin", self.dir / "out.hex")
        self.check(OK, "inspect", self.dir / "out.hex", says="0x1c000")
        self.check(USAGE, "sign", *BASE, "-x", "0xffffff00", GOLDEN / "payload.bin", self.dir / "o.hex", says="32 bits")
        self.sign(FILE, [record(0, 0x10, b"\1"), END], says="below the program")

    def test_a_padded_hex_file_is_sparse(self):
        self.check(OK, "sign", *BASE, "-x", "0x8000", "--confirm", GOLDEN / "payload.bin", self.dir / "out.hex")
        self.assertLess((self.dir / "out.hex").stat().st_size, 5000)
        done = self.check(OK, "inspect", "--json", self.dir / "out.hex")
        found = json.loads(done.stdout)
        self.assertEqual(found["trailer"]["image_ok"], "set")
        self.assertEqual(found["map"][-1]["offset"] + found["map"][-1]["size"], 0x10000)


class Names(Case):
    def test_under_the_name_imgtool_file_verbs_alone_answer(self):
        link = self.dir / "imgtool"
        link.symlink_to(pathlib.Path(TANDEM).resolve())
        for args, want in ((["version"], OK), (["verify", GOLDEN / "minimal.img"], OK), (["update", "x"], USAGE),
                           (["--help"], OK)):
            done = subprocess.run([link, *map(str, args)], capture_output=True, text=True)
            self.assertEqual(done.returncode, want, done.stderr)
        self.assertNotIn("Devices:", done.stdout)
        self.assertIn("keygen", done.stdout)


def is_encrypted(image):
    return image.name.startswith(("enc-", "encrypted")) or "-enc" in image.name


class Inspect(Case):
    def test_the_map_covers_the_file(self):
        for image in sorted(GOLDEN.glob("*.img")):
            if image.name == "big-endian.img":
                continue
            with self.subTest(image.name):
                done = self.check(OK, "inspect", "--json", image)
                found = json.loads(done.stdout)
                at = 0
                for region in found["map"]:
                    self.assertEqual(region["offset"], at)
                    at += region["size"]
                self.assertEqual(at, image.stat().st_size)
                self.assertEqual(found["hash"]["match"], not is_encrypted(image))

    def test_several_files_and_one_bad(self):
        done = self.run_tandem("inspect", GOLDEN / "minimal.img", GOLDEN / "big-endian.img", GOLDEN / "custom.img")
        self.assertEqual(done.returncode, FILE)
        self.assertIn("minimal.img: MCUboot image", done.stdout)
        self.assertIn("custom.img: MCUboot image", done.stdout)
        self.assertIn("big-endian.img", done.stderr)

    def test_a_hash_that_does_not_match_is_told(self):
        bad = bytearray(self.golden("ed25519.img"))
        bad[50] ^= 1
        self.check(OK, "inspect", self.file("bad.img", bytes(bad)), says="DOES NOT MATCH")

    def test_an_unprotected_dependency_is_refused(self):
        # CVE-2024-32883: what decides about an image must be covered by its hash.
        image = bytearray(self.golden("minimal.img"))
        extra = struct.pack("<HH", 0x40, 12) + bytes(12)
        struct.pack_into("<H", image, 38, 40 + len(extra))
        self.check(FILE, "inspect", self.file("bad.img", bytes(image) + extra), says=("must be protected", "DEPENDENCY"))

    def test_usage(self):
        self.check(USAGE, "inspect")
        self.check(FILE, "inspect", self.dir / "absent")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
