"""cameras.yaml: what is said where, and what every fault says; no password in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vidface.errors import GraphError, UsageError
from vidface.watch.config import Config

CAMERAS = "cameras:\n  door: rtsp://me:hush@10.0.0.5/stream\n"


def read(tmp_path: Path, text: str, environment: Mapping[str, str] | None = None) -> Config:
    path = tmp_path / "cameras.yaml"
    path.write_text(f"version: 1\n{text}", encoding="utf-8")
    return Config.read(path, environment or {})


def test_the_smallest_file(tmp_path: Path) -> None:
    """A name and an address; the rest is what is said to be the default."""
    (door,) = read(tmp_path, CAMERAS).cameras
    assert (door.name, door.url) == ("door", "rtsp://me:hush@10.0.0.5/stream")
    assert Path(door.graph).name == "watch.yaml"
    assert (door.settings.retry, door.settings.transport, door.record.when) == ("forever", "tcp", "off")


def test_what_is_said_of_one_goes_before_what_is_said_of_all(tmp_path: Path) -> None:
    """Overrides add up, the camera's last; of `record` the camera says only what differs."""
    text = (
        "set: [identify.gallery=people]\nrecord: {when: events, keep_h: 5}\n"
        "cameras:\n  a: {url: /dev/video0, set: [detect.every=1], record: off, retry: 3}\n"
        "  b: {url: /dev/video1, record: {keep_gb: 7}}\n"
    )
    a, b = read(tmp_path, text).cameras
    assert a.overrides == ("identify.gallery=people", "detect.every=1")
    assert (a.record.when, a.settings.retry) == ("off", "3")
    assert (b.record.when, b.record.keep_h, b.record.keep_gb) == ("events", 5, 7)


def test_passwords_come_from_the_environment(tmp_path: Path) -> None:
    """`${NAME}` in addresses of cameras and receivers; one that is not set is told with its place."""
    text = (
        "events: {webhook: {url: 'https://me:${HOOK}@example.org/'}}\n"
        "cameras:\n  door: rtsp://me:${DOOR_1}@10.0.0.5/stream\n"
    )
    config = read(tmp_path, text, {"DOOR_1": "s3cret", "HOOK": "hush"})
    assert config.cameras[0].url == "rtsp://me:s3cret@10.0.0.5/stream"
    assert config.spec.events.webhook is not None
    assert config.spec.events.webhook.url == "https://me:hush@example.org/"
    with pytest.raises(GraphError, match=r"cameras.yaml:4:9: .*\$\{DOOR_1\}.* is not set"):
        read(tmp_path, text, {"HOOK": "hush"})


def test_certificates_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    """Those of a camera that encrypts."""
    (tmp_path / "door.pem").write_text("x", encoding="utf-8")
    (door,) = read(tmp_path, "cameras:\n  a: {url: 'rtsps://h/', trusted: door.pem}\n").cameras
    assert door.settings.trusted == tmp_path / "door.pem"


def test_a_graph_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    """A path is seen from the file; a bare word is a shipped graph."""
    (tmp_path / "mine.yaml").write_text("x", encoding="utf-8")
    a, b = read(
        tmp_path,
        "graph: mine.yaml\ncameras:\n  a: /dev/video0\n  b: {url: /dev/video1, graph: anonymize}\n",
    ).cameras
    assert a.graph == str(tmp_path / "mine.yaml")
    assert Path(b.graph).name == "anonymize.yaml"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cameras: {}\n", "2:10: cameras is empty"),
        (f"{CAMERAS}grahp: x\n", "4:1: unknown key 'grahp'; did you mean 'graph'"),
        (
            "cameras:\n  a: {url: /dev/video0, trasport: udp}\n",
            "'cameras.a.trasport'; did you mean 'transport'",
        ),
        ("cameras:\n  a: {transport: udp}\n", "cameras.a needs the key 'url'"),
        (
            "cameras:\n  a: {url: /dev/video0, rate: -1}\n",
            "3:31: cameras.a.rate: input should be greater than 0",
        ),
        ("cameras:\n  a: {url: /dev/video0, retry: often}\n", "should be never, a number or forever"),
        ("cameras:\n  'a b': /dev/video0\n", "'a b' cannot be the name of a camera"),
        ("cameras:\n  ../up: /dev/video0\n", "'../up' cannot be the name of a camera"),
        ("cameras:\n  events: /dev/video0\n", "events and spool are taken"),
        ("cameras:\n  a: clip.mp4\n", "clip.mp4 is no live input"),
        ("cameras:\n  a: rtsp://me:hush@h:x/\n", r"the port must be a number"),
        (
            "cameras:\n  a: {url: 'rtsps://me:hush@h/', trusted: no.pem}\n",
            r"no.pem is no file; .* rtsps://me:\*\*\*@h/",
        ),
        ("cameras:\n  a: {url: 'rtsp://me:hush@h/', trusted: cameras.yaml}\n", "for rtsps:// alone"),
        ("cameras:\n  a: [rtsp://me:hush@h/]\n", "cameras.a"),
        ("cameras:\n  a: {url: 'rtso://h/?password=o hush'}\n", "is no live input"),
        ("cameras:\n  a: {url: /dev/video0, transport: 'rtsp://h/?psw=o hush'}\n", "cameras.a.transport"),
        (f"{CAMERAS}events: {{webhook: {{url: 'http//h/hush'}}}}\n", "events.webhook.url"),
        (f"{CAMERAS}events: {{webhook: 'https://h/hush'}}\n", "events.webhook"),
        (
            f"{CAMERAS}events: {{mqtt: {{url: 'mqtt://h', ca: 7, pictures: 'mqtt://h/hush'}}}}\n",
            "events.mqtt",
        ),
        (f"{CAMERAS}http: {{address: nowhere}}\n", "http.*an address with a port is wanted"),
        (f"{CAMERAS}record: {{wen: off}}\n", "did you mean 'when'"),
        (f"{CAMERAS}version: 1\n", "stands twice"),
    ],
)
def test_every_fault_has_its_place_and_no_password(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(GraphError, match=told) as fault:
        read(tmp_path, text)
    assert "cameras.yaml:" in str(fault.value)
    assert "hush" not in str(fault.value)


def test_a_file_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="no such file"):
        Config.read(tmp_path / "none.yaml", {})
    with pytest.raises(GraphError, match="no text"):
        Config.read(tmp_path, {})


def test_a_camera_from_outside_is_checked_the_same(tmp_path: Path) -> None:
    """The control API's settings; faults are sentences without passwords."""
    config = read(tmp_path, f"set: [detect.every=2]\n{CAMERAS}", {"SECRET": "hush"})
    yard = config.camera("yard", {"url": "rtsp://h/x", "rate": 5})
    assert (yard.overrides, yard.settings.rate) == (("detect.every=2",), 5)
    with pytest.raises(UsageError, match="did you mean 'rate'") as fault:
        config.camera("yard", {"url": "rtsp://me:hush@h/x", "rat": 1})
    assert "hush" not in str(fault.value)


def test_a_plan_shows_no_password(tmp_path: Path) -> None:
    config = read(tmp_path, CAMERAS)
    assert "hush" not in repr(config.cameras[0])
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "rtsp://evil/${SECRET}"}, r"\$\{SECRET\}, but that environment variable is not set"),
        ({"url": "rtsp://h/x", "graph": "/tmp/mine.yaml"}, "graph: can be said in cameras.yaml only"),
        ({"url": "rtsp://h/x", "set": ["detect.every=1"]}, "set: can be said in cameras.yaml only"),
        ({"url": "rtsps://h/x", "trusted": "/etc/passwd"}, "trusted: can be said in cameras.yaml only"),
        ({"url": "rtsps://h/x", "trusted": "/no/such"}, "trusted: can be said in cameras.yaml only"),
        ({"url": "chaos:/srv/film.mp4"}, "film in place of a camera"),
        ({"url": "rtsp://h/a\nb"}, "a control character, or half of a character"),
        ({"url": "rtsp://h/\ud800"}, "a control character, or half of a character"),
    ],
)
def test_a_camera_from_outside_reaches_nothing_of_this_machine(
    tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    """No code by way of a graph, no films, no secrets of the environment."""
    config = read(tmp_path, CAMERAS, {"SECRET": "hush"})
    with pytest.raises(UsageError, match=told):
        config.camera("yard", settings)
