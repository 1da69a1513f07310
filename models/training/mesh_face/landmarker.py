"""The teachers: MediaPipe's Face Landmarker and blendshape nets, run on crops from plain ONNX files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

SIDE = 256
ROOM = 1.5
"""The crop's side over the larger side of the mesh's extent, as in the live graph of the teacher."""
EYE_CORNERS = (33, 263)
"""Outer corners of the person's right and left eye: the crop stands upright by them."""
# What the blendshape net reads (published with it): 146 of the 478 points.
SUBSET = np.fromstring(
    """
    0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87 88 91 93
    95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159 160 161 162 163
    168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282 283 284 285 288 291 293
    295 296 297 300 308 310 311 312 314 317 318 321 323 324 332 334 336 338 356 361 362 365 373 374 375 377
    378 379 380 381 382 384 385 386 387 388 389 390 397 398 400 402 405 409 415 454 466 468 469 470 471 472
    473 474 475 476 477
    """,
    int,
    sep=" ",
)
Image = NDArray[np.uint8]
Points = NDArray[np.float32]


def session(path: Path) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def upright(centre: NDArray[np.float64], side: float, angle: float, size: int) -> NDArray[np.float64]:
    """2 x 3 matrix from picture to a square crop of `size`, pixel centres at (0.5, 0.5); angle in radians."""
    scale = size / side
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, size / 2 - turn @ centre])


def crop_of_mesh(points: Points, size: int, room: float = ROOM) -> NDArray[np.float64]:
    """The crop that follows from a mesh (478 x 2 or 3): around its extent, upright by the eyes."""
    eyes = points[EYE_CORNERS[1], :2] - points[EYE_CORNERS[0], :2]
    angle = float(np.arctan2(eyes[1], eyes[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    local = points[:, :2] @ turn.T
    low, high = local.min(0), local.max(0)
    return upright((low + high) / 2 @ turn, float((high - low).max()) * room, angle, size)


def crop_of_face(box: NDArray[np.float64], five: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The first crop: 1.5 times the detector's box, upright by the two eyes (viewer order)."""
    eyes = five[1] - five[0]
    side = float((box[2:4] - box[:2]).max()) * ROOM
    return upright((box[:2] + box[2:4]) / 2, side, float(np.arctan2(eyes[1], eyes[0])), size)


def warp(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """Crop by a matrix for pixel centres at 0.5; a strong shrink goes by area first."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.6:
        width, height = (max(2, round(side * scale)) for side in image.shape[1::-1])
        ratio = np.array([image.shape[1] / width, image.shape[0] / height])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        matrix = np.column_stack([matrix[:, :2] * ratio, matrix[:, 2]])
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(image, shift, (size, size), flags=cv2.INTER_LINEAR)


def move(points: Points, matrix: NDArray[np.float64]) -> Points:
    """Points (n x 3) under a similarity: x and y by the matrix, z by its scale."""
    scale = np.hypot(matrix[0, 0], matrix[1, 0])
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    return np.column_stack([flat, points[:, 2] * scale]).astype(np.float32)


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way back of a 2 x 3 similarity."""
    return cv2.invertAffineTransform(matrix)


class MeshTeacher:
    """Points and presence of crops, and the blendshapes that follow from points."""

    def __init__(self, folder: Path) -> None:
        self._mesh = session(folder / "mediapipe_face_landmarks_detector.onnx")
        self._shapes = session(folder / "mediapipe_face_blendshapes.onnx")

    def crops(self, images: NDArray[np.uint8]) -> tuple[Points, Points]:
        """BGR crops (n, 256, 256, 3) -> points (n, 478, 3) in crop pixels, presence (n,) as probability."""
        blob = np.ascontiguousarray(images[..., ::-1], np.float32) / 255
        points, presence = self._mesh.run(["landmarks", "presence"], {"input": blob})
        chance = 1 / (1 + np.exp(-np.clip(presence.reshape(-1), -60, 60)))
        return points.reshape(-1, 478, 3), chance.astype(np.float32)

    def blendshapes(self, points: Points) -> Points:
        """52 coefficients of one mesh (478 x 3, upright)."""
        blob = np.ascontiguousarray(points[None, SUBSET, :2], np.float32)
        return self._shapes.run(None, {"input": blob})[0].reshape(52)

    def on(self, image: Image, matrix: NDArray[np.float64]) -> tuple[Points, float]:
        """Mesh in the picture's pixels, seen through one crop."""
        points, chance = self.crops(warp(image, matrix, SIDE)[None])
        return move(points[0], inverse(matrix)), float(chance[0])
