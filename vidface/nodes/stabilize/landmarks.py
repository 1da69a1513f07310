"""stabilize.landmarks: landmarks, boxes and meshes that do not tremble, by a One-Euro filter a track."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.data.mesh import POINTS, Meshes
from vidface.data.rows import check_rows
from vidface.node import FOREVER, Node
from vidface.vision.oneeuro import OneEuro, PointFilter


class Steady(NamedTuple):
    """What stabilize.landmarks gives; `mesh` has unmeasured rows where none is wired in."""

    faces: Faces
    mesh: Meshes


class StabilizeLandmarks(Node):
    """Take the trembling out of landmarks and boxes, and of meshes where they are wired in.

    A One-Euro filter (Casiez et al. 2012) for every track: the slower a point moves, the lower the
    cutoff of the low-pass that it goes through, so that a face at rest is calm and one that moves is
    not left behind. Time is the frames' own, in seconds, so variable frame rates and cadences are
    served right; speed is measured in sizes of the face per second, so the parameters suit any
    resolution. It needs no frame ahead.

    Rows without a track and points that are not known (NaN) pass as they are. A face that comes back
    within `max_gap_s` goes on where it was, and begins anew after that. Presence and blendshapes are
    not changed.
    """

    min_cutoff: float = Field(
        1.5, gt=0, le=100, description="Cutoff in Hz of a face at rest; lower is calmer, and later."
    )
    beta: float = Field(
        30.0, ge=0, le=1000, description="Hz by which the cutoff rises with each face size per second."
    )
    d_cutoff: float = Field(1.0, gt=0, le=100, description="Cutoff in Hz of the speed itself.")
    max_gap_s: float = Field(
        0.5, ge=0, le=10, description="Seconds that a point may be unknown and still go on where it was."
    )
    boxes: bool = Field(True, description="Filter the boxes, too.")

    memory = FOREVER
    keeps_rows = True

    _tracks: dict[int, _Filters]

    def reset(self) -> None:
        """Forget all tracks."""
        self._tracks = {}

    def process(self, frame: Frame, faces: Faces, mesh: Meshes | None = None) -> Steady:
        """The faces and meshes of this frame, row by row, filtered.

        Raises:
            UsageError: `mesh` has not a row for every face.
        """
        check_rows(faces, mesh=mesh)
        now = float(frame.time)
        given = mesh if mesh is not None and len(mesh) else Meshes.none(len(faces))
        boxes, landmarks = faces.boxes.copy(), faces.landmarks.copy()
        points = given.points.copy()
        rules = OneEuro(self.min_cutoff, self.beta, self.d_cutoff, self.max_gap_s)
        for row, track in enumerate(faces.tracks.tolist()):
            size = _size(faces.boxes[row])
            if track == NOT_TRACKED or not size > 0:
                continue
            filters = self._tracks.setdefault(track, _Filters(rules))
            filters.seen = now
            landmarks[row] = filters.landmarks(landmarks[row], time=now, size=size)
            if self.boxes:
                boxes[row] = filters.box(boxes[row].reshape(2, 2), time=now, size=size).ravel()
            if mesh is not None:
                points[row] = filters.mesh(points[row], time=now, size=size)
        self._forget(now)
        return Steady(replace(faces, boxes=boxes, landmarks=landmarks), replace(given, points=points))

    def _forget(self, now: float) -> None:
        """Drop tracks that can no longer go on."""
        gone = [track for track, filters in self._tracks.items() if now - filters.seen > self.max_gap_s]
        for track in gone:
            del self._tracks[track]


class _Filters:
    """The filters of one track, and when it was last seen."""

    def __init__(self, rules: OneEuro) -> None:
        self.landmarks = PointFilter(rules, (5, 2))
        self.box = PointFilter(rules, (2, 2))
        self.mesh = PointFilter(rules, (POINTS, 3))
        self.seen = 0.0


def _size(box: NDArray[np.float32]) -> float:
    """Side of a square as large as the box, pixels."""
    sides = np.maximum(box[2:] - box[:2], 0).astype(np.float64)
    return float(np.sqrt(sides.prod()))
