"""Meshes from and to files: Wavefront .obj (vertices and triangles) and .npz (points of many meshes)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.npz import read_npz
from vidface.errors import InputError, UsageError

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
_LEAST_POINTS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class MeshSet:
    """Meshes with the same points, of one person.

    Attributes:
        names: n, of what each mesh came from ("smile.obj", "meshes.npz #12", "mesh.npz track 1 frame 40").
        points: n x p x 3 float64, in the files' own axes.
        triangles: t x 3 point numbers from 0; none where the files have none.
        tracks, frames: n int64; -1 where the file does not say.
    """

    names: tuple[str, ...]
    points: Array
    triangles: Ints
    tracks: Ints
    frames: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The meshes of one file; `tracks` and `frames` are None where it does not say."""

    path: Path
    points: Array
    tracks: Ints | None = None
    frames: Ints | None = None

    def pick(self, rows: NDArray[Any]) -> _Table:
        """Some of them."""
        tracks, frames = (None if one is None else one[rows] for one in (self.tracks, self.frames))
        return _Table(self.path, self.points[rows], tracks, frames)

    def names(self) -> list[str]:
        """What each row is called, before any is left out."""
        if self.tracks is None and self.frames is None:
            several = self.path.suffix.lower() == ".npz" and len(self.points) > 1
            return [f"{self.path.name} #{i}" if several else self.path.name for i in range(len(self.points))]
        parts = [
            ["" if value < 0 else f" {word} {value}" for value in _column(column, len(self.points)).tolist()]
            for word, column in (("track", self.tracks), ("frame", self.frames))
        ]
        return [self.path.name + "".join(words) for words in zip(*parts, strict=True)]


def read_set(paths: list[Path], *, track: int | None = None) -> MeshSet:
    """Read .obj files and .npz files (array `points`, p x 3 or n x p x 3) as one set.

    Meshes of an .npz that are NaN (a face that was not measured) are left out. Arrays `track` and `frame` of
    an .npz, as the sink `mesh` writes them, say whose mesh each row is, and when.

    Args:
        track: of files that have tracks, this one.

    Raises:
        InputError: nothing to read, a file is broken, or the meshes have another number of points.
        UsageError: a file has meshes of several people, or not the track that is asked for.
    """
    tables: list[_Table] = []
    names: list[str] = []
    triangles: Ints = np.zeros((0, 3), np.int64)
    for path in paths:
        if path.suffix.lower() == ".npz":
            table = _read_npz(path)
        else:
            points, triangles = _read_obj(path)
            table = _Table(path, points[None])
        if tables and tables[0].points.shape[1] != table.points.shape[1]:
            raise InputError(
                f"{path} has meshes of {table.points.shape[1]} points, but {paths[0]} of "
                f"{tables[0].points.shape[1]}: meshes must have the same points in the same order"
            )
        labels = table.names()
        known = np.asarray(np.isfinite(table.points).all((1, 2)))
        kept = np.flatnonzero(known & _of_one(table, known, track))
        names += [labels[i] for i in kept.tolist()]
        tables.append(table.pick(kept))
    if not names:
        raise InputError("there is no mesh to read in the files given")
    tracks, frames = (
        np.concatenate([_column(getattr(one, which), len(one.points)) for one in tables])
        for which in ("tracks", "frames")
    )
    return MeshSet(tuple(names), np.concatenate([one.points for one in tables]), triangles, tracks, frames)


def _of_one(table: _Table, known: NDArray[np.bool_], track: int | None) -> NDArray[np.bool_]:
    """Rows of the one person whom a file shows, or of the track that is asked for."""
    tracks = table.tracks
    if tracks is None:
        return known
    there = sorted(set(tracks[known].tolist()))
    said = _listed(there)
    if track is not None and there and track not in there:
        raise UsageError(f"{table.path} has no track {track}: it has {said}")
    if track is None and len(there) > 1:
        raise UsageError(f"{table.path} has {said}: one person at a time, --track N")
    chosen: NDArray[np.bool_] = known if track is None else known & (tracks == track)
    frames = [] if table.frames is None else [one for one in table.frames[chosen].tolist() if one >= 0]
    if len(set(frames)) < len(frames):
        raise UsageError(
            f"{table.path} has several faces in one frame that no track tells apart: one person at a time; "
            "follow the faces first (track.faces)"
        )
    return chosen


def _listed(tracks: list[int]) -> str:
    numbers = [str(one) for one in tracks if one >= 0]
    words = [f"track{'' if len(numbers) == 1 else 's'} {' and '.join(numbers)}"] if numbers else []
    return " and ".join([*words, "faces without a track"] if -1 in tracks else words)


def _column(values: Ints | None, count: int) -> Ints:
    return np.full(count, -1, np.int64) if values is None else values


def _read_npz(path: Path) -> _Table:
    try:
        arrays = read_npz(path, ("points",), optional=("track", "frame"))
        points = np.asarray(arrays["points"], np.float64)
        columns = [
            np.atleast_1d(arrays[name].astype(np.int64)) if name in arrays else None
            for name in ("track", "frame")
        ]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as meshes (.npz with an array 'points'): {error}") from error
    table = points[None] if points.ndim == 2 else points
    if table.ndim != 3 or table.shape[2] != 3 or table.shape[1] < _LEAST_POINTS:
        raise InputError(f"{path}: 'points' must be n x p x 3, but is {points.shape}")
    for name, column in zip(("track", "frame"), columns, strict=True):
        if column is not None and column.shape != (len(table),):
            raise InputError(f"{path}: {name!r} must have a value for each mesh, {len(table)} in all")
    return _Table(path, table, columns[0], columns[1])


def _read_obj(path: Path) -> tuple[Array, NDArray[np.int64]]:
    """Vertices and triangles of an .obj; polygons are cut into triangles, all else is passed over."""
    vertices: list[list[float]] = []
    faces: list[list[int]] = []
    done = 0
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            done += 1
            kind, *words = line.split() or [""]
            if kind == "v":
                vertices.append(_vertex(words))
            elif kind == "f":
                corners = [_corner(word, len(vertices)) for word in words]
                faces += [[corners[0], *corners[i : i + 2]] for i in range(1, len(corners) - 1)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}, line {done}: is no Wavefront .obj ({error})") from error
    points: Any = np.array(vertices, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < _LEAST_POINTS:
        raise InputError(f"{path} is no mesh: it has {len(vertices)} vertices with three coordinates")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: a vertex is not finite")
    return points, np.array(faces, np.int64).reshape(-1, 3)


def _vertex(words: list[str]) -> list[float]:
    if len(words) < 3:
        raise ValueError(f"a vertex has {len(words)} coordinates")
    return [float(word) for word in words[:3]]


def _corner(word: str, count: int) -> int:
    """`7/2/3` -> 6; negative numbers count back from the last vertex."""
    number = int(word.partition("/")[0])
    place = number - 1 if number > 0 else count + number
    if not 0 <= place < count:
        raise ValueError(f"vertex {number} of {count}")
    return place


def obj_text(points: Array, triangles: NDArray[np.int64]) -> str:
    """A mesh as an .obj."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in triangles.tolist()]
    return "\n".join(lines) + "\n"
