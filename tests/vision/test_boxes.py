"""Overlap and suppression: known values, and what must hold for any boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.boxes import areas, iou_matrix, iou_pairs, nms, voting_weights

MAX_IOU = 0.3


@st.composite
def scenes(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Up to 25 boxes in a 100 pixel square, with scores of which some are equal."""
    n = draw(st.integers(0, 25))
    numbers = st.integers(0, 99)
    rows = [[draw(numbers), draw(numbers), draw(numbers) + 1, draw(numbers) + 1] for _ in range(n)]
    corners = np.array(rows, np.float32).reshape(-1, 4)
    boxes = np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], 1)
    scores = np.array([draw(st.integers(1, 20)) / 20 for _ in range(n)], np.float32)
    return boxes, scores


def test_areas_and_inverted_boxes() -> None:
    """A box turned inside out covers nothing."""
    np.testing.assert_array_equal(areas(np.array([[1, 2, 4, 6], [5, 0, 1, 9], [3, 3, 3, 3]])), [12, 0, 0])


def test_known_overlaps() -> None:
    """Same box 1, half shifted 1/3, a quarter inside 1/4, apart 0, touching 0."""
    box = np.array([[0, 0, 10, 10]], np.float32)
    others = np.array(
        [[0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 5, 5], [20, 20, 30, 30], [10, 0, 20, 10]], np.float32
    )
    np.testing.assert_allclose(iou_matrix(box, others)[0], [1, 1 / 3, 1 / 4, 0, 0], atol=1e-6)


def test_empty_inputs() -> None:
    """No boxes, no overlaps and nothing to keep."""
    none = np.zeros((0, 4), np.float32)
    assert iou_matrix(none, np.ones((3, 4), np.float32)).shape == (0, 3)
    assert nms(none, np.zeros(0, np.float32), MAX_IOU).tolist() == []


@settings(max_examples=100)
@given(scene=scenes())
def test_overlap_is_symmetric_and_bounded(scene: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    """IoU lies in [0, 1], does not depend on the order, and is 1 with itself."""
    boxes, _ = scene
    iou = iou_matrix(boxes, boxes)
    np.testing.assert_allclose(iou, iou.T, atol=1e-6)
    np.testing.assert_allclose(np.diag(iou), 1, atol=1e-6)
    assert ((iou >= 0) & (iou <= 1 + 1e-6)).all()


@settings(max_examples=100)
@given(scene=scenes())
def test_suppression_keeps_what_nothing_better_covers(
    scene: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    """Kept boxes overlap little, come best first, and each dropped box has a kept one to blame."""
    boxes, scores = scene
    kept = nms(boxes, scores, MAX_IOU)
    iou = iou_matrix(boxes, boxes)
    among = iou[np.ix_(kept, kept)] - np.eye(len(kept), dtype=np.float32)
    assert not (among > MAX_IOU).any()
    assert (np.diff(scores[kept]) <= 0).all()
    for row in set(range(len(boxes))) - set(kept.tolist()):
        better = kept[(scores[kept] > scores[row]) | ((scores[kept] == scores[row]) & (kept < row))]
        assert (iou[row, better] > MAX_IOU).any()


def test_suppression_is_idempotent_and_ties_go_to_the_earlier_row() -> None:
    """Two equal boxes with equal scores: the first stays; suppressing again changes nothing."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.7, 0.7, 0.9], np.float32)
    kept = nms(boxes, scores, MAX_IOU)
    assert kept.tolist() == [2, 0]
    assert nms(boxes[kept], scores[kept], MAX_IOU).tolist() == [0, 1]


def test_an_overlap_of_exactly_the_limit_stays() -> None:
    """Only more than `max_iou` suppresses."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 5, 10]], np.float32)
    scores = np.array([0.9, 0.8], np.float32)
    assert nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert nms(boxes, scores, 0.49).tolist() == [0]


@pytest.mark.parametrize("count", [3000])
def test_a_crowd_of_candidates_needs_little_memory(count: int) -> None:
    """Suppression of thousands of candidates does not build all pairs at once (36 MB for one matrix here)."""
    import tracemalloc

    rng = np.random.default_rng(7)
    corners = rng.uniform(0, 600, (count // 10, 2)).repeat(10, 0) + rng.uniform(0, 2, (count, 2))
    boxes = np.concatenate([corners, corners + 20], 1).astype(np.float32)
    scores = rng.uniform(0.5, 1, count).astype(np.float32)
    tracemalloc.start()
    try:
        nms(boxes, scores, MAX_IOU)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@given(st.integers(0, 9))
def test_overlaps_row_by_row_are_the_diagonal_of_all_of_them(seed: int) -> None:
    """To the bit: which of the two is used must not change what is found."""
    corners = np.random.default_rng(seed).uniform(-20, 60, (2, 7, 2))
    numbers = np.concatenate([corners, corners + 50], axis=2)
    numbers[:, 0, 2:] -= 80  # one pair turned inside out
    a, b = numbers[0], numbers[1].astype(np.float32)
    assert (iou_pairs(a, b) > 0).sum() >= 1  # overlaps, else any union would do
    assert iou_pairs(a, b).tolist() == np.diag(iou_matrix(a, b)).tolist()
    assert iou_pairs(a[:0], b[:0]).shape == (0,)


def test_known_overlaps_row_by_row() -> None:
    """The same numbers as from all pairs: same box 1, half shifted 1/3, a quarter inside 1/4, apart 0."""
    box = np.array([[0, 0, 10, 10]] * 4, np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [0, 0, 5, 5], [20, 20, 30, 30]], np.float32)
    np.testing.assert_allclose(iou_pairs(box, others), [1, 1 / 3, 1 / 4, 0], atol=1e-6)


def test_boxes_vote_by_score_squared_and_overlap() -> None:
    """Overlaps of 1 and 1/2 vote 0.64 to 0.18; the one at the limit votes, one below it does not."""
    kept = np.array([[0, 0, 10, 10], [80, 80, 90, 90]], np.float32)
    candidates = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 4], [30, 30, 40, 40]], np.float32)
    scores = np.array([0.8, 0.6, 0.9, 1.0], np.float32)
    weights = voting_weights(kept, candidates, scores, min_iou=0.5)
    np.testing.assert_allclose(weights[0], [0.64 / 0.82, 0.18 / 0.82, 0, 0], atol=1e-6)
    assert weights[1].tolist() == [0, 0, 0, 0]
