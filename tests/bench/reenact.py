"""Reenactment of people whom no model here has seen: `vidface eval reenact` over clips and pairs of them.

python -m tests.bench.reenact CLIP... [--independent FILE.onnx] [--json FILE] > FILE.md

Each clip drives its own first face; then each is the source (its first frame) of the next clip and of the one
after that, in the order given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vidface.cli._reenactmethods import METHODS, at_hand
from vidface.cli._reenactreport import (
    FIGURES,
    ReenactOptions,
    protocol,
    reenact_report,
)
from vidface.cli._report import number, plain
from vidface.eval.restore import mean_row

SELF = (
    *("l1", "psnr_db", "ssim", "akd_px", "akd_coordinate_px", "csim", "csim_independent", "pose_deg"),
    *("expression_pct", "expression_r", "eyes_r", "mouth_r", "sync_r", "sync_lag_s", "lost", "ms"),
)
CROSS = (
    *("csim", "csim_driver", "csim_independent", "csim_independent_driver", "pose_deg"),
    *("expression_r", "eyes_r", "mouth_r", "sync_r", "sync_lag_s", "lost"),
)
EACH = ("l1", "akd_px", "csim", "eyes_r", "mouth_r")


def table(rows: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> list[str]:
    """Lines of Markdown."""
    shown = [name for name in names if any(name in row for row in rows.values())]
    lines = ["| | " + " | ".join(FIGURES[name][0] for name in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for method, row in rows.items():
        cells = (number(row.get(name, float("nan")), FIGURES[name][1]) for name in shown)
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def by_clip(report: Mapping[str, Any]) -> list[str]:
    """One line a clip, of the last method against the baselines."""
    methods = [name for name in METHODS if name in report["pairs"][0]["results"]]
    heads = [f"{FIGURES[name][0]}, {method}" for name in EACH for method in methods]
    lines = ["| clip | frames | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for row in report["pairs"]:
        results = row["results"]
        cells = [
            number(results[method].get(name, float("nan")), FIGURES[name][1])
            for name in EACH
            for method in methods
        ]
        lines.append(f"| {row['pair']} | {row['frames']} | " + " | ".join(cells) + " |")
    return lines


def crossed(clips: Sequence[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of all pairs."""
    rows: list[dict[str, Any]] = []
    for place, clip in enumerate(clips):
        drivers = [clips[(place + step) % len(clips)] for step in (1, 2)]
        rows += reenact_report(drivers, ReenactOptions(source=clip, **options))["pairs"]
    return rows


def kept(rows: Sequence[Mapping[str, Any]], method: str, figure: str) -> str:
    """In how many pairs a method's result is at least twice as like the source as like the driver."""
    pairs = [(row["results"][method][figure], row["results"][method][f"{figure}_driver"]) for row in rows]
    return f"{sum(own >= 2 * other for own, other in pairs)} of {len(pairs)}"


def main() -> None:
    """Print Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--independent")
    parser.add_argument("--method", action="append", choices=tuple(METHODS))
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write all figures here")
    args = parser.parse_args()
    options: dict[str, Any] = {
        "independent": args.independent,
        "frames": args.frames,
        "every": args.every,
        "methods": tuple(args.method or at_hand()),
    }
    own = reenact_report(args.clips, ReenactOptions(**options))
    rows = crossed(args.clips, options)
    means = {name: mean_row(row["results"][name] for row in rows) for name in rows[0]["results"]}
    out = [f"## Self-reenactment, {len(own['pairs'])} clips", "", *protocol(ReenactOptions(**options))]
    out += ["Judges: " + ", ".join(f"{name} {stamp}" for name, stamp in own["judges"].items()) + "."]
    out += ["", *table(own["overall"], SELF), "", *by_clip(own)]
    out += ["", f"## Cross-reenactment, {len(rows)} pairs", "", *table(means, CROSS), ""]
    figures = [
        name for name in ("csim", "csim_independent") if f"{name}_driver" in means[options["methods"][0]]
    ]
    for figure in figures:
        shares = ", ".join(f"{method} {kept(rows, method, figure)}" for method in options["methods"])
        out.append(
            f"Pairs with {FIGURES[figure][0]} to the source at least twice that to the driver: {shares}."
        )
    sys.stdout.write("\n".join(out) + "\n")
    if args.json is not None:
        args.json.write_text(json.dumps(plain({"self": own, "cross": rows}), indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
