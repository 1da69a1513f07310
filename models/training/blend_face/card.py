"""Write the model card from the figures, so that no number in it is typed by hand.

python models/training/blend_face/card.py --model models/vidface-blend
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled, of_file

METHODS = {
    "self-blended": "self-blended (as in training, other people)",
    "swap poisson": "swapped, Poisson blending (never in training)",
    "swap feather": "swapped, feathered mask (never in training)",
}


def by_coding(metrics: dict[str, Any]) -> str:
    """Area under the curve by kind of fake and coding."""
    codings = list(next(iter(metrics.values()))["coding"])
    lines = [f"| single frames | all | {' | '.join(codings)} |", "|---|---|" + "---|" * len(codings)]
    for name, row in metrics.items():
        cells = " | ".join(f"{row['coding'][coding]['auc']:.3f}" for coding in codings)
        lines.append(f"| {METHODS[name]} | **{row['auc']:.3f}** | {cells} |")
    return "\n".join(lines)


def by_size(metrics: dict[str, Any]) -> str:
    """Every cell: network and baseline."""
    lines = [
        "| fake | coding | face, px | AUC | AUC of the baseline | real above 0 | fake above 0 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, part in metrics.items():
        for row in part["cells"]:
            lines.append(
                f"| {name} | {row['coding']} | {row['face_px']} | {row['auc']:.3f} "
                f"| {row['auc_baseline']:.3f} | {row['real_above_0']:.2f} | {row['fake_above_0']:.2f} |"
            )
    return "\n".join(lines)


def by_set(metrics: dict[str, Any]) -> str:
    """By where the faces come from."""
    sets = sorted({key for part in metrics.values() for key in part["set"]})
    lines = [f"| AUC | {' | '.join(sets)} |", "|---|" + "---|" * len(sets)]
    for name, part in metrics.items():
        cells = (
            f"{part['set'][key]['auc']:.3f} (n {part['set'][key]['n']})" if key in part["set"] else ""
            for key in sets
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def of_clips(clips: dict[str, Any]) -> str:
    """Whole clips through the node."""
    lines = [
        "| clips through the node | clips | AUC over clips | AUC over single looks |",
        "|---|---|---|---|",
    ]
    for name, row in clips.get("fakes", {}).get("areas", {}).items():
        lines.append(
            f"| {name} | {row['clips']} | {row.get('auc_clips', '')} | {row.get('auc_windows', '')} |"
        )
    real = [row["score"] for row in clips.get("real", []) if row["looks"]]
    text = ["\n".join(lines)]
    if "pair" in clips:
        told = "; ".join(f"{row['label']} {row['score']:+.2f}" for row in clips["pair"]["rows"])
        area = clips["pair"]["auc_windows"]
        text.append(
            "One real clip and its swapped twin from FaceForensics++ (c23), mean log odds: "
            f"{told}; AUC {area}."
        )
    if real:
        above = sum(score > 0 for score in real)
        text.append(
            f"{len(real)} held-out real clips as they are: mean log odds {min(real):+.2f} to "
            f"{max(real):+.2f}, above 0 in {above}."
        )
    return "\n\n".join(text)


def card(folder: Path) -> str:
    """The whole card, from facts, metrics, clips and the log."""
    facts = json.loads((folder / "facts.json").read_text())
    metrics = json.loads((folder / "metrics.json").read_text())
    clips = json.loads((folder / "clips.json").read_text())
    last = json.loads((folder / "train.jsonl").read_text().splitlines()[-1])
    parts = {
        **of_file(facts),
        "OPSET": str(facts["opset"]),
        "CALIBRATION": str(facts["validation"]["calibration_error"]),
        "VIEWS": f"{last['seen']:,}",
        "STEPS": f"{last['step']:,}",
        "BY_CODING": by_coding(metrics),
        "BY_SIZE": by_size(metrics),
        "BY_SET": by_set(metrics),
        "CLIPS": of_clips(clips),
    }
    return filled(Path(__file__).parent / "card_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    model = parser.parse_args().model
    (model / "card.md").write_text(card(model))


if __name__ == "__main__":
    main()
