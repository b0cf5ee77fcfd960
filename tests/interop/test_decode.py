"""tandem decode on what other programs wrote: captures by scapy and Bumble, smpmgr's log."""

import asyncio
import contextlib
import socket
import threading

import pytest

from conftest import KEYS, json_lines, make_app, run, sim, tandem

pytestmark = pytest.mark.timeout(180)
DEMO_KEY = KEYS / "PUBLIC-DEMO-ecdsa-p256.pem"


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path / "v1.bin", "one", "1.0.0", DEMO_KEY)


def decode(path):
    """What decode says, by its kinds: messages, and the rest."""
    said = json_lines(tandem("--json", "decode", "--all", path).stdout)
    return ([o for o in said if o["event"] == "message"], [o for o in said if o["event"] != "message"])


# ---- UDP ---------------------------------------------------------------------------------


class Recorder:
    """Stands between a client and a server, on 127.0.0.31, and keeps every datagram."""

    def __init__(self, port):
        self.datagrams = []  # to the device?, bytes
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.31", 1337))
        self.socket.settimeout(0.1)
        self.server = ("127.0.0.1", port)
        self.done = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        client = None
        while not self.done:
            with contextlib.suppress(TimeoutError):
                data, source = self.socket.recvfrom(4096)
                to_device = source != self.server
                client = source if to_device else client
                self.datagrams.append((to_device, data))
                self.socket.sendto(data, self.server if to_device else client)
        self.socket.close()

    def stop(self):
        self.done = True
        self.thread.join()

    def packets(self):
        """As scapy sees them on an Ethernet."""
        from scapy.layers.inet import IP, UDP
        from scapy.layers.l2 import Ether
        from scapy.packet import Raw

        for to_device, data in self.datagrams:
            ends = [("192.0.2.1", 40000), ("192.0.2.2", 1337)]
            (a, b), (c, d) = ends if to_device else ends[::-1]
            yield Ether() / IP(src=a, dst=c) / UDP(sport=b, dport=d) / Raw(data)


def port_of(device):
    ready = next(line for line in device.lines if "ready:" in line)
    return int(ready.split("udp:127.0.0.1:")[1].split()[0])


async def talk_over_udp(address, image):
    from smpclient import SMPClient
    from smpclient.requests.image_management import ImageStatesRead
    from smpclient.requests.os_management import EchoWrite
    from smpclient.requests.statistics_management import ListOfGroups
    from smpclient.transport.udp import SMPUDPTransport

    async with SMPClient(SMPUDPTransport(), address) as client:
        assert (await client.request(EchoWrite(d="hello"))).r == "hello"
        await client.request(ImageStatesRead())
        await client.request(ListOfGroups())  # the device has no statistics
        async for _ in client.upload(image[:9000]):
            pass


@pytest.fixture
def recorded(tmp_path, app):
    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.1:0", "--program",
             f"slot0={app}") as device:
        recorder = Recorder(port_of(device))
        try:
            asyncio.run(talk_over_udp("127.0.0.31", app.read_bytes()))
        finally:
            recorder.stop()
    return recorder


def check_udp_talk(messages):
    names = [(m["group_name"], m["command"]) for m in messages if m["turn"] == "request"]
    assert ("os", "echo") in names and ("image", "list") in names
    echo = next(m for m in messages if m["command"] == "echo" and m["turn"] == "answer")
    assert echo["body"] == {"r": "hello"} and echo["ok"]
    images = next(m for m in messages if m["command"] == "list" and m["turn"] == "answer"
                  and m["group_name"] == "image")["body"]["images"]
    assert images[0]["version"] == "1.0.0" and images[0]["active"]
    refused = [m for m in messages if not m.get("ok", True)]
    assert [(m["group_name"], m["rc"]) for m in refused] == [("statistics", 8)]
    offs = [m["body"]["off"] for m in messages if m["command"] == "upload" and m["turn"] == "answer"]
    assert offs == sorted(offs) and offs[-1] == 9000
    assert {m["turn"] for m in messages} == {"request", "answer"}


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_a_capture_by_scapy_holds_smpclients_conversation(form, recorded, tmp_path):
    from scapy.utils import PcapNgWriter, PcapWriter

    path = tmp_path / f"udp.{form}"
    with (PcapWriter if form == "pcap" else PcapNgWriter)(str(path)) as out:
        for packet in recorded.packets():
            out.write(packet)
    messages, rest = decode(path)
    assert [bytes.fromhex(m["frame"]) for m in messages] == [data for _, data in recorded.datagrams]
    assert not rest
    check_udp_talk(messages)


# ---- Bluetooth ---------------------------------------------------------------------------


async def talk_over_bumble(snoopers, url_port, frames):
    """Two of Bumble's devices; the one behind the link hands what is written to a UDP server."""
    from bumble.controller import Controller
    from bumble.core import UUID
    from bumble.device import Device, Peer
    from bumble.gatt import Characteristic, CharacteristicValue, Service
    from bumble.hci import Address
    from bumble.host import Host
    from bumble.link import LocalLink
    from bumble.transport.common import AsyncPipeSink

    link = LocalLink()
    devices = []
    for name, address in (("central", "F0:F1:F2:F3:F4:F5"), ("device", "F5:F4:F3:F2:F1:F0")):
        controller = Controller(name, link=link, public_address=address)
        host = Host(controller, AsyncPipeSink(controller))
        devices.append(Device(name=name, address=Address(address), host=host))
    central, device = devices
    central.host.snooper = snoopers
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.settimeout(5)
    server.connect(("127.0.0.1", url_port))
    partial = bytearray()

    async def written(connection, value):
        partial.extend(value)
        if len(partial) < 8 or len(partial) < 8 + int.from_bytes(partial[2:4], "big"):
            return
        server.send(bytes(partial))
        partial.clear()
        answer = server.recv(4096)
        room = connection.att_mtu - 3
        for at in range(0, len(answer), room):
            await device.notify_subscriber(connection, characteristic, answer[at:at + room])

    characteristic = Characteristic(
        UUID("DA2E7828-FBCE-4E01-AE9E-261174997C48"),
        Characteristic.Properties.WRITE_WITHOUT_RESPONSE | Characteristic.Properties.NOTIFY,
        Characteristic.WRITEABLE, CharacteristicValue(write=written))
    device.add_service(Service(UUID("8D53DC1D-1DB7-4CD3-868B-8A527460AA84"), [characteristic]))
    await central.power_on()
    await device.power_on()
    await device.start_advertising(auto_restart=False)
    connection = await central.connect(device.random_address)
    peer = Peer(connection)
    await peer.request_mtu(60)
    await peer.discover_services()
    await peer.discover_characteristics()
    proxy = peer.get_characteristics_by_uuid(characteristic.uuid)[0]
    arrived = asyncio.Queue()
    await proxy.subscribe(arrived.put_nowait)
    for frame in frames:
        for at in range(0, len(frame), 57):
            await proxy.write_value(frame[at:at + 57], with_response=False)
        answer = b""
        while len(answer) < 8 or len(answer) < 8 + int.from_bytes(answer[2:4], "big"):
            answer += await asyncio.wait_for(arrived.get(), 10)
    await connection.disconnect()
    await asyncio.sleep(0.2)
    server.close()


@pytest.mark.parametrize("form", ["btsnoop", "pcap"])
def test_captures_of_bumbles_snoopers_hold_the_link_and_the_frames(form, tmp_path, app):
    from bumble.snoop import BtSnooper, PcapSnooper
    from smp.image_management import ImageStatesReadRequest
    from smp.os_management import EchoWriteRequest

    path = tmp_path / f"hci.{form}"
    frames = [EchoWriteRequest(d="a text of more than one packet: " + "x" * 60).BYTES,
              ImageStatesReadRequest().BYTES]
    with sim("tandem-nrf52833", tmp_path / "d", "--udp", "127.0.0.1:0", "--program",
             f"slot0={app}") as device:
        with path.open("wb") as out:
            snooper = (BtSnooper if form == "btsnoop" else PcapSnooper)(out)
            asyncio.run(talk_over_bumble(snooper, port_of(device), frames))
    messages, rest = decode(path)
    assert [(m["command"], m["turn"]) for m in messages] == [
        ("echo", "request"), ("echo", "answer"), ("list", "request"), ("list", "answer")]
    assert messages[0]["frame"] == frames[0].hex()
    assert messages[3]["body"]["images"][0]["version"] == "1.0.0"
    links = [o["link"] for o in rest]
    assert links[0] == "up" and links[-1] == "down" and "mtu" in links
    assert next(o for o in rest if o["link"] == "mtu")["mtu"] == 60
    assert rest[-1]["status"] > 0


# ---- smpmgr ------------------------------------------------------------------------------


@pytest.fixture
def smpmgr_logs(tmp_path, app, tool):
    """What smpmgr prints and what it writes into its log file, over a serial line."""
    port, shown, log = tmp_path / "port", tmp_path / "shown.txt", tmp_path / "smpmgr.log"
    with sim("tandem-nrf52833", tmp_path / "d", "--pty", port, "--program", f"slot0={app}"):
        done = run(tool("smpmgr"), "--loglevel", "DEBUG", "--logfile", log, "--port", port,
                   "image", "state-read", env={"COLUMNS": "80", "TERM": "dumb"})
    shown.write_text(done.stdout + done.stderr)
    return shown, log


def test_smpmgrs_log_is_read_from_its_file_and_from_the_terminal(smpmgr_logs):
    for path in smpmgr_logs:
        messages, _ = decode(path)
        assert [(m["command"], m["turn"]) for m in messages] == [
            ("buffer parameters", "request"), ("buffer parameters", "answer"),
            ("list", "request"), ("list", "answer")], path
        assert messages[1]["body"]["buf_count"] > 0
        # Of an answer of several lines smpclient's log shows the first.
        assert messages[3]["cut"] or messages[3]["body"]["images"]
        assert all(m["time_us"] is not None for m in messages)
