"""Sound is recorded as it came, beside the pictures, where that was asked for."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.media.make_clips import Clip, make
from vidface.data.event import Event
from vidface.media.live._container import choose
from vidface.media.live._demux import watch
from vidface.media.live.link import Backlog
from vidface.media.live.recorder import Recorder
from vidface.media.live.recordsettings import RecordSettings
from vidface.media.live.wire import Coded, Heard, Message, Opened, Order, SoundTrack

WITH_SOUND = RecordSettings(when="always", segment_s=1, keep_h=None, keep_gb=None, free_gb=0, sound=True)


class Post:
    """Keeps what the child sends."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def recalled(self, wait_s: float = 0.0) -> bool:
        return False


def watched(clip: Path, *, sound: bool) -> list[Message]:
    post = Post()
    watch(Order(str(clip), sound=sound), post)
    return post.sent


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds and a half with a tone in AAC."""
    return make(tmp_path_factory.mktemp("sound") / "clip.mp4", Clip(pts=range(60), sound="aac"))


def in_time(messages: list[Message]) -> list[Message]:
    """Pictures and sound in the order in which a camera sends them, arriving when they are due."""
    opened = messages[0]
    assert isinstance(opened, Opened)
    assert opened.sound is not None
    begin = time.monotonic()
    due = [
        (float((packet.dts or 0) * opened.time_base), packet)
        for packet in messages
        if isinstance(packet, Coded)
    ] + [
        (float((packet.pts or 0) * opened.sound.time_base), packet)
        for packet in messages
        if isinstance(packet, Heard)
    ]
    due.sort(key=lambda pair: pair[0])
    return [opened, *[replace(packet, arrival=begin + at) for at, packet in due]]


def test_the_child_sends_sound_where_it_is_asked_to(talking: Path) -> None:
    """And nothing of it where not."""
    with_it, without = watched(talking, sound=True), watched(talking, sound=False)
    opened = with_it[0]
    assert isinstance(opened, Opened)
    assert opened.sound is not None
    assert (opened.sound.codec, opened.sound.rate_hz, opened.sound.channels) == ("aac", 48000, 1)
    with av.open(str(talking)) as container:
        data = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert [m.data for m in with_it if isinstance(m, Heard)] == data
    assert not any(isinstance(m, Heard) for m in without)
    assert isinstance(without[0], Opened)
    assert without[0].sound is None


def test_sound_goes_to_whoever_records_and_not_to_the_decoder() -> None:
    heard: list[Message] = []
    backlog = Backlog(heard.append)
    packet = Heard(b"s", 0, 0, 160, 0.0)
    assert backlog.put(packet)
    assert heard == [packet]
    assert backlog.get(0.0) is None


def test_every_packet_of_sound_stands_in_exactly_one_segment(talking: Path, tmp_path: Path) -> None:
    """In order and at its time (the first of a file at its beginning); the pictures are not touched."""
    messages = in_time(watched(talking, sound=True))
    recorder = Recorder(tmp_path / "recordings", WITH_SOUND)
    for message in messages:
        recorder.take(message)
    recorder.close()
    rows = recorder.recordings.rows()
    assert len(rows) >= 2
    assert {row["sound"] for row in rows} == {"aac"}
    sound, pictures = [], 0
    for row in rows:
        with av.open(str(recorder.recordings.folder / row["file"])) as container:
            begin = row["dts"] * Fraction(row["time_base"])
            for packet in container.demux():
                if packet.size and packet.stream.type == "audio":
                    assert packet.pts is not None
                    sound.append((float(begin + packet.pts * packet.time_base), bytes(packet)))
                pictures += bool(packet.size) and packet.stream.type == "video"
    sent = [message for message in messages if isinstance(message, Heard)]
    assert [data for _, data in sound] == [packet.data for packet in sent]
    assert (
        sum(abs(at - (packet.pts or 0) / 48000) > 0.03 for (at, _), packet in zip(sound, sent, strict=True))
        <= 3
    )
    assert all(
        abs(at - (packet.pts or 0) / 48000) < 0.15 for (at, _), packet in zip(sound, sent, strict=True)
    )
    assert pictures == 60
    assert recorder.facts()["heard"] == len(sent)


def test_sound_before_an_event_is_kept_too(talking: Path, tmp_path: Path) -> None:
    """With the pictures around it."""
    settings = WITH_SOUND.model_copy(update={"when": "events", "segment_s": 60.0, "before_s": 60.0})
    recorder = Recorder(tmp_path / "recordings", settings)
    messages = in_time(watched(talking, sound=True))
    for message in messages:
        recorder.take(message)
    recorder.send(Event("unknown_lingering", "door", time.time()))
    recorder.close()
    assert recorder.facts()["heard"] > 0.8 * sum(isinstance(message, Heard) for message in messages)
    assert recorder.recordings.rows()[0]["packets"] == 60


@pytest.mark.parametrize(
    ("picture", "sound", "extradata", "name", "silent"),
    [
        ("h264", "aac", b"\x11\x90", "mp4", None),
        ("h264", "pcm_mulaw", b"", "mov", None),
        ("hevc", "pcm_alaw", b"", "mov", None),
        ("vp8", "opus", b"OpusHead", "matroska", None),
        ("h264", None, b"", "mp4", None),
        ("h264", "aac", b"", "mp4", "its AAC sound comes as broadcast, with a header in each packet"),
        ("h264", "qdm2", b"", "mp4", "no container takes h264 together with qdm2"),
    ],
)
def test_the_container_follows_the_codings(
    picture: str, sound: str | None, extradata: bytes, name: str, silent: str | None
) -> None:
    """MP4 where it takes both, QuickTime for G.711, Matroska for the rest; else the pictures alone."""
    track = None if sound is None else SoundTrack(sound, extradata, Fraction(1, 8000), 8000, 1)
    choice = choose(Opened("rtsp", picture, b"", Fraction(1, 90000), (64, 48), sound=track))
    assert (choice.name, choice.silent) == (name, silent)
    assert (choice.sound is None) == (sound is None or silent is not None)


def test_why_there_is_no_sound_is_said_once(talking: Path, tmp_path: Path) -> None:
    """And the pictures are recorded."""
    told: list[str] = []
    recorder = Recorder(tmp_path / "recordings", WITH_SOUND, name="door", tell=told.append)
    opened, *rest = in_time(watched(talking, sound=True))
    assert isinstance(opened, Opened)
    assert opened.sound is not None
    bare = replace(opened, sound=replace(opened.sound, extradata=b""))
    for message in (bare, *rest):
        recorder.take(message)
    recorder.close()
    assert told == [
        "door: is recorded without its sound: its AAC sound comes as broadcast, with a header in each packet."
    ]
    assert recorder.facts()["packets"] == 60
    assert {row["sound"] for row in recorder.recordings.rows()} == {None}


def test_g711_keeps_its_time_over_a_gap(talking: Path, tmp_path: Path) -> None:
    """It has no times of its own in a file: what is missing is silence, and what follows is not early."""
    opened, *rest = in_time(watched(talking, sound=True))
    assert isinstance(opened, Opened)
    track = SoundTrack("pcm_mulaw", b"", Fraction(1, 8000), 8000, 1)
    begin = min(packet.arrival for packet in rest if isinstance(packet, Coded))
    tone = [
        Heard(b"\x00" * 160, 160 * place, 160 * place, 160, begin + 0.02 * place)
        for place in range(10, 120)
        if not 50 <= place < 70
    ]
    both: list[Coded | Heard] = [packet for packet in rest if isinstance(packet, Coded)]
    both = sorted([*both, *tone], key=lambda packet: packet.arrival)
    settings = WITH_SOUND.model_copy(update={"segment_s": 60.0})
    recorder = Recorder(tmp_path / "recordings", settings)
    for message in (replace(opened, sound=track), *both):
        recorder.take(message)
    recorder.close()
    row = recorder.recordings.rows()[0]
    assert row["file"].endswith(".mov")
    with av.open(str(recorder.recordings.folder / row["file"])) as container:
        samples = b"".join(bytes(packet) for packet in container.demux(audio=0) if packet.size)
    shift = -round(row["dts"] * Fraction(row["time_base"]) * 8000)
    wanted = b"\xff" * (1600 + shift) + b"\x00" * 6400 + b"\xff" * 3200 + b"\x00" * 8000
    assert samples == wanted
