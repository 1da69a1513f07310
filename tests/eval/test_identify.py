"""Identification figures on tables worked out by hand, and the fusion baselines."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.eval import fusion
from vidface.eval.identify import Probes, ranks_of, score_at, score_identification, threshold_at

NONE = -math.inf


def test_rank_counts_who_stands_before() -> None:
    """First, second, behind an equal one, and not scored at all."""
    probes = Probes(
        np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.1], [0.3, 0.1, 0.3], [NONE] * 3, [0.9, 0.9, 0.9]]),
        np.array([0, 1, 0, 2, -1]),
    )
    ranks, own = ranks_of(probes)
    assert ranks.tolist() == [1, 2, 2, math.inf]
    assert own[:3].tolist() == [0.9, 0.4, 0.3]


def test_threshold_is_the_lowest_maximum_that_keeps_the_rate() -> None:
    """Ten maxima 1.0 ... 0.1. One may pass: the bar is the second, 0.9. Equal ones pass together or not."""
    maxima = np.arange(10, 0, -1) / 10
    assert threshold_at(maxima, 0.1) == 0.9
    assert threshold_at(maxima, 0.0) == 1.0
    assert threshold_at(maxima, 0.25) == 0.8
    assert threshold_at(maxima, 1.0) == NONE
    assert threshold_at(np.array([0.9, 0.9, 0.1, 0.1]), 0.25) == 0.9
    assert math.isnan(threshold_at(np.zeros(0), 0.1))


def test_open_set_figures() -> None:
    """Bar 0.5 at FPIR 0.1: found .9; missed .4 (below) and no face; .6 is second, but in the list."""
    mated = np.array([[0.9, 0, 0], [0.4, 0, 0], [0.6, 0.7, 0], [NONE] * 3])
    others = np.zeros((10, 3))
    others[0, 1], others[1, 2] = 0.8, 0.5
    probes = Probes(np.vstack([mated, others]), np.array([0, 0, 0, 0] + [-1] * 10))
    score = score_identification(probes, fpirs=(0.1, 0.01), within=2, resamples=50)
    assert (score.mated, score.non_mated, score.persons) == (4, 10, 3)
    assert score.threshold[0.1] == 0.5
    assert score.rank[1].value == 0.5
    assert score.rank[5].value == 0.75
    assert score.dir[0.1].value == 0.25
    assert score.fnir[0.1].value == 0.5
    assert not score.dir[0.01].measurable
    assert not score.fnir[0.01].measurable
    first = score_identification(probes, fpirs=(0.1,), within=1, resamples=0)
    assert first.fnir[0.1].value == 1 - first.dir[0.1].value


def test_rates_at_a_threshold_set_before() -> None:
    """At 0.5, which is enough: one alarm in four; of three mated one found first, one second, one below."""
    scores = np.array([[0.5, 0.1], [0.6, 0.7], [0.4, 0.1], [0.5, 0], [0.4, 0], [0, 0], [0, 0]])
    probes = Probes(scores, np.array([0, 0, 0, -1, -1, -1, -1]))
    fpir, right, missed = score_at(probes, 0.5, resamples=20)
    assert [fpir.value, right.value, missed.value] == pytest.approx([1 / 4, 1 / 3, 1 / 3])
    nobody = score_at(probes.pick([0]), 0.5, resamples=0)
    assert not nobody[0].measurable
    assert nobody[1].value == 1


def test_known_is_who_leads_by_the_margin() -> None:
    """At 0.5 and a lead of 0.05 (and no more): .60 against .57 is nobody, for mated and strangers alike."""
    scores = np.array([[0.60, 0.57], [0.75, 0.5], [0.5, NONE], [0.60, 0.57], [0.75, 0.5], [NONE, NONE]])
    probes = Probes(scores, np.array([0, 0, 0, -1, -1, -1]))
    plain = [figure.value for figure in score_at(probes, 0.5, resamples=0)]
    assert plain == pytest.approx([2 / 3, 1, 0])
    strict = [figure.value for figure in score_at(probes, 0.5, margin=0.05, resamples=0)]
    assert strict == pytest.approx([1 / 3, 2 / 3, 0])
    edge = [figure.value for figure in score_at(probes, 0.5, margin=0.25, resamples=0)]
    assert edge == strict
    alone = Probes(np.array([[0.6], [0.6]]), np.array([0, -1]))
    assert [figure.value for figure in score_at(alone, 0.5, margin=0.9, resamples=0)] == [1, 1, 0]


def test_without_mated_or_non_mated_probes_there_is_no_figure() -> None:
    alone = score_identification(Probes(np.array([[0.9, 0.1]]), np.array([0])), resamples=10)
    assert alone.rank[1].value == 1
    assert not alone.dir[0.1].measurable
    strangers = score_identification(Probes(np.full((20, 2), 0.1), np.full(20, -1)), resamples=10)
    assert not strangers.rank[1].measurable
    assert not strangers.dir[0.1].measurable
    assert strangers.threshold[0.1] == 0.1


def test_intervals_draw_persons() -> None:
    """One person always found, one never: whole persons are drawn, so 0 to 1."""
    scores = np.tile([[0.9, 0.1]], (40, 1))
    probes = Probes(scores, np.repeat([0, 1], 20))
    names = np.repeat(["anna", "bert"], 20)
    rank = score_identification(probes, persons=names, resamples=100).rank[1]
    assert (rank.value, rank.low, rank.high) == (0.5, 0, 1)


def test_all_or_nobody_has_the_exact_interval_on_persons() -> None:
    """Twenty probes each of two people all found, ten strangers never: 2 of 2 people, 0 of 10."""
    scores = np.vstack([np.tile([0.9, 0.1], (20, 1)), np.tile([0.1, 0.9], (20, 1)), np.zeros((10, 2))])
    probes = Probes(scores, np.repeat([0, 1, -1], (20, 20, 10)))
    names = [*["anna"] * 20, *["bert"] * 20, *[""] * 10]
    rank = score_identification(probes, persons=names, resamples=20).rank[1]
    assert (rank.value, rank.low, rank.high) == pytest.approx((1, 0.025**0.5, 1))
    fpir, right, missed = score_at(probes, 0.5, persons=names, resamples=20)
    assert (fpir.value, fpir.low, fpir.high) == pytest.approx((0, 0, 0.3085), abs=1e-4)
    assert (right.value, right.low, right.high) == pytest.approx((1, 0.025**0.5, 1))
    assert (missed.value, missed.low, missed.high) == pytest.approx((0, 0, 1 - 0.025**0.5))
    assert math.isnan(score_at(probes, 0.5, persons=names, resamples=0)[0].low)


def test_probes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="column"):
        Probes(np.zeros((2, 2)), np.array([0, 2]))
    with pytest.raises(ValueError, match="-inf"):
        Probes(np.array([[math.nan]]), np.array([0]))
    with pytest.raises(ValueError, match="enrolled"):
        Probes(np.zeros((1, 0)), np.array([-1]))


LOOKS = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])


def test_fusion_baselines_by_hand() -> None:
    """Looks are brought to unit length first; a row of zeros has no say."""
    half = 1 / math.sqrt(2)
    assert fusion.mean(LOOKS).tolist() == pytest.approx([half, half])
    assert fusion.norm_weighted(LOOKS, [3, 4, 9]).tolist() == pytest.approx([0.6, 0.8])
    assert fusion.norm_weighted(LOOKS, [3, math.nan, 9]).tolist() == pytest.approx([1, 0])
    # exp(0.1 * ln 3 / 0.1) = 3 against 1.
    weighted = fusion.quality_softmax(LOOKS, [0.5 + 0.1 * math.log(3), 0.5, 1], temperature=0.1)
    assert weighted.tolist() == pytest.approx([3 / math.sqrt(10), 1 / math.sqrt(10)])
    assert fusion.top_k(LOOKS, [0.2, 0.3, 0.9], k=1).tolist() == pytest.approx([0, 1])
    assert fusion.top_k(LOOKS, [0.2, 0.3, 0.9], k=5).tolist() == pytest.approx([half, half])


def test_fusion_without_qualities_is_the_mean_and_of_nothing_is_nothing() -> None:
    unknown = np.full(3, math.nan)
    assert fusion.quality_softmax(LOOKS, unknown).tolist() == pytest.approx(fusion.mean(LOOKS).tolist())
    assert fusion.quality_softmax(LOOKS, [math.nan, 0.1, 0.5]).tolist() == pytest.approx([0, 1])
    for vectors in (np.zeros((0, 2)), np.zeros((2, 2))):
        quality = np.ones(len(vectors))
        assert not fusion.mean(vectors).any()
        assert not fusion.quality_softmax(vectors, quality).any()
        assert not fusion.top_k(vectors, quality).any()
        assert not fusion.norm_weighted(vectors, quality).any()


def test_fusion_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="norms"):
        fusion.norm_weighted(LOOKS, [1, -1, 1])
    with pytest.raises(ValueError, match="quality"):
        fusion.top_k(LOOKS, [1, 1])
    with pytest.raises(ValueError, match="k must be"):
        fusion.top_k(LOOKS, [1, 1, 1], k=0)
    with pytest.raises(ValueError, match="temperature"):
        fusion.quality_softmax(LOOKS, [1, 1, 1], temperature=0)
    with pytest.raises(ValueError, match="finite"):
        fusion.mean(np.array([[math.nan, 1]]))
