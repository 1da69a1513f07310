"""Write the model card from the figures, so that no number in it is typed by hand.

python card.py --model ../../vidface-portrait --figures figures.json

The figures are those of tests.bench.reenact (`--json`): one report a pair, self- and cross-reenactment.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

METHODS = ("static", "affine", "warp", "network", "driver")
SELF = {
    "l1": ("L1", 4),
    "psnr_db": ("PSNR dB", 2),
    "ssim": ("SSIM", 4),
    "akd_px": ("AKD px", 2),
    "csim": ("CSIM", 3),
    "csim_independent": ("CSIM, independent", 3),
    "pose_deg": ("pose deg", 2),
    "expression_r": ("expression r", 3),
    "eyes_r": ("eyes r", 3),
    "mouth_r": ("mouth r", 3),
}
CROSS = {
    "csim": ("CSIM", 3),
    "csim_driver": ("CSIM to driver", 3),
    "csim_independent": ("CSIM, independent", 3),
    "pose_deg": ("pose deg", 2),
    "eyes_r": ("eyes r", 3),
    "mouth_r": ("mouth r", 3),
}
Rows = list[dict[str, dict[str, float]]]


def pairs(figures: dict[str, Any]) -> tuple[dict[str, dict[str, dict[str, float]]], Rows]:
    """Results of self-reenactment by clip, and those of all cross pairs."""
    own, cross = {}, []
    for report in figures.values():
        for pair in report["pairs"]:
            if pair["self"]:
                own[pair["pair"]] = report["overall"]
            else:
                cross.append(report["overall"])
    return own, cross


def mean(rows: Rows, method: str, key: str) -> float:
    """Over the pairs that have the figure; NaN where none has."""
    values = [row[method][key] for row in rows if key in row.get(method, {})]
    found = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(found)) if found else float("nan")


def table(rows: Rows, columns: dict[str, tuple[str, int]]) -> str:
    """A row a method, means over pairs."""
    lines = ["| | " + " | ".join(name for name, _ in columns.values()) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for method in METHODS:
        values = [(mean(rows, method, key), digits) for key, (_, digits) in columns.items()]
        cells = ["" if np.isnan(value) else f"{value:.{digits}f}" for value, digits in values]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def clips(own: dict[str, dict[str, dict[str, float]]]) -> str:
    """Warp against network, clip by clip."""
    lines = [
        "| clip | L1, warp | network | AKD px, warp | network | CSIM, warp | network |",
        "|---" * 7 + "|",
    ]
    for name, results in own.items():
        cells = [
            f"{results[method][key]:.{digits}f}"
            for key, digits in (("l1", 4), ("akd_px", 2), ("csim", 3))
            for method in ("warp", "network")
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def targets(own: Rows, cross: Rows) -> str:
    """Each aim with what was reached."""
    less = {key: 100 * (1 - mean(own, "network", key) / mean(own, "warp", key)) for key in ("l1", "akd_px")}
    more = mean(own, "network", "csim") - mean(own, "warp", "csim")
    twice = sum(row["network"]["csim"] >= 2 * row["network"]["csim_driver"] for row in cross)
    checks = [
        ("L1 under the warp's", ">= 20 %", f"{less['l1']:.1f} %", less["l1"] >= 20),
        ("AKD under the warp's", ">= 20 %", f"{less['akd_px']:.1f} %", less["akd_px"] >= 20),
        ("CSIM to source above the warp's", ">= .02", f"{more:+.3f}", more >= 0.02),
    ]
    for key, name in (("eyes_r", "blinks follow, r"), ("mouth_r", "mouth follows, r")):
        value = mean(own, "network", key)
        checks.append((name, ">= .8", f"{value:.2f}", value >= 0.8))
    said = f"{twice} of {len(cross)} pairs"
    checks.append(("cross: CSIM to source twice that to the driver", "always", said, twice == len(cross)))
    lines = ["| | aim | reached | |", "|---|---|---|---|"]
    return "\n".join(
        lines + [f"| {n} | {aim} | {got} | {'met' if ok else '**missed**'} |" for n, aim, got, ok in checks]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    args = parser.parse_args()
    facts = json.loads((args.model / "facts.json").read_text())
    own, cross = pairs(json.loads(args.figures.read_text()))
    rows = list(own.values())
    kept = {
        "self": {m: {k: round(mean(rows, m, k), 5) for k in SELF} for m in METHODS},
        "cross": {m: {k: round(mean(cross, m, k), 5) for k in CROSS} for m in METHODS},
    }
    text = json.dumps(kept, indent=1).replace("NaN", "null")
    (args.model / "metrics.json").write_text(text + "\n")
    values = {
        **of_file(facts),
        "TRAINED": "{pairs:,.0f} pairs, {steps:,.0f} steps, {minutes:.0f} minutes".format(**facts["trained"]),
        "TARGETS": targets(rows, cross),
        "SELF": table(rows, SELF),
        "CROSS": table(cross, CROSS),
        "CLIPS": clips(own),
    }
    (args.model / "card.md").write_text(filled(Path(__file__).parent / "card_template.md", values))


if __name__ == "__main__":
    main()
