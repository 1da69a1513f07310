"""Peak memory of graphs/track.yaml over a short and a long clip: it must not grow with the length.

python -m tests.bench.memory --out tests/bench/results/memory.md
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench._cases import ROOT, Setting, measured
from tests.bench._clip import long_clip

CASES = ("vidface_faces", "vidface_video")


def main() -> None:
    """Measure and print a Markdown table."""
    options = _options()
    lines = [
        "# Peak memory of graphs/track.yaml on 1080p H.264",
        "",
        "Resident megabytes, a process each, libraries included. Aim: below 500, and flat.",
        "",
        "| case | frames | peak MB | frames/s |",
        "|---|---|---|---|",
    ]
    for name in options.cases:
        for frames in options.frames:
            clip = long_clip(ROOT / "samples" / "two_people.mp4", options.folder, frames)
            cost = measured(name, Setting(str(clip), ""))
            rate = cost.frames / cost.wall_s
            lines.append(f"| {name} | {cost.frames} | {cost.peak_mb:.0f} | {rate:.0f} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[1000, 10_000], help="multiples of 500")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vidface-bench")
    parser.add_argument("--out", type=Path, help="also write the report there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
