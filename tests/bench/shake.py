"""Shaky clips with a known shake, made from steady ones: what a hand does to a camera, deterministic.

python -m tests.bench.shake STEADY.mp4 SHAKY.mp4
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

ROOM = 0.8
"""The shaky clip sees this share of the steady one's sides, so that no border shows."""


def shake(frames: int, rate: float, seed: int, *, strength: float = 1.0) -> NDArray[np.float64]:
    """frames x 4: shift x and y in shares of the height, turn in degrees, logarithm of the scale.

    A slow sway (below 1 Hz) and a tremor between 3 and 12 Hz with amplitudes as of a hand-held telephone.
    """
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfftfreq(frames, 1 / rate)
    sway = ((spectrum > 0) & (spectrum < 1)) * 1.0
    tremor = ((spectrum >= 3) & (spectrum < min(12, rate / 2))) / np.maximum(spectrum, 1)
    columns = []
    for slow, fast in ((0.02, 0.006), (0.02, 0.006), (0.8, 0.3), (0.01, 0.003)):
        parts = []
        for band, size in ((sway, slow), (tremor, fast)):
            wave = np.fft.irfft(band * np.exp(2j * np.pi * rng.random(len(spectrum))), frames)
            parts.append(size * wave / max(float(wave.std()), 1e-9))
        columns.append(strength * (parts[0] + parts[1]))
    return np.stack(columns, 1)


def matrices(motion: NDArray[np.float64], size: tuple[int, int]) -> list[NDArray[np.float64]]:
    """Per frame the 2 x 3 matrix from the steady picture's pixels to the shaky one's, `ROOM` its size."""
    width, height = size
    out = []
    for x, y, turn, log_scale in motion:
        grow = float(np.exp(log_scale))
        matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), float(turn), grow))
        matrix[:, 2] += (x * height - width * (1 - ROOM) / 2, y * height - height * (1 - ROOM) / 2)
        out.append(np.asarray(matrix, np.float64))
    return out


def make(steady: Path, shaky: Path, *, frames: int = 150, seed: int = 1, strength: float = 1.0) -> int:
    """Write the shaky clip (H.264, CRF 16); returns the number of its frames."""
    with av.open(str(steady)) as container:
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or 25)
        pictures = []
        for frame in container.decode(stream):
            pictures.append(frame.to_ndarray(format="bgr24"))
            if len(pictures) == frames:
                break
    height, width = pictures[0].shape[:2]
    size = int(width * ROOM) // 2 * 2, int(height * ROOM) // 2 * 2
    motion = shake(len(pictures), float(rate), seed, strength=strength)
    with av.open(str(shaky), "w") as container:
        out = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "veryfast"})
        out.width, out.height, out.pix_fmt = *size, "yuv420p"
        for picture, matrix in zip(pictures, matrices(motion, (width, height)), strict=True):
            view = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            container.mux(out.encode(av.VideoFrame.from_ndarray(np.asarray(view, np.uint8), "bgr24")))
        container.mux(out.encode())
    return len(pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steady", type=Path)
    parser.add_argument("shaky", type=Path)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(make(args.steady, args.shaky, frames=args.frames, seed=args.seed), "frames")


if __name__ == "__main__":
    main()
