"""Moving backdrops and things that pass in front, drawn with polygons and discs at sub-pixel positions."""

from __future__ import annotations

import cv2
import numpy as np
from _scene import Image, Layer, Size
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]
SHIFT = 4  # OpenCV's fixed-point bits for sub-pixel drawing


def _rectangle(x1: float, y1: float, x2: float, y2: float) -> list[list[float]]:
    return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]


def _fill(canvas: Image, points: ArrayLike, colour: Colour) -> None:
    fixed = np.rint((np.asarray(points) - 0.5) * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], colour, cv2.LINE_AA, SHIFT)


def _disc(canvas: Image, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    one = 1 << SHIFT
    middle = (round((centre[0] - 0.5) * one), round((centre[1] - 0.5) * one))
    cv2.circle(canvas, middle, round(radius * one), colour, -1, cv2.LINE_AA, SHIFT)


def _sky(size: Size, stops: tuple[Colour, ...]) -> Image:
    """A vertical gradient through evenly spaced colours, dithered by a fixed pattern against banding."""
    width, height = size
    at, rows = np.linspace(0, 1, len(stops)), np.linspace(0, 1, height)
    column = np.stack([np.interp(rows, at, [s[c] for s in stops]) for c in range(3)], axis=1)
    dither = np.random.default_rng(7).uniform(-0.5, 0.5, (height, width, 1))
    return np.clip(np.rint(column[:, None, :] + dither), 0, 255).astype(np.uint8)


def _glow(canvas: Image, centre: tuple[float, float], radius: float, colour: Colour) -> Image:
    height, width = canvas.shape[:2]
    dx, dy = np.arange(width) + 0.5 - centre[0], np.arange(height) + 0.5 - centre[1]
    soft = np.exp(-(dy[:, None] ** 2) / (2 * radius**2)) * np.exp(-(dx[None, :] ** 2) / (2 * radius**2))
    bright: Image = np.clip(canvas + soft[:, :, None] * np.array(colour), 0, 255).astype(np.uint8)
    return bright


def _ridge(world: ArrayLike, seed: float) -> NDArray[np.float64]:
    x = np.asarray(world, np.float64)
    return np.asarray(
        np.sin(x / 97 + seed) + 0.5 * np.sin(x / 41 + 2.1 * seed) + 0.25 * np.sin(x / 19 + 3.7 * seed)
    )


def hills(t: float, size: Size) -> Image:
    """Evening: a low sun, drifting clouds, three ranges of hills with firs, passing at different speeds."""
    width, height = size
    canvas = _sky(size, ((44, 62, 118), (122, 104, 158), (236, 150, 128), (255, 206, 148)))
    sun = (width * (0.72 - 0.012 * t), height * 0.42)
    canvas = _glow(canvas, sun, height * 0.22, (90, 64, 20))
    _disc(canvas, sun, height * 0.075, (255, 236, 190))
    for i in range(5):
        cx = (i * 211 + 60 - 9 * t * (1 + 0.3 * i)) % (width + 260) - 130
        for k in range(-2, 3):
            cy = height * (0.1 + 0.055 * i) + 4 * abs(k)
            _disc(canvas, (cx + 17 * k, cy), 19 - 5 * abs(k), (208 - 8 * i, 160, 172))
    ranges = ((0.56, 24, 14, (122, 98, 142)), (0.68, 22, 34, (78, 84, 118)), (0.82, 16, 72, (44, 74, 82)))
    for i, (base, swell, speed, colour) in enumerate(ranges):
        xs = np.arange(-8, width + 9, 8, dtype=np.float64)
        world = xs + speed * t + 500 * i
        ys = height * base + swell * _ridge(world, i + 1.0)
        _fill(canvas, np.vstack([np.column_stack([xs, ys]), [[width + 8, height], [-8, height]]]), colour)
        _firs(canvas, speed * t + 500 * i, (height * base, swell, i + 1.0))
    return canvas


def _firs(canvas: Image, offset: float, ridge: tuple[float, float, float]) -> None:
    base, swell, seed = ridge
    spacing, tall = 46 + 14 * seed, 12 + 12 * seed
    shade = (96 - 26 * seed, 92 - 14 * seed, 118 - 24 * seed)
    for n in range(int((offset - 60) // spacing), int((offset + canvas.shape[1] + 60) // spacing) + 1):
        world = n * spacing + 17 * np.sin(5.1 * n)
        x, y = world - offset, base + swell * float(_ridge(world, seed)) + 3
        size = tall * (0.75 + 0.25 * np.sin(2.3 * n))
        for k in range(3):
            top, half = y - size * (1 - 0.25 * k), size * (0.18 + 0.07 * k)
            low = top + size * 0.5
            _fill(canvas, [[x, top], [x + half, low], [x - half, low]], shade)


def city(t: float, size: Size) -> Image:
    """Night: towers with lit windows in two depths, and soft lights that drift."""
    width, height = size
    canvas = _sky(size, ((14, 18, 46), (40, 30, 88), (110, 52, 112), (214, 108, 104)))
    for depth, (colour, speed, wide) in enumerate((((46, 40, 92), 14.0, 74.0), ((24, 24, 58), 34.0, 112.0))):
        for n in range(int(speed * t // wide) - 1, int((speed * t + width) // wide) + 1):
            x, top = n * wide - speed * t, height * (0.30 + 0.17 * depth + 0.13 * np.sin(3.7 * n + depth))
            _block(canvas, (x, top), wide * 0.86, colour)
            _windows(canvas, (x, top), wide * 0.86, n + 31 * depth)
    for i in range(9):
        x = (i * 137 + 50 + (22 if i % 2 else -16) * t) % (width + 120) - 60
        y = height * (0.22 + 0.5 * ((i * 0.381) % 1)) + 8 * np.sin(0.9 * t + i)
        tint = ((70, 44, 14), (16, 52, 70), (66, 22, 52))[i % 3]
        canvas = _glow(canvas, (x, y), 13 + 3 * (i % 4), tint)
    return canvas


def _block(canvas: Image, corner: tuple[float, float], wide: float, colour: Colour) -> None:
    x, top = corner
    low = canvas.shape[0]
    _fill(canvas, _rectangle(x, top, x + wide, low), colour)


def _windows(canvas: Image, corner: tuple[float, float], wide: float, seed: int) -> None:
    lit = np.random.default_rng(abs(seed) + 1).uniform(size=(16, 5))
    for row, col in np.argwhere(lit > 0.55):
        x, y = corner[0] + wide * (0.12 + 0.165 * col), corner[1] + 12 + 19.0 * row
        glass = (238, 190, 112) if lit[row, col] > 0.75 else (120, 104, 130)
        _fill(canvas, _rectangle(x, y, x + 7, y + 9), glass)


def street(t: float, size: Size) -> Image:
    """Day: coloured house fronts and round trees passing behind a walker."""
    width, height = size
    canvas = _sky(size, ((126, 186, 226), (190, 220, 232), (236, 236, 220)))
    paints = ((206, 122, 92), (232, 196, 122), (122, 164, 152), (212, 214, 204), (150, 122, 156))
    wide, walk = 128.0, 62.0 * t
    for n in range(int(walk // wide) - 1, int((walk + width) // wide) + 1):
        x, top = n * wide - walk, height * (0.2 + 0.09 * np.sin(2.9 * n))
        _block(canvas, (x, top), wide, paints[n % 5])
        _fill(canvas, [[x - 5, top], [x + wide / 2, top - 34], [x + wide + 5, top]], (112, 66, 60))
        for k in range(9):
            px, py = x + 18 + 36 * (k % 3), top + 18 + 58 * (k // 3)
            _fill(canvas, _rectangle(px, py, px + 20, py + 32), (70, 90, 108))
    for n in range(int(walk * 1.5 // 190) - 1, int((walk * 1.5 + width) // 190) + 2):
        x = n * 190.0 - walk * 1.5
        _fill(canvas, _rectangle(x - 6, height * 0.6, x + 6, height), (92, 70, 56))
        for k, (dx, dy, r) in enumerate(((-20, 0, 30), (22, 4, 28), (0, -22, 33))):
            cy = height * 0.56 + dy + 2 * np.sin(2 * t + n)
            _disc(canvas, (x + dx, cy), r, (70 + 12 * k, 128 + 10 * k, 76))
    return canvas


def grass(t: float, size: Size) -> Layer:
    """Blades and leaves along the lower border that sway and pass by."""
    width, height = size
    paint, cover = np.zeros((height, width, 3), np.uint8), np.zeros((height, width, 3), np.uint8)
    for n in range(int(92 * t // 15) - 5, int((92 * t + width) // 15) + 6):
        x, tall = n * 15 - 92 * t + 5 * np.sin(3.3 * n), 30 + 20 * np.sin(1.7 * n) + 11 * np.sin(0.31 * n)
        lean = 10 * np.sin(1.9 * t + 0.6 * n) + 8 * np.sin(4.1 * n)
        waist, bend, foot = height - tall * 0.6, x + lean * 0.4, height + 2
        blade = [
            [x - 9, foot],
            [bend - 5, waist],
            [x + lean, height - tall],
            [bend + 5, waist],
            [x + 9, foot],
        ]
        green = np.sin(2.7 * n)
        _fill(paint, blade, (30 + 12 * green, 74 + 26 * green, 58 + 10 * green))
        _fill(cover, blade, (255, 255, 255))
    return Layer(paint.astype(np.float32), (cover[:, :, 0] / 255.0).astype(np.float32))


def lamp_post(t: float, size: Size) -> Layer:
    """A lamp post passing from right to left before everybody, over the grass."""
    width, height = size
    layer = grass(0.4 * t + 20.0, size)
    paint, cover = np.zeros((height, width, 3), np.uint8), np.zeros((height, width, 3), np.uint8)
    x = width * (1.29 - 0.36 * t)
    for left, right, colour in ((-17, 17, (34, 36, 44)), (-11, -4, (92, 94, 108)), (6, 12, (22, 22, 28))):
        bar = _rectangle(x + left, -2, x + right, height + 2)
        _fill(paint, bar, colour)
        _fill(cover, bar, (255, 255, 255))
    bar_cover = cover[:, :, 0] / 255.0
    rest = (1.0 - layer.cover).astype(np.float32)
    colour_sum = layer.colour + paint * rest[:, :, None]
    return Layer(colour_sum.astype(np.float32), (1.0 - rest * (1.0 - bar_cover)).astype(np.float32))
