"""Pictures become looks: found and aligned as in a run, then embedded, also as seen from afar."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vidface.cli.progress import Progress
from vidface.data import Faces, Frame
from vidface.errors import InputError
from vidface.graph.run import run
from vidface.infer.embedder import Embedder, Looks
from vidface.media.decode import open_source
from vidface.nodes.recognize._upright import MESH, Upright
from vidface.vision.align import to_template
from vidface.vision.resize import resize
from vidface.vision.shrink import seen_at

UNREADABLE: Final = "cannot be read"
FACELESS: Final = "no face found"
_BLOCK: Final = 64
_RATE: Final = 25
_FIND: Final[dict[str, Any]] = {
    "version": 1,
    "nodes": {"detect": {"use": "detect.face", "in": {"frame": "source"}}},
    "outputs": {"faces": {"use": "jsonl", "in": {"faces": "detect"}}},
}


class FaceEmbedder(Protocol):
    """What is asked of an embedder, see `vidface.infer.embedder.Embedder`."""

    template: str
    size: int
    dimension: int
    fingerprint: str

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        """n x size x size x 3 uint8 RGB -> looks."""
        ...


class Crop(NamedTuple):
    """What was found in a picture: the largest face's aligned crop, and how many faces there were."""

    place: int
    picture: NDArray[np.uint8] | None
    faces: int


@dataclass(slots=True)
class Seen:
    """The looks of n pictures at some sizes.

    Attributes:
        vectors: side in pixels -> n x d, zeros where not looked at or nothing was found.
        recognisability: side in pixels -> n, NaN there.
        faults: place -> why there is no look.
        crowded: pictures with several faces, of which the largest was taken.
    """

    vectors: dict[int, NDArray[np.float32]]
    recognisability: dict[int, NDArray[np.float32]]
    faults: dict[int, str] = field(default_factory=dict)
    crowded: int = 0

    def failures(self, paths: Sequence[Path]) -> dict[str, str]:
        """Pictures that could not be enrolled, and why."""
        return {str(paths[place]): fault for place, fault in sorted(self.faults.items())}

    def causes(self) -> dict[str, int]:
        """Why how many pictures could not be enrolled."""
        return dict(sorted(Counter(self.faults.values()).items()))


def open_embedder(name: str) -> FaceEmbedder:
    """The embedder of that name on the best device of this machine.

    Raises:
        ModelError: it is missing, altered, or no embedder.
    """
    from vidface.infer.devices import resolve

    return Embedder(name, resolve("auto"), threads=2)


def sides_of(wanted: Sequence[int], embedder: FaceEmbedder) -> tuple[int, ...]:
    """Sizes to look at, each once and none above the embedder's own, which is the one where none is said."""
    return tuple(dict.fromkeys(min(side, embedder.size) for side in wanted)) or (embedder.size,)


def look_at(
    paths: Sequence[Path],
    embedder: FaceEmbedder,
    sides: Mapping[int, NDArray[np.bool_]],
    *,
    aligned: bool = False,
) -> Seen:
    """Embed the largest face of each picture.

    Args:
        paths: n pictures.
        sides: side in pixels -> n bool, which pictures to look at as if only so many pixels had been seen.
        aligned: the pictures are aligned crops already; no face is looked for.
    """
    count = len(paths)
    seen = Seen(
        {side: np.zeros((count, embedder.dimension), np.float32) for side in sides},
        {side: np.full(count, np.nan, np.float32) for side in sides},
        dict.fromkeys(range(count), UNREADABLE),
    )
    block: list[Crop] = []
    for crop in _crops(paths, embedder, aligned=aligned):
        seen.crowded += crop.faces > 1
        if crop.picture is None:
            seen.faults[crop.place] = FACELESS
            continue
        del seen.faults[crop.place]
        block.append(crop)
        if len(block) == _BLOCK:
            _embed(block, embedder, sides, seen)
            block = []
    _embed(block, embedder, sides, seen)
    return seen


def _embed(
    block: Sequence[Crop], embedder: FaceEmbedder, sides: Mapping[int, NDArray[np.bool_]], seen: Seen
) -> None:
    for side, wanted in sides.items():
        chosen = [crop for crop in block if wanted[crop.place] and crop.picture is not None]
        if not chosen:
            continue
        places = [crop.place for crop in chosen]
        looks = embedder(seen_at(np.stack([np.asarray(crop.picture) for crop in chosen]), side))
        seen.vectors[side][places] = looks.vectors
        seen.recognisability[side][places] = looks.recognisability


def _crops(paths: Sequence[Path], embedder: FaceEmbedder, *, aligned: bool) -> Iterator[Crop]:
    """One after the other; a picture that cannot be read is left out.

    All pictures go through one run, as a folder of links: to open the detector for each would cost more
    than to use it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, path in enumerate(paths):
            (folder / f"{place:08}{path.suffix}").symlink_to(path.resolve())
        try:
            yield from _given(folder, embedder.size) if aligned else _found(folder, embedder)
        except InputError:
            if any(_readable(path) for path in paths):
                raise


def _given(folder: Path, size: int) -> Iterator[Crop]:
    source = open_source(folder, rate=Fraction(_RATE))
    try:
        for frame in source.frames():
            yield Crop(_place(frame), np.asarray(resize(frame.rgb(), (size, size)), np.uint8), 1)
    finally:
        source.close()


def _found(folder: Path, embedder: FaceEmbedder) -> Iterator[Crop]:
    from vidface.infer.devices import resolve

    work = run(_FIND, folder, rate=_RATE)
    bar = Progress("auto", work.info, None, None)
    with work, closing(Upright(MESH, resolve("auto"))) as upright:
        for tick in work:
            bar.update(tick.time)
            faces: Faces = tick["detect"]
            yield Crop(_place(tick.frame), _largest(tick.frame, faces, embedder, upright), len(faces))
    bar.done(work.report.ledger.processed)


def _largest(
    frame: Frame, faces: Faces, embedder: FaceEmbedder, upright: Upright
) -> NDArray[np.uint8] | None:
    """The aligned crop of the largest face whose landmarks can be aligned, as recognize.embed makes it."""
    for row in np.argsort(-faces.heights, kind="stable").tolist():
        (five,) = upright(frame, faces, [row])
        try:
            matrix = to_template(five, embedder.template, embedder.size)
        except ValueError:
            continue
        return frame.crop(matrix, (embedder.size, embedder.size))
    return None


def _place(frame: Frame) -> int:
    return int(frame.time * _RATE)


def _readable(path: Path) -> bool:
    try:
        open_source(path).close()
    except InputError:
        return False
    return True
