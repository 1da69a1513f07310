"""The best picture so far of one face, kept as a JPEG: small enough for a thousand faces at a time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.errors import OutputError
from vidface.media.comments import with_comment
from vidface.sinks._labels import Labels
from vidface.sinks._ranks import Ranks
from vidface.vision.bestshot import SHARPNESS_PX, sharpness, square_crop

GROW = 1.4
"""Side of the picture over the longer side of the face's box."""

_BETTER = 1.05
"""A shot must be so many times better: a face that stays needs no new picture on every frame."""

_LEAST_PX = 16
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 90)


@dataclass(slots=True)
class Portrait:
    """The best shot of a face; before the first one quality is 0, frame -1 and jpeg None.

    Attributes:
        quality: see `vidface.sinks._ranks`.
        frame: index of its frame.
    """

    quality: float = 0.0
    frame: int = -1
    jpeg: bytes | None = None


@dataclass(frozen=True, slots=True)
class Photographer:
    """Takes the pictures of an output: squares around the face, at most `max_px` wide, with its label."""

    max_px: int
    labels: Labels
    comment: str

    def shoot(self, portrait: Portrait, frame: Frame, faces: Faces, ranks: Ranks, *, row: int) -> None:
        """Take the face of a row if that makes a better picture; pixels are made only where it could.

        Raises:
            OutputError: OpenCV cannot encode it.
        """
        bar, quality = portrait.quality * _BETTER, float(ranks.values[row])
        if quality <= bar:
            return
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
