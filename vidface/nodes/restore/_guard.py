"""The identity guard: how much of a restored face may show without changing who it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.vision.looks import Looks, weights_of

Vector = NDArray[np.float32]

_ROOM: Final = 24
_FEWEST: Final = 3
"""Looks of the track itself that are needed before they say who it is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When the guard acts.

    Attributes:
        margin: drop of the cosine to the track's own looks that is let pass.
        known: the same where the person is known from elsewhere.
        span: further drop over which the restored face fades to nothing.
        ease_s: seconds in which the blend follows.
    """

    margin: float
    known: float = 0.02
    span: float = 0.15
    ease_s: float = 0.4


class Verdict(NamedTuple):
    """What the guard says of one frame of a face.

    Attributes:
        share: how much of the restored face shows, 0 to 1.
        before, after: cosine to the person of the picture as it was, and restored; NaN where not judged.
    """

    share: float
    before: float = math.nan
    after: float = math.nan


class Guard:
    """The guard of one track.

    Who the person is, is said by the given vector, else by the best looks of the track so far,
    weighted by recognisability. While neither says anything, restoration passes.
    """

    def __init__(self, rules: Rules, person: Vector | None = None) -> None:
        self._rules = rules
        self._person = person
        self._looks = Looks(_ROOM)
        self._share, self._aim, self._asked = 1.0, 1.0, 0
        self._last: float | None = None
        self._verdict = Verdict(1.0)

    def know(self, person: Vector | None) -> None:
        """From now on this vector says who it is; None: the track's own looks do."""
        self._person = person

    @property
    def young(self) -> bool:
        """It has not yet been asked so often that the track's own looks could say something."""
        return self._person is None and self._asked <= _FEWEST

    @property
    def best(self) -> Vector | None:
        """The vector that says who it is; None while nothing does."""
        if self._person is not None:
            return self._person
        return self._looks.fused if len(self._looks.vectors) >= _FEWEST else None

    def judge(self, was: Vector, now: Vector, sure: float, frame: int) -> None:
        """Take in a pair of embeddings.

        Args:
            was, now: of the face as it was, and restored.
            sure: recognisability of the first; NaN from an embedder that does not tell it.
        """
        self._asked += 1
        best = self.best
        if best is not None:
            before, after = float(was @ best), float(now @ best)
            margin = self._rules.margin if self._person is None else self._rules.known
            drop = before - after - margin
            self._aim = float(np.clip(1 - drop / self._rules.span, 0, 1))
            self._verdict = Verdict(self._share, before, after)
        self._looks.add(was, float(weights_of([sure])[0]), frame)

    def step(self, time: float) -> Verdict:
        """The share for the frame at `time`, which follows the last verdict smoothly."""
        if self._last is None:
            self._share = self._aim
        else:
            follow = 1 - math.exp(-max(0.0, time - self._last) / self._rules.ease_s)
            self._share += follow * (self._aim - self._share)
        self._last = time
        return self._verdict._replace(share=self._share)
