"""draw.compare: both pictures are there bit by bit, the line goes to and fro, labels stay inside."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import ValidationError

from vidface.data import Frame
from vidface.graph.harness import NodeHarness
from vidface.media.pixels import AvPixels, frame_from_rgb
from vidface.nodes.draw.compare import DrawCompare

Mode = Literal["side", "stack", "split", "wipe"]
MODES: list[Mode] = ["side", "stack", "split", "wipe"]


def frame(seed: int, *, size: tuple[int, int] = (160, 90), index: int = 0, form: str = "") -> Frame:
    image = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    made = replace(frame_from_rgb(image, index), pts=index, time_base=Fraction(1, 25), duration=1)
    if form:
        picture, _ = AvPixels.of(made).upright()
        made = made.with_pixels(AvPixels(picture.reformat(format=form)))
    return made


def run(node: DrawCompare, before: list[Frame], after: list[Frame]) -> list[Frame]:
    with NodeHarness(node) as harness:
        out: list[Frame] = harness.run(before=before, after=after)
        return out


def parts(one: Frame) -> tuple[Any, Any, Any]:
    planes = one.planes()
    return planes.luma, planes.u, planes.v


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p10le", "yuv420p12le"])
@pytest.mark.parametrize("mode", ["side", "stack"])
def test_side_and_stack_hold_both_bit_by_bit(mode: Mode, form: str) -> None:
    before, after = frame(1, form=form), frame(2, form=form)
    (out,) = run(DrawCompare(mode=mode), [before], [after])
    assert out.size == ((320, 90) if mode == "side" else (160, 180))
    assert out.planes().bits == after.planes().bits
    for a, b, c in zip(parts(before), parts(after), parts(out), strict=True):
        assert np.array_equal(c, np.concatenate([a, b], axis=1 if mode == "side" else 0))


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("at", [0.0, 0.31, 0.5, 1.0])
def test_split_is_bit_identical_on_either_side_of_the_line(at: float, form: str) -> None:
    before, after = frame(1, form=form), frame(2, form=form)
    (out,) = run(DrawCompare(at=at), [before], [after])
    for a, b, c in zip(parts(before), parts(after), parts(out), strict=True):
        middle = at * c.shape[1]
        assert np.array_equal(c[:, : max(round(middle) - 4, 0)], a[:, : max(round(middle) - 4, 0)])
        assert np.array_equal(c[:, round(middle) + 4 :], b[:, round(middle) + 4 :])


@pytest.mark.parametrize(("mode", "size"), [("side", (100, 28)), ("stack", (100, 112)), ("split", (100, 56))])
def test_a_whole_wider_than_asked_is_shrunk_both_alike(mode: Mode, size: tuple[int, int]) -> None:
    smooth = [frame_from_rgb(np.full((90, 160, 3), grey, np.uint8), 0) for grey in (60, 200)]
    (out,) = run(DrawCompare(mode=mode, width=100, line=False), smooth[:1], smooth[1:])
    assert out.size == size
    luma = out.planes().luma.astype(int)
    first, last = luma[0, 0], luma[-1, -1]
    assert abs(first - smooth[0].planes().luma[0, 0]) <= 1
    assert abs(last - smooth[1].planes().luma[0, 0]) <= 1
    assert set(np.unique(luma).tolist()) == {first, last}


def test_a_whole_that_is_narrow_enough_keeps_every_sample() -> None:
    before, after = frame(1), frame(2)
    (kept,) = run(DrawCompare(mode="side", width=320), [before], [after])
    (plain,) = run(DrawCompare(mode="side"), [before], [after])
    assert np.array_equal(kept.planes().luma, plain.planes().luma)


def test_without_a_line_every_sample_is_of_one_of_the_two() -> None:
    before, after = frame(1), frame(2)
    (out,) = run(DrawCompare(line=False), [before], [after])
    for a, b, c in zip(parts(before), parts(after), parts(out), strict=True):
        half = c.shape[1] // 2
        assert np.array_equal(c, np.concatenate([a[:, :half], b[:, half:]], axis=1))


def test_the_line_of_wipe_goes_to_and_fro_once_a_period() -> None:
    """Found by where the samples of one picture end; after one period it is back."""
    count = 51
    before = [frame(1, index=i) for i in range(count)]
    after = [frame(2, index=i) for i in range(count)]
    out = run(DrawCompare(mode="wipe", period_s=2.0, line=False), before, after)
    shares = [float((o.planes().luma == b.planes().luma).mean()) for o, b in zip(out, before, strict=True)]
    assert shares[0] == 1
    assert shares[25] < 0.02
    assert shares[50] == 1
    assert all(one >= two for one, two in pairwise(shares[:26]))
    assert max(abs(a - b) for a, b in pairwise(shares)) < 0.1


def test_wipe_does_not_drift_in_a_stream_of_years() -> None:
    late = replace(frame(1), pts=25 * 10**9)
    node = DrawCompare(mode="wipe", period_s=2.0, line=False)
    (out,) = run(node, [late], [replace(frame(2), pts=late.pts)])
    assert np.array_equal(out.planes().luma, late.planes().luma)


@pytest.mark.parametrize("mode", MODES)
def test_times_and_numbers_are_those_of_after(mode: Mode) -> None:
    after = [frame(2, index=i) for i in range(3)]
    out = run(DrawCompare(mode=mode), [frame(1)] * 3, after)
    assert [(o.index, o.time) for o in out] == [(a.index, a.time) for a in after]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17), (2, 300)])
def test_tiny_and_odd_pictures(mode: Mode, size: tuple[int, int]) -> None:
    (out,) = run(DrawCompare(mode=mode, labels=("before", "after")), [frame(1)], [frame(2, size=size)])
    wide = 2 * (size[0] + size[0] % 2) if mode == "side" else size[0]
    high = 2 * (size[1] + size[1] % 2) if mode == "stack" else size[1]
    assert out.size == (wide, high)


@pytest.mark.parametrize("mode", MODES)
def test_sizes_and_codings_may_differ(mode: Mode) -> None:
    before = frame(1, size=(80, 46), form="yuv444p10le")
    after = frame(2)
    (out,) = run(DrawCompare(mode=mode), [before], [after])
    assert out.planes().bits == 8
    assert out.size[0] in (160, 320)


@pytest.mark.parametrize("mode", MODES)
def test_labels_are_painted_in_their_corners_and_nowhere_else(mode: Mode) -> None:
    size = (480, 270)
    before, after = frame(1, size=size), frame(2, size=size, index=30)
    (plain,) = run(DrawCompare(mode=mode), [before], [after])
    (out,) = run(DrawCompare(mode=mode, labels=("input", "restored")), [before], [after])
    changed = plain.planes().luma != out.planes().luma
    rows = np.flatnonzero(changed.any(axis=1))
    assert rows[0] < 12
    assert changed.mean() < 0.05
    if mode == "stack":
        assert rows[-1] >= 270
        assert changed[:270].any()
    else:
        assert rows[-1] < 40


def test_a_label_that_finds_no_room_is_left_out() -> None:
    """Near the end of a wipe the text of the narrow side goes, and never covers the other side."""
    before, after = frame(1, size=(480, 270)), frame(2, size=(480, 270))
    (plain,) = run(DrawCompare(at=0.05), [before], [after])
    (out,) = run(DrawCompare(at=0.05, labels=("before", "")), [before], [after])
    assert np.array_equal(plain.planes().luma, out.planes().luma)


def test_letters_that_the_font_lacks_do_no_harm() -> None:
    (out,) = run(DrawCompare(labels=("前\n", "é" * 60)), [frame(1)], [frame(2)])
    assert out.size == (160, 90)


@pytest.mark.parametrize("bad", [{"mode": "both"}, {"at": 1.5}, {"period_s": 0}, {"labels": ("one",)}])
def test_impossible_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DrawCompare(**bad)
