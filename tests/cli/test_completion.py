#!/usr/bin/env python3
"""The Tab key: what is offered, by the program and by the shells that ask it.

bash is everywhere and asked for real; zsh and fish where they are installed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TANDEM = os.environ.get("TANDEM", str(ROOT / "build" / "gcc" / "tandem"))


def run(*args, **more):
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, **more)


def words(*typed):
    done = run(TANDEM, "completion", "words", *typed)
    assert done.returncode == 0 and done.stderr == "", done
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def listed(text):
    """The verbs of a --help."""
    return re.findall(r"^  ([a-z][a-z0-9-]*) +\S", text, re.MULTILINE)


class Offers(unittest.TestCase):
    def test_every_verb_of_the_help_is_offered_and_nothing_else(self):
        self.assertEqual(sorted(words("")), sorted(listed(run(TANDEM, "--help").stdout)))

    def test_every_verb_of_the_second_level_is_offered(self):
        for verb in ("image", "os", "storage", "layout", "nsib", "package", "completion"):
            with self.subTest(verb):
                self.assertEqual(sorted(words(verb, "")), sorted(listed(run(TANDEM, verb, "--help").stdout)))

    def test_every_option_of_a_help_is_offered(self):
        paths = []
        for verb in words(""):
            group = " COMMAND [ARGUMENTS]" in run(TANDEM, verb, "--help").stdout
            paths += [[verb, sub] for sub in words(verb, "")] if group else [[verb]]
        self.assertGreater(len(paths), 40)
        for path in paths:
            told = run(TANDEM, *path, "--help").stdout
            lines = [line for line in told.splitlines() if re.match(r"  -", line)]
            options = {o for line in lines for o in re.findall(r"--[a-z][a-z0-9-]+", line.split("   ")[0])}
            with self.subTest(" ".join(path)):
                self.assertLessEqual(options, set(words(*path, "--")), told)

    def test_every_option_that_is_offered_is_understood(self):
        for path in (["update"], ["image", "upload"], ["os", "reset"], ["sign"], ["sim"], ["package", "create"]):
            for option in words(*path, "--"):
                with self.subTest(" ".join(path + [option])):
                    told = run(TANDEM, *path, option, "--help")
                    self.assertNotIn("there is no option", told.stderr)

    def test_places(self):
        rows = [
            (["up"], ["update"]),
            (["image", "up"], ["upload"]),
            (["-d", "udp:[::1]:1337", "--json", "image", "up"], ["upload"]),
            (["image", "upload", ""], [":files"]),
            (["image", "erase", ""], ["slot0", "slot1"]),
            (["image", "list", ""], []),
            (["os", "reset", "--fo"], ["--force"]),
            (["update", "--mode", "test"], ["test-and-confirm", "test"]),
            (["update", "--mode=test-"], ["--mode=test-and-confirm"]),
            (["update", "--layout", ""], [":files"]),
            (["update", "1=ap"], [":files"]),
            (["update", "--", "--mo"], [":files"]),
            (["--log", ""], [":files"]),
            (["-d", "s"], ["serial:"]),
            (["sim", "krepet-s"], ["krepet-swap-offset", ":files"]),
            (["sim", "x", "--speed", ""], ["real", "fast"]),
            (["sim", "x", "--cut", ""], ["before", "torn", "after"]),
            (["getpub", "-e", "p"], ["pem"]),
            (["keygen", "-t", "ed"], ["ed25519"]),
            (["keygen", "-k", ""], [":files"]),
            (["raw", "0", "0", ""], ["read", "write"]),
            (["raw", "0", "0", "read", ""], []),
            (["package", "create", "x.zip", ""], [":files"]),
            (["no-such-verb", ""], []),
            (["image", "no-such-verb", ""], []),
        ]
        for typed, wanted in rows:
            with self.subTest(" ".join(typed)):
                self.assertEqual(words(*typed), wanted)

    def test_a_profile_can_be_run_under_the_name_that_is_offered(self):
        for name in words("sim", ""):
            if name != ":files":
                told = run(TANDEM, "sim", name)  # without --state it does not start
                self.assertIn("--state", told.stderr, name)

    def test_nothing_is_touched_while_it_is_typed(self):
        with tempfile.TemporaryDirectory() as folder:
            words("keygen", "-k", os.path.join(folder, "key.pem"), "-t", "ed25519", "")
            words("sim", "direct-xip", "--state", os.path.join(folder, "state"), "")
            self.assertEqual(os.listdir(folder), [])


class Bash(unittest.TestCase):
    """What bash itself would insert, by its own cutting of words."""

    HARNESS = r"""
        source /dev/stdin <<<"$(tandem completion bash)"
        complete -p tandem >/dev/null || exit 1
        COMP_LINE=$1 COMP_POINT=${#1}
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _tandem tandem
        printf '%s\n' "${COMPREPLY[@]}"
    """

    def ask(self, *cut, folder=None):
        """cut: the words as bash cuts them, at = and : too."""
        env = dict(os.environ, PATH=os.path.dirname(TANDEM) + ":" + os.environ["PATH"])
        done = run("bash", "--norc", "-c", self.HARNESS, "bash", " ".join(cut), *cut, env=env, cwd=folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return sorted(done.stdout.split("\n")[:-1])

    def test_words(self):
        rows = [
            (["tandem", "upd"], ["update"]),
            (["tandem", "os", "da"], ["datetime"]),
            (["tandem", "-d", "udp", ":", "127.0.0.1", ":", "1337", "os", "da"], ["datetime"]),
            (["tandem", "update", "--mode", "=", "conf"], ["confirm"]),
            (["tandem", "update", "--mode", "="], ["confirm", "test", "test-and-confirm", "upload"]),
            (["tandem", "update", "--no-r"], ["--no-resume"]),
        ]
        for cut, wanted in rows:
            with self.subTest(" ".join(cut)):
                self.assertEqual(self.ask(*cut), wanted)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("app image.bin", "app2.bin", "other"):
                open(os.path.join(folder, name), "w").close()
            files = ["app image.bin", "app2.bin"]
            self.assertEqual(self.ask("tandem", "update", "app", folder=folder), files)
            self.assertEqual(self.ask("tandem", "update", "1", "=", "app", folder=folder), files)
            self.assertEqual(self.ask("tandem", "image", "list", "app", folder=folder), [""])

    def test_what_is_installed_is_what_is_printed(self):
        built = pathlib.Path(TANDEM).parent / "completions"
        for shell, name in (("bash", "tandem"), ("zsh", "_tandem"), ("fish", "tandem.fish")):
            self.assertEqual((built / name).read_text(), run(TANDEM, "completion", shell).stdout)


class Others(unittest.TestCase):
    def script(self, shell, name):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / name
        path.write_text(run(TANDEM, "completion", shell).stdout)
        return path

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_offers_the_same(self):
        path = self.script("zsh", "_tandem")
        self.assertEqual(run("zsh", "-n", path).returncode, 0)
        ask = r"""
            compdef() { :; }
            _describe() { print -rl -- "${(@P)4}" }
            _files() { print FILES }
            compset() { :; }
            source $1
            words=(tandem "${(@)argv[2,-1]}") CURRENT=$#words PREFIX=$words[-1]
            _tandem
        """
        env = dict(os.environ, PATH=os.path.dirname(TANDEM) + ":" + os.environ["PATH"])
        rows = [(["os", "da"], "datetime:its clock, read or set"), (["-d", "ser"], r"serial\::PATH[?baud=N]"),
                (["image", "upload", ""], "FILES")]
        for typed, wanted in rows:
            done = run("zsh", "-f", "-c", ask, "zsh", path, *typed, env=env)
            self.assertEqual((done.stdout, done.stderr), (wanted + "\n", ""))

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish_offers_the_same(self):
        path = self.script("fish", "tandem.fish")
        env = dict(os.environ, PATH=os.path.dirname(TANDEM) + ":" + os.environ["PATH"])
        done = run("fish", "--no-config", "-c", "source %s; complete -C 'tandem os da'" % path, env=env)
        self.assertEqual((done.stdout, done.stderr), ("datetime\tits clock, read or set\n", ""))


if __name__ == "__main__":
    unittest.main()
