"""Verdict: what all findings on a face's track together say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal, get_args

from vidface.data.plain import plain
from vidface.data.times import time_text

Opinion = Literal["authentic", "manipulated", "inconclusive"]
Claim = Literal["", "match", "mismatch", "unclear", "other"]
"""What a face is to the claim that it is the person of the references; see `Verdict.claim`."""

_OPINIONS: Final = frozenset(get_args(Opinion))
_CLAIMS: Final = frozenset(get_args(Claim))


@dataclass(frozen=True, slots=True)
class Moment:
    """The probability over one window of time.

    Attributes:
        start, end: exact seconds.
        probability: of a manipulation, from the findings that touch the window.
    """

    start: Fraction
    end: Fraction
    probability: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one track so far.

    Attributes:
        opinion: "inconclusive" is an answer.
        probability: of a manipulation, calibrated; NaN where no test applies.
        low, high: 95 % interval of it over the track's windows; NaN without a probability.
        reasons: sentences, the strongest evidence first, for and against.
        used: kinds of evidence that applied and were weighed.
        left_out: kinds that did not apply, with why: "kind: sentence".
        moments: the probability over time.
        claim: "match" where the face, or its inside or outside alone, resembles the references, which says
            nothing on a manipulation; "mismatch" where it does not; "unclear" between; "other" where another
            face stands for the claim; empty where nothing was held against references. Tests against
            references are weighed for a match alone.
    """

    opinion: Opinion = "inconclusive"
    probability: float = math.nan
    low: float = math.nan
    high: float = math.nan
    reasons: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    claim: Claim = ""

    def __post_init__(self) -> None:
        if self.claim not in _CLAIMS:
            raise ValueError(f"Verdict.claim must be one of {sorted(_CLAIMS)}, but is {self.claim!r}")
        if self.opinion not in _OPINIONS:
            raise ValueError(f"Verdict.opinion must be one of {sorted(_OPINIONS)}, but is {self.opinion!r}")
        given = [value for value in (self.low, self.probability, self.high) if not math.isnan(value)]
        if len(given) not in (0, 3) or given != sorted(given) or any(not 0 <= one <= 1 for one in given):
            raise ValueError(
                "a verdict gives low <= probability <= high in [0, 1] or none of them, but has "
                f"{self.low}, {self.probability}, {self.high}"
            )
        if not given and self.opinion != "inconclusive":
            raise ValueError(f"a verdict without a probability is inconclusive, but is {self.opinion}")

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON; null where not known. The moments are not in it."""
        return {
            "opinion": self.opinion,
            "probability": plain(self.probability),
            "low": plain(self.low),
            "high": plain(self.high),
            "used": list(self.used),
            "claim": self.claim or None,
        }

    def full_row(self) -> dict[str, Any]:
        """`row` with reasons, what was left out, and the moments."""
        return self.row() | {
            "reasons": list(self.reasons),
            "left_out": list(self.left_out),
            "moments": [
                {
                    "start": time_text(one.start),
                    "end": time_text(one.end),
                    "probability": plain(one.probability),
                }
                for one in self.moments
            ],
        }


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """One Verdict a face, aligned row by row with the Faces.

    Attributes:
        rows: the verdicts.
    """

    rows: tuple[Verdict, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.rows)

    @classmethod
    def none(cls) -> Verdicts:
        """No rows."""
        return cls(())
