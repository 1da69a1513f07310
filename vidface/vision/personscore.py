"""Looks of a clip held against references of a person: how far off they are, in standard deviations.

Each test measures first how far the references lie from one another, each left out in turn, and then how far
the clip lies from them. Few references know little of their own spread; what is usual among real people
(`PersonPrior`) fills in, the less the more references there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data.person import PersonReferences
from vidface.vision.facegeometry import DISTANCES
from vidface.vision.looks import fuse
from vidface.vision.personlook import Look
from vidface.vision.personprior import PersonPrior, terms

Array = NDArray[np.float64]

OWN_LEAST: Final = 3
"""Recordings without which the references' own spread is not asked."""
_TRUST: Final = 8.0
"""The prior counts as so many references."""
_SHAPE_TRUST: Final = 30.0
_FAR: Final = 4.0
"""Parts of a face that are so far off are somebody else's; how much farther says nothing more."""


class Score(NamedTuple):
    """A score in standard deviations, and the numbers behind it."""

    score: float
    details: dict[str, float]


@dataclass(frozen=True, slots=True)
class Level:
    """What is usual of a number: mean, standard deviation, and how many own references said so."""

    mean: float
    sd: float
    own: int

    def blend(self, values: Array) -> Level:
        """Taken together with values of the references themselves, each left out in turn."""
        if len(values) < OWN_LEAST:
            return self
        count = len(values)
        mean = (_TRUST * self.mean + float(values.sum())) / (_TRUST + count)
        # About the common mean, so that references that disagree with the prior widen the spread.
        squares = _TRUST * (self.sd**2 + (self.mean - mean) ** 2) + float(((values - mean) ** 2).sum())
        return Level(mean, math.sqrt(squares / (_TRUST + count)), count)


class Likeness:
    """Cosines to the centre of references, around the mean of people.

    Args:
        vectors: n x d of unit length, n of 1 or more. source: n, which recording each comes from.
        mean: d, of people. usual: 2 x TERMS, see `PersonPrior.whole`.
        sure: n, recognisabilities.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        source: NDArray[np.int64],
        *,
        mean: Array,
        usual: Array,
        sure: Array,
    ) -> None:
        self._mean, self._usual = mean, usual
        rows = _around(vectors, mean)
        # One vector a recording: a long clip is one occasion, however many looks were taken of it.
        self._numbers = np.unique(source)
        self._rows = np.stack([fuse(rows[source == number]) for number in self._numbers])
        self._sure = np.array([_mean_of(sure[source == number]) for number in self._numbers])
        self.centre = fuse(self._rows).astype(np.float64)
        own = self.left_out()
        expected = [self._prior(max(1, self.count - 1), chance) for chance in self._sure]
        # In units of what was to be expected of each, so that blurred and sharp references count alike.
        self._own = np.array([(v - e.mean) / e.sd for v, e in zip(own, expected, strict=False)])

    @property
    def count(self) -> int:
        """Recordings."""
        return len(self._rows)

    def left_out(self) -> Array:
        """Cosine of each recording to the centre of the others; nothing with fewer than two."""
        if self.count < 2:
            return np.zeros(0)
        places = np.arange(self.count)
        return np.array([float(self._rows[i] @ fuse(self._rows[places != i])) for i in places])

    def sigmas_left_out(self) -> Array:
        """The same, in the prior's standard deviations; negative is less alike."""
        return self._own

    def cosine(self, vector: NDArray[np.float32]) -> float:
        """Of one vector."""
        return float(_around(vector[None], self._mean)[0] @ self.centre)

    def sigmas(self, vector: NDArray[np.float32], recognisability: float) -> float:
        """How much more alike than usual of this person, in standard deviations; negative is less alike."""
        level = Level(0.0, 1.0, 0).blend(self._own)
        return (self.sigmas_by_prior(vector, recognisability) - level.mean) / level.sd

    def sigmas_by_prior(self, vector: NDArray[np.float32], recognisability: float) -> float:
        """How much more alike than usual of people, in the prior's standard deviations."""
        prior = self._prior(self.count, recognisability)
        return (self.cosine(vector) - prior.mean) / prior.sd

    def _prior(self, count: int, chance: float) -> Level:
        mean, sd = self._usual @ terms(count, chance)
        return Level(float(mean), max(float(sd), 0.03), 0)


class Appearance:
    """The track's embedding against the references."""

    def __init__(self, person: PersonReferences, prior: PersonPrior) -> None:
        self.likeness = Likeness(
            *(person.vectors, person.source),
            mean=prior.vector_mean,
            usual=prior.whole,
            sure=person.recognisability.astype(np.float64),
        )

    def __call__(self, look: Look) -> Score:
        """High is unlike."""
        score = -self.likeness.sigmas(look.vector, look.recognisability)
        return Score(
            score,
            {
                "cosine": self.likeness.cosine(look.vector),
                "references": self.likeness.count,
                "own_spread": float(self.likeness.count >= OWN_LEAST),
                "recognisability": look.recognisability,
                "samples": look.vectors,
            },
        )


class InnerOuter:
    """Inside and outside of the face, each against the references: do both depart alike?

    Args:
        person: with one look or more whose parts were embedded.
    """

    def __init__(self, person: PersonReferences, prior: PersonPrior) -> None:
        rows = person.parted
        sure = person.recognisability[rows].astype(np.float64)
        self._parts = [
            Likeness(vectors[rows], person.source[rows], mean=mean, usual=usual, sure=sure)
            for vectors, mean, usual in (
                (person.inner, prior.inner_mean, prior.inner),
                (person.outer, prior.outer_mean, prior.outer),
            )
        ]
        # Both parts in the prior's unit, here and for a look: the own level is that of the difference.
        inner, outer = (np.clip(part.sigmas_left_out(), -_FAR, _FAR) for part in self._parts)
        self._level = Level(float(prior.parted[0]), float(prior.parted[1]), 0).blend(inner - outer)

    def __call__(self, look: Look) -> Score:
        """High says that one of the two is the references' person much more than the other."""
        inner, outer = (
            part.sigmas_by_prior(vector, look.recognisability)
            for part, vector in zip(self._parts, (look.inner, look.outer), strict=True)
        )
        near = [min(max(one, -_FAR), _FAR) for one in (inner, outer)]
        apart = (near[0] - near[1] - self._level.mean) / self._level.sd
        return Score(
            abs(apart),
            {
                "signed": apart,
                "inner_sigmas": inner,
                "outer_sigmas": outer,
                "references": self._parts[0].count,
                "samples": look.parts,
            },
        )


class Geometry:
    """Named distances of the face against the references.

    Args:
        person: with one look or more whose shape was measured.
    """

    def __init__(self, person: PersonReferences, prior: PersonPrior) -> None:
        rows = person.shaped
        self._prior = prior
        self._shapes = prior.corrected(person.shapes[rows], *person.angles[rows].T)
        clips = np.array([source.clip for source in person.sources], np.bool_)
        self._source = person.source[rows]
        numbers = np.unique(self._source)
        self._rows = np.stack([self._shapes[self._source == number].mean(axis=0) for number in numbers])
        self._clip = clips[numbers]
        self.mean = self._rows.mean(axis=0)
        spread = self._rows - self.mean
        trust = _SHAPE_TRUST if self.count >= OWN_LEAST else math.inf
        share = 1.0 if math.isinf(trust) else trust / (trust + self.count - 1)
        own = spread.T @ spread / max(1, self.count - 1)
        self._cov = share * prior.shape_cov + (1 - share) * own
        left = [self._root(self._rows[i], np.delete(self._rows, i, 0)) for i in range(self.count)]
        usual = [self._usual(clip=bool(clip)) for clip in self._clip]
        sigmas = np.array([(r - u.mean) / u.sd for r, u in zip(left, usual, strict=True) if np.isfinite(r)])
        self._level = Level(0.0, 1.0, 0).blend(sigmas)

    @property
    def count(self) -> int:
        """Recordings."""
        return len(self._rows)

    def __call__(self, look: Look) -> Score:
        """High is another shape. Details have each distance's own sigmas, signed: above 0 is longer."""
        shape = self._prior.corrected(look.shape, look.yaw, look.pitch)
        usual = self._usual(clip=look.meshes > 1)
        score = ((self._root(shape, self._rows) - usual.mean) / usual.sd - self._level.mean) / self._level.sd
        each = (shape - self.mean) / np.sqrt(np.diag(self._cov) * (1 + 1 / self.count))
        sigmas = {f"sigmas_{one.name}": float(value) for one, value in zip(DISTANCES, each, strict=True)}
        return Score(score, {"references": self.count, "samples": look.meshes, **sigmas})

    def _root(self, shape: Array, rows: Array) -> float:
        """Root of Mahalanobis' square of a shape to the mean of rows; NaN without rows."""
        if not len(rows):
            return math.nan
        away = shape - rows.mean(axis=0)
        return math.sqrt(float(away @ np.linalg.solve(self._cov, away)) / (1 + 1 / len(rows)))

    def _usual(self, *, clip: bool) -> Level:
        mean, sd = self._prior.shape_level[1 if clip else 0].tolist()
        return Level(mean, sd, 0)


def _around(vectors: NDArray[np.float32], mean: Array) -> Array:
    away = vectors.astype(np.float64) - mean
    return np.asarray(away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9))


def _mean_of(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
