"""A Motion put on a face: regions, sliders, and the mesh that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.data.motion import Motion
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import LIPS_INNER, LIPS_OUTER
from vidface.vision.motionfit import EYES, Person, Reading, Skull, matrix_of, vector_of

Array = NDArray[np.float64]
Region = Literal["all", "pose", "expression", "eyes", "lips"]
Mode = Literal["absolute", "relative"]

_USUAL: Final = 2.0
"""Standard deviations of an expression's coefficient from which on it is held back."""
_WIDEST: Final = 1.4
"""An eye opens no wider than so many times its own width at rest."""
_SHUT: Final = 0.3
"""A lid that comes down to this share of its way is taken to be shut."""
_CLOSED: Final = 0.02
"""Lips that are no farther apart are shut; inter-ocular distances."""
_UPPER_LIP: Final = LIPS_INNER[1:10]
_LOWER_LIP: Final = LIPS_INNER[:10:-1]


@dataclass(frozen=True, slots=True)
class Put:
    """How a Motion is put on a face.

    Attributes:
        regions: what moves; `expression` has lips and eyes in it, `all` is everything.
        expression: absolute takes the driver's expression and gaze, relative adds how they differ from
            the driver's reference.
        pose: likewise; a relative pose adds the turn from the reference's.
        eye_openness, lip_openness: factors.
    """

    regions: frozenset[Region] = frozenset({"all"})
    expression: Mode = "relative"
    pose: Mode = "relative"
    eye_openness: float = 1.0
    lip_openness: float = 1.0

    def has(self, *names: Region) -> bool:
        """One of these regions, or all, moves."""
        return "all" in self.regions or not self.regions.isdisjoint(names)


class Face:
    """A face that can be driven.

    Args:
        model: the mesh model.
        mesh: 478 x 3 pixels, finite: how it is at rest.
        person: what is known of it from other pictures, this one or not; None learns from this mesh alone.
        learn: the person is learnt from this mesh, too.
    """

    def __init__(
        self, model: MeshModel, mesh: Any, person: Person | None = None, *, learn: bool = False
    ) -> None:
        self.model = model
        self.read: Reading = (person or Person(model)).read(mesh, learn=learn or person is None)
        rows = [(list(ring[1:8]), list(ring[:8:-1])) for ring, _ in EYES]
        rows.append((list(_UPPER_LIP), list(_LOWER_LIP)))
        basis, mean = model.expression.astype(np.float64)[:, :, 1], model.mean.astype(np.float64)[:, 1]
        self._openings = np.stack([(basis[:, low] - basis[:, up]).mean(axis=1) for up, low in rows])
        self._shut = np.array([(mean[low] - mean[up]).mean() for up, low in rows])
        self.rest = Motion(
            np.asarray(vector_of(self.read.skull.rotation), np.float32),
            expression=np.asarray(self.read.expression, np.float32),
            gaze=np.asarray(self.read.gaze, np.float32),
        )

    def moved(self, motion: Motion, reference: Motion, put: Put) -> Motion:
        """What the face does when it is driven by a Motion: a Motion against its own rest place.

        Args:
            motion: of the driver; one that is not valid leaves the face at rest.
            reference: the driver at rest.
            put: how.
        """
        if not motion.valid:
            return self.rest
        rest, m = self.rest, len(self.rest.expression)
        turn, shift, scale = rest.rotation, rest.shift, rest.scale
        if put.has("pose"):
            turn, shift, scale = self._pose(motion, reference, put)
        expression, gaze = rest.expression, rest.gaze
        if put.has("expression", "eyes", "lips"):
            now, before = _long(motion.expression, m), _long(reference.expression, m)
            relative = put.expression == "relative"
            expression = self._added(now, before) if relative else self._likely(now)
            gaze = rest.gaze + motion.gaze - reference.gaze if relative else motion.gaze
        return Motion(turn, shift, scale, expression, gaze)

    def _added(self, now: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rest's expression and how `now` differs from `before`.

        Lids are as far apart as at rest in the share in which the driver's are, so that a blink shuts eyes
        of any width; lips are so much farther apart.
        """
        made = self._likely(self.rest.expression + now - before)
        rest, was, goes = (self._gaps(one) for one in (self.rest.expression, before, now))
        share = np.clip(goes[:2] / np.maximum(was[:2], 0.03), 0, _WIDEST)
        way = float(goes[2] - was[2])
        # Lips that the model takes to be pressed together at rest lose nothing of the way on that.
        way += float(np.clip(way, 0, max(-rest[2], 0.0)))
        wanted = np.array([*(rest[:2] * share), rest[2] + way])
        # The likeliest change that brings it about.
        spread = self._openings * self.model.expression_std.astype(np.float64) ** 2
        step = spread.T @ np.linalg.solve(spread @ self._openings.T, wanted - self._gaps(made))
        return np.asarray(made + step, np.float32)

    def _gaps(self, expression: Any) -> Array:
        """Of both eyes and the mouth of the mean face: ways between lids and lips."""
        return np.asarray(self._shut + self._openings @ np.asarray(expression, np.float64))

    def _likely(self, expression: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coefficients that bend where they leave what faces do, as two smiles do that add up."""
        share = expression / self.model.expression_std
        over = np.abs(share) > _USUAL
        if not over.any():
            return expression
        way = np.abs(share[over]) - _USUAL
        bent = expression.copy()
        bent[over] = np.sign(share[over]) * (_USUAL + np.tanh(way)) * self.model.expression_std[over]
        kept = np.maximum(np.abs(bent), np.minimum(np.abs(expression), np.abs(self.rest.expression)))
        return np.asarray(np.sign(expression) * kept, np.float32)

    def _pose(self, motion: Motion, reference: Motion, put: Put) -> tuple[Any, Any, float]:
        turn: Any = motion.rotation
        if put.pose == "relative":
            way = matrix_of(motion.rotation) @ matrix_of(reference.rotation).T
            turn = vector_of(way @ matrix_of(self.rest.rotation)).astype(np.float32)
        return turn, motion.shift - reference.shift, motion.scale / reference.scale

    def mesh(self, motion: Motion, put: Put) -> NDArray[np.float32]:
        """478 x 3 pixels of the face under a Motion of its own (from `moved`)."""
        shape = self.read.shape.copy()
        change = np.asarray(motion.expression, np.float64) - self.read.expression
        if change.any() or put.lip_openness != 1 or put.eye_openness != 1:
            way = np.tensordot(change, self.model.expression.astype(np.float64), 1)
            shape += way * self._weights(put)[:, None]
            self._eyes(shape, motion, put)
            self._lips(shape, motion, put)
        if put.has("expression", "eyes"):
            _look(shape, self.read, motion.gaze)
        skull = self.read.skull
        place = skull.shift + np.asarray(motion.shift, np.float64) * skull.scale
        return Skull(matrix_of(motion.rotation), skull.scale * motion.scale, place).apply(shape)

    def _weights(self, put: Put) -> Array:
        """478: how far each point follows the expression."""
        if put.has("expression"):
            return np.ones(len(self.model.mean))
        mean, weights = self.model.mean.astype(np.float64), np.zeros(len(self.model.mean))
        if put.has("lips"):
            weights = _ramp(mean[:, 1], 0.55, 0.75) * _ramp(-np.abs(mean[:, 0]), -1.15, -0.8)
        if put.has("eyes"):
            for ring, _ in EYES:
                away = np.linalg.norm(mean[:, :2] - mean[list(ring), :2].mean(axis=0), axis=1)
                weights = np.maximum(weights, _ramp(-away, -0.5, -0.3))
        return weights

    def _eyes(self, shape: Array, motion: Motion, put: Put) -> None:
        """The lids as far apart as the driver's are, in shares of the rest; in place."""
        if not put.has("expression", "eyes"):
            return
        for place, (ring, _) in enumerate(EYES):
            upper, lower = list(ring[1:8]), list(ring[:8:-1])
            own = _gaps(self.read.shape, upper, lower)
            rest, now = (self._gaps(e)[place] for e in (self.read.expression, motion.expression))
            share = put.eye_openness * now / max(rest, 0.02)
            share = float(np.clip(share, 0, _WIDEST))
            share = 0.0 if share < _SHUT / 3 else share if share > _SHUT else 1.5 * share - _SHUT / 2
            shape[upper, 1] = shape[lower, 1] - np.maximum(own * share, 0.004)

    def _lips(self, shape: Array, motion: Motion, put: Put) -> None:
        """The lips as far apart as they should be and never through each other; in place."""
        upper, lower = list(_UPPER_LIP), list(_LOWER_LIP)
        rest, now = (float(self._gaps(e)[2]) for e in (self.read.expression, motion.expression))
        if not put.has("expression", "lips"):
            now = rest
        gaps, own = _gaps(shape, upper, lower), _gaps(self.read.shape, upper, lower)
        wanted = _opening(float(own.mean()), rest, now) * put.lip_openness
        down = wanted - float(gaps.mean())
        shape[:, 1] += down * _below(self.model.mean)
        gaps = _gaps(shape, upper, lower)
        over = np.minimum(gaps, 0.0)
        shape[upper, 1] += over / 2
        shape[lower, 1] -= over / 2


def _gaps(shape: Any, upper: list[int], lower: list[int]) -> Array:
    return np.asarray(shape[lower, 1] - shape[upper, 1], np.float64)


def _opening(own: float, rest: float, now: float) -> float:
    """How far lips are apart that are `own` apart where the model says `rest`, when it says `now`.

    They open by the way that the model says, and close in proportion, whatever it does not say of them.
    """
    if now >= max(rest, 0.0):
        return own + now - max(rest, 0.0)
    if rest > _CLOSED:
        return own * max(now, 0.0) / rest
    return own if now >= rest else max(0.0, own + now - rest)


def _below(mean: Any) -> Array:
    """478: how far each point goes along with the lower lip."""
    corner, row = mean[LIPS_INNER[10]], float(mean[LIPS_INNER[10], 1])
    low = (mean[:, 1] > row).astype(np.float64)
    low[[*_LOWER_LIP, *LIPS_OUTER[11:]]] = 1
    low[[*_UPPER_LIP, LIPS_INNER[0], LIPS_INNER[10]]] = 0
    along = np.clip(1 - (mean[:, 0] / (1.05 * float(corner[0]))) ** 2, 0, 1)
    fade = 1 - _ramp(mean[:, 1].astype(np.float64), row + 0.3, float(mean[152, 1]))
    return np.asarray(low * along * fade, np.float64)


def _look(shape: Array, read: Reading, gaze: Any) -> None:
    """The irises where they look; in place."""
    for (ring, iris), wanted in zip(EYES, gaze, strict=True):
        start, end = read.shape[ring[0]], read.shape[ring[8]]
        width = float(np.linalg.norm((end - start)[:2]))
        middle = (shape[ring[0]] + shape[ring[8]]) / 2
        centre = middle[:2] + np.clip(wanted, (-0.32, -0.2), (0.32, 0.2)) * width
        shape[list(iris)] = read.shape[list(iris)]
        shape[list(iris), :2] += centre - read.shape[iris[0], :2]


def _ramp(values: Any, low: float, high: float) -> Array:
    """0 up to low, 1 from high on, smooth between."""
    part = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float64)


def _long(values: Any, length: int) -> NDArray[np.float32]:
    """Cut or padded with zeros."""
    out = np.zeros(length, np.float32)
    out[: min(length, len(values))] = values[:length]
    return out
