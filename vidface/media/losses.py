"""Losses: every packet read is either a picture, or accounted for as a hole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from vidface.data.source import Hole

CONCEALED = "decoder concealed damage"
NOT_DECODED = "packet could not be decoded"
NO_PICTURE = "packets gave no picture (they build on pictures that are missing)"
ENDS_EARLY = "input ends early"


@dataclass(slots=True)
class Losses:
    """Counts what goes into the decoder and what comes out.

    Attributes:
        read: packets of the video stream that hold data.
        hidden: those of them that an edit list keeps from being shown.
        pictures: frames that came out.
    """

    read: int = 0
    hidden: int = 0
    pictures: int = 0
    _holes: list[Hole] = field(default_factory=list)
    _damaged: list[tuple[int, int, Fraction]] = field(default_factory=list)

    def failed(self, cause: str, time: Fraction | None) -> None:
        """A packet raised an error in the decoder."""
        self._holes.append(Hole(f"{NOT_DECODED}: {cause}", 1, self.pictures - 1, time))

    def concealed(self, index: int, time: Fraction) -> None:
        """A picture came out that the decoder itself marks as damaged; it is kept."""
        if self._damaged and self._damaged[-1][1] == index - 1:
            first, _, since = self._damaged[-1]
            self._damaged[-1] = (first, index, since)
        else:
            self._damaged.append((index, index, time))

    def finish(self, promised: int | None, end: Hole | None) -> None:
        """The input is read to its end: settle how many pictures are missing.

        Args:
            promised: how many packets the container says there are, None where it does not.
            end: an early end that the demuxer reported, its `frames` not yet known.
        """
        self._settle(max(0, self.read - self.hidden - self.pictures))
        absent = max(0, promised - self.read) if promised is not None else None
        if end is not None:
            self._holes.append(replace(end, frames=absent))
        elif absent:
            self._holes.append(Hole(ENDS_EARLY, absent, self.pictures - 1))

    def holes(self) -> tuple[Hole, ...]:
        """All of them, in order of the stream; damaged pictures that were kept count 0 frames."""
        damaged = [
            Hole(f"{CONCEALED} in frame{f's {a} to {b}' if b > a else f' {a}'}", 0, a - 1, time)
            for a, b, time in self._damaged
        ]
        return tuple(sorted(self._holes + damaged, key=lambda hole: hole.after_index))

    def _settle(self, missing: int) -> None:
        """An error costs a picture only as far as pictures are missing; the rest went without loss."""
        for place, hole in enumerate(self._holes):
            if missing:
                missing -= 1
            else:
                self._holes[place] = replace(hole, frames=0)
        if missing:
            self._holes.append(Hole(NO_PICTURE, missing, -1))
