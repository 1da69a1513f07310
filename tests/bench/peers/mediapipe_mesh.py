"""MediaPipe's face mesh on video, as its guide shows it: OpenCV reads, the frame becomes RGB, `process`.

The 478 points (irises included); as many faces at a time as the clip has, since with one more it would look
for another face on every frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import mediapipe  # type: ignore[import-not-found, unused-ignore]

from tests.bench.peers._common import Face, work

FACES = 2


def find(clip: Path, frames: int) -> Iterator[list[Face]]:
    """Faces of each frame."""
    capture = cv2.VideoCapture(str(clip))
    with mediapipe.solutions.face_mesh.FaceMesh(max_num_faces=FACES, refine_landmarks=True) as mesh:
        for _ in range(frames):
            there, picture = capture.read()
            if not there:
                break
            height, width = picture.shape[:2]
            found = mesh.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).multi_face_landmarks or []
            yield [_face(item.landmark, width, height) for item in found]
    capture.release()


def _face(landmarks: object, width: int, height: int) -> Face:
    points = [(p.x * width, p.y * height, p.z * width) for p in landmarks]  # type: ignore[attr-defined]
    across, down = [p[0] for p in points], [p[1] for p in points]
    return (min(across), min(down), max(across), max(down)), points


if __name__ == "__main__":
    work(find, ("mediapipe", "opencv-contrib-python"))
