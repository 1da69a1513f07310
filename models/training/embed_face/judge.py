"""Verification of made pairs: one side at full size, the other shrunk; used while training and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from made import STORE
from numpy.typing import NDArray

EDGE = (STORE - 112) // 2
SIDES = (112, 24, 16, 12, 8)
Image = NDArray[np.uint8]


def shrunk(crops: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Area down to `side`, bicubic back; untouched at 112."""
    if side >= 112:
        return crops
    small = [cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) for crop in crops]
    return np.stack([cv2.resize(one, (112, 112), interpolation=cv2.INTER_CUBIC) for one in small])


def over(run: Callable[..., list[Any]], crops: NDArray[np.uint8], batch: int = 16) -> list[NDArray[Any]]:
    """Each output of an ONNX session's `run` for BGR crops, of any number."""
    parts = []
    for start in range(0, len(crops), batch):
        x = crops[start : start + batch, ..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        parts.append(run(None, {"image": x}))
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


class Held:
    """Held-out faces of one part and the pairs among them.

    Attributes:
        crops: uint8 BGR (n, 112, 112, 3). names: (n,) "set/person".
        pairs: int (m, 2) rows. same: bool (m,).
    """

    def __init__(self, pack: Path, part: str, pairs: int = 6000, seed: int = 5) -> None:
        items = np.load(pack / "items.npz")
        rows = np.flatnonzero((items["part"] == part) & (items["kind"] == "picture"))
        pixels = np.load(pack / "pixels.npy", mmap_mode="r")
        self.crops = np.stack([pixels[row] for row in rows])[:, EDGE:-EDGE, EDGE:-EDGE]
        self.names = items["name"][rows]
        self.rows = rows
        self._draw(pairs, np.random.default_rng(seed))

    def keep(self, clean: NDArray[np.bool_], pairs: int = 6000, seed: int = 5) -> None:
        """Leave out rows (wrong labels), and draw the pairs anew."""
        self.crops, self.names, self.rows = self.crops[clean], self.names[clean], self.rows[clean]
        self._draw(pairs, np.random.default_rng(seed))

    def _draw(self, pairs: int, rng: np.random.Generator) -> None:
        celebrity = np.flatnonzero(np.char.startswith(self.names, "celeb"))
        people = sorted(set(self.names[celebrity]))
        of = {person: np.flatnonzero(self.names == person) for person in people}
        matched = [rng.choice(of[people[i % len(people)]], 2, replace=False) for i in range(pairs // 2)]
        others, everyone = [], np.arange(len(self.names))
        while len(others) < pairs // 2:
            pool = celebrity if rng.random() < 0.4 else everyone
            a, b = rng.choice(pool, 2, replace=False)
            if self.names[a] != self.names[b]:
                others.append((a, b))
        self.pairs = np.array([*matched, *others])
        self.same = np.arange(len(self.pairs)) < len(matched)


def accuracy(scores: NDArray[np.floating], same: NDArray[np.bool_], folds: int = 10) -> float:
    """Accuracy by ten folds: the threshold of each comes from the other nine."""
    order = np.random.default_rng(0).permutation(len(scores))
    right = []
    for fold in np.array_split(order, folds):
        rest = np.setdiff1d(order, fold)
        right.append(((scores[fold] >= best_threshold(scores[rest], same[rest])) == same[fold]).mean())
    return float(np.mean(right))


def best_threshold(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """The threshold with the most right answers."""
    order = np.argsort(-scores)
    gain = np.cumsum(np.where(same[order], 1, -1))
    return float(scores[order][int(gain.argmax())])


def table(full: NDArray[np.floating], small: dict[int, NDArray[np.floating]], held: Held) -> dict[str, float]:
    """Accuracy for each size of the second picture, embeddings given per held face."""
    unit = full / np.linalg.norm(full, axis=1, keepdims=True)
    out = {}
    for side, vectors in small.items():
        other = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        scores = (unit[held.pairs[:, 0]] * other[held.pairs[:, 1]]).sum(1)
        out[str(side)] = round(100 * accuracy(scores, held.same), 2)
    return out
