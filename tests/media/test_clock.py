"""Clock: leaps that a container cannot hold cost no frame, and no sound is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, sound_of, times
from tests.sinks.video_files import encode, frame_at, write_frames
from vidface.media.clock import output_time_base

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
