"""Made sequences, kept for a while: making one costs as much as learning from it, so each serves often.

Crops are kept folded as the network folds them (a quarter of the side, 48 values a place), which is a view
in torch's channels-last layout and costs nothing there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from net import FOLD, SIDE
from numpy.typing import NDArray
from torch import Tensor
from views import Sequence, draw, sequence

from vidface.media.degrade import Degradation

MADE = 10
"""Frames of a made sequence: as many as a piece of a clip has."""
SOFT = 0.75
"""Below so many source pixels per pixel a picture says nothing of fine detail, and is not asked for it."""
MOTION = 0.35
"""Share of the views that are real motion: a few clips of few people, where pictures are of thousands."""
MODEST = 10
"""Niceness of the making: about a tenth of a core that training wants too."""
Folded = NDArray[np.uint8]


class Pack:
    """The clean pieces of one part."""

    def __init__(self, folder: Path, part: str) -> None:
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        items = np.load(folder / "items.npz")
        self.rows = np.flatnonzero(items["part"] == part)
        self.start, self.length, self.scale = items["start"], items["length"], items["scale"]
        clip = self.length[self.rows] > 1
        sharp = self.scale[self.rows] >= SOFT
        # Of the pictures the sharp ones come thrice as often.
        share = np.where(clip, MOTION / max(1, clip.sum()), 0)
        still = np.where(clip, 0, np.where(sharp, 3.0, 1.0))
        self.share = share + (1 - MOTION) * still / max(1.0, still.sum())
        self.share /= self.share.sum()

    def frames(self, row: int) -> NDArray[np.uint8]:
        """m x 320 x 320 x 3 RGB."""
        return np.array(self.pixels[self.start[row] : self.start[row] + self.length[row]])

    def sharp(self, row: int) -> bool:
        """Whether fine detail may be asked for."""
        return bool(self.scale[row] >= SOFT)

    def make(self, row: int, count: int, rng: np.random.Generator, settings: Degradation) -> Made:
        """One sequence of an item."""
        return folded(sequence(self.frames(row), count, rng, settings), sharp=self.sharp(row))


class Made(NamedTuple):
    """t crops as seen and clean, t x 64 x 64 x 48; whether fine detail may be asked for."""

    seen: Folded
    clean: Folded
    sharp: bool


class Views(NamedTuple):
    """A batch: n x t x 48 x 64 x 64 uint8 as seen and clean, channels last; which are sharp."""

    seen: Tensor
    clean: Tensor
    sharp: Tensor


def folded(made: Sequence, *, sharp: bool) -> Made:
    """Crops as `torch.nn.PixelUnshuffle` folds them, channels last."""
    small = SIDE // FOLD

    def fold(crops: NDArray[np.uint8]) -> Folded:
        parts = crops.reshape(-1, small, FOLD, small, FOLD, 3).transpose(0, 1, 3, 5, 2, 4)
        return np.ascontiguousarray(parts).reshape(-1, small, small, 3 * FOLD**2)

    return Made(fold(made.seen), fold(made.clean), sharp)


def stacked(chosen: list[Made]) -> Views:
    """A batch of sequences of one length."""
    seen, clean = (
        torch.from_numpy(np.stack([one[which] for one in chosen])).permute(0, 1, 4, 2, 3) for which in (0, 1)
    )
    return Views(seen, clean, torch.tensor([one.sharp for one in chosen]))


class Pool:
    """The latest `most` sequences, of which batches are drawn; a thread makes new ones in what time is left.

    Args:
        pack: what they are made of.
        rng: for all that is drawn.
        most: sequences that are kept, 3.9 MB each.
    """

    def __init__(self, pack: Pack, rng: np.random.Generator, most: int) -> None:
        self._pack, self._most = pack, most
        self._rng, self._makers = rng.spawn(2)
        self._kept: list[Made] = []
        self.made = 0

    def fill(self, least: int, progress: Callable[[], float]) -> None:
        """Make `least` sequences now, and more from then on, as hard as `progress` of the training asks."""
        for _ in range(least):
            self._add(progress())
        threading.Thread(target=self._go_on, args=(progress,), daemon=True).start()

    def _go_on(self, progress: Callable[[], float]) -> None:
        # On Linux a thread has a niceness of its own: training goes first, and this takes its waits.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), MODEST)
        while True:
            self._add(progress())

    def batch(self, count: int, frames: int) -> Views:
        """`count` windows of `frames` consecutive frames."""
        places = self._rng.choice(len(self._kept), count, replace=False)
        chosen = []
        for place in places:
            start = int(self._rng.integers(MADE - frames + 1))
            window = slice(start, start + frames)
            one = self._kept[place]
            chosen.append(Made(one.seen[window], one.clean[window], one.sharp))
        return stacked(chosen)

    def _add(self, progress: float) -> None:
        row = int(self._makers.choice(self._pack.rows, p=self._pack.share))
        made = self._pack.make(row, MADE, self._makers, draw(self._makers, progress))
        if len(self._kept) < self._most:
            self._kept.append(made)
        else:
            self._kept[self.made % self._most] = made
        self.made += 1
