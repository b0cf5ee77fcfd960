#!/usr/bin/env python3
"""What is installed of libtandem beside its code, made from the headers in src/:

    api.py headers OUT VERSION ROOT HEADER...   the headers, under OUT/tandem/
    api.py symbols OUT VERSION ROOT HEADER...   the linker's list of what the library exports
    api.py man     OUT VERSION ROOT HEADER...   a manual page for each header, in OUT

The interface is what the headers declare that do not end in _priv.h: nothing is listed twice, so
nothing can be forgotten. A header as installed has its includes under tandem/, where nobody
else's image.h is, and its declarations inside extern "C".
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^#include (?:"([^"]+)"|<([^>]+)>)\n', re.M)
NAMED = re.compile(r"\b(td_\w+)\s*\(")


# ---- a header, taken apart ---------------------------------------------------------------

class Unit:
    """One declaration, and the comment that stands before it (of the first of several)."""

    def __init__(self, code, comment):
        self.code, self.comment = code, comment

    @property
    def plain(self):
        """On one line, without comments."""
        bare = re.sub(r"/\*.*?\*/|//[^\n]*", " ", self.code, flags=re.S)
        return " ".join(bare.split())

    @property
    def kind(self):
        if self.code.startswith("#"):
            return "macro"
        if self.plain.startswith("static inline"):
            return "function"
        if re.match(r"(typedef\b|(struct|enum|union)\s+\w+\s*[{;])", self.plain):
            return "type"
        return "data" if self.plain.startswith("extern") else "function"

    @property
    def name(self):
        """Of a function or a datum."""
        if self.kind == "function":
            return NAMED.search(self.plain)[1]
        return re.search(r"(\w+)\s*(?:\[[^\]]*\])*\s*;$", self.plain)[1]

    @property
    def prototype(self):
        """(what is returned, name, [parameter, ...]) of a function."""
        text = self.plain.split("{")[0].strip().rstrip(";")
        text = re.sub(r"__attribute__\s*\(\(.*\)\)", "", text).strip()
        found = NAMED.search(text)
        inside, depth, parameters = text[found.end():text.rindex(")")], 0, [""]
        for c in inside:
            depth += (c == "(") - (c == ")")
            if c == "," and depth == 0:
                parameters.append("")
            else:
                parameters[-1] += c
        return text[:found.start()].strip(), found[1], [p.strip() for p in parameters]


class Header:
    def __init__(self, root, path):
        self.path = path  # room/name.h
        self.room, self.stem = path[:-2].split("/")
        self.text = (pathlib.Path(root) / path).read_text()
        self.includes = [own for own, _ in INCLUDE.findall(self.text) if own]
        guard = re.search(r"^#ifndef (\w+)\n#define \1\n", self.text, re.M)
        top = re.match(r"/\*\s*(.*?)\*/", self.text, re.S)[1]
        lines = [re.sub(r"^ \* ?", "", line) for line in top.rstrip().split("\n")]
        self.summary = lines[0].split(" - ", 1)[1]
        while len(lines) > 1 and lines[1].strip():
            self.summary += " " + lines.pop(1).strip()
        self.summary = self.summary.rstrip(".")
        self.about = lines[1:]
        body = self.text[guard.end():self.text.rindex("#endif")]
        self.units = list(units(INCLUDE.sub("", body)))

    def of(self, *kinds):
        return [unit for unit in self.units if unit.kind in kinds]

    @property
    def symbols(self):
        return [u.name for u in self.of("function", "data") if not u.code.startswith("static")]


def units(text):
    """Splits declarations by braces and line ends; comments go with what follows at once."""
    comment, code, depth = None, [], 0
    in_comment = False
    for line in text.split("\n"):
        if not code and not in_comment and not line.strip():
            comment = None
            continue
        if not code and (in_comment or line.startswith("/*")):
            comment = line if not in_comment else comment + "\n" + line
            in_comment = "*/" not in line
            continue
        code.append(line)
        bare = re.sub(r'/\*.*?\*/|//.*|"(?:\\.|[^"\\])*"', "", line)
        depth += bare.count("{") - bare.count("}")
        if code[0].startswith("#"):
            ends = not line.endswith("\\")
        else:
            ends = depth == 0 and bare.rstrip().endswith((";", "}")) and not open_comment(code)
        if ends:
            yield Unit("\n".join(code), comment)
            comment, code, depth = "", [], 0
    if code:
        sys.exit("api: not understood:\n" + "\n".join(code))


def open_comment(code):
    text = "\n".join(code)
    return text.rfind("/*") > text.rfind("*/")


# ---- headers and symbols -----------------------------------------------------------------

def installed(header):
    """The header's text as it is installed."""
    text = INCLUDE.sub(lambda m: f'#include "tandem/{m[1]}"\n' if m[1] else m[0], header.text)
    last = [m.end() for m in INCLUDE.finditer(text)][-1:]
    begin = last[0] if last else re.search(r"^#define \w+\n", text, re.M).end()
    end = text.rindex("#endif")
    return (text[:begin] + '\n#ifdef __cplusplus\nextern "C" {\n#endif\n' + text[begin:end] +
            "#ifdef __cplusplus\n}\n#endif\n\n" + text[end:])


def release(version):
    major, minor, patch = version.split(".")
    return f"""/* tandem/release.h - which release of libtandem these headers belong to. */
#ifndef TD_RELEASE_H
#define TD_RELEASE_H

#define TD_RELEASE       "{version}"
#define TD_RELEASE_MAJOR {major}
#define TD_RELEASE_MINOR {minor}
#define TD_RELEASE_PATCH {patch}

#endif
"""


def write(path, text):
    """Leaves a file alone that is as it should be, so that nothing is built again for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def forget_others(out, wanted):
    """What an earlier run left, and all links: they are made anew."""
    for path in list(out.rglob("*")):
        if path.is_symlink() or (path.is_file() and path not in wanted):
            path.unlink()


def write_headers(out, version, headers):
    wanted = {out / "tandem" / header.path: installed(header) for header in headers}
    wanted[out / "tandem/release.h"] = release(version)
    for path, text in wanted.items():
        write(path, text)
    forget_others(out, wanted)


def write_symbols(out, version, headers):
    names = sorted(name for header in headers for name in header.symbols)
    node = "TANDEM_" + ".".join(version.split(".")[:2])
    write(out, node + " {\nglobal:\n" + "".join(f"    {name};\n" for name in names) +
          "local:\n    *;\n};\n")


# ---- manual pages ------------------------------------------------------------------------

def page_names(headers):
    """td_ and the header's name; with the room's where two would have the same."""
    stems = [header.stem for header in headers]
    names = {}
    # nvs/settings.h takes the name that server/nvs_settings.h would have, too.
    for header in sorted(headers, key=lambda h: len(h.stem)):
        clash = stems.count(header.stem) > 1 or header.room == "smp"
        own = header.stem == header.room or not clash
        longer = f"td_{header.room}_{header.stem}"
        name = f"td_{header.stem}" if own else longer
        if name in names.values():
            name = longer
        names[header.path] = name
    return names


def escaped(line):
    line = line.replace("\\", "\\e")
    line = re.sub(r"[^\x00-\x7f]", lambda m: f"\\[u{ord(m[0]):04X}]", line)
    return "\\&" + line if line.startswith((".", "'")) else line


def literal(lines):
    return [".Bd -literal -offset indent", *map(escaped, lines), ".Ed"]


def uncommented(comment):
    text = re.sub(r"^\s*/\*|\*/\s*$", "", comment.strip())
    return [re.sub(r"^ \* ?| \*$", "", line).rstrip() if i else line.strip()
            for i, line in enumerate(text.split("\n"))]


def prose(lines):
    """Paragraphs, lists of "- ", and what is indented as it stands."""
    out, block, bullets = [], [], False

    def close():
        nonlocal block, bullets
        while block and not block[-1].strip():
            block.pop()
        if block:
            margin = min(len(l) - len(l.lstrip()) for l in block if l.strip())
            out.extend(literal(l[margin:] for l in block))
        if bullets:
            out.append(".El")
        block, bullets = [], False

    gap = False
    for line in lines:
        item = re.match(r"\s*- (.*)", line)
        if not line.strip():
            gap = True
            if block:
                block.append("")
            continue
        if item:
            if not bullets:
                close()
                out.append(".Bl -bullet -compact")
                bullets = True
            out += [".It", item[1]]
        elif bullets and line.startswith("  ") and not gap:
            out.append(line.strip())
        elif line.startswith("  "):
            if bullets:
                close()
            block.append(line)
        else:
            had_block = bool(block or bullets)
            close()
            if out and (gap or had_block):
                out.append(".Pp")
            out.append(line.strip())
        gap = False
    close()
    return sentences(out)


def sentences(lines):
    """Each on a line of its own, so that the page's reader spaces them."""
    out, text = [], []
    verbatim = False

    def close():
        out.extend(escaped(s) for s in re.split(r"(?<=[.!?])\s+", " ".join(text)) if s)
        text.clear()

    for line in lines:
        if verbatim or line.startswith("."):
            close()
            out.append(line)
            verbatim = line.startswith(".Bd") or (verbatim and line != ".Ed")
        else:
            text.append(line)
    close()
    return out


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def synopsis(unit):
    if unit.kind == "data":
        return [".Vt " + quoted(unit.plain)]
    returned, name, parameters = unit.prototype
    if returned.startswith("static inline "):
        returned = returned[len("static inline "):]
    return [f".Ft {quoted(returned)}", f".Fo {name}", *(f".Fa {quoted(p)}" for p in parameters), ".Fc"]


def item_heads(group):
    for unit in group:
        if unit.kind == "data":
            yield f".It Va {unit.name}"
        else:
            names = [re.search(r"(\w+)\W*$", re.sub(r"\[.*|\(\*(\w+)\).*", r" \1", p))[1]
                     for p in unit.prototype[2] if p not in ("void", "...")]
            yield f".It Fn {unit.name} " + " ".join(names)


def is_rule(comment):
    return comment is not None and re.match(r"/\* ---- ", comment)


def grouped(found):
    """Declarations under one comment stand together."""
    group = []
    for unit in found:
        if unit.comment != "" and group:
            yield group
            group = []
        group.append(unit)
    if group:
        yield group


def page(header, version, date, names):
    calls = header.of("function", "data")
    name = names[header.path]
    listed = list(dict.fromkeys([name, *(unit.name for unit in calls)]))
    out = [f".\\\" Made from {header.path}; what is to be changed is changed there.",
           f".Dd {date}", f".Dt {name.upper()} 3", ".Os", ".Sh NAME"]
    out += [f".Nm {one} ," for one in listed[:-1]] + [f".Nm {listed[-1]}"]
    out += [f".Nd {escaped(header.summary)}", ".Sh LIBRARY",
            f"libtandem {version} (pkg-config: libtandem, CMake: tandem::tandem)",
            ".Sh SYNOPSIS", f".In tandem/{header.path}"]
    for unit in calls:
        out += synopsis(unit)
    about = prose(header.about)
    kinds = header.of("macro", "type")
    out.append(".Sh DESCRIPTION")
    out += about or [escaped(header.summary[:1].upper() + header.summary[1:] + ".")]
    if calls:
        out += [".Ss Functions" if header.of("function") else ".Ss Data", ".Bl -tag -width Ds"]
        for group in grouped(calls):
            out += item_heads(group)
            comment = group[0].comment
            if comment and not is_rule(comment):
                out += prose(uncommented(comment))
        out.append(".El")
    if kinds:
        out.append(".Ss Types and constants")
        code = []
        for group in grouped(kinds):
            comment = group[0].comment
            if code:
                code.append("")
            if comment and not is_rule(comment):
                code += comment.split("\n")
            for unit in group:
                code += unit.code.split("\n")
        out += literal(code)
    others = sorted(names[own] for own in header.includes if own in names)
    out.append(".Sh SEE ALSO")
    for other in others:
        out.append(f".Xr {other} 3 ,")
    out.append(".Xr tandem 7")
    return "\n".join(out) + "\n"


def write_man(out, version, headers, overview):
    """Pages, and a link for each name that is not a page's own."""
    date = re.search(r"^\.Dd (.*)$", pathlib.Path(overview).read_text(), re.M)[1]
    names = page_names(headers)
    pages = {f"{names[header.path]}.3": page(header, version, date, names) for header in headers}
    forget_others(out, {out / name for name in pages})
    for name, text in pages.items():
        write(out / name, text)
    for header in headers:
        for unit in header.of("function", "data"):
            if f"{unit.name}.3" not in pages:
                (out / f"{unit.name}.3").symlink_to(f"{names[header.path]}.3")


def main():
    what, out, version, root, *paths = sys.argv[1:]
    out = pathlib.Path(out)
    headers = [Header(root, path) for path in sorted(paths)]
    if what == "headers":
        write_headers(out, version, headers)
    elif what == "symbols":
        write_symbols(out, version, headers)
    else:
        write_man(out, version, headers, pathlib.Path(root).parent / "docs/man/tandem.7")


if __name__ == "__main__":
    main()
