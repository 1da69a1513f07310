"""Is this the face that a claim is about? Asked before references of a person may speak of a manipulation.

Tests against references ask whether a face is the referenced person's. Of somebody else it is not, and
nothing needs to have been changed for that: bystanders, and claims about a person who is not in the clip,
would all come out as manipulated. So those tests are weighed only where one of these is like the references:

- the whole face (kind appearance), at most `NEAR` standard deviations off, or
- its inside alone, at most `INSIDE` off: the person's face on another head, the usual swap, or
- its outside alone, at most `OUTSIDE` off, nearer than the same person's usually is on another occasion: the
  occasion of the references, with another face put in. Less will not do, since the outsides of most people
  are as alike as those of one person on two days.

Each is the median over the track's windows. Among faces seen together that pass, the nearest by the whole
face stands for the claim. A face beyond `FAR` by the whole is a mismatch: another person, or a manipulation
that leaves nothing of the person; references cannot tell these two apart, and are not weighed. The limits
were chosen on real clips and fakes of the ten people of models/training/verdict, each held against the
references of all ten; what they do on other people is in models/vidface-verdict/card.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from vidface.data.finding import Finding
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Claim

NEAR: Final = 2.0
INSIDE: Final = 1.0
OUTSIDE: Final = -1.75
FAR: Final = 3.0
TOGETHER_S: Final = 0.5
"""Two faces seen together for so long cannot both be the claimed one."""
_MOST: Final = 512
_UNWEIGHED: Final = "the tests against the references are shown, but not weighed"


@dataclass(slots=True)
class Typical:
    """The median of a stream of numbers in bounded memory: of a long one every second, fourth ... counts."""

    _values: list[float] = field(default_factory=list)
    _step: int = 1
    _count: int = 0

    def add(self, value: float) -> None:
        """Take one number in."""
        if self._count % self._step == 0:
            self._values.append(value)
        self._count += 1
        if len(self._values) > _MOST:
            self._values, self._step = self._values[::2], 2 * self._step

    @property
    def median(self) -> float:
        """NaN without any number."""
        return statistics.median(self._values) if self._values else math.nan


@dataclass(slots=True)
class Resemblance:
    """How far a track is off the references so far, in standard deviations, by median.

    Attributes:
        whole, inside, outside: of the face, and of its two parts alone.
        compared: a test against references applied.
    """

    whole: Typical = field(default_factory=Typical)
    inside: Typical = field(default_factory=Typical)
    outside: Typical = field(default_factory=Typical)
    compared: bool = False

    def add(self, finding: Finding) -> None:
        """Take in a finding of a test against references that applies."""
        self.compared = True
        if finding.kind == "appearance":
            self.whole.add(finding.score)
        if finding.kind == "inner_outer":
            # Details count towards the person; here high is unlike.
            for part, name in ((self.inside, "inner_sigmas"), (self.outside, "outer_sigmas")):
                value = finding.details.get(name, math.nan)
                if math.isfinite(value):
                    part.add(-value)

    @property
    def claim(self) -> Claim:
        """By the limits of this module; empty where nothing was compared."""
        if not self.compared:
            return ""
        whole = self.whole.median
        # Comparisons with NaN are false: what was not measured speaks for nothing.
        if whole <= NEAR or self.inside.median <= INSIDE or self.outside.median <= OUTSIDE:
            return "match"
        return "mismatch" if whole > FAR else "unclear"


class Standing(NamedTuple):
    """What a face is to the claim.

    Attributes:
        claim: see `Verdict.claim`.
        sentence: why the tests against the references are not weighed; empty where they are.
    """

    claim: Claim = ""
    sentence: str = ""


class Rival(NamedTuple):
    """The face that stands for the claim instead of another.

    Attributes:
        track: its number. named: a reviewer said so.
    """

    track: int
    named: bool = False


class Seen(NamedTuple):
    """A track among others.

    Attributes:
        track: its number. first, last: seconds between which it was seen so far.
        off: of the whole face, in standard deviations; NaN where not measured.
        claim: by its own resemblance.
    """

    track: int
    first: float
    last: float
    off: float
    claim: Claim


def rivals(seen: Iterable[Seen], named: Collection[int] = ()) -> dict[int, Rival]:
    """Track -> the one that stands for the claim in its place; the rest may stand for it themselves.

    Args:
        named: tracks that a reviewer named as the claimed person's; then no other is.
    """
    some = list(seen)
    if named:
        first = min(named)
        return {one.track: Rival(first, True) for one in some if one.track not in named}
    taken: list[Seen] = []
    found: dict[int, Rival] = {}
    # Those that pass come first, the nearest before the others: they take the place of all seen with them.
    order = sorted(some, key=lambda one: (one.claim != "match", math.isnan(one.off), one.off, one.track))
    for one in order:
        over = next((other for other in taken if together(one, other)), None)
        if over is not None:
            found[one.track] = Rival(over.track)
        elif one.claim == "match":
            taken.append(one)
    return found


def together(one: Seen, other: Seen) -> bool:
    """Both were seen for `TOGETHER_S` or more of the same time."""
    return min(one.last, other.last) - max(one.first, other.first) >= TOGETHER_S - 1e-6


def standing_of(resemblance: Resemblance, rival: Rival | None = None, *, named: bool = False) -> Standing:
    """Of a face with the faces around it.

    Args:
        rival: who stands for the claim instead. named: a reviewer named this face.
    """
    claim, off = resemblance.claim, resemblance.whole.median
    if claim == "":
        return Standing()
    if rival is not None:
        why = (
            f"This is not the face that a reviewer named as the claimed person's (face {rival.track})"
            if rival.named
            else "This is not the face that resembles the references most: "
            f"face {rival.track}, seen with it, is"
        )
        return Standing("other", f"{why}; {_UNWEIGHED} for it.")
    if claim == "match":
        return Standing("match")
    if claim == "mismatch":
        who = (
            "This face, which a reviewer named, does not resemble"
            if named
            else "Nobody seen here clearly resembles"
        )
        return Standing(
            claim,
            f"{who} the references: the face is {off:.1f} standard deviations off. It is "
            "either another person, or a manipulation strong enough to hide the person; references cannot "
            f"tell which, so {_UNWEIGHED}.",
        )
    if math.isnan(off):
        return Standing(
            claim, f"How much this face resembles the references could not be measured, so {_UNWEIGHED}."
        )
    return Standing(
        claim,
        f"Whether this is the person of the references is not clear: the face is {off:.1f} standard "
        f"deviations off (up to {NEAR:g} passes for the person, beyond {FAR:g} for somebody else), so "
        f"{_UNWEIGHED}.",
    )


def why_unweighed(standing: Standing) -> Mapping[str, str]:
    """Test against references -> why it has no say; nothing where it has."""
    why = {
        "other": "shown, but not weighed: another face stands for the claim.",
        "mismatch": "shown, but not weighed: the face does not resemble the references.",
        "unclear": "shown, but not weighed: whether the face is the claimed person's is not clear.",
    }.get(standing.claim, "")
    return {name: why for name, kind in KINDS.items() if kind.references and why}
