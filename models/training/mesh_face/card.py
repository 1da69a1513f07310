"""Write the model card from the figures, so that no number in it is typed by hand.

python card.py --model ../../vidface-facemesh
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

QUIET = "quietest windows of held-out clips"


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Dicts of equal keys as a Markdown table."""
    keys = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(str(row[key]) for key in keys) + " |" for name, row in rows.items()]
    return "\n".join(lines)


def verdicts(metrics: dict[str, Any]) -> str:
    """Each target with what was reached."""
    error = metrics["error, percent of the eyes' distance"]["clips"]["mean"]
    jitter, cost = metrics["jitter"][QUIET], metrics["cpu"]["batch 1, ms a face"]
    calm = jitter["student_pct"] < jitter["teacher_pct"]
    rows = (
        ("mean error on clips, % of the eyes' distance", "<= 3.5", f"{error:.2f}", error <= 3.5),
        ("jitter, % (teacher's)", "below it", f"{jitter['student_pct']} ({jitter['teacher_pct']})", calm),
        ("CPU time a face, one thread", "<= 5 ms", f"{cost:.1f} ms", cost <= 5),
    )
    lines = ["| target | aim | reached | |", "|---|---|---|---|"]
    lines += [f"| {a} | {b} | {c} | {'met' if met else '**missed**'} |" for a, b, c, met in rows]
    return "\n".join(lines)


def sides(told: dict[str, Any]) -> str:
    """Blendshapes of which the left one is given otherwise than the right one, by .02 and more."""
    lines = [
        "| pair | left over right (teacher's) | a face and its mirror image apart by (teacher's) | mean |",
        "|---|---|---|---|",
    ]
    for name, mine in sorted(told["student"].items(), key=lambda row: -abs(row[1]["bias"])):
        theirs = told["teacher"][name]
        if abs(mine["bias"]) >= 0.02:
            apart = f"{mine['apart']:.3f} ({theirs['apart']:.3f})"
            bias = f"{mine['bias']:+.3f} ({theirs['bias']:+.3f})"
            lines.append(f"| {name} | {bias} | {apart} | {mine['mean']:.3f} |")
    return "\n".join(lines)


def trained(log: Path) -> str:
    """How much it saw: the last line of the log that counts views."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    last = max((row for row in rows if "views" in row), key=lambda row: row["views"])
    minutes = max(row.get("minutes", 0) for row in rows)
    return f"{last['views']:,} views in {last['step']:,} steps and {minutes:.0f} minutes"


def card(folder: Path) -> str:
    """The whole card."""
    metrics = json.loads((folder / "metrics.json").read_text())
    facts = json.loads((folder / "facts.json").read_text())
    mirrored = json.loads((folder / "mirrored.json").read_text())
    rest = {**metrics["presence"], **metrics["blendshapes"], **metrics["cpu"]}
    parts = {
        **of_file(facts),
        "TRAINED": trained(folder / "train.jsonl"),
        "TARGETS": verdicts(metrics),
        "OVERALL": table(metrics["error, percent of the eyes' distance"]),
        "CONDITION": table(metrics["by condition (both on the same spoiled crop)"]),
        "REGION": table(metrics["by region"]),
        "JITTER": table(metrics["jitter"]),
        "SKIN": table(metrics["by skin tone (web_portraits)"]),
        "NAME": table(metrics["by clip or set"]),
        "MIRRORED": f"{mirrored['pictures']:,}",
        "SIDES": sides(mirrored),
        "REST": table({name: {"value": value} for name, value in rest.items()}),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()
    (args.model / "card.md").write_text(card(args.model))
    print(f"{args.model / 'card.md'} written")


if __name__ == "__main__":
    main()
