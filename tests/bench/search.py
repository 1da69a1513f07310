"""Time of one exact search in 100,000 enrolled faces: `python -m tests.bench.search > FILE`."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time

import numpy as np

from vidface.gallery import Reference

REPEATS = 50


def made(looks: int, dimension: int) -> Reference:
    """Random directions, four looks a person."""
    rows = np.random.default_rng(0).standard_normal((looks, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = tuple(map(str, range((looks + 3) // 4)))
    return Reference(rows, np.arange(looks) // 4, people, "made", 0.4)


def times(known: Reference, queries: int) -> tuple[list[float], list[float]]:
    """Wall and processor time of each search, ms."""
    rng, wall, processor = np.random.default_rng(1), [], []
    for _ in range(REPEATS):
        rows = known.vectors[rng.integers(len(known.vectors), size=queries)]
        start, spent = time.perf_counter(), time.process_time()
        known.search(rows, 5)
        wall.append(1e3 * (time.perf_counter() - start))
        processor.append(1e3 * (time.process_time() - spent))
    return wall, processor


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=256)
    dimension = parser.parse_args().dimension
    out = sys.stdout
    out.write("# Exact search in a gallery\n\n`python -m tests.bench.search`; aim: 100,000 faces in 20 ms.\n")
    out.write(f"NumPy {np.__version__}, {platform.machine()}, {REPEATS} searches each, five best people.\n\n")
    out.write("| faces | queries at once | ms, median (range) | processor ms |\n|---|---|---|---|\n")
    for looks in (1_000, 10_000, 100_000):
        known = made(looks, dimension)
        for queries in (1, 16):
            wall, processor = times(known, queries)
            out.write(
                f"| {looks:,} | {queries} | {statistics.median(wall):.1f} ({min(wall):.1f}-{max(wall):.1f}) "
                f"| {statistics.median(processor):.1f} |\n"
            )


if __name__ == "__main__":
    main()
