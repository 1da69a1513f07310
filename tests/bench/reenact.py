"""Reenactment of people whom no model here has seen: `vidface eval reenact` over clips and pairs of them.

python -m tests.bench.reenact CLIP... --json FILE [--independent FILE.onnx] > FILE.md

Each clip drives its own first face; then each is the source (its first frame) of the next clips in the order
given.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vidface.cli._reenactmethods import METHODS, at_hand
from vidface.cli._reenactreport import (
    FIGURES,
    ReenactOptions,
    judge_stamps,
    method_stamp,
    protocol,
    reenact_report,
)
from vidface.cli._reenactscore import TRUTH
from vidface.cli._report import number, plain
from vidface.eval.restore import mean_row
from vidface.version import __version__

SELF = (
    *("l1", "psnr_db", "ssim", "akd_px", "akd_coordinate_px", "csim", "csim_independent", "pose_deg"),
    *("expression_pct", "expression_r", "eyes_r", "mouth_r", "sync_r", "sync_lag_s", "lost", "ms"),
)
CROSS = (
    *("csim", "csim_driver", "csim_independent", "csim_independent_driver", "pose_deg"),
    *("expression_pct", "expression_r", "eyes_r", "mouth_r", "sync_r", "sync_lag_s", "lost"),
)
EACH = ("l1", "akd_px", "csim", "eyes_r", "mouth_r")


class Report(NamedTuple):
    """Rows of pairs, means of each method, and who judged."""

    rows: list[dict[str, Any]]
    means: dict[str, dict[str, float]]
    judges: dict[str, str]


def table(rows: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> list[str]:
    """Lines of Markdown."""
    shown = [name for name in names if any(name in row for row in rows.values())]
    lines = ["| | " + " | ".join(FIGURES[name][0] for name in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for method, row in rows.items():
        cells = (number(row.get(name, float("nan")), FIGURES[name][1]) for name in shown)
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return lines


def by_clip(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a clip."""
    methods = [name for name in METHODS if name in rows[0]["results"]]
    heads = [f"{FIGURES[name][0]}, {method}" for name in EACH for method in methods]
    lines = ["| clip | frames | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    for row in rows:
        results = row["results"]
        cells = [
            number(results[method].get(name, float("nan")), FIGURES[name][1])
            for name in EACH
            for method in methods
        ]
        lines.append(f"| {row['pair']} | {row['frames']} | " + " | ".join(cells) + " |")
    return lines


def scored(jobs: Sequence[tuple[str, str | None]], options: Mapping[str, Any], keep: Path) -> Report:
    """Driver and source (None for itself) -> one report.

    Methods whose figures are in the file `keep` already are not done again, if program, protocol, judges and
    the method's weights are still those.
    """
    done: dict[str, Any] = json.loads(keep.read_text(encoding="utf-8")) if keep.is_file() else {}
    stamps = {name: method_stamp(name) for name in options["methods"]}
    judges = judge_stamps(ReenactOptions(**options))
    held = {name: value for name, value in options.items() if name != "methods"}
    protocol_key = json.dumps([__version__, held, judges], sort_keys=True)
    rows = []
    for clip, source in jobs:
        key = f"{source or clip} > {clip} {protocol_key}"
        kept_by = done[key]["weights"] if key in done else {}
        have = done[key]["pairs"][0]["results"] if key in done else {}
        lacking = tuple(name for name in stamps if name not in have or kept_by.get(name) != stamps[name])
        if lacking:
            fresh = plain(
                reenact_report([clip], ReenactOptions(source=source, **{**options, "methods": lacking}))
            )
            fresh["pairs"][0]["results"] = have | fresh["pairs"][0]["results"]
            done[key] = fresh | {"weights": kept_by | {name: stamps[name] for name in lacking}}
            keep.write_text(json.dumps(done, indent=1), encoding="utf-8")
        row = done[key]["pairs"][0]
        names = [*options["methods"], TRUTH]
        rows.append(row | {"results": {name: known(row["results"][name]) for name in names}})
    means = {name: mean_row(row["results"][name] for row in rows) for name in rows[0]["results"]}
    return Report(rows, means, judges)


def known(figures: Mapping[str, float | None]) -> dict[str, float]:
    """What stands as null in JSON is not known."""
    return {name: float("nan") if value is None else value for name, value in figures.items()}


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
    parser.add_argument("--drivers", type=int, default=2, help="of each source")
    parser.add_argument("--json", type=Path, required=True, help="keeps figures as they come, to go on from")
    args = parser.parse_args()
    options: dict[str, Any] = {
        "independent": args.independent,
        "frames": args.frames,
        "every": args.every,
        "methods": tuple(args.method or at_hand()),
    }
    clips = [str(clip) for clip in args.clips]
    steps = range(1, args.drivers + 1)
    pairs = [(clips[(at + step) % len(clips)], clip) for at, clip in enumerate(clips) for step in steps]
    own = scored([(clip, None) for clip in clips], options, args.json)
    other = scored(pairs, options, args.json)
    out = [f"## Self-reenactment, {len(own.rows)} clips", "", *protocol(ReenactOptions(**options))]
    out += ["Judges: " + ", ".join(f"{name} {stamp}" for name, stamp in own.judges.items()) + "."]
    out += ["", *table(own.means, SELF), "", *by_clip(own.rows)]
    out += ["", f"## Cross-reenactment, {len(other.rows)} pairs", "", *table(other.means, CROSS), ""]
    for figure in ("csim", "csim_independent"):
        if figure in other.means[options["methods"][0]]:
            shares = ", ".join(
                f"{method} {kept(other.rows, method, figure)}" for method in options["methods"]
            )
            head = FIGURES[figure][0]
            out.append(f"Pairs with {head} to the source at least twice that to the driver: {shares}.")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
