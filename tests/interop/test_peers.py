"""Another maker's client, written in Rust, against our virtual device: mcumgr-toolkit.

It knows every command of Zephyr's server, and takes answers apart by their types: a key that is
missing or of another type ends its call with an error.
"""

import datetime
import hashlib
import zlib

import pytest

from conftest import KEYS, json_lines, make_app, sim, tandem

pytestmark = pytest.mark.timeout(120)
DEMO_KEY = KEYS / "PUBLIC-DEMO-ecdsa-p256.pem"
LINKS = ["udp", "serial"]


@pytest.fixture
def apps(tmp_path):
    v1 = make_app(tmp_path / "v1.bin", "one", "1.0.0", DEMO_KEY)
    v2 = make_app(tmp_path / "v2.bin", "two", "2.0.0", DEMO_KEY)
    return v1, v2


@pytest.fixture
def device(tmp_path, apps):
    """A virtual device on both links, and who opens a client of theirs on one of them."""
    from mcumgr_toolkit import MCUmgrClient

    pty = tmp_path / "tty"

    def client(link):
        c = MCUmgrClient.udp("127.0.0.27") if link == "udp" else MCUmgrClient.serial(str(pty))
        c.use_auto_frame_size()
        return c

    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.27:1337", "--pty", pty,
             "--program", f"slot0={apps[0]}") as process:
        process.client = client
        yield process


def by_version(states):
    return {s.version: s for s in states}


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_asks_our_device_who_it_is(device, link):
    with device.client(link) as c:
        c.check_connection()
        assert c.os_echo("hello over there") == "hello over there"
        params = c.os_mcumgr_parameters()
        assert (params.buf_size, params.buf_count) == (2048, 4)
        boot = c.os_bootloader_info()
        assert boot == {"name": "MCUboot", "mode": 3, "no_downgrade": True}
        [image] = c.image_slot_info()
        assert [(s.slot, s.size) for s in image.slots] == [(0, 0x38000), (1, 0x38000)]
        assert image.max_image_size == 0x36000
        c.zephyr_erase_storage()


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_uploads_erases_tests_and_confirms(device, apps, link):
    new = apps[1].read_bytes()
    seen = []
    with device.client(link) as c:
        c.image_upload(new, progress=lambda at, size: seen.append((at, size)))
        assert seen[-1] == (len(new), len(new))
        assert set(by_version(c.image_get_state())) == {"1.0.0", "2.0.0"}
        c.image_erase()
        assert set(by_version(c.image_get_state())) == {"1.0.0"}
        c.image_upload(new)
        sent = by_version(c.image_get_state())["2.0.0"]
        assert not (sent.pending or sent.active or sent.confirmed) and sent.bootable
        marked = by_version(c.image_set_state(hash=sent.hash))["2.0.0"]
        assert marked.pending and not marked.permanent
        c.os_system_reset()
        device.wait_line("ready:")
    with device.client(link) as c:
        running = by_version(c.image_get_state())["2.0.0"]
        assert running.active and not running.confirmed and running.hash == sent.hash
        running = by_version(c.image_set_state(confirm=True))["2.0.0"]
        assert running.active and running.confirmed


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_updates_our_device_in_one_call(device, apps, link):
    with device.client(link) as c:
        c.firmware_update(apps[1].read_bytes())
    device.wait_line("ready:")
    url = "udp:127.0.0.27:1337"
    images = json_lines(tandem("-d", url, "--json", "image", "list").stdout)[0]["images"]
    running = next(i for i in images if i["active"])
    assert running["version"] == "2.0.0" and not running["confirmed"]


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_reads_our_refusals(device, apps, link):
    """The image group's own codes, and those of the table that all groups share."""
    with device.client(link) as c:
        with pytest.raises(RuntimeError, match="IMG_MGMT_ERR_HASH_NOT_FOUND"):
            c.image_set_state(hash=bytes(32))
        with pytest.raises(RuntimeError, match="MGMT_ERR_ENOTSUP"):
            c.raw_command(False, 0x4321, 0, {})


@pytest.fixture
def every_group(tmp_path, apps):
    """A virtual device with every group, and who opens their client on one of its links."""
    from mcumgr_toolkit import MCUmgrClient

    pty = tmp_path / "tty"

    def client(link):
        c = MCUmgrClient.udp("127.0.0.28") if link == "udp" else MCUmgrClient.serial(str(pty))
        c.use_auto_frame_size()
        return c

    with sim("nrf52840-external-flash", tmp_path / "d", "--udp", "127.0.0.28:1337", "--pty", pty,
             "--program", f"slot0={apps[0]}"):
        yield client


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_uses_every_group_of_our_device(every_group, link):
    with every_group(link) as c:
        assert {"idle", "smp", "main"} <= set(c.os_task_statistics())
        assert {"smp_reply", "smp_hold"} <= set(c.os_memory_pool_statistics())
        assert "virtual" in c.os_application_info("a")
        with pytest.raises(RuntimeError, match="OS_MGMT_ERR_RTC_NOT_SET"):
            c.os_get_datetime()
        c.os_set_datetime(datetime.datetime(2026, 1, 2, 3, 4, 5))
        assert c.os_get_datetime() - datetime.datetime(2026, 1, 2, 3, 4, 5) < datetime.timedelta(
            seconds=30)

        names = c.stats_list_groups()
        assert {"boot", "flash", "smp"} <= set(names)
        assert c.stats_get_group_data("boot")["boots"] == 1
        before = c.stats_get_group_data("smp")["requests"]
        assert c.stats_get_group_data("smp")["requests"] == before + 1

        groups = c.enum_get_group_ids()
        assert {0, 1, 2, 3, 8, 9, 10, 63} <= set(groups) and c.enum_get_group_count() == len(groups)
        assert [g.group for g in c.enum_get_group_details()] == groups
        assert "date" in c.shell_execute(["help"])


@pytest.mark.parametrize("link", LINKS)
def test_mcumgr_toolkit_moves_files_and_settings(every_group, link):
    data = bytes(range(256)) * 20
    with every_group(link) as c:
        assert {"crc32", "sha256"} <= set(c.fs_supported_checksum_types())
        c.fs_file_upload("/lfs1/a.bin", data)
        assert c.fs_file_status("/lfs1/a.bin").length == len(data)
        assert c.fs_file_download("/lfs1/a.bin") == data
        assert bytes(c.fs_file_checksum("/lfs1/a.bin", "sha256").output) == (
            hashlib.sha256(data).digest())
        crc = c.fs_file_checksum("/lfs1/a.bin", "crc32", offset=100, length=1000)
        assert int.from_bytes(crc.output, "big") == zlib.crc32(data[100:1100])
        c.fs_file_close()
        with pytest.raises(RuntimeError, match="FILE_NOT_FOUND"):
            c.fs_file_status("/lfs1/none")

        c.settings_write("app/x", b"\x01\x02")
        assert c.settings_read("app/x") == b"\x01\x02"
        c.settings_save()
        c.settings_load()
        c.settings_commit()
        assert c.settings_read("app/x") == b"\x01\x02"
        c.settings_delete("app/x")
        with pytest.raises(RuntimeError, match="KEY_NOT_FOUND"):
            c.settings_read("app/x")
        c.zephyr_erase_storage()
