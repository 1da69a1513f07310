"""The inputs that a golden vector belongs to: made, seeded, without torch."""

from __future__ import annotations

import cv2
import numpy as np

SIDE, GUIDES = 256, 6


def golden_input() -> dict[str, np.ndarray]:
    """Two pictures of smooth colours, whole numbers, turned a little by smooth fields."""
    rng = np.random.default_rng(0)

    def smooth(channels: int, low: float, high: float) -> np.ndarray:
        coarse = rng.uniform(low, high, (2, 8, 8, channels)).astype(np.float32)
        wide = [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for one in coarse]
        return np.stack(wide).transpose(0, 3, 1, 2)

    ticks = (np.arange(SIDE, dtype=np.float32) + 0.5) * (2 / SIDE) - 1
    still = np.stack(np.meshgrid(ticks, ticks))
    places = (still + 0.1 * smooth(2, -1, 1)).astype(np.float32)
    return {"source": smooth(3, 0, 255).round(), "places": places, "guides": smooth(GUIDES, 0, 1)}
