"""Verification figures on pairs worked out by hand: ROC, TAR at a FAR, EER, ten folds, discard, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.eval.discard import error_versus_discard
from vidface.eval.intervals import Figure, bootstrap, figures, proportion, units_of
from vidface.eval.verify import (
    Pairs,
    best_threshold,
    eer,
    fold_accuracy,
    folds_of,
    measurable,
    roc,
    score_verification,
    tar_at_far,
)


def pairs(genuine: list[float], impostor: list[float]) -> Pairs:
    same = [True] * len(genuine) + [False] * len(impostor)
    return Pairs(np.array(genuine + impostor), np.array(same))


# Falling: .9 g, .8 g, .7 i, .6 g, .5 i, .4 g, .3 i, .2 i
MIXED = pairs([0.9, 0.8, 0.6, 0.4], [0.7, 0.5, 0.3, 0.2])


def test_roc_goes_point_by_point() -> None:
    curve = roc(MIXED)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    assert curve.tar.tolist() == [0, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1, 1]
    assert curve.far.tolist() == [0, 0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 1]


def test_equal_scores_are_one_point() -> None:
    """A genuine and an impostor pair of one score are accepted together, whatever their order."""
    for curve in (roc(pairs([0.5, 0.5], [0.5, 0.1])), roc(pairs([0.5, 0.5], [0.1, 0.5]))):
        assert curve.tar.tolist() == [0, 1, 1]
        assert curve.far.tolist() == [0, 0.5, 1]


def test_tar_lies_on_the_line_between_the_neighbours() -> None:
    """At the FAR of a point its highest TAR; between two points on their line."""
    assert tar_at_far(roc(MIXED), 0.25) == 0.75
    assert tar_at_far(roc(MIXED), 0.1) == 0.5
    # (0, 0) to (0.5, 1): equal scores make a slope; FAR 0.1 is a fifth of the way.
    assert tar_at_far(roc(pairs([0.5, 0.5], [0.5, 0.1])), 0.1) == pytest.approx(0.2)
    assert tar_at_far(roc(MIXED), 1.0) == 1


def test_a_far_is_measurable_from_one_over_far_impostors() -> None:
    """With 999 impostor pairs FAR 1e-3 cannot be measured, with 1,000 it can."""
    assert measurable(1000, 1e-3)
    assert not measurable(999, 1e-3)
    few = score_verification(pairs([0.9] * 20, [0.1] * 99), resamples=20)
    assert not few.tar[1e-2].measurable
    assert few.accuracy.value == 1
    enough = score_verification(pairs([0.9] * 20, [0.1] * 100), resamples=20)
    assert enough.tar[1e-2].value == 1
    assert not enough.tar[1e-3].measurable


def test_eer_is_where_both_errors_meet() -> None:
    """MIXED: both are .25 at 0.6. On a slope of FAR, FRR from (0, 1) to (.5, 0) they meet at 1/3."""
    assert eer(roc(MIXED)) == 0.25
    assert eer(roc(pairs([0.5, 0.5], [0.5, 0.1]))) == pytest.approx(1 / 3)
    assert eer(roc(pairs([0.9], [0.1]))) == 0
    assert math.isnan(eer(roc(pairs([0.9], []))))


def test_a_pair_that_could_not_be_scored_is_never_accepted() -> None:
    """Half of the genuine pairs without a face: TAR ends at 0.5, and FRR never comes down to FAR."""
    half = pairs([0.9, -math.inf], [0.1, 0.2])
    curve = roc(half)
    assert curve.tar.tolist() == [0, 0.5, 0.5, 0.5]
    assert tar_at_far(curve, 1.0) == 0.5
    lost = pairs([0.9, -math.inf], [0.1, -math.inf])
    assert eer(roc(lost)) == 0.5
    assert math.isnan(eer(roc(pairs([0.9, -math.inf], [0.1, -math.inf, -math.inf]))))


def test_best_threshold_is_the_middle_one_of_the_best() -> None:
    """MIXED: six right at 0.75, at 0.55 and at 0.35; the middle one."""
    assert best_threshold(MIXED) == pytest.approx(0.55)
    assert best_threshold(pairs([0.9], [0.1])) == pytest.approx(0.5)
    assert best_threshold(pairs([], [0.9, 0.1])) > 0.9
    assert best_threshold(pairs([0.3, 0.2], [])) == pytest.approx(0.2)


def test_folds_share_both_kinds_in_order() -> None:
    same = np.array([True] * 20 + [False] * 10)
    folds = folds_of(same)
    assert folds[:20].tolist() == [place // 2 for place in range(20)]
    assert folds[20:].tolist() == list(range(10))
    assert len(np.unique(folds_of(same[:23]))) == 3
    # LFW's order: so many genuine, so many impostor pairs, fold by fold.
    lfw = np.tile([True] * 3 + [False] * 3, 10)
    assert folds_of(lfw).tolist() == [place // 6 for place in range(60)]


def test_each_fold_is_decided_at_the_threshold_of_the_others() -> None:
    """Fold 0 alone would choose 0.5 and be right; fold 1's 0.86 rejects its genuine pair of 0.8."""
    two = Pairs(np.array([0.8, 0.2, 0.9, 0.82]), np.array([True, False, True, False]))
    assert fold_accuracy(two, folds=np.array([0, 0, 1, 1])) == pytest.approx(0.5)
    # Fold 0 at 0.86: .8 wrong, .2 right; fold 1 at 0.5: .9 right, .82 wrong.
    assert math.isnan(fold_accuracy(two, folds=np.zeros(4, int)))


def test_weights_count_a_pair_so_many_times() -> None:
    """Weights are the same as rows written down again, for every figure."""
    weights = np.array([2.0, 1, 0, 1, 3, 1, 1, 0])
    again = MIXED.pick(np.repeat(np.arange(8), weights.astype(int)))
    folds = folds_of(MIXED.same)
    assert eer(roc(MIXED, weights)) == pytest.approx(eer(roc(again)))
    assert tar_at_far(roc(MIXED, weights), 0.3) == pytest.approx(tar_at_far(roc(again), 0.3))
    assert best_threshold(MIXED, weights) == best_threshold(again)
    assert fold_accuracy(MIXED, folds=folds, weights=weights) == pytest.approx(
        fold_accuracy(again, folds=np.repeat(folds, weights.astype(int)))
    )


def test_discard_takes_the_pair_with_the_worse_picture_first() -> None:
    """Each step takes one wrong genuine pair of ten away: FNMR 2/10, 1/9, 0/8, area by trapezoids."""
    table = pairs([0.1, 0.2] + [0.9] * 8, [0.5] * 10)
    quality = np.ones((20, 2))
    quality[0], quality[1] = (0.9, 0.1), (0.2, 0.8)
    curve = error_versus_discard(table, quality, far=0.1, discards=(0, 0.05, 0.1))
    assert curve.discarded.tolist() == pytest.approx([0, 0.05, 0.1])
    # At FAR 0.1 the ROC's line from (0, 0.8) to (1, 0.8) holds; then 8/9 and 8/8.
    assert curve.fnmr.tolist() == pytest.approx([0.2, 1 / 9, 0])
    assert curve.area == pytest.approx(0.05 * (0.2 / 2 + 1 / 9))
    assert curve.reach == pytest.approx(0.1)


def test_discard_keeps_equal_qualities_together_and_stops_where_too_few_are_left() -> None:
    table = pairs([0.9] * 10, [0.1] * 10)
    alike = error_versus_discard(table, np.ones(20), far=0.1)
    assert not alike.discarded.any()
    assert math.isnan(alike.area)
    order = np.concatenate([np.full(10, 1.0), np.arange(10) / 10])
    fewer = error_versus_discard(table, order, far=0.1, discards=(0, 0.05, 0.1))
    assert fewer.fnmr[0] == 0
    assert np.isnan(fewer.fnmr[1:]).all()
    unknown = error_versus_discard(table, np.where(np.arange(20) == 3, np.nan, 1.0), far=0.1)
    assert unknown.discarded[1] == pytest.approx(0.05)


def test_persons_are_drawn_whole() -> None:
    """Two persons, one always right, one always wrong: draws are 0, 1/2 or 1, so the interval is 0 to 1.

    As 200 independent pairs the interval would be 0.43 to 0.57.
    """
    right = np.repeat([1.0, 0.0], 100)

    def share(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
        return [float(weights @ right / weights.sum()) if weights.any() else math.nan]

    names = np.repeat(["anna", "bert"], 100)
    assert bootstrap(share, units_of(names, 200), resamples=200)[0].tolist() == [0, 1]
    low, high = bootstrap(share, units_of(None, 200), resamples=500)[0]
    assert (low, high) == (pytest.approx(0.43, abs=0.02), pytest.approx(0.57, abs=0.02))
    again = bootstrap(share, units_of(None, 200), resamples=500)[0]
    assert again.tolist() == [low, high]


def test_a_pair_of_two_persons_counts_as_often_as_both_are_drawn() -> None:
    seen = []

    def note(weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
        seen.append(weights.copy())
        return [0.0]

    units = units_of([("a", "a"), ("b", "b"), ("a", "b"), ("", "")], 4)
    assert units.tolist() == [[0, 0], [1, 1], [0, 1], [2, 3]]
    bootstrap(note, units, resamples=30)
    assert all(row[2] == row[0] * row[1] for row in seen[1:])
    assert any(row[2] > 1 for row in seen)


def test_an_interval_holds_its_value_and_one_unit_has_none() -> None:
    (figure,) = figures(lambda w: [float(w @ [1, 0, 1, 1]) / w.sum()], units_of(None, 4), resamples=100)
    assert figure.low <= figure.value <= figure.high
    (alone,) = figures(lambda w: [1.0], units_of(["a", "a"], 2), resamples=100)
    assert alone.value == 1
    assert math.isnan(alone.low)


def test_draws_that_are_all_the_same_give_no_interval() -> None:
    """Nobody was wrong among five: that is no interval of [1, 1]."""
    right, wrong = figures(lambda w: [w.sum() / w.sum(), 0.0], units_of(None, 5), resamples=100)
    assert (right.value, wrong.value) == (1.0, 0.0)
    assert np.isnan([right.low, right.high, wrong.low, wrong.high]).all()


def test_draws_that_are_nearly_all_the_same_give_no_interval() -> None:
    """One draw of some hundred tells another value: both ends are still 1, and [1, 1] would be false."""
    (right,) = figures(lambda w: [1.0 if w[0] < 4 else 0.5], units_of(None, 20), resamples=300)
    assert right.value == 1
    assert np.isnan([right.low, right.high]).all()


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="-inf where a pair could not be scored"):
        pairs([math.nan], [0.1])
    with pytest.raises(ValueError, match="persons"):
        units_of(["a"], 2)


@pytest.mark.parametrize(("count", "reach"), [(1, 0.025), (10, 0.6915), (100, 0.9638)])
def test_a_share_of_all_or_nobody_has_the_exact_interval(count: int, reach: float) -> None:
    """Clopper and Pearson's tables: of 10 people none wrong is up to 30.85 %, of 100 up to 3.62 %."""
    none, everybody = proportion(Figure(0.0), count), proportion(Figure(1.0), count)
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, 1 - reach), abs=1e-4)
    assert (everybody.value, everybody.low, everybody.high) == pytest.approx((1, reach, 1), abs=1e-4)
    some = Figure(0.5, 0.25, 0.75)
    assert proportion(some, count) is some
    assert np.isnan(proportion(Figure(0.0), 0).high)
