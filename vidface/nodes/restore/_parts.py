"""What restore.face keeps of a track, and the parts of one frame's work."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.data.card import Card
from vidface.infer.embedder import Embedder
from vidface.node import Window
from vidface.nodes.restore._guard import Guard
from vidface.nodes.restore._network import State
from vidface.vision.align import TEMPLATES, to_template
from vidface.vision.facecrop import aligned, steady_landmarks
from vidface.vision.grain import Grain
from vidface.vision.paste import paste_delta
from vidface.vision.warpframe import warp_planes

Matrix = NDArray[np.float64]
_TOLD: Final = 6
"""Tracks that a note names one by one."""
_MOST_HELD: Final = 1000
"""Tracks of which is counted one by one how often they were held back."""


@dataclass(slots=True)
class Trail:
    """What is remembered of a track."""

    state: State
    guard: Guard
    seen: float = 0.0
    judged: float = -math.inf
    blur: float | None = None


class Cut(NamedTuple):
    """A face cut out: its row, track, 2 x 3 matrix from frame to crop, crop, and who it is if known."""

    row: int
    track: int
    matrix: Matrix
    crop: NDArray[np.uint8]
    person: NDArray[np.float32] | None


class Paste(NamedTuple):
    """What `paste_delta` takes for one face."""

    delta: NDArray[np.float32]
    mask: NDArray[np.float32]
    matrix: Matrix
    share: float
    grain: Grain


def pasted_on(pastes: Sequence[Paste], planes: Any, card: Card, *, grainy: bool) -> None:
    """Paste every face into planes on a card, in place."""
    from vidface.vision.tensorpaste import paste_delta_on

    for one in pastes:
        grain = one.grain if grainy else None
        paste_delta_on(planes, one.delta, card, mask=one.mask, matrix=one.matrix, gain=one.share, grain=grain)


def pasted(now: Frame, pastes: Sequence[Paste], card: Card | None, *, grainy: bool) -> Frame:
    """The frame with every face pasted into it, on the card where it lies there."""
    there = now.on_card(card)
    if there is not None and there.upright:
        return now.with_pixels(there.pasted(partial(pasted_on, pastes, grainy=grainy)))
    return now.painted(lambda planes: _paste(planes, pastes, np.eye(3), grainy=grainy))


def enlarged(now: Frame, pastes: Sequence[Paste], scale: int, *, grainy: bool) -> Frame:
    """The same, in a picture that is so many times as large."""
    grow = np.diag((scale, scale, 1.0))

    def paint(planes: Any) -> None:
        warp_planes(now.planes(), planes, grow, fill="replicate")
        _paste(planes, pastes, grow, grainy=grainy)

    return now.remade((now.size[0] * scale, now.size[1] * scale), paint)


def _paste(planes: Any, pastes: Sequence[Paste], grow: Matrix, *, grainy: bool) -> None:
    back = np.linalg.inv(grow)
    for one in pastes:
        matrix = (np.vstack([one.matrix, (0, 0, 1)]) @ back)[:2]
        grain = one.grain if grainy else None
        paste_delta(planes, one.delta, mask=one.mask, matrix=matrix, gain=one.share, grain=grain)


class Held:
    """On how many frames each track was held back; of very many, those held least are a sum."""

    def __init__(self) -> None:
        self._frames: Counter[int] = Counter()
        self._others = self._other_frames = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def add(self, track: int) -> None:
        """One more frame; rows without a track are not counted."""
        if track == NOT_TRACKED:
            return
        if track not in self._frames and len(self._frames) >= _MOST_HELD:
            least = min(self._frames, key=self._frames.__getitem__)
            self._others += 1
            self._other_frames += self._frames.pop(least)
        self._frames[track] += 1

    def told(self) -> str:
        """A part of a sentence."""
        return told_of(self._frames, others=self._others, other_frames=self._other_frames)


def told_of(held: Mapping[int, int], *, others: int = 0, other_frames: int = 0) -> str:
    """Tracks and on how many frames they were held back, the most first; of many, the rest as a sum.

    Args:
        held: track -> frames.
        others: tracks beside them that are not listed, held back on `other_frames` together.
    """
    ranked = sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"track {track} on {frames} frames" for track, frames in ranked[:_TOLD]]
    rest = [frames for _, frames in ranked[_TOLD:]]
    if rest or others:
        parts.append(f"{len(rest) + others} more tracks on {sum(rest) + other_frames} frames")
    return ", ".join(parts)


def look_of(crop: NDArray[np.uint8], embedder: Embedder) -> NDArray[np.uint8]:
    """The embedder's crop out of the restorer's: both are aligned, so the way is fixed."""
    own = TEMPLATES["ffhq512"].points * (len(crop) / TEMPLATES["ffhq512"].size)
    matrix = to_template(own, embedder.template, embedder.size)
    return np.asarray(aligned(crop, matrix, embedder.size), np.uint8)


def landmarks_of(frame: Window[Frame], faces: Window[Faces], row: int, width_s: float) -> Matrix | None:
    """Landmarks of a row of the current frame, 5 x 2, steadied by those of its track around it.

    Args:
        width_s: see `steady_landmarks`.

    Returns:
        None where they do not say where the face lies.
    """
    track, now = int(faces.current.tracks[row]), float(frame.current.time)
    own = faces.current.landmarks[row]
    if not np.isfinite(own).all() or np.ptp(own, axis=0).max() <= 1:
        return None
    times, points = [now], [own]
    if track != NOT_TRACKED and width_s > 0:
        around = zip((*frame.past, *frame.ahead), (*faces.past, *faces.ahead), strict=True)
        for one, found in around:
            rows = np.flatnonzero(found.tracks == track)
            if len(rows) and np.isfinite(found.landmarks[rows[0]]).all():
                times.append(float(one.time))
                points.append(found.landmarks[rows[0]])
    return steady_landmarks(times, points, now, width_s)
