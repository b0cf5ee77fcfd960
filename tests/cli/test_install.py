"""libtandem as others get it: installed, found, linked with in each way, and put to work."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from virtual import COMMAND, KEY, ROOT, Sim, tandem

BUILD = os.path.dirname(os.path.abspath(COMMAND))
CC = os.environ.get("CC", "cc")
CFLAGS = os.environ.get("CFLAGS", "").split()
STRICT = ["-Wall", "-Wextra", "-Werror"]
PROFILE = os.path.join(ROOT, "profiles", "tandem-nrf52833.yml")


def run(*args, env=None, cwd=None):
    ran = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=120, cwd=cwd,
                         env={**os.environ, **(env or {})})
    assert ran.returncode == 0, "%s\n%s" % (" ".join(map(str, args)), ran.stdout)
    return ran.stdout


def setUpModule():
    """Installs once, into a folder that nothing else knows."""
    global FOLDER, PREFIX, KEEP
    KEEP = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(KEEP.cleanup)
    FOLDER = pathlib.Path(KEEP.name)
    PREFIX = FOLDER / "stage/opt/tandem"
    run("cmake", "--install", BUILD, "--prefix", "/opt/tandem", env={"DESTDIR": FOLDER / "stage"})


def pkg_config(*args):
    return run("pkg-config", *args, env={"PKG_CONFIG_PATH": PREFIX / "lib/pkgconfig"}).split()


def headers():
    found = sorted((PREFIX / "include/tandem").glob("**/*.h"))
    return [path.relative_to(PREFIX / "include") for path in found]


def exported(*args):
    lines = run("nm", "--defined-only", *args).splitlines()
    return {fields[2].split("@")[0] for fields in map(str.split, lines)
            if len(fields) == 3 and fields[1] != "A"}


class Installed(unittest.TestCase):
    def test_no_header_of_a_room_s_own_is_installed(self):
        names = [path.as_posix() for path in headers()]
        self.assertIn("tandem/client/update.h", names)
        self.assertIn("tandem/server/server.h", names)
        self.assertEqual([n for n in names if re.search(r"_(priv|test)\.h$", n)], [])
        self.assertEqual({n.split("/")[1] for n in names} & {"boot", "nsib", "sim", "tools"}, set())

    def test_each_header_stands_alone_in_c_and_in_cplusplus(self):
        flags = pkg_config("--cflags", "libtandem")
        for language, compiler, standards in (("c", CC, ("c11", "gnu11")),
                                              ("c++", "g++", ("c++11", "c++17"))):
            for path in headers():
                uses_uv = "uv.h" in (PREFIX / "include" / path).read_text() or path.name == "host.h"
                for standard in standards:
                    if uses_uv and standard == "c11":
                        continue  # uv.h itself wants POSIX
                    source = FOLDER / ("one." + ("c" if language == "c" else "cc"))
                    source.write_text(f"#include <{path}>\n#include <{path}>\n")
                    run(compiler, "-x", language, f"-std={standard}", *STRICT, "-fsyntax-only",
                        *flags, source)

    def test_a_program_in_cplusplus_links(self):
        source = FOLDER / "words.cc"
        source.write_text("#include <cstdio>\n#include <tandem/base/err.h>\n"
                          "int main() { std::puts(td_strerror(TD_ENOANSWER)); }\n")
        if any("sanitize" in flag for flag in CFLAGS):
            return  # clang's runtime, and g++ links another
        run("g++", *STRICT, *pkg_config("--cflags", "libtandem"), source, "-o", FOLDER / "words",
            *pkg_config("--libs", "libtandem"))
        said = run(FOLDER / "words", env={"LD_LIBRARY_PATH": PREFIX / "lib"})
        self.assertEqual(said, "the device does not answer\n")

    def test_only_td_symbols_leave_the_shared_library_and_all_of_them_are_declared(self):
        names = exported("-D", PREFIX / "lib/libtandem.so")
        self.assertGreater(len(names), 200)
        self.assertEqual([n for n in names if not n.startswith("td_")], [])
        text = "".join((PREFIX / "include" / path).read_text() for path in headers())
        self.assertEqual([n for n in sorted(names) if not re.search(rf"\b{n}\b", text)], [])
        self.assertTrue({"td_update_start", "td_update_core", "td_host_run", "td_server_handle",
                         "td_sha256"} <= names)

    def test_what_is_declared_is_exported(self):
        """The linker takes a name in its list that is nowhere defined without a word."""
        wanted = set(re.findall(r"^    (td_\w+);$", (pathlib.Path(BUILD) / "api/libtandem.map")
                                .read_text(), re.M))
        self.assertGreater(len(wanted), 200)
        self.assertEqual(wanted - exported("-D", PREFIX / "lib/libtandem.so"), set())

    def test_the_static_library_defines_no_name_but_td_s(self):
        names = exported("-g", PREFIX / "lib/libtandem.a")
        self.assertGreater(len(names), 200)
        # The sanitizers' own notes, when it is built with them.
        self.assertEqual([n for n in names if not n.startswith(("td_", "__asan_", "___asan_",
                                                                "__odr_asan"))], [])

    def test_the_shared_library_says_by_its_name_which_programs_it_fits(self):
        header = (PREFIX / "include/tandem/release.h").read_text()
        major, minor = (re.search(rf"TD_RELEASE_{part} +(\d+)", header)[1]
                        for part in ("MAJOR", "MINOR"))
        said = run("objdump", "-p", PREFIX / "lib/libtandem.so")
        self.assertEqual(re.search(r"SONAME +(\S+)", said)[1], f"libtandem.so.{major}.{minor}")

    def test_nothing_installed_names_the_folder_it_was_built_in(self):
        for path in PREFIX.rglob("*"):
            if path.is_file() and path.parent.name not in ("bin", "lib"):
                self.assertNotIn(ROOT, path.read_text(), path)


class Manual(unittest.TestCase):
    def test_each_header_has_a_page_and_each_function_a_name_of_one(self):
        pages = {path.name for path in (PREFIX / "share/man/man3").iterdir()}
        for name in exported("-D", PREFIX / "lib/libtandem.so"):
            self.assertIn(name + ".3", pages)
        real = [p for p in (PREFIX / "share/man/man3").iterdir() if not p.is_symlink()]
        self.assertEqual(len(real), len(headers()) - 1)  # release.h has nothing to tell

    def test_the_pages_are_as_mdoc_wants_them(self):
        man = PREFIX / "share/man"
        pages = [p for p in [*man.glob("man3/*"), *man.glob("man7/*")] if not p.is_symlink()]
        said = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *map(str, pages)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        self.assertEqual(said, "")
        names = {p.stem for p in man.glob("man3/*")}
        for page in pages:
            for other, section in re.findall(r"^\.Xr (\S+) (\d)", page.read_text(), re.M):
                if section == "3":
                    self.assertIn(other, names, page)

    def test_a_page_says_what_a_caller_has_to_know(self):
        said = run("mandoc", "-T", "ascii", PREFIX / "share/man/man3/td_session_ask.3")
        said = re.sub(r".\x08", "", said)
        for words in ("#include <tandem/client/session.h>",
                      "td_session_ask(struct td_session *s, const struct td_ask *ask,",
                      "Hands a request in; it goes out with the next td_session_send.",
                      "enum td_patience {"):
            self.assertIn(words, said)


class Examples(unittest.TestCase):
    """What is in examples/, each built in each way, updates a device."""

    def image(self, name, version):
        raw, out = FOLDER / (name + ".raw"), FOLDER / (name + ".bin")
        for args in (("sim-app", raw, "--name", name, "--size", 20000),
                     ("sign", "-k", KEY, "-v", version, "-H", "0x200", "--pad-header", "-S", "0x37000",
                      "--align", "4", raw, out)):
            ran = tandem(*args)
            self.assertEqual(ran.returncode, 0, ran.stderr)
        return out

    def updates(self, program, says=()):
        """A real device, a real update, and what the device says of itself afterwards."""
        with tempfile.TemporaryDirectory() as state:
            sim = Sim(PROFILE, "--state", state + "/device", "--udp", "127.0.0.1:0", "--program",
                      f"slot0={self.image('old', '1.0.0')}")
            self.addCleanup(sim.stop)
            url = sim.url()
            said = run(program, url, self.image("new", "2.0.0"),
                       env={"LD_LIBRARY_PATH": PREFIX / "lib"})
            for words in ("updated: ", "20", *says):
                self.assertIn(words, said)
            listed = tandem("-d", url, "image", "list").stdout
            self.assertRegex(listed, r"slot0 +2\.0\.0 .*running, confirmed")
            self.assertIn("already: ", run(program, url, self.image("new", "2.0.0"),
                                           env={"LD_LIBRARY_PATH": PREFIX / "lib"}))
            sim.stop()

    @classmethod
    def setUpClass(cls):
        cls.made, cls.cmade = FOLDER / "made", FOLDER / "cmade"
        run("cp", "-r", PREFIX / "share/doc/tandem/examples", cls.made)
        run("make", "-C", cls.made, f"CC={CC}", "CFLAGS=" + " ".join([*CFLAGS, *STRICT]),
            env={"PKG_CONFIG_PATH": PREFIX / "lib/pkgconfig"})
        run("cmake", "-S", PREFIX / "share/doc/tandem/examples", "-B", cls.cmade,
            f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DCMAKE_C_COMPILER={CC}",
            "-DCMAKE_C_FLAGS=" + " ".join([*CFLAGS, *STRICT]))
        run("cmake", "--build", cls.cmade)

    def test_the_blocking_updater_is_at_most_60_lines(self):
        lines = (self.made / "update_blocking.c").read_text().splitlines()
        self.assertLessEqual(len(lines), 60)

    def test_blocking_with_pkg_config(self):
        self.updates(self.made / "update_blocking", says=["bytes"])

    def test_blocking_with_pkg_config_static(self):
        self.assertNotIn("libtandem.so", run("ldd", self.made / "update_blocking_static"))
        self.updates(self.made / "update_blocking_static")

    def test_blocking_with_cmake(self):
        self.updates(self.cmade / "update_blocking")

    def test_blocking_with_cmake_static(self):
        self.assertNotIn("libtandem.so", run("ldd", self.cmade / "update_blocking_static"))
        self.updates(self.cmade / "update_blocking_static")

    def test_inside_a_libuv_program_with_pkg_config(self):
        self.updates(self.made / "update_uv", says=["ticks meanwhile", "confirm"])

    def test_inside_a_libuv_program_with_cmake(self):
        self.updates(self.cmade / "update_uv", says=["ticks meanwhile", "confirm"])

    def test_a_device_that_is_not_there_is_an_error_with_a_reason(self):
        for program, code in (("update_blocking", 3), ("update_uv", 1)):
            ran = subprocess.run([self.made / program, "tcp:127.0.0.1:1", self.image("new", "2.0.0")],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                                 env={**os.environ, "LD_LIBRARY_PATH": str(PREFIX / "lib")})
            self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
            self.assertIn("127.0.0.1 port 1", ran.stderr)


if __name__ == "__main__":
    unittest.main()
