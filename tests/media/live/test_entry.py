"""The entry: the newest wins, every drop has a cause, and no gap is lost with a frame."""

from __future__ import annotations

import threading
from dataclasses import replace
from time import monotonic

import pytest

from tests.graph.toys import frames
from vidface.data import Frame
from vidface.media.live.entry import BEHIND, FULL, STALE, Entry, Gap


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
