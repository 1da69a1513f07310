"""Costs say who is likelier; pairs are one to one, allowed, and cheapest."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from vidface.vision import assignment, motion
from vidface.vision.assignment import UNKNOWN_SHAPE_NATS, cheapest_pairs, face_shape, shape_cost, similarity

BOX = np.array([[100.0, 100, 180, 200]])
LAYOUT = np.array([[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]])


def after(gap_s: float, box: np.ndarray = BOX) -> motion.Motion:
    return motion.predict(motion.begin(box), np.array([gap_s]))


def test_where_it_should_be_costs_less_than_elsewhere() -> None:
    cost, distance = assignment.motion_cost(after(0.1), np.concatenate([BOX, BOX + 10, BOX + 60]))
    assert cost[0, 0] < cost[0, 1] < cost[0, 2]
    assert distance[0, 0] == 0
    assert distance[0, 1] < distance[0, 2]


def test_a_face_in_view_beats_a_long_lost_one_at_its_own_place() -> None:
    """Else whoever vanished would take over the next who comes by."""
    cost = [assignment.motion_cost(after(gap), BOX + 3)[0][0, 0] for gap in (0.04, 1.0)]
    assert cost[0] < cost[1]


def test_far_away_is_likelier_for_the_long_lost() -> None:
    distance = [assignment.motion_cost(after(gap), BOX + 60)[1][0, 0] for gap in (0.04, 1.0)]
    assert distance[0] > 2 * distance[1]


@given(st.floats(0.05, 30), st.floats(-500, 500))
def test_motion_cost_does_not_depend_on_scale_or_place(scale: float, shift: float) -> None:
    there = BOX + np.array([8, -5, 12, 0])
    plain, _ = assignment.motion_cost(after(0.2), there)
    changed, _ = assignment.motion_cost(after(0.2, BOX * scale + shift), there * scale + shift)
    assert changed[0, 0] == pytest.approx(plain[0, 0], rel=1e-4, abs=1e-6)


def test_face_shape_is_within_the_box() -> None:
    points = np.array([[[100.0, 100], [180, 200], [140, 150], [100, 200], [180, 100]]])
    expected = np.array([[0, 0], [1, 1], [0.5, 0.5], [0, 1], [1, 0]])
    np.testing.assert_allclose(face_shape(BOX, points)[0], expected)


def test_another_pose_costs_and_less_so_after_a_while() -> None:
    turned = LAYOUT + np.array([0.15, 0])
    now, later = (shape_cost(LAYOUT, turned, np.array([gap]))[0, 0] for gap in (0.0, 1.0))
    assert shape_cost(LAYOUT, LAYOUT, np.zeros(1))[0, 0] == 0
    assert now > 2 * later > 0


def test_unknown_landmarks_count_as_ordinary() -> None:
    """NaN on either side gives a finite cost."""
    unknown = np.full((1, 5, 2), np.nan)
    for a, b in ((LAYOUT, unknown), (unknown, LAYOUT), (unknown, unknown)):
        assert shape_cost(a, b, np.zeros(1))[0, 0] == UNKNOWN_SHAPE_NATS


def test_similarity_and_its_unknowns() -> None:
    a, zero = np.array([[0.6, 0.8]]), np.zeros((1, 2))
    assert similarity(a, np.array([[0.8, 0.6]]))[0, 0] == pytest.approx(0.96)
    assert np.isnan(similarity(a, zero)).all()
    assert np.isnan(similarity(zero, a)).all()


@given(
    arrays(np.float64, (3, 4), elements=st.integers(0, 20).map(float)),
    arrays(np.bool_, (3, 4)),
)
def test_pairs_are_the_best_that_are_allowed(cost: np.ndarray, allowed: np.ndarray) -> None:
    """As many as possible, then as cheap as possible: compared with every way there is."""
    rows, columns = cheapest_pairs(cost, allowed)
    assert allowed[rows, columns].all()
    assert len(set(columns.tolist())) == len(columns)
    ways = [
        [(r, c) for r, c in enumerate(way) if allowed[r, c]] for way in itertools.permutations(range(4), 3)
    ]
    best = min((-len(way), sum(cost[r, c] for r, c in way)) for way in ways)
    assert (-len(rows), cost[rows, columns].sum()) == best


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_nobody_on_a_side_gives_no_pairs(shape: tuple[int, int]) -> None:
    rows, columns = cheapest_pairs(np.zeros(shape), np.ones(shape, bool))
    assert len(rows) == len(columns) == 0


@given(st.integers(0, 5), st.integers(0, 6), st.integers(0, 99))
def test_few_faces_are_paired_as_scipy_pairs_them(rows: int, columns: int, seed: int) -> None:
    """Also where some pairs are forbidden; from five by five on it is SciPy itself."""
    noise = np.random.default_rng(seed)
    cost, allowed = noise.normal(0, 3, (rows, columns)), noise.random((rows, columns)) < 0.7
    here, there = cheapest_pairs(cost, allowed)
    if not allowed.any():
        assert not len(here)
        return
    far = (np.ptp(cost[allowed]) + 1) * (min(cost.shape) + 1)
    wanted = linear_sum_assignment(np.where(allowed, cost - cost[allowed].min(), far))
    good = allowed[wanted]
    assert (here.tolist(), there.tolist()) == (wanted[0][good].tolist(), wanted[1][good].tolist())


def test_motion_cost_is_the_t_density_of_the_surprise() -> None:
    """Known numbers: belief and detection each as sure as a detection, the box one standard deviation off."""
    belief = motion.begin(BOX)
    size = np.sqrt(80.0 * 100.0)
    off = np.sqrt(2) * 0.04 * size
    cost, distance = assignment.motion_cost(belief, np.concatenate([BOX, BOX + np.array([off, 0, off, 0])]))
    np.testing.assert_allclose(cost[0], [0, (motion.TAIL + 4) / 2 * np.log1p(1 / motion.TAIL)], atol=1e-9)
    np.testing.assert_allclose(distance[0], [0, 0.5], atol=1e-9)
    worse = motion.Motion(belief.place, belief.velocity, belief.variance * 7)  # variance 8 to 2, four times
    assert assignment.motion_cost(worse, BOX)[0][0, 0] == pytest.approx(0.5 * 4 * np.log(4))
