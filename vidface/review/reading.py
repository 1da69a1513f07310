"""Reading a run's folder: what a report is made of, also where the run was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vidface.data import oncejson
from vidface.errors import UsageError
from vidface.graph.custody import ADDED, DIGEST, RUN_DIGEST, ambiguity, run_digest
from vidface.graph.notes import check_notes

ABOUT: Final = "about.json"
"""What the input's file says of itself, as the sink `about` wrote it."""
_BOXES_PER_S: Final = 5
_MOST_BOXES: Final = 3000
"""Places of a track that the page gets to draw; of longer ones every second, every third ..."""


@dataclass(slots=True)
class TrackPath:
    """Where a track's face is: seconds and box (share of the picture's width and height) of a few frames.

    Attributes:
        looked, found: of its frames, those on which the detector looked, and on which it was found then.
    """

    times: list[float] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    spans: list[list[float]] = field(default_factory=list)
    looked: int = 0
    found: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """A run's folder, read.

    Attributes:
        folder: where it lies.
        manifest: run.json as the run left it, without what was put under its seal later.
        tracks: rows of tracks.jsonl, by track number.
        findings: rows of findings.jsonl, in order.
        paths: track -> where its face is.
        shots: track -> rows of shots/index.jsonl.
        notes: the reviewers' notes, in order.
        source: what about.json holds; empty where there is none.
        notes_faults: what is wrong with the notes' chain, as phrases.
        first, last: seconds of the earliest and the latest frame.
        frames: lines of faces.jsonl.
        looked: frames on which the detector looked.
        torn: names of files whose last line was cut off.
        changed: run.json is not the one that the run left.
        altered: what else of the folder is not, as phrases; see `vidface.review.altered`.
    """

    folder: Path
    manifest: dict[str, Any]
    tracks: tuple[dict[str, Any], ...]
    findings: tuple[dict[str, Any], ...]
    paths: dict[int, TrackPath]
    shots: dict[int, list[dict[str, Any]]]
    notes: tuple[dict[str, Any], ...]
    source: dict[str, Any]
    notes_faults: tuple[str, ...]
    first: float
    last: float
    frames: int
    looked: int
    torn: tuple[str, ...]
    changed: bool
    altered: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input's pictures."""
        facts = self.manifest.get("input") or {}
        return int(facts.get("width") or 1), int(facts.get("height") or 1)


def read_run(folder: Path) -> Material:
    """Read a run's folder.

    Raises:
        UsageError: it holds no run.json, or that is no manifest of a run.
        InputError: the notes cannot be read.
    """
    manifest = _manifest(folder)
    torn: list[str] = []
    walk = _Walk(*_size(manifest))
    for row in _rows(folder / "faces.jsonl", torn):
        walk.add(row)
    notes, faults = check_notes(folder, str(manifest.get(RUN_DIGEST)))
    shots: dict[int, list[dict[str, Any]]] = {}
    for row in _rows(folder / "shots" / "index.jsonl", torn):
        shots.setdefault(int(row.get("track", 0)), []).append(row)
    tracks = sorted(_rows(folder / "tracks.jsonl", torn), key=lambda row: int(row.get("track", 0)))
    return Material(
        folder=folder,
        manifest=manifest,
        tracks=tuple(tracks) or tuple(walk.tracks()),
        findings=tuple(_rows(folder / "findings.jsonl", torn)),
        paths=walk.paths,
        shots=shots,
        notes=tuple(note.to_json() for note in notes),
        source=_mapping(folder / ABOUT),
        notes_faults=faults,
        first=walk.first,
        last=walk.last,
        frames=walk.frames,
        looked=walk.looked,
        torn=tuple(torn),
        changed=bool(ambiguity(folder))
        or (RUN_DIGEST in manifest and manifest[RUN_DIGEST] != run_digest(manifest)),
    )


class _Walk:
    """One pass over faces.jsonl, which may be long: only a few places of each track are kept."""

    def __init__(self, wide: int, high: int) -> None:
        self.paths: dict[int, TrackPath] = {}
        self.first = self.last = 0.0
        self.frames = self.looked = 0
        self._scale = (1 / wide, 1 / high)
        self._rows: dict[int, dict[str, Any]] = {}

    def add(self, line: dict[str, Any]) -> None:
        """Take in a frame's line."""
        now = float(line.get("time", 0))
        self.first = now if self.frames == 0 else min(self.first, now)
        self.last = now if self.frames == 0 else max(self.last, now)
        self.frames += 1
        self.looked += bool(line.get("looked", True))
        for face in line.get("faces", ()):
            if face.get("track") is not None:
                self._face(int(face["track"]), now, line, face)

    def tracks(self) -> Iterator[dict[str, Any]]:
        """What tracks.jsonl would say, in short: a run that was cut off has none."""
        yield from (self._rows[track] for track in sorted(self._rows))

    def _face(self, track: int, now: float, line: dict[str, Any], face: dict[str, Any]) -> None:
        path = self.paths.setdefault(track, TrackPath())
        looked = bool(line.get("looked", True))
        path.looked += looked
        path.found += looked and not face.get("interpolated")
        if path.spans and now - path.spans[-1][1] <= 1:
            path.spans[-1][1] = now
        else:
            path.spans.append([now, now])
        if not path.times or now - path.times[-1] >= 1 / _BOXES_PER_S:
            x, y = self._scale
            x1, y1, x2, y2 = face["box"]
            path.times.append(round(now, 3))
            path.boxes.append((round(x1 * x, 4), round(y1 * y, 4), round(x2 * x, 4), round(y2 * y, 4)))
        if len(path.times) > _MOST_BOXES:
            path.times, path.boxes = path.times[::2], path.boxes[::2]
        row = self._rows.setdefault(
            track, {"track": track, "first_time": line.get("time"), "first_frame": line.get("frame")}
        )
        row |= {"last_time": line.get("time"), "last_frame": line.get("frame")}
        row["frames"] = row.get("frames", 0) + 1
        if "verdict" in face:
            row["verdict"] = face["verdict"]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the folder of a finished run")
    if not path.is_file():
        raise UsageError(f"{folder}: holds no run.json; name the folder that `vidface review` wrote")
    found = _mapping(path)
    if not isinstance(found.get("input"), dict):
        raise UsageError(f"{path}: is no manifest of a run; was it edited? `vidface verify` can tell")
    return {key: value for key, value in found.items() if key not in (ADDED, DIGEST)}


def _size(manifest: dict[str, Any]) -> tuple[int, int]:
    facts = manifest["input"]
    return int(facts.get("width") or 1), int(facts.get("height") or 1)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = oncejson.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _rows(path: Path, torn: list[str]) -> Iterator[dict[str, Any]]:
    """Every whole line; the name of a file with another goes into `torn`."""
    if not path.is_file():
        return
    whole = True
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = oncejson.loads(line)
            except ValueError:
                whole = False
                continue
            if isinstance(row, dict):
                yield row
    if not whole:
        torn.append(path.name)
