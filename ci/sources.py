#!/usr/bin/env python3
"""Unpacks the source packages that devices are built from into .cache/sources/.

The packages come through apt from where this machine's own packages come from: the system's
sources are read, those of the running Debian release are written out once more as deb-src into a
private folder, and apt is pointed there. The system's own lists stay as they are. What was
fetched is held to its SHA-256, cached, and fetched again only when it is missing.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"

# folder, source package, upstream tarball, SHA-256
PACKAGES = [
    ("bearssl", "bearssl", "bearssl_0.6+dfsg.1.orig.tar.xz",
     "102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004"),
    ("libsodium", "libsodium", "libsodium_1.0.18.orig.tar.gz",
     "d59323c6b712a1519a5daf710b68f5e7fde57040845ffec53850911f10a5d4f4"),
]


def is_good(path, digest):
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def codename():
    text = pathlib.Path("/etc/os-release").read_text()
    found = re.search(r'^VERSION_CODENAME="?(\w+)', text, re.M)
    return found.group(1) if found else "stable"


def stanzas(release):
    """The system's entries for this release's main component, as deb822 stanzas for deb-src."""
    folder = pathlib.Path("/etc/apt")
    for path in sorted([folder / "sources.list", *folder.glob("sources.list.d/*")]):
        if not path.is_file():
            continue
        text = path.read_text()
        if path.suffix == ".sources":
            for block in re.split(r"\n\s*\n", text):
                lines = [line for line in block.splitlines() if not line.startswith("#")]
                fields = {}
                for line in lines:
                    if line[:1].isspace() and fields:
                        fields[list(fields)[-1]] += "\n" + line
                    elif ":" in line:
                        name, value = line.split(":", 1)
                        fields[name.strip().lower()] = value.strip()
                if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
                    continue
                if release not in fields.get("suites", "").split():
                    continue
                if "main" not in fields.get("components", "").split():
                    continue
                fields.update(types="deb-src", suites=release, components="main")
                fields.pop("architectures", None)
                yield fields
        elif path.suffix == ".list":
            for line in text.splitlines():
                found = re.match(r"\s*deb(?:-src)?\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
                if not found or found[3] != release or "main" not in found[4].split():
                    continue
                fields = {"types": "deb-src", "uris": found[2], "suites": release,
                          "components": "main"}
                for option in (found[1] or "").split():
                    name, _, value = option.partition("=")
                    if name in ("signed-by", "trusted"):
                        fields[name] = value
                yield fields


def fetch(names):
    folder = CACHE / "apt"
    for sub in ("parts", "lists/partial", "cache/archives/partial", "download"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    found = list(stanzas(codename()))
    if not found:
        sys.exit("sources: no Debian entry in the system's apt sources")
    (folder / "parts" / "source.sources").write_text(
        "\n".join("".join(f"{k.title()}: {v}\n" for k, v in one.items()) for one in found))
    options = [
        "-o", "Dir::Etc::sourcelist=/dev/null",
        "-o", f"Dir::Etc::sourceparts={folder / 'parts'}",
        "-o", f"Dir::State::lists={folder / 'lists'}",
        "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "APT::Sandbox::User=root",
        "-o", "Acquire::Retries=3",
        "-qq",
    ]
    env = {**os.environ, "LC_ALL": "C"}
    subprocess.run(["apt-get", *options, "update"], check=True, env=env)
    subprocess.run(["apt-get", *options, "--download-only", "source", *names], check=True,
                   env=env, cwd=folder / "download")
    return folder / "download"


def unpack(tarball, to, digest):
    """The tarball's single top folder becomes `to`; the stamp says of which tarball it is."""
    stamp = to / ".sha256"
    if stamp.is_file() and stamp.read_text() == digest:
        return
    fresh = to.with_name(to.name + ".fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(to, ignore_errors=True)
    with tarfile.open(tarball) as tar:
        tar.extractall(fresh)
    (top,) = fresh.iterdir()
    (top / ".sha256").write_text(digest)
    top.rename(to)
    fresh.rmdir()


def main():
    tarballs = CACHE / "tarballs"
    tarballs.mkdir(parents=True, exist_ok=True)
    (CACHE / "sources").mkdir(exist_ok=True)
    missing = [p for p in PACKAGES if not is_good(tarballs / p[2], p[3])]
    if missing:
        download = fetch([package for _, package, _, _ in missing])
        for _, package, name, digest in missing:
            if not is_good(download / name, digest):
                sys.exit(f"sources: {package}: {name} is missing or has not the pinned SHA-256")
            (download / name).rename(tarballs / name)
    for folder, _, name, digest in PACKAGES:
        unpack(tarballs / name, CACHE / "sources" / folder, digest)


if __name__ == "__main__":
    main()
