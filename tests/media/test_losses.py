"""Losses: packets in, pictures out, and the books balance."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data import Hole
from vidface.media.losses import Losses

TICK = Fraction(1, 25)


def fed(losses: Losses, *pts: int) -> None:
    for p in pts:
        losses.feed(p, hidden=False, damaged=False)


def test_nothing_lost_nothing_told() -> None:
    """Every packet a picture, in whatever order they were stored."""
    losses = Losses(TICK)
    fed(losses, 0, 3, 1, 2)
    for pts in (0, 1, 2, 3):
        losses.came(pts)
    losses.finish(4)
    assert losses.holes() == ()


def test_packets_without_a_picture_are_found_by_their_time() -> None:
    """Frames 1 and 2 never come: one hole of two, between frames 0 and 1 of the output, at their time."""
    losses = Losses(TICK)
    fed(losses, 0, 1, 2, 3)
    losses.came(0)
    losses.came(3)
    losses.finish(None)
    (hole,) = losses.holes()
    assert (hole.frames, hole.after_index, hole.time) == (2, 0, Fraction(1, 25))


def test_what_a_seek_passes_over_is_no_loss() -> None:
    """Read from packet 5 on for a part from 0.4 s (10): what builds on unread pictures was never wanted."""
    losses = Losses(TICK, since=Fraction(2, 5))
    fed(losses, 5, 6, 7, 8, 9, 10, 11, 12)
    for pts in (7, 9, 10, 12):
        losses.came(pts)
    losses.finish(100)
    assert [(hole.frames, hole.time) for hole in losses.holes()] == [(1, 11 * TICK)]


def test_an_error_that_cost_nothing_counts_nothing() -> None:
    """The decoder complained, but the picture came: the hole stays, with no frame in it."""
    losses = Losses(TICK)
    fed(losses, 0, 1)
    losses.came(0)
    losses.failed("invalid data", 1)
    losses.came(1)
    losses.finish(2)
    assert [hole.frames for hole in losses.holes()] == [0]


def test_an_error_and_its_missing_picture_are_one_loss() -> None:
    """With frame threads the error is told at another packet than the one that is lost."""
    losses = Losses(TICK)
    fed(losses, 0, 1, 2, 3)
    losses.came(0)
    losses.failed("invalid data", 3)
    losses.came(2)
    losses.came(3)
    losses.finish(4)
    assert sum(hole.frames or 0 for hole in losses.holes()) == 1


def test_promise_of_the_container() -> None:
    """Six packets promised, four read: two are missing at the end."""
    losses = Losses(TICK)
    fed(losses, 0, 1, 2, 3)
    for pts in range(4):
        losses.came(pts)
    losses.finish(6)
    assert losses.holes() == (Hole("input ends early", 2, 3, None),)


def test_a_fault_stands_where_its_picture_would() -> None:
    """The decoder holds four pictures when packet 6 is refused: the hole lies after frame 5, not 1."""
    losses = Losses(TICK)
    fed(losses, 0, 1, 2, 3, 4, 5)
    losses.came(0)
    losses.came(1)
    losses.feed(6, hidden=False, damaged=False)
    losses.failed("invalid data", 6)
    fed(losses, 7)
    assert [hole.after_index for hole in losses.holes()] == [1]  # as far as is known by then
    for pts in (2, 3, 4, 5, 7):
        losses.came(pts)
    losses.finish(8)
    assert losses.holes() == (Hole("packet could not be decoded: invalid data", 1, 5, 6 * TICK),)


@pytest.mark.parametrize(("shown", "frames"), [((0, 1, 2, 3, 4), 0), ((0, 1, 2, 5, 6), None)])
def test_lost_data_of_which_no_picture_is_missing_says_so(shown: tuple[int, ...], frames: int | None) -> None:
    """The fourth packet is marked. Where its picture comes one step after the third, none is gone."""
    losses = Losses(TICK)
    for place, pts in enumerate(shown):
        losses.feed(pts, hidden=False, damaged=place == 3)
    for pts in shown:
        losses.came(pts)
    losses.finish(None)
    assert losses.holes() == (Hole("the input lost data here", frames, 2, shown[3] * TICK),)


def test_a_fault_before_the_clock_is_set_back_stands_before_it() -> None:
    """Its picture never came, and those after it have times below it."""
    losses = Losses(TICK)
    fed(losses, 50, 51)
    losses.feed(52, hidden=False, damaged=True)
    losses.came(50)
    losses.came(51)
    fed(losses, 0, 1)
    losses.came(0)
    losses.came(1)
    losses.finish(None)
    assert {hole.after_index for hole in losses.holes()} == {1, 3}


def test_an_early_end_comes_after_all_that_was_read() -> None:
    """Reading fails while the decoder still holds two pictures."""
    losses = Losses(TICK)
    fed(losses, 0, 1, 2)
    losses.came(0)
    losses.ends_early("input/output error")
    losses.ends_early()
    losses.came(1)
    losses.came(2)
    losses.finish(5)
    assert losses.holes() == (Hole("input ends early (input/output error)", 2, 2, None),)


@given(st.lists(st.sampled_from(["fine", "refused", "silent", "marked"]), max_size=40), st.integers(0, 6))
def test_the_books_balance_whatever_is_lost_and_however_late_pictures_come(
    fates: list[str], held: int
) -> None:
    """Missing are packets less pictures, and each hole stands between the right two pictures."""
    losses, waiting = Losses(TICK), list[int]()
    for pts, fate in enumerate(fates):
        losses.feed(pts, hidden=False, damaged=fate == "marked")
        if fate == "refused":
            losses.failed("invalid data", pts)
        elif fate != "silent":
            waiting.append(pts)
        if len(waiting) > held:
            losses.came(waiting.pop(0))
    for pts in waiting:
        losses.came(pts)
    losses.finish(None)
    shown = [pts for pts, fate in enumerate(fates) if fate in ("fine", "marked")]
    holes = losses.holes()
    assert sum(hole.frames or 0 for hole in holes) == len(fates) - len(shown)
    for hole in holes:
        if hole.time is not None and "lost data" not in hole.cause:
            assert hole.after_index == sum(one * TICK < hole.time for one in shown) - 1


def test_hidden_packets_are_no_loss() -> None:
    """What an edit list hides is not missed."""
    losses = Losses(TICK)
    losses.feed(0, hidden=True, damaged=False)
    fed(losses, 1)
    losses.came(1)
    losses.finish(2)
    assert losses.holes() == ()


def test_fields_share_pictures() -> None:
    """Interlaced: two packets, one picture, nothing lost."""
    losses = Losses(TICK, strict=False)
    fed(losses, 0, 1, 2, 3)
    losses.came(0)
    losses.came(2)
    losses.finish(4)
    assert losses.holes() == ()


def test_concealed_frames_are_told_in_runs() -> None:
    """Damaged frames that follow each other are one line, with no frame missing."""
    losses = Losses(TICK)
    for index in (3, 4, 5, 9):
        losses.concealed(index, index * TICK)
    holes = losses.holes()
    assert [(hole.frames, hole.after_index) for hole in holes] == [(0, 2), (0, 8)]
    assert holes[0].cause.endswith("frames 3 to 5")


def test_streams_without_times_still_balance() -> None:
    """Bare streams: what was read before the first picture came tells that the loss lies at the start."""
    losses = Losses(TICK)
    for _ in range(30):
        losses.feed(None, hidden=False, damaged=False)
    for _ in range(5):
        losses.came(None)
    losses.finish(None)
    (hole,) = losses.holes()
    assert (hole.frames, hole.after_index) == (25, -1)
