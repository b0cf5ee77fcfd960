"""smpclient's own integration suite, unmodified, with our virtual device in the place of Zephyr's
servers.

The suite comes with smpclient's sources. It starts what its manifest.json describes; ours has the
same entries, each with a profile that says the same: buffers, lines, framing, groups, recovery.
Only how a server is started is ours (standin.py). Two things are added to it:

- Entries whose server is not among the vendored files, or that runs on a board alone, are run too.
- Zephyr's ptys lose bursts, and one emulator hangs on them, so the suite skips what is longer than
  two or three lines there. Ours loses none: each of those entries stands there once more, as a
  serial line behind a socket, target "virtual".
"""

import collections
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import sys
import xml.etree.ElementTree

import pytest

from conftest import TANDEM, run, tandem

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = {"os": "os", "img": "image", "stat": "stat", "settings": "settings", "fs": "fs",
          "shell": "shell", "enum": "enum", "zbasic": "basic"}
RAM_AT = 0x20240000     # where the images of mps2_an385 are linked to run

PROFILE = """\
name: {name}
board: a stand-in for {artifact}
flash:
  - name: flash
    size: 0x100000
    sectors: [ {{ count: 256, size: 4096 }} ]
    write_size: 4
    writes_per_word: 2
partitions:
  primary:   {{ offset: 0x00000, size: 0x40000 }}
  secondary: {{ offset: 0x40000, size: 0x40000 }}
  storage:   {{ offset: 0x80000, size: 0x04000 }}
boot:
  strategy: {strategy}
  signature: none
{boot}server:
  groups: [ {groups} ]
  access: open
  buf_size: {buf_size}
  buf_count: {buf_count}
  params: {params}
  reset_delay_ms: 50
"""

RECOVERY = """\
recovery:
  framing: {framing}
  entry: [ boot-mode ]
  buf_size: {buf_size}
"""


def framing_of(entry):
    """Of the recovery server; the application's is raw or the console's."""
    if entry["config"].endswith("raw_cobs"):
        return "cobs"
    return "raw" if entry["transport"] == "serial_raw" else "console"


def profile_of(entry, image):
    loads = image is not None and entry["target"] == "mps2_an385"
    text = PROFILE.format(
        name=entry["config"].replace("_", "-"),
        artifact=entry["artifact"][:90],
        strategy="ram-load" if loads else "swap-move",
        boot=f"  ram: {{ address: {RAM_AT:#x}, size: 0x80000 }}\n" if loads else "",
        groups=", ".join(GROUPS[g] for g in entry["groups"]),
        buf_size=entry["buf_size"],
        buf_count=entry["buf_count"],
        params="false" if "noparams" in entry["config"] else "true",
    )
    if entry["serial_recovery"]:
        text += RECOVERY.format(framing=framing_of(entry),
                                buf_size=entry.get("recovery_buf_size", 1024))
    return text


class Desk:
    """A folder of stand-ins: manifest, artifacts, checksums."""

    def __init__(self, folder, theirs, app):
        self.folder, self.theirs, self.app = folder, theirs, app
        self.entries = []

    def image_of(self, entry):
        """The signed image that belongs to an entry with the image group."""
        name = entry["artifact"].replace(".merged.hex", ".hex").replace(".hex", ".signed.bin")
        image = self.folder / name
        if not image.exists():
            found = self.theirs / name
            shutil.copyfile(found if found.exists() else self.app, image)
        return image

    def write(self, entry, link, where=""):
        image = self.image_of(entry) if "img" in entry["groups"] else None
        stem = self.folder / entry["artifact"]
        profile = stem.with_name(stem.name + ".yml")
        profile.write_text(profile_of(entry, image))
        notes = stem.with_name(stem.name + ".json")
        notes.write_text(json.dumps({
            "tandem": str(TANDEM),
            "profile": str(profile),
            "program": ["--program", f"slot0={image or self.app}"],
            "link": link,
            "where": where,
            "options": "?framing=raw" if entry["transport"] == "serial_raw" else "",
        }))
        start = f"{sys.executable} -I -S {HERE / 'standin.py'} {notes}"
        if link == "--tcp":
            entry = {**entry, "run": None, "qemu_cmd": f"{start} <PORT>"}
            stem.write_text(f"a virtual device stands in for this file: {start}\n")
        else:
            entry = {**entry, "run": f"./{entry['artifact']}", "qemu_cmd": None}
            stem.write_text(f"#!/bin/sh\nexec {start}\n")
        self.entries.append(entry)

    def add(self, entry):
        if entry["run"] is None and entry["qemu_cmd"] is None:
            # The suite knows a recovery server by its config, and means the emulated one.
            entry = {**entry, "config": entry["config"] + "_board"}
        if entry["transport"] == "udp":
            host = "[::1]" if entry["ip_family"] == "ipv6" else "127.0.0.1"
            self.write(entry, "--udp", f"{host}:{entry['udp_port']}")
        else:
            self.write(entry, "--pty" if entry["run"] else "--tcp")
        # test_non_default_line_length wants its one entry on a pty.
        if (entry["run"] and entry["transport"] != "udp" and entry["config"] != "serial_line512" or
                entry["target"] == "qemu_cortex_m0"):
            stem, suffix = entry["artifact"].replace(".merged.", ".").rsplit(".", 1)
            self.write({**entry, "target": "virtual_" + entry["target"],
                        "artifact": f"{stem}_virtual.{suffix}"}, "--tcp")

    def close(self):
        (self.folder / "manifest.json").write_text(json.dumps(self.entries, indent=1))
        sums = [f"{hashlib.sha256((self.folder / e['artifact']).read_bytes()).hexdigest()}  "
                f"{e['artifact']}\n" for e in self.entries]
        (self.folder / "SHA256SUMS").write_text("".join(sums))


@pytest.fixture(scope="module")
def suite(zephyr, tmp_path_factory):
    """A copy of their tests, beside fixtures of ours; and the manifest as they have it."""
    sources = zephyr.parents[2]
    installed = importlib.metadata.version("smpclient")
    assert sources.name == f"smpclient-{installed}", "the suite is not that of the installed library"
    top = tmp_path_factory.mktemp("suite")
    shutil.copytree(sources / "tests" / "integration", top / "tests" / "integration")
    (top / "tests" / "__init__.py").touch()
    fixtures = top / "tests" / "fixtures" / "smp-server"
    fixtures.mkdir(parents=True)
    tandem("sim-app", top / "app.raw", "--name", "stand-in", "--size", 40000)
    tandem("sign", "-v", "1.0.0", "-H", "0x200", "--pad-header", "-S", "0x40000", "--align", "4",
           top / "app.raw", top / "app.bin")
    manifest = json.loads((zephyr / "manifest.json").read_text())
    desk = Desk(fixtures, zephyr, top / "app.bin")
    for entry in manifest:
        if entry["transport"] != "bt":
            desk.add(entry)
    desk.close()
    return top, manifest, desk.entries


def outcomes(report):
    """Of each case: (name, "passed" | "skipped" | "failed", why)."""
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        bad = [c for c in case if c.tag in ("failure", "error")]
        skip = case.find("skipped")
        why = (bad[0].get("message") or "") if bad else skip.get("message") if skip is not None else ""
        what = "failed" if bad else "skipped" if skip is not None else "passed"
        yield case.get("name"), what, why


# Of each file of the suite, how many of its tests pass at least; the others are skipped.
FILES = {
    "test_enumeration.py": 100,
    "test_file_management.py": 15,
    "test_fragmentation.py": 98,
    "test_image_management.py": 21,
    "test_os_management.py": 198,
    "test_serial_raw.py": 4,
    "test_serial_recovery.py": 4,
    "test_udp.py": 6,
}


def test_the_suite_is_the_one_that_is_known(suite):
    top, manifest, entries = suite
    found = {f.name for f in (top / "tests" / "integration").glob("test_*.py")}
    assert found == set(FILES)
    twins = [e for e in entries if e["target"].startswith("virtual")]
    assert len(twins) == 16
    assert len(entries) == len([e for e in manifest if e["transport"] != "bt"]) + len(twins)


def run_suite(top, file, *wanted):
    """Runs tests of a file; {name: (what, why)}, and what pytest said."""
    report = top / f"{file}.xml"
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "90",
               "-o", "asyncio_default_fixture_loop_scope=function", "-W", "ignore",
               f"--junitxml={report}", *wanted, cwd=top, ok=None, timeout=880,
               env={"PYTHONPATH": str(top), "PYTHONDONTWRITEBYTECODE": "1"})
    assert report.exists(), done.stdout + done.stderr
    return {name: (what, why) for name, what, why in outcomes(report)}, done.stdout[-3000:]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("file", sorted(FILES))
def test_their_suite_passes_against_our_device(suite, file):
    top, _, entries = suite
    path = f"tests/integration/{file}"
    selected = os.environ.get("SMPCLIENT_TESTS")    # an expression for -k, while one is at work
    cases, said = run_suite(top, file, path, *(["-k", selected] if selected else []))
    # The suite gives a process 2.5 s to listen; where nine others want the processor that may not do.
    late = [name for name, (what, why) in cases.items() if what == "failed" and "never accepted" in why]
    if late:
        again, said = run_suite(top, file, *[f"{path}::{name}" for name in late])
        cases.update(again)
    counts = collections.Counter(what for what, _ in cases.values())
    print(f"\nsmpclient's {file}: {len(cases)} tests of {len(entries)} servers, "
          f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped, "
          f"{len(late)} begun twice")
    skipped = collections.Counter(why for what, why in cases.values() if what == "skipped")
    for why, n in skipped.items():
        print(f"  skipped {n:3}: {why}")
    failed = [f"{name}: {why[:300]}" for name, (what, why) in cases.items() if what == "failed"]
    assert not failed, "\n".join(failed) + "\n" + said
    assert all(meant(why) for why in skipped)
    assert selected or counts["passed"] >= FILES[file], counts


def meant(why):
    """Skips by which the suite chooses what a test is about; none is for want of a server."""
    return any(part in why for part in (
        "serial + MCUmgr params required", "only the params-disabled", "serial line-packet",
        "serial transport", "buf_size too small", "params command disabled", "raw UART transport",
        "UDP transport only", "line packets (> reliable"))
