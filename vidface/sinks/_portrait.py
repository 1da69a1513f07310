"""The best picture so far of one face, kept as a JPEG: small enough for a thousand faces at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.comments import with_comment
from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.errors import OutputError
from vidface.sinks._labels import Labels
from vidface.sinks._ranks import Ranks
from vidface.vision.bestshot import SHARPNESS_PX, sharpness, square_crop

GROW = 1.4
"""Side of the picture over the longer side of the face's box."""

_BETTER = 1.05
"""A shot must be so many times better: a face that stays needs no new picture on every frame."""

_AT_ONCE = 4
_LEAST_PX = 16
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 90)


@dataclass(slots=True)
class Portrait:
    """The best shot of a face; before the first one quality is 0, frame -1 and jpeg None.

    Attributes:
        quality: see `vidface.sinks._ranks`.
        frame: index of its frame.
        tried: index of the frame on which its pixels were looked at last.
    """

    quality: float = 0.0
    frame: int = -1
    jpeg: bytes | None = None
    tried: int = -1


@dataclass(frozen=True, slots=True)
class Photographer:
    """Takes the pictures of an output: squares around the face, at most `max_px` wide, with its label."""

    max_px: int
    labels: Labels
    comment: str

    def shoot(self, portraits: Mapping[int, Portrait], frame: Frame, faces: Faces, ranks: Ranks) -> None:
        """Take the faces of some rows where that makes a better picture.

        Pixels are made only where it could, and of four rows a frame at most, so that a crowd does not hold
        a camera up: of faces without a picture first, then of those that had to wait longest.

        Args:
            portraits: of each row that may be taken.

        Raises:
            OutputError: OpenCV cannot encode a picture.
        """
        could = [row for row, own in portraits.items() if ranks.values[row] > own.quality * _BETTER]
        could.sort(key=lambda row: (portraits[row].jpeg is not None, portraits[row].tried))
        for row in could[:_AT_ONCE]:
            portraits[row].tried = frame.index
            self._shoot(portraits[row], frame, faces, ranks, row=row)

    def _shoot(self, portrait: Portrait, frame: Frame, faces: Faces, ranks: Ranks, *, row: int) -> None:
        bar, quality = portrait.quality * _BETTER, float(ranks.values[row])
        box = faces.boxes[row]
        if ranks.by == "proxy":
            square = square_crop(box, SHARPNESS_PX)
            quality *= sharpness(frame.crop(square, (SHARPNESS_PX, SHARPNESS_PX)))
            if quality <= bar:
                return
        portrait.jpeg = self._picture(frame, box)
        portrait.quality, portrait.frame = quality, frame.index

    def _picture(self, frame: Frame, box: NDArray[np.float32]) -> bytes:
        side = float(max(box[2] - box[0], box[3] - box[1])) * GROW
        px = max(_LEAST_PX, min(round(side), self.max_px))
        image = frame.crop(square_crop(box, px, grow=GROW), (px, px)).copy()
        self.labels.onto(image)
        done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _JPEG)
        if not done:
            raise OutputError(f"OpenCV could not encode a picture of {px} pixels as JPEG")
        return with_comment(data.tobytes(), self.comment)
