"""Timeline: stated times are kept; gaps begin an epoch; missing ones are made up and counted."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.media.timeline import Timeline, mode_of

MS = Fraction(1, 1000)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_stated_times_are_never_changed(pts: list[int]) -> None:
    """Whatever the container says, in whatever order."""
    timeline = Timeline(MS, 40)
    assert [timeline.stamp(p, None) for p in pts] == pts
    assert "times_missing" not in timeline.notes()


def test_epochs() -> None:
    """Five seconds forward and one back are borne; more begins an epoch; small steps back are counted."""
    timeline = Timeline(MS, 40)
    epochs = []
    for pts in (0, 5000, 10001, 9500, 8500, 7499, 7499, 7540):
        timeline.stamp(pts, None)
        epochs.append(timeline.epoch)
    assert epochs == [0, 0, 1, 1, 1, 2, 2, 2]
    assert {k: v for k, v in timeline.notes().items() if k != "longest_gap"} == {
        "times_disordered": "3 frames repeat or go behind the time before; kept as found",
        "times_set_back": "the clock falls back by 1.001 s after frame 4: as if files were joined, one time "
        "stands for several pictures; `epoch` and numbers of frames tell them apart",
    }


def test_each_fall_back_is_counted_and_the_first_told() -> None:
    """A file of three recordings joined: two falls, and the place of the first; forward leaps are none."""
    timeline = Timeline(MS, 40)
    for pts in (1400, 9000, 1400, 3000, 1400, 20000):
        timeline.stamp(pts, None)
    told = timeline.notes()["times_set_back"]
    assert told.startswith("the clock falls back by 7.600 s after frame 1 and once more: ")
    assert timeline.epoch == 4


def test_missing_times_follow_the_one_before() -> None:
    """A later decoding time helps; else one step on; and it is said."""
    timeline = Timeline(MS, 40)
    assert [timeline.stamp(*p) for p in ((None, None), (None, 80), (None, 10), (200, 0), (None, None))] == [
        0,
        80,
        120,
        200,
        240,
    ]
    assert timeline.notes()["times_missing"].startswith("3 frames")


def test_chunks_in_display_order() -> None:
    """AVI: the k-th picture shown has the k-th chunk's time, a lost chunk's time is used up."""
    timeline = Timeline(Fraction(1, 25), 1, "chunks")
    for dts in (0, 1, 2, 3):
        timeline.feed(dts)
    assert timeline.stamp(1, 2) == 0
    timeline.lose()
    assert timeline.stamp(3, 3) == 2
    assert timeline.stamp(2, None) == 3


def test_chunks_that_say_as_before_take_time_and_give_no_frame() -> None:
    """MPEG-4 with B-frames in AVI: each chunk brings out the frame before it, but for the third and sixth."""
    timeline = Timeline(Fraction(1, 25), 1, "lagged")
    for chunk in range(10, 20):
        timeline.feed(chunk)
    brought = [timeline.stamp(None, dts) for dts in (11, 13, 14, 16, 17, 18, 19)]
    assert brought == [10, 12, 13, 15, 16, 17, 18]
    assert timeline.stamp(None, None) == 19


def test_counting() -> None:
    """Bare streams: frame k at k steps, whatever a parser guesses."""
    timeline = Timeline(MS, 40, "count")
    assert [timeline.stamp(p, p) for p in (None, 7, 3)] == [0, 40, 80]
    assert timeline.notes() == {}


def test_a_long_pause_is_noted() -> None:
    """Containers lose data without a word; a pause of more than a second is noted, with its place."""
    timeline = Timeline(MS, 40)
    for pts in (0, 40, 80, 2080, 2120):
        timeline.stamp(pts, None)
    assert timeline.notes() == {"longest_gap": "2.000 s after frame 2"}


@pytest.mark.parametrize(
    ("step", "pause"),
    [(40, 900), (40, 1000), (400, 3200), (40, 40)],
)
def test_a_short_pause_is_not_noted(step: int, pause: int) -> None:
    """A second or less, or as few as eight frames of a slow clip: nothing is odd about that."""
    timeline = Timeline(MS, step)
    for pts in (0, step, step + pause, 2 * step + pause):
        timeline.stamp(pts, None)
    assert timeline.notes() == {}


def test_a_frame_that_no_chunk_brought_begins_at_nothing() -> None:
    """MPEG-4 in AVI whose first chunks state no time: the frame is the first, and the next follows it."""
    timeline = Timeline(Fraction(1, 25), 1, "lagged")
    timeline.feed(None)
    assert [timeline.stamp(None, 5), timeline.stamp(None, 6)] == [0, 1]


@pytest.mark.parametrize(
    ("container", "codec", "mode"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "mpeg4", "pts"),
        ("matroska,webm", "h264", "pts"),
        ("avi", "mpeg4", "lagged"),
        ("avi", "h264", "chunks"),
        ("h264", "h264", "count"),
    ],
)
def test_where_times_come_from(container: str, codec: str, mode: str) -> None:
    """Presentation times, but for AVI, which has none, and bare streams, which have no times at all."""
    opened: Any = SimpleNamespace(format=SimpleNamespace(name=container))
    assert mode_of(opened, codec) == mode
