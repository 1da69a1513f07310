"""Mqtt: against Debian's mosquitto where it is installed; and against a stand-in that has faults."""

from __future__ import annotations

import builtins
import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.events.receivers import Broker, an_event, free_port, keepalive_of, until
from vidface.errors import UsageError
from vidface.events import mqtt
from vidface.events.courier import Courier, UndeliveredError
from vidface.events.mqtt import Mqtt, topic_level
from vidface.events.settings import MqttSettings
from vidface.events.spool import Spool
from vidface.media.live.retry import knock

paho = pytest.importorskip("paho.mqtt.client")


class Desk:
    """Couriers over one spool, ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.couriers: list[Courier] = []

    def open(self, port: int, *, login: str = "", **more: Any) -> Courier:
        settings = MqttSettings(
            url=f"mqtt://{login}127.0.0.1:{port}", topic="home/faces", timeout_s=more.pop("timeout_s", 0.5)
        )
        spool = Spool(self.folder / "spool")
        courier = Courier(Mqtt(settings), spool, tell=self.told.append, first_s=0.05, **more)
        self.couriers.append(courier)
        return courier


def refused(courier: Courier) -> bool:
    """Wait until the broker has said no; what is sent before is told that there was no answer."""
    return until(lambda: "refuses" in courier._carrier._why)  # type: ignore[attr-defined]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Who is lost is called again at once."""
    waits = paho.Client.reconnect_delay_set
    monkeypatch.setattr(paho.Client, "reconnect_delay_set", lambda client, *_: waits(client, 0.05, 0.2))
    made = Desk(tmp_path)
    yield made
    for courier in made.couriers:
        courier.close(0.1)


def test_events_and_pictures_are_published(desk: Desk) -> None:
    """On the camera's topics, the picture first; nothing but the availability is retained."""
    with Broker() as broker:
        courier = desk.open(broker.port, pictures=True)
        courier.send(an_event(1, camera="front/door+#"))
        assert until(lambda: courier.facts()["delivered"] == 1)
        courier.close()
        assert until(lambda: len(broker.messages) == 4)
    online, picture, event, offline = broker.messages
    assert online == ("home/faces/availability", b"online", True)
    assert offline == ("home/faces/availability", b"offline", True)
    assert picture == ("home/faces/front_door__/picture", b"\xff\xd8 jpeg", False)
    assert event[0] == "home/faces/front_door__/event"
    letter = json.loads(event[1])
    assert letter["event"]["camera"] == "front/door+#"
    assert "picture" not in letter
    assert b"home/faces/availability" in broker.connects[0]
    assert keepalive_of(broker.connects[0]) == 30


def test_a_broker_that_is_not_there_yet(desk: Desk) -> None:
    """Events wait, and it is told why; when it comes they arrive in order."""
    port = free_port()
    courier = desk.open(port)
    why = "no connection (connection refused)"
    assert until(lambda: courier._carrier._why == why)  # type: ignore[attr-defined]
    for n in range(3):
        courier.send(an_event(n))
    assert until(lambda: desk.told)
    wanted = f"MQTT broker 127.0.0.1:{port}: {why}; events wait, and it is tried again."
    assert desk.told[0] == wanted
    with Broker(port=port) as broker:
        assert until(lambda: courier.facts()["delivered"] == 3)
    assert broker.tracks() == ["0", "1", "2"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves sockets open
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mqtt://nobody.invalid", "its name is not known"),
        ("mqtts://127.0.0.1:{port}", "no connection (TLS: wrong version number)"),
        ("mqtt://127.0.0.1:{port}", "it ended the connection before it took anything"),
    ],
)
def test_why_there_is_no_connection_is_told(desk: Desk, url: str, told: str) -> None:
    """Whether it is the name, the certificate or the port: each is mended elsewhere."""

    def no_broker(door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                with door.accept()[0] as caller:
                    caller.recv(100)
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=no_broker, args=(door,), daemon=True).start()
        line = Mqtt(MqttSettings(url=url.format(port=door.getsockname()[1]), timeout_s=2))
        assert until(lambda: told in line._why)
        with pytest.raises(UndeliveredError, match=re.escape(told)):
            line.carry({"id": "1", "event": {}})
        line.close()


def test_a_broker_that_goes_and_comes_back(desk: Desk) -> None:
    """It is online again by itself, and gets what happened meanwhile."""
    with Broker() as broker:
        courier = desk.open(broker.port)
        courier.send(an_event(1))
        assert until(lambda: courier.facts()["delivered"] == 1)
    courier.send(an_event(2))
    assert until(lambda: courier.facts()["failed"])
    with Broker(port=broker.port) as again:
        assert until(lambda: courier.facts()["delivered"] == 2)
    assert again.messages[0] == ("home/faces/availability", b"online", True)
    assert "2" in again.tracks()


def test_a_broker_that_ends_the_connection_at_each_event(desk: Desk) -> None:
    """Not confirmed, so it comes again until it is; the next one waits for it."""
    with Broker(cuts=2) as broker:
        courier = desk.open(broker.port, timeout_s=3)
        courier.send(an_event(1))
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["delivered"] == 2)
    tracks = broker.tracks()
    assert tracks.count("1") >= 3
    assert tracks[-1] == "2"
    ids = {json.loads(content)["id"] for topic, content, _ in broker.messages if "/event" in topic}
    assert len(ids) == 2


def test_a_broker_that_never_confirms(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event stays where it survives a restart, and is published once, not with each try."""
    monkeypatch.setattr(mqtt, "_GOODBYE_S", 0.1)
    with Broker(mute=True) as broker:
        courier = desk.open(broker.port, timeout_s=0.2)
        assert until(courier._carrier._up.is_set)  # type: ignore[attr-defined]
        courier.send(an_event(1))
        assert until(lambda: courier.facts()["failed"] >= 3)
        assert "no confirmation for 0.2 s" in courier.facts()["trouble"]
        assert broker.tracks() == ["1"]
        assert courier.facts()["waiting"] == 1


def test_a_refusal_of_yesterday_is_not_told_today(desk: Desk) -> None:
    """Who looks for a wrong password finds none: now the broker ends each connection without a word."""
    with Broker(code=5) as broker:
        courier = desk.open(broker.port, timeout_s=1)
        assert refused(courier)
        broker.curt = True
        assert until(lambda: "ended the connection" in courier._carrier._why)  # type: ignore[attr-defined]


def test_a_wrong_password(desk: Desk) -> None:
    """Told with the broker's reason, and without the password."""
    with Broker(code=5) as broker:
        courier = desk.open(broker.port, login="ann:s3cret@", timeout_s=1)
        assert refused(courier)
        courier.send(an_event(1))
        assert until(lambda: desk.told)
        assert b"s3cret" in broker.connects[0]
    assert "refuses the connection (not authorized)" in desk.told[0]
    assert "s3cret" not in "".join(desk.told)


def test_closing_does_not_wait_for_a_broker(desk: Desk) -> None:
    """Nobody there, a letter waiting, a long patience: it ends at once all the same."""
    courier = desk.open(free_port(), timeout_s=120)
    courier.send(an_event(1))
    time.sleep(0.1)
    begin = time.monotonic()
    courier.close(0.2)
    assert until(lambda: not courier._thread.is_alive())
    assert time.monotonic() - begin < 60
    assert courier.facts()["waiting"] == 1


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every extra."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("paho"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'vidface\[mqtt\]'"):
        Mqtt(MqttSettings(url="mqtt://127.0.0.1"))


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Tür 3", "Tür 3"),
        ("a/b", "a_b"),
        ("+#", "__"),
        ("", "_"),
        ("a\0\n\udcff", "a___"),
        ("x" * 999, "x" * 200),
    ],
)
def test_a_name_is_one_level_of_a_topic(name: str, level: str) -> None:
    assert topic_level(name) == level


@contextmanager
def mosquitto(folder: Path, port: int, *lines: str) -> Iterator[None]:
    """Debian's broker on loopback."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join((f"listener {port} 127.0.0.1", "persistence false", *lines)))
    command = [program, "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        try:
            assert until(lambda: knock(("127.0.0.1", port)))
            yield
        finally:
            broker.terminate()
            broker.wait(5)


class Reader:
    """Subscribes to everything."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.there = False
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def _connected(self, client: Any, *_: Any) -> None:
        client.subscribe("#", 1)

    def _subscribed(self, *_: Any) -> None:
        self.there = True

    def _message(self, _client: Any, _data: Any, message: Any) -> None:
        self.messages.append((message.topic, message.payload, message.retain))

    def topics(self) -> list[str]:
        return [topic for topic, _, _ in self.messages]


@contextmanager
def reading(port: int) -> Iterator[Reader]:
    reader = Reader(port)
    try:
        yield reader
    finally:
        reader.client.disconnect()
        reader.client.loop_stop()


def test_mosquitto_takes_events_and_says_when_we_are_gone(desk: Desk) -> None:
    """A subscriber gets picture and event; when the line is cut, the broker itself says offline."""
    port = free_port()
    with mosquitto(desk.folder, port, "allow_anonymous true"), reading(port) as reader:
        assert until(lambda: reader.there)
        courier = desk.open(port, pictures=True, timeout_s=5)
        courier.send(an_event(1, camera="Tür"))
        assert until(lambda: len(reader.messages) == 3)
        assert reader.topics() == [
            "home/faces/availability",
            "home/faces/Tür/picture",
            "home/faces/Tür/event",
        ]
        assert json.loads(reader.messages[2][1])["event"]["camera"] == "Tür"
        with reading(port) as late:
            assert until(lambda: late.messages)
            assert late.messages == [("home/faces/availability", b"online", True)]
        line = desk.couriers[0]._carrier._client.socket()  # type: ignore[attr-defined]
        line.shutdown(2)
        assert until(lambda: ("home/faces/availability", b"offline", False) in reader.messages)


def test_mosquitto_that_is_restarted(desk: Desk) -> None:
    """What happens while it is away arrives afterwards."""
    port = free_port()
    with mosquitto(desk.folder, port, "allow_anonymous true"):
        courier = desk.open(port, timeout_s=2)
        courier.send(an_event(1))
        assert until(lambda: courier.facts()["delivered"] == 1)
    courier.send(an_event(2))
    assert until(lambda: courier.facts()["failed"])
    with mosquitto(desk.folder, port, "allow_anonymous true"), reading(port) as reader:
        assert until(lambda: courier.facts()["delivered"] == 2)
        assert courier.facts()["waiting"] == 0
        assert reader is not None


def test_mosquitto_that_wants_a_password(desk: Desk) -> None:
    """Without one, events wait; the reason is the broker's."""
    port = free_port()
    with mosquitto(desk.folder, port, "allow_anonymous false"):
        courier = desk.open(port, timeout_s=1)
        assert refused(courier)
        courier.send(an_event(1))
        assert until(lambda: desk.told)
    assert "refuses the connection (not authorized)" in desk.told[0]
