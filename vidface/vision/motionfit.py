"""How a face moves, taken off its meshes, and put on the face of somebody else.

A mesh is skull (place, turn, size) times (who it is + expression). The expression is what is left when the
person's own shape, learnt over the frames of a track, is taken off; so nothing of the driver's shape goes
over to the face that is driven. Likewise that face keeps all of its own shape, what the model cannot say
about it included: at rest its mesh is the very mesh that was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import POINTS
from vidface.data.motion import Motion
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, LIPS_INNER
from vidface.vision.rigid import Similarity, fit_robust

Array = NDArray[np.float64]

_NOISE: Final = 0.02
_CLEAR: Final = 3.0
"""Points of lids and lips lie on edges that are plain to see: they count so many times."""
_MEMORY: Final = 250.0
"""Frames that a person's shape is learnt over."""
_ROUNDS: Final = 3
_SAME: Final = 0.02
"""A person whose coefficients changed by less is known as before: 0.1 % of the eyes' distance.

At a quarter of it a driver's rest would be taken apart anew in every other of the first hundred frames.
"""

EYES: Final = ((EYE_RIGHT, IRIS_RIGHT), (EYE_LEFT, IRIS_LEFT))
"""Ring and iris of the eye that is left in the picture, and of the other."""


class Skull(NamedTuple):
    """Where a skull lies in the picture: shape * scale @ rotation.T + shift."""

    rotation: Array
    scale: float
    shift: Array

    def apply(self, shape: Any) -> NDArray[np.float32]:
        """478 x 3 in the model's unit -> pixels."""
        return np.asarray(np.asarray(shape) @ self.rotation.T * self.scale + self.shift, np.float32)

    def undo(self, mesh: Any) -> Array:
        """Pixels -> the model's unit, facing the viewer."""
        return np.asarray((np.asarray(mesh, np.float64) - self.shift) @ self.rotation / self.scale)


def vector_of(rotation: Any) -> Array:
    """3 x 3 -> rotation vector, radians."""
    return np.asarray(cv2.Rodrigues(np.asarray(rotation, np.float64))[0], np.float64).reshape(3)


def matrix_of(vector: Any) -> Array:
    """Rotation vector, radians -> 3 x 3."""
    return np.asarray(cv2.Rodrigues(np.asarray(vector, np.float64).reshape(3))[0], np.float64)


class Reading(NamedTuple):
    """A mesh taken apart.

    Attributes:
        skull: where it lies. shape: 478 x 3, the mesh without that.
        expression: m coefficients. gaze: see `Motion`.
    """

    skull: Skull
    shape: Array
    expression: Array
    gaze: Array


class Person:
    """One person's meshes taken apart, one after the other; who it is is learnt on the way.

    Identity and expression are the maximum of their posterior under the model's standard deviations and
    independent errors of the points; the identity's equations are summed over the frames, each frame's
    expression eliminated (Schur complement), as `MeshFitter` does for frames that are all there.

    Args:
        model: the mesh model.
    """

    def __init__(self, model: MeshModel) -> None:
        self.model = model
        weights = np.ones(POINTS)
        weights[[*EYE_RIGHT, *EYE_LEFT, *LIPS_INNER]] = _CLEAR
        weights[468:] = 0
        self._weights = np.repeat(weights, 3) / _NOISE**2
        k = len(model.identity)
        basis = np.concatenate([model.identity, model.expression]).reshape(-1, POINTS * 3).astype(np.float64)
        self._heavy = basis * self._weights
        gram = self._heavy @ basis.T
        deviations = np.concatenate([model.identity_std, model.expression_std]).astype(np.float64)
        self._prior, self._k = np.diag(1 / deviations**2), k
        self._mixed = gram[:k, k:]
        self._own_inverse = np.linalg.inv(gram[k:, k:] + self._prior[k:, k:])
        self._through = self._mixed @ self._own_inverse
        self._left = gram[:k, :k] - self._through @ self._mixed.T
        self._right = np.zeros(k)
        self._count = 0.0
        self.identity: Array = np.zeros(k)

    @property
    def neutral(self) -> Array:
        """478 x 3, the person's face without expression as far as it is known."""
        shape = self.model.mean + np.tensordot(self.identity, self.model.identity.astype(np.float64), 1)
        return np.asarray(shape, np.float64)

    def read(self, mesh: Any, *, learn: bool = True) -> Reading:
        """Take a mesh apart.

        Args:
            mesh: 478 x 3, finite, pixels.
            learn: the mesh also tells who the person is.
        """
        points = np.asarray(mesh, np.float64)
        right, count, skull = self._right, self._count, self._placed(points, self.neutral)
        for _ in range(1 if count or not learn else _ROUNDS):
            pull = self._heavy @ (skull.undo(points) - self.model.mean).ravel()
            if learn:
                keep = min(1.0, _MEMORY / (count + 1))
                self._right = keep * (right + pull[: self._k] - self._through @ pull[self._k :])
                self._count = keep * (count + 1)
                left = self._count * self._left + self._prior[: self._k, : self._k]
                self.identity = np.asarray(np.linalg.solve(left, self._right), np.float64)
            expression = self._own_inverse @ (pull[self._k :] - self.identity @ self._mixed)
            moved = self.neutral + np.tensordot(expression, self.model.expression.astype(np.float64), 1)
            skull = self._placed(points, moved)
        shape = skull.undo(points)
        return Reading(skull, shape, expression, gaze_of(shape))

    def _placed(self, points: Array, shape: Array) -> Skull:
        stable = self.model.stable
        fit: Similarity = fit_robust(shape[stable], points[None, stable], steps=2).similarity
        return Skull(fit.rotations[0], float(fit.scales[0]), fit.shifts[0])


class Driver:
    """The meshes of one driving face -> Motions, against the place of its most neutral first one.

    Who it is becomes known on the way, and what was taken for expression at first turns out to be the
    person. So that first mesh is taken apart anew as the person gets known: a driver who is back in it is
    back at rest, however long it talked.

    Args:
        model: the mesh model.
        first: its first mesh and perhaps some that come after it; without any, the first that is driven by.
    """

    def __init__(self, model: MeshModel, first: Sequence[Any] = ()) -> None:
        self._person = Person(model)
        self._rest: tuple[Any, Reading, Array] | None = None
        for mesh in first:
            self._person.read(mesh)
        if len(first):
            reads = [self._person.read(mesh, learn=False) for mesh in first]
            calmest = min(range(len(first)), key=lambda place: strain_of(reads[place], model))
            self._rest = np.array(first[calmest]), reads[calmest], self._person.identity

    @property
    def reference(self) -> Motion:
        """The Motion of the most neutral first mesh, as the person is known by now; without one at rest."""
        return Motion() if self._rest is None else motion_of(self._rest[1], self._rest[1].skull)

    def __call__(self, mesh: Any) -> Motion:
        """The Motion of the next mesh, 478 x 3 finite pixels, with the reference's expression as of now."""
        read = self._person.read(mesh)
        who = self._person.identity
        if self._rest is None:
            self._rest = np.array(mesh), read, who
        rest, reading, known = self._rest
        if np.linalg.norm(who - known) > _SAME:
            reading = self._person.read(rest, learn=False)
            self._rest = rest, reading, who
        return replace(motion_of(read, reading.skull), neutral=np.asarray(reading.expression, np.float32))


def strain_of(read: Reading, model: MeshModel) -> float:
    """How far a face is from a neutral one that looks at the viewer."""
    turn = float(np.linalg.norm(vector_of(read.skull.rotation))) / 0.2
    usual = float(((read.expression / model.expression_std) ** 2).mean())
    lids = min(float(read.shape[ring[12], 1] - read.shape[ring[4], 1]) for ring in (EYE_RIGHT, EYE_LEFT))
    lips = max(0.0, float(read.shape[14, 1] - read.shape[13, 1]))
    # Parted lips and falling lids say most of all that somebody is just saying or doing something.
    return turn**2 + 4 * usual + (max(0.0, lips - 0.04) / 0.05) ** 2 + (max(0.0, 0.12 - lids) / 0.03) ** 2


def motion_of(read: Reading, rest: Skull) -> Motion:
    """A mesh that was taken apart as a Motion against a rest place."""
    shift = (read.skull.shift - rest.shift) / rest.scale
    shift[2] = 0
    return Motion(
        np.asarray(vector_of(read.skull.rotation), np.float32),
        np.asarray(shift, np.float32),
        read.skull.scale / rest.scale,
        np.asarray(read.expression, np.float32),
        np.asarray(read.gaze, np.float32),
    )


def gaze_of(shape: Any) -> Array:
    """2 x 2, irises of a face that faces the viewer against the middles of the eyes, in eye widths."""
    rows = []
    for ring, iris in EYES:
        start, end = (np.asarray(shape)[ring[place], :2] for place in (0, 8))
        width = max(1e-6, float(np.linalg.norm(end - start)))
        rows.append((np.asarray(shape)[iris[0], :2] - (start + end) / 2) / width)
    return np.asarray(rows, np.float64)
