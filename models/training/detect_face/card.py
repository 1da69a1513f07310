"""Write the model card from the figures, so that no number in it is typed by hand.

python card.py --model ../../vidface-facedet
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

TARGETS = (("recall", 0.92, ">="), ("precision", 0.92, ">="), ("landmark_error_pct", 5.0, "<="))


def table(rows: dict[str, dict[str, Any]]) -> str:
    """One row a condition, as Markdown."""
    lines = [
        "| | faces | recall | precision | AP | landmark error, mean (median) |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        error = f"{row['landmark_error_pct']:.1f} % ({row['landmark_error_median_pct']:.1f} %)"
        parts = " | ".join(f"{row[key]:.3f}" for key in ("recall", "precision", "ap"))
        lines.append(f"| {name} | {row['faces']} | {parts} | {error} |")
    return "\n".join(lines)


def verdicts(metrics: dict[str, Any]) -> str:
    """Each target with what was reached."""
    overall = next(row for name, row in metrics["held out"].items() if name.startswith("overall"))
    lines = ["| target | aim | reached | |", "|---|---|---|---|"]
    for key, aim, sign in TARGETS:
        value = overall[key]
        met = value >= aim if sign == ">=" else value <= aim
        lines.append(f"| {key} | {sign} {aim} | {value:.3f} | {'met' if met else '**missed**'} |")
    cost = metrics["cpu_640x384_one_thread"]
    met = "met" if cost["ratio"] <= 1.3 else "**missed**"
    times = f"{cost['ratio']:.2f} ({cost['student_ms']:.1f} ms against {cost['teacher_ms']:.1f} ms)"
    lines.append(f"| CPU time at 640 wide, times the teacher's | <= 1.3 | {times} | {met} |")
    return "\n".join(lines)


def trained(log: Path) -> str:
    """How much it saw: the last line of the log that counts views."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    last = max((row for row in rows if "views" in row), key=lambda row: row["views"])
    return f"{last['views']:,} views in {last['step']:,} steps"


def card(folder: Path) -> str:
    """The whole card."""
    metrics = json.loads((folder / "metrics.json").read_text())
    facts = json.loads((folder / "facts.json").read_text())
    parts = {
        **of_file(facts),
        "THRESHOLD": str(metrics["threshold"]),
        "TRAINED": trained(folder / "train.jsonl"),
        "TARGETS": verdicts(metrics),
        "HELD_OUT": table(metrics["held out"]),
        "ITSELF": table(metrics["teacher against itself"]),
        "HEIGHT": table(metrics["by height in the input"]),
        "CONDITION": table(metrics["by condition (clips and crowds)"]),
        "SKIN": table(metrics["by skin tone (web_portraits)"]),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    """Write card.md beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()
    (args.model / "card.md").write_text(card(args.model))
    print(f"{args.model / 'card.md'} written")


if __name__ == "__main__":
    main()
