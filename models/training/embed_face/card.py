"""Write the model card from the figures, so that no number in it is typed by hand.

python card.py --model ../../vidface-embed
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

AIMS = {"112 px": 97.5, "16 px": 95.0, "12 px": 89.0, "8 px": 75.0}


def sizes(rows: dict[str, Any], wanted: bool) -> str:
    """Student, teacher and trivial baseline by size (or by the other troubles)."""
    lines = [
        "| probe | accuracy (95 % interval) | TAR at FAR 1e-2, 1e-3 | teacher: accuracy | TAR | trivial "
        "| recognisability |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        if name.endswith(" px") is not wanted:
            continue
        mine, theirs, low = row["student"], row["teacher"], row.get("trivial")
        a, b = mine["95 % interval"]
        lines.append(
            f"| {name} | **{mine['accuracy']}** ({a} to {b}) "
            f"| {mine['TAR at FAR 0.01']}, {mine['TAR at FAR 0.001']} "
            f"| {theirs['accuracy']} | {theirs['TAR at FAR 0.01']}, {theirs['TAR at FAR 0.001']} "
            f"| {low['accuracy'] if low else ''} | {mine['recognisability, mean']} |"
        )
    return "\n".join(lines)


def targets(rows: dict[str, Any]) -> str:
    """Each aim with what was reached."""
    lines = ["| accuracy at | aim | reached | teacher on the same pairs | |", "|---|---|---|---|---|"]
    for name, aim in AIMS.items():
        mine, theirs = rows[name]["student"]["accuracy"], rows[name]["teacher"]["accuracy"]
        lines.append(f"| {name} | {aim} | {mine} | {theirs} | {'met' if mine >= aim else '**missed**'} |")
    return "\n".join(lines)


def groups(metrics: dict[str, Any]) -> str:
    """False non-matches and matches by sex, false non-matches by person."""
    lines = ["| | false non-match rate, % | false match rate among the same sex, % |", "|---|---|---|"]
    for size in ("112 px", "16 px"):
        for name, row in metrics[f"by group, {size}"].items():
            matches = row.get("false match rate among the same sex, %", "")
            lines.append(
                f"| {size}: {name.replace('_', ' ')} | {row['false non-match rate, %']} | {matches} |"
            )
    return "\n".join(lines)


def reliability(calibration: dict[str, Any]) -> str:
    """Stated against observed on validation people."""
    rows = calibration["reliability on validation people (stated, observed, looks)"]
    lines = ["| stated | observed | looks |", "|---|---|---|"]
    lines += [f"| {a} | {b} | {n} |" for a, b, n in rows]
    brier, people = calibration["Brier score"], calibration["validation people"]
    told = f"Brier score {brier} ({people} validation people, each by what the others taught)."
    return "\n".join(lines) + f"\n\n{told}"


def held_out(impostors: dict[str, Any]) -> str:
    """How many strangers the trial had."""
    stayed, left = impostors["held-out portraits, and left out as one person twice"]
    return f"{stayed:,} held-out portraits ({left} more show somebody a second time and are left out)"


def strangers(impostors: dict[str, Any]) -> str:
    """Held-out strangers that pass, by gallery and by what was asked for."""
    asked = impostors["asked for, percent"]
    lines = ["| gallery | " + " | ".join(f"{one:g} % asked" for one in asked) + " |", "|---" * 4 + "|"]
    for kind, row in impostors["held-out strangers that pass, percent"].items():
        lines.append(f"| {kind} | " + " | ".join(f"{one:g}" for one in row["shipped"]) + " |")
    return "\n".join(lines)


def trained(log: Path) -> str:
    """How much it saw: the last line of each run in the log."""
    runs: dict[str, Any] = {}
    for line in log.read_text().splitlines():
        row = json.loads(line)
        runs[row["run"]] = row
    views, steps, minutes = (sum(row[key] for row in runs.values()) for key in ("views", "step", "minutes"))
    return f"{views:,} views in {steps:,} steps and {minutes:.0f} minutes"


def card(folder: Path) -> str:
    """The whole card, from metrics, facts, calibration, impostors and the log."""
    metrics, facts, calibration, impostors = (
        json.loads((folder / f"{name}.json").read_text())
        for name in ("metrics", "facts", "calibration", "impostors")
    )
    discard = metrics["error versus discard by recognisability, sizes mixed"]
    parts = {
        **of_file(facts),
        "TRAINED": trained(folder / "train.jsonl"),
        "WRONG": str(metrics["wrong labels left out"]),
        "TARGETS": targets(metrics["verification"]),
        "SIZES": sizes(metrics["verification"], True),
        "TROUBLES": sizes(metrics["verification"], False),
        "GROUPS": groups(metrics),
        "RECOGNISABILITY": reliability(calibration),
        "HELD": held_out(impostors),
        "STRANGERS": strangers(impostors),
        "DISCARD": ", ".join(f"{100 * a:.0f} % -> {b} %" for a, b in discard)
        + " false non-matches at a false match rate of 1 %",
        "CPU": str(metrics["CPU ms a face, one thread"]),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, required=True, help="folder with metrics, facts, calibration, log"
    )
    folder = parser.parse_args().model
    (folder / "card.md").write_text(card(folder))
    print(folder / "card.md", "written")


if __name__ == "__main__":
    main()
