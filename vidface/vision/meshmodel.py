"""MeshModel: a linear model of the face mesh - mean, identity and expression bases, stable points.

Unit: 1 is the mean inter-ocular distance (between the middles of each eye's corners). Origin: the
centroid of the stable points of the mean. Axes as in `Meshes`: x to the right, y down, z away from the
viewer; the mean looks straight at the viewer and is its own mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.data.mesh import POINTS
from vidface.data.npz import read_npz
from vidface.errors import ModelError
from vidface.vision.rigid import RobustFit, Similarity, fit_robust

Array = NDArray[np.float64]

_NOISE: Final = 0.02
"""What the mesh of a picture is off by, in inter-ocular distances: how far fits trust a single face."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshModel:
    """A face is mean + sum of a_i identity_i + sum of b_j expression_j.

    Attributes:
        mean: 478 x 3 float32.
        identity: k x 478 x 3 float32, orthonormal: what differs between people.
        identity_std: k float32, standard deviation of each coefficient over people.
        expression: m x 478 x 3 float32, orthonormal: what differs within a person.
        expression_std: m float32, standard deviation of each coefficient over frames.
        stable: 478 bool, points that keep their place on the skull whatever the face does.
        triangles: t x 3 int32 point numbers, counter-clockwise for the viewer of a frontal face; mouth
            and eyes are open.
    """

    mean: NDArray[np.float32]
    identity: NDArray[np.float32]
    identity_std: NDArray[np.float32]
    expression: NDArray[np.float32]
    expression_std: NDArray[np.float32]
    stable: NDArray[np.bool_]
    triangles: NDArray[np.int32]

    def __post_init__(self) -> None:
        k, m = len(self.identity), len(self.expression)
        for name, dtype, shape in (
            ("mean", np.float32, (POINTS, 3)),
            ("identity", np.float32, (None, POINTS, 3)),
            ("identity_std", np.float32, (k,)),
            ("expression", np.float32, (None, POINTS, 3)),
            ("expression_std", np.float32, (m,)),
            ("stable", np.bool_, (POINTS,)),
            ("triangles", np.int32, (None, 3)),
        ):
            array = frozen_array(f"MeshModel.{name}", getattr(self, name), dtype=dtype, shape=shape)
            object.__setattr__(self, name, array)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"MeshModel.{name} must be finite, but holds NaN or infinity")
        if self.stable.sum() < 4:
            raise ValueError(f"MeshModel.stable must mark 4 points or more, but marks {self.stable.sum()}")
        for name in ("identity_std", "expression_std"):
            if (getattr(self, name) <= 0).any():
                raise ValueError(f"MeshModel.{name} must be above 0")
        if self.triangles.size and not (self.triangles.min() >= 0 and self.triangles.max() < POINTS):
            raise ValueError(f"MeshModel.triangles must name points 0 to {POINTS - 1}")

    @classmethod
    def load(cls, path: Path) -> MeshModel:
        """Read a .npz file with one array for each attribute.

        Raises:
            ModelError: the file cannot be read, lacks an array, or an array is not as described.
        """
        try:
            names = [field.name for field in fields(cls)]
            arrays = read_npz(path, (), optional=names)
            lacking = [name for name in names if name not in arrays]
            if lacking:
                raise ModelError(f"{path}: a mesh model needs the array {', '.join(lacking)}.")
            return cls(**arrays)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: no mesh model can be read from it ({error}).") from error

    def save(self, path: Path) -> None:
        """Write the arrays to a .npz file, compressed."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    def shapes(self, identity: Any = None, expression: Any = None) -> Array:
        """n x (up to k) and n x (up to m) coefficients -> n x 478 x 3; None stands for zeros."""
        parts = [
            np.tensordot(np.asarray(given, np.float64), basis[: np.shape(given)[1]], axes=1)
            for given, basis in ((identity, self.identity), (expression, self.expression))
            if given is not None
        ]
        whole: Array = self.mean.astype(np.float64) + sum(parts, np.zeros((1, POINTS, 3)))
        return whole

    def place(self, points: Any, *, steps: int = 4) -> RobustFit:
        """How the skull lies: the similarity that takes the mean's stable points to those of n meshes.

        Args:
            points: n x 478 x 3, finite, pixels.
            steps: see `fit_robust`.
        """
        rows = np.asarray(points, np.float64)[:, self.stable]
        return fit_robust(self.mean[self.stable], rows, steps=steps)


@dataclass(frozen=True, slots=True, eq=False)
class MeshFit:
    """n fits of the model.

    Attributes:
        similarity: takes the model's shapes to the meshes.
        identity: n x k float64 coefficients.
        expression: n x m float64.
        residuals: n float64, root mean square distance of the points from the model, in its unit.
    """

    similarity: Similarity
    identity: Array
    expression: Array
    residuals: Array


class MeshFitter:
    """Fits coefficients and pose by turns: pose on the stable points, then all coefficients at once.

    The coefficients are the maximum of their posterior: each has a normal prior with the model's
    standard deviation, the points have independent errors of `noise`. Points are the model's unit
    after the pose is taken off. The equations are solved once, here; a fit is a few products.

    Args:
        model: the model.
        noise: standard deviation of a coordinate, inter-ocular distances; larger trusts the prior more.
        one_person: the rows of one call share one identity.
    """

    def __init__(self, model: MeshModel, *, noise: float = _NOISE, one_person: bool = False) -> None:
        if not noise > 0:
            raise ValueError(f"noise must be above 0, but is {noise}")
        self.model = model
        self.one_person = one_person
        self._noise = noise
        self._identity = model.identity.reshape(-1, POINTS * 3).astype(np.float64)
        self._expression = model.expression.reshape(-1, POINTS * 3).astype(np.float64)
        self._basis = np.concatenate([self._identity, self._expression])
        self._prior = 1 / np.concatenate([model.identity_std, model.expression_std]).astype(np.float64) ** 2
        self._gram = self._basis @ self._basis.T / noise**2

    def fit(self, points: Any, *, rounds: int = 3) -> MeshFit:
        """Fit n meshes.

        Args:
            points: n x 478 x 3, finite, pixels.
            rounds: turns of pose and coefficients.

        Raises:
            ValueError: no rows with `one_person`, or points that are not finite.
        """
        rows = np.asarray(points, np.float64)
        if self.one_person and not len(rows):
            raise ValueError("one person's fit needs one mesh or more, but got none")
        stable = self.model.stable
        similarity = self.model.place(rows).similarity
        solution = np.zeros((len(rows), len(self._basis)))
        shapes = np.broadcast_to(self.model.mean.astype(np.float64), rows.shape)
        for _ in range(rounds):
            solution = self._solve((similarity.undo(rows) - self.model.mean).reshape(len(rows), -1))
            shapes = self.model.mean + (solution @ self._basis).reshape(rows.shape)
            similarity = fit_robust(shapes[:, stable], rows[:, stable], steps=1).similarity
        error = similarity.undo(rows) - shapes
        k = len(self._identity)
        rms = np.sqrt((error**2).sum(axis=2).mean(axis=1))
        return MeshFit(similarity, solution[:, :k], solution[:, k:], rms)

    def _solve(self, offsets: Array) -> Array:
        """n x 1434 offsets from the mean -> n x (k + m) coefficients."""
        pull = offsets @ self._basis.T / self._noise**2
        if not self.one_person:
            solution: Array = np.linalg.solve(self._gram + np.diag(self._prior), pull.T).T
            return solution
        return self._solve_together(pull)

    def _solve_together(self, pull: Array) -> Array:
        """One identity for all rows: eliminate each row's expression (Schur complement), then go back."""
        n, k = len(pull), len(self._identity)
        own = self._gram[k:, k:] + np.diag(self._prior[k:])
        mixed = self._gram[:k, k:]
        through = np.linalg.solve(own, mixed.T).T
        left = n * (self._gram[:k, :k] - through @ mixed.T) + np.diag(self._prior[:k])
        right = (pull[:, :k] - pull[:, k:] @ through.T).sum(axis=0)
        identity = np.linalg.solve(left, right)
        expression = np.linalg.solve(own, (pull[:, k:] - identity @ mixed).T).T
        return np.concatenate([np.broadcast_to(identity, (n, k)), expression], axis=1)
