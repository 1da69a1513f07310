"""Meshes from and to files: Wavefront .obj (vertices and triangles) and .npz (points of many meshes)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import InputError

Array = NDArray[np.float64]
_LEAST_POINTS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class MeshSet:
    """Meshes with the same points.

    Attributes:
        names: n, of what each mesh came from ("smile.obj", "meshes.npz #12").
        points: n x p x 3 float64, in the files' own axes.
        triangles: t x 3 point numbers from 0; none where the files have none.
    """

    names: tuple[str, ...]
    points: Array
    triangles: NDArray[np.int64]


def read_set(paths: list[Path]) -> MeshSet:
    """Read .obj files and .npz files (array `points`, p x 3 or n x p x 3) as one set.

    Meshes of an .npz that are NaN (a face that was not measured) are left out.

    Raises:
        InputError: nothing to read, a file is broken, or the meshes have another number of points.
    """
    names: list[str] = []
    parts: list[Array] = []
    triangles = np.zeros((0, 3), np.int64)
    for path in paths:
        if path.suffix.lower() == ".npz":
            table = _read_npz(path)
            labels = [path.name] if len(table) == 1 else [f"{path.name} #{i}" for i in range(len(table))]
        else:
            points, triangles = _read_obj(path)
            table, labels = points[None], [path.name]
        if parts and parts[0].shape[1] != table.shape[1]:
            raise InputError(
                f"{path} has meshes of {table.shape[1]} points, but {paths[0]} of {parts[0].shape[1]}: "
                "meshes must have the same points in the same order"
            )
        known = np.flatnonzero(np.isfinite(table).all((1, 2)))
        parts.append(table[known])
        names += [labels[i] for i in known.tolist()]
    if not names:
        raise InputError("there is no mesh to read in the files given")
    return MeshSet(tuple(names), np.concatenate(parts), triangles)


def _read_npz(path: Path) -> Array:
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["points"], np.float64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read as meshes (.npz with an array 'points'): {error}") from error
    table = points[None] if points.ndim == 2 else points
    if table.ndim != 3 or table.shape[2] != 3 or table.shape[1] < _LEAST_POINTS:
        raise InputError(f"{path}: 'points' must be n x p x 3, but is {points.shape}")
    return table


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
