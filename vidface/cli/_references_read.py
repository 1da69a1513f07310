"""Reading references: the one clear face of a picture or a clip, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from vidface.data import NOT_TRACKED, Embeddings, Faces
from vidface.data.digest import sha256_of
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.errors import InputError
from vidface.graph.run import run
from vidface.graph.tick import Tick
from vidface.infer.embedder import Embedder
from vidface.media.images import is_still
from vidface.nodes.forensics._reading import PartsReader, samples_of
from vidface.vision.manner import SIGNALS, signals_of
from vidface.vision.personlook import Sample

_AS_LARGE: Final = 0.6
"""A second face of this share of the first one's size (a clip: size times frames) is as clear as it."""
_PARTS_S: Final = 0.25
"""Seconds between the frames of a clip whose face is taken apart."""
_LEAST_FRAMES: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The face of one file.

    Attributes:
        path: the file. clip: it is no still picture.
        samples: of the face that was taken; empty where there is none.
        signals: len(samples) x `manner.SIGNALS`, NaN where not measured.
        problem: why there is no face; empty where there is one.
    """

    path: Path
    clip: bool
    samples: tuple[Sample, ...] = ()
    signals: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, SIGNALS), np.float32))
    problem: str = ""


class Reader:
    """Runs a graph over files and takes the one clear face of each.

    Args:
        embedder: name of a model of the task embed.
        face: take this face, counted from the left, where there are several.
        least_px: faces less tall than this are passed over.

    Raises:
        ModelError: a model is missing or altered.
    """

    def __init__(self, embedder: str, *, face: int | None = None, least_px: float = 32.0) -> None:
        from vidface.infer.devices import resolve

        self._name, self._face, self._least_px = embedder, face, least_px
        self._embedder = Embedder(embedder, resolve("auto"))
        self._parts = PartsReader(self._embedder)

    @property
    def fingerprint(self) -> str:
        """Of the embedder."""
        return self._embedder.fingerprint

    def __call__(self, path: Path) -> Recording:
        """Read a file; what is wrong with it stands in `problem`."""
        clip = not is_still(path)
        seen = _Seen()
        try:
            with closing(run(_graph(self._name, clip=clip), path, square=True)) as work:
                for tick in work:
                    self._look(tick, seen)
        except InputError as error:
            why = str(error).removeprefix(f"{path}: ").rstrip(".")
            return Recording(path, clip, problem=f"it cannot be read: {why}")
        chosen = self._choose(seen, clip=clip)
        if isinstance(chosen, str):
            return Recording(path, clip, problem=chosen)
        rows = seen.rows[chosen]
        return Recording(path, clip, tuple(rows.samples), np.stack(rows.signals))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._embedder.close()

    def _look(self, tick: Tick, seen: _Seen) -> None:
        faces: Faces = tick["relink"] if "relink" in tick else tick["mesh.faces"]
        mesh: Meshes = tick["mesh.mesh"]
        pose: Poses = tick["pose"]
        looks: Embeddings = tick["embed"]
        samples = samples_of(tick.frame, faces, looks, mesh, pose)
        signals = signals_of(pose.angles, tick["measures"], mesh.blendshapes)
        for row, sample in enumerate(samples):
            track = int(faces.tracks[row])
            followed = track != NOT_TRACKED or "relink" not in tick
            if not followed or faces.heights[row] < self._least_px or not len(sample.vector):
                continue
            rows = seen.of(track if track != NOT_TRACKED else row)
            # A few meshes a second tell the shape as well as all, in a tenth of the memory.
            taken = replace(sample, mesh=None)
            if sample.mesh is not None and sample.time - rows.parted_s >= _PARTS_S:
                rows.parted_s = sample.time
                parts = self._parts(tick.frame, faces.landmarks[row], sample.mesh)
                taken = sample if parts is None else replace(sample, inner=parts[0], outer=parts[1])
            rows.add(taken, signals[row], faces.boxes[row])

    def _choose(self, seen: _Seen, *, clip: bool) -> int | str:
        """Number of the face to take, or why none is."""
        least = _LEAST_FRAMES if clip else 1
        rows = {number: one for number, one in seen.rows.items() if len(one.samples) >= least}
        if not rows:
            return f"no face of {self._least_px:g} pixels or more was found"
        if self._face is not None and len(rows) > 1:
            order = sorted(rows, key=lambda number: rows[number].place)
            if self._face > len(order):
                return f"--face asks for face {self._face}, but {len(order)} were found"
            return order[self._face - 1]
        order = sorted(rows, key=lambda number: -rows[number].weight)
        if len(order) > 1 and rows[order[1]].weight >= _AS_LARGE * rows[order[0]].weight:
            return (
                f"it shows {len(order)} faces, two of them about as clear; say which with --face N, counted "
                "from the left"
            )
        return order[0]


@dataclass(slots=True)
class _Rows:
    """One face of a file while it is read."""

    samples: list[Sample] = field(default_factory=list)
    signals: list[NDArray[np.float32]] = field(default_factory=list)
    parted_s: float = float("-inf")
    weight: float = 0.0
    across: float = 0.0

    def add(self, sample: Sample, signals: NDArray[np.float32], box: NDArray[np.float32]) -> None:
        """Take in a frame."""
        self.samples.append(sample)
        self.signals.append(signals)
        self.weight += float(box[3] - box[1])
        self.across += float(box[0] + box[2]) / 2

    @property
    def place(self) -> float:
        """Mean place from the left."""
        return self.across / len(self.samples)


@dataclass(slots=True)
class _Seen:
    """The faces of a file by number."""

    rows: dict[int, _Rows] = field(default_factory=dict)

    def of(self, number: int) -> _Rows:
        """The rows of a face, begun where it is new."""
        return self.rows.setdefault(number, _Rows())


def _graph(embedder: str, *, clip: bool) -> Mapping[str, Any]:
    """Find, measure and embed; in a clip, also follow."""
    found = "track" if clip else "detect"
    measured = {"frame": "source", "faces": "mesh.faces"}
    nodes: dict[str, Any] = {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 3 if clip else 1}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": found}},
        "pose": {"use": "mesh.pose", "in": {"mesh": "mesh.mesh"}},
        "measures": {"use": "mesh.measures", "in": {**measured, "mesh": "mesh.mesh", "pose": "pose"}},
        "embed": {
            "use": "recognize.embed",
            "in": {**measured, "mesh": "mesh.mesh"},
            "with": {"model": embedder},
        },
    }
    faces = "mesh.faces"
    if clip:
        nodes["track"] = {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}}
        nodes["relink"] = {"use": "recognize.relink", "in": {**measured, "embeddings": "embed"}}
        faces = "relink"
    table = {"faces": faces, "pose": "pose", "measures": "measures", "mesh": "mesh.mesh"}
    outputs = {
        "table": {"use": "table", "in": table},
        "looks": {"use": "embeddings", "in": {"faces": faces, "embeddings": "embed"}},
    }
    return {"version": 1, "nodes": nodes, "outputs": outputs}


def digests_of(paths: Sequence[Path]) -> dict[Path, str]:
    """Path -> SHA-256, hex.

    Raises:
        InputError: a file cannot be read.
    """
    found = {}
    for path in paths:
        try:
            found[path] = sha256_of(path)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return found
