"""Reading the folders of runs: the tracks that the sink `embeddings` left there, with their best shots."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data import oncejson
from vidface.data.npz import read_npz
from vidface.errors import InputError, UsageError

MANIFEST: Final = "run.json"
_NUMBERS: Final = ("track", "looks", "evidence", "best_frame", "first_frame", "last_frame", "first_time")
_COLUMNS: Final = (*_NUMBERS, "last_time", "state", "name")
_SPANS: Final = ("span_track", "span_first", "span_last")
_STATES: Final = ("known", "unknown", "undecided", "")


@dataclass(frozen=True, slots=True)
class Shot:
    """The best picture of a track.

    Attributes:
        path: the picture. frame: index of its frame. quality: in [0, 1].
        crop: how it was cut out, as `crop` of the sink `images`; "" where the run does not say.
        box: x1 y1 x2 y2 of the face in pixels of the frame.
    """

    path: Path
    frame: int
    quality: float
    crop: str
    box: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One track of a run.

    Attributes:
        run: the run's folder, absolute. number: of the track.
        vector: d float32 of unit length; zeros where it was never measured.
        looks: how many went into it. evidence: the sum of their weights.
        best_frame, first_frame, last_frame: indices of frames. first_time, last_time: seconds.
        state, name: what was decided of it last; "" where nobody was asked.
        spans: begin and end (seconds) of the times at which it was seen.
        shot: its best picture; None where the run has none.
    """

    run: Path
    number: int
    vector: NDArray[np.float32]
    looks: int
    evidence: float
    best_frame: int
    first_frame: int
    last_frame: int
    first_time: float
    last_time: float
    state: str
    name: str
    spans: tuple[tuple[float, float], ...]
    shot: Shot | None = None

    @property
    def source(self) -> str:
        """RUN#track, for people to read."""
        return f"{self.run}#{self.number}"

    @property
    def key(self) -> str:
        """A name that stays the same when the run is moved or repeated, and says nothing of the person."""
        return hashlib.sha256(self.vector.tobytes()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run says of its tracks.

    Attributes:
        folder: absolute. file: the one with the vectors. model: fingerprint of the embedder.
    """

    folder: Path
    file: Path
    model: str
    tracks: tuple[Track, ...]


def read_runs(places: Sequence[Path]) -> tuple[Run, ...]:
    """Read some runs, each once, in the order of their folders' names.

    Args:
        places: folders of runs, or the .npz file in one that has several.

    Raises:
        UsageError: vectors of two embedders, which cannot be compared, or a run without embeddings.
        InputError: no folder of a run, or a file in it is damaged.
    """
    every = {run.file: run for run in map(read_run, places)}
    runs = tuple(run for _, run in sorted(every.items()))
    models: dict[str, Run] = {}
    for run in runs:
        if run.tracks:
            models.setdefault(run.model, run)
    if len(models) > 1:
        one, two, *_ = models.values()
        raise UsageError(
            f"{one.folder} has vectors of the embedder {one.model}, but {two.folder} of {two.model}: vectors "
            "of two embedders cannot be compared; run one of them again with the other's model"
        )
    return runs


def read_run(place: Path) -> Run:
    """Read one run; see `read_runs`."""
    folder = (place.parent if place.suffix == ".npz" else place).resolve()
    manifest = _manifest(folder)
    path = place.resolve() if place.suffix == ".npz" else _embeddings_of(folder, manifest)
    model, tracks = _read(path, folder)
    decided = dict(_decisions(folder))
    shots = _shots(folder)
    return Run(
        folder,
        path,
        model,
        tuple(_completed(track, shots, decided) for track in tracks),
    )


def _completed(track: Track, shots: dict[int, Shot], decided: dict[int, tuple[str, str]]) -> Track:
    """With its shot, and where its own file does not say it, with what was decided of it."""
    state, name = (track.state, track.name) if track.state else decided.get(track.number, ("", ""))
    return replace(track, state=state, name=name, shot=shots.get(track.number))


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a .jsonl file.

    Raises:
        InputError: one is not an object of JSON; the last one of a run that was killed may be cut off.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = oncejson.loads(line)
                except ValueError:
                    if not line.endswith("\n"):
                        return
                    row = None
                if not isinstance(row, dict):
                    raise InputError(f"{path}:{number} is no object of JSON; run the clip again")
                yield row
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        facts = oncejson.read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} is no folder of a run: there is no {MANIFEST} in it; name what `vidface run -o` made"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise InputError(f"{path} is no object of JSON")
    return facts


def _embeddings_of(folder: Path, manifest: dict[str, Any]) -> Path:
    """The one .npz file that has tracks with vectors in it."""
    found = [path for path in sorted(folder.glob("*.npz")) if _is_embeddings(path)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise UsageError(
            f"{folder} has several files of embeddings ({names}): name one of them, not the folder"
        )
    status = manifest.get("status")
    why = " (the run has not ended)" if status == "running" else ""
    raise UsageError(
        f"{folder} has no embeddings of tracks{why}: give the graph an output such as "
        "people: {use: embeddings, in: {faces: track, embeddings: embed}}, and run it again"
    )


def _is_embeddings(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        # Told by reading it, if it is the only one.
        return True
    return {"vector.npy", "track.npy"} <= names


def _read(path: Path, folder: Path) -> tuple[str, list[Track]]:
    arrays = _arrays(path)
    spans: dict[int, list[tuple[float, float]]] = {}
    for number, first, last in zip(*(arrays[name].tolist() for name in _SPANS), strict=True):
        spans.setdefault(number, []).append((first, last))
    columns = {name: arrays[name].tolist() for name in _COLUMNS}
    numbers = columns.pop("track")
    return str(arrays["model"]), [
        Track(
            run=folder,
            number=number,
            vector=arrays["vector"][row],
            spans=tuple(spans.get(number, ())),
            **{name: values[row] for name, values in columns.items()},
        )
        for row, number in enumerate(numbers)
    ]


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        arrays = read_npz(path, (*_COLUMNS, *_SPANS, "vector", "model"))
    except KeyError as error:
        raise InputError(f"{path} has no array {error.args[0]}: it is not of the sink embeddings") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the clip again") from error
    wrong = _fault(arrays)
    if wrong:
        raise InputError(f"{path} is damaged: {wrong}; run the clip again")
    return arrays


def _fault(arrays: dict[str, NDArray[Any]]) -> str:
    """What is wrong with the arrays, "" where nothing is."""
    vectors = arrays["vector"]
    if vectors.dtype != np.float32 or vectors.ndim != 2:
        return f"wanted n x d float32 vectors, but found {vectors.shape} {vectors.dtype}"
    for name in (*_COLUMNS, *_SPANS):
        count = len(arrays["span_track"]) if name in _SPANS else len(vectors)
        kinds = "U" if name in ("state", "name") else "if"
        if arrays[name].shape != (count,) or arrays[name].dtype.kind not in kinds:
            return f"{name} has {arrays[name].shape} {arrays[name].dtype} for {count} rows"
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.all((np.abs(lengths - 1) < 1e-2) | (lengths == 0)):
        return "vectors are not of unit length"
    if not set(arrays["state"].tolist()) <= set(_STATES):
        return "states that are none"
    numbers = arrays["track"]
    return "" if len(np.unique(numbers)) == len(numbers) else "a track stands there twice"


def _decisions(folder: Path) -> Iterator[tuple[int, tuple[str, str]]]:
    """State and name of tracks, from the lines of the sink jsonl."""
    for path in sorted(folder.glob("*tracks.jsonl")):
        for row in lines_of(path):
            who, number = row.get("identity"), row.get("track")
            if isinstance(who, dict) and isinstance(number, int) and who.get("state") in _STATES:
                yield number, (str(who["state"]), str(who.get("name") or ""))


def _shots(folder: Path) -> dict[int, Shot]:
    """The best picture of each track, from the index of the sink images."""
    best: dict[int, Shot] = {}
    for index in sorted(folder.glob("*/index.jsonl")):
        for row in lines_of(index):
            try:
                number, shot = int(row["track"]), _shot(index.parent, row)
            except (KeyError, TypeError, ValueError):
                continue
            # A name in the index may lead elsewhere.
            inside = shot.path.resolve().is_relative_to(folder.resolve())
            if inside and shot.path.is_file() and (number not in best or shot.quality > best[number].quality):
                best[number] = shot
    return best


def _shot(folder: Path, row: dict[str, Any]) -> Shot:
    quality = min(max(float(row["quality"]), 0.0), 1.0)
    box = tuple(float(value) for value in row["box"])
    return Shot(folder / str(row["file"]), int(row["frame"]), quality, str(row.get("crop", "")), box)
