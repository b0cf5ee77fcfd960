#!/usr/bin/env python3
"""What the device rooms weigh on Cortex-M0 and Cortex-M33, and whether they keep their manners.

    ci/size.py BUILD_FOLDER...     folders that `make build-arm` made

Fails when a room has anything in .data or .bss; calls 64-bit division or floating point; has a
stack frame above FRAME_MAX bytes or without a bound; when all rooms together, linked with
BearSSL, libsodium and libgcc, still lack a symbol other than mem*; or when the stack below one of
ENTRIES cannot be added up.
"""
import pathlib
import re
import subprocess
import sys

import stack

MEM = {"memcpy", "memmove", "memset", "memcmp"}
ROOMS = "base flash log nvs crypto cbor patch image slot boot nsib pcd smp server".split()
FRAME_MAX = 1024
# What a board calls: below these the stack is added up (ci/stack.py).
ENTRIES = "td_boot_go td_nsib_go td_b0n_go".split()
FORBIDDEN = re.compile(
    r"__aeabi_(u?ldivmod|[dfhi]\w*2[dfh]\b|[dfcu]?[df](add|sub|mul|div|cmp)|[cd](cmp|f)\w*)")
SUMMED = (("text", re.compile(r"\.(text|rodata)")), ("data", re.compile(r"\.(data|sdata|tm_clone)")),
          ("bss", re.compile(r"\.(bss|sbss)|COMMON")))


def tool(name, *args):
    done = subprocess.run([f"arm-none-eabi-{name}", *map(str, args)], check=True,
                          capture_output=True, text=True)
    return done.stdout


def weigh(files):
    """Bytes of text, data and bss over all the objects (or archives) given."""
    sums = dict.fromkeys(("text", "data", "bss"), 0)
    for line in tool("size", "-A", *files).splitlines():
        fields = line.split()
        if len(fields) != 3 or not fields[1].isdigit():
            continue
        for name, pattern in SUMMED:
            if pattern.match(fields[0]):
                sums[name] += int(fields[1])
    return sums


def undefined(path):
    return {line.split()[-1] for line in tool("nm", "-u", path).splitlines() if line.strip()}


def defined(path):
    return {line.split()[-1] for line in tool("nm", "--defined-only", "-g", path).splitlines()
            if len(line.split()) == 3}


def called(path):
    """What a linked object really refers to; nm also lists what only discarded sections did."""
    return {re.split(r"[+-]0x", line.split()[2])[0] for line in tool("objdump", "-r", path).splitlines()
            if len(line.split()) == 3 and line.split()[1].startswith("R_ARM")}


def deepest(room):
    """The room's largest stack frame, from what -fstack-usage wrote beside the objects."""
    best = (0, "")
    for path in room.rglob("*.su"):
        for line in path.read_text().splitlines():
            where, size, kind = line.rsplit("\t", 2)
            name = where.rsplit(":", 1)[-1]
            if "dynamic" in kind and "bounded" not in kind:
                name += " (no bound)"
            best = max(best, (int(size), name))
    return best


def check(build):
    faults = []
    objects = {}
    for room in ROOMS:
        folder = build / "CMakeFiles" / f"room_{room}.dir"
        found = sorted(folder.rglob("*.obj")) if folder.is_dir() else []
        live = {str(s.relative_to("src")) for s in pathlib.Path("src", room).glob("*.c")}
        objects[room] = [o for o in found
                         if str(o.relative_to(folder / "src"))[:-4] in live]

    print(f"{build.name}")
    print(f"  {'room':8} {'text':>7} {'data':>5} {'bss':>5}   largest frame")
    total = dict.fromkeys(("text", "data", "bss"), 0)
    for room in ROOMS:
        if not objects[room]:
            continue
        sums = weigh(objects[room])
        size, name = deepest(build / "CMakeFiles" / f"room_{room}.dir")
        print(f"  {room:8} {sums['text']:7} {sums['data']:5} {sums['bss']:5}   {size:5} {name}")
        for key, value in sums.items():
            total[key] += value
        for key in ("data", "bss"):
            if sums[key]:
                faults.append(f"{room}: {sums[key]} bytes of .{key}: variables at file scope")
        if size > FRAME_MAX:
            faults.append(f"{room}: {name} takes {size} bytes of stack, more than {FRAME_MAX}")
        if "(no bound)" in name:
            faults.append(f"{room}: {name}: the stack frame has no bound")
        for obj in objects[room]:
            for symbol in sorted(undefined(obj)):
                if FORBIDDEN.match(symbol):
                    faults.append(f"{room}: {obj.stem} calls {symbol}")
    print(f"  {'rooms':8} {total['text']:7} {total['data']:5} {total['bss']:5}")

    # Everything that a room exports is kept, everything else is kept when it is called.
    everything = [o for room in ROOMS for o in objects[room]]
    libs = [build / "libsodium.a", build / "libbearssl.a"]
    libgcc = subprocess.run(
        ["arm-none-eabi-gcc", f"-mcpu={build.name}", "-mthumb", "-mfloat-abi=soft",
         "-print-libgcc-file-name"], check=True, capture_output=True, text=True).stdout.strip()
    keep = [f"--undefined={s}" for o in everything for s in sorted(defined(o))]
    whole = build / "whole.o"
    tool("ld", "-r", "--gc-sections", *keep, "-o", whole, *everything, "--start-group", *libs,
         libgcc, "--end-group")
    sums = weigh([whole])
    print(f"  {'linked':8} {sums['text']:7} {sums['data']:5} {sums['bss']:5}   "
          "with BearSSL, libsodium, libgcc; every algorithm in it")
    lacking = sorted(undefined(whole) & called(whole) - MEM)
    if lacking:
        faults.append(f"undefined symbols beside mem*: {' '.join(lacking)}")

    deepest_below, unknown = stack.deepest(build, ENTRIES)
    for entry, (size, way) in deepest_below.items():
        print(f"  {entry:12} {size:5} bytes of stack at most: {' > '.join(n for n, _ in way)}")
    faults += unknown
    return [f"{build.name}: {fault}" for fault in faults]


def main():
    faults = [fault for build in sys.argv[1:] for fault in check(pathlib.Path(build))]
    for fault in faults:
        print(f"size: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
