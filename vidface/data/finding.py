"""Findings: what one test of forensics says of one face over a stretch of time, or why it says nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array
from vidface.data.plain import plain
from vidface.data.times import time_text

_DECIMALS: Final = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """The frames a finding is about, both ends included.

    Attributes:
        first, last: frame indices.
        start, end: times of these two frames, exact seconds.
    """

    first: int
    last: int
    start: Fraction
    end: Fraction

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last or self.start > self.end:
            raise ValueError(
                f"a stretch runs forward from frame 0 or later, but is frames {self.first} to {self.last}, "
                f"{float(self.start)} to {float(self.end)} s"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One score of one test with its meaning's name, or the reason why the test does not apply.

    Attributes:
        kind: name of the test, one of `vidface.data.findingkinds.KINDS`.
        track: the face's track; None for what concerns the whole picture or file.
        stretch: when.
        score: in the unit of the kind; NaN where the test does not apply.
        why_not: one sentence where it does not apply, else empty.
        details: named numbers behind the score: samples, references, sigmas.
        heat: h x w uint8, how much each place of the face's crop speaks for a manipulation (0 none, 255
            most); None where the test has no map.
        frame: index of the frame that `heat` was made of; -1 without one.
        picture: H x W x 3 uint8 RGB, the crop that `heat` lies over edge on edge; None where not kept.
    """

    kind: str
    track: int | None
    stretch: Stretch
    score: float = math.nan
    why_not: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
    heat: NDArray[np.uint8] | None = None
    frame: int = -1
    picture: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if math.isinf(self.score):
            raise ValueError(f"Finding.score of {self.kind} must be finite, or NaN where it does not apply")
        if math.isnan(self.score) != bool(self.why_not):
            raise ValueError(
                f"a finding of {self.kind} says either a score or why there is none, but has score "
                f"{self.score} and why_not {self.why_not!r}"
            )
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))
        if self.heat is not None:
            heat = frozen_array("Finding.heat", self.heat, dtype=np.uint8, shape=(None, None))
            object.__setattr__(self, "heat", heat)
        if self.picture is not None:
            crop = frozen_array("Finding.picture", self.picture, dtype=np.uint8, shape=(None, None, 3))
            object.__setattr__(self, "picture", crop)

    @property
    def applies(self) -> bool:
        """The test said something."""
        return not self.why_not

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON; the heat map is not in it."""
        span = self.stretch
        return {
            "kind": self.kind,
            "track": self.track,
            "first_frame": span.first,
            "last_frame": span.last,
            "start": time_text(span.start),
            "end": time_text(span.end),
            "score": round(self.score, _DECIMALS) if self.applies else None,
            "why_not": self.why_not or None,
            "details": {name: plain(value, _DECIMALS) for name, value in self.details.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """The findings that became complete with one frame; most frames have none.

    They are not aligned with the rows of the Faces: each says its track.

    Attributes:
        items: in the order in which they were made.
    """

    items: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    @classmethod
    def none(cls) -> Findings:
        """Nothing became complete."""
        return cls()
