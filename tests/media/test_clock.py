"""Clock: leaps that a container cannot hold cost no frame, and no sound is lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av import VideoFrame

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.sinks.video_files import encode, frame_at, write_frames
from vidface.media.clock import Clock, output_time_base

LEAPT = "times leapt ahead by more than the container holds"


def later(path: Path, out: Path, seconds: int) -> Path:
    """The same packets with all times so much later."""
    with av.open(str(path)) as source, av.open(str(out), "w") as made:
        lanes = [made.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.pts is not None and packet.dts is not None:
                units = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + units, packet.dts + units
                packet.stream = lanes[packet.stream.index]
                made.mux_one(packet)
    return out


def stamped(*seconds: str, duration: int = 40) -> tuple[list[Fraction], Counter[str]]:
    """The times that a clock writes on frames of these times, and its notes."""
    frames = [
        replace(frame_at(0), pts=round(Fraction(one) * 1000), time_base=Fraction(1, 1000), duration=duration)
        for one in seconds
    ]
    clock, written = Clock.starting(frames[0], coarse=False), []
    for frame in frames:
        picture = VideoFrame(16, 16, "yuv420p")
        clock.stamp(picture, frame)
        assert picture.pts is not None
        assert picture.time_base is not None
        written.append(picture.pts * picture.time_base)
    return written, clock.notes


def test_a_small_step_back_moves_one_frame_and_a_leap_all_that_follow() -> None:
    """Late in a clip as at its beginning: a second is the limit, whatever the time is."""
    tick = Fraction(1, 16000)
    small, notes = stamped("100", "99", "100.04", "100.08")
    assert small == [100, 100 + tick, Fraction("100.04"), Fraction("100.08")]
    assert list(notes) == ["a time repeated or went back and was moved behind the one before"]
    leap, notes = stamped("100", "98.9", "99", "99.5")
    assert leap == [100, Fraction("100.04"), Fraction("100.14"), Fraction("100.64")]
    assert list(notes) == ["times leapt back: what follows was moved behind what came before"]


def test_a_leap_ahead_goes_on_at_the_pace_of_the_clip() -> None:
    """The next frame comes when the one before it ends, and those after it keep their distances."""
    far, _ = stamped("0", "0.04", "200000", "200000.5")
    assert far == [0, Fraction("0.04"), Fraction("0.08"), Fraction("0.58")]
    assert stamped("-1", "-0.96", "0")[0] == [0, Fraction("0.04"), 1]


def test_a_leap_ahead_loses_neither_pictures_nor_sound(clip: Maker, tmp_path: Path) -> None:
    """Two recordings in one transport stream, the second 30,000 s later: mp4 holds no such step."""
    one = clip("one.ts", sound="mp2", pts=tuple(range(75)))
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() + later(one, tmp_path / "two.ts", 30_000).read_bytes())
    out, facts = encode(path, tmp_path)
    assert sum(LEAPT in note for note in facts["notes"]) == 1
    assert facts["frames"] == len(read(path)) >= 149
    assert 5.8 < times(read(out))[-1] - times(read(out))[0] < 6.2
    stamps, single = sound_of(out)[1], sound_of(one)[1]
    assert len(stamps) >= 2 * len(single) - 2
    assert max(b - a for a, b in pairwise(stamps)) < Fraction(1, 5)


def test_matroska_holds_the_leap(tmp_path: Path) -> None:
    frames = [frame_at(i + 30_000 * 25 * (i > 4)) for i in range(10)]
    out, facts = write_frames(frames, tmp_path, container="mkv")
    assert times(read(out)) == times(frames)
    assert facts["notes"] == []


@pytest.mark.parametrize("seconds", [5, 3000, 20_000, 23_800, 10**6])
@pytest.mark.parametrize("units", [90_000, 10**7, 10**9])
def test_long_steps_cost_no_frame(tmp_path: Path, units: int, seconds: int) -> None:
    """Encoders with B-frames have several in hand, and their steps add up."""
    frames = [
        replace(frame_at(i), pts=i * seconds * units, time_base=Fraction(1, units), duration=0)
        for i in range(12)
    ]
    out, facts = write_frames(frames, tmp_path, preset="veryfast")
    assert len(read(out)) == 12
    assert times(read(out)) == times(frames) or any(LEAPT in note for note in facts["notes"])
    if seconds == 5:
        assert facts["notes"] == []


def test_the_unit_of_an_output() -> None:
    """A multiple of the input's, unless that is so fine that mp4 could not hold a step of seconds."""
    wanted = {25: 12_800, 90_000: 90_000, 1_200_000: 1_200_000, 10**7: 10**7, 10**9: 10**6}
    for units, made in wanted.items():
        assert output_time_base(replace(frame_at(0), time_base=Fraction(1, units))) == Fraction(1, made)
