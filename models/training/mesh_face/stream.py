"""Training batches: each face twice, in two different crops, the second one spoiled."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from landmarker import move
from net import SIDE
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import degrade
from texture import texture

STORE, STORE_ROOM, ROOM = 240, 2.2, 1.5
PAIRS = 24
Image = NDArray[np.uint8]
Float = NDArray[np.float32]


class Batch(NamedTuple):
    """Views of PAIRS faces, first all mild ones, then all spoiled ones; then views without a face.

    images (n, SIDE, SIDE, 3) uint8 RGB, points (n, 478, 3) in crops of side 1, shapes (n, 52), face (n,)
    1 or 0, back (n, 2, 3): matrix from the crop of side 1 to the stored crop's pixels.
    """

    images: Tensor
    points: Tensor
    shapes: Tensor
    face: Tensor
    back: Tensor


class Faces:
    """The packed faces of one part."""

    def __init__(self, pack: Path, part: str) -> None:
        self._parts = []
        for what in ("clips", "faces"):
            items = np.load(pack / what / "items.npz")
            rows = np.flatnonzero(items["part"] == part)
            pixels = np.memmap(pack / what / "pixels.bin", np.uint8, "r").reshape(-1, STORE, STORE, 3)
            self._parts.append((pixels, rows, {key: items[key][rows] for key in items.files}))
        self.lengths = [len(rows) for _, rows, _ in self._parts]
        self.names = np.concatenate([columns["name"] for *_, columns in self._parts])
        self.groups = self._grouped()
        shapes = [columns["blendshapes"] for *_, columns in self._parts]
        # Rare, and what blinks and speech are read from: shut eyes, open mouths.
        self._rare = [
            [(part, int(row)) for part, table in enumerate(shapes) for row in np.flatnonzero(test(table))]
            for test in (lambda table: table[:, 9:11].max(1) > 0.45, lambda table: table[:, 25] > 0.25)
        ]

    def _grouped(self) -> list[list[NDArray[np.int64]]]:
        """Of each part, lists of rows: a clip, or a set of pictures."""
        groups = []
        for *_, columns in self._parts:
            names = [
                n if n.count(".") and "/" in n and columns["frame"].any() else n.split("/")[0]
                for n in columns["name"]
            ]
            groups.append([np.flatnonzero(np.array(names) == name) for name in sorted(set(names))])
        return groups

    def draw(self, rng: np.random.Generator) -> tuple[Image, dict[str, Any]]:
        """A random face: a rare one, a clip frame (every clip alike) or a picture (sets by their size)."""
        pick = rng.random()
        if pick < 0.24 and (rare := self._rare[int(pick < 0.1)]):
            return self.item(*rare[rng.integers(len(rare))])
        part = int(rng.random() < 0.55)
        groups = self.groups[part]
        if part == 0:
            rows = groups[rng.integers(len(groups))]
            return self.item(part, int(rows[rng.integers(len(rows))]))
        return self.item(part, int(rng.integers(self.lengths[part])))

    def item(self, part: int, row: int) -> tuple[Image, dict[str, Any]]:
        """One face by its place."""
        pixels, rows, columns = self._parts[part]
        return np.array(pixels[rows[row]]), {key: values[row] for key, values in columns.items()}


def random_crop(points: Float, rng: np.random.Generator, hard: bool) -> NDArray[np.float64]:
    """2 x 3 matrix from the stored crop to a crop of SIDE: shifted, scaled, turned as a tracker errs."""
    spread = np.ptp(points[:, :2], 0).max() * ROOM
    scale = SIDE / (spread * float(np.exp(rng.normal(0, 0.14 if hard else 0.06))))
    angle = (
        float(rng.normal(0, 0.25 if hard else 0.08)) if rng.random() < 0.9 else float(rng.uniform(-0.8, 0.8))
    )
    centre = (points[:, :2].min(0) + points[:, :2].max(0)) / 2
    centre = centre + rng.normal(0, 0.07 if hard else 0.03, 2) * spread / ROOM
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, SIDE / 2 - turn @ centre])


def cut(image: Image, matrix: NDArray[np.float64], rng: np.random.Generator) -> Image:
    """The crop, borders as a frame's edge or repeated."""
    shift = matrix.copy()
    shift[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    border = cv2.BORDER_CONSTANT if rng.random() < 0.7 else cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, shift, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=border)


def shrink(image: Image, rng: np.random.Generator) -> Image:
    """As if the face had been 14 to 60 pixels high (the crop is 1.5 times the face), then enlarged."""
    side = int(np.exp(rng.uniform(np.log(14), np.log(60))) * ROOM)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.4:
        small = degrade.jpeg(small, rng)
    if rng.random() < 0.4:
        small = degrade.noise(small, rng)
    return cv2.resize(small, (SIDE, SIDE), interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))


def spoil(image: Image, points: Float, rng: np.random.Generator) -> Image:
    """Occlusion, low resolution, and what degrade.py knows."""
    if rng.random() < 0.3:
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        image, _ = degrade.occlude(image, np.r_[low, high][None].astype(np.float32), rng)
    if rng.random() < 0.35:
        return shrink(image, rng)
    return degrade.degrade(image, rng)


def tint(image: Image, rng: np.random.Generator) -> Image:
    """Gamma, gain by channel, and now and then grey."""
    if rng.random() < 0.08:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    table = 255 * (np.arange(256)[:, None] / 255) ** rng.uniform(0.6, 1.6) * rng.uniform(0.8, 1.15, 3)
    return cv2.LUT(np.ascontiguousarray(image), np.clip(table, 0, 255).astype(np.uint8)[None])


def nobody(faces: Faces, rng: np.random.Generator) -> Image:
    """A crop that shows no face: texture, or a place beside the face."""
    if rng.random() < 0.5:
        return degrade.degrade(texture(SIDE, rng), rng)
    image, row = faces.draw(rng)
    matrix = random_crop(row["points"], rng, hard=True)
    away = rng.uniform(0.75, 1.1) * SIDE / ROOM
    angle = rng.uniform(0, 2 * np.pi)
    matrix[:, 2] += away * np.array([np.cos(angle), np.sin(angle)])
    return cut(image, matrix, rng)


def batch_of(faces: Faces, rng: np.random.Generator, pairs: int = PAIRS) -> Batch:
    """One batch."""
    views: list[list[Image]] = [[], []]
    points: list[list[Float]] = [[], []]
    backs: list[list[Any]] = [[], []]
    shapes = []
    for _ in range(pairs):
        image, row = faces.draw(rng)
        image = tint(image, rng) if rng.random() < 0.5 else image
        shapes.append(row["blendshapes"])
        for turn in (0, 1):
            matrix = random_crop(row["points"], rng, hard=turn == 1 or rng.random() < 0.3)
            local = move(row["points"], matrix)
            view = cut(image, matrix, rng)
            if turn:
                view = spoil(view, local, rng)
            elif rng.random() < 0.5:
                view = degrade.noise(view, rng) if rng.random() < 0.3 else view
            views[turn].append(view)
            points[turn].append(local / SIDE)
            way = cv2.invertAffineTransform(matrix)
            backs[turn].append(np.column_stack([way[:, :2] * SIDE, way[:, 2]]))
    empty = [nobody(faces, rng) for _ in range(max(2, pairs // 6))]
    images = np.stack([*views[0], *views[1], *empty])[..., ::-1]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(np.stack(points[0] + points[1]).astype(np.float32)),
        torch.from_numpy(np.stack(shapes + shapes).astype(np.float32)),
        torch.from_numpy(np.r_[np.ones(2 * pairs), np.zeros(len(empty))].astype(np.float32)),
        torch.from_numpy(np.stack(backs[0] + backs[1]).astype(np.float32)),
    )


class Stream(IterableDataset[Batch]):
    """The endless stream of batches."""

    def __init__(self, pack: Path, seed: int) -> None:
        self._pack, self._seed = pack, seed

    def __iter__(self) -> Iterator[Batch]:
        cv2.setNumThreads(1)
        worker = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self._seed, worker.id if worker else 0))
        faces = Faces(self._pack, "train")
        while True:
            yield batch_of(faces, rng)
