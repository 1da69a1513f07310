"""Training batches: faces and their self-blended twins, filmed and coded alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from blending import Float, Image, Pair, blended, jpeg
from net import HEAT, SIDE
from numpy.typing import NDArray
from torch import Tensor

from vidface.media.recode import recode
from vidface.vision.facecrop import aligned
from vidface.vision.meshcrop import crop_of_mesh

Matrix = NDArray[np.float64]
FACE = 109.0
"""Extent of a mesh in stored pixels."""
FACE_PX, CODED_PX = (48.0, 256.0), (64.0, 200.0)
CRF, QUALITY = (18, 40), (20, 96)
FRAMES, GRAIN = 3, 640


class Spoil(NamedTuple):
    """What both twins go through.

    face_px: extent of the face. codec: h264 | jpeg | none. rate: CRF or JPEG quality. blur, noise: sigmas in
    pixels and grey levels, 0 for none.
    """

    face_px: float
    codec: str
    rate: int
    blur: float
    noise: float


class Batch(NamedTuple):
    """images (n, SIDE, SIDE, 3) uint8 RGB, label (n,) 1 fake, maps (n, 2, HEAT, HEAT) 0..1."""

    images: Tensor
    label: Tensor
    maps: Tensor


class Faces:
    """The packed faces of one part; clips are drawn alike, whatever their length."""

    def __init__(self, pack: Path, part: str) -> None:
        items = np.load(pack / "items.npz")
        self._pixels = np.load(pack / "pixels.npy", mmap_mode="r")
        self.rows = np.flatnonzero(items["part"] == part)
        self._mesh, self.names, self._clip = items["mesh"], items["name"], items["clip"]
        films = sorted(set(self.names[self.rows[self._clip[self.rows]]].tolist()))
        self._films = [self.rows[self.names[self.rows] == name] for name in films]
        self._stills = self.rows[~self._clip[self.rows]]

    def draw(self, rng: np.random.Generator) -> tuple[Image, Float]:
        """A random face: of a clip in 4 of 10 cases."""
        film = rng.random() < 0.4
        rows = self._films[rng.integers(len(self._films))] if film else self._stills
        image, mesh = self.item(int(rows[rng.integers(len(rows))]))
        return tint(image, rng), mesh

    def item(self, row: int) -> tuple[Image, Float]:
        """One face by its place in the pack."""
        return np.array(self._pixels[row]), self._mesh[row].copy()


def tint(image: Image, rng: np.random.Generator) -> Image:
    """Light and colours of another camera; now and then grey."""
    if rng.random() < 0.06:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.5:
        return image
    table = 255 * (np.arange(256)[:, None] / 255) ** rng.uniform(0.65, 1.5) * rng.uniform(0.85, 1.1, 3)
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


class Camera:
    """Films twins: moves, codes and cuts them."""

    def __init__(self, seed: int) -> None:
        self._grain = np.random.default_rng(seed).standard_normal((GRAIN, GRAIN, 3), np.float32)

    def spoil(self, rng: np.random.Generator, video: bool) -> Spoil:
        """A random course, of video coding or not."""
        low, high = np.log(CODED_PX if video else FACE_PX)
        blur = float(rng.uniform(0.3, 1.6)) if rng.random() < 0.25 else 0.0
        noise = float(rng.uniform(1, 8)) if rng.random() < 0.3 else 0.0
        size = float(np.exp(rng.uniform(low, high)))
        if video:
            return Spoil(size, "h264", int(rng.integers(CRF[0], CRF[1] + 1)), blur, noise)
        codec = "jpeg" if rng.random() < 0.8 else "none"
        return Spoil(size, codec, int(rng.integers(*QUALITY)), blur, noise)

    def film(
        self, canvases: Sequence[Sequence[Image]], spoil: Spoil, rng: np.random.Generator
    ) -> list[tuple[list[Image], Matrix]]:
        """Of each group of equally moved canvases: what comes out, and the matrix from canvas to there."""
        size = canvases[0][0].shape[0]
        side = max(16, round(spoil.face_px / FACE * size / 16) * 16)
        count = FRAMES if spoil.codec == "h264" else 1
        ways = [moving(side / size, side, count, rng) for _ in canvases]
        films = [
            [
                self._shot(one, way[at], side, spoil, rng)
                for way, group in zip(ways, canvases, strict=True)
                for one in group
            ]
            for at in range(count)
        ]
        taken = int(rng.integers(count)) if rng.random() < 0.4 else count - 1
        if spoil.codec == "h264":
            sheets = recode([sheet(tiles) for tiles in films], "h264", spoil.rate)
            tiles = cut(sheets[taken], side, len(films[0]))
        else:
            tiles = [jpeg(one, spoil.rate) if spoil.codec == "jpeg" else one for one in films[0]]
        out, start = list[tuple[list[Image], Matrix]](), 0
        for way, group in zip(ways, canvases, strict=True):
            out.append((tiles[start : start + len(group)], way[taken]))
            start += len(group)
        return out

    def _shot(self, canvas: Image, way: Matrix, side: int, spoil: Spoil, rng: np.random.Generator) -> Image:
        tile = np.asarray(aligned(canvas, way, side), np.uint8)
        if spoil.blur:
            tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), spoil.blur), np.uint8)
        if spoil.noise:
            top, left = rng.integers(0, GRAIN - side, 2)
            noise = self._grain[top : top + side, left : left + side] * np.float32(spoil.noise)
            tile = np.clip(tile + noise, 0, 255).astype(np.uint8)
        return tile


def moving(scale: float, side: int, count: int, rng: np.random.Generator) -> list[Matrix]:
    """Canvas -> tile of each frame: a smooth drift of up to a few pixels, a little turn and zoom."""
    speed, spin, zoom = rng.normal(0, 0.012, 2) * side, rng.normal(0, 0.006), rng.normal(0, 0.006)
    ways = []
    for time in range(count):
        angle, grow = spin * time, scale * float(np.exp(zoom * time))
        turn = grow * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        middle = side / 2 + speed * time
        ways.append(np.column_stack([turn, middle - turn @ np.full(2, side / 2 / scale)]))
    return ways


def sheet(tiles: Sequence[Image]) -> Image:
    """Tiles side by side, two in a row."""
    rows = [np.concatenate(tiles[at : at + 2], 1) for at in range(0, len(tiles), 2)]
    return np.concatenate(rows, 0)


def cut(picture: Image, side: int, count: int) -> list[Image]:
    """The tiles of a sheet."""
    return [
        picture[at // 2 * side : (at // 2 + 1) * side, at % 2 * side : (at % 2 + 1) * side]
        for at in range(count)
    ]


def look(mesh: Float, way: Matrix, rng: np.random.Generator) -> Matrix:
    """Tile -> network's crop, as a tracker errs."""
    there = mesh @ way[:, :2].T + way[:, 2]
    matrix = crop_of_mesh(there, SIDE)
    angle, grow = float(rng.normal(0, 0.04)), float(np.exp(rng.normal(0, 0.05)))
    turn = grow * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = SIDE / 2 - turn @ np.full(2, SIDE / 2) + rng.normal(0, 0.02, 2) * SIDE
    return np.column_stack([turn @ matrix[:, :2], turn @ matrix[:, 2] + shift])


def chain(first: Matrix, then: Matrix) -> Matrix:
    """One after the other."""
    return np.column_stack([then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2] + then[:, 2]])


def maps_of(mask: Float, to_crop: Matrix) -> Float:
    """What was put in, and its seam, on the grid of the heat map."""
    whole = np.asarray(aligned(mask, to_crop, SIDE), np.float32)
    both = np.stack([whole, 4 * whole * (1 - whole)], -1)
    small = cv2.resize(both, (HEAT, HEAT), interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 1).transpose(2, 0, 1)


def rows_of(
    faces: Sequence[tuple[Image, Float]], camera: Camera, spoil: Spoil, rng: np.random.Generator
) -> list[tuple[Image, float, Float]]:
    """Views, labels and maps of faces filmed together, some mirrored: of each the real one, then its twin."""
    pairs: list[Pair] = [blended(image, mesh, rng) for image, mesh in faces]
    films = camera.film([(pair.real, pair.fake) for pair in pairs], spoil, rng)
    rows = []
    for (_, mesh), pair, (tiles, way) in zip(faces, pairs, films, strict=True):
        to_crop = look(mesh, way, rng)
        maps = maps_of(pair.mask, chain(way, to_crop))
        real, fake = (np.asarray(aligned(tile, to_crop, SIDE), np.uint8) for tile in tiles)
        turn = int(rng.choice((-1, 1)))
        rows += [(real[:, ::turn], 0.0, np.zeros_like(maps)), (fake[:, ::turn], 1.0, maps[..., ::turn])]
    return rows


def batch_of(faces: Faces, camera: Camera, rng: np.random.Generator, pairs: int) -> Batch:
    """One batch: half of it video, two pairs a sheet."""
    rows = []
    for _ in range(pairs // 4):
        drawn = [faces.draw(rng) for _ in range(4)]
        rows += rows_of(drawn[:2], camera, camera.spoil(rng, video=True), rng)
        for one in drawn[2:]:
            rows += rows_of([one], camera, camera.spoil(rng, video=False), rng)
    return stacked(rows)


def stacked(rows: Sequence[tuple[Image, float, Float]]) -> Batch:
    """Views as tensors."""
    images, labels, maps = zip(*rows, strict=True)
    return Batch(
        torch.from_numpy(np.stack(images)),
        torch.from_numpy(np.array(labels, np.float32)),
        torch.from_numpy(np.stack(maps).astype(np.float32)),
    )
