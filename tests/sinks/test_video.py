"""VideoSink: as many frames as came, at the same times, in every codec and container."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.sinks.video_files import FAST, encode, frame_at, write_frames
from vidface.data.provenance import MadeBy, Provenance
from vidface.media.decode import open_source
from vidface.media.probe import probe
from vidface.node import Target
from vidface.sinks.video import VideoSink

INPUTS = [
    ("h264.mp4", "libx264", "yuv420p"),
    ("h264.mkv", "libx264", "yuv420p"),
    ("h264.avi", "libx264", "yuv420p"),
    ("h264.ts", "libx264", "yuv420p"),
    ("h265.mov", "libx265", "yuv420p"),
    ("vp9.webm", "libvpx-vp9", "yuv420p"),
    ("mpeg4.avi", "mpeg4", "yuv420p"),
    ("mjpeg.mov", "mjpeg", "yuvj420p"),
    ("anim.gif", "gif", "rgb8"),
    ("raw.h264", "libx264", "yuv420p"),
]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), INPUTS)
def test_every_container_keeps_frames_and_times(
    clip: Maker, tmp_path: Path, name: str, codec: str, pixel_format: str
) -> None:
    """Decode, encode to mp4, decode: the same count, times and length, exactly."""
    path = clip(name, codec=codec, pixel_format=pixel_format)
    out, facts = encode(path, tmp_path)
    before, after = read(path), read(out)
    assert times(after) == times(before)
    assert facts["frames"] == len(before) == 24
    last = before[-1]
    assert probe(out).duration == last.time + last.duration * last.time_base - before[0].time


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("h264", "mp4"), ("h264", "mkv"), ("h264", "mov"),
        ("h265", "mp4"), ("h265", "mkv"), ("h265", "mov"),
        ("vp9", "mp4"), ("vp9", "mkv"), ("vp9", "webm"),
        ("av1", "mp4"), ("av1", "mkv"), ("av1", "webm"),
        ("ffv1", "mkv"),
    ],
)  # fmt: skip
def test_every_codec_in_every_container(clip: Maker, tmp_path: Path, codec: str, container: str) -> None:
    """What can be chosen works: right codec, right times (40 ms are whole milliseconds), right pictures."""
    path = clip("in.mp4", size=(96, 64))
    out, facts = encode(path, tmp_path, codec=codec, container=container)
    assert probe(out).codec == {"h265": "hevc"}.get(codec, codec)
    assert facts["codec"] == codec
    before, after = read(path), read(out)
    assert times(after) == times(before)
    for a, b in zip(before, after, strict=True):
        assert np.abs(a.rgb().astype(int) - b.rgb()).mean() < 8


@pytest.mark.parametrize("offset", [0, 135001])
def test_variable_rate_b_frames_and_start_offset_in_mp4(clip: Maker, tmp_path: Path, offset: int) -> None:
    """Uneven 90 kHz times, with B-frames in and out, starting late: exact to the tick."""
    pts = tuple(offset + 3003 * i + 700 * (i % 3) for i in range(24))
    path = clip("vfr.mkv", pts=tuple(range(24)))
    source = open_source(path)
    sink = VideoSink(preset="veryfast", threads=1)
    sink.start(Target(tmp_path, "video", source.info))
    tick = Fraction(1, 90000)
    for frame, when in zip(source.frames(), pts, strict=True):
        sink.process(replace(frame, pts=when, time_base=tick, duration=3003))
    sink.finish()
    out = tmp_path / "video.mp4"
    with av.open(str(out)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    assert any(p.pts != p.dts for p in packets)
    assert times(read(out)) == [w * tick for w in pts]
    assert probe(out).duration == (pts[-1] + 3003 - pts[0]) * tick


def test_milliseconds_of_matroska_are_said(clip: Maker, tmp_path: Path) -> None:
    """mkv cannot hold thirtieths of a second: rounded to the millisecond, and noted."""
    path = clip("in.mp4", pts=tuple(range(24)), time_base=Fraction(1, 30))
    out, facts = encode(path, tmp_path, container="mkv")
    assert any("milliseconds" in note for note in facts["notes"])
    errors = [abs(a - b) for a, b in zip(times(read(path)), times(read(out)), strict=True)]
    assert max(errors) <= Fraction(1, 2000)


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
def test_no_times_before_zero(clip: Maker, tmp_path: Path, container: str) -> None:
    """mp4 has them, but its players cut the sound there: all times move, and the note says by how much."""
    path = clip("in.mp4", sound="aac")
    source = open_source(path)
    sink = VideoSink(**FAST, container=container)
    sink.start(Target(tmp_path, "video", source.info, sound=path, sound_lead=Fraction(-1, 5)))
    for frame in source.frames():
        sink.process(replace(frame, pts=frame.pts - 512 * 5))
    facts = sink.finish()
    out = tmp_path / f"video.{container}"
    assert facts["notes"] == ["the container has no times before zero: all moved by 0.200000 s"]
    assert times(read(out)) == [Fraction(i, 25) for i in range(24)]
    (digest, stamps), (wanted, before) = sound_of(out), sound_of(path)
    assert digest == wanted
    assert abs(stamps[0] - before[0]) < Fraction(1, 900)
    assert abs(_samples(out) - _samples(path)) <= 1024


def _samples(path: Path) -> int:
    """How many samples are heard."""
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def test_times_that_go_back_lose_no_frame(tmp_path: Path) -> None:
    """A container cannot hold repeated times; the frame is kept one tick later, and that is said."""
    frames = [frame_at(0), frame_at(2), frame_at(2), frame_at(1), frame_at(3)]
    out, facts = write_frames(frames, tmp_path)
    assert len(read(out)) == 5
    assert any("went back" in note for note in facts["notes"])


def test_a_clock_set_back_plays_on(tmp_path: Path) -> None:
    """Two clips joined, each from zero: the second plays at its own pace after the first."""
    frames = [frame_at(i) for i in range(50)] + [frame_at(i) for i in range(10)]
    out, facts = write_frames(frames, tmp_path)
    assert times(read(out)) == [Fraction(i, 25) for i in range(60)]
    assert facts["notes"] == ["times leapt back: what follows was moved behind what came before"]


def test_the_file_says_where_it_comes_from(clip: Maker, tmp_path: Path) -> None:
    """Synthetic pictures are marked as such."""
    path = clip("in.mp4")
    made = Provenance((MadeBy("new", "restore.face", generates=True),))
    for provenance, words in ((None, "made with vidface"), (made, "synthetic: generated by vidface")):
        out, _ = encode(path, tmp_path, target={"provenance": provenance})
        with av.open(str(out)) as container:
            assert container.metadata["comment"].startswith(words)


def test_real_clips(shared_data: Path, tmp_path: Path) -> None:
    """MPEG program streams and edit-listed phone clips survive, sound included."""
    for name in ("speech/grid_bbaf2n.mpg", "edge/no_face.mp4"):
        path = shared_data / "clips" / name
        out, facts = encode(path, tmp_path)
        assert times(read(out)) == times(read(path))
        assert sound_of(out)[0] == sound_of(path)[0]
        assert facts["notes"] == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([1, 25, 30, 1000, 12800, 90000, 1200000]),
    start=st.integers(-50, 5000),
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_any_rising_times_survive_exactly(tmp_path: Path, rate: int, start: int, steps: list[int]) -> None:
    """Property: whatever the clock, the offset and the gaps, mp4 gives every time back to the tick.

    Where the first lies before zero, all move by as much.
    """
    pts = [start + sum(steps[:i]) for i in range(len(steps))]
    base = Fraction(1, rate)
    frames = [replace(frame_at(i), pts=p, time_base=base, duration=1) for i, p in enumerate(pts)]
    out, facts = write_frames(frames, tmp_path, preset="superfast")
    assert times(read(out)) == [(p - min(start, 0)) * base for p in pts]
    assert len(facts["notes"]) == (start < 0)
