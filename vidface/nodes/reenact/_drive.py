"""Who drives, and how: the Motions of every face in front of the camera, or those of a saved file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.data.measures import Measure
from vidface.data.mesh import Meshes
from vidface.data.motion import Motion, Motions
from vidface.data.npz import read_npz
from vidface.data.steadyclock import SteadyClock
from vidface.errors import InputError, UsageError
from vidface.vision.irisfind import with_irises
from vidface.vision.meshmodel import MeshModel
from vidface.vision.motionfit import Driver
from vidface.vision.motionpath import BOUNDS, between

LIMITED: Final = Measure(
    "reenact_limited",
    "flags",
    f"Held back: {', '.join(f'{flag} {name}' for name, flag in BOUNDS.items())}, added up.",
)
"""Column of a report: `beyond` of `vidface.vision.motionpath.Limited`."""
_GAP_S: Final = 0.1
"""A saved motion serves moments that lie no farther from it."""
_APART: Final = 1.5
"""Frames of it that lie so many times as far apart as is usual for it have a gap between them."""
_SAME: Final = 0.01
"""Share of the way between two of its frames up to which times are only rounded otherwise."""
_LEAST_PX: Final = 4
"""Meshes that span less say nothing."""
_FORGETS_S: Final = 120.0
"""A track not seen for so long is forgotten; track numbers never come again."""
_FORGETS_PLACE_S: Final = 1.0
"""A row without a track goes by its place; who is there after so long is taken for somebody else."""
_ARRAYS: Final = ("time", "track", "valid", "rotation", "shift", "scale", "expression", "gaze")


class Seen(NamedTuple):
    """A mesh, 478 x 3 pixels, and whether its irises were seen in the picture."""

    points: NDArray[np.float32]
    irises: bool


class Moment(NamedTuple):
    """One frame with its faces and meshes."""

    frame: Frame
    faces: Faces
    mesh: Meshes

    def mesh_of(self, row: int) -> Seen | None:
        """The mesh of a row, its irises looked for in the picture; None where it was not measured."""
        if row >= len(self.mesh) or not self.mesh.known[row]:
            return None
        points = self.mesh.points[row]
        if np.ptp(points[:, :2], axis=0).max() < _LEAST_PX:
            return None
        found = with_irises(points, self.frame.crop)
        return Seen(points, False) if found is None else Seen(found, True)

    def mesh_of_track(self, track: int) -> Seen | None:
        """The same of a track."""
        rows = np.flatnonzero(self.faces.tracks == track)
        return self.mesh_of(int(rows[0])) if len(rows) else None


class Drivers:
    """The drivers of a stream, one a track.

    Args:
        model: the mesh model.
    """

    def __init__(self, model: MeshModel) -> None:
        self._model = model
        self._drivers: dict[int, Driver] = {}
        self._gaze: dict[int, NDArray[np.float32]] = {}
        self._seen_s: dict[int, float] = {}
        self._clock = SteadyClock()

    def __call__(self, frame: Frame, faces: Faces, mesh: Meshes, ahead: Iterable[Moment]) -> Motions:
        """Motions of a frame, row by row those of the faces.

        Args:
            ahead: the frames that come, for the reference of a face that is new.
        """
        later = list(ahead)
        now = Moment(frame, faces, mesh)
        self._clock.set(frame)
        self._forget()
        return Motions(tuple(self._motion(now, row, later) for row in range(len(faces))))

    def _motion(self, now: Moment, row: int, later: Sequence[Moment]) -> Motion:
        track = key_of(now.faces, row)
        seen = now.mesh_of(row)
        if seen is None:
            return Motion.none(len(self._model.expression))
        self._seen_s[track] = self._clock.now
        if track not in self._drivers:
            known = now.faces.tracks[row] != NOT_TRACKED
            first = [one.mesh_of_track(track) for one in later] if known else []
            rows = [one for one in (seen, *first) if one is not None]
            # A blink tells nothing of where somebody looks at rest.
            clear = [one for one in rows if one.irises] or rows
            self._drivers[track] = Driver(self._model, [one.points for one in clear])
        motion = self._drivers[track](seen.points)
        if not seen.irises and track in self._gaze:
            return replace(motion, gaze=self._gaze[track])
        self._gaze[track] = motion.gaze
        return motion

    def _forget(self) -> None:
        """Drop who was not measured for too long."""
        for key, seen_s in list(self._seen_s.items()):
            if self._clock.now - seen_s > (_FORGETS_S if key > NOT_TRACKED else _FORGETS_PLACE_S):
                for known in (self._seen_s, self._drivers, self._gaze):
                    known.pop(key, None)

    def reference(self, faces: Faces, row: int) -> Motion:
        """The most neutral moment of a driver's first ones."""
        driver = self._drivers.get(key_of(faces, row))
        return Motion() if driver is None else driver.reference


def key_of(faces: Faces, row: int) -> int:
    """The track of a row; rows without one go by their place."""
    track = int(faces.tracks[row])
    return track if track != NOT_TRACKED else -1 - row


class Lead:
    """Which face drives: the one that was asked for, or the largest one for as long as it stays.

    Args:
        track: the one that was asked for.
        hold_s: one that was away for longer makes room for another.

    Attributes:
        turn: rises by one where another face than before drives.
    """

    def __init__(self, track: int | None, hold_s: float) -> None:
        self.turn = 0
        self._wanted, self._hold_s = track, hold_s
        self._now: int | None = track
        self._seen = -np.inf

    def row(self, faces: Faces, known: NDArray[np.bool_], time: float) -> int | None:
        """The row that drives on this frame; None where it is not there."""
        keys = [key_of(faces, row) for row in range(len(faces))]
        rows = [row for row in range(len(faces)) if known[row]]
        mine = [row for row in rows if keys[row] == self._now]
        if not mine and self._wanted is None and rows and time - self._seen > self._hold_s:
            mine = [max(rows, key=lambda row: float(faces.heights[row]))]
            self.turn += keys[mine[0]] != self._now
            self._now = keys[mine[0]]
        if not mine:
            return None
        self._seen = time
        return mine[0]


class Replay:
    """A saved motion.

    Args:
        node: stands in messages.
        path: an .npz file of the sink `motion`.
        track: which of its tracks; None for the longest.

    Raises:
        InputError: it cannot be read, or is no such file.
        UsageError: the track is not in it.
    """

    def __init__(self, node: str, path: str, track: int | None) -> None:
        arrays, start = _arrays(node, path)
        rows = np.flatnonzero(arrays["valid"])
        tracks, counts = np.unique(arrays["track"][rows], return_counts=True)
        if not len(tracks):
            raise InputError(f"{node}: {path} holds no motion: no face was measured when it was saved.")
        if track is not None and track not in tracks:
            there = ", ".join(str(int(one)) for one in tracks)
            raise UsageError(f"{node}: {path} holds no motion of track {track}, but of {there}.")
        chosen = int(tracks[counts.argmax()]) if track is None else track
        rows = rows[arrays["track"][rows] == chosen]
        rows = rows[np.argsort(arrays["time"][rows], kind="stable")]
        self._times = arrays["time"][rows] - start
        self._motions = [_motion(arrays, row) for row in rows.tolist()]
        usual = float(np.median(np.diff(self._times))) if len(rows) > 1 else 0.0
        self._apart_s = max(2 * _GAP_S, _APART * usual)
        self._calmest = min(self._motions, key=strain)

    def at(self, time: float) -> Motion | None:
        """The motion at so many seconds from the beginning; None in its gaps and behind its end.

        Between two of its frames it is on the way from one to the other, however few a second it has.
        """
        later = int(np.searchsorted(self._times, time))
        if 0 < later < len(self._times):
            start, end = self._times[later - 1 : later + 1].tolist()
            if end - start <= self._apart_s:
                one, other = self._motions[later - 1], self._motions[later]
                return _on_the_way(one, other, (time - start) / (end - start))
        place = int(np.abs(self._times - time).argmin())
        return self._motions[place] if abs(self._times[place] - time) <= _GAP_S else None

    def reference(self, motion: Motion | None) -> Motion:
        """The most neutral moment, as its driver was known at the moment of another motion."""
        calmest = self._calmest
        if motion is None or not len(motion.neutral) == len(calmest.neutral) == len(calmest.expression):
            return calmest
        # The same driver's neutral face reads otherwise later, when more of it is known.
        return replace(calmest, expression=calmest.expression + motion.neutral - calmest.neutral)


def _on_the_way(one: Motion, other: Motion, share: float) -> Motion:
    """Between two motions of one file, with what was known of the driver; at either end that one itself."""
    if not _SAME < share < 1 - _SAME:
        return other if share > 0.5 else one
    neutral = one.neutral + np.float32(share) * (other.neutral - one.neutral)
    return replace(between(one, other, share), neutral=neutral)


def strain(motion: Motion) -> float:
    """How far a Motion is from a neutral face that looks at the viewer."""
    turn = float(np.linalg.norm(motion.rotation)) / 0.2
    return turn**2 + float((motion.expression**2).sum()) / 0.3 + float((motion.gaze**2).sum()) / 0.02


class _Saved(NamedTuple):
    """A row of the file."""

    rotation: Any
    shift: Any
    scale: Any
    expression: Any
    gaze: Any
    neutral: Any


def _motion(arrays: dict[str, NDArray[Any]], row: int) -> Motion:
    one = _Saved(*(arrays[name][row] for name in _Saved._fields))
    return Motion(one.rotation, one.shift, float(one.scale), one.expression, one.gaze, neutral=one.neutral)


def _arrays(node: str, path: str) -> tuple[dict[str, NDArray[Any]], float]:
    """The columns of the file, and the time of the first frame."""
    try:
        arrays = read_npz(Path(path), (), optional=(*_ARRAYS, "neutral", "start"))
        lacking = [name for name in _ARRAYS if name not in arrays]
        if lacking:
            raise InputError(
                f"{node}: {path} is no motion file: it lacks {', '.join(lacking)}. One is written by an "
                "output with `use: motion`."
            )
        times = arrays["time"].reshape(-1)
        # Files of former versions say nothing of it, and begin with their first face.
        arrays.setdefault("neutral", np.zeros((len(times), 0), np.float32))
        start = float(arrays.pop("start", times.min(initial=np.inf)).item())
    except OSError as error:
        raise InputError(f"{node}: {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise InputError(f"{node}: {path} is no motion file ({error}).") from error
    if any(array.shape[:1] != times.shape for array in arrays.values()):
        raise InputError(f"{node}: {path} is damaged: its arrays have unequal lengths.")
    return arrays, start
