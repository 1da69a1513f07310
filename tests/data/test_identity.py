"""Embeddings and identities are checked at birth."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data import Embeddings
from vidface.data.identity import Identities, Identity


def test_vectors_of_any_length_become_unit_and_zero_stays_unmeasured() -> None:
    found = Embeddings.of([[3, 4], [0, 0]], recognisability=[0.5, np.nan], model="m@1")
    np.testing.assert_allclose(found.vectors, np.array([[0.6, 0.8], [0, 0]]))
    assert found.known.tolist() == [True, False]
    assert not found.vectors.flags.writeable
    assert found.pick([1]).model == "m@1"
    assert Embeddings.of([[0, 2], [0, 0]]).known.tolist() == [True, False], "a 0 in a vector is a number"


def test_a_vector_that_is_not_of_unit_length_is_refused() -> None:
    with pytest.raises(ValueError, match="unit length"):
        Embeddings(np.array([[3, 4]], np.float32), np.zeros(1, np.float32))


def test_recognisability_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Embeddings.of([[1, 0]], recognisability=[1.2])


def test_rows_without_a_measurement() -> None:
    none = Embeddings.none(4, rows=2)
    assert len(none) == 2
    assert not none.known.any()


def test_a_name_stands_only_where_the_state_is_known() -> None:
    with pytest.raises(ValueError, match="name"):
        Identity("unknown", "Ann")
    with pytest.raises(ValueError, match="name"):
        Identity("known")
    with pytest.raises(ValueError, match="one of"):
        Identity("maybe")  # type: ignore[arg-type]


def test_a_row_for_json_holds_null_where_nothing_is_known() -> None:
    assert Identity().row() == {
        "state": "undecided",
        "name": None,
        "score": None,
        "margin": None,
        "nearest": None,
        "looks": 0,
    }
    assert Identity("known", "Ann", 0.71234, nearest="Ann", looks=3).row()["score"] == 0.7123


def test_identities_are_as_many_as_faces() -> None:
    assert len(Identities.none()) == 0
    assert [one.state for one in Identities((Identity(), Identity("unknown")))] == ["undecided", "unknown"]
