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
PARTED, SHARP = 0.5, (0.75, 0.35)
"""Share of the training after which teacher and student see different pictures; sharp views before, after."""
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


def view(image: Image, rng: np.random.Generator, progress: float) -> tuple[Image, Image]:
    """What the teacher sees and what the student sees, both BGR 112 x 112.

    In the first part of the training both see the same, sharp or spoiled: there the teacher's answer is
    exact on every pixel. Later (`progress` from PARTED) the student sees the spoiled picture of what the
    teacher sees sharp, except in the share SHARP of the views, which both see sharp still.
    """
    crop = placed(image, rng, float(rng.uniform(0.5, 1.8)))
    if rng.random() < SHARP[progress >= PARTED]:
        same = degrade.jpeg(crop, rng) if rng.random() < 0.15 else crop
        return same, same
    seen = covered(crop, rng) if rng.random() < 0.06 else crop
    small = rng.random() < 0.6
    seen = up(down(seen, random_side(rng, SMALLEST), rng), rng) if small else hard(seen, rng)
    return (crop if progress >= PARTED else seen), seen
