"""Boxes: overlap, suppression and simple geometry on n x 4 arrays of x1 y1 x2 y2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def areas(boxes: NDArray[Any]) -> NDArray[np.float32]:
    """n x 4 boxes -> n areas in square pixels; a box turned inside out has area 0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    product: NDArray[np.float32] = (sides[:, 0] * sides[:, 1]).astype(np.float32)
    return product


def iou_matrix(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Intersection over union of every box of `a` (n x 4) with every box of `b` (m x 4): n x m in [0, 1]."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    iou: NDArray[np.float32] = (shared / np.maximum(union, 1e-9)).astype(np.float32)
    return iou


def iou_pairs(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    """Intersection over union of each box of `a` (n x 4) with the one of `b` in its row: n in [0, 1]."""
    sides = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0)
    shared = sides[:, 0] * sides[:, 1]
    iou: NDArray[np.float32] = (shared / np.maximum(areas(a) + areas(b) - shared, 1e-9)).astype(np.float32)
    return iou


def nms(boxes: NDArray[Any], scores: NDArray[Any], max_iou: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression.

    Returns:
        Indices of the rows to keep, best score first; among equal scores the earlier row wins,
        so that the same input gives the same output everywhere.
    """
    order = np.argsort(-scores, kind="stable").astype(np.int64)
    kept = []
    # One kept box at a time: thousands of candidates for a few faces never need all pairs.
    while len(order):
        kept.append(order[0])
        overlap = iou_matrix(boxes[order[:1]], boxes[order[1:]])[0]
        order = order[1:][overlap <= max_iou]
    return np.array(kept, np.int64)


def voting_weights(
    kept: NDArray[Any], candidates: NDArray[Any], scores: NDArray[Any], *, min_iou: float
) -> NDArray[np.float32]:
    """How much each candidate has to say about each box that suppression kept.

    Box voting (Gidaris and Komodakis, "Object Detection via a Multi-Region and Semantic Segmentation-aware
    CNN Model", 2015): `weights @ candidates` are the kept boxes averaged over those that mean the same face.

    Args:
        kept: n x 4 boxes that came out of `nms`.
        candidates: m x 4 boxes that went into it, their scores m.
        min_iou: candidates that overlap a kept box by less say nothing about it.

    Returns:
        n x m; each row sums to 1, in proportion to score^2 x IoU, or to 0 where nobody overlaps enough.
    """
    overlap = iou_matrix(kept, candidates)
    votes = np.where(overlap >= min_iou, overlap, 0) * np.square(scores, dtype=np.float32)
    total = votes.sum(1, keepdims=True)
    weights: NDArray[np.float32] = votes / np.where(total > 0, total, 1)
    return weights
