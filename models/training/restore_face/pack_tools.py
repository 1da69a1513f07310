"""Cutting faces out of pictures: meshes, warps, smooth landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from vidface.vision.align import to_template
from vidface.vision.meshcrop import crop_of_landmarks

MESH_SIDE = 160
Image = NDArray[np.uint8]
Float = NDArray[np.float64]


def scale_of(matrix: Float) -> float:
    """Target pixels per source pixel."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def warp(image: Image, matrix: Float, side: int) -> Image:
    """Bicubic, low-passed where it shrinks; `matrix` counts pixels from corners, OpenCV from centres."""
    shrink = 1 / scale_of(matrix)
    if shrink > 1.05:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5 * float(np.sqrt(shrink**2 - 1))), np.uint8)
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (side, side)
    out = cv2.warpAffine(image, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def of_five(five: Any, margin: float) -> Float:
    """Picture -> the ffhq512 crop halved, with a margin."""
    matrix = to_template(five, "ffhq512") / 2
    matrix[:, 2] += margin
    return matrix


def smoothed(points: list[Any], sigma: float = 1.5) -> Float:
    """Landmarks of consecutive frames, Gaussian in time."""
    rows = np.stack(points).astype(np.float64)
    reach = np.arange(len(rows))
    weights = np.exp(-0.5 * ((reach[:, None] - reach) / sigma) ** 2)
    weights /= weights.sum(1, keepdims=True)
    return np.einsum("ij,jkl->ikl", weights, rows)


class Mesh:
    """478 points of an upright face."""

    def __init__(self, model: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"]).run

    def __call__(self, image: Image, five: Any) -> NDArray[np.float32]:
        """(478, 2) in pixels of the RGB picture."""
        matrix = crop_of_landmarks(five, MESH_SIDE)
        crop = warp(image, matrix, MESH_SIDE)
        points = self._run(["points"], {"image": crop.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
        back = cv2.invertAffineTransform(matrix)
        return (points[:, :2] @ back[:, :2].T + back[:, 2]).astype(np.float32)
