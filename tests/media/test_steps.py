"""Steps: inputs that count in very fine units keep their times exactly in mp4, wherever it can hold them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import read, times
from tests.sinks.video_files import INFO, encode, frame_at
from vidface.media.clock import output_time_base
from vidface.media.probe import probe
from vidface.media.steps import Steps, steps_of

NS = 10**9
FILM = tuple(round(i * NS * 1001 / 24000) for i in range(30))


def fine(clip: Maker, name: str, pts: tuple[int, ...], units: int) -> Path:
    scale = {"video_track_timescale": str(units), "movie_timescale": str(units)}
    return clip(name, pts=pts, time_base=Fraction(1, units), muxer=scale if name.endswith("mp4") else {})


@pytest.mark.parametrize("late", [0, NS // 3])
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_nanoseconds_stay_exact(clip: Maker, tmp_path: Path, container: str, late: int) -> None:
    """Film in nanoseconds, which are no multiples of millionths; also where it does not begin at zero."""
    path = fine(clip, "film.mp4", tuple(late + one for one in FILM), NS)
    out, facts = encode(path, tmp_path, container=container)
    assert times(read(out)) == times(read(path)) == [Fraction(late + one, NS) for one in FILM]
    assert facts["notes"] == []


def test_a_rate_of_avi_stays_exact(clip: Maker, tmp_path: Path) -> None:
    """29.970029 frames a second, as capture programs write it: steps of mp4 are up to 71 s in that unit."""
    path = fine(clip, "capture.mp4", tuple(i * 1_000_000 for i in range(60)), 29_970_029)
    out, facts = encode(path, tmp_path)
    assert times(read(out)) == [Fraction(i * 1_000_000, 29_970_029) for i in range(60)]
    assert facts["notes"] == []


def test_a_hole_is_kept_rather_than_the_last_nanosecond(clip: Maker, tmp_path: Path) -> None:
    """In a unit so fine mp4 holds no step of three seconds: times are rounded, and it is said."""
    stamps = FILM[:15] + tuple(one + 3 * NS for one in FILM[15:])
    path = fine(clip, "hole.nut", stamps, NS)
    out, facts = encode(path, tmp_path)
    apart = [abs(a - b) for a, b in zip(times(read(out)), times(read(path)), strict=True)]
    assert 0 < max(apart) <= Fraction(1, 2_000_000)
    assert [note[:33] for note in facts["notes"]] == ["the container counts in 1/1000000"]


def test_what_is_known_of_the_times(clip: Maker) -> None:
    """The coarsest unit that holds all, and the longest row of six steps; of usual units nothing is asked."""
    path = fine(clip, "even.nut", tuple(i * NS // 25 for i in range(20)), NS)
    assert steps_of(path, probe(path)) == Steps(Fraction(1, 25), Fraction(6, 25))
    usual = clip("usual.mp4")
    assert steps_of(usual, probe(usual)) is None
    assert steps_of(path.with_name("gone.nut"), probe(path)) is None
    rate = Fraction(29_970_029, 10**6)
    folder = replace(INFO, time_base=Fraction(1, rate.numerator), rate=rate)
    assert steps_of(path.parent, folder) == Steps(1 / rate, 6 / rate)
    assert steps_of(path.parent, replace(folder, live=True)) is None


def test_the_unit_of_known_times() -> None:
    """As fine as needed; millionths where mp4 could not hold the steps, or the unit itself."""
    frame = replace(frame_at(0), time_base=Fraction(1, NS))
    cases = [(25, 1.0, 12_800), (NS, 2.0, NS), (NS, 3.0, 10**6), (2**31, 0.1, 10**6)]
    for units, longest, made in cases:
        steps = Steps(Fraction(1, units), Fraction(longest))
        assert output_time_base(frame, steps) == Fraction(1, made)
