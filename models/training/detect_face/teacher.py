"""Run a YuNet-shaped detector (the teacher or a student) on pictures and decode its cells."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vidface.vision.boxes import voting_weights
from vidface.vision.detection import VOTING_IOU

STRIDES = (8, 16, 32)
Cells = NDArray[np.float32]  # (..., 16): score, spare, bbox 4, points 10 as the network puts them out


def open_session(path: Path | str) -> onnxruntime.InferenceSession:
    """ONNX Runtime on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def grid_of(height: int, width: int) -> NDArray[np.float32]:
    """(cells, 3): column, row and stride of every cell, strides 8, 16, 32 in turn."""
    parts = []
    for stride in STRIDES:
        rows, cols = np.mgrid[: height // stride, : width // stride]
        parts.append(np.stack([cols.ravel(), rows.ravel(), np.full(rows.size, stride)], 1))
    return np.concatenate(parts).astype(np.float32)


def decode(cells: NDArray[np.float32], grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """(cells, 15): xyxy box, five points, score, in pixels of the network's input."""
    place, stride = grid[:, :2], grid[:, 2:]
    centre = (place + cells[:, 2:4]) * stride
    half = np.exp(np.minimum(cells[:, 4:6], 8)) * stride / 2
    points = ((place[:, None] + cells[:, 6:16].reshape(-1, 5, 2)) * stride[:, None]).reshape(-1, 10)
    return np.concatenate([centre - half, centre + half, points, cells[:, :1]], 1)


def overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU matrix of two lists of xyxy boxes."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    inter = np.clip(high - low, 0, None).prod(2)
    area = (boxes[:, 2:4] - boxes[:, :2]).prod(1)[:, None] + (others[:, 2:4] - others[:, :2]).prod(1)[None]
    return inter / np.maximum(area - inter, 1e-6)


def suppress(faces: NDArray[np.float32], iou: float = 0.45) -> NDArray[np.float32]:
    """Greedy non-maximum suppression by falling score."""
    faces = faces[np.argsort(-faces[:, 14], kind="stable")]
    keep: list[int] = []
    ious = overlaps(faces, faces)
    for index in range(len(faces)):
        if not keep or ious[index, keep].max() <= iou:
            keep.append(index)
    return faces[keep]


def voted(found: NDArray[np.float32], candidates: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """Boxes and points as the mean over the candidates that mean the same face; see `voting_weights`."""
    voters = candidates[candidates[:, 14] >= least]
    weights = voting_weights(found[:, :4], voters[:, :4], voters[:, 14], min_iou=VOTING_IOU)
    means = np.where(weights.sum(1)[:, None] > 0, weights @ voters[:, :14], found[:, :14])
    return np.concatenate([means, found[:, 14:]], 1)


class Teacher:
    """A detector with YuNet's contract (BGR 0-255; cls, obj, bbox, kps at strides 8, 16, 32)."""

    def __init__(self, path: Path | str, vote_from: float | None = None) -> None:
        """`vote_from`: candidates of at least this score vote on boxes and points, as in `detect.face`."""
        self._vote_from = vote_from
        self._session = open_session(path)
        self._input = self._session.get_inputs()[0].name
        self._names = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps")]

    def cells(self, images: NDArray[np.uint8]) -> Cells:
        """(batch, cells, 16) of BGR pictures (batch, height, width, 3), sides multiples of 32."""
        blob = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
        outputs = self._session.run(self._names, {self._input: blob})
        levels = []
        for cls, obj, bbox, kps in zip(*[iter(outputs)] * 4, strict=True):
            score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
            levels.append(np.concatenate([score, obj, bbox, kps], 2))
        return np.concatenate(levels, 1)

    def detect(self, image: NDArray[np.uint8], score: float) -> NDArray[np.float32]:
        """(faces, 15) of a BGR picture of any size, padded right and below to a multiple of 32."""
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
        cells = self.cells(padded[None])[0]
        keep = cells[:, 0] >= score
        candidates = decode(cells[keep], grid_of(*padded.shape[:2])[keep])
        found = suppress(candidates)
        return found if self._vote_from is None else voted(found, candidates, self._vote_from)
