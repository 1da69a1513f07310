"""Write golden.npz beside the weights: a small seeded picture and the twelve outputs it must give."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from model import OUTPUT_NAMES
from teacher import open_session

SEED, HEIGHT, WIDTH = 20, 64, 96


def picture() -> np.ndarray:
    """(2, 3, 64, 96) float32 in 0-255, BGR: smooth blobs from seed 20, no face."""
    rng = np.random.default_rng(SEED)
    rows, cols = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    waves = [np.sin(rows * a + cols * b + c) for a, b, c in rng.uniform(0, 0.6, (6, 3)).astype(np.float32)]
    return (127.5 + 120 * np.stack(waves).reshape(2, 3, HEIGHT, WIDTH)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=Path, required=True, help="model.onnx; golden.npz is written beside it"
    )
    args = parser.parse_args()
    outputs = open_session(args.model).run(list(OUTPUT_NAMES), {"input": picture()})
    named = dict(zip(OUTPUT_NAMES, outputs, strict=True))
    np.savez_compressed(args.model.parent / "golden.npz", input=picture(), **named)


if __name__ == "__main__":
    main()
