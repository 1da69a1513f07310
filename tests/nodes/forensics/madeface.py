"""A made face in a made room: a mesh of the shipped mean face, and frames that show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.vision.facemask import outline_of_mesh
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import five_of_mesh
from vidface.vision.rigid import Similarity, rotations_of

SIZE = (320, 240)
MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)

Image = NDArray[np.float32]
Paint = Callable[[int, float], Image]


def mesh_at(
    centre: tuple[float, float] = (160, 120), eyes_px: float = 60.0, expression: Any = None
) -> NDArray[np.float32]:
    """478 x 3: the mean face from the front, `eyes_px` between the eyes."""
    shape = MODEL.shapes(None, None if expression is None else np.asarray(expression)[None])[0]
    place = Similarity(rotations_of((0, 0, 0)), np.array([eyes_px]), np.array([(*centre, 0.0)]))
    return np.asarray(place.apply(shape), np.float32).reshape(-1, 3)


def face_mask(points: Any, size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    """Where the face is."""
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mask, [np.rint(outline_of_mesh(points)).astype(np.int32)], (1,))
    return mask > 0


def faces_of(points: Sequence[Any], tracks: Sequence[int], *, interpolated: bool = False) -> Faces:
    """Faces around meshes."""
    if not points:
        return Faces.none()
    boxes = [np.concatenate([p[:, :2].min(0), p[:, :2].max(0)]) for p in points]
    marks = five_of_mesh(np.stack(points)).astype(np.float32)
    return Faces.of(
        boxes, landmarks=marks, tracks=np.array(tracks), interpolated=[interpolated] * len(points)
    )


def stream(
    seconds: float, paint: Paint, *, points: Sequence[Any], tracks: Sequence[int] = (1,), fps: int = 25
) -> dict[str, list[Any]]:
    """Ports of a clip in which the faces stay where they are: frame, faces, mesh."""
    frames: list[Frame] = []
    for index in range(round(seconds * fps) + 1):
        picture = np.clip(np.rint(paint(index, index / fps)), 0, 255).astype(np.uint8)
        frames.append(frame_from_rgb(picture, index, Fraction(index, fps), duration=Fraction(1, fps)))
    count = len(frames)
    faces, mesh = faces_of(points, tracks), Meshes.of(np.stack(points)) if points else Meshes.none()
    return {"frame": frames, "faces": [faces] * count, "mesh": [mesh] * count}
