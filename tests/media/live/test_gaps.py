"""GapBook: holes of weeks in little memory."""

from __future__ import annotations

from fractions import Fraction

from vidface.media.live.entry import Gap
from vidface.media.live.gaps import GapBook


def test_the_same_at_the_same_place_is_one_hole() -> None:
    """Packets lost in a row add up."""
    book = GapBook()
    for _ in range(3):
        book.note((Gap("packet could not be decoded", 1),), 7, Fraction(1))
    assert [(hole.frames, hole.after_index) for hole in book.holes()] == [(3, 7)]


def test_old_holes_become_sums() -> None:
    """The newest thousand one by one, the rest by kind, and no count is lost."""
    book = GapBook()
    for index in range(1500):
        book.note((Gap("packet could not be decoded: bad", 2),), index, None)
    holes = book.holes()
    assert len(holes) == 1001
    assert holes[0].frames == 1000
    assert "earlier ones" in holes[0].cause
    assert sum(hole.frames or 0 for hole in holes) == 3000


def test_time_without_the_camera_is_counted() -> None:
    """In all, and the longest."""
    book = GapBook()
    book.note((Gap("camera lost", None, 2.0), Gap("camera lost again", None, 5.0)), 3, None)
    assert (book.lost_s, book.longest_s) == (7.0, 5.0)
