"""reenact.onnx with a lip-sync network: the lower half of each face redrawn to the sound."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.data.planes import Planes
from vidface.data.sound import SOUND_RATE, Sound
from vidface.infer.lipsync import LipSyncer
from vidface.vision.facecrop import aligned, region_of
from vidface.vision.facemask import crop_mask, frame_outline, outline_of_landmarks, outline_of_mesh
from vidface.vision.melchunk import RATE, REACH, mel_chunk
from vidface.vision.paste import paste_delta

Matrix = NDArray[np.float64]

CHIN: Final = 0.05
"""The crop reaches below the face's box by so many heights, as Wav2Lip's own tool has it by default."""
_FEATHER: Final = 0.08
"""Width of the soft edge, in sides of the crop."""
_BAND: Final = 0.1
"""Above the half the new picture fades out over so many sides."""


class Piece(NamedTuple):
    """A change of one face, for `paste_delta`."""

    delta: NDArray[np.float32]
    mask: NDArray[np.float32]
    matrix: Matrix

    def paste(self, planes: Planes) -> None:
        """Into the frame's planes."""
        paste_delta(planes, self.delta, mask=self.mask, matrix=self.matrix)


def chunk_of(sound: Sound) -> NDArray[np.float32]:
    """What the network hears of a frame: 0.2 s from it on."""
    before, behind = REACH
    rate = SOUND_RATE // RATE
    return mel_chunk(sound.part(sound.now - before * rate, (before + behind) * rate)[::rate])


def lips_of(
    frame: Frame, faces: Faces, row: int, *, mesh: Meshes | None, network: LipSyncer, mel: NDArray[np.float32]
) -> Piece | None:
    """A face with the mouth of the sound; None where it lies outside the frame or has no outline.

    NaN throughout where the network failed.
    """
    size = network.size
    ring = _outline(faces, row, mesh)
    matrix = box_to_crop(faces.boxes[row], size)
    region = None if ring is None or matrix is None else region_of(frame, matrix, size)
    if ring is None or matrix is None or region is None:
        return None
    crop = np.asarray(aligned(region.pixels, region.matrix(matrix), size), np.uint8)
    drawn = network(mel, crop)
    mask = crop_mask(
        size,
        ring @ matrix[:, :2].T + matrix[:, 2],
        feather=max(1.0, _FEATHER * size),
        inside=frame_outline(matrix, frame.size),
    )
    return Piece(drawn - crop, mask * _lower(size), matrix)


def box_to_crop(box: Any, size: int) -> Matrix | None:
    """2 x 3, a box x1 y1 x2 y2 stretched to a square, chin included; None for one without an extent."""
    x1, y1, x2, y2 = np.asarray(box, np.float64).tolist()
    wide, high = x2 - x1, (y2 - y1) * (1 + CHIN)
    if not (np.isfinite([x1, y1, x2, y2]).all() and wide >= 1 and high >= 1):
        return None
    return np.array([(size / wide, 0, -x1 * size / wide), (0, size / high, -y1 * size / high)])


def _outline(faces: Faces, row: int, mesh: Meshes | None) -> Matrix | None:
    try:
        if mesh is not None and len(mesh) and mesh.known[row]:
            return outline_of_mesh(mesh.points[row])
        return outline_of_landmarks(faces.landmarks[row])
    except ValueError:
        return None


def _lower(size: int) -> NDArray[np.float32]:
    """size x 1: 1 from the half down, 0 in the upper part, soft between."""
    at = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size
    rise = np.clip((at - (0.5 - _BAND)) / _BAND, 0, 1)
    return np.asarray((rise * rise * (3 - 2 * rise))[:, None], np.float32)
