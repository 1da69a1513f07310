"""The endless stream of training batches, and the fixed validation canvases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from canvas import Pack, compose
from degrade import degrade, occlude
from numpy.typing import NDArray
from targets import hide_covered, make_targets
from teacher import Teacher, grid_of
from torch import Tensor
from torch.utils.data import IterableDataset

SIZES, CHANCES = (256, 320, 384, 512, 640), (0.1, 0.34, 0.2, 0.18, 0.18)
# A large face has few cells, and in real clips most faces are large.
LEVEL_WEIGHT = {8: 1.3, 16: 1.5, 32: 3.0}
BATCH_PIXELS = 8 * 320 * 320
Batch = tuple[Tensor, Tensor, Tensor]  # uint8 NHWC pictures, (N, cells, 16) answers, (N, cells) weights


class Stream(IterableDataset[Batch]):
    """Batches of student views: every clean canvas gives a mild view and a spoiled one."""

    def __init__(self, pack: Path, teacher: Path, seed: int) -> None:
        self._pack, self._teacher, self._seed = pack, teacher, seed

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self._seed, worker.id if worker else 0))
        pack, teacher = Pack(self._pack, "train"), Teacher(self._teacher)
        while True:
            size = int(rng.choice(SIZES, p=CHANCES))
            yield batch_of(pack, teacher, size, rng)


def batch_of(pack: Pack, teacher: Teacher, size: int, rng: np.random.Generator) -> Batch:
    """One batch at one canvas size."""
    views: list[NDArray[np.uint8]] = []
    answers: list[NDArray[np.float32]] = []
    weights: list[NDArray[np.float32]] = []
    grid = grid_of(size, size)
    levels = np.select([grid[:, 2] == stride for stride in LEVEL_WEIGHT], list(LEVEL_WEIGHT.values()))
    for _ in range(max(2, BATCH_PIXELS // (2 * size * size))):
        canvas = compose(pack, size, rng)
        answer, weight = make_targets(teacher.cells(canvas.image[None])[0], canvas.faces, grid)
        spoiled, cover = degrade(canvas.image, rng), weight
        if rng.random() < 0.3:
            spoiled, mask = occlude(spoiled, canvas.faces, rng)
            cover = hide_covered(answer, weight, grid, mask)
        # A tiny face that was spoiled is no face any more: its clean look must outweigh it, or scores sink.
        tiny = len(canvas.faces) > 8 and np.median(canvas.faces[:, 3] - canvas.faces[:, 1]) < 20
        mild = canvas.image if tiny or rng.random() < 0.7 else degrade(canvas.image, rng)
        views += [mild, spoiled]
        answers += [answer, answer]
        weights += [weight, cover]
    weights = [weight * levels.astype(np.float32) for weight in weights]
    return (
        torch.from_numpy(np.stack(views)),
        torch.from_numpy(np.stack(answers)),
        torch.from_numpy(np.stack(weights)),
    )


def validation(pack: Path, count: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """(clean, spoiled) canvases of the validation part, always the same."""
    rng, part = np.random.default_rng(11), Pack(pack, "val")
    clean = [compose(part, int(rng.choice([320, 512])), rng).image for _ in range(count)]
    return [(image, degrade(image, rng)) for image in clean]
