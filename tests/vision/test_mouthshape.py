"""Mouth: the linear maps on the mesh model's expression, checked on the shapes that come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidface.vision.meshmodel import MeshModel
from vidface.vision.mouthshape import LOWER_LIP, UPPER_LIP, Mouth


@pytest.fixture(scope="module")
def mouth(repo: Path) -> Mouth:
    return Mouth(MeshModel.load(repo / "models" / "vidface-meshmodel" / "model.npz"))


@pytest.fixture
def expressions(mouth: Mouth) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, (50, len(mouth.model.expression))) * mouth.model.expression_std


def test_the_gap_is_that_of_the_shape(mouth: Mouth, expressions: np.ndarray) -> None:
    shapes = mouth.model.shapes(None, expressions)
    assert mouth.gap(expressions) == pytest.approx(
        shapes[:, LOWER_LIP, 1] - shapes[:, UPPER_LIP, 1], abs=1e-9
    )


def test_a_closed_mouth_has_the_gap_that_was_asked_for(mouth: Mouth, expressions: np.ndarray) -> None:
    assert mouth.gap(mouth.closed(expressions)) == pytest.approx(np.zeros(50), abs=1e-9)
    assert mouth.gap(mouth.closed(expressions[0], gap=0.05)) == pytest.approx(0.05)


def test_closing_leaves_eyes_and_brows_alone(mouth: Mouth, expressions: np.ndarray) -> None:
    moved = mouth.model.shapes(None, mouth.closed(expressions)) - mouth.model.shapes(None, expressions)
    above = np.sqrt((moved[:, mouth.weights == 0] ** 2).sum(-1).mean())
    lips = np.sqrt((moved[:, mouth.weights == 1] ** 2).sum(-1).mean())
    assert above < 0.15 * lips


def test_the_lower_part_moves_lips_and_leaves_the_rest(mouth: Mouth, expressions: np.ndarray) -> None:
    """Of what an expression does to lips and jaw over nine tenths stay, and little of what it does above."""
    low = expressions @ mouth.lower.T
    whole, part = (mouth.model.shapes(None, given) - mouth.model.mean for given in (expressions, low))
    lips, above = mouth.weights > 0, mouth.weights == 0

    def size(ways: np.ndarray) -> float:
        return float(np.sqrt((ways**2).sum(-1).mean()))

    assert size((whole - part)[:, lips]) < 0.15 * size(whole[:, lips])
    assert size(part[:, above]) < 0.5 * size(whole[:, above])


def test_shut_lids_are_shut_and_the_mouth_stays(mouth: Mouth) -> None:
    mean = mouth.model.mean
    shut = mouth.model.shapes(None, mouth.lids_shut()[None])[0]
    for upper, lower in ((159, 145), (386, 374)):
        assert shut[lower, 1] - shut[upper, 1] < 0.15 * (mean[lower, 1] - mean[upper, 1])
    assert np.abs(shut - mean)[mouth.weights == 1].max() < 0.03
