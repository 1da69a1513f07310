"""Fill the bank that the student is trained from: faces, real and made, with what the teacher sees in them.

A shard is two files, written whole: pixels_NNN.npy uint8 BGR (n, 120, 120, 3), vectors_NNN.npy float16
(n, 256) unit embeddings, which serve as a crowd. The first shards hold the real faces, each once as it is
and once mirrored; the others made ones. More can be added while a training runs: it looks for new shards
every few minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from made import SIDE, Image, Maker
from teacher import Teacher

SHARD = 4096
EDGE = (SIDE - 112) // 2


def real_faces(maker: Maker, index: int) -> Iterator[Image]:
    """The real faces of shard `index`, none when they are used up."""
    order = [(row, mirrored) for mirrored in (False, True) for row in maker.rows]
    for row, mirrored in order[index * SHARD : (index + 1) * SHARD]:
        yield maker.real(row, mirrored)


def write(out: Path, index: int, images: list[Image], teacher: Teacher) -> None:
    """One shard; its pixels come last, so that a shard with pixels is whole."""
    pixels = np.stack(images)
    vectors = teacher(pixels[:, EDGE:-EDGE, EDGE:-EDGE])
    np.save(out / f"vectors_{index:03d}.npy", vectors.astype(np.float16))
    part = out / f"part_{index:03d}.npy"
    np.save(part, pixels)
    part.replace(out / f"pixels_{index:03d}.npy")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument(
        "--stride", type=int, default=1, help="with --first: share the shards of several runs"
    )
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    maker, teacher = Maker(args.pack), Teacher(args.teacher)
    for index in range(args.first, args.shards, args.stride):
        if (args.out / f"pixels_{index:03d}.npy").exists():
            continue
        rng = np.random.default_rng(1000 + index)
        images = list(real_faces(maker, index))
        images += [maker.made(rng) for _ in range(SHARD - len(images))]
        write(args.out, index, images, teacher)
        print(index, flush=True)


if __name__ == "__main__":
    main()
