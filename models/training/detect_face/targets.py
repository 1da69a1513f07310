"""What the student should say at every cell: the teacher's answer on the clean canvas, and missed faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from teacher import decode, overlaps, suppress

KNOWN_SCORE = 0.75
Float = NDArray[np.float32]


def known_cells(face: Float, grid: Float) -> tuple[NDArray[np.int64], Float]:
    """Cells near the centre at the stride that suits the face's size, and their (k, 16) answers."""
    width, height = face[2:4] - face[:2]
    stride = 8 if max(width, height) < 40 else 16 if max(width, height) < 110 else 32
    centre = (face[:2] + face[2:4]) / 2
    level = np.flatnonzero(grid[:, 2] == stride)
    away = np.abs(grid[level, :2] - centre / stride).max(1)
    chosen = level[away <= max(0.6, float(away.min()))]
    place = grid[chosen, :2]
    answer = np.zeros((len(chosen), 16), np.float32)
    answer[:, 0] = KNOWN_SCORE
    answer[:, 2:4] = centre / stride - place
    answer[:, 4:6] = np.log(np.maximum((width, height), 1) / stride)
    answer[:, 6:16] = (face[4:14].reshape(1, 5, 2) / stride - place[:, None]).reshape(-1, 10)
    return chosen, answer


def make_targets(cells: Float, faces: Float, grid: Float) -> tuple[Float, Float]:
    """(cells, 16) answers and (cells,) weights; weight 0 marks what is to be ignored."""
    answers, weights = cells.copy(), np.ones(len(cells), np.float32)
    likely = cells[:, 0] >= 0.5
    found = suppress(decode(cells[likely], grid[likely])) if likely.any() else np.zeros((0, 15), np.float32)
    for face in faces:
        height = face[3] - face[1]
        if len(found) and overlaps(face[None], found).max() > 0.35:
            continue
        chosen, answer = known_cells(face, grid)
        if height < 11:
            near = np.abs(grid[:, :2] * grid[:, 2:] - (face[:2] + face[2:4]) / 2).max(1) < height
            weights[near & (grid[:, 2] == 8)] = 0
            continue
        better = answers[chosen, 0] < KNOWN_SCORE
        answers[chosen[better]] = answer[better]
    return answers, weights


def hide_covered(answers: Float, weights: Float, grid: Float, mask: NDArray[np.uint8]) -> Float:
    """Weights with 0 where an occluder covers more than half of the face that a cell speaks of."""
    positive = np.flatnonzero(answers[:, 0] > 0.25)
    if not len(positive):
        return weights
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1))
    table[1:, 1:] = mask.cumsum(0, dtype=np.int64).cumsum(1)
    boxes = np.clip(decode(answers[positive], grid[positive])[:, :4].round(), 0, mask.shape[0]).astype(int)
    x0, y0, x1, y1 = boxes.T
    covered = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    weights = weights.copy()
    weights[positive[covered > 0.5 * np.maximum((x1 - x0) * (y1 - y0), 1)]] = 0
    return weights
