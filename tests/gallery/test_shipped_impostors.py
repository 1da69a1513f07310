"""The strangers that come with the embedder are whole, nobody's twice, and spread as its card says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data.npz import read_npz
from vidface.infer import weights


@pytest.fixture(scope="module", params=["vidface-embed", "vidface-embed-int8"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def vectors(model: str) -> NDArray[np.float32]:
    return read_npz(weights.entry(model).folder / "impostors.npz", ("vectors",))["vectors"]


@pytest.fixture(scope="module")
def facts(model: str) -> dict[str, Any]:
    text = (weights.entry(model).folder / "impostors.json").read_text()
    told: dict[str, Any] = json.loads(text)
    return told


def test_they_are_unit_vectors_as_many_as_told(vectors: NDArray[np.float32], facts: dict[str, Any]) -> None:
    assert vectors.shape == (facts["impostors"], 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_two_are_one(vectors: NDArray[np.float32]) -> None:
    """Doubles would make the interval of a rate narrower than it is."""
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, 0)
    assert alike.max() < 0.9999


def test_the_trial_passes_about_what_was_asked_for(facts: dict[str, Any]) -> None:
    """Held-out strangers, from 0.1 to 3 %: at most 2.2 times as many pass (mixed faces: 7 times)."""
    for row in facts["held-out strangers that pass, percent"].values():
        for asked, seen in zip(facts["asked for, percent"], row["shipped"], strict=True):
            assert 0.5 * asked < seen < 2.2 * asked
