"""VideoSink: sound that begins late, or never, does not keep the pictures from the disk."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.sinks.video_files import FAST, encode
from vidface.media.decode import open_source
from vidface.node import Target
from vidface.sinks.video import VideoSink

AFTER_S = 28
PICTURES = tuple(range(40, 1040, 12))
"""Frames of 25 a second: 40 s, from 1.6 s on, two a second."""


@pytest.fixture
def late(clip: Maker, tmp_path: Path) -> Any:
    """A clip of 40 s whose sound begins after 28 s."""

    def made(sound: str) -> Path:
        plain, path = clip("plain.mkv", sound=sound, pts=PICTURES), tmp_path / "late.mkv"
        with av.open(str(plain)) as source, av.open(str(path), "w") as out:
            lanes = [out.add_stream_from_template(stream) for stream in source.streams]
            packets = [packet for packet in source.demux() if packet.pts is not None]
            for packet in packets:
                if packet.stream.type == "audio" and packet.pts is not None and packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + AFTER_S * 1000, packet.dts + AFTER_S * 1000
            for packet in sorted(packets, key=lambda one: one.dts or 0):
                if packet.pts is not None and packet.pts * packet.time_base < 42:
                    packet.stream = lanes[packet.stream.index]
                    out.mux(packet)
        return path

    return made


def killed(path: Path, out: Path, container: str, after_s: int) -> Path:
    """What lies on the disk when the frame after so many seconds has been written."""
    source, sink = open_source(path), VideoSink(container=container, **FAST)
    sink.start(Target(out, "video", source.info, path))
    for frame in source.frames():
        sink.process(frame)
        if frame.time > after_s:
            break
    partial = Path(shutil.copy(out / f"video.{container}", out / f"killed.{container}"))
    sink.close()
    return partial


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_pictures_before_a_late_sound_are_written(late: Any, tmp_path: Path, container: str) -> None:
    """A killed run plays, before the sound and after, its sound in its place; a whole one is exact."""
    path = late("aac")
    partial = killed(path, tmp_path, container, AFTER_S - 1)
    wanted = times(read(path))
    assert times(read(partial)) == wanted[: len(read(partial))]
    assert times(read(partial))[-1] > AFTER_S - 1 - 14  # FFmpeg waits for ten seconds, a fragment has two
    partial = killed(path, tmp_path, container, AFTER_S + 10)
    begin = sound_of(path)[1][0]
    assert abs(sound_of(partial)[1][0] - begin) < Fraction(1, 900)
    out, facts = encode(path, tmp_path, container=container)
    assert times(read(out)) == wanted
    (digest, stamps), (own, starts) = sound_of(out), sound_of(path)
    assert digest == own
    assert max(abs(a - b) for a, b in zip(stamps, starts, strict=True)) < Fraction(1, 900)
    assert facts["notes"] == []


def test_a_late_sound_that_explains_itself_only_in_its_packets(late: Any, tmp_path: Path) -> None:
    """Of AC-3 no header can be written before them: nothing is on the disk until they come."""
    path = late("ac3")
    out, facts = encode(path, tmp_path)
    assert (times(read(out)), sound_of(out)[0]) == (times(read(path)), sound_of(path)[0])
    assert facts["audio"] == "copied 1 stream"


def test_a_stream_that_never_sounds_is_left_out(clip: Maker, tmp_path: Path) -> None:
    """Beside one that does, however long the clip is; mp4 would wait for it up to the end."""
    plain, path = clip("sounds.mkv", sound="aac", pts=PICTURES), tmp_path / "empty.mkv"
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        lanes = [out.add_stream_from_template(stream) for stream in source.streams]
        out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = lanes[packet.stream.index]
                out.mux(packet)
    partial = killed(path, tmp_path, "mp4", 30)
    assert len(read(partial)) > 20
    made, facts = encode(path, tmp_path)
    assert facts["notes"] == ["an audio stream (aac) without sound was left out"]
    assert sound_of(made) == sound_of(encode(plain, tmp_path)[0])
