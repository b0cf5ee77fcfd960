"""Other people's clients against our virtual device: smpclient and smpmgr, UDP and serial."""

import asyncio
import json
import pathlib

import pytest

from conftest import KEYS, ROOT, TANDEM, Process, json_lines, make_app, run, sim, tandem

pytestmark = pytest.mark.timeout(180)
DEMO_KEY = KEYS / "PUBLIC-DEMO-ecdsa-p256.pem"


@pytest.fixture
def apps(tmp_path):
    """v1 as the factory wrote it, and v2."""
    v1 = make_app(tmp_path / "v1.bin", "one", "1.0.0", DEMO_KEY)
    v2 = make_app(tmp_path / "v2.bin", "two", "2.0.0", DEMO_KEY)
    return v1, v2


async def whole_update(transport, address, image):
    """What an update consists of, by somebody else's library: returns the hash that runs."""
    from smpclient import SMPClient
    from smpclient.generics import success
    from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
    from smpclient.requests.os_management import ResetWrite

    async def ask(client, request):
        response = await client.request(request)
        assert success(response), response
        return response

    async with SMPClient(transport, address) as client:
        before = (await ask(client, ImageStatesRead())).images
        assert [i.version for i in before] == ["1.0.0"]
        assert before[0].active and before[0].confirmed
        async for offset in client.upload(image):
            assert offset <= len(image)
        states = (await ask(client, ImageStatesRead())).images
        new = next(i for i in states if i.version == "2.0.0")
        assert not new.pending and not new.active
        states = (await ask(client, ImageStatesWrite(hash=new.hash))).images
        assert next(i for i in states if i.version == "2.0.0").pending
        await ask(client, ResetWrite())
    await asyncio.sleep(1.0)
    async with SMPClient(transport, address) as client:
        running = next(i for i in (await ask(client, ImageStatesRead())).images if i.active)
        assert running.version == "2.0.0" and not running.confirmed
        await ask(client, ImageStatesWrite(confirm=True))
        running = next(i for i in (await ask(client, ImageStatesRead())).images if i.active)
        assert running.confirmed
        return running.hash


def test_smpclient_updates_our_device_over_udp(tmp_path, apps):
    from smpclient.transport.udp import SMPUDPTransport

    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.21:1337", "--program",
             f"slot0={apps[0]}"):
        asyncio.run(whole_update(SMPUDPTransport(), "127.0.0.21", apps[1].read_bytes()))


def test_smpclient_updates_our_device_over_serial(tmp_path, apps):
    from smpclient.transport.serial import SMPSerialTransport

    pty = tmp_path / "tty"
    with sim("tandem-nrf52833", tmp_path / "d", "--pty", pty, "--program", f"slot0={apps[0]}"):
        asyncio.run(whole_update(SMPSerialTransport(), str(pty), apps[1].read_bytes()))


@pytest.mark.parametrize("profile", ["tandem-nrf52833", "krepet-nrf52833", "overwrite-only"])
def test_smpmgr_lists_uploads_tests_and_confirms(tmp_path, apps, tool, profile):
    address = "127.0.0.22"
    key = DEMO_KEY

    def smpmgr(*args):
        return run(tool("smpmgr"), "--ip", address, "--timeout", "5", *args).stdout

    with sim(profile, tmp_path / "d", "--udp", f"{address}:1337", "--key", key, "--program",
             f"slot0={apps[0]}") as device:
        assert "1.0.0" in smpmgr("image", "state-read")
        smpmgr("upgrade", "--slot", "1", apps[1])
        device.wait_line("ready:")
        url = f"udp:{address}:1337"
        images = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
        running = next(i for i in images if i["active"])
        assert running["version"] == "2.0.0"
        smpmgr("image", "state-write", "--confirm")
        images = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
        assert next(i for i in images if i["active"])["confirmed"]


@pytest.mark.parametrize("type_", ["ecdsa-p256", "ed25519", "rsa-2048", "rsa-3072"])
@pytest.mark.parametrize("how", [["--align", "4"], ["--align", "1", "--pad"],
                                 ["--align", "8", "--confirm"], ["--align", "8", "--test"],
                                 ["--align", "4", "--pad-sig"]])
def test_images_of_imgtool_boot_on_our_device(tmp_path, tool, type_, how):
    pem, signed = sign_by_imgtool(tmp_path, tool, type_, "3.1.4", how)
    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.23:1337", "--key", pem,
             "--program", f"slot0={signed}"):
        images = json_lines(
            tandem("-d", "udp:127.0.0.23", "--json", "image", "list").stdout)[0]["images"]
        assert images[0]["version"] == "3.1.4" and images[0]["active"]


@pytest.mark.parametrize("how, confirmed", [("--pad", False), ("--test", False),
                                            ("--confirm", True)])
def test_padded_images_of_imgtool_in_slot_1_are_requests(tmp_path, tool, how, confirmed):
    """imgtool writes the trailer that asks for the swap; our bootloader follows it."""
    pem, new = sign_by_imgtool(tmp_path, tool, "ecdsa-p256", "2.0.0", ["--align", "4", how])
    old = make_app(tmp_path / "old.bin", "old", "1.0.0", pem)
    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.24:1337", "--key", pem,
             "--program", f"slot0={old}", "--program", f"slot1={new}"):
        images = json_lines(
            tandem("-d", "udp:127.0.0.24", "--json", "image", "list").stdout)[0]["images"]
        running = next(i for i in images if i["active"])
        assert running["version"] == "2.0.0" and running["confirmed"] == confirmed


def sign_by_imgtool(folder, tool, type_, version, options):
    imgtool, pem, raw, signed = tool("imgtool"), folder / "key.pem", folder / "raw", folder / "signed"
    run(imgtool, "keygen", "-k", pem, "-t", type_)
    tandem("sim-app", raw, "--name", "theirs", "--size", 20000)
    run(imgtool, "sign", "-k", pem, "-v", version, "-H", "0x200", "--pad-header", "-S", "0x38000",
        *options, raw, signed)
    return pem, signed


NSIB_KEY = KEYS / "PUBLIC-DEMO-nsib-1.pem"
# What sign is told for each virtual device, in its running slot and in the other.
BUILDS = {
    "direct-xip": (["--rom-fixed", "0xc000"], ["--rom-fixed", "0x44000"]),
    "ram-load": (["--load-addr", "0x20000000"], ["--load-addr", "0x20000000"]),
    "nrf52840-external-flash": ([], []),
    "nrf5340-two-stage": ([], []),
}


def factory(folder, profile):
    """Arguments that program a new device of the profile, and the next version of its image."""
    old, new = BUILDS[profile]
    v1 = make_app(folder / "v1.bin", "one", "1.0.0", DEMO_KEY, sign=old)
    v2 = make_app(folder / "v2.bin", "two", "2.0.0", DEMO_KEY, sign=new)
    programs = ["--program", f"slot0={v1}"]
    if profile == "nrf5340-two-stage":
        stage = make_app(folder / "s0.bin", "stage", "0.0.1", DEMO_KEY, sign=["-S", "0xc000"],
                         app=["--for", "s0", "--profile", profile, "--key", NSIB_KEY,
                              "--fw-version", 1])
        programs += ["--program", f"s0={stage}"]
    return programs, v2


@pytest.mark.parametrize("profile", BUILDS)
def test_smpclient_updates_every_kind_of_device(tmp_path, profile):
    from smpclient.transport.udp import SMPUDPTransport

    programs, v2 = factory(tmp_path, profile)
    with sim(profile, tmp_path / "d", "--udp", "127.0.0.25:1337", *programs):
        asyncio.run(whole_update(SMPUDPTransport(), "127.0.0.25", v2.read_bytes()))


def test_smpmgr_updates_a_device_that_runs_from_where_the_image_was_sent(tmp_path, tool):
    programs, v2 = factory(tmp_path, "direct-xip")

    def smpmgr(*args):
        return run(tool("smpmgr"), "--ip", "127.0.0.26", "--timeout", "5", *args).stdout

    with sim("direct-xip", tmp_path / "d", "--udp", "127.0.0.26:1337", *programs) as device:
        smpmgr("upgrade", "--slot", "1", v2)
        device.wait_line("ready:")
        smpmgr("image", "state-write", "--confirm")
        images = json_lines(
            tandem("-d", "udp:127.0.0.26", "--json", "image", "list").stdout)[0]["images"]
        running = next(i for i in images if i["active"])
        assert running["version"] == "2.0.0" and running["slot"] == 1 and running["confirmed"]


def recovery_transport(framing):
    from smpclient.transport.serial import Cobs, SMPSerialRawTransport, SMPSerialTransport

    return {"console": SMPSerialTransport, "raw": SMPSerialRawTransport,
            "cobs": lambda: SMPSerialRawTransport(framing=Cobs())}[framing]()


async def recover(transport, address, image):
    """Somebody else's client and the bootloader's own server: uploads over the only image."""
    from smpclient import SMPClient
    from smpclient.generics import error, success
    from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
    from smpclient.requests.os_management import EchoWrite, ResetWrite

    async with SMPClient(transport, address) as client:
        answer = await client.request(EchoWrite(d="hello"))
        assert success(answer) and answer.r == "hello"
        before = await client.request(ImageStatesRead())
        assert success(before) and [i.version for i in before.images] == ["1.0.0"]
        async for offset in client.upload(image):
            assert offset <= len(image)
        after = await client.request(ImageStatesRead())
        assert success(after) and [i.version for i in after.images] == ["2.0.0"]
        assert error(await client.request(ImageStatesWrite(confirm=True)))
        assert success(await client.request(ResetWrite()))


@pytest.mark.parametrize("framing", ["console", "raw", "cobs"])
def test_smpclient_updates_through_the_recovery_server(tmp_path, apps, framing):
    profile = tmp_path / "profile.yml"
    text = (ROOT / "profiles" / "single-slot-recovery.yml").read_text()
    assert "framing: console" in text
    profile.write_text(text.replace("framing: console", f"framing: {framing}")
                       .replace("keys/", f"{KEYS}/"))
    pty = tmp_path / "tty"
    device = Process(TANDEM, "sim", profile, "--state", tmp_path / "d", "--pty", pty, "--pin",
                     "--program", f"slot0={apps[0]}")
    try:
        device.wait_line("recovery:")
        asyncio.run(recover(recovery_transport(framing), str(pty), apps[1].read_bytes()))
        device.wait_line("*** two, version 2.0.0+0 ***")
        device.wait_line("ready:")
    finally:
        device.stop()


def test_smpmgr_brings_a_device_without_any_image_to_life(tmp_path, apps, tool):
    pty = tmp_path / "tty"
    device = Process(TANDEM, "sim", "single-slot-recovery", "--state", tmp_path / "d", "--pty", pty)

    def smpmgr(*args):
        return run(tool("smpmgr"), "--port", pty, "--timeout", "5", *args).stdout

    try:
        device.wait_line("recovery:")
        smpmgr("image", "upload", apps[0])
        smpmgr("os", "reset")
        device.wait_line("*** one, version 1.0.0+0 ***")
        device.wait_line("ready:")
    finally:
        device.stop()


def test_an_upload_of_smpclient_goes_on_after_a_power_cut(tmp_path, apps):
    """Its retry is the same first chunk again, with the sha of the whole file."""
    from smpclient import SMPClient
    from smpclient.transport.udp import SMPUDPTransport

    address, flash = "127.0.0.23", tmp_path / "d"
    image = make_app(tmp_path / "large.bin", "large", "2.0.0", DEMO_KEY, size=100000).read_bytes()
    seen = []

    async def upload():
        offsets = []
        async with SMPClient(SMPUDPTransport(), address) as client:
            async for offset in client.upload(image):
                offsets.append(offset)
                seen.append(offset)
        return offsets

    with sim("tandem-nrf52833", flash, "--udp", f"{address}:1337", "--program",
             f"slot0={apps[0]}", "--cut-power-at", "80") as device:
        with pytest.raises((OSError, asyncio.TimeoutError)):
            asyncio.run(asyncio.wait_for(upload(), 8))
        assert "power cut at operation 80" in device.text()
    reached = seen[-1]
    assert 20000 < reached < len(image)
    with sim("tandem-nrf52833", flash, "--udp", f"{address}:1337"):
        offsets = asyncio.run(upload())
        # What it had is not sent again: the first answer is a whole sector, far beyond one chunk.
        assert reached // 2 <= offsets[0] <= reached and offsets[0] % 4096 == 0, (reached, offsets)
        assert offsets[-1] == len(image)
        told = tandem("-d", f"udp:{address}", "raw", "21572", "2", "read").stdout
        assert json.loads(told)["start"] == 3, told  # it goes on after a reset
