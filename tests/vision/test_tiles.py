"""Tiles: every face lies whole in some piece, and what two pieces see becomes one face."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidface.vision.boxes import iou_matrix
from vidface.vision.detection import Found
from vidface.vision.tiles import (
    AUTO_FACE_PX,
    LARGEST_GROWTH,
    SMALLEST_FACE_PX,
    Pass,
    Tile,
    Tiling,
    cut_off,
    merge,
    plan,
    spread,
)

ANY_TILING = st.one_of(st.just("auto"), st.integers(2, 8))


def faces(*boxes: tuple[float, float, float, float], scores: tuple[float, ...] = ()) -> Found:
    """Detections without landmarks that matter."""
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    values = np.array(scores or [0.9] * len(rows), np.float32)
    return Found(rows, values, np.zeros((len(rows), 5, 2), np.float32))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), (640, 360)),
        ((3840, 2160), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((640, 360), (640, 360)),
        ((480, 270), (640, 360)),
        ((176, 144), (352, 288)),
        ((1, 1), (2, 2)),
        ((10_000, 10), (640, 1)),
    ],
)
def test_the_first_pass_keeps_the_budget(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """The longer side has `width` pixels, small pictures at most double."""
    (whole,) = plan(size, width=640)
    assert (whole.width, whole.height) == expected
    assert whole.tiles() == [Tile(0, 0, *expected)]


@settings(max_examples=200)
@given(length=st.integers(1, 9000), tile=st.sampled_from([64, 320, 640, 700]), overlap=st.integers(0, 60))
def test_pieces_cover_the_length_and_overlap_enough(length: int, tile: int, overlap: int) -> None:
    """Equal lengths, first at 0, last at the end, neighbours sharing at least `overlap`."""
    pieces = spread(length, tile, overlap)
    starts = [start for start, _ in pieces]
    sizes = {piece for _, piece in pieces}
    assert len(sizes) == 1
    piece = sizes.pop()
    assert piece <= tile
    assert starts[0] == 0
    assert starts[-1] + piece == length
    assert all(b - a <= piece - overlap for a, b in pairwise(starts))


def test_overlap_must_leave_room() -> None:
    """Tiles that overlap by their own length would never end."""
    with pytest.raises(ValueError, match="cannot overlap"):
        spread(1000, 64, 64)
    with pytest.raises(ValueError, match="64 pixels or more"):
        plan((1000, 1000), width=32)


@settings(max_examples=150)
@given(data=st.data(), width=st.sampled_from([320, 640, 1280]), tiling=ANY_TILING)
def test_every_face_is_whole_and_large_enough_in_some_piece(
    data: st.DataObject, width: int, tiling: Tiling
) -> None:
    """For any picture, any face of at least the smallest height, anywhere: some pass shows it uncut."""
    size = (data.draw(st.integers(200, 7680)), data.draw(st.integers(200, 4320)))
    wanted = data.draw(st.floats(8, 60))
    passes = plan(size, width=width, min_face_px=wanted, tiling=tiling)
    finest = passes[-1].height / size[1]
    smallest = SMALLEST_FACE_PX / finest
    if tiling == "auto" and SMALLEST_FACE_PX / wanted <= LARGEST_GROWTH:
        assert smallest <= wanted * 1.13
    height = min(data.draw(st.floats(1, 40)) * smallest, size[1] * 0.9)
    breadth = min(height, size[0] * 0.9)
    x = data.draw(st.floats(0, 1)) * (size[0] - breadth)
    y = data.draw(st.floats(0, 1)) * (size[1] - height)
    assert any(_seen(whole, size, (x, y, x + breadth, y + height)) for whole in passes)


def _seen(whole: Pass, size: tuple[int, int], face: tuple[float, float, float, float]) -> bool:
    """The face is at least as tall as the detector needs (within 2 %), and no inner border touches it."""
    scale = whole.width / size[0], whole.height / size[1]
    x1, y1, x2, y2 = face[0] * scale[0], face[1] * scale[1], face[2] * scale[0], face[3] * scale[1]
    if y2 - y1 < SMALLEST_FACE_PX * 0.98 and face[3] - face[1] < size[1] * 0.9:
        return False
    for tile in whole.tiles():
        # A face at the very edge of the picture may stand out by a rounding error.
        right, bottom = tile.x + tile.width + 1e-6, tile.y + tile.height + 1e-6
        inside = tile.x <= x1 and tile.y <= y1 and x2 <= right and y2 <= bottom
        box = faces((x1 - tile.x, y1 - tile.y, x2 - tile.x, y2 - tile.y))
        if inside and not cut_off(box, tile, whole).any():
            return True
    return False


@settings(max_examples=60)
@given(width=st.integers(64, 8000), height=st.integers(64, 5000), tiling=ANY_TILING)
def test_pieces_cover_the_picture_and_stay_in_it(width: int, height: int, tiling: Tiling) -> None:
    """Corners are covered, nothing reaches outside, no piece is larger than asked for."""
    for whole in plan((width, height), width=640, tiling=tiling):
        tiles = whole.tiles()
        assert min(t.x for t in tiles) == 0
        assert min(t.y for t in tiles) == 0
        assert max(t.x + t.width for t in tiles) == whole.width
        assert max(t.y + t.height for t in tiles) == whole.height
        assert all(t.width <= 640 and t.height <= 640 for t in tiles)


def test_auto_adds_nothing_where_the_first_pass_suffices() -> None:
    """A small picture, or only tall faces wanted, costs one pass."""
    assert len(plan((640, 360), width=640, tiling="auto")) == 1
    assert len(plan((1920, 1080), width=640, min_face_px=36, tiling="auto")) == 1


def test_auto_sees_the_smallest_face_of_a_large_picture() -> None:
    """4K without a stated smallest face: 16 px become 12; 8K needs a pass in between at width 320."""
    passes = plan((3840, 2160), width=640, tiling="auto")
    assert passes[-1].width == math.floor(3840 * SMALLEST_FACE_PX / AUTO_FACE_PX)
    assert len(passes) == 2
    assert len(plan((7680, 4320), width=320, tiling="auto")) == 3


@pytest.mark.parametrize("count", range(2, 9))
def test_a_number_is_the_count_of_tiles_along_the_longer_side(count: int) -> None:
    """Whichever way up the picture is."""
    for size in ((7680, 4320), (4320, 7680)):
        tiles = plan(size, width=640, tiling=count)[-1].tiles()
        starts = {t.x for t in tiles} if size[0] > size[1] else {t.y for t in tiles}
        assert len(starts) == count


def test_a_picture_is_never_grown_beyond_double() -> None:
    """However small the wanted face and many the tiles."""
    for tiling in ("auto", 8):
        fine = plan((800, 600), width=640, min_face_px=1, tiling=tiling)[-1]
        assert fine.width <= 1600


def test_only_inner_borders_cut() -> None:
    """At the picture's own edge a face is as whole as it will get; at a tile's inner edge it is not."""
    whole = Pass(1000, 600, tile=640, tallest=50)
    boxes = faces((-3, 100, 30, 140), (600, 100, 639, 140), (300, 100, 340, 140), (300, 100, 340, 160))
    assert cut_off(boxes, Tile(0, 0, 640, 600), whole).tolist() == [False, True, False, True]
    assert cut_off(boxes, Tile(360, 0, 640, 600), whole).tolist() == [True, False, False, True]


def test_the_whole_box_wins_over_a_better_scored_part() -> None:
    """Two tiles see one face, one of them only half of it but with the higher score."""
    found = faces((100, 100, 200, 220), (150, 100, 203, 221), scores=(0.7, 0.95))
    merged = merge(found, np.array([False, True]), 0.3)
    np.testing.assert_array_equal(merged.boxes, [[100, 100, 200, 220]])


def test_a_part_stays_where_no_whole_box_is() -> None:
    """Better half a face than none; two halves of one face give one."""
    found = faces((100, 100, 160, 220), (105, 100, 165, 220), (400, 100, 440, 140), scores=(0.7, 0.8, 0.9))
    merged = merge(found, np.array([True, True, False]), 0.3)
    np.testing.assert_array_equal(merged.boxes[:, 0], [400, 105])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_large_face_stands_beside_a_small_box_within_it(order: list[int]) -> None:
    """Too tall for the tiles, so that it counts as cut, it would else go for a false alarm on its cheek."""
    found = faces((100, 100, 400, 500), (200, 300, 240, 350), scores=(0.95, 0.6)).pick(order)
    merged = merge(found, np.array([True, False])[order], 0.3)
    np.testing.assert_array_equal(merged.boxes, [[100, 100, 400, 500], [200, 300, 240, 350]])


def test_two_fragments_and_the_whole_face_are_one() -> None:
    """Two tiles see a half each with the better scores; the first pass sees all of the face."""
    found = faces((100, 100, 205, 340), (195, 100, 300, 340), (100, 100, 300, 340), scores=(0.9, 0.8, 0.7))
    merged = merge(found, np.array([True, True, False]), 0.3)
    np.testing.assert_array_equal(merged.boxes, [[100, 100, 300, 340]])


def test_the_larger_of_two_parts_stays() -> None:
    """A corner of a face with the better score lies within the face that another tile sees."""
    found = faces((100, 100, 160, 180), (100, 100, 300, 340), (400, 100, 440, 140), scores=(0.9, 0.8, 0.7))
    merged = merge(found, np.array([True, True, False]), 0.3)
    np.testing.assert_array_equal(merged.boxes, found.boxes[1:])


@settings(max_examples=100)
@given(data=st.data())
def test_merging_properties(data: st.DataObject) -> None:
    """Best score first; whole boxes overlap little; a kept part shares little with any kept whole."""
    n = data.draw(st.integers(0, 20))
    rows = [[data.draw(st.integers(0, 60)) for _ in range(2)] for _ in range(n)]
    sides = [[data.draw(st.integers(5, 40)) for _ in range(2)] for _ in range(n)]
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(rows, sides, strict=True)]
    found = faces(*boxes, scores=tuple(data.draw(st.integers(1, 10)) / 10 for _ in range(n)))
    cut = np.array([data.draw(st.booleans()) for _ in range(n)], bool)
    merged = merge(found, cut, 0.3)
    assert (np.diff(merged.scores) <= 0).all()
    assert len(merged.boxes) <= n
    if n:
        assert len(merged.boxes) > 0
    again = merge(merged, np.zeros(len(merged.boxes), bool), 0.999)
    np.testing.assert_array_equal(again.boxes, merged.boxes)
    if not cut.any():
        iou = iou_matrix(merged.boxes, merged.boxes) - np.eye(len(merged.boxes), dtype=np.float32)
        assert not (iou > 0.3).any()
