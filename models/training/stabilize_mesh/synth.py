"""Pairs of meshes of one person whose skulls' true motion is known, made from the mesh model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshmodel import MeshFitter, MeshModel
from vidface.vision.meshstab import Array, motion_of, moved

NOISE = 0.006
"""Standard deviation of a coordinate, inter-ocular distances: that of a network's mesh, not of a scan."""


class Pairs(NamedTuple):
    """Two meshes (n x 478 x 3, inter-ocular distances) and the truth (n x 4 x 4): moving to reference."""

    reference: Array
    moving: Array
    truth: Array


class Source:
    """Coefficients to draw from.

    People and expressions of one part (train, val, test) as the model's fit finds them in labelled meshes:
    identities in portraits, expressions in clips. What is drawn is a mixture of two people (or of two
    expressions) with a little of the model's own spread, so that no two are alike.
    """

    def __init__(self, model: MeshModel, pack: Path, part: str) -> None:
        self.model = model
        fitter = MeshFitter(model)
        self.identity = fitter.fit(_meshes(pack / "faces", part, 1500)).identity
        self.expression = fitter.fit(_meshes(pack / "clips", part, 1500)).expression

    def pairs(self, count: int, rng: np.random.Generator, *, noise: float = NOISE) -> Pairs:
        """Draw."""
        who = _mixed(self.identity, self.model.identity_std, count, rng)
        faces = [_mixed(self.expression, self.model.expression_std, count, rng) for _ in range(2)]
        meshes = [self.model.shapes(who, face) for face in faces]
        motions = [motion_of(_random_motion(count, rng)) for _ in range(2)]
        there, here = (moved(mesh, motion) for mesh, motion in zip(meshes, motions, strict=True))
        tremble = [rng.normal(0, noise, there.shape) * (1, 1, 1.5) for _ in range(2)]
        truth = motions[0] @ np.linalg.inv(motions[1])
        return Pairs(there + tremble[0], here + tremble[1], truth)


def _meshes(folder: Path, part: str, most: int) -> NDArray[np.float32]:
    items = np.load(folder / "items.npz")
    rows = np.flatnonzero(items["part"] == part)
    return items["points"][rows[:: max(1, len(rows) // most)]]


def _mixed(rows: Array, spread: Any, count: int, rng: np.random.Generator) -> Array:
    one, other = rows[rng.integers(len(rows), size=count)], rows[rng.integers(len(rows), size=count)]
    share = rng.uniform(0, 1, (count, 1))
    # A mixture is tamer than either; the factor gives it their spread again.
    mixed = (share * one + (1 - share) * other) / np.sqrt(share**2 + (1 - share) ** 2)
    return mixed + rng.normal(0, 0.25, mixed.shape) * np.asarray(spread, np.float64)


def _random_motion(count: int, rng: np.random.Generator) -> Array:
    """Turns of some 25 degrees, shifts of some two inter-ocular distances."""
    return np.concatenate([rng.normal(0, 0.25, (count, 3)), rng.normal(0, 2.0, (count, 3))], 1)
