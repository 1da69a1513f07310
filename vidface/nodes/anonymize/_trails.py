"""Where faces are on every frame: seen, between two sightings, after the last one and before the first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces
from vidface.vision.facecrop import steady_landmarks

Box = NDArray[np.float64]
Kind = Literal["seen", "filled", "between", "held", "early"]

_WIDTHS: Final = 3.0
"""Sightings farther away than so many widths of the smoothing have no say."""
_FIT_S: Final = 0.4
"""How much of a track says where it is going."""
_GOES_S: Final = 0.5
"""A face that is not seen goes on for so long at most; then its place is held."""
_DOUBT: Final = 0.4
"""How much of its sides a box grows in a second without a sighting; for one second."""


class Sights(NamedTuple):
    """Sightings of a track, in the order of time: seconds, and boxes in pixels."""

    times: list[float]
    boxes: list[Box]


class Spot(NamedTuple):
    """One face on one frame.

    Attributes:
        track: its number.
        box: x1 y1 x2 y2 in pixels, not grown.
        kind: seen (detected on this frame), filled (the tracker says where), between two sightings, held
            after the last one, early (before the first one).
        away_s: seconds to the nearest sighting.
        row: of the current Faces; None where it has none.
    """

    track: int
    box: Box
    kind: Kind
    away_s: float
    row: int | None


@dataclass(slots=True)
class Trail:
    """What is remembered of a track: its sightings of late, and what was done to it."""

    times: deque[float] = field(default_factory=deque)
    boxes: deque[Box] = field(default_factory=deque)
    hidden: bool = True
    named: bool = False
    counted: bool = False
    shown: int = 0
    score: float = 0.0

    def add(self, time: float, box: Box) -> None:
        """Remember a sighting; forget what is too old to say anything."""
        self.times.append(time)
        self.boxes.append(box)
        while len(self.times) > 1 and self.times[0] < time - 1.0:
            self.times.popleft()
            self.boxes.popleft()

    def past(self) -> Sights:
        """Its sightings so far."""
        return Sights(list(self.times), list(self.boxes))


def ahead_of(times: Sequence[float], faces: Sequence[Faces]) -> dict[int, Sights]:
    """Track -> its rows on the frames ahead."""
    found: dict[int, Sights] = {}
    for time, here in zip(times, faces, strict=True):
        for track, box in zip(here.tracks.tolist(), here.boxes.astype(np.float64), strict=True):
            sights = found.setdefault(track, Sights([], []))
            sights.times.append(time)
            sights.boxes.append(box)
    return found


def spots(
    now: float,
    faces: Faces,
    trails: dict[int, Trail],
    ahead: dict[int, Sights],
    *,
    hold_s: float,
    steady_s: float,
) -> Iterator[Spot]:
    """Every face that is, or may be, on the current frame; by rising track number.

    The trails already hold the current rows. Each row has its Spot, also where several have one number.
    """
    rows: dict[int, list[int]] = {}
    for row, track in enumerate(faces.tracks.tolist()):
        rows.setdefault(track, []).append(row)
    for track in sorted({*trails, *ahead}):
        past = trails[track].past() if track in trails else Sights([], [])
        coming = ahead.get(track, Sights([], []))
        if track in rows:
            # Sightings of two places say nothing of either; then each row has its own box alone.
            width_s = steady_s if len(rows[track]) == 1 else 0.0
            for row in rows[track]:
                yield _with_row(now, faces, row, past, coming, steady_s=width_s)
            continue
        spot = _without_row(now, track, past, coming, hold_s=hold_s)
        if spot is not None:
            yield spot


def _with_row(now: float, faces: Faces, row: int, past: Sights, coming: Sights, *, steady_s: float) -> Spot:
    """Its own box together with the steadied one: a cover may be larger than the face, never smaller."""
    box = faces.boxes[row].astype(np.float64)
    kind: Kind = "filled" if faces.interpolated[row] else "seen"
    if steady_s > 0:
        box = _both(box, _place(Sights(past.times + coming.times, past.boxes + coming.boxes), now, steady_s))
    return Spot(int(faces.tracks[row]), box, kind, 0.0, row)


def _without_row(now: float, track: int, past: Sights, coming: Sights, *, hold_s: float) -> Spot | None:
    gone = now - past.times[-1] if past.times else np.inf
    comes = coming.times[0] - now if coming.times else np.inf
    if coming.times and gone <= hold_s + 1e-6:
        share = gone / max(gone + comes, 1e-9)
        box = past.boxes[-1] + share * (coming.boxes[0] - past.boxes[-1])
        return Spot(track, _doubted(box, min(gone, comes)), "between", min(gone, comes), None)
    if coming.times:
        box = _both(coming.boxes[0], _gone_on(coming, coming.times[0], now))
        return Spot(track, _doubted(box, comes), "early", comes, None)
    if gone <= hold_s + 1e-6:
        box = _both(past.boxes[-1], _gone_on(past, past.times[-1], now))
        return Spot(track, _doubted(box, gone), "held", gone, None)
    return None


def _gone_on(sights: Sights, last: float, now: float) -> Box:
    """Where the face would be by its motion around the sighting at `last`."""
    near = [i for i, time in enumerate(sights.times) if abs(time - last) <= _FIT_S]
    reach = float(np.clip(now - last, -_GOES_S, _GOES_S))
    times, boxes = [sights.times[i] for i in near], [sights.boxes[i] for i in near]
    centres = [box.reshape(2, 2).mean(axis=0)[None] for box in boxes]
    if len(near) < 3:
        return boxes[times.index(last)]
    # The size stays: on a line it could shrink to nothing.
    way = steady_landmarks(times, centres, last + reach, _FIT_S) - steady_landmarks(
        times, centres, last, _FIT_S
    )
    return np.asarray(boxes[times.index(last)] + np.tile(way[0], 2))


def _place(sights: Sights, now: float, width_s: float) -> Box:
    near = [i for i, time in enumerate(sights.times) if abs(time - now) <= _WIDTHS * width_s]
    points = [sights.boxes[i].reshape(2, 2) for i in near]
    return steady_landmarks([sights.times[i] for i in near], points, now, width_s).reshape(4)


def _both(one: Box, other: Box) -> Box:
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def _doubted(box: Box, away_s: float) -> Box:
    return grown(box, 1 + _DOUBT * min(away_s, 1.0))


def grown(box: Box, factor: float) -> Box:
    """The box with its sides so many times as long, about its middle."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factor
    return np.concatenate([middle - half, middle + half])
