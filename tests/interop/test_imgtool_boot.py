"""What imgtool makes boots, or is refused, as docs/spec/image.md says: its tables are the test.

Each row is one image by imgtool in one new virtual device, which is switched on once; what the
console says then is compared with the table's last column.
"""

import concurrent.futures
import functools
import itertools
import multiprocessing
import os
import pathlib
import re
import shlex
import subprocess

import click.testing
import imgtool.main
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))
KEYS = ROOT / "tests" / "golden" / "keys"
PROGRAM = ROOT / "tests" / "golden" / "thumb.bin"
SPEC = ROOT / "docs" / "spec" / "image.md"

# name: offset, size
SLOT, SECTOR = 0x10000, 0x1000
PARTITIONS = {
    "boot": (0, 0x4000),
    "primary": (0x4000, SLOT),
    "secondary": (0x14000, SLOT),
    "boot_log": (0x24000, 0x2000),
    "scratch": (0x26000, 0x2000),
    "counters": (0x28000, 0x1000),
    "primary_1": (0x2a000, 0x8000),
    "secondary_1": (0x32000, 0x8000),
}
MARKS = {"--pad", "--test", "--confirm"}


# ---- the tables --------------------------------------------------------------------------------


def choices(*texts):
    """The texts with each {a,b} replaced; equal braces stand for one choice."""
    groups = sorted(set(re.findall(r"\{[^}]*\}", "\n".join(texts))))
    for picked in itertools.product(*(g[1:-1].split(",") for g in groups)):
        chosen = dict(zip(groups, picked))
        yield [re.sub(r"\{[^}]*\}", lambda m: chosen[m.group()], t) for t in texts]


def rows_of(text):
    section = text[text.index("\n## What boots\n"):]
    section = section[:section.index("\n## ", 5)]
    for line in section.splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if len(cells) != 4 or cells[0] == "`imgtool sign`" or set(cells[0]) == {"-"}:
            continue
        options, slot, device, answer = cells
        for row in choices(options.replace("`", ""), device.strip("`")):
            yield row[0], slot, row[1], answer.strip("`")


ROWS = list(rows_of(SPEC.read_text()))


# ---- imgtool and the device --------------------------------------------------------------------


def sign(*args):
    """imgtool without the second that Python takes to start it."""
    args = [str(a) for a in args]
    done = click.testing.CliRunner().invoke(imgtool.main.imgtool, args, prog_name="imgtool")
    assert done.exit_code == 0, f"{args}: {done.output} {done.exception!r}"


def key(name, folder, public=False):
    """The PEM file of a key by name. Another one of the same kind is called other-KIND."""
    suffix = ".pub.pem" if public else ".pem"
    if (KEYS / (name + suffix)).exists():
        return KEYS / (name + suffix)
    kind = {"other-p256": "ecdsa-p256"}.get(name, name.removeprefix("other-"))
    private = KEYS / f"{name}.pem" if (KEYS / f"{name}.pem").exists() else folder / f"{name}.pem"
    if not private.exists():
        sign("keygen", "-t", kind, "-k", private)
    if public:
        sign("getpub", "-k", private, "-e", "pem", "-o", folder / (name + suffix))
    return folder / (name + suffix) if public else private


def read_device(text):
    """A device's column as a dict; lists are written [a, b]."""
    device = {"strategy": "swap-move"}
    for name, listed, plain in re.findall(r"(\w+): (?:\[([^\]]*)\]|([^,]+))", text):
        device[name] = listed.split(", ") if listed else plain
    return device


def profile(device, folder):
    """The YAML of a device with these keys of `boot`."""
    boot = {k: v for k, v in device.items() if k != "images"}
    boot["keys"] = "[" + ", ".join(str(key(n, folder)) for n in device.get("keys", [])) + "]"
    if "encryption_key" in boot:
        boot["encryption_key"] = key(boot["encryption_key"], folder)
    strategy = boot["strategy"]
    if strategy in ("ram-load", "ram-load-revert", "single-ram"):
        boot["ram"] = "{ address: 0x20000000, size: 0x10000 }"
    wanted = {"boot", "primary", "boot_log"}
    wanted |= {"secondary"} if not strategy.startswith("single") else set()
    wanted |= {"scratch"} if strategy == "swap-scratch" else set()
    wanted |= {"counters"} if "security_counters" in boot else set()
    wanted |= {"primary_1", "secondary_1"} if "images" in device else set()
    parts = "".join(f"  {n}: {{ offset: {PARTITIONS[n][0]}, size: {PARTITIONS[n][1]} }}\n"
                    for n in PARTITIONS if n in wanted)
    return (f"name: row\nflash:\n  - name: a\n    size: 0x40000\n"
            f"    sectors: [ {{ count: 64, size: {SECTOR} }} ]\n    write_size: 4\n"
            f"    writes_per_word: 2\npartitions:\n{parts}boot:\n"
            + "".join(f"  {k}: {v}\n" for k, v in boot.items())
            + "server: { groups: [ os, image, tandem ], buf_size: 2048 }\n")


def program_of(size, folder):
    """A payload that makes an unsigned image of that many bytes."""
    if size is None:
        return PROGRAM
    payload = size - 0x200 - 4 - 4 - 32  # header; info, entry and value of the hash
    file = folder / "program.bin"
    file.write_bytes(bytes(i % 251 for i in range(payload)))
    return file


def image(options, out, slot, device, program=PROGRAM):
    """Runs imgtool sign. A second slot of swap-offset begins with an empty sector."""
    shift = SECTOR if slot == "secondary" and device["strategy"] == "swap-offset" else 0
    base, whole = PARTITIONS[slot]
    if "-v" not in options:
        options = ["-v", "2.0.0", *options]
    sign("sign", *options, "-H", "0x200", "--pad-header", "-S", whole - shift, "--align", "4",
         "-x", base + shift, program, out)


def base_options(device):
    """Version 1.0.0 as this device wants it."""
    options = ["-v", "1.0.0", "--confirm"]
    for name in device.get("keys", [])[:1]:
        options += ["-k", str(KEYS / f"{name}.pem")]
    if device.get("signature") == "ed25519-pure":
        options += ["--pure"]
    elif "image_hash" in device and device.get("keys", ["ed25519"])[0] == "ed25519":
        options += ["--sha", device["image_hash"].removeprefix("sha")]
    if device.get("keys_in_full") == "true":
        options += ["--public-key-format", "full"]
    if "security_counters" in device:
        options += ["-s", "5"]
    if device["strategy"].startswith("ram-load"):
        options += ["-L", "0x20000000"]
    return options


def named_keys(options, folder):
    """Options of a row with files in place of the names of keys."""
    options = shlex.split(options)
    for i, option in enumerate(options[:-1]):
        if option in ("-k", "-E"):
            options[i + 1] = str(key(options[i + 1], folder, public=option == "-E"))
    return options


def switch_on(folder, programs):
    """A new device with these images: its console, up to where it serves or gives up."""
    sim = subprocess.Popen(
        [TANDEM, "sim", folder / "row.yml", "--state", folder / "device",
         *(a for slot, file in programs.items() for a in ("--program", f"{slot}={file}"))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    with sim:
        for line in sim.stdout:
            lines.append(line.rstrip())
            if line.startswith("ready:") or line.endswith("waits for a power cycle\n"):
                break
        sim.terminate()
    return lines


def boot(options, slot, device, folder):
    device = read_device(device)
    options, _, size = options.partition(" of ")
    program = program_of(int(size.split()[0]) if size else None, folder)
    options = named_keys(options, folder)
    slot, _, not_marked = slot.partition(", ")
    if not not_marked and not MARKS & set(options):
        options.append("--pad")
    (folder / "row.yml").write_text(profile(device, folder))
    programs = {slot: folder / "image.hex"}
    image(options, programs[slot], slot, device, program)
    if slot == "secondary":
        programs["primary"] = folder / "base.hex"
        image(base_options(device), programs["primary"], "primary", device)
    if "images" in device:
        programs["primary_1"] = folder / "other.hex"
        image(base_options(device), programs["primary_1"], "primary_1", device)
    if "security_counters" in device:
        switch_on(folder, {"primary": programs.pop("primary")})
    return switch_on(folder, programs)


def try_row(job):
    row, folder = job
    folder.mkdir()
    try:
        return boot(*row[:3], folder)
    except AssertionError as e:
        return [f"test: {e}"]


@pytest.fixture(scope="module")
def consoles(tmp_path_factory):
    """Every row's console. Rows know nothing of each other, and are tried side by side."""
    folder = tmp_path_factory.mktemp("rows")
    jobs = [(row, folder / str(i)) for i, row in enumerate(ROWS)]
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(try_row, jobs))


# ---- what it says ------------------------------------------------------------------------------


def full_version(text):
    number, _, build = text.partition("+")
    return ".".join((number.split(".") + ["0", "0"])[:3]) + "+" + (build or "0")


def outcome(lines):
    """What runs (None: nothing), whether on trial, and the names of the verdicts."""
    runs = [m for m in (re.match(r"\*\*\* .*, version ([^ ,]*)(, on trial)? \*\*\*", line) for line in lines) if m]
    verdicts = [m.group(1) for m in (re.match(r"W: Verdict \d+: (\S+)", line) for line in lines) if m]
    return runs[-1].group(1) if runs else None, bool(runs and runs[-1].group(2)), verdicts


NOTES = {"trial-started", "installed"}


@pytest.mark.parametrize("i", range(len(ROWS)), ids=[" | ".join(row) for row in ROWS])
def test_an_image_by_imgtool_does_what_the_table_says(consoles, i):
    options, slot, _, answer = ROWS[i]
    answer = answer.partition(":")[0]
    version, on_trial, verdicts = outcome(consoles[i])
    text = "\n".join(consoles[i])
    given = re.search(r"-v (\S+)", options)
    wanted = full_version(given.group(1) if given else "2.0.0")
    if answer in ("runs", "on trial", "for good"):
        assert version == wanted and set(verdicts) <= NOTES, text
        assert answer == "runs" or on_trial == (answer == "on trial"), text
    elif answer == "stays":
        assert version == "1.0.0+0" and verdicts == [], text
    else:
        assert answer in verdicts, text
        assert version == ("1.0.0+0" if slot.startswith("secondary") else None), text


# ---- the same by SMP ---------------------------------------------------------------------------

UPDATES = [
    ("-k rsa-2048", "keys: [rsa-2048]"),
    ("-k rsa-3072", "strategy: swap-offset, keys: [rsa-3072]"),
    ("-k ecdsa-p384", "strategy: swap-scratch, keys: [ecdsa-p384]"),
    ("-k ed25519 --sha 512", "keys: [ed25519], image_hash: sha512"),
    ("-k ed25519 --pure", "strategy: swap-offset, keys: [ed25519], signature: ed25519-pure"),
    ("-k ecdsa-p256 --public-key-format full", "keys: [ecdsa-p256], keys_in_full: true"),
    ("-k ecdsa-p256 -E ecdsa-p256", "keys: [ecdsa-p256], encryption_key: ecdsa-p256"),
    ("-k rsa-2048 -E rsa-2048 --encrypt-keylen 256",
     "strategy: swap-scratch, keys: [rsa-2048], encryption_key: rsa-2048"),
    ("-k ed25519 -E x25519", "strategy: swap-offset, keys: [ed25519], encryption_key: x25519"),
    ("-k ecdsa-p256 --compression lzma2armthumb", "strategy: overwrite, keys: [ecdsa-p256]"),
    ("-k ed25519 -E x25519 --compression lzma2",
     "strategy: overwrite, keys: [ed25519], encryption_key: x25519"),
]


class Device:
    """A device that runs 1.0.0 and answers SMP."""

    def __init__(self, text, folder):
        device = read_device(text)
        (folder / "row.yml").write_text(profile(device, folder))
        image(base_options(device), folder / "base.hex", "primary", device)
        self.device, self.folder = device, folder
        self.sim = subprocess.Popen(
            [TANDEM, "sim", folder / "row.yml", "--state", folder / "device", "--udp", "127.0.0.1:0",
             "--program", f"primary={folder / 'base.hex'}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.url = next(line for line in self.sim.stdout if line.startswith("ready:")).split()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sim.terminate()
        self.sim.communicate()

    def image(self, options):
        image(named_keys(options, self.folder), self.folder / "image.bin", "secondary", self.device)
        return self.folder / "image.bin"

    def ask(self, *args):
        return subprocess.run([TANDEM, "-d", self.url, *args], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60)


@pytest.mark.parametrize("options, text", UPDATES)
def test_an_image_by_imgtool_is_sent_tried_and_confirmed(tmp_path, options, text):
    with Device(text, tmp_path) as device:
        accept = ["--accept", "no-revert"] if "overwrite" in text else []
        done = device.ask("update", *accept, device.image(options))
        assert done.returncode == 0, done.stdout + done.stderr
        listed = device.ask("image", "list")
        assert "2.0.0" in listed.stdout.split("slot 1")[0], listed.stdout


def test_what_only_the_device_can_see_is_told_by_why(tmp_path):
    with Device("keys: [ecdsa-p256], encryption_key: ecdsa-p256", tmp_path) as device:
        done = device.ask("update", device.image("-k ecdsa-p256 -E other-p256"))
        assert done.returncode == 1, done.stdout + done.stderr
        why = device.ask("why")
        assert "wrong-encryption-key" in why.stdout, why.stdout
