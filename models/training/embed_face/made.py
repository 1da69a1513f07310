"""People who do not exist: shapes and looks of two real faces, mixed.

The teacher labels whatever it is shown, so each made face is one more point of the map from pictures to
identity that the student has to learn. A made face is
    shape   (1 - b) of one face's mesh + b of another's, with a little noise (thin-plate warp),
    look    both faces warped to that shape, mixed evenly, or by parts (eyes, nose, mouth, halves),
    light   a slope across the face, gamma, tint, contrast; skin smoothed or its lines deepened; grey.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

STORE, SIDE = 160, 120
"""Side of packed crops, and of what is made: arcface112 with 4 pixels more on every side."""
INSET = (STORE - SIDE) // 2
GRID = 16
OUTLINE = [10, 338, 297, 284, 389, 454, 361, 397, 379, 400, 152, 176, 150, 172, 132, 234, 162, 54, 67, 109]
INSIDE = [
    *(70, 105, 107, 336, 334, 300, 33, 159, 133, 145, 263, 386, 362, 374, 168, 6, 4, 98, 327, 2),
    *(61, 39, 0, 269, 291, 405, 17, 181, 13, 14, 205, 425, 50, 280),
]
CONTROL = OUTLINE + INSIDE
Image = NDArray[np.uint8]
Float = NDArray[np.float64]


def kernel(a: Float, b: Float) -> Float:
    """r^2 log r between two sets of points."""
    square = ((a[:, None] - b[None]) ** 2).sum(2)
    return 0.5 * square * np.log(square + 1e-9)


def frame_points() -> Float:
    """Eight points of the crop's border, which stay where they are."""
    e, m = float(STORE), STORE / 2
    return np.array([(0, 0), (m, 0), (e, 0), (0, m), (e, m), (0, e), (m, e), (e, e)], float)


def field(goal: Float, source: Float) -> NDArray[np.float32]:
    """(SIDE, SIDE, 2) map for cv2.remap that takes `source` points of a stored crop to `goal`."""
    known, wanted = np.vstack([goal, frame_points()]), np.vstack([source, frame_points()])
    n = len(known)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = kernel(known / STORE, known / STORE) + 1e-4 * np.eye(n)
    system[:n, n], system[:n, n + 1 :] = 1, known
    system[n:, :n] = system[:n, n:].T
    weights = np.linalg.solve(system, np.vstack([wanted, np.zeros((3, 2))]))
    ticks = INSET + (np.arange(GRID) + 0.5) * SIDE / GRID
    at = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    moved = kernel(at / STORE, known / STORE) @ weights[:n] + weights[n] + at @ weights[n + 1 :]
    offset = (moved - at).reshape(GRID, GRID, 2).astype(np.float32)
    dense = cv2.resize(offset, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return dense + np.stack([columns, rows], -1) + np.float32(INSET)


def part_mask(shape: Float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(SIDE, SIDE, 1) in [0, 1]: which part of the face the second person gives, edges soft."""
    at, mask = (shape - INSET).astype(np.int32), np.zeros((SIDE, SIDE), np.float32)
    face = dict(zip(CONTROL, at, strict=True))
    kind = rng.integers(6)
    if kind == 0:  # eyes and brows
        middle, reach = (face[33] + face[263]) // 2, int(np.ptp([face[33][0], face[263][0]]))
        cv2.ellipse(mask, (middle.tolist(), (1.7 * reach, 1.0 * reach), 0), 1.0, -1)
    elif kind == 1:  # nose
        cv2.ellipse(mask, (((face[168] + face[2]) // 2).tolist(), (36.0, 52.0), 0), 1.0, -1)
    elif kind == 2:  # mouth and chin
        mask[int(face[2][1]) :] = 1
    elif kind == 3:  # everything above the nose's bridge
        mask[: int(face[6][1])] = 1
    elif kind == 4:  # inside of the face
        cv2.fillConvexPoly(mask, cv2.convexHull(np.array([face[i] for i in OUTLINE])), 1.0)
    else:  # a half
        mask[:, : int(face[4][0])] = 1
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(2.5, 6)))
    return soft[..., None]


def match_tone(image: NDArray[np.float32], like: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Mean and spread of the colours moved towards those of `like`, measured inside the face."""
    inside = np.s_[30:90, 35:85]
    a, b = image[inside].reshape(-1, 3), like[inside].reshape(-1, 3)
    gain = np.clip((b.std(0) + 4) / (a.std(0) + 4), 0.5, 2.0)
    moved = (image - a.mean(0)) * gain + b.mean(0)
    return (1 - share) * image + share * moved


def relight(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another light, another camera, other skin."""
    if rng.random() < 0.45:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
        rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
        image = image * (1 + strength * (np.cos(angle) * columns + np.sin(angle) * rows))[..., None]
    if rng.random() < 0.5:
        image = 255 * np.clip(image / 255, 0, 1) ** float(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.4:
        image = image * np.exp(rng.normal(0, 0.08, 3))
    if rng.random() < 0.4:
        image = (image - 110) * float(np.exp(rng.normal(0, 0.2))) + 110 + float(rng.normal(0, 12))
    if rng.random() < 0.3:
        base = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(1, 3)))
        image = base + (image - base) * float(rng.uniform(0.2, 2.0))
    if rng.random() < 0.12:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    return image


class Maker:
    """Draws faces from the pack's training part."""

    def __init__(self, pack: Path, part: str = "train") -> None:
        self._pixels = np.load(pack / "pixels.npy", mmap_mode="r")
        items = np.load(pack / "items.npz")
        clip, mine = items["kind"] == "clip", items["part"] == part
        self.rows = np.flatnonzero(mine & (~clip | (np.arange(len(clip)) % 4 == 0)))
        self._points = items["points"][:, CONTROL].astype(float)
        names = items["name"][self.rows]
        # Sitting for a portrait is easy to learn: pictures taken anywhere are drawn more often.
        weight = np.where(clip[self.rows], 0.5, 1.0)
        weight *= np.where(np.char.startswith(names, "us_congress"), 0.3, 1.0)
        weight *= np.where(np.char.startswith(names, "uk_"), 0.6, 1.0)
        self._chance = weight / weight.sum()

    def real(self, row: int, mirrored: bool) -> Image:
        """A packed face as it is, or its mirror image."""
        image = np.array(self._pixels[row])[INSET : INSET + SIDE, INSET : INSET + SIDE]
        return np.ascontiguousarray(image[:, ::-1]) if mirrored else image

    def made(self, rng: np.random.Generator) -> Image:
        """A face that nobody has."""
        first, second = rng.choice(self.rows, 2, p=self._chance)
        mix = float(rng.uniform(0, 1))
        noise = rng.normal(0, 0.6, (len(CONTROL), 2))
        shape = (1 - mix) * self._points[first] + mix * self._points[second] + noise
        one = self._warped(first, shape)
        if rng.random() < 0.25:  # the first one's look in another shape
            mixed = one
        else:
            two = match_tone(self._warped(second, shape), one, float(rng.uniform(0.3, 1)))
            even = rng.random() < 0.5
            mask = np.float32(rng.uniform(0.25, 0.75)) if even else part_mask(shape, rng)
            mixed = (1 - mask) * one + mask * two
        if rng.random() < 0.5:
            mixed = mixed[:, ::-1]
        return np.clip(relight(mixed, rng), 0, 255).astype(np.uint8)

    def _warped(self, row: int, shape: Float) -> NDArray[np.float32]:
        at = field(shape, self._points[row]) - np.float32(0)
        image = np.array(self._pixels[row])
        return cv2.remap(image, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.float32
        )
