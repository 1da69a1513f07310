"""track.norfair: the same contract on the tracker of the norfair package (extra `norfair`)."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device, Faces, Frame
from vidface.errors import UsageError
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.track._linker import Linker
from vidface.nodes.track._trails import Numbers, Trails

RATE_HZ = 25.0
"""norfair counts its own updates as time; this many of them make a second here, whatever the frame rate."""


class NorfairLinker:
    """norfair's tracker as a `Linker`: boxes by their corners, distances in face sizes.

    norfair matches greedily by distance and remembers a face the longer the more often it saw it.
    Its counters of ids belong to the process, so they are not used: the keys are its tracker's own.
    """

    def __init__(self, norfair: Any, max_gap_s: float, birth_hits: int, max_distance: float) -> None:
        self._norfair = norfair
        self._birth_hits = birth_hits
        self._patience = max(2, round(max_gap_s * RATE_HZ))
        # Releases differ in the form of distance they take here, but all know this name.
        self._tracker = norfair.Tracker(
            distance_function="iou",
            distance_threshold=max_distance,
            hit_counter_max=self._patience,
            initialization_delay=0,
            pointwise_hit_counter_max=self._patience,
            past_detections_length=0,
        )
        self._tracker.distance_function = _distance()
        self._tick = 0
        self._start_s: float | None = None
        self._hits: dict[int, int] = {}
        self._misses: dict[int, int] = {}
        self._objects: list[Any] = []
        self._set_columns()

    def link(
        self, time_s: float, faces: Faces, vectors: NDArray[np.float32] | None, size: tuple[int, int]
    ) -> NDArray[np.int64]:
        """See `Linker`; `vectors` and `size` are not used."""
        steps = self._steps(time_s)
        # Who was there on the last look must outlast the wait for this one, however long it was.
        for _ in range(min(steps - 1, self._patience - 1)):
            self._tracker.update()
        detections = [
            self._norfair.Detection(box.astype(np.float64).reshape(2, 2), data=row)
            for row, box in enumerate(faces.boxes)
        ]
        self._tracker.update(detections or None, period=min(steps, self._patience))
        rows = {id(detection): row for row, detection in enumerate(detections)}
        keys = np.full(len(faces), -1, np.int64)
        self._objects = [o for o in self._tracker.tracked_objects if o.hit_counter_is_positive]
        hits, misses = self._hits, self._misses
        self._hits, self._misses = {}, {}
        for item in self._objects:
            key, row = int(item.initializing_id), rows.get(id(item.last_detection))
            if row is not None:
                keys[row] = key
            self._hits[key] = hits.get(key, 0) + (row is not None)
            self._misses[key] = 0 if row is not None else misses.get(key, 0) + 1
        self._set_columns()
        return keys

    def _set_columns(self) -> None:
        ids = [int(item.initializing_id) for item in self._objects]
        self.keys = np.array(ids, np.int64)
        self.confirmed = np.array([self._hits[key] >= self._birth_hits for key in ids], np.bool_)
        self.misses = np.array([self._misses[key] for key in ids], np.int64)

    def expected(self, time_s: float) -> NDArray[Any]:
        """n x 4 boxes on the straight line of norfair's filter."""
        ticks = (time_s - (self._start_s or 0.0)) * RATE_HZ - self._tick
        # The filter's state is four coordinates, then their velocities; not every release names those.
        lines = [item.estimate + ticks * item.filter.x[item.dim_z :].reshape(2, 2) for item in self._objects]
        corners = np.array(lines, np.float64).reshape(-1, 2, 2)
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

    def _steps(self, time_s: float) -> int:
        """Updates that are due since the last one; at least one."""
        if self._start_s is None:
            self._start_s = time_s - 1 / RATE_HZ
        due = round((time_s - self._start_s) * RATE_HZ)
        steps = max(1, due - self._tick)
        self._tick += steps
        return steps


def _distance() -> Any:
    """Mean distance of the two corners in sizes of the face seen, in the form that this norfair calls."""
    vectorized = getattr(importlib.import_module("norfair.distances"), "VectorizedDistance", None)
    return _pair_distance if vectorized is None else vectorized(_all_distances)


def _pair_distance(detection: Any, tracked: Any) -> float:
    return float(_all_distances(detection.points.reshape(1, 4), tracked.estimate.reshape(1, 4))[0, 0])


def _all_distances(seen: NDArray[Any], tracked: NDArray[Any]) -> NDArray[np.float64]:
    """m x 4 seen, n x 4 tracked -> m x n."""
    sides = np.maximum(seen[:, 2:] - seen[:, :2], 1e-3)
    offsets = (seen[:, None] - tracked[None]).reshape(len(seen), len(tracked), 2, 2)
    corners = np.sqrt((offsets**2).sum(axis=3)).mean(axis=2)
    distance: NDArray[np.float64] = corners / np.sqrt(sides.prod(axis=1))[:, None]
    return distance


class TrackNorfair(Node):
    """As `track.faces`, with norfair deciding which detections are one face.

    Windows, holes, numbers and resets are as there. norfair knows neither landmarks nor embeddings, and
    takes every detection for a possible birth. It is slow from version 2.1 on numpy 2 (some 20 ms a frame
    for 50 faces; 2.2 and later are fast but ask for numpy 1).
    """

    look_ahead: int = Field(
        12, ge=0, le=250, description="Frames to wait before a value leaves; 0 for live use."
    )
    max_gap_s: float = Field(
        1.5,
        ge=0,
        le=60,
        description="Seconds for which a well-known face may be out of sight and keep its number.",
    )
    interpolate_s: float = Field(
        0.5,
        ge=0,
        le=10,
        description="Holes in which looks missed the face are filled up to this many seconds; 0 fills none.",
    )
    birth_hits: int = Field(2, ge=1, le=10, description="Looks that must find a face before it is a track.")
    max_distance: float = Field(
        1.0,
        gt=0,
        le=10,
        description="Face sizes between expected and seen corners beyond which it is another face.",
    )

    memory: ClassVar[int] = FOREVER
    keeps_rows: ClassVar[bool | None] = False

    _numbers: Numbers
    _trails: Trails
    _norfair: Any

    def reach(self) -> Span:
        """As far ahead as `look_ahead` says."""
        return Span(0, self.look_ahead)

    def open(self, device: Device) -> None:
        """Import norfair and begin to count tracks at 1.

        Raises:
            UsageError: norfair is not installed.
        """
        try:
            self._norfair = importlib.import_module("norfair")
        except ImportError as error:
            raise UsageError(
                "track.norfair needs the package norfair, which is not installed: "
                'pip install "vidface[norfair]", or use track.faces'
            ) from error
        self._numbers = Numbers()

    def reset(self) -> None:
        """Forget all tracks; the count goes on."""
        linker: Linker = NorfairLinker(self._norfair, self.max_gap_s, self.birth_hits, self.max_distance)
        self._trails = Trails(linker, self._numbers, self.interpolate_s)

    def process(self, frame: Window[Frame], faces: Window[Faces]) -> Faces:
        """The faces of the current frame, by rising track number."""
        return self._trails.process(frame, faces, None, look_ahead=self.look_ahead)
