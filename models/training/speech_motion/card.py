"""Write card.md and manifest.yaml from the figures, so that no number in them is typed by hand."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

COLUMNS = {
    "correlation": "correlation of the opening",
    "best_correlation": "at each clip's best lag",
    "correlation_of_steps": "of its steps",
    "lips_pct": "error of lips and jaw, % of the inter-ocular distance",
    "opening_ratio": "spread of the opening, against the true one",
}
METHODS = ("mean face", "jaw = envelope", "linear in the window", "network, not widened", "network")
COMPARED = ("jaw = envelope", "linear in the window", "network")

MANIFEST = """\
name: vidface-speechmotion
title: Network that reads lips and jaw from speech, as expression of the mesh model; trained in this project
task: reenact
family: vidface-speechmotion
format: onnx
licence:
  id: research-data
  class: research
  note: The code that made it is Apache-2.0; it was trained on example clips of research projects and a
    speech corpus whose terms are not settled, some of them made by generators. Not for commercial use until they are.
files:
- name: model.onnx
  size: {bytes}
  sha256: {sha256}
contract:
  inputs:
  - {{name: mel, shape: [N, 64, 40], dtype: float32, meaning: "log-mel features of vidface.vision.speech, 10 ms a row, from 0.41 s before the frame to 0.25 s behind it; 0 is silence, about 1 the loudest moment of the last second"}}
  outputs:
  - {{name: expression, shape: [N, 30], meaning: "expression coefficients of vidface-meshmodel to add to the speaker's own mouth, closed"}}
  notes: vidface.vision.speechwindow makes the input. Belongs to vidface-meshmodel. One row a frame, whatever the frame rate.
card: card.md
source: Trained by models/training/speech_motion; size and hash are of the file beside this manifest.
"""  # noqa: E501 - as it stands in the file


def table(metrics: dict[str, Any], what: str) -> str:
    """One line a method."""
    lines = ["| method | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name in METHODS:
        row = metrics[name][what]
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.2f}" for key in COLUMNS) + " |")
    return "\n".join(lines)


def by_clip(metrics: dict[str, Any]) -> str:
    """Correlation of the opening, clip by clip."""
    lines = ["| clip | " + " | ".join(COMPARED) + " |", "|---" * (len(COMPARED) + 1) + "|"]
    for clip in metrics["clips"]:
        rows = [metrics[name]["clips"][clip] for name in COMPARED]
        cells = [
            f"{r['correlation']:.2f} ({r['best_correlation']:.2f} at {r['best_lag_s']:+.2f} s)" for r in rows
        ]
        lines.append(f"| {clip} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def card(folder: Path) -> str:
    """The whole card, from metrics, facts and the log."""
    metrics = json.loads((folder / "metrics.json").read_text())
    facts = json.loads((folder / "facts.json").read_text())
    log = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    parts = {
        **of_file(facts),
        "GAIN": f"{facts['gain']:.2f}",
        "STEPS": f"{log[-1]['step']:,}",
        "MINUTES": f"{sum(row['minutes'] for row in log if row['step'] == log[-1]['step']):.0f}",
        "MEMBERS": str(facts["members"]),
        "FRAMES": f"{metrics['frames']:,}",
        "CLIPS": str(len(metrics["clips"])),
        "TRAINING": f"{metrics['training']['clips']} clips, {metrics['training']['frames']:,} frames",
        "SEEN": f"{metrics['network']['seen']:.2f}",
        "ALL": table(metrics, "all"),
        "PEOPLE": table(metrics, "people"),
        "GENERATED": table(metrics, "generated"),
        "BY_CLIP": by_clip(metrics),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    folder = parser.parse_args().model
    (folder / "card.md").write_text(card(folder))
    facts = json.loads((folder / "facts.json").read_text())
    (folder / "manifest.yaml").write_text(MANIFEST.format(**facts))


if __name__ == "__main__":
    main()
