"""Pairs of frames of one clip: one is the source, the other the target, with the field between them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from net import SIDE
from numpy.typing import NDArray

from vidface.vision.meshcrop import to_crop
from vidface.vision.meshflow import mesh_field
from vidface.vision.meshmodel import MeshModel

sys.path.append(str(Path(__file__).resolve().parents[1] / "restore_face"))
from pack_tools import warp

STORE = 320
Image = NDArray[np.uint8]


class View(NamedTuple):
    """What the network gets and gives.

    Attributes:
        source, target: (3, 256, 256) float32 RGB 0..255.
        places: (2, 256, 256) float32, -1..1. guides: (6, 256, 256) float32.
    """

    source: NDArray[np.float32]
    target: NDArray[np.float32]
    places: NDArray[np.float32]
    guides: NDArray[np.float32]


class Pack:
    """The frames of one part, clip by clip."""

    def __init__(self, folder: Path, part: str, model: MeshModel) -> None:
        items = np.load(folder / "items.npz")
        self.pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        self.mesh, self.model = items["mesh"], model
        mine = np.flatnonzero(items["part"] == part)
        self.names = items["name"][mine]
        self.starts, self.lengths = items["start"][mine], items["length"][mine]

    def pair(self, clip: int, rng: np.random.Generator) -> tuple[int, int]:
        """Rows of two different frames."""
        one, other = rng.choice(int(self.lengths[clip]), 2, replace=False)
        return int(self.starts[clip] + one), int(self.starts[clip] + other)

    def view(self, source: int, target: int, matrix: NDArray[np.float64], mirrored: bool = False) -> View:
        """Two rows through the same similarity from stored pixels to the crop."""
        pictures = [warp(np.array(self.pixels[row]), matrix, SIDE) for row in (source, target)]
        meshes = [to_crop(self.mesh[row], matrix) for row in (source, target)]
        field = mesh_field(meshes[0], meshes[1], model=self.model, size=(SIDE, SIDE))
        maps = np.dstack([field.places * (2 / SIDE) - 1, field.inside, field.seen, field.mouth, field.code])
        maps = np.ascontiguousarray(maps.transpose(2, 0, 1), np.float32)
        planes = [np.asarray(one, np.float32).transpose(2, 0, 1) for one in pictures]
        if mirrored:
            maps, planes = maps[..., ::-1].copy(), [one[..., ::-1].copy() for one in planes]
            maps[[0, 5]] *= -1
        return View(planes[0], planes[1], maps[:2], maps[2:])


def middle() -> NDArray[np.float64]:
    """The whole stored square as the crop, for checks."""
    scale = SIDE / STORE
    return np.array([(scale, 0, 0), (0, scale, 0)], float)


def loose(rng: np.random.Generator) -> NDArray[np.float64]:
    """The crop as it may lie in use: another size, somewhat turned and shifted."""
    scale = SIDE / STORE * float(np.exp(rng.uniform(-0.05, 0.3)))
    angle = float(rng.normal(0, 0.08))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    room = np.array([STORE / 2, STORE / 2])
    shift = rng.normal(0, 0.04 * SIDE, 2)
    return np.column_stack([turn, SIDE / 2 + shift - turn @ room])


def tinted(pictures: list[NDArray[np.float32]], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Another light for both alike."""
    if rng.random() < 0.5:
        return pictures
    gain = np.exp(rng.normal(0, 0.1, (3, 1, 1))) * float(np.exp(rng.normal(0, 0.15)))
    power = float(np.exp(rng.normal(0, 0.2)))
    made = [255 * np.clip(one / 255 * gain, 0, 1) ** power for one in pictures]
    return [np.asarray(one, np.float32) for one in made]


def random_view(pack: Pack, rng: np.random.Generator) -> View:
    """One pair, another crop, perhaps mirrored, perhaps in another light."""
    clip = int(rng.integers(len(pack.starts)))
    source, target = pack.pair(clip, rng)
    view = pack.view(source, target, loose(rng), bool(rng.random() < 0.5))
    cv2.setNumThreads(1)
    lit = tinted([view.source, view.target], rng)
    return view._replace(source=lit[0], target=lit[1])
