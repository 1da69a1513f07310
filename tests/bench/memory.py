"""Resident memory of shipped graphs while a long 1080p clip runs: it must not grow with the length.

python -m tests.bench.memory --out tests/bench/results/memory.md
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.bench._cases import ROOT, told
from tests.bench._clip import long_clip
from vidface.data.memory import peak_mb, resident_mb

SAMPLED, LEVEL = 100, 1000
"""Frames from one sample to the next; frames after which caches, look-ahead and encoders are full."""


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    if options.child:
        print(json.dumps(sampled(options.child[0], Path(options.child[1]), options.child[2:])))
        return
    clip = long_clip(ROOT / "samples" / "two_people.mp4", options.folder, options.frames)
    shown = [frames for frames in (LEVEL, 2500, 5000, 7500, 10_000) if frames <= options.frames]
    lines = [
        f"# Memory over {options.frames} frames of 1080p H.264",
        "",
        "Resident MiB after so many frames of one run, a process each, libraries included; growth from frame",
        f"{LEVEL} on, by least squares over samples {SAMPLED} frames apart.",
        "",
        f"| graph | outputs |{''.join(f' {frames} |' for frames in shown)} peak | growth a frame |",
        "|---" * (len(shown) + 4) + "|",
    ]
    for case in options.cases:
        graph, _, outputs = case.partition(":")
        row = _row(graph, outputs, _measured(graph, clip, outputs), shown)
        lines.append(row)
        print(row, file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


def sampled(graph: str, clip: Path, outputs: Sequence[str]) -> list[float]:
    """Resident MiB after every `SAMPLED` frames of a run, and at last the peak."""
    import vidface

    found = []
    with tempfile.TemporaryDirectory() as folder:
        run = vidface.run(
            ROOT / "graphs" / f"{graph}.yaml",
            clip,
            out=Path(folder) / "out",
            outputs=tuple(outputs) or None,
            device="cpu",
        )
        for count, _ in enumerate(run, 1):
            if count % SAMPLED == 0:
                found.append(resident_mb() or peak_mb())
    return [*found, peak_mb()]


def growth_kb(samples: Sequence[float]) -> float:
    """KiB a frame from frame `LEVEL` on, by the straight line through the samples."""
    late = np.asarray(samples)[LEVEL // SAMPLED - 1 :]
    frames = np.arange(len(late)) * SAMPLED
    return float(np.polyfit(frames, late, 1)[0] * 1024) if len(late) > 1 else float("nan")


def _measured(graph: str, clip: Path, outputs: str) -> list[float]:
    wanted = outputs.split("+") if outputs else ()
    found: list[float] = told(graph, ["tests.bench.memory", "--child", graph, str(clip), *wanted])
    return found


def _row(graph: str, outputs: str, found: Sequence[float], shown: Sequence[int]) -> str:
    *samples, peak = found
    cells = "".join(
        f" {samples[frames // SAMPLED - 1]:.0f} |" if frames // SAMPLED <= len(samples) else " |"
        for frames in shown
    )
    named = outputs.replace("+", ", ") or "all"
    return f"| {graph} | {named} |{cells} {peak:.0f} | {growth_kb(samples):+.2f} kB |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, help="a multiple of 500")
    parser.add_argument(
        "--cases", nargs="+", default=["track:faces", "track"], help="GRAPH, or GRAPH:OUTPUT+OUTPUT"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vidface-bench")
    parser.add_argument("--out", type=Path, help="also write the report there")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
