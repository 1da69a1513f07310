"""A made prior, for vectors of any length."""

from __future__ import annotations

from typing import Any

import numpy as np

from vidface.vision import facegeometry, manner
from vidface.vision.personprior import PersonPrior


def made_prior(dimension: int, **changed: Any) -> PersonPrior:
    """People around 0; one's own pictures have a cosine of 0.7 +- 0.1 to one's references."""
    usual = np.array([[0.7, 0, 0, 0], [0.1, 0, 0, 0]])
    zero = np.zeros(dimension)
    arrays: dict[str, Any] = {
        "embedder": np.array("made@000000000000"), "mesh_model": np.array("mesh@000000000000"),
        "vector_mean": zero, "inner_mean": zero, "outer_mean": zero,
        "whole": usual, "inner": usual, "outer": usual, "parted": np.array([0.0, 1.2]),
        "shape_pose": np.zeros((facegeometry.POSE_TERMS, facegeometry.SIZE)),
        "shape_cov": np.eye(facegeometry.SIZE) * 0.02**2,
        "shape_level": np.array([[3.6, 0.7], [3.6, 0.7]]),
        "manner_mean": np.zeros(manner.SIZE), "manner_level": np.array([0.4, 0.2]),
        "drift": np.array([1.5, 0.3, 0.35, 0.55]), "drift_sd": np.array([0.23]),
    }  # fmt: skip
    return PersonPrior(**(arrays | changed))
