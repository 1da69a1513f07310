"""What `vidface eval` reads and measures on the way: clips frame by frame, mesh files, faces files."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vidface.cli._followed import followed
from vidface.data import NOT_TRACKED, Faces
from vidface.errors import InputError, UsageError
from vidface.eval.homography import Features, Matrix, features, homography
from vidface.eval.stabilize import StabilityScore, face_jitter, score
from vidface.graph.run import run
from vidface.media.decode import open_source

_WIDTH: Final = 960
Points = NDArray[np.float64]
"""n x 5 x 2, landmarks of one face in every frame; NaN where it was not measured."""


class MeshRows:
    """A file of the sink `mesh`: frame (n), track (n), points (n x 478 x 3)."""

    def __init__(self, frame: Any, track: Any, points: Any) -> None:
        self.frame, self.track, self.points = frame, track, points


class Compared(NamedTuple):
    """The figures of an output, and per frame the way from pixels of the input to its own, or None."""

    score: StabilityScore
    ways: list[Matrix | None]


def stability_of(source: str, output: str) -> StabilityScore:
    """The figures of an output against its input; the output is measured at the input's size.

    Raises:
        UsageError: the two have another number of frames.
    """
    return compared(source, output).score


def compared(source: str, output: str) -> Compared:
    """The same, with the homographies behind it.

    Raises:
        UsageError: the two have another number of frames.
    """
    across: list[Matrix | None] = []
    ways: list[Matrix | None] = []
    steps: list[Matrix | None] = []
    last: Features | None = None
    size = source_size = (1, 1)
    for number, (before, after) in enumerate(zip_longest(_small(source), _small(output))):
        if before is None or after is None:
            short = source if before is None else output
            raise UsageError(f"{short} ends after {number} frames, but the other goes on: not of one clip")
        here, there = features(before.luma), features(after.luma)
        found = homography(here, there)
        grow = (before.luma.size / after.luma.size) ** 0.5
        across.append(None if found is None else np.diag([grow, grow, 1.0]) @ found)
        ways.append(None if found is None else after.whole @ found @ np.linalg.inv(before.whole))
        if last is not None:
            steps.append(homography(last, there))
        last, size, source_size = there, after.luma.shape[1::-1], before.luma.shape[1::-1]
    return Compared(score(across, steps, size=size, source_size=source_size), ways)


class _Small(NamedTuple):
    """Brightness of a frame, at most 960 pixels wide, and the way from its pixels to the frame's (3 x 3)."""

    luma: NDArray[np.uint8]
    whole: Matrix


def _small(path: str) -> Iterator[_Small]:
    source = open_source(path)
    try:
        for frame in source.frames():
            luma = frame.luma(min(_WIDTH, frame.size[0]))
            grow = np.array(frame.size) / luma.shape[1::-1]
            yield _Small(luma, np.diag([*grow, 1.0]))
    finally:
        source.close()


def faces_in(path: str) -> list[Faces]:
    """The faces of every frame, tracked, their landmarks from their meshes."""
    return [tick["mesh.faces"] for tick in run(followed(every=2), path)]


def main_face(rows: Sequence[Faces]) -> Points:
    """Landmarks of the face that takes up most of a clip, by size and time."""
    weights: dict[int, float] = defaultdict(float)
    for faces in rows:
        for row in np.flatnonzero((faces.tracks != NOT_TRACKED) & ~faces.interpolated).tolist():
            weights[int(faces.tracks[row])] += float(faces.heights[row])
    return _points(rows, max(weights, key=lambda track: weights[track], default=None))


def same_face(points: Points, rows: Sequence[Faces], ways: Sequence[Matrix | None]) -> Points:
    """Landmarks in an output of the face whose landmarks in the input are given.

    It is the track that lies most often where those went to, nearer than half an inter-ocular distance.
    """
    votes: Counter[int] = Counter()
    for here, faces, way in zip(points, rows, ways, strict=False):
        if way is None or not len(faces) or not np.isfinite(here).all():
            continue
        mapped = np.column_stack([here, np.ones(5)]) @ way.T
        wanted = mapped[:, :2] / mapped[:, 2:]
        away = np.linalg.norm(faces.landmarks - wanted, axis=2).mean(axis=1)
        away[(faces.tracks == NOT_TRACKED) | faces.interpolated] = np.inf
        if away.min() < np.linalg.norm(wanted[1] - wanted[0]) / 2:
            votes[int(faces.tracks[away.argmin()])] += 1
    return _points(rows, max(votes, key=lambda track: votes[track], default=None))


def steadiness(points: Points, rows: Sequence[Faces], ways: Sequence[Matrix | None]) -> dict[str, float]:
    """Jitter of one face in an output and in its input, and the shares of frames that tell of it."""
    there = same_face(points, rows, ways)
    before, after = face_jitter(points), face_jitter(there)
    return {
        "input_jitter_pct": before,
        "face_jitter_pct": after,
        "jitter_ratio": after / before if before else float("nan"),
        "input_face_share": float(np.isfinite(points).all((1, 2)).mean()),
        "face_share": float(np.isfinite(there).all((1, 2)).mean()),
    }


def _points(rows: Sequence[Faces], track: int | None) -> Points:
    points = np.full((len(rows), 5, 2), np.nan)
    for place, faces in enumerate(rows):
        row = np.flatnonzero((faces.tracks == track) & ~faces.interpolated)
        if track is not None and len(row):
            points[place] = faces.landmarks[row[0]]
    return points


def load_meshes(path: Path) -> MeshRows:
    """Read a file of the sink `mesh`.

    Raises:
        InputError: it is missing, no .npz, or has no meshes in it.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return MeshRows(file["frame"], file["track"], np.asarray(file["points"], np.float64))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} cannot be read as a file of meshes (.npz of the sink mesh): {error}"
        ) from error


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


def tracks_of(meshes: MeshRows) -> Iterator[NDArray[np.float64]]:
    """Of every track its meshes over consecutive frames, NaN where a frame is missing."""
    for track in np.unique(meshes.track):
        rows = np.flatnonzero(meshes.track == track)
        frames = meshes.frame[rows] - meshes.frame[rows].min()
        table = np.full((int(frames.max()) + 1, *meshes.points.shape[1:]), np.nan)
        table[frames] = meshes.points[rows]
        yield table


def read_faces(path: Path, *, key: str) -> tuple[list[Faces], list[NDArray[np.bool_]]]:
    """A faces.jsonl, or a sample's truth; `key` names the number of the track or person.

    A row without a number (a detector's output, say) gets one that nothing else has: it belongs to no other.

    Returns:
        The faces of each frame, and which of them cannot be seen (less than half of it, as the truth says).

    Raises:
        InputError: it is missing, or a line is no frame.
    """
    frames, hidden = [], []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            rows = json.loads(line)["faces"]
            boxes = [row["box"] for row in rows]
            tracks = [NOT_TRACKED if row[key] is None else row[key] for row in rows]
            filled = [bool(row.get("interpolated", False)) for row in rows]
            frames.append(Faces.of(boxes, tracks=tracks, interpolated=filled))
            hidden.append(np.array([row.get("visible", 1.0) < 0.5 for row in rows], bool))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as lines of faces with {key!r}: {error}") from error
    return _numbered(frames), hidden


def _numbered(frames: list[Faces]) -> list[Faces]:
    highest = max((int(faces.tracks.max()) for faces in frames if len(faces)), default=0)
    lone = count(max(highest, 0) + 1)
    return [
        faces.with_tracks(
            np.array([next(lone) if one == NOT_TRACKED else one for one in faces.tracks.tolist()], np.int64)
        )
        for faces in frames
    ]
