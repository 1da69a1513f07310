"""Face-free procedural backgrounds."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def texture(size: int, rng: np.random.Generator) -> Image:
    """A face-free procedural background: smooth noise, stripes, flat, shapes and letters."""
    kind = rng.integers(4)
    if kind == 0:
        cells = int(rng.integers(2, 24))
        image = cv2.resize(
            rng.integers(0, 256, (cells, cells, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC
        )
    elif kind == 1:
        wave = np.sin(
            np.arange(size)[:, None] * rng.uniform(0, 1) + np.arange(size)[None] * rng.uniform(0, 1)
        )
        image = (127 + 60 * wave[..., None] * rng.uniform(-1, 1, 3)).astype(np.uint8)
    else:
        image = np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(int(rng.integers(0, 25)) if kind >= 2 else 3):
        draw_shape(image, rng)
    return image


def draw_shape(image: Image, rng: np.random.Generator) -> None:
    """One ellipse, rectangle, line or word, in place."""
    size = image.shape[0]
    x, y, x2, y2 = (int(v) for v in rng.integers(0, size, 4))
    colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    kind = rng.integers(4)
    if kind == 0:
        axes = (int(rng.integers(2, size // 3)), int(rng.integers(2, size // 3)))
        cv2.ellipse(
            image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1 if rng.random() < 0.7 else 2
        )
    elif kind == 1:
        cv2.rectangle(image, (x, y), (x2, y2), colour, -1 if rng.random() < 0.6 else 2)
    elif kind == 2:
        cv2.line(image, (x, y), (x2, y2), colour, int(rng.integers(1, 12)))
    else:
        word = "".join(chr(int(c)) for c in rng.integers(48, 123, int(rng.integers(2, 10))))
        cv2.putText(
            image,
            word,
            (x, y),
            int(rng.integers(0, 8)),
            float(rng.uniform(0.4, 3)),
            colour,
            int(rng.integers(1, 4)),
        )
