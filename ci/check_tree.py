#!/usr/bin/env python3
"""What no compiler says about the files that git holds.

- C files are as .clang-format has them.
- Device rooms: no heap, no stdio, no mutable variable at file scope, no #if inside a function,
  no function of the C library but mem*.
- No file names a registry's host, a folder of one machine, or work that was left for later.
"""
import pathlib
import re
import shutil
import subprocess
import sys

DEVICE = "base flash log nvs crypto cbor patch image slot boot nsib pcd smp server client".split()

# Put together here, so that this file does not hold what it looks for.
HOSTS = ["deb." + "debian.org", "security." + "debian.org", "snapshot." + "debian.org",
         "py" + "pi.org", "files.python" + "hosted.org", "crates" + ".io", "proxy." + "golang.org",
         "registry." + "npmjs.org"]
FOLDERS = [r"(?<![\w.$}/-])/" + name + r"/" for name in ("work", "home/\\w+", "root")]
LATER = [r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", r"\bXX" + r"X\b"]

LIBC = re.compile(
    r"\b(malloc|calloc|realloc|free|printf|fprintf|sprintf|snprintf|vsnprintf|puts|putchar|strlen|"
    r"strcmp|strncmp|strcpy|strncpy|strcat|strchr|strrchr|strstr|strtol|strtoul|atoi|abort|exit|"
    r"assert|qsort|bsearch|setjmp|longjmp|alloca|time|clock)\s*\(")
VARIABLE = re.compile(r"^(?!typedef\b|extern\b)(?:static\s+)?(?:[A-Za-z_]\w*[\s*]+)+\w+\s*"
                      r"(?:\[[^\]]*\]\s*)*(?:=|;)", re.M)
FUNCTION_IF = re.compile(r"^\{\n(?:(?!^\}).*\n)*?^\s*#\s*(?:if|ifdef|ifndef)\b", re.M)


def stripped(text):
    """The text without comments and strings, line for line."""
    def blank(found):
        return re.sub(r"[^\n]", " ", found.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def files(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", *patterns], check=True, capture_output=True)
    return [pathlib.Path(name) for name in out.stdout.decode().split("\0")
            if name and pathlib.Path(name).is_file()]


def at(text, found):
    return text.count("\n", 0, found.start()) + 1


def device_faults(path):
    text = stripped(path.read_text())
    for found in LIBC.finditer(text):
        yield f"{path}:{at(text, found)}: {found[1]}() is not for device code"
    for found in VARIABLE.finditer(text):
        line = found[0]
        if "const" not in line.split("=")[0] and not line.startswith(("return", "struct {", "enum {")):
            if re.match(r"(struct|union|enum)\s+\w+\s*;", line):
                continue
            yield f"{path}:{at(text, found)}: a variable at file scope that is not const"
    for line in re.finditer(r"^[ \t]+static\s+(?![^;=({]*\bconst\b)(?!inline\b|_Noreturn\b)[^;=(]*[;=]",
                            text, re.M):
        yield f"{path}:{at(text, line)}: a static variable that is not const"
    found = FUNCTION_IF.search(text)
    if found:
        yield f"{path}:{at(text, found)}: #if inside a function"


def text_faults(path):
    if path.parts[:2] == ("tests", "corpus") or path.parts[:2] == ("tests", "golden"):
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for host in HOSTS:
        if host in text:
            yield f"{path}: names the host {host}"
    for pattern in (*FOLDERS, *LATER):
        found = re.search(pattern, text)
        if found:
            yield f"{path}:{at(text, found)}: {found[0].strip()}"
    if text and not text.endswith("\n"):
        yield f"{path}: the last line has no end"


def format_faults(paths):
    if shutil.which("clang-format") is None:
        yield "clang-format is missing"
        return
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, paths)],
                          capture_output=True, text=True)
    if done.returncode:
        named = sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: error", done.stderr, re.M)))
        for name in named or [done.stderr.strip()]:
            yield f"{name}: not as .clang-format has it (make format)"


def main():
    faults = []
    for room in DEVICE:
        for path in files(f"src/{room}/*.c", f"src/{room}/*.h"):
            if not path.stem.endswith(("_test", "_fuzz")):
                faults += device_faults(path)
    everything = files()
    for path in everything:
        faults += text_faults(path)
    faults += format_faults(files("*.c", "*.h"))
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"tree: {len(everything)} files keep their manners")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
