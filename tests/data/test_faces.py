"""Faces are checked where they are made, so that the blame falls on who made them."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data import Faces

BOX = (10, 10, 50, 50)


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.1, float("inf")])
def test_scores_outside_of_0_to_1_are_refused(score: float) -> None:
    """NaN passed, and a sink was blamed for it: "not JSON compliant"."""
    with pytest.raises(ValueError, match=r"Faces.scores must lie in \[0, 1\]"):
        Faces.of([BOX, BOX], scores=[0.5, score])


@pytest.mark.parametrize("box", [(np.nan, 0, 9, 9), (0, 0, np.inf, 9)])
def test_boxes_that_are_not_finite_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"Faces\.boxes must be finite"):
        Faces.of([BOX, box])


def test_boxes_whose_sides_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Faces\.boxes must have finite sides"):
        Faces.of([(-3e38, -3e38, 3e38, 3e38)])


def test_nobody_and_the_ends_of_the_scale_are_fine() -> None:
    assert len(Faces.none()) == 0
    assert Faces.of([BOX, BOX], scores=[0, 1]).scores.tolist() == [0, 1]
