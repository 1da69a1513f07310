"""Times: those that FFmpeg cannot tell at the beginning of a connection are made up, the others stay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from vidface.media.live._times import Times
from vidface.media.live.wire import Coded, Heard, Opened

OPENED = Opened("rtsp", "h264", b"", Fraction(1, 90000), (64, 48), rate=Fraction(25))


def packet(pts: int | None, dts: int | None, *, key: bool = False) -> Coded:
    return Coded(b"x", pts, dts, 3600, 0.0, key=key)


def timed(*times: tuple[int | None, int | None]) -> list[tuple[int | None, int | None]]:
    course = Times(OPENED)
    found = [made for pts, dts in times for made in course.feed(packet(pts, dts))]
    return [(made.pts, made.dts) for made in [*found, *course.flush()] if isinstance(made, Coded)]


def test_an_rtsp_stream_with_b_frames_begins_right() -> None:
    """As FFmpeg really gives one: the first packet without times, two more without a decoding time."""
    assert timed((None, None), (14400, None), (7200, None), (3600, 3600), (10800, 7200)) == [
        (0, -7200),
        (14400, -3600),
        (7200, 0),
        (3600, 3600),
        (10800, 7200),
    ]


def test_known_times_stay() -> None:
    """Also such as leap or run backwards: what becomes of those is the file's business."""
    times = [(0, -3600), (90, 90), (10**9, 10**9), (5, 5)]
    assert timed(*times) == times


def test_pictures_that_are_decoded_after_they_are_shown_are_decoded_earlier() -> None:
    """FFmpeg, where it never learns the order: the same for all packets, so that times stay even."""
    raw = [(0, 0), (14400, 3600), (7200, 7200), (3600, 10800), (10800, 14400), (28800, 18000), (18000, 21600)]
    assert timed(*raw) == [(pts, dts - 7200) for pts, dts in raw]


def test_the_first_second_is_held_and_no_more() -> None:
    """By the clock or by number; sound keeps its place among the pictures."""
    course = Times(OPENED)
    heard = Heard(b"s", 0, 0, 160, 0.0)
    first = replace(packet(0, 0), arrival=5.0)
    assert course.feed(first) == []
    assert course.feed(replace(heard, arrival=5.1)) == []
    found = course.feed(replace(packet(3600, 3600), arrival=6.0))
    assert [type(made) for made in found] == [Coded, Heard, Coded]
    assert course.feed(heard) == [heard]
    many = Times(OPENED)
    counts = [len(many.feed(packet(3600 * place, 3600 * place))) for place in range(20)]
    assert counts == [0] * 15 + [16, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "shown", [[0, 3600, 7200], [0, 10800, 3600, 7200, 21600, 14400, 18000], [7200, 0, 3600]]
)
def test_without_any_decoding_time_none_is_shown_before_it_is_decoded(shown: list[int]) -> None:
    """And the times of presentation stay."""
    found = timed(*[(pts, None) for pts in shown])
    assert [pts for pts, _ in found] == shown
    assert all(pts is not None and dts is not None and dts <= pts for pts, dts in found)
    assert all(a[1] < b[1] for a, b in pairwise(found))  # type: ignore[operator]


def test_without_any_time_pictures_come_evenly() -> None:
    """More of them than are ever held."""
    found = timed(*[(None, None)] * 50)
    assert all(pts == dts for pts, dts in found)
    assert {b[1] - a[1] for a, b in pairwise(found)} == {3600}  # type: ignore[operator]


def test_a_time_that_is_missing_later_follows_the_one_before() -> None:
    assert timed((0, 0), (None, None), (7200, 7200)) == [(0, 0), (3600, 3600), (7200, 7200)]
