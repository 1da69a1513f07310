"""Write the card of the network in integers from its figures and those of the one in floats.

python card_int8.py --model ../../vidface-embed-int8 --float ../../vidface-embed
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from card import held_out, sizes, strangers, targets

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cards import filled


def beside(mine: dict[str, Any], theirs: dict[str, Any], near: dict[str, Any]) -> str:
    """Accuracy of both by the probe's size, and how alike their vectors are."""
    lines = [
        "| probe | floats | integers | cosine of the two (validation faces) | recognisability moves by |",
        "|---|---|---|---|---|",
    ]
    for name, row in mine.items():
        a, b = (rows["student"]["accuracy"] for rows in (theirs[name], row))
        told = near.get(name, {})
        lines.append(f"| {name} | {a} | {b} | {told.get('cosine', '')} | {told.get('recognisability', '')} |")
    return "\n".join(lines)


def card(folder: Path, beside_it: Path) -> str:
    """The whole card; `beside_it` is the folder of the network in floats."""
    metrics, facts, impostors = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("metrics", "facts", "impostors")
    )
    floats = json.loads((beside_it / "metrics.json").read_text())
    parts = {
        "BYTES": f"{facts['bytes']:,}",
        "SHA256": facts["sha256"],
        "FLOAT": facts["float_sha256"],
        "WRONG": str(metrics["wrong labels left out"]),
        "TARGETS": targets(metrics["verification"]),
        "SIZES": sizes(metrics["verification"], True),
        "BESIDE": beside(metrics["verification"], floats["verification"], facts["to_float"]),
        "HELD": held_out(impostors),
        "STRANGERS": strangers(impostors),
        "CPU": str(metrics["CPU ms a face, one thread"]),
        "CPU_FLOAT": str(floats["CPU ms a face, one thread"]),
    }
    return filled(Path(__file__).parent / "card_int8_template.md", parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--float", type=Path, required=True)
    args = parser.parse_args()
    (args.model / "card.md").write_text(card(args.model, args.float))


if __name__ == "__main__":
    main()
