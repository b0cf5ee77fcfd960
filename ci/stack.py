#!/usr/bin/env python3
"""The deepest stack below a function, from what gcc -fcallgraph-info=su wrote beside the objects.

    ci/stack.py BUILD_FOLDER FUNCTION...

Adds up the frames along the deepest way down, over every call that the compiler left in the device
rooms, BearSSL and libsodium. A call through a pointer counts as the deepest of the functions that
it may reach (Pointers). What the board hands in (BOARD) is the board's to know and comes on top,
as an interrupt's frame does. A function of libgcc or of the C library counts LIBRARY bytes. Where
pointers close a ring (a source of bytes that reads from another one), each function of the ring
counts once; a ring of plain calls is recursion, and a fault.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys

LIBRARY = 32
# Tables that the board fills. The rooms hold no function for most of their members.
BOARD = set("""td_boot_hooks td_boot_counters td_boot_stage td_boot_follower td_image_work td_flash_ops
    td_nsib_hooks td_pcd_port td_b0n_port td_recovery_config td_server_hooks
    td_server_facts td_server_clock td_server_os td_server_stat td_server_settings td_server_files
    td_server_shell td_server_nvs_settings""".split())

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?')
CALLED = re.compile(r"(?:\b(\w+)(?:\[[^\]]*\])?\)?\s*(?:->|\.)\s*)?\b([A-Za-z_]\w*)\)?\s*\(")
STORED = re.compile(r"(?:->|\.)(\w+)\s*=\s*&?(\w+)\b(?!\s*[(\[.>-])")
OWNER = re.compile(r"\bstruct\s+(\w+)\b(?![^;]*\bstruct\s+\w+\b)[^;]*$")
TABLE = re.compile(r"(?:\bstruct\s+(\w+)|\b(br_\w+))\s*(?:\w+(?:\[\w*\])?\s*=|\))\s*\{([^;]*)\}")
NESTED = re.compile(r"(?:->|\.)(\w+)\s*=\s*\{([^;{}]*)\}")
STRUCT = re.compile(r"\bstruct\s+(\w+?)?_?\s*\{(.*?)\n\}\s*(\w+)?", re.S)
DECLARED = re.compile(r"(?:\bstruct\s+(\w+)|\b(br_\w+))\s*(?:\*+\s*(?:const\s+)?)?(\w+)\s*(?=[;,)=\[])")


def short(title):
    """A function's name without its file and what the compiler appended to it."""
    return re.sub(r"\.(constprop|isra|part|cold)\b.*", "", title.rsplit(":", 1)[-1])


class Graph:
    """What the compiler wrote: frames, calls, and the places of calls through pointers."""

    def __init__(self, build):
        self.frame = {}
        self.calls = collections.defaultdict(set)
        self.sites = collections.defaultdict(set)
        self.source = {}
        here = f"{pathlib.Path.cwd()}/src/"
        seen = os.path.relpath(here, build) + "/"
        for path in sorted(build.rglob("*.ci")):
            if "/tests/" not in str(path) and "/port/" not in str(path):
                # A compiler cache may have made the sources' names relative to the build folder.
                self.read(path.read_text().replace(seen, here))

    def read(self, text):
        file = re.search(r'^graph: \{ title: "([^"]+)"', text)[1]
        for title, label in NODE.findall(text):
            size = re.search(r"\\n(\d+) bytes", label)
            if size:
                self.frame[title] = int(size[1])
                self.source[title] = file
        for caller, callee, where in EDGE.findall(text):
            if callee == "__indirect_call":
                self.sites[caller].add(where)
            else:
                self.calls[caller].add(callee)


class Pointers:
    """Which functions a call through a pointer may reach.

    x->m(...) reaches what is stored as .m in a table of a type that x is declared with; a call
    through a parameter or a variable, what its file hands around as a value.
    """

    def __init__(self, graph, taken):
        self.text = {}
        self.faults = []
        self.by_name = collections.defaultdict(set)
        for title in graph.frame:
            self.by_name[short(title)].add(title)
        self.members = {}                                # of a type: its pointers to functions
        self.types = collections.defaultdict(set)        # of a variable or member: its types
        files = sorted(set(graph.source.values()))
        for file in [*sorted(pathlib.Path("src").rglob("*.h")), *files,
                     *sorted(pathlib.Path(".cache/sources/bearssl/inc").glob("*.h"))]:
            text = "\n".join(self.lines(file))
            for tag, body, name in STRUCT.findall(text):
                for kind in filter(None, (tag, name)):
                    self.members[kind] = re.findall(r"\(\*(\w+)\)", body)
            for tag, kind, name in DECLARED.findall(text):
                self.types[name].add(tag or kind)
        self.stored = collections.defaultdict(set)       # (type, member): functions
        listed = set()
        for file in files:
            listed |= self.read_tables(file, "\n".join(self.lines(file)))
        self.loose = collections.defaultdict(set)        # of a file: handed around as values
        for title in graph.frame:
            file = graph.source[title]
            is_static = ":" in title
            if title not in listed and (file if is_static else "", short(title)) in taken:
                self.loose[file].add(title)

    def lines(self, file):
        if file not in self.text:
            self.text[file] = pathlib.Path(file).read_text(errors="replace").splitlines()
        return self.text[file]

    def named(self, file, name):
        """The functions that a name means in a file: its own, or one that all may call."""
        titles = self.by_name.get(name, set())
        return {t for t in titles if t.startswith(file + ":")} or {t for t in titles if ":" not in t}

    def read_tables(self, file, text):
        """Notes what a file stores under which name; answers the functions."""
        listed = set()
        for found in STORED.finditer(text):
            member, name = found.groups()
            functions = self.named(file, name)
            if functions:
                owner = OWNER.search(text, max(found.start() - 4000, 0), found.start())
                kind = owner[1] if owner and member in self.members.get(owner[1], []) else None
                self.stored[kind, member] |= functions
                listed |= functions
        # Values without names: each may be any member.
        tables = [(tag or kind, body) for tag, kind, body in TABLE.findall(text)]
        tables += [(k, body) for name, body in NESTED.findall(text) for k in self.types[name]]
        for kind, body in tables:
            for name in re.findall(r"(?:[{,]\s*|&)(\w+)(?=\s*[,}])", "{" + body + "}"):
                for member in self.members.get(kind, []):
                    self.stored[kind, member] |= self.named(file, name)
                    listed |= self.named(file, name)
        return listed

    def kinds(self, file, owner, member):
        """The types of owner that have such a member: as its file declares it, else as any."""
        here = {tag or kind for tag, kind, name in DECLARED.findall("\n".join(self.lines(file)))
                if name == owner}
        for kinds in here, self.types[owner], self.members:
            fitting = {k for k in kinds if member in self.members.get(k, [])}
            if fitting:
                return fitting
        return set()

    def targets(self, where):
        file, line, column = where.rsplit(":", 2)
        lines = self.lines(file)[int(line) - 1:int(line) + 5]
        statement = " ".join(lines)[max(int(column) - 3, 0):].split(";")[0]
        found, known = set(), False
        for owner, name in CALLED.findall(statement):
            kinds = self.kinds(file, owner, name) if owner else set()
            known |= bool(kinds)
            if kinds:
                found |= self.stored[None, name].union(*(self.stored[k, name] for k in kinds))
            if kinds and not found and not kinds & BOARD:
                self.faults.append(f"{where}: nothing is stored as {name}")
        if not known:
            found = self.loose.get(file) or set().union(*self.loose.values())
        return found


def taken_addresses(build):
    """Functions whose address is in a table, or loaded by code: (file, name), and ("", name)."""
    taken = set()
    for obj in build.rglob("*.obj"):
        file = str(pathlib.Path.cwd() / str(obj).split(".dir/", 1)[1].removesuffix(".obj"))
        section = ""
        text = subprocess.run(["arm-none-eabi-objdump", "-r", str(obj)], check=True,
                              capture_output=True, text=True).stdout
        for line in text.splitlines():
            if line.startswith("RELOCATION"):
                section = line.split("[")[1].rstrip("]:")
            fields = line.split()
            if len(fields) != 3 or section.startswith((".debug", ".ARM")):
                continue
            if re.search(r"ABS|MOV", fields[1]):
                name = re.sub(r"[+-]0x.*$", "", fields[2])
                name = short(name.removeprefix(".text."))
                taken |= {(file, name), ("", name)}
    return taken


def rings(nodes, edges):
    """Strongly connected components, deepest first (Tarjan, without recursion)."""
    index, low, on, stack, out = {}, {}, set(), [], []
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(sorted(edges(root))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on.add(root)
        while work:
            node, rest = work[-1]
            for nxt in rest:
                if nxt not in index:
                    index[nxt] = low[nxt] = len(index)
                    stack.append(nxt)
                    on.add(nxt)
                    work.append((nxt, iter(sorted(edges(nxt)))))
                    break
                if nxt in on:
                    low[node] = min(low[node], index[nxt])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = set()
                    while node not in ring:
                        ring.add(stack.pop())
                    on -= ring
                    out.append(ring)
    return out


def deepest(build, functions):
    """For each function: (bytes, the way down), and the faults."""
    graph = Graph(build)
    pointers = Pointers(graph, taken_addresses(build))
    through = {f: set().union(*(pointers.targets(w) for w in sites))
               for f, sites in graph.sites.items()}

    def plain(node):
        return graph.calls.get(node, set())

    def every(node):
        return plain(node) | through.get(node, set())

    faults = [f"{', '.join(sorted(map(short, r)))}: recursion" for r in rings(functions, plain)
              if len(r) > 1 or r & plain(next(iter(r)))]
    depth, way = {}, {}
    for ring in rings(functions, every):
        below = set().union(*map(every, ring)) - ring
        best = max(below, key=lambda n: depth[n], default=None)
        own = sum(graph.frame.get(n, LIBRARY) for n in ring)
        for node in ring:
            depth[node] = own + (depth[best] if best else 0)
            way[node] = (own, ring, best)
    return {f: (depth[f], trace(f, way)) for f in functions}, faults + pointers.faults


def trace(node, way):
    steps = []
    while node:
        own, ring, below = way[node]
        names = sorted(map(short, ring))
        steps.append((" | ".join(names), own))
        node = below
    return steps


def main():
    found, faults = deepest(pathlib.Path(sys.argv[1]), sys.argv[2:])
    for function, (size, steps) in found.items():
        print(f"{function}: {size} bytes")
        for name, own in steps:
            print(f"  {own:5} {name}")
    for fault in faults:
        print(f"stack: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
