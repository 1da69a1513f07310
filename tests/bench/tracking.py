"""track.faces and track.norfair side by side, on known truth with a made detector. Prints a Markdown table.

    python -m tests.bench.tracking > tests/bench/results/tracking.md

The detector misses 15 % of the visible faces at random, errs by 3 % of a face in place and 5 % in size,
and raises a false alarm on every tenth frame. Faces that cannot be seen are neither wanted nor wrong; who
comes back after more than 1.5 s counts as another person, since no embeddings are wired in. "filled" are
the interpolated rows.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench._worlds import Habits, World, crowd, detect, mean_row, sample
from vidface.data import Device, Faces, Frame
from vidface.eval.tracking import score_tracking
from vidface.node import Node, Window
from vidface.nodes.track.faces import TrackFaces

COLUMNS = ("switches", "fragments", "purity", "MOTA", "IDF1", "filled", "filled IoU", "CPU ms a frame")


class NoPixels:
    """Stands for a picture that nobody may look at."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size


def follow(node: Node, world: World, found: Sequence[Faces]) -> tuple[list[Faces], float]:
    """Run the node as the engine would: windows end at cuts. Returns the values and its CPU seconds."""
    pixels: Any = NoPixels(world.size)
    frames = [
        Frame(i, t.numerator, t / t.numerator if t else t + 1, pixels) for i, t in enumerate(world.times)
    ]
    ahead, spent, values = node.reach().ahead, 0.0, []
    starts = sorted({0, *world.cuts})
    node.open(Device())
    for start, stop in zip(starts, [*starts[1:], len(frames)], strict=True):
        node.reset()
        for i in range(start, stop):
            last = min(stop, i + ahead + 1)
            window, faces = Window(frames[i:last], 0), Window(found[i:last], 0)
            begun = time.thread_time()
            values.append(node.process(window, faces))
            spent += time.thread_time() - begun
    node.close()
    return values, spent


def measure(node: Node, world: World, habits: Habits, seed: int) -> dict[str, float]:
    """One run, one row."""
    values, spent = follow(node, world, detect(world, habits, seed))
    score = score_tracking(world.truth, values, aside=world.hidden)
    row = (
        *(score.switches, score.fragmentation, score.purity, score.mota, score.idf1),
        *(score.filled, score.filled_iou, 1000 * spent / len(values)),
    )
    return dict(zip(COLUMNS, row, strict=True))


def trackers() -> dict[str, Node]:
    """What is compared; norfair only where it is installed."""
    nodes: dict[str, Node] = {"faces": TrackFaces(), "faces, no look-ahead": TrackFaces(look_ahead=0)}
    if importlib.util.find_spec("norfair"):
        from vidface.nodes.track.norfair import TrackNorfair

        nodes |= {"norfair": TrackNorfair(), "norfair, no look-ahead": TrackNorfair(look_ahead=0)}
    return nodes


def line(world: World, habits: Habits, name: str, row: dict[str, float]) -> str:
    """One line of the table."""
    digits = (1, 2, 4, 3, 3, 0, 2, 2)
    cells = [world.name, str(habits.every), name]
    cells += [f"{row[key]:.{n}f}" for key, n in zip(COLUMNS, digits, strict=True)]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=3, help="runs to average over")
    options.add_argument("--only", default="", help="trackers whose name begins so")
    options.add_argument("--samples", type=Path, default=Path(__file__).resolve().parents[2] / "samples")
    chosen = options.parse_args()
    print(
        f"# Tracking\n\n`python {' '.join(['-m tests.bench.tracking', *sys.argv[1:]])}`, "
        f"means over {chosen.seeds} seeds.\n{__doc__.split('md' + chr(10))[1].strip()}\n"
    )
    print("Versions: " + ", ".join(versions()) + ".\n")
    print("| world | every | tracker | " + " | ".join(COLUMNS) + " |\n|---|---|---|" + "---:|" * len(COLUMNS))
    for worlds in groups(chosen.samples, chosen.seeds):
        for every in (1, 3):
            habits = Habits(every=every)
            for name, node in trackers().items():
                if name.startswith(chosen.only):
                    rows = [measure(node, world, habits, 100 + i) for i, world in enumerate(worlds)]
                    print(line(worlds[0], habits, name, mean_row(rows)), flush=True)


def groups(samples: Path, seeds: int) -> list[list[World]]:
    """The worlds of each block of the table, one a seed."""
    clips = (("two_people", (768, 432)), ("walk_vfr", (640, 360)))
    known = [(samples / f"{name}.truth.jsonl", size) for name, size in clips]
    made = [[sample(path, size)] * seeds for path, size in known if path.exists()]
    made += [[crowd(n, seed) for seed in range(seeds)] for n in (5, 20, 50)]
    made.append([crowd(20, seed, vfr=True) for seed in range(seeds)])
    return made


def versions() -> list[str]:
    """Of what takes part."""
    names = ("numpy", "scipy", "norfair")
    found = [f"{n} {importlib.metadata.version(n)}" for n in names if importlib.util.find_spec(n)]
    return [f"Python {platform.python_version()}", *found]


if __name__ == "__main__":
    main()
