"""Trails: keeps the sightings of frames that have not left yet, and makes the rows of the one that leaves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data import Embeddings, Faces, Frame
from vidface.node import Window
from vidface.nodes.track._linker import NO_TRACK, Linker
from vidface.vision import interpolate

COAST_MISSES = 2
"""Looks in a row that may miss a face before its place is no longer given from its motion alone."""


BETWEEN_LOOKS_S = 3.0
"""Up to so many seconds between one look and the next a face is filled in, whatever `interpolate_s`: nobody
missed it there. Where cameras are slow or looks rare, boxes would else come and go with every look."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One face on one frame; `look` counts the looks."""

    index: int
    look: int
    time_s: float
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: np.float32


@dataclass(slots=True, eq=False)
class Trail:
    """The sightings of one track that frames still to leave can need: the last before them, and all after."""

    sightings: deque[Sighting] = field(default_factory=deque)
    number: int = 0
    confirmed: bool = False

    def pass_to(self, index: int) -> None:
        """Drop what lies before the last sighting at or before frame `index`."""
        while len(self.sightings) > 1 and self.sightings[1].index <= index:
            self.sightings.popleft()


class Numbers:
    """Counts 1, 2, 3 ...: the numbers of a stream's tracks, going on across resets."""

    def __init__(self) -> None:
        self._last = 0

    def draw(self) -> int:
        """A number that was never drawn before."""
        self._last += 1
        return self._last


class Trails:
    """Turns what a `Linker` says of each frame into the rows of an earlier one.

    `take` reads frames as they come into the window; `leave` makes the value of the oldest. In between
    lie at most `look_ahead` frames, which is all the memory there is beside the living tracks.
    """

    def __init__(self, linker: Linker, numbers: Numbers, interpolate_s: float) -> None:
        self._linker = linker
        self._numbers = numbers
        self._interpolate_s = interpolate_s
        self._trails: dict[int, Trail] = {}
        self._taken = -1
        self._looks = 0

    def process(
        self,
        frames: Window[Frame],
        faces: Window[Faces],
        embeddings: Window[Embeddings] | None,
        *,
        look_ahead: int,
    ) -> Faces:
        """One tick: take what is new in the windows, and give the rows of the current frame."""
        now = len(frames.past)
        for i in range(now, len(frames)):
            if frames[i].index > self._taken:
                self._take(frames[i], faces[i], None if embeddings is None else embeddings[i].vectors)
        ends = len(frames.ahead) < look_ahead
        return self._leave(frames.current, faces.current.looked, ends=ends)

    def _take(self, frame: Frame, faces: Faces, vectors: NDArray[np.float32] | None) -> None:
        self._taken = frame.index
        if not faces.looked:
            return
        if vectors is not None and len(vectors) not in (0, len(faces)):
            raise ValueError(
                f"embeddings must be those of the faces that are tracked, but frame {frame.index} has "
                f"{len(faces)} faces and {len(vectors)} embeddings: wire both to the same detector"
            )
        time_s = float(frame.time)
        keys = self._linker.link(time_s, faces, vectors, frame.size)
        self._looks += 1
        for row, key in enumerate(keys.tolist()):
            if key != NO_TRACK:
                trail = self._trails.setdefault(key, Trail())
                seen = faces.boxes[row], faces.landmarks[row], faces.scores[row]
                trail.sightings.append(Sighting(frame.index, self._looks, time_s, *seen))
        for key, confirmed in zip(self._linker.keys.tolist(), self._linker.confirmed.tolist(), strict=True):
            self._trails[key].confirmed = confirmed

    def _leave(self, frame: Frame, looked: bool, *, ends: bool) -> Faces:
        living = {key: row for row, key in enumerate(self._linker.keys.tolist())}
        misses = self._linker.misses
        seen: list[tuple[Trail, Sighting]] = []
        held: list[tuple[Trail, Sighting, Sighting]] = []
        coasting: list[tuple[Trail, Sighting, int]] = []
        for key, trail in list(self._trails.items()):
            trail.pass_to(frame.index)
            first = trail.sightings[0]
            row = living.get(key)
            if row is None and len(trail.sightings) == 1 and first.index < frame.index:
                del self._trails[key]
            if first.index > frame.index or not self._believed(trail, row, ends=ends):
                continue
            if first.index == frame.index:
                seen.append((trail, first))
            elif len(trail.sightings) > 1:
                held.append((trail, first, trail.sightings[1]))
            elif row is not None and misses[row] <= COAST_MISSES:
                coasting.append((trail, first, row))
        return self._rows(frame, looked, seen, held, coasting)

    def _believed(self, trail: Trail, row: int | None, *, ends: bool) -> bool:
        """Confirmed; or never missed, where the stream ends before it can be seen again."""
        if ends and row is not None and self._linker.misses[row] == 0:
            trail.confirmed = True
        return trail.confirmed

    def _fills(self, gap_s: float, missed: bool) -> bool:
        """Whether a hole is to be filled; `missed` says that a look within it did not find the face."""
        most = self._interpolate_s if missed else max(self._interpolate_s, BETWEEN_LOOKS_S)
        return self._interpolate_s > 0 and gap_s <= most

    def _rows(
        self,
        frame: Frame,
        looked: bool,
        seen: list[tuple[Trail, Sighting]],
        held: list[tuple[Trail, Sighting, Sighting]],
        coasting: list[tuple[Trail, Sighting, int]],
    ) -> Faces:
        time_s = float(frame.time)
        misses = self._linker.misses
        held = [h for h in held if self._fills(h[2].time_s - h[1].time_s, h[2].look - h[1].look > 1)]
        coasting = [c for c in coasting if self._fills(time_s - c[1].time_s, bool(misses[c[2]] > 0))]
        parts = [_seen(seen), _held(held, time_s)]
        trails = [s[0] for s in seen] + [h[0] for h in held]
        if coasting:
            boxes = self._linker.expected(time_s)[[c[2] for c in coasting]]
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2
            inside = ((centres > 0) & (centres < np.array(frame.size))).all(axis=1)
            coasting = [c for c, stays in zip(coasting, inside.tolist(), strict=True) if stays]
            parts.append(_carried(coasting, boxes[inside]))
            trails += [c[0] for c in coasting]
        for trail in trails:
            trail.number = trail.number or self._numbers.draw()
        if not trails:
            return Faces.none(looked=looked)
        boxes, landmarks, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
        numbers = np.array([trail.number for trail in trails], np.int64)
        order = np.argsort(numbers)
        return Faces(
            boxes=boxes[order],
            scores=scores[order],
            landmarks=landmarks[order],
            tracks=numbers[order],
            interpolated=(np.arange(len(trails)) >= len(seen))[order],
            looked=looked,
        )


Rows = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def _stacked(sightings: list[Sighting]) -> Rows:
    """n x 4 boxes, n x 5 x 2 landmarks, n scores."""
    return (
        np.array([s.box for s in sightings], np.float32).reshape(-1, 4),
        np.array([s.landmarks for s in sightings], np.float32).reshape(-1, 5, 2),
        np.array([s.score for s in sightings], np.float32),
    )


def _seen(rows: list[tuple[Trail, Sighting]]) -> Rows:
    return _stacked([sighting for _, sighting in rows])


def _held(rows: list[tuple[Trail, Sighting, Sighting]], time_s: float) -> Rows:
    """Rows on the straight line between two sightings."""
    before, after = _stacked([r[1] for r in rows]), _stacked([r[2] for r in rows])
    start = np.array([r[1].time_s for r in rows])
    span = np.array([r[2].time_s for r in rows]) - start
    shares = np.where(span > 0, (time_s - start) / np.where(span > 0, span, 1), 0.0)
    boxes = interpolate.between(before[0], after[0], shares)
    return boxes, interpolate.between(before[1], after[1], shares), before[2]


def _carried(rows: list[tuple[Trail, Sighting, int]], boxes: NDArray[Any]) -> Rows:
    """Rows at expected boxes; the landmarks keep their place in the box."""
    last = _stacked([r[1] for r in rows])
    return boxes.astype(np.float32), interpolate.carry(last[1], last[0], boxes), last[2]
