"""`vidface eval mesh`: files of the sink `mesh`, read, paired with each other, and track by track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vidface.data import NOT_TRACKED
from vidface.data.mesh import POINTS
from vidface.data.npz import read_npz
from vidface.errors import InputError

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class MeshRows:
    """A file of the sink `mesh`.

    Attributes:
        frame, track: n, whole numbers; -1 for a face without a track.
        points: n x 478 x 3, pixels; NaN where nothing was measured.
    """

    frame: Ints
    track: Ints
    points: NDArray[np.float64]


def load_meshes(path: Path) -> MeshRows:
    """Read a file of the sink `mesh`.

    Raises:
        InputError: it is missing, damaged, no .npz, or has no meshes in it.
    """
    try:
        arrays = read_npz(path, ("points", "frame", "track"))
        points = np.asarray(arrays["points"], np.float64)
        columns = [_whole(name, arrays[name]) for name in ("frame", "track")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read as a file of meshes (.npz of the sink mesh): {error}"
        ) from error
    if points.ndim != 3 or points.shape[1:] != (POINTS, 3):
        raise InputError(f"{path}: points must be n x {POINTS} x 3, but are {_shape(points)}")
    for name, column in zip(("frame", "track"), columns, strict=True):
        if column.shape != (len(points),):
            raise InputError(
                f"{path}: {name} must have a number for each of {len(points)} meshes, but is {_shape(column)}"
            )
    return MeshRows(columns[0], columns[1], points)


def paired(found: MeshRows, wanted: MeshRows) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Meshes of the same frames, one to one by the least distance; and how many of `wanted` had none."""
    here, there, missed = [], [], 0
    for frame in np.unique(wanted.frame):
        mine = found.points[(found.frame == frame) & np.isfinite(found.points).all((1, 2))]
        theirs = wanted.points[(wanted.frame == frame) & np.isfinite(wanted.points).all((1, 2))]
        away = np.linalg.norm(mine[:, None, :, :2] - theirs[None, :, :, :2], axis=-1).mean(-1)
        rows, columns = linear_sum_assignment(away)
        here += list(mine[rows])
        there += list(theirs[columns])
        missed += len(theirs) - len(rows)
    shape = (0, *wanted.points.shape[1:])
    return np.array(here).reshape(-1, *shape[1:]), np.array(there).reshape(-1, *shape[1:]), missed


def nobodys(meshes: MeshRows) -> int:
    """Meshes without a track in a file where a frame has several such: nothing tells whose they are."""
    lone = meshes.frame[meshes.track == NOT_TRACKED]
    return len(lone) if len(np.unique(lone)) < len(lone) else 0


def tracks_of(meshes: MeshRows) -> Iterator[NDArray[np.float64]]:
    """Of every track its meshes over consecutive frames, NaN where a frame is missing.

    Meshes without a track are one where no frame has two of them, and else left out; see `nobodys`.
    """
    for track in np.unique(meshes.track):
        if track == NOT_TRACKED and nobodys(meshes):
            continue
        rows = np.flatnonzero(meshes.track == track)
        frames = meshes.frame[rows] - meshes.frame[rows].min()
        table = np.full((int(frames.max()) + 1, *meshes.points.shape[1:]), np.nan)
        table[frames] = meshes.points[rows]
        yield table


def _whole(name: str, values: Any) -> Ints:
    """An array of whole numbers, whatever they are kept as."""
    numbers = np.asarray(values)
    whole = numbers.astype(np.int64) if numbers.dtype.kind in "iuf" and np.isfinite(numbers).all() else None
    if whole is None or not np.array_equal(whole, numbers):
        raise ValueError(f"{name} must be whole numbers")
    return whole


def _shape(values: NDArray[Any]) -> str:
    return " x ".join(map(str, values.shape)) or "a single number"
