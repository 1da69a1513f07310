"""What the student sees: the face as a camera far away, in bad light, behind a codec would give it."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from made import SIDE
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "detect_face"))
import degrade

CROP, SMALLEST, LARGEST = 112, 7, 72
VARIED = 0.5
"""Share of faces that are turned, toned or joined into such as nobody has."""
GRID = (np.arange(CROP, dtype=np.float32) - (CROP - 1) / 2) / (CROP / 2)
Image = NDArray[np.uint8]


def placed(image: Image, rng: np.random.Generator, loose: float) -> Image:
    """The 112 px crop, shifted, turned and scaled as landmarks err."""
    angle, scale = np.deg2rad(rng.normal(0, 1.5 * loose)), float(np.exp(rng.normal(0, 0.02 * loose)))
    shift = np.clip(rng.normal(0, 0.8 * loose, 2), -6, 6)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([(SIDE - 1) / 2, (SIDE - 1) / 2])
    matrix = np.column_stack([turn, (CROP - 1) / 2 + shift - turn @ middle])
    return cv2.warpAffine(image, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def down(image: Image, side: int, rng: np.random.Generator) -> Image:
    """Shrunk to `side`, mostly with the area filter."""
    how = cv2.INTER_AREA if rng.random() < 0.85 else int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    return cv2.resize(image, (side, side), interpolation=how)


def up(image: Image, rng: np.random.Generator) -> Image:
    """Back to 112 px."""
    how = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_LINEAR
    return cv2.resize(image, (CROP, CROP), interpolation=how)


def random_side(rng: np.random.Generator, least: int) -> int:
    """Width of the crop in source pixels: log-uniform, leaning to the larger side."""
    low, high = np.log(least), np.log(LARGEST)
    return int(np.exp(low + (high - low) * rng.random() ** 0.8))


def coded(image: Image, rng: np.random.Generator) -> Image:
    """Through JPEG or H.264 at its own small size."""
    if rng.random() < 0.7:
        return degrade.jpeg(image, rng)
    side = max(16, image.shape[0] // 2 * 2)
    even = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    return degrade.h264(even, rng)


def hard(image: Image, rng: np.random.Generator) -> Image:
    """Several troubles at once, in the order in which a camera adds them."""
    if rng.random() < 0.5:
        image = degrade.blur(image, rng)
    if rng.random() < 0.85:
        image = down(image, random_side(rng, 10), rng)
    if rng.random() < 0.2:
        image = degrade.low_light(image, rng)
    elif rng.random() < 0.4:
        image = degrade.noise(image, rng)
    if rng.random() < 0.55:
        image = coded(image, rng)
    return up(image, rng)


def covered(image: Image, rng: np.random.Generator) -> Image:
    """Something before a part of the face."""
    return degrade.occlude(image, np.array([[20, 20, 92, 104]], np.float32), rng)[0]


def turned(crop: Image, rng: np.random.Generator) -> Image:
    """As if the head were turned a little: the middle moves against the edge, and the whole leans."""
    yaw, pitch, lean = rng.normal(0, (0.09, 0.06, 0.05))
    across = GRID + yaw * (1 - GRID**2)
    along = GRID + pitch * (1 - GRID**2)
    x = np.broadcast_to(across, (CROP, CROP)) + lean * GRID[:, None]
    y = np.broadcast_to(along[:, None], (CROP, CROP))
    half, middle = CROP / 2, (CROP - 1) / 2
    maps = (x * half + middle).astype(np.float32), (y * half + middle).astype(np.float32)
    return cv2.remap(crop, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def toned(crop: Image, rng: np.random.Generator) -> Image:
    """Other light, colour and contrast; one in eight grey, one in four lit from a side."""
    share = 1.0 if rng.random() < 0.12 else float(rng.uniform(-0.4, 0.7))
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    out = cv2.addWeighted(crop, 1 - share, grey, share, 0)
    gains = np.exp(rng.normal(0, 0.08, 3) + rng.normal(0, 0.15))
    curve = np.linspace(0, 1, 256)[:, None] ** float(np.exp(rng.normal(0, 0.3))) * gains
    out = cv2.LUT(out, (np.clip(curve, 0, 1) * 255).astype(np.uint8)[:, None])
    if rng.random() < 0.25:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        ramp = np.exp(strength * (np.cos(angle) * GRID + np.sin(angle) * GRID[:, None])).astype(np.float32)
        out = cv2.multiply(out, cv2.merge([ramp] * 3), dtype=cv2.CV_8U)
    return out


def joined(crop: Image, other: Image, rng: np.random.Generator) -> Image:
    """Two faces in one picture: faded into each other, or a part of one set into the other."""
    if rng.random() < 0.6:
        share = float(rng.uniform(0.1, 0.5))
        return cv2.addWeighted(crop, 1 - share, other, share, 0)
    (left, top), (width, height) = rng.integers(0, 70, 2), rng.integers(24, 70, 2)
    out = crop.copy()
    out[top : top + height, left : left + width] = other[top : top + height, left : left + width]
    return out


def varied(crop: Image, other: Image, rng: np.random.Generator) -> Image:
    """A face such as nobody need have: the teacher answers for it as for any."""
    if rng.random() < 0.5:
        crop = turned(crop, rng)
    if rng.random() < 0.2:
        crop = joined(crop, other, rng)
    return toned(crop, rng) if rng.random() < 0.5 else crop


def view(image: Image, other: Image, rng: np.random.Generator, sharp: float) -> tuple[Image, Image]:
    """What the teacher sees, always sharp, and what the student sees: alike in `sharp` of the views."""
    crop = placed(image, rng, float(rng.uniform(0.5, 1.8)))
    if rng.random() < VARIED:
        crop = varied(crop, placed(other, rng, 1.0), rng)
    if rng.random() < sharp:
        same = degrade.jpeg(crop, rng) if rng.random() < 0.15 else crop
        return same, same
    return crop, spoiled(crop, rng)


def spoiled(crop: Image, rng: np.random.Generator) -> Image:
    """Covered now and then; then small, or in several troubles at once."""
    seen = covered(crop, rng) if rng.random() < 0.06 else crop
    small = rng.random() < 0.6
    return up(down(seen, random_side(rng, SMALLEST), rng), rng) if small else hard(seen, rng)
