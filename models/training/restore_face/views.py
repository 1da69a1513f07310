"""Short sequences of a face, clean and as a bad camera and a codec leave them, cut out as at run time.

A clean piece (frames of a clip, or a picture that is moved and bent smoothly) is seen by a camera that
shakes: every frame is warped by a smooth similarity, degraded with `vidface.media.degrade`, and cut out
again with landmarks that tremble. The clean crop is cut out of the clean piece at the same place.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.media.degrade import LEAST_SIDE, Degradation, degrade_sequence

STORE, CROP, MARGIN = 320, 256, 32
Image = NDArray[np.uint8]
Float = NDArray[np.float64]
Rng = np.random.Generator


class Sequence(NamedTuple):
    """n crops as seen and clean, n x 256 x 256 x 3 uint8 RGB."""

    seen: Image
    clean: Image


def draw(rng: Rng, progress: float) -> Degradation:
    """A degradation: mostly between mild and heavy; some sequences are nearly clean."""
    if rng.random() < 0.15:
        crf = rng.uniform(8, 20)
        return Degradation(codec="h264" if rng.random() < 0.7 else None, crf=crf, noise=rng.uniform(0, 1))
    worst = 0.6 + 0.4 * min(1.0, 2 * progress)
    scale = float(np.exp(rng.uniform(0, worst * np.log(8))))
    codec = ("h264", "hevc", "mpeg4", "mjpeg")[rng.choice(4, p=(0.72, 0.12, 0.06, 0.1))]
    noisy = rng.random() < 0.8
    return Degradation(
        scale=scale,
        blur_px=rng.uniform(0, 1.3) if scale > 1.5 else rng.uniform(0, 4),
        motion_px=rng.uniform(0, 3) if rng.random() < 0.2 else 0,
        motion_deg=rng.uniform(0, 180),
        noise=noisy * rng.exponential(3.5),
        shot=noisy * rng.exponential(5.0),
        noise_grain_px=rng.uniform(0.3, 0.9) if rng.random() < 0.25 else 0,
        codec=None if rng.random() < 0.08 else codec,
        crf=rng.uniform(22, 43),
    )


def sequence(frames: Image, count: int, rng: Rng, settings: Degradation) -> Sequence:
    """`frames`: one picture, or the consecutive frames of a piece, m x 320 x 320 x 3 RGB."""
    clean = toned(moving(frames, count, rng), rng)
    camera = paths(count, rng, turn=4, grow=0.04, shift=7)
    tremble = paths(count, rng, turn=2.5, grow=0.05, shift=5, jitter=rng.uniform(0, 1))
    shot = [warp(one, matrix, STORE) for one, matrix in zip(clean, camera, strict=True)]
    small = degrade_sequence(shot, settings, rng)
    high, wide = small[0].shape[:2]
    shrink = np.diag((wide / STORE, high / STORE, 1.0))
    middle = np.array([(1, 0, -MARGIN), (0, 1, -MARGIN), (0, 0, 1.0)])
    seen, wanted = [], []
    for picture, one, moved, shaken in zip(small, clean, camera, tremble, strict=True):
        to_crop = middle @ shaken
        seen.append(warp(picture, to_crop @ np.linalg.inv(moved) @ np.linalg.inv(shrink), CROP))
        wanted.append(warp(one, to_crop, CROP))
    return Sequence(np.stack(seen), np.stack(wanted))


def moving(frames: Image, count: int, rng: Rng) -> Image:
    """`count` clean frames in order; mirrored half of the time."""
    if len(frames) > 1:
        step = 2 if len(frames) >= 2 * count and rng.random() < 0.3 else 1
        start = rng.integers(len(frames) - step * (count - 1))
        order = np.arange(count) * step + start
        chosen = frames[order if rng.random() < 0.8 else order[::-1]]
    else:
        bent = [
            cv2.remap(frames[0], *bend, cv2.INTER_CUBIC, None, cv2.BORDER_REPLICATE)
            for bend in bending(count, rng)
        ]
        chosen = np.stack(bent).astype(np.uint8)
    return chosen[:, :, ::-1] if rng.random() < 0.5 else chosen


def bending(count: int, rng: Rng) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Smooth maps that change smoothly: a face that moves a little."""
    grid = 6
    ends = rng.normal(0, rng.uniform(0.3, 2.5), (2, 2, grid, grid))
    rows = np.arange(STORE, dtype=np.float32)
    maps = []
    for share in np.linspace(0, 1, count):
        shift = [
            cv2.resize(one.astype(np.float32), (STORE, STORE), interpolation=cv2.INTER_CUBIC)
            for one in (1 - share) * ends[0] + share * ends[1]
        ]
        maps.append((rows[None] + shift[0], rows[:, None] + shift[1]))
    return maps


def toned(clean: Image, rng: Rng) -> Image:
    """The same light, contrast and colour for all frames; now and then dark, or grey."""
    if rng.random() < 0.3:
        return clean
    gain = rng.uniform(0.75, 1.2) * (rng.uniform(0.9, 1.1, 3) if rng.random() < 0.5 else np.ones(3))
    gain = gain * (rng.uniform(0.15, 0.7) if rng.random() < 0.25 else 1)
    table = 255 * np.clip(np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.8, 1.3) * gain, 0, 1)
    lut = np.rint(table).astype(np.uint8)[None]
    grey = rng.random() < 0.06
    out = []
    for one in clean:
        toned_one = cv2.LUT(np.ascontiguousarray(one), lut)
        if grey:
            toned_one = np.repeat(cv2.cvtColor(toned_one, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
        out.append(toned_one)
    return np.stack(out)


def paths(
    count: int, rng: Rng, *, turn: float, grow: float, shift: float, jitter: float = 0.0
) -> list[Float]:
    """3 x 3 similarities about the middle: a constant part, even motion, and a trembling of `jitter` px."""
    spread = np.array([np.deg2rad(turn), grow, shift, shift])
    start, speed = rng.normal(0, 0.5, 4) * spread, rng.normal(0, 0.12, 4) * spread
    tremor = np.array([np.deg2rad(0.5), 0.006, 1, 1]) * jitter
    out = []
    for place in range(count):
        angle, size, x, y = start + place * speed + rng.normal(0, 1, 4) * tremor
        a = np.exp(size) * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        middle = np.full(2, STORE / 2)
        out.append(
            np.block([[a, (middle + np.array((x, y)) - a @ middle)[:, None]], [np.array([0, 0, 1.0])]])
        )
    return out


def warp(image: Image, matrix: Float, side: int) -> Image:
    """As at run time: bicubic; `matrix` counts pixels from corners, OpenCV from centres."""
    shrink = 1 / float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if shrink > 1.05:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5 * float(np.sqrt(shrink**2 - 1))), np.uint8)
    shift = np.array(matrix[:2], np.float64)
    shift[:, 2] += matrix[:2, :2] @ (0.5, 0.5) - 0.5
    out = cv2.warpAffine(image, shift, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


assert LEAST_SIDE <= STORE / 10
