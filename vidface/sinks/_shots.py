"""The best shots of one track: which are kept, and in which slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data.times import time_text


@dataclass(slots=True)
class Shot:
    """One kept crop.

    Attributes:
        image: H x W x 3 uint8 RGB; None once it stands in a file.
        parts: the quality's parts by name, see `vidface.sinks._ranks`.
        slot: counts from 0; the place among the track's files.
    """

    frame: int
    time: Fraction
    quality: float
    parts: dict[str, float]
    box: tuple[float, ...]
    image: NDArray[np.uint8] | None
    slot: int = 0

    def row(self, track: int, file: str, *, ranked_by: str) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        return {
            "track": track,
            "file": file,
            "frame": self.frame,
            "time": time_text(self.time),
            "quality": round(self.quality, 4),
            "ranked_by": ranked_by,
            "parts": {name: round(value, 4) for name, value in self.parts.items()},
            "box": [round(v, 2) for v in self.box],
        }


@dataclass(slots=True)
class Shots:
    """At most `room` shots of a track, any two at least `spacing` seconds apart.

    Attributes:
        again: how often the track's number was here, and forgotten, before.
    """

    room: int
    spacing: Fraction
    again: int = 0
    kept: list[Shot] = field(default_factory=list)
    seen: Fraction = Fraction(0)

    def losers(self, quality: float, time: Fraction) -> list[Shot] | None:
        """The shots that one of this quality and time would push out; None where it would not be kept."""
        near = [shot for shot in self.kept if abs(shot.time - time) < self.spacing]
        if not near and len(self.kept) < self.room:
            return []
        rivals = near or [min(self.kept, key=lambda shot: shot.quality)]
        return rivals if all(quality > shot.quality for shot in rivals) else None

    def keep(self, shot: Shot) -> list[int]:
        """Take in a shot that `losers` lets in; returns the slots that are free now."""
        out = self.losers(shot.quality, shot.time) or []
        slots = sorted(loser.slot for loser in out)
        self.kept = [other for other in self.kept if all(other is not loser for loser in out)]
        taken = {other.slot for other in self.kept}
        shot.slot = slots[0] if slots else min(set(range(self.room)) - taken)
        self.kept.append(shot)
        return slots[1:]
