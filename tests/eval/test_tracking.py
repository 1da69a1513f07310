"""Tracking scores on cases that are counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.data import Faces
from vidface.eval.tracking import score_tracking


def face(*rows: tuple[int, float], interpolated: bool = False) -> Faces:
    """Faces of 10 x 10 pixels: number and x of each."""
    boxes = [[x, 0, x + 10, 10] for _, x in rows]
    return Faces.of(
        boxes, tracks=np.array([n for n, _ in rows], np.int64), interpolated=np.full(len(rows), interpolated)
    )


A, B = 0.0, 100.0


def test_perfect() -> None:
    """Two people, two tracks under other numbers."""
    score = score_tracking([face((1, A), (2, B))] * 3, [face((7, A), (9, B))] * 3)
    assert (score.mota, score.idf1, score.purity, score.fragmentation, score.switches) == (1, 1, 1, 1, 0)


def test_miss_and_false_alarm() -> None:
    """Four truth boxes; one missed, one found where nobody is: MOTA 1 - 2/4, IDF1 2*3/(4+4)."""
    truth = [face((1, A))] * 4
    result = [face((5, A)), face((5, A)), face((5, A)), face((5, 50))]
    score = score_tracking(truth, result)
    assert (score.misses, score.false_alarms) == (1, 1)
    assert score.mota == 0.5
    assert score.idf1 == 0.75


def test_switch() -> None:
    """A person's track changes after 3 of 5 frames: one switch, two fragments, pure; IDF1 keeps the 3."""
    score = score_tracking([face((1, A))] * 5, [face((5, A))] * 3 + [face((6, A))] * 2)
    assert score.switches == 1
    assert score.mota == pytest.approx(1 - 1 / 5)
    assert score.idf1 == pytest.approx(2 * 3 / 10)
    assert (score.purity, score.fragmentation) == (1, 2)


def test_a_doubled_track_does_not_hide_the_match_it_overlaps() -> None:
    """One person, 20 frames; track 1 on the first ten, track 2 on all: IDF1 gives track 2, 2*20/(20+30).

    CLEAR MOT holds on to track 1 first, so MOTA counts ten false alarms and a switch.
    """
    result = [face((1, A), (2, A))] * 10 + [face((2, A))] * 10
    score = score_tracking([face((1, A))] * 20, result)
    assert score.agreeing == 20
    assert score.idf1 == pytest.approx(0.8)
    assert (score.false_alarms, score.switches, score.purity) == (10, 1, 1)


def test_a_box_set_aside_agrees_with_nobody() -> None:
    """Two tracks on two people in one place, one of them hidden: the spare box is no error and no match."""
    aside = [np.array([False, True])] * 3
    score = score_tracking([face((1, 0), (2, 1))] * 3, [face((5, 0), (6, 1))] * 3, aside=aside)
    assert (score.result, score.agreeing, score.idf1) == (3, 3, 1)


def test_swap_of_two_people() -> None:
    """Two people exchange tracks after 3 of 4 frames: two switches; 2 of 8 boxes impure; IDF1 6 of 8."""
    truth = [face((1, A), (2, B))] * 4
    result = [face((5, A), (6, B))] * 3 + [face((5, B), (6, A))]
    score = score_tracking(truth, result)
    assert score.switches == 2
    assert score.purity == 6 / 8
    assert score.idf1 == 6 / 8
    assert score.fragmentation == 2


def test_a_pause_is_no_switch_but_another_number_after_it_is() -> None:
    nothing = Faces.none()
    truth = [face((1, A))] * 3
    assert score_tracking(truth, [face((5, A)), nothing, face((5, A))]).switches == 0
    assert score_tracking(truth, [face((5, A)), nothing, face((6, A))]).switches == 1


def test_a_person_stays_with_the_track_while_it_is_near_enough() -> None:
    """Another track lies closer for a moment: still no switch, one false alarm."""
    result = [face((5, 0)), face((5, 3), (6, 0))]
    score = score_tracking([face((1, A))] * 2, result)
    assert (score.switches, score.false_alarms, score.misses) == (0, 1, 0)


def test_overlap_below_the_limit_is_a_miss_and_a_false_alarm() -> None:
    """IoU of 10 x 10 boxes shifted by 5 is 1/3."""
    assert score_tracking([face((1, 0))], [face((5, 5))]).paired == 0
    assert score_tracking([face((1, 0))], [face((5, 5))], min_iou=0.3).paired == 1


def test_hidden_faces_are_neither_wanted_nor_wrong() -> None:
    """A box on the hidden person, and one in the void: only the latter is an error."""
    truth, aside = [face((1, A), (2, B))], [np.array([False, True])]
    score = score_tracking(truth, [face((5, A), (6, B), (7, 50))], aside=aside)
    assert (score.truth, score.paired, score.false_alarms) == (1, 1, 1)
    assert score_tracking(truth, [face((5, A))], aside=aside).mota == 1


def test_overlap_of_filled_rows() -> None:
    """One interpolated box shifted by 2 of 10 pixels: IoU 8/12."""
    score = score_tracking([face((1, 0))] * 2, [face((5, 0)), face((5, 2), interpolated=True)])
    assert score.filled == 1
    assert score.filled_iou == pytest.approx(8 / 12)


def test_nobody_anywhere() -> None:
    """Ratios of nothing are NaN, not an error."""
    score = score_tracking([Faces.none()], [Faces.none()])
    assert math.isnan(score.mota)
    assert math.isnan(score.idf1)


def test_all_missed() -> None:
    score = score_tracking([face((1, A))] * 2, [Faces.none()] * 2)
    assert (score.mota, score.idf1) == (0, 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="same frames"):
        score_tracking([Faces.none()], [])
