"""How fast graphs/track.yaml is beside decoding alone and beside the loops that people write by hand.

    python -m tests.bench.track_speed --out tests/bench/results/track_speed.md

One 1080p clip with one to two faces, the same weights, cadence and input width for all; every case runs in
a process of its own, in turn, several times. Printed are medians with the least and the greatest.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench._cases import CASES, ROOT, Cost, Setting, measured
from tests.bench._clip import long_clip

GOALS = (
    ("vidface_faces", "decode_only", 0.5, "without video, against decoding alone"),
    ("vidface_faces", "cv2_loop", 1.5, "without video, against cv2.VideoCapture + FaceDetectorYN"),
    ("vidface_faces", "cv2_loop_grab", None, "the same loop, written so that it skips conversions"),
    ("vidface_video", "rgb_loop", 2.0, "with annotated video, against the RGB loop"),
    ("decode_x264", "rgb_loop", None, "decode + x264 alone, nothing else, against the RGB loop: the limit"),
)


def main() -> None:
    """Measure and print a Markdown report."""
    options = _options()
    clip = long_clip(ROOT / "samples" / "two_people.mp4", options.folder, options.frames)
    setting = Setting(str(clip), str(options.weights), options.every, options.width)
    costs: dict[str, list[Cost]] = {name: [] for name in options.cases}
    for _ in range(options.repeat):
        for name, runs in costs.items():
            runs.append(measured(name, setting))
    text = report(costs, setting, clip)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")


def report(costs: dict[str, list[Cost]], setting: Setting, clip: Path) -> str:
    """Table of the cases and of the ratios that were aimed at."""
    lines = [
        "# Speed of graphs/track.yaml",
        "",
        f"{clip.name} ({clip.stat().st_size / 1e6:.0f} MB), every {setting.every}, width {setting.width}, "
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        f"median (least-greatest) of {len(next(iter(costs.values())))} runs, cases in turn, a process each.",
        "",
        "| case | frames/s | CPU ms a frame | peak MB | frames | faces |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in costs.items():
        rate = _spread(runs, lambda cost: cost.frames / cost.wall_s, ".0f")
        cpu = _spread(runs, lambda cost: 1000 * cost.cpu_s / cost.frames, ".2f")
        peak = _spread(runs, lambda cost: cost.peak_mb, ".0f")
        lines.append(f"| {name} | {rate} | {cpu} | {peak} | {runs[0].frames} | {runs[0].faces} |")
    lines += ["", "| what | ratio of rates (pairs of one turn) | aim |", "|---|---|---|"]
    for ours, theirs, aim, what in GOALS:
        if ours in costs and theirs in costs:
            ratios = [b.wall_s / a.wall_s for a, b in zip(costs[ours], costs[theirs], strict=True)]
            middle = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
            lines.append(f"| {what} | {middle} | {'-' if aim is None else f'>= {aim}'} |")
    return "\n".join(lines) + "\n"


def _spread(runs: Sequence[Cost], value: Callable[[Cost], float], form: str) -> str:
    values = [value(cost) for cost in runs]
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000, help="length of the clip, a multiple of 500")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument(
        "--weights",
        type=Path,
        default=ROOT / "models" / "vidface-facedet" / "model.onnx",
        help="ONNX file for cv2.FaceDetectorYN; the default is what vidface itself runs",
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "vidface-bench")
    parser.add_argument("--out", type=Path, help="also write the report there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
