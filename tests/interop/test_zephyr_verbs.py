"""Every device verb of the command against every Zephyr server that can run here, and against the
bootloader's own server in MCUboot. What each firmware was built with is in the makers' manifest."""

import contextlib
import json
import os
import re
import time

import pytest

from conftest import Process, free_port, json_lines, make_app, qemu, tandem

pytestmark = pytest.mark.timeout(240)

NATIVE = ["udp", "udp6", "serial", "serial_bigrx", "serial_raw", "serial_fs", "serial_line512",
          "serial_noparams", "serial_buf96", "serial_buf256", "serial_buf400", "serial_buf512",
          "serial_buf1024", "serial_buf2048", "shell"]
RECOVERY = ["serial_recovery", "serial_recovery_raw", "serial_recovery_raw_cobs",
            "serial_recovery_buf400", "serial_recovery_buf512", "serial_recovery_buf1024",
            "serial_recovery_buf2048"]
ABSENT = "without this command"


def fixture_of(zephyr, target, config):
    manifest = json.loads((zephyr / "manifest.json").read_text())
    [found] = [f for f in manifest if f["target"] == target and f["config"] == config]
    return found, zephyr / found["artifact"]


@contextlib.contextmanager
def native(zephyr, tmp_path, config):
    """A server as a process of Linux: its manifest entry, and its URL."""
    fixture, program = fixture_of(zephyr, "native_sim", config)
    os.chmod(program, 0o755)
    p = Process(program, cwd=tmp_path)  # it keeps its flash in a file there
    try:
        if fixture["transport"] == "udp":
            p.wait_line("smp_udp: Started")
            yield fixture, "udp:[::1]" if fixture["ip_family"] == "ipv6" else "udp:127.0.0.1"
        else:
            line = p.wait_line("connected to pseudotty")
            p.wait_line("Booting")
            time.sleep(0.2)
            raw = "?framing=raw" if fixture["transport"] == "serial_raw" else ""
            yield fixture, "serial:" + re.search(r"/dev/pts/\d+", line).group(0) + raw
    finally:
        p.stop()


def value(url, *verb):
    [answer] = json_lines(tandem("-d", url, "--json", *verb, timeout=60).stdout)
    return answer


def refusal(url, *verb):
    return tandem("-d", url, *verb, ok=1, timeout=60).stderr


def has(fixture, group):
    """The files lie in the room that group 63 erases; serial_raw has neither built in."""
    return group in fixture["groups"] and not (
        fixture["config"] == "serial_raw" and group == "zbasic")


def ask_os(fixture, url):
    assert tandem("-d", url, "os", "echo", "over there").stdout.strip() == "over there"
    if fixture["config"] == "serial_noparams":
        assert ABSENT in refusal(url, "os", "params")
    else:
        params = value(url, "os", "params")
        assert (params["buf_size"], params["buf_count"]) == (
            fixture["buf_size"], fixture["buf_count"])
    for verb in (["pools"], ["datetime"], ["bootloader"]):
        assert ABSENT in refusal(url, "os", *verb)
    if fixture["buf_size"] < 128:  # its answers do not fit, and it says so
        for verb in (["tasks"], ["info", "a"]):
            assert "larger than the device's buffer" in refusal(url, "os", *verb)
        return
    assert "Zephyr" in tandem("-d", url, "os", "info").stdout
    if fixture["buf_size"] >= 384:
        assert len(value(url, "os", "tasks")["tasks"]) >= 3


def ask_stat(fixture, url):
    assert "smp_svr_stats" in tandem("-d", url, "stat", "list").stdout.split()
    assert "ticks" in tandem("-d", url, "stat", "show", "smp_svr_stats").stdout
    assert refusal(url, "stat", "show", "nothing")


def ask_settings(fixture, url):
    if not has(fixture, "settings"):
        assert ABSENT in refusal(url, "settings", "get", "x")
        return
    for verb in (["get", "smp/x"], ["set", "smp/x", "0102"], ["delete", "smp/x"]):
        assert "group code" in refusal(url, "settings", *verb)
    tandem("-d", url, "settings", "load")
    tandem("-d", url, "settings", "commit")


def ask_files(fixture, url):
    if not has(fixture, "fs"):
        assert ABSENT in refusal(url, "raw", "8", "1", "read", '{"name":"/lfs1/x"}')
        return
    assert "no such file" in refusal(url, "raw", "8", "1", "read", '{"name":"/lfs1/x"}')
    answer = value(url, "raw", "8", "0", "write",
                   '{"off":0,"data":"hex:48656c6c6f","len":5,"name":"/lfs1/x"}')
    assert answer["off"] == 5
    assert value(url, "raw", "8", "1", "read", '{"name":"/lfs1/x"}')["len"] == 5
    answer = value(url, "raw", "8", "0", "read", '{"off":0,"name":"/lfs1/x"}')
    assert (answer["data"], answer["len"]) == ("hex:48656c6c6f", 5)


def ask_shell(fixture, url):
    if not has(fixture, "shell"):
        assert ABSENT in refusal(url, "shell", "exec", "kernel version")
        return
    assert "4.4.0" in tandem("-d", url, "shell", "exec", "kernel version").stdout


def ask_groups(fixture, url):
    if fixture["buf_size"] < 128:
        assert refusal(url, "groups")
        return
    groups = {g["group"] for g in value(url, "groups")["groups"]}
    numbers = {"os": 0, "img": 1, "stat": 2, "settings": 3, "fs": 8, "shell": 9, "enum": 10,
               "zbasic": 63}
    assert groups == {n for name, n in numbers.items() if has(fixture, name)}


@pytest.mark.parametrize("config", NATIVE)
def test_every_verb_gets_its_answer_from_a_native_zephyr(zephyr, tmp_path, config):
    with native(zephyr, tmp_path, config) as (fixture, url):
        for ask in (ask_os, ask_groups, ask_stat, ask_settings, ask_files, ask_shell):
            ask(fixture, url)
        assert ABSENT in refusal(url, "image", "list")
        if has(fixture, "zbasic"):
            tandem("-d", url, "storage", "erase")
        else:
            assert ABSENT in refusal(url, "storage", "erase")
        assert value(url, "os", "reset") == {"result": "resetting"}


@pytest.mark.parametrize("config", ["serial_buf256", "serial_buf512"])
def test_every_verb_gets_its_answer_from_a_microbit(zephyr, tmp_path, config):
    fixture, program = fixture_of(zephyr, "qemu_cortex_m0", config)
    port = free_port()
    with qemu("microbit", "cortex-m0", [f"file={program}"], port, tmp_path / "console",
              "smp_sample: build time"):
        url = f"tcp:127.0.0.1:{port}"
        for ask in (ask_os, ask_groups, ask_stat, ask_settings, ask_files, ask_shell):
            ask(fixture, url)
        assert value(url, "os", "reset") == {"result": "resetting"}


def wait_for(url, *verb):
    """A bootloader takes its time; its first answer is waited for."""
    end = time.monotonic() + 30
    while tandem("-d", url, "--timeout", "2", *verb, ok=None).returncode == 3:
        assert time.monotonic() < end, f"nobody at {url}"


@pytest.mark.parametrize("config", RECOVERY)
def test_mcuboot_in_recovery_takes_an_image_on_each_framing(zephyr, tmp_path, config):
    fixture, boot = fixture_of(zephyr, "mps2_an385", config)
    app = str(boot)[: -len(".hex")] + ".signed.bin"
    small = make_app(tmp_path / "small.bin", "small", "2.0.0", size=4000,
                     sign=["--rom-fixed", "0x20050000"])
    port = free_port()
    raw = fixture["transport"] == "serial_raw"
    with qemu("mps2-an385", "cortex-m3", [f"file={boot}", f"file={app},addr=0x20050000"], port,
              tmp_path / "console", ""):
        url = f"tcp:127.0.0.1:{port}"
        serving = url + ("?framing=raw" if raw else "")
        recovery = url + ("?framing=cobs" if config.endswith("cobs") else
                          "?framing=raw" if raw else "")
        wait_for(serving, "os", "echo", "x")
        ask_os(fixture, serving)
        [before] = value(serving, "image", "list")["images"]
        assert before["active"] and before["confirmed"]
        assert len(value(serving, "image", "slots")["slots"]) == 2
        tandem("-d", serving, "os", "reset", "--boot-mode", "1")
        time.sleep(1.0)  # it answers for a while yet
        wait_for(recovery, "image", "list")
        if fixture.get("recovery_buf_size"):
            assert value(recovery, "os", "params") == {
                "buf_size": fixture["recovery_buf_size"],
                "buf_count": fixture["recovery_buf_count"]}
        [there] = value(recovery, "image", "list")["images"]
        assert there["hash"] == before["hash"]
        tandem("-d", recovery, "image", "upload", small, timeout=100)
        [there] = value(recovery, "image", "list")["images"]
        assert there["version"].startswith("2.0.0")
        for verb in (["stat", "list"], ["groups"], ["shell", "exec", "x"]):
            assert ABSENT in refusal(recovery, *verb)
        tandem("-d", recovery, "os", "reset")
