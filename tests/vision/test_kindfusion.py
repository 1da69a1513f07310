"""The fusion of tests against sums done by hand, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vidface.vision.kindfusion import Fusion, KindWeight, sigmoid

BLEND = KindWeight(centre=1.0, scale=2.0, low=-3, high=3, weight=1.5, offset=0.2)
PULSE = KindWeight(centre=0.5, scale=0.1, low=-2, high=2, weight=-0.5, offset=0.0)
SHOWN = KindWeight(centre=0.0, scale=1.0, low=-3, high=3, weight=0.0, offset=0.0)
FUSION = Fusion({"pulse": PULSE, "blend": BLEND, "lipsync": SHOWN}, -0.1, 0.3, 0.7, block_s=1.0)


def test_scores_are_standardised_and_clipped() -> None:
    assert BLEND.steps(3.0) == 1.0
    assert BLEND.steps(100.0) == 3
    assert BLEND.steps(-100.0) == -3


def test_log_odds_are_the_sum_over_the_tests_that_apply() -> None:
    """blend 1 step: 0.2 + 1.5; pulse 2 steps: -1.0; bias -0.1."""
    assert FUSION.parts({"blend": 1.0, "pulse": 2.0}) == pytest.approx({"blend": 1.7, "pulse": -1.0})
    assert FUSION.probability({"blend": 1.0, "pulse": 2.0}) == pytest.approx(1 / (1 + math.exp(-0.6)))
    assert FUSION.probability({"blend": 1.0}) == pytest.approx(1 / (1 + math.exp(-1.6)))


def test_a_test_that_is_only_shown_has_no_say() -> None:
    assert FUSION.probability({"blend": 1.0, "lipsync": 3.0}) == FUSION.probability({"blend": 1.0})
    assert math.isnan(FUSION.probability({"lipsync": 3.0}))
    assert math.isnan(FUSION.probability({}))


def test_kinds_stand_in_the_order_of_reports() -> None:
    assert list(FUSION.kinds) == ["blend", "pulse", "lipsync"]


def test_rows_of_windows_give_what_single_ones_give() -> None:
    sums = np.array([[2.0, 2.0, 0], [0, 0, 5.0], [4.0, 0, 0]])
    counts = np.array([[2.0, 1.0, 0], [0, 0, 1.0], [4.0, 0, 0]])
    found = FUSION.probabilities(sums, counts)
    assert found[0] == pytest.approx(FUSION.probability({"blend": 1.0, "pulse": 2.0}))
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(FUSION.probability({"blend": 1.0}))


def test_the_interval_is_narrow_where_windows_agree_and_wide_where_not() -> None:
    counts = np.tile([1.0, 0, 0], (40, 1))
    same = np.tile([1.0, 0, 0], (40, 1))
    one = FUSION.probability({"blend": 1.0})
    assert FUSION.interval(same, counts, block=4) == pytest.approx((one, one))
    mixed = same.copy()
    mixed[:20] *= -2
    low, high = FUSION.interval(mixed, counts, block=4)
    assert low < FUSION.probability({"blend": -0.5}) - 0.1
    assert high > FUSION.probability({"blend": -0.5}) + 0.1


def test_long_runs_give_wider_intervals_than_single_windows() -> None:
    """Windows that come in runs say less than as many that are independent."""
    counts = np.tile([1.0, 0, 0], (64, 1))
    sums = np.repeat(np.random.default_rng(3).normal(0, 1, 8), 8)[:, None] * [1.0, 0, 0]
    narrow, wide = (FUSION.interval(sums, counts, block=block) for block in (1, 8))
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    sums, counts = rng.normal(0, 1, (12, 3)) * [1, 0, 0], np.tile([1.0, 0, 0], (12, 1))
    assert FUSION.interval(sums, counts, block=3, seed=1) == FUSION.interval(sums, counts, block=3, seed=1)


def test_of_a_single_window_nothing_is_known() -> None:
    assert FUSION.interval(np.ones((1, 3)), np.ones((1, 3)), block=1) == (0.0, 1.0)


def test_a_fusion_survives_its_plain_values() -> None:
    again = Fusion.of(FUSION.row())
    assert again.row() == FUSION.row()
    assert again.probability({"blend": 1.0}) == pytest.approx(FUSION.probability({"blend": 1.0}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kinds": {}}, "none"),
        ({"kinds": {"aura": FUSION.row()["kinds"]["blend"]}}, "aura"),
        ({"kinds": {"blend": {"centre": 0}}}, "lacks"),
        ({"bias": math.nan}, "bias"),
        ({"authentic_at": 0.8}, "0.8"),
        ({"min_kinds": 0}, "min_kinds"),
    ],
)
def test_a_broken_fusion_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Fusion.of(FUSION.row() | change)


def test_no_mapping_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        Fusion.of([1, 2])


@pytest.mark.parametrize("change", [{"scale": 0.0}, {"weight": math.inf}, {"low": 3.0}])
def test_a_broken_weight_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wants finite"):
        replace(BLEND, **change)


def test_sigmoid_does_not_overflow() -> None:
    assert sigmoid(-1000) == 0.0
    assert sigmoid(1000) == 1.0
    assert sigmoid(0) == 0.5
