"""FaceRecBox on frames worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.eval.fanvid import BLOCK, FrameCounts, NamedBoxes, count_frame, greedy_pairs, score_fanvid


def named(*rows: tuple[float, str | None]) -> NamedBoxes:
    """Boxes of 10 x 10 at x, with names."""
    boxes = np.array([(x, 0, x + 10, 10) for x, _ in rows], float).reshape(-1, 4)
    return NamedBoxes(boxes, tuple(name for _, name in rows))


def test_pairs_are_taken_by_falling_overlap() -> None:
    """Greedy takes 0.9 first and leaves the first row alone; the best total (0.8 + 0.7) would not."""
    overlap = np.array([[0.8, 0.2], [0.9, 0.7]])
    assert greedy_pairs(overlap) == [(1, 0)]
    assert greedy_pairs(overlap, min_iou=0.1) == [(1, 0), (0, 1)]
    assert greedy_pairs(np.zeros((2, 0))) == []


def test_right_wrong_missed_and_too_many() -> None:
    """anna found and named, bert found as anna, carl missed, one box on nobody."""
    truth = named((0, "anna"), (20, "bert"), (40, "carl"))
    found = named((1, "anna"), (20, "anna"), (80, "carl"))
    assert count_frame(truth, found) == FrameCounts(right=1, matched=2, missed=1, unmatched=1)


def test_a_pair_below_one_half_is_a_miss_and_a_prediction_too_many() -> None:
    """Moved by 3 of 10: 7/13 = 0.54 counts; by 4: 6/14 = 0.43 does not, and costs twice."""
    assert count_frame(named((0, "anna")), named((3, "anna"))) == FrameCounts(1, 1, 0, 0)
    assert count_frame(named((0, "anna")), named((4, "anna"))) == FrameCounts(0, 0, 1, 1)


def test_nobody_enrolled_is_right_where_nobody_is_named() -> None:
    assert count_frame(named((0, None)), named((0, None))).right == 1
    assert count_frame(named((0, None)), named((0, "anna"))).right == 0
    assert count_frame(named((0, "anna")), named((0, None))).right == 0


def test_a_face_set_aside_is_neither_wanted_nor_wrong() -> None:
    truth, found = named((0, "anna"), (20, "bert")), named((20, "anna"))
    assert count_frame(truth, found, aside=[True, True]) == FrameCounts(0, 0, 0, 0)
    assert count_frame(truth, found, aside=[True, False]) == FrameCounts(0, 1, 0, 0)
    assert count_frame(truth, named((80, "anna")), aside=[True, True]) == FrameCounts(0, 0, 0, 1)


def test_sums_run_over_frames_not_over_means_of_frames() -> None:
    """1 of 1 and 1 of 4: micro 2/5, where the mean of the frames would be 0.625."""
    counts = [FrameCounts(1, 1, 0, 0), FrameCounts(1, 2, 1, 1)] * 4
    score = score_fanvid(counts, resamples=50, block=1)
    assert score.score.value == pytest.approx(0.4)
    assert (score.right, score.matched, score.missed, score.unmatched, score.frames) == (8, 12, 4, 4, 8)
    assert score.named == pytest.approx(2 / 3)
    assert score.found == pytest.approx(3 / 4)
    assert 0.25 <= score.score.low < 0.4 < score.score.high <= 1


def test_too_few_blocks_have_no_interval() -> None:
    """Seven blocks of 25 frames and a half: eight; without the half none."""
    counts = [FrameCounts(number % 3, 3, 0, 0) for number in range(8 * BLOCK)]
    assert math.isfinite(score_fanvid(counts[: 7 * BLOCK + 12], resamples=50).score.low)
    assert math.isnan(score_fanvid(counts[: 7 * BLOCK], resamples=50).score.low)


def test_frames_without_faces_or_no_frames_have_no_score() -> None:
    assert math.isnan(score_fanvid([FrameCounts(0, 0, 0, 0)] * 3).score.value)
    assert math.isnan(score_fanvid([]).score.value)
    assert count_frame(named(), named()) == FrameCounts(0, 0, 0, 0)
    with pytest.raises(ValueError):
        NamedBoxes(np.zeros((2, 4)), ("anna",))
