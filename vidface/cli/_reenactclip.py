"""`vidface eval reenact`, the clip: one head in a square that stays where it is, its meshes and its sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.cli._followed import followed
from vidface.data import NOT_TRACKED, Frame
from vidface.data.sound import SOUND_RATE
from vidface.errors import InputError
from vidface.graph.run import run
from vidface.media.decode import open_source
from vidface.media.images import is_still
from vidface.media.probe import FALLBACK_RATE
from vidface.media.sound import SoundReader
from vidface.vision.facecrop import aligned, region_of, scale_of
from vidface.vision.headsquare import square_around_all
from vidface.vision.meshcrop import to_crop
from vidface.vision.speech import WINDOW, envelope

SIDE: Final = 256
FEWEST: Final = 10
"""Frames of a driving head."""

_FIND_STILL: Final[dict[str, Any]] = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "detect"}},
    },
    "outputs": {"faces": {"use": "table", "in": {"faces": "mesh.faces", "mesh": "mesh.mesh"}}},
}


class Voice(NamedTuple):
    """The envelope of a clip's speech, and the time of its first value in seconds."""

    envelope: NDArray[np.float32]
    start: float


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """n frames of one head.

    Attributes:
        clip: where it is from.
        frames: n x 256 x 256 x 3 uint8 RGB; beyond the clip's border its edge goes on.
        meshes: n x 478 x 3 float32, pixels of these.
        mask: 256 x 256 bool, inside the clip's picture.
        numbers, times: of the frames in the clip; seconds.
        rate: of the clip, frames a second.
        missed: frames between the first and the last in which the face was not found.
        scale: pixels of the square per pixel of the clip.
        voice: None where the clip has no sound.
    """

    clip: str
    frames: NDArray[np.uint8]
    meshes: NDArray[np.float32]
    mask: NDArray[np.bool_]
    numbers: tuple[int, ...]
    times: NDArray[np.float64]
    rate: Fraction
    missed: int
    scale: float
    voice: Voice | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def first(self) -> Head:
        """The first frame alone."""
        return replace(
            self,
            frames=self.frames[:1],
            meshes=self.meshes[:1],
            numbers=self.numbers[:1],
            times=self.times[:1],
            voice=None,
        )


class Part(NamedTuple):
    """What is read of a clip: from frame `start` on, of every `every` frames one, `frames` at most."""

    start: int = 0
    frames: int = 100
    every: int = 1


_Rows = dict[int, NDArray[np.float32]]


def read_head(clip: str, part: Part) -> Head:
    """The head that is seen longest, from the first frame with its face on.

    Raises:
        InputError: the clip cannot be read, or shows no face for long enough.
    """
    rows, times, rate = _found(clip, part)
    chosen = sorted(rows)[:: part.every][: part.frames]
    if len(chosen) < min(FEWEST, part.frames):
        raise InputError(
            f"{clip}: a face is wanted in {FEWEST} frames or more from frame {part.start} on, "
            f"but one was found in {len(chosen)}"
        )
    meshes = np.stack([rows[number] for number in chosen])
    matrix = square_around_all(meshes, SIDE)
    frames, size = _cut(clip, chosen, matrix)
    span = sum(number in rows for number in range(chosen[0], chosen[-1] + 1))
    return Head(
        clip,
        frames,
        to_crop(meshes, matrix),
        _inside(matrix, size),
        tuple(chosen),
        np.array([float(times[number]) for number in chosen]),
        rate,
        chosen[-1] - chosen[0] + 1 - span,
        scale_of(matrix),
        _voice(clip, times[chosen[0]], times[chosen[-1]]),
    )


def read_source(path: str, start: int = 0) -> Head:
    """One frame: the largest face of a picture, or a clip's longest head at its first frame from `start` on.

    Raises:
        InputError: it cannot be read, or shows no face.
    """
    return read_head(path, Part(start, 1))


def _found(clip: str, part: Part) -> tuple[_Rows, dict[int, Fraction], Fraction]:
    """Meshes by frame of the face that is seen longest (largest in a picture), all times, and the rate."""
    still = is_still(Path(clip))
    last = part.start + part.frames * part.every
    tracks: dict[int, _Rows] = defaultdict(dict)
    times: dict[int, Fraction] = {}
    work = run(_FIND_STILL if still else followed(every=3), clip)
    with work:
        for tick in work:
            # A single frame is wanted of the head that stays, which shows in the frames that follow.
            if tick.index >= max(last, part.start + 2 * FEWEST):
                break
            times[tick.index] = tick.time
            faces, meshes = tick["mesh.faces"], tick["mesh.mesh"]
            order = np.argsort(-faces.heights, kind="stable").tolist()
            for place, row in enumerate(order):
                track = place if still else int(faces.tracks[row])
                if tick.index >= part.start and meshes.known[row] and (still or track != NOT_TRACKED):
                    tracks[track][tick.index] = meshes.points[row]
    rows = max(tracks.values(), key=len, default={})
    if not rows:
        raise InputError(f"{clip}: no face was found from frame {part.start} on")
    return rows, times, work.info.rate or FALLBACK_RATE


def _cut(
    clip: str, numbers: Sequence[int], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    wanted, cuts, size = set(numbers), [], (0, 0)
    source = open_source(clip)
    try:
        for frame in source.frames():
            if frame.index > numbers[-1]:
                break
            if frame.index in wanted:
                cuts.append(cut(frame, matrix))
                size = frame.size
    finally:
        source.close()
    return np.stack(cuts), size


def cut(frame: Frame, matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The square of a frame."""
    region = region_of(frame, matrix, SIDE)
    if region is None:
        return np.zeros((SIDE, SIDE, 3), np.uint8)
    return np.asarray(aligned(region.pixels, region.matrix(matrix), SIDE), np.uint8)


def _inside(matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    at = (np.stack([x, y], axis=-1) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.asarray(((at >= 0) & (at <= np.array(size))).all(-1), bool)


def _voice(clip: str, first: Fraction, last: Fraction) -> Voice | None:
    """The envelope of the clip's sound around those times."""
    if is_still(Path(clip)) or not Path(clip).is_file():
        return None
    reader = SoundReader(Path(clip))
    try:
        begin = int((first - 1) * SOUND_RATE)
        samples = np.zeros(int((last + 1) * SOUND_RATE) - begin, np.float32)
        heard = False
        for block in reader.blocks():
            low, high = max(begin, block.first), min(begin + len(samples), block.end)
            if high > low:
                samples[low - begin : high - begin] = block.samples[low - block.first : high - block.first]
                heard = True
            if block.first > begin + len(samples):
                break
    finally:
        reader.close()
    return Voice(envelope(samples), (begin + WINDOW / 2) / SOUND_RATE) if heard else None
