"""cv2.FaceDetectorYN over cv2.VideoCapture, the loop of OpenCV's samples: five points a face, every frame.

It runs vidface's own detector, in the size that vidface uses; the fourth argument names the file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2

from tests.bench.peers._common import Face, work

WIDTH = 640
SCORE = 0.6


def find(clip: Path, frames: int) -> Iterator[list[Face]]:
    """Faces of each frame."""
    detector = cv2.FaceDetectorYN.create(sys.argv[4], "", (WIDTH, WIDTH), SCORE, 0.3)
    capture = cv2.VideoCapture(str(clip))
    for _ in range(frames):
        there, picture = capture.read()
        if not there:
            break
        height, width = picture.shape[:2]
        size = (WIDTH, round(height * WIDTH / width))
        detector.setInputSize(size)
        rows = detector.detect(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))[1]
        yield [] if rows is None else [_face(row.tolist(), width / WIDTH) for row in rows]
    capture.release()


def _face(row: list[float], grow: float) -> Face:
    x, y, wide, high, *points = (value * grow for value in row[:14])
    return (x, y, x + wide, y + high), list(zip(points[::2], points[1::2], strict=True))


if __name__ == "__main__":
    work(find, ("opencv-python-headless",), "five points a face, no mesh")
