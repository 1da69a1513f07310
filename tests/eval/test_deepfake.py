"""Figures of deepfake checks against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from vidface.eval.deepfake import (
    Clips,
    auc,
    balanced_accuracy,
    brier,
    calibration_error,
    equal_error_rate,
    risk_coverage,
    score_calibration,
    score_detection,
    score_opinions,
)


def clips(real: list[float], fake: list[float]) -> Clips:
    return Clips(np.array(real + fake), np.array([False] * len(real) + [True] * len(fake)))


def test_auc_counts_pairs_and_half_of_ties() -> None:
    """Fakes 0.5 and 0.9 against 0.1, 0.5, 0.7: 1 + 0.5 + 0, and 3, of 6."""
    assert auc(clips([0.1, 0.5, 0.7], [0.5, 0.9])) == pytest.approx(4.5 / 6)
    assert auc(clips([0.1, 0.2], [0.3])) == 1.0
    assert auc(clips([0.5], [0.5])) == 0.5


def test_auc_by_weights_is_auc_of_repeated_clips() -> None:
    whole = clips([0.1, 0.5, 0.7], [0.5, 0.9])
    again = clips([0.1, 0.5, 0.5, 0.7], [0.5, 0.5, 0.5])
    assert auc(whole, np.array([1.0, 2, 1, 3, 0])) == pytest.approx(auc(again))


def test_clips_without_a_score_are_left_out() -> None:
    whole = clips([0.1, math.nan], [0.9, math.nan])
    assert auc(whole) == 1.0
    assert equal_error_rate(whole) == 0.0
    assert balanced_accuracy(whole, threshold=0.5) == 1.0
    score = score_detection(whole, resamples=0)
    assert (score.real, score.fake, score.clips) == (1, 1, 4)


def test_one_kind_alone_cannot_be_measured() -> None:
    for one in (clips([0.1, 0.2], []), clips([], [0.3]), clips([math.nan], [0.3])):
        assert math.isnan(auc(one))
        assert math.isnan(balanced_accuracy(one, threshold=0.5))
        assert math.isnan(calibration_error(one))
        assert math.isnan(brier(one))


def test_equal_error_rate() -> None:
    """At 0.6 one of four real clips is at or above, one of four fakes below."""
    assert equal_error_rate(clips([0.1, 0.2, 0.3, 0.8], [0.4, 0.6, 0.7, 0.9])) == pytest.approx(0.25)


def test_balanced_accuracy_weighs_both_kinds_alike() -> None:
    """Three of four real clips are below, one of two fakes at or above: (0.75 + 0.5) / 2."""
    whole = clips([0.1, 0.2, 0.3, 0.8], [0.4, 0.5])
    assert balanced_accuracy(whole, threshold=0.5) == pytest.approx(0.625)


def test_calibration_error_by_hand() -> None:
    """Bin 0.1-0.2: chance 0.1 half, no fakes; bin 0.9: one fake of one; real and fake weigh a half each.

    Real 0.15, 0.15 (1/4 each), fake 0.95 (1/2): 0.5 * 0.15 + 0.5 * 0.05.
    """
    assert calibration_error(clips([0.15, 0.15], [0.95])) == pytest.approx(0.1)
    assert calibration_error(clips([0.0], [1.0])) == 0.0
    assert calibration_error(clips([1.0], [0.0])) == 1.0


def test_calibration_is_at_even_odds() -> None:
    """Probabilities of a half are right for as many real clips as one likes."""
    assert calibration_error(clips([0.5] * 9, [0.5])) == pytest.approx(0.0)


def test_brier_by_hand() -> None:
    assert brier(clips([0.2], [0.6])) == pytest.approx((0.04 + 0.16) / 2)
    assert brier(clips([0.5] * 3, [0.5])) == pytest.approx(0.25)


def test_risk_and_coverage() -> None:
    """Surest first: 0.95 fake (right), 0.1 fake (wrong), 0.3 real (right); one clip has no score."""
    coverage, risk = risk_coverage(clips([0.3, math.nan], [0.95, 0.1]))
    assert coverage.tolist() == pytest.approx([0.25, 0.5, 0.75])
    assert risk.tolist() == pytest.approx([0.0, 0.5, 1 / 3])


def test_risk_promises_nothing_among_the_equally_sure() -> None:
    _, risk = risk_coverage(clips([0.1, 0.9], []))
    assert risk.tolist() == [1.0, 0.5]


def test_opinions_by_hand() -> None:
    said = [
        "authentic",
        "manipulated",
        "inconclusive",
        "authentic",
        "manipulated",
        "manipulated",
        "authentic",
    ]
    fake = [False, False, False, False, True, True, True]
    score = score_opinions(said, fake, resamples=0)
    assert score.false_manipulated.value == pytest.approx(1 / 4)
    assert score.missed.value == pytest.approx(1 / 3)
    assert score.found.value == pytest.approx(2 / 3)
    assert score.inconclusive_real.value == pytest.approx(1 / 4)
    assert score.inconclusive_fake.value == 0.0
    assert score.risk.value == pytest.approx(2 / 6)


def test_shares_of_none_and_all_have_exact_intervals() -> None:
    """Of 6 real clips of 3 persons none is called manipulated: 0 to 1 - .025^(1/3). All 2 fakes are found."""
    said = ["authentic"] * 6 + ["manipulated"] * 2
    fake = [False] * 6 + [True] * 2
    names = ["ann", "ann", "bob", "bob", "cem", "cem", "dan", "eva"]
    score = score_opinions(said, fake, persons=names, resamples=50)
    none, every = score.false_manipulated, score.found
    assert [none.value, none.low, none.high] == pytest.approx([0, 0, 1 - 0.025 ** (1 / 3)])
    assert [every.value, every.low, every.high] == pytest.approx([1, 0.025 ** (1 / 2), 1])
    assert score.risk.high == pytest.approx(1 - 0.025 ** (1 / 5))
    wanted = binomtest(0, 3).proportion_ci(0.95, "exact")
    assert none.high == pytest.approx(wanted.high)


def test_a_clip_of_two_persons_is_one_trial() -> None:
    """Body and face of two people in each: two clips, not four persons."""
    pairs = [("ann", "bob"), ("cem", "dan"), ("eva", "eva")]
    score = score_opinions(["manipulated"] * 3, [True, True, False], persons=pairs, resamples=50)
    assert score.found.low == pytest.approx(0.025 ** (1 / 2))


def test_no_intervals_where_none_are_asked_for_or_the_draws_tell_none() -> None:
    """AUC 1 in every draw: nothing is known of how far it would move."""
    score = score_opinions(["authentic"] * 4, [False] * 4, resamples=0)
    assert math.isnan(score.false_manipulated.high)
    whole = score_detection(clips([0.1, 0.2, 0.3], [0.7, 0.8, 0.9]), resamples=50)
    assert (whole.auc.value, whole.balanced.value) == (1.0, 1.0)
    assert all(math.isnan(one.low) and math.isnan(one.high) for one in (whole.auc, whole.balanced))


def test_intervals_are_by_person() -> None:
    """Ten clips of one person are one draw: the interval is as wide as with one clip each."""
    rng = np.random.default_rng(5)
    real, fake = rng.normal(0, 1, 8), rng.normal(1, 1, 8)
    once = clips(real.tolist(), fake.tolist())
    names = [f"p{i}" for i in range(16)]
    many = clips(np.repeat(real, 10).tolist(), np.repeat(fake, 10).tolist())
    one = score_detection(once, persons=names, resamples=200)
    ten = score_detection(many, persons=np.repeat(names, 10).tolist(), resamples=200)
    loose = score_detection(many, resamples=200)
    assert ten.auc.value == pytest.approx(one.auc.value)
    assert ten.auc.high - ten.auc.low == pytest.approx(one.auc.high - one.auc.low, rel=0.3)
    assert loose.auc.high - loose.auc.low < 0.6 * (ten.auc.high - ten.auc.low)


def test_intervals_of_calibration_hold_the_value() -> None:
    rng = np.random.default_rng(2)
    fake = np.arange(60) % 2 == 1
    chances = np.clip(np.where(fake, 0.8, 0.2) + rng.normal(0, 0.1, 60), 0, 1)
    ece, score = score_calibration(Clips(chances, fake), resamples=100)
    assert score.low <= score.value <= score.high
    assert ece.value < 0.35


def test_infinite_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN where a test does not apply"):
        clips([math.inf], [0.0])
