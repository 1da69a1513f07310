"""What `vidface eval` reads and measures on the way: clips frame by frame, faces files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.cli._followed import followed
from vidface.cli._tables import frame_lines
from vidface.data import NOT_TRACKED, Faces
from vidface.errors import UsageError
from vidface.eval.homography import Features, Matrix, features, homography
from vidface.eval.stabilize import StabilityScore, face_jitter, score
from vidface.graph.run import run
from vidface.media.decode import open_source

_WIDTH: Final = 960
_LARGEST: Final = 2**53
"""Number of a track or person: numbers that JSON holds exactly."""
Points = NDArray[np.float64]
"""n x 5 x 2, landmarks of one face in every frame; NaN where it was not measured."""


class FaceLines(NamedTuple):
    """Faces of each frame, from lines of JSON.

    Attributes:
        faces: of each frame. hidden: which of them cannot be seen (less than half of it, as the truth says).
        numbers: of the frames, rising; None where the lines have none.
    """

    faces: list[Faces]
    hidden: list[NDArray[np.bool_]]
    numbers: list[int] | None


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


def read_faces(path: Path, *, key: str) -> FaceLines:
    """A faces.jsonl, or a sample's truth; `key` names the number of the track or person.

    A row without a number (a detector's output, say) gets one that nothing else has: it belongs to no other.

    Raises:
        InputError: it is missing, a line is no frame, or frames are not numbered once each.
    """

    def read(line: dict[str, Any]) -> tuple[Faces, NDArray[np.bool_]]:
        rows = line["faces"]
        boxes = [row["box"] for row in rows]
        tracks = [NOT_TRACKED if row[key] is None else row[key] for row in rows]
        if not all(_whole(one) for one in tracks):
            raise ValueError(f"{key} must be a whole number of at most {_LARGEST}")
        named = [one for one in tracks if one != NOT_TRACKED]
        if twice := sorted({one for one in named if named.count(one) > 1}):
            raise ValueError(f"{key} {twice[0]} is there twice; one face of a frame has it")
        filled = [row.get("interpolated", False) for row in rows]
        if not all(isinstance(one, bool) for one in filled):
            raise ValueError("interpolated must be true or false")
        hidden = np.array([row.get("visible", 1.0) < 0.5 for row in rows], bool)
        return Faces.of(boxes, tracks=tracks, interpolated=filled), hidden

    found, numbers = frame_lines(path, f"lines of faces with {key!r}", read)
    return FaceLines(_numbered([faces for faces, _ in found]), [hidden for _, hidden in found], numbers)


def _whole(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= _LARGEST
        and float(value).is_integer()
    )


def check_same_frames(truth: str, wanted: FaceLines, result: str, found: FaceLines) -> None:
    """Both files are of the same frames.

    Raises:
        UsageError: they are not; the sentence names the first frame that only one of them has.
    """
    if len(wanted.faces) != len(found.faces):
        raise UsageError(
            f"{truth} has {len(wanted.faces)} frames, but {result} has {len(found.faces)}: they are not of "
            "one clip"
        )
    if wanted.numbers is None or found.numbers is None:
        return
    apart = set(wanted.numbers) ^ set(found.numbers)
    if apart:
        first = min(apart)
        here, there = (truth, result) if first in wanted.numbers else (result, truth)
        raise UsageError(f"{here} has a frame {first}, but {there} has none: they are not of one clip")


def _numbered(frames: list[Faces]) -> list[Faces]:
    highest = max((int(faces.tracks.max()) for faces in frames if len(faces)), default=0)
    lone = count(max(highest, 0) + 1)
    return [
        faces.with_tracks(
            np.array([next(lone) if one == NOT_TRACKED else one for one in faces.tracks.tolist()], np.int64)
        )
        for faces in frames
    ]
