"""Pictures and clips become faces with vectors: what enrolling and searching look at."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vidface.cli._gallery_kept import crop_of_kept, packed
from vidface.cli._gallery_tracks import TrackPlaces
from vidface.data import Embeddings, Faces, Frame
from vidface.data.source import Source
from vidface.errors import InputError, UsageError
from vidface.graph.run import run
from vidface.infer.embedder import Embedder
from vidface.media.decode import open_source
from vidface.media.images import is_picture
from vidface.media.onepicture import read_picture
from vidface.media.probe import probe
from vidface.nodes.recognize._upright import MESH, Upright
from vidface.nodes.recognize.quality import RecognizeQuality
from vidface.vision.align import to_template

_RATE: Final = 25
_BATCH: Final = 32
_LEAST_PX: Final = 8.0
_IN_PART: Final = "it is cut off or damaged"


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face that was found and embedded.

    Attributes:
        vector: d float32. recognisability, quality: in [0, 1], or NaN.
        height_px: height of its box in the full-size frame.
        picture: the aligned crop as JPEG.
        box: x1 y1 x2 y2, pixels of the frame.
    """

    vector: NDArray[np.float32]
    recognisability: float
    quality: float
    height_px: float
    picture: bytes | None
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture or a frame of a clip with its faces, tallest first; or why it cannot be read.

    `damage`: what is the matter with a picture that could be read in part.
    """

    path: Path
    frame: int | None = None
    faces: tuple[Face, ...] = ()
    problem: str = ""
    damage: str = ""


class Sampler(Protocol):
    """Looks at files with one embedder."""

    fingerprint: str
    dimension: int

    def stills(self, paths: Sequence[Path]) -> Iterator[Shot]:
        """One shot a picture, in the order given; those that cannot be read say so in `problem`."""
        ...

    def clip(self, path: Path, every_s: float) -> Iterator[Shot]:
        """A shot for each frame looked at. Raises InputError."""
        ...

    def track(self, places: TrackPlaces) -> Iterator[Shot]:
        """A shot for each place of a track of a finished run. Raises InputError."""
        ...

    def embed(self, pictures: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kept pictures -> n x d vectors and n recognisabilities; aligned anew where that is wanted."""
        ...

    def close(self) -> None:
        """Give the models back."""
        ...


@dataclass(slots=True)
class GraphSampler:
    """The sampler that the command line uses: detect.face in a run, then the embedder on aligned crops.

    Raises:
        ModelError: a model is missing, altered, or no embedder.
    """

    model: str
    fingerprint: str = field(init=False)
    dimension: int = field(init=False)
    _embedder: Embedder = field(init=False)
    _upright: Upright = field(init=False)

    def __post_init__(self) -> None:
        from vidface.infer.devices import resolve

        device = resolve("auto")
        self._embedder, self._upright = Embedder(self.model, device), Upright(MESH, device)
        self.fingerprint, self.dimension = self._embedder.fingerprint, self._embedder.dimension

    def close(self) -> None:
        """Close both networks."""
        self._embedder.close()
        self._upright.close()

    def stills(self, paths: Sequence[Path]) -> Iterator[Shot]:
        """See `Sampler`; many go through one run, as a folder of links."""
        for at in range(0, len(paths), _BATCH):
            part = paths[at : at + _BATCH]
            following = 0
            for place, shot in self._batch(part):
                yield from (_unread(path) for path in part[following:place])
                yield shot
                following = place + 1
            yield from (_unread(path) for path in part[following:])

    def clip(self, path: Path, every_s: float) -> Iterator[Shot]:
        """See `Sampler`; frames in between are decoded and not looked at."""
        rate = float(probe(path).rate or _RATE)
        with run(_graph(every=max(1, round(rate * every_s))), path, square=True) as work:
            for tick in work:
                if tick["detect"].looked:
                    yield self._shot(path, tick.frame, tick["detect"], tick.index)

    def track(self, places: TrackPlaces) -> Iterator[Shot]:
        """See `Sampler`; the clip is decoded and no face is looked for."""
        with closing(_read_as_run(places)) as source:
            for frame in source.frames():
                if frame.index > max(places.faces):
                    return
                if frame.index in places.faces:
                    yield self._shot(places.clip, frame, places.faces[frame.index], frame.index)

    def embed(self, pictures: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Sampler`; raises InputError for a picture that is damaged."""
        own = self._embedder
        crops = np.zeros((len(pictures), own.size, own.size, 3), np.uint8)
        for place, picture in enumerate(pictures):
            crops[place] = crop_of_kept(picture, self._upright, template=own.template, size=own.size)
        looks = self._embedder(crops)
        return looks.vectors, looks.recognisability

    def _batch(self, paths: Sequence[Path]) -> Iterator[tuple[int, Shot]]:
        """Place and shot of each picture that can be read."""
        with tempfile.TemporaryDirectory(prefix="vidface-") as name:
            folder = Path(name)
            for place, path in enumerate(paths):
                if is_picture(path):
                    (folder / f"{place:08}{path.suffix}").symlink_to(path.absolute())
            try:
                work = run(_graph(), folder, rate=_RATE)
            except InputError:  # not one that can be read
                return
            with work:
                for tick in work:
                    place = int(tick.time * Fraction(_RATE))
                    shot = self._shot(paths[place], tick.frame, tick["detect"], None)
                    holes = work.report.ledger.holes
                    cut = any(hole.frames == 0 and hole.time == tick.time for hole in holes)
                    yield place, replace(shot, damage=_IN_PART if cut else "")

    def _shot(self, path: Path, frame: Frame, faces: Faces, index: int | None) -> Shot:
        size = self._embedder.size
        rows, crops = [], []
        order = np.argsort(-faces.heights, kind="stable").tolist()
        for row, five in zip(order, self._upright(frame, faces, order), strict=True):
            try:
                matrix = to_template(five, self._embedder.template, size)
            except ValueError:  # points that fix no crop
                continue
            rows.append(row)
            crops.append(frame.crop(matrix, (size, size)))
        if not rows:
            return Shot(path, index)
        looks = self._embedder(np.stack(crops))
        found = faces.pick(rows)
        judged = RecognizeQuality().process(frame, found, Embeddings(*looks, self.fingerprint))
        good = judged.column("quality")
        return Shot(
            path,
            index,
            tuple(
                Face(
                    *(looks.vectors[n], float(looks.recognisability[n]), float(good[n])),
                    *(float(found.heights[n]), packed(crop, self._embedder.template)),
                    _corners(found.boxes[n]),
                )
                for n, crop in enumerate(crops)
            ),
        )


def sampler(model: str) -> Sampler:
    """Open the models."""
    return GraphSampler(model)


def picture_shot(looking: Sampler, path: Path) -> Shot:
    """The one shot of one picture.

    Raises:
        UsageError: by its name it is no picture. InputError: it cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if not is_picture(path):
        raise UsageError(f"{path} is no picture (wanted .jpg, .png, .webp, .bmp or .tif)")
    shot = next(iter(looking.stills([path])))
    if shot.problem:
        raise InputError(f"{path}: {shot.problem}")
    return shot


def _corners(box: NDArray[np.float32]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(float(value), 1) for value in box)
    return x1, y1, x2, y2


def _unread(path: Path) -> Shot:
    found = read_picture(path) if is_picture(path) else "is no picture"
    return Shot(path, problem=f"it {found if isinstance(found, str) else 'is damaged or no picture'}")


def _graph(every: int = 1) -> dict[str, Any]:
    looks = {"use": "detect.face", "in": {"frame": "source"}}
    return {
        "version": 1,
        "nodes": {"detect": {**looks, "with": {"every": every, "min_face_px": _LEAST_PX}}},
        "outputs": {"faces": {"use": "jsonl", "in": {"faces": "detect"}}},
    }


def _read_as_run(places: TrackPlaces) -> Source:
    """The clip as the run read it: the same part, turned and stretched alike."""
    return open_source(places.clip, start=places.start, stop=places.stop, **places.reading)
