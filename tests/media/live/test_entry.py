"""The entry: the newest wins, every drop has a cause, and no gap is lost with a frame."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise
from time import monotonic

import pytest

from tests.graph.toys import frames
from vidface.data import Frame
from vidface.data.source import LEFT_OUT, SPARE
from vidface.media.live.entry import BEHIND, FULL, STALE, Beat, Entry, Gap


def fresh(count: int, *, age_s: float = 0.0) -> list[Frame]:
    return [replace(frame, arrival=monotonic() - age_s) for frame in frames(count)]


def opened(entry: Entry) -> Entry:
    """Somebody takes frames."""
    assert entry.take(0) is None
    return entry


def taken(entry: Entry) -> list[int]:
    entry.end()
    found = []
    while (entrant := entry.take()) is not None:
        found.append(entrant.frame.index)
    return found


def test_what_has_no_room_makes_place_for_the_newest() -> None:
    """Of seven frames in a queue for four, the newest four are left, in order."""
    entry = opened(Entry(0.5))
    for frame in fresh(7):
        entry.put(frame)
    assert taken(entry) == [3, 4, 5, 6]
    assert entry.dropped == {FULL: 3}


def test_what_is_too_old_is_dropped_but_never_the_newest() -> None:
    """A graph that is always late still gets frames."""
    entry = opened(Entry(0.5))
    for frame in fresh(3, age_s=2):
        entry.put(frame)
    assert taken(entry) == [2]
    assert entry.dropped == {STALE: 2}


def test_before_the_run_the_newest_waits_and_nothing_is_a_drop() -> None:
    """Models take their time to load."""
    entry = Entry(0.5)
    for frame in fresh(9):
        entry.put(frame)
    assert taken(entry) == [8]
    assert (entry.dropped, entry.early) == ({}, 8)


def test_the_gap_before_a_dropped_frame_lies_before_the_next() -> None:
    """A reconnection is told even where the first frame after it is dropped."""
    entry = opened(Entry(0.5))
    for frame in fresh(6):
        entry.put(frame, (Gap("camera lost"),) if frame.index == 0 else ())
    entrant = entry.take()
    assert entrant is not None
    assert (entrant.frame.index, entrant.gaps) == (2, (Gap("camera lost"),))


def test_packets_that_were_skipped_are_drops_too() -> None:
    """With their own cause."""
    entry = opened(Entry(0.5))
    entry.skipped(12)
    assert entry.dropped == {BEHIND: 12}


def test_an_input_that_waits_loses_nothing() -> None:
    """Lossless: the producer waits for room."""
    entry = opened(Entry(0.01, lossless=True))
    items = fresh(50, age_s=1)

    def produce() -> None:
        for item in items:
            entry.put(item)
        entry.end()

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    found = []
    while (entrant := entry.take(5)) is not None:
        found.append(entrant.frame.index)
    assert found == list(range(50))
    assert not entry.dropped


def test_an_error_of_the_decoder_comes_out_behind_the_last_frame() -> None:
    """What waits is served first."""
    entry = opened(Entry(0.5))
    entry.put(fresh(1)[0])
    entry.end(RuntimeError("decoder exploded"))
    assert entry.take() is not None
    with pytest.raises(RuntimeError, match="exploded"):
        entry.take()


def test_large_pictures_wait_in_smaller_numbers() -> None:
    """Memory is bounded, whatever the camera."""
    entry = opened(Entry(0.5))
    for frame in fresh(4):
        frame.pixels.size = (7680, 4320)  # type: ignore[misc]
        entry.put(frame)
    assert taken(entry) == [3]


@pytest.mark.parametrize(
    ("camera", "wanted", "kept"), [(25, 10, 100), (10, 10, 100), (10, 25, 100), (30, 7, 70)]
)
def test_a_rate_lets_in_frames_evenly(camera: int, wanted: float, kept: int) -> None:
    """Ten seconds: as many as asked for, none where there are no more, never two at once."""
    beat = Beat(wanted)
    taken = [time / camera for time in range(10 * camera) if beat.due(time / camera)]
    assert abs(len(taken) - kept) <= 1
    gaps = [after - before for before, after in pairwise(taken)]
    assert min(gaps) > 0.5 / wanted
    assert max(gaps) < 1 / min(wanted, camera) + 1.01 / camera


def test_a_rate_goes_on_behind_a_leap() -> None:
    """The camera's clock falls back an hour, and frames are still let in."""
    beat = Beat(10)
    assert sum(beat.due(3600 + k / 25) for k in range(25)) == pytest.approx(10, abs=1)
    assert sum(beat.due(k / 25) for k in range(25)) == pytest.approx(10, abs=1)


def test_frames_beyond_the_rate_are_counted() -> None:
    """They are dropped at the entry with their own cause, and a gap before one is not lost."""
    one, two, three, four = fresh(4)
    entry = opened(Entry(10, rate=1 / float(three.time - one.time + two.time - one.time)))
    entry.put(one)
    entry.put(two, (Gap("lost"),))
    entry.put(three)
    entry.put(four)
    first, second = entry.take(0), entry.take(0)
    assert first is not None
    assert second is not None
    assert [first.frame.index, second.frame.index] == [0, 3]
    assert second.gaps == (Gap("lost"),)
    assert entry.dropped == {SPARE: 2}


def test_thinned_it_lets_one_frame_in_so_many_pass_and_counts_the_others() -> None:
    """With a cause of their own; what was missing before one that was left out is told with the next."""
    entry = opened(Entry(0.5, room=9))
    entry.thin(3)
    for frame in fresh(7):
        entry.put(frame, (Gap("the link was lost", 4),) if frame.index == 2 else ())
    assert entry.dropped == {LEFT_OUT: 4}
    entry.end()
    found = [entry.take(), entry.take(), entry.take()]
    assert [None if one is None else (one.frame.index, len(one.gaps)) for one in found] == [
        (0, 0),
        (3, 1),
        (6, 0),
    ]


def test_what_waits_is_never_thinned() -> None:
    entry = opened(Entry(0.5, room=9, lossless=True))
    entry.thin(3)
    for frame in fresh(5):
        entry.put(frame)
    assert taken(entry) == [0, 1, 2, 3, 4]
