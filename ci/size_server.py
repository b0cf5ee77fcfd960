#!/usr/bin/env python3
"""What each group of the server weighs on a device, and what an open upload costs in RAM.

    ci/size_server.py BUILD_FOLDER     a folder that `make build-arm` made

A group's text is what the linker adds to the server without groups when a config names that group
alone, the crypto library left out; what two groups share counts for both. Its stack is the deepest way down from its handlers,
without what back ends and the board's hooks need.
"""
import pathlib
import re
import subprocess
import sys

import stack

ROOMS = "base flash log nvs crypto cbor image slot smp server".split()
CORE = "init handle work busy would_wait owes link_down".split()
# The group's table, and how the names of its handlers begin.
GROUPS = {"os": "os", "image": "img", "stat": "stat", "settings": "settings", "fs": "fs",
          "shell": "shell", "enum": "enum", "basic": "basic", "tandem": "tandem"}
RAM = {"server": "struct td_server", "upload": "((struct td_server *)0)->upload",
       "job": "((struct td_server *)0)->job", "file": "((struct td_server *)0)->file",
       "hashing": "((struct td_server *)0)->hashing"}


def tool(name, *args, **more):
    return subprocess.run([f"arm-none-eabi-{name}", *map(str, args)], check=True,
                          capture_output=True, text=True, **more).stdout


def objects(build):
    found = []
    for room in ROOMS:
        folder = build / "CMakeFiles" / f"room_{room}.dir" / "src" / room
        live = {s.name for s in pathlib.Path("src", room).glob("*.c")}
        found += [o for o in sorted(folder.glob("*.obj")) if o.name[:-4] in live]
    return found


def linked(build, objs, keep):
    """Bytes of text and data of what the linker keeps for these symbols."""
    out = build / "server.o"
    tool("ld", "-r", "--gc-sections", *[f"--undefined={s}" for s in keep], "-o", out, *objs)
    text = data = 0
    for line in tool("size", "-A", out).splitlines():
        fields = line.split()
        if len(fields) != 3 or not fields[1].isdigit():
            continue
        if re.match(r"\.(text|rodata)", fields[0]):
            text += int(fields[1])
        elif re.match(r"\.(data|bss)|COMMON", fields[0]):
            data += int(fields[1])
    return text, data


def handlers(objs):
    """The handlers of each group: what the room's objects export under the group's name."""
    listed = tool("nm", "--defined-only", "-g", *[o for o in objs if o.parent.name == "server"])
    names = sorted(set(re.findall(r"^\w+ T (td_server_\w+)$", listed, re.M)))
    return {group: [n for n in names if n.startswith(f"td_server_{prefix}_")]
            for group, prefix in GROUPS.items()}


def ram(build):
    """Bytes of each structure of RAM, as the device's own compiler lays it out."""
    lines = ['#include "server/server.h"'] + [f"char ram_{n}[sizeof({t})];" for n, t in RAM.items()]
    out = build / "ram.o"
    tool("gcc", f"-mcpu={build.name}", "-mthumb", "-std=c11", "-Isrc", "-xc", "-c", "-o", out, "-",
         input="\n".join(lines))
    return {m[2]: int(m[1], 16)
            for m in re.finditer(r"^\w+ (\w+) \w ram_(\w+)$", tool("nm", "-S", out), re.M)}


def main():
    build = pathlib.Path(sys.argv[1])
    objs = objects(build)
    core = [f"td_server_{name}" for name in CORE]
    base = linked(build, objs, core)
    by_group = handlers(objs)
    entries = core + [name for names in by_group.values() for name in names]
    found, _ = stack.deepest(build, entries)

    print(f"{build.name}: the server")
    print(f"  {'group':10} {'text':>7} {'data':>5} {'stack':>6}")
    for name, keep, below in [("none", core, [])] + [
            (group, core + [f"td_server_group_{group}"], names)
            for group, names in by_group.items()]:
        text, data = linked(build, objs, keep)
        deep = max((found[f][0] for f in below), default=0)
        more = (text, data) if name == "none" else (text - base[0], data - base[1])
        print(f"  {name:10} {more[0]:7} {more[1]:5} {deep or '':>6}")
    text, data = linked(build, objs, core + [f"td_server_group_{g}" for g in GROUPS])
    print(f"  {'all':10} {text:7} {data:5} {found['td_server_handle'][0]:6}")
    sizes = ram(build)
    print(f"  RAM: {sizes['server']} bytes for the server, of these {sizes['upload']} for the open "
          f"upload, {sizes['job']} for what it waits for,\n       {sizes['file']} for an open file, "
          f"{sizes['hashing']} for a file's hash; and a buffer to hold one request")


if __name__ == "__main__":
    main()
