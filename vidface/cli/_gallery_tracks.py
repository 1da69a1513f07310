"""A track of a finished run, read from its folder: where the face was, and in which clip."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, oncejson
from vidface.data.digest import sha256_of
from vidface.errors import InputError

_READING: Final = ("colorspace", "rotate", "square")


@dataclass(frozen=True, slots=True, eq=False)
class TrackPlaces:
    """Where a track's face was.

    Attributes:
        clip: the run's input. digest: SHA-256 of the clip and the track's number.
        start, stop: the part of the clip that was run, in seconds.
        faces: frame index -> the one face, with box and landmarks.
        reading: how else the clip was read; without it faces lie elsewhere.
    """

    clip: Path
    digest: str
    start: float | None
    stop: float | None
    faces: dict[int, Faces]
    reading: dict[str, Any] = field(default_factory=dict)


def places_of(run: Path, track: int, every_s: float) -> TrackPlaces:
    """Read a track: detected faces, at most one every so many seconds.

    Raises:
        InputError: the folder is no run, or there is no such track in it, or the clip is not what it was.
    """
    try:
        told = oncejson.read((run / "run.json").read_text(encoding="utf-8"))
        clip, wanted = Path(told["input"]["path"]), told["input"]["sha256"]
        start, stop = told["from"], told["to"]
        reading = {key: (told.get("settings") or {}).get(key) for key in _READING}
        faces = dict(_faces(run / "faces.jsonl", track, every_s))
    except OSError as error:
        raise InputError(f"{run} is no finished run: {error.filename}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{run}: run.json or faces.jsonl is damaged ({error})") from error
    if not faces:
        raise InputError(f"{run} has no track {track} with landmarks; tracks.jsonl lists those there are")
    if not clip.is_file():
        raise InputError(f"{run} was run on {clip}, which is not there: run this from the folder of that run")
    digest = sha256_of(clip)
    if wanted not in (None, digest):
        raise InputError(f"{clip} is not the file any more that {run} was run on")
    own = hashlib.sha256(f"{digest}#{track}".encode()).hexdigest()
    return TrackPlaces(clip, own, start, stop, faces, reading)


def _faces(path: Path, track: int, every_s: float) -> Iterator[tuple[int, Faces]]:
    last = -np.inf
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = oncejson.loads(line)
            face = next((face for face in row["faces"] if face["track"] == track), None)
            if face is None or face["interpolated"] or face["landmarks"] is None:
                continue
            if float(row["time"]) - last >= every_s:
                last = float(row["time"])
                yield int(row["frame"]), _one(face)


def _one(face: dict[str, Any]) -> Faces:
    points: NDArray[np.float32] = np.asarray(face["landmarks"], np.float32).reshape(1, 5, 2)
    return Faces.of([face["box"]], scores=[face["score"]], landmarks=points)
