"""Constrained average linkage: the same groups in any order, pairs held apart, and what is asked."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.cluster import Clusters, cluster

Rows = NDArray[np.float32]


def people(counts: list[int], *, noise: float = 0.6, d: int = 64, seed: int = 1) -> Rows:
    """Some looks of each person, one person after the other; noise 0.6 gives cosines of about 0.74."""
    rng = np.random.default_rng(seed)
    rows = []
    for count in counts:
        centre = rng.standard_normal(d) / np.sqrt(d)
        rows.append(centre + rng.standard_normal((count, d)) * noise / np.sqrt(d))
    return units(np.concatenate(rows))


def units(rows: object) -> Rows:
    """Brought to unit length."""
    given = np.asarray(rows, np.float64)
    return np.asarray(given / np.linalg.norm(given, axis=1, keepdims=True), np.float32)


def flat(*degrees: float) -> Rows:
    """Directions in the plane."""
    turns = np.radians(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)


def groups(found: Clusters) -> set[frozenset[int]]:
    """The groups as sets of rows."""
    return {frozenset(rows.tolist()) for rows in found.members()}


def naive(rows: Rows, threshold: float, apart: set[tuple[int, int]]) -> set[frozenset[int]]:
    """The definition, word by word."""
    parts = [{row} for row in range(len(rows))]
    similar = rows.astype(np.float64) @ rows.T.astype(np.float64)
    while len(parts) > 1:
        best = (-np.inf, 0, 0)
        for i in range(len(parts)):
            for j in range(i):
                if any((a, b) in apart or (b, a) in apart for a in parts[i] for b in parts[j]):
                    continue
                score = float(similar[np.ix_(sorted(parts[i]), sorted(parts[j]))].mean())
                best = max(best, (score, i, j))
        if best[0] < threshold:
            break
        parts[best[2]] |= parts.pop(best[1])
    return {frozenset(part) for part in parts}


def test_golden_small_case() -> None:
    """Five directions: 0, 10 and 25 degrees are one person, 90 and 100 another, by hand."""
    found = cluster(flat(0, 90, 10, 100, 25), 0.8)
    assert found.labels.tolist() == [0, 1, 0, 1, 0]
    # The worst member of the first group is at 25 degrees: the mean of cos 25 and cos 15.
    assert found.cohesion == pytest.approx(
        [np.mean(np.cos(np.radians([25, 15]))), np.cos(np.radians(10))], abs=1e-6
    )
    between = np.mean(np.cos(np.radians([90, 100, 80, 90, 65, 75])))
    assert found.rival == pytest.approx([between, between], abs=1e-6)
    own, other = 1 - found.cohesion, 1 - between
    assert found.confidence == pytest.approx((other - own) / other, abs=1e-6)
    assert len(found) == 2


def test_made_people_are_found() -> None:
    """Six people with one to nine looks each."""
    counts = [9, 1, 4, 7, 1, 2]
    found = cluster(people(counts), 0.45)
    assert np.bincount(found.labels).tolist() == counts
    assert (found.confidence[[0, 2, 3]] > 0.4).all()
    assert np.isnan(found.cohesion[[1, 4]]).all()


def test_average_linkage_does_not_chain() -> None:
    """A row of directions 20 degrees apart: single linkage would make one group of all."""
    assert len(cluster(flat(*range(0, 180, 20)), 0.9)) > 3


@given(st.integers(0, 10_000), st.integers(2, 24))
@settings(max_examples=40)
def test_any_order_of_rows_gives_the_same_groups(seed: int, count: int) -> None:
    """Also with constraints, with doubtful looks, and for confidence and questions."""
    rng = np.random.default_rng(seed)
    rows = people([count // 2, count - count // 2], noise=1.2, d=16, seed=seed)
    apart = [(int(i), int(j)) for i, j in rng.integers(0, count, (4, 2)) if i != j]
    turn = rng.permutation(count)
    back = np.argsort(turn)
    one = cluster(rows, 0.4, apart=apart)
    two = cluster(rows[turn], 0.4, apart=[(int(back[i]), int(back[j])) for i, j in apart])
    assert groups(one) == {frozenset(turn[list(group)].tolist()) for group in groups(two)}
    assert sorted(one.confidence) == pytest.approx(sorted(two.confidence), abs=1e-4)
    assert [q.gain for q in one.questions] == pytest.approx([q.gain for q in two.questions], abs=1e-3)


@given(st.integers(0, 10_000), st.integers(2, 14), st.floats(0.1, 0.8))
@settings(max_examples=40)
def test_it_is_average_linkage(seed: int, count: int, threshold: float) -> None:
    """The quick search finds what the definition gives, constraints included."""
    rows = people([count // 2, count - count // 2], noise=1.2, d=16, seed=seed)
    rng = np.random.default_rng(seed)
    apart = {(int(i), int(j)) for i, j in rng.integers(0, count, (3, 2)) if i != j}
    assert groups(cluster(rows, threshold, apart=apart)) == naive(rows, threshold, apart)


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_pairs_held_apart_are_never_in_one_group(seed: int) -> None:
    """However alike, and through whomever they might be joined."""
    rng = np.random.default_rng(seed)
    rows = people([20], noise=0.3, seed=seed)
    apart = [(int(i), int(j)) for i, j in rng.integers(0, 20, (12, 2)) if i != j]
    labels = cluster(rows, -1.0, apart=apart).labels
    assert all(labels[i] != labels[j] for i, j in apart)


def test_pairs_together_are_in_one_group() -> None:
    """Two people whom somebody called one; a pair held apart from one of them is so from both."""
    rows = people([2, 2, 2])
    found = cluster(rows, 0.2, together=[(0, 2)])
    assert groups(found) == {frozenset({0, 1, 2, 3}), frozenset({4, 5})}
    found = cluster(rows, 0.2, together=[(0, 2)], apart=[(0, 3)])
    assert groups(found) == {frozenset({0, 1, 2}), frozenset({3}), frozenset({4, 5})}


def test_doubtful_pairs_are_asked() -> None:
    """Just below the threshold: are they one? Just above: were they one? Far from it: nothing."""
    below = cluster(flat(0, 48, 200), 0.7).questions
    assert [(q.left, q.right, q.joined) for q in below] == [((0,), (1,), False)]
    assert below[0].similarity == pytest.approx(np.cos(np.radians(48)), abs=1e-6)
    above = cluster(flat(0, 42, 200), 0.7).questions
    assert [(q.left, q.right, q.joined) for q in above] == [((0,), (1,), True)]
    assert cluster(flat(0, 5, 90), 0.7).questions == ()


def test_the_most_useful_question_comes_first() -> None:
    """Of two pairs equally near to the threshold the larger; of two pairs of one size the nearer."""
    rows = flat(0, 0.1, 0.2, 46, 46.1, 180, 226)
    first, second = cluster(rows, 0.7).questions
    assert (first.left, first.right) == ((0, 1, 2), (3, 4))
    assert first.gain > 3 * second.gain
    first, second = cluster(flat(0, 46, 180, 230), 0.7).questions
    assert (first.left, second.left) == ((0,), (2,))


def test_answers_end_questions() -> None:
    """What was answered is not asked again, either way."""
    assert cluster(flat(0, 48), 0.7, apart=[(0, 1)]).questions == ()
    assert cluster(flat(0, 48), 0.7, together=[(0, 1)]).questions == ()
    assert cluster(flat(0, 42), 0.7, together=[(0, 1)]).questions == ()


def test_confidence_falls_when_somebody_is_near() -> None:
    """Two looks, alone and with a stranger at their side; one look as near as its own group is 0."""
    alone = cluster(flat(0, 20), 0.8).confidence[0]
    beside = cluster(flat(0, 20, 60), 0.8).confidence[0]
    assert 0.9 < alone <= 1
    assert 0 < beside < alone
    assert cluster(flat(0, 36), 0.82).confidence == pytest.approx([0, 0], abs=0.06)


def test_one_and_none() -> None:
    """A single look is a group of one; no looks are no groups."""
    one = cluster(flat(0), 0.5)
    assert one.labels.tolist() == [0]
    assert np.isnan([one.cohesion[0], one.rival[0]]).all()
    none = cluster(np.zeros((0, 8), np.float32), 0.5)
    assert len(none) == 0
    assert none.members() == []


def test_equal_rows_are_one_group() -> None:
    """Ten times the same vector."""
    found = cluster(np.repeat(flat(30), 10, 0), 0.9)
    assert len(found) == 1
    assert found.confidence[0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"apart": [(0, 1)], "together": [(0, 1)]}, "together and apart"),
        ({"apart": [(0, 2)], "together": [(0, 1), (1, 2)]}, "together and apart"),
        ({"apart": [(0, 3)]}, "names no two of the 3 rows"),
        ({"together": [(-1, 0)]}, "names no two of the 3 rows"),
        ({"apart": [(1, 1)]}, "apart from itself"),
    ],
)
def test_pairs_that_cannot_be(how: dict[str, Any], told: str) -> None:
    """A contradiction, also a roundabout one, and pairs that name nobody."""
    with pytest.raises(ValueError, match=told):
        cluster(flat(0, 1, 2), 0.9, **how)


@pytest.mark.parametrize("rows", [[[3, 4]], [[0, 0]], [[np.nan, 1]], [1, 0]])
def test_rows_must_have_unit_length(rows: object) -> None:
    """Zeros (not measured) do not pass as a look."""
    with pytest.raises(ValueError, match="rows of unit length"):
        cluster(rows, 0.5)


def test_a_thousand_tracks_take_a_moment() -> None:
    """Quadratic, not cubic: 1,500 looks of 100 people; about 0.3 s on one free core."""
    rows = people([15] * 100, noise=0.9, d=128)
    begin = time.thread_time()
    found = cluster(rows, 0.3)
    assert time.thread_time() - begin < 5
    assert len(found) == 100
