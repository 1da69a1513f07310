"""Cost of graphs/restore.yaml, its memory by length, and what it does to clips that need nothing.

python -m tests.bench.restore CLIP... > FILE      (clips with one face, clean)

Each measurement is a process of its own. "Inside" is where the picture changed at all with everything
forced through (fidelity 1, guard off): the mask of the face.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench._cases import ROOT
from vidface.data.memory import peak_mb
from vidface.graph.run import run

LENGTHS = (100, 400)
GRAPH = ROOT / "graphs" / "restore.yaml"


def change(clip: str, frames: int) -> dict[str, float]:
    """PSNR of the restored luma to the input's inside the mask, and its least over frames."""
    values = []
    for tick in run(GRAPH, clip):
        before, after = tick.frame.planes().luma, tick["restore.frame"].planes().luma
        touched = before != after
        if touched.any():
            error = np.mean((before[touched].astype(float) - after[touched]) ** 2)
            values.append(10 * np.log10(255**2 / max(float(error), 1e-9)))
        if tick.index + 1 >= frames:
            break
    return {"mean": float(np.mean(values)), "least": float(np.min(values)), "frames": len(values)}


def cost(clip: str, frames: int) -> dict[str, float]:
    """One whole run with video output, cut off after `frames` frames; this process is its own measure."""
    with tempfile.TemporaryDirectory() as folder:
        begin, spent, count = time.perf_counter(), time.process_time(), 0
        for _ in run(GRAPH, clip, Path(folder) / "out"):
            count += 1
            if count >= frames:
                break
        wall, processor = time.perf_counter() - begin, time.process_time() - spent
    return {"frames": count, "fps": count / wall, "cpu_ms": 1e3 * processor / count, "peak_mb": peak_mb()}


def alone(what: str, clip: str, frames: int) -> dict[str, float]:
    """Call this file in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.restore", clip, "--only", what, "--frames", str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print tables in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--only", choices=("change", "cost"), help=argparse.SUPPRESS)
    parser.add_argument("--frames", type=int, default=50)
    args = parser.parse_args()
    out = sys.stdout
    if args.only:
        out.write(json.dumps((change if args.only == "change" else cost)(args.clips[0], args.frames)) + "\n")
        return
    out.write(
        "| clip | frames | frames/s, two videos written | CPU ms a frame | peak MB |\n" + "|---" * 5 + "|\n"
    )
    for clip in args.clips[:1]:
        for length in LENGTHS:
            row = alone("cost", clip, length)
            out.write(
                f"| {Path(clip).name} | {row['frames']} | {row['fps']:.1f} | {row['cpu_ms']:.0f} "
                f"| {row['peak_mb']:.0f} |\n"
            )
    out.write(
        "\n| clean clip | frames | PSNR to the input inside the mask, dB | least frame |\n|---|---|---|---|\n"
    )
    for clip in args.clips:
        row = alone("change", clip, args.frames)
        out.write(f"| {Path(clip).name} | {row['frames']} | {row['mean']:.1f} | {row['least']:.1f} |\n")


if __name__ == "__main__":
    main()
