"""dlib's frontal face detector over cv2.VideoCapture, on frames brought down to 640 pixels, as is usual.

It is what `face_recognition.face_locations` runs by default. dlib's landmarks need a file that does not come
with it, so there are boxes and numbers only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import dlib  # type: ignore[import-not-found, unused-ignore]

from tests.bench.peers._common import Face, work

WIDTH = 640


def find(clip: Path, frames: int) -> Iterator[list[Face]]:
    """Faces of each frame."""
    detect = dlib.get_frontal_face_detector()
    capture = cv2.VideoCapture(str(clip))
    for _ in range(frames):
        there, picture = capture.read()
        if not there:
            break
        height, width = picture.shape[:2]
        grow = width / WIDTH
        small = cv2.resize(picture, (WIDTH, round(height / grow)), interpolation=cv2.INTER_AREA)
        boxes = detect(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), 0)
        yield [((b.left() * grow, b.top() * grow, b.right() * grow, b.bottom() * grow), []) for b in boxes]
    capture.release()


if __name__ == "__main__":
    work(find, ("dlib", "opencv-python-headless"), "boxes only")
