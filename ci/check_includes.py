#!/usr/bin/env python3
"""Each room includes only what it may: the includes as written, against the table of the house.

Device rooms see C's freestanding headers and string.h; a third-party library is named only in the
room that is its door. Tests and fuzzers stand beside the code and may include anything.
"""
import pathlib
import re
import sys

FREESTANDING = {"float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
                "stddef.h", "stdint.h", "stdnoreturn.h", "string.h"}

# A header instead of a room: only that one.
MAY = {
    "base": "",
    "flash": "base",
    "log": "base flash",
    "nvs": "base flash",
    "crypto": "base",
    "cbor": "base",
    "patch": "base",
    "image": "base flash crypto",
    "slot": "base flash image",
    "boot": "base flash log crypto patch image slot",
    "nsib": "base flash log crypto image",
    "pcd": "base flash log crypto image",
    "smp": "base cbor",
    "server": "base flash log nvs crypto image slot cbor smp",
    "ble": "base crypto smp",
    "client": "base image slot/room.h cbor smp",
    "keys": "base crypto",
    "layout": "base slot/room.h",
    "doctor": "base cbor image slot smp layout",
    "transport": "base smp",
}
DEVICE = "base flash log nvs crypto cbor patch image slot boot nsib pcd smp server ble".split()
MAY["sim"] = " ".join(DEVICE)
MAY["tools"] = " ".join([*MAY, "sim", "tools"])

# Rooms that keep the device's manners, though a host runs them too.
FREE = [*DEVICE, "client"]

# Who may name which library, by how its headers begin.
LIBRARIES = {
    "crypto": ("bearssl", "sodium"),
    "patch": ("Lzma2Dec.h", "LzmaDec.h"),
    "keys": ("openssl/",),
    "transport": ("uv.h",),
    "layout": ("yaml.h",),
    "doctor": ("jansson.h", "yaml.h"),
    "tools": ("uv.h", "jansson.h", "yaml.h", "zip.h", "lzma.h"),
}
ALL_LIBRARIES = ("bearssl", "sodium", "openssl/", "uv.h", "jansson.h", "yaml.h", "cbor.h",
                 "libcbor", "zip.h", "lzma.h", "LzmaDec.h", "Lzma2Dec.h", "systemd/", "curl/", "cmocka.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.M)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check(path, room):
    text = path.read_text()
    may = MAY[room].split()
    for found in INCLUDE.finditer(text):
        system, own = found.groups()
        where = f"{path}:{line_of(text, found.start())}"
        if own is not None:
            target = own.split("/")[0]
            if "/" not in own:
                yield f'{where}: "{own}": an include is written from the root: "{room}/{own}"'
            elif own.endswith("_priv.h") and target != room:
                yield f'{where}: "{own}" is private to {target}/'
            elif target != room and target not in may and own not in may:
                yield f'{where}: {room}/ may not include "{own}"'
            continue
        if system.startswith(LIBRARIES.get(room, ())):
            if path.suffix == ".h" and room == "crypto":
                yield f"{where}: <{system}>: a library stays out of crypto's headers"
        elif room in FREE and system not in FREESTANDING:
            yield f"{where}: {room}/ is device code and may not include <{system}>"
        elif system.startswith(ALL_LIBRARIES):
            yield f"{where}: {room}/ may not name the library of <{system}>"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    faults = []
    n = 0
    for path in sorted((root / "src").glob("*/*.[ch]")):
        room = path.parent.name
        if room not in MAY:
            faults.append(f"{path}: no such room: {room}/")
            continue
        if path.stem.endswith(("_test", "_fuzz")):
            continue
        n += 1
        faults += check(path, room)
    for path in sorted((root / "src").glob("*/*/**/*.[ch]")):
        faults.append(f"{path}: a room has no rooms in it")
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"includes: {n} files keep to the table")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
