"""Searching: exact, by person, in any order of enrolment."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.gallery.people import MODEL, direction
from vidface.errors import UsageError
from vidface.gallery import Reference, reference


def units(count: int, d: int, seed: int = 0) -> NDArray[np.float32]:
    """Random rows of unit length."""
    rows = np.random.default_rng(seed).standard_normal((count, d)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def made(vectors: NDArray[np.float32], owners: list[int], people: int) -> Reference:
    """A reference of people called 0, 1, 2 ..."""
    return Reference(vectors, np.array(owners, np.int64), tuple(map(str, range(people))), MODEL, 0.4)


@given(
    st.lists(st.integers(0, 6), max_size=30),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_search_is_what_brute_force_finds(owners: list[int], k: int, seed: int) -> None:
    """Best look of each person, best person first, whoever was enrolled when."""
    vectors, queries = units(len(owners), 8, seed), units(3, 8, seed + 1)
    found = made(vectors, owners, 7).search(queries, k)
    for query, matches in zip(queries, found, strict=True):
        best: dict[str, float] = {}
        for owner, row in zip(owners, vectors, strict=True):
            best[str(owner)] = max(best.get(str(owner), -2.0), float(row @ query))
        wanted = sorted(best.items(), key=lambda item: -item[1])[:k]
        assert [match.name for match in matches] == [name for name, _ in wanted]
        assert np.allclose([match.score for match in matches], [score for _, score in wanted], atol=1e-6)


def test_many_queries_and_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes through in blocks is what goes through at once."""
    vectors, queries = units(1000, 16), units(70, 16, 1)
    owners = np.random.default_rng(2).integers(0, 90, 1000).tolist()
    whole = made(vectors, owners, 90).scores(queries)
    monkeypatch.setattr(reference, "_BLOCK", 64)
    monkeypatch.setattr(reference, "_QUERIES", 7)
    assert np.allclose(made(vectors, owners, 90).scores(queries), whole, atol=1e-6)


def test_length_of_a_query_does_not_count() -> None:
    known = made(units(4, 8), [0, 0, 1, 2], 3)
    query = units(1, 8, 5)[0]
    assert known.nearest(query * 7).score == pytest.approx(known.nearest(query).score)
    assert known.nearest(np.zeros(8)).score == 0


def test_margin_is_to_the_second_person_not_to_the_second_look() -> None:
    rows = np.stack([direction(0), direction(0), direction(1)])
    name, score, margin = made(rows, [0, 0, 1], 2).nearest(direction(0))
    assert name == "0"
    assert score == pytest.approx(1)
    assert margin == pytest.approx(1 - float(direction(0) @ direction(1)), abs=1e-6)


def test_one_person_alone_has_no_margin() -> None:
    assert math.isnan(made(units(3, 8), [0, 0, 0], 1).nearest(units(1, 8)[0]).margin)


def test_people_without_looks_are_never_found() -> None:
    known = made(units(2, 8), [1, 1], 3)
    assert [match.name for match in known.search(units(1, 8), 3)[0]] == ["1"]


def test_equal_scores_come_in_the_order_of_enrolment() -> None:
    rows = np.stack([direction(0)] * 4)
    assert [m.name for m in made(rows, [0, 1, 2, 3], 4).search(direction(0)[None], 4)[0]] == list("0123")


def test_another_dimension_is_refused() -> None:
    for query in (np.ones((1, 9)), np.ones(8)):
        with pytest.raises(UsageError, match="8 numbers"):
            made(units(2, 8), [0, 1], 2).search(query)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_was_not_embedded_is_near_to_nobody(value: float) -> None:
    with pytest.raises(UsageError, match="holds NaN or infinity"):
        made(units(2, 8), [0, 1], 2).search(np.full((1, 8), value))


def test_a_reference_cannot_be_changed() -> None:
    known = made(units(2, 8), [0, 1], 2)
    with pytest.raises(ValueError, match="read-only"):
        known.vectors[0] = 0
    with pytest.raises(ValueError, match="owners"):
        made(units(2, 8), [0, 2], 2)


def test_a_search_costs_little_more_than_its_product() -> None:
    """100,000 looks of 25,000 people: beside the bare product, so that a busy machine slows both.

    The figure in ms is in tests/bench/results/search.md, by tests.bench.search.
    """
    count = 100_000
    known = made(units(count, 256), (np.arange(count) // 4).tolist(), count // 4)
    whole, bare = [], []
    for row in range(7):
        query = known.vectors[row * 999]
        start = time.process_time()
        assert known.nearest(query).name == str(row * 999 // 4)
        whole.append(time.process_time() - start)
        start = time.process_time()
        known.vectors @ query
        bare.append(time.process_time() - start)
    assert min(whole) < 3 * min(bare) + 0.005
