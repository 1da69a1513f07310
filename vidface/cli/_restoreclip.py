"""`vidface eval restore`, the clip: clean crops of its faces, and the whole frames made bad."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.cli._followed import followed
from vidface.data import NOT_TRACKED, Faces, Frame
from vidface.errors import InputError
from vidface.graph.run import run
from vidface.media.decode import open_source
from vidface.media.degrade import Degradation, degrade_sequence
from vidface.media.pixels import frame_from_rgb
from vidface.media.probe import FALLBACK_RATE
from vidface.vision.align import to_template
from vidface.vision.resize import resize

CROP: Final = 256
"""Side of a crop in pixels: the template ffhq512 halved."""
TEMPLATE: Final = "ffhq512"
SHORTEST: Final = 3
"""Frames of a track; a second difference needs as many."""


@dataclass(frozen=True, slots=True)
class Making:
    """How a bad clip is made.

    Attributes:
        settings: the degradation. seed: of its noise, together with the clip's name.
        frames: how many are read at most.
        fit: shrink the clean frames first until the middle face fills its crop pixel by pixel.
        least_px: tracks whose crop shows fewer pixels of the clean clip a side are left out.
    """

    settings: Degradation
    seed: int = 0
    frames: int = 100
    fit: bool = False
    least_px: float = 128


class _Row(NamedTuple):
    """A face of a frame: what takes it to its crop, and its landmarks and box there."""

    frame: int
    matrix: NDArray[np.float64]
    marks: NDArray[np.float64]
    box: NDArray[np.float64]

    @property
    def side(self) -> float:
        """Pixels of the clip along the crop's side."""
        return float(CROP / np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """A face that is followed, in n frames.

    Attributes:
        frames: n rising numbers of frames.
        matrices: n x 2 x 3, pixels of the clean frame to pixels of the crop.
        marks, boxes: n x 5 x 2 and n x 4, landmarks and boxes of the clean clip in pixels of the crop.
        clean: n x 256 x 256 x 3 uint8 RGB, black outside the frame. masks: n x 256 x 256 bool, inside it.
    """

    frames: NDArray[np.int64]
    matrices: NDArray[np.float64]
    marks: NDArray[np.float64]
    boxes: NDArray[np.float64]
    clean: NDArray[np.uint8]
    masks: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, eq=False)
class BadClip:
    """A clip made bad, and what its faces looked like before.

    Attributes:
        clip: the clean one.
        size: width and height of the clean frames as they were degraded.
        frames: RGB, smaller by `scale` a side.
        in_video: the same with colour at half its size and in whole steps of YUV, as video has them and as
            any graph that paints gives them back: what graphs are compared with must not have seen more.
        rate: frames a second.
        tracks: every face that is followed, largest number of frames first.
        left_out: why how many tracks are not there.
    """

    clip: str
    size: tuple[int, int]
    frames: list[NDArray[np.uint8]]
    scale: float
    rate: Fraction
    tracks: tuple[FaceTrack, ...]
    left_out: Mapping[str, int]

    @cached_property
    def in_video(self) -> list[NDArray[np.uint8]]:
        """The frames as a graph that paints gives them back."""
        return [as_video(one).rgb().copy() for one in self.frames]

    @property
    def crop_px(self) -> float:
        """Pixels of the bad frames along the side of the middle crop."""
        scales = [np.abs(np.linalg.det(track.matrices[:, :, :2])) for track in self.tracks]
        return float(CROP / np.sqrt(np.median(np.concatenate(scales))) / self.scale)

    def matrix(self, track: FaceTrack, row: int, size: tuple[int, int]) -> NDArray[np.float64]:
        """2 x 3, from pixels of a frame of width and height `size` to the crop."""
        return rescaled(track.matrices[row], self.size, size)

    def store(self, folder: Path) -> Path:
        """Write the frames without loss, as a folder of pictures that can be read as a clip."""
        folder.mkdir(parents=True, exist_ok=True)
        for place, picture in enumerate(self.frames):
            path = folder / f"{place:06}.png"
            if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1]):
                raise InputError(
                    f"{path} cannot be written; is there room in the folder for temporary files?"
                )
        return folder


def as_video(picture: NDArray[np.uint8]) -> Frame:
    """An RGB picture as a frame of a graph that paints: planes of YUV, colour at half its size."""
    return frame_from_rgb(picture).painted(lambda _planes: None)


def make_bad(clip: str, making: Making) -> BadClip:
    """Find the faces of a clean clip, cut them out, and degrade the whole frames.

    Without faces `tracks` and `frames` are empty.

    Raises:
        InputError: the clip cannot be read.
    """
    rows, rate = _found(clip, making.frames)
    kept, left_out = _worth(rows, making.least_px)
    chosen = [row for track in kept for row in track]
    source = open_source(clip)
    try:
        full = (source.info.width, source.info.height)
        size = _fitted(full, chosen) if making.fit and chosen else full
        pictures = []
        for frame in source.frames() if chosen else ():
            if frame.index >= making.frames:
                break
            pictures.append(np.asarray(resize(frame.rgb(), size), np.uint8))
    finally:
        source.close()
    tracks = tuple(_cut(track, pictures, full, size) for track in sorted(kept, key=len, reverse=True))
    rng = np.random.default_rng([making.seed, zlib.crc32(Path(clip).name.encode())])
    bad = degrade_sequence(pictures, making.settings, rng) if pictures else []
    return BadClip(clip, size, bad, making.settings.scale, rate, tracks, left_out)


def rescaled(matrix: NDArray[np.float64], old: tuple[int, int], new: tuple[int, int]) -> NDArray[np.float64]:
    """The matrix of a crop for the same frame at another width and height."""
    moved = matrix.copy()
    moved[:, :2] *= np.array(old, np.float64) / np.array(new, np.float64)
    return moved


def _found(clip: str, limit: int) -> tuple[dict[int, list[_Row]], Fraction]:
    """Rows of each track; only faces whose landmarks were measured on that frame."""
    tracks: dict[int, list[_Row]] = defaultdict(list)
    work = run(followed(every=2), clip)
    with work:
        for tick in work:
            if tick.index >= limit:
                break
            faces: Faces = tick["mesh.faces"]
            for place, track in enumerate(faces.tracks.tolist()):
                row = _row(tick.index, faces, place)
                if row is not None and track != NOT_TRACKED:
                    tracks[track].append(row)
    return tracks, work.info.rate or FALLBACK_RATE


def _row(frame: int, faces: Faces, place: int) -> _Row | None:
    if faces.interpolated[place]:
        return None
    try:
        matrix = to_template(faces.landmarks[place], TEMPLATE, CROP)
    except ValueError:
        return None
    marks = faces.landmarks[place].astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
    box = faces.boxes[place].astype(np.float64)
    middle = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    half = (box[2:] - box[:2]) / 2 * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    return _Row(frame, matrix, marks, np.concatenate([middle - half, middle + half]))


def _worth(tracks: Mapping[int, list[_Row]], least_px: float) -> tuple[list[list[_Row]], dict[str, int]]:
    kept, left_out = [], {"too small": 0, "too short": 0}
    for rows in tracks.values():
        if len(rows) < SHORTEST:
            left_out["too short"] += 1
        elif np.median([row.side for row in rows]) < least_px:
            left_out["too small"] += 1
        else:
            kept.append(rows)
    return kept, {cause: count for cause, count in left_out.items() if count}


def _fitted(full: tuple[int, int], rows: Sequence[_Row]) -> tuple[int, int]:
    """The size at which the middle face fills its crop pixel by pixel; never larger than it was."""
    share = min(1.0, CROP / float(np.median([row.side for row in rows])))
    width, height = (max(1, round(side * share)) for side in full)
    return width, height


def _cut(
    rows: Sequence[_Row], pictures: Sequence[NDArray[np.uint8]], full: tuple[int, int], size: tuple[int, int]
) -> FaceTrack:
    matrices = np.stack([rescaled(row.matrix, full, size) for row in rows])
    masks = np.stack([_inside(matrix, size) for matrix in matrices])
    # By way of YUV, as every result: colour at half its size, and the same rounding on the way back.
    clean = [
        as_video(pictures[row.frame]).crop(matrix, (CROP, CROP))
        for row, matrix in zip(rows, matrices, strict=True)
    ]
    return FaceTrack(
        np.array([row.frame for row in rows], np.int64),
        matrices,
        np.stack([row.marks for row in rows]),
        np.stack([row.box for row in rows]),
        np.stack(clean) * masks[..., None],
        masks,
    )


def _inside(matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of the crop whose centres lie inside the frame, half a pixel from its border."""
    y, x = np.mgrid[0:CROP, 0:CROP] + 0.5
    at = (np.stack([x, y], axis=-1) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.asarray(((at >= 0.5) & (at <= np.array(size) - 0.5)).all(-1), bool)
