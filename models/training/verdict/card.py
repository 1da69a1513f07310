"""Manifest and card of vidface-verdict, from fusion.json: python -m models.training.verdict.card"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from models.training.cards import filled
from vidface.vision.kindfusion import Fusion

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = HERE.parent.parent / "vidface-verdict"
_MANIFEST: Final = """name: vidface-verdict
title: Fusion of the tests of forensics into one calibrated probability - made in this project
task: forensics
family: kind-fusion
format: json
licence:
  id: research-data
  class: research
  note: The code that made it is Apache-2.0; the clips behind it include material whose terms are not
    settled, which the card names. Not for commercial use until they are.
files:
- name: fusion.json
  size: {size}
  sha256: {sha256}
contract:
  outputs:
  - {{name: kinds, meaning: "test -> centre, scale, low, high, weight, offset, real percentiles"}}
  - {{name: bias, shape: [1], meaning: "log odds before any test, at even odds"}}
  - {{name: thresholds, shape: [2], meaning: "authentic_at, manipulated_at: where opinions begin"}}
  notes: Log odds of a manipulation are bias + sum over the tests that apply of offset + weight *
    clip((score - centre) / scale, low, high); scores are means over windows, in the units of findingkinds.
card: card.md
source: Made by models/training/verdict; size and hash are of the file beside this manifest.
"""


def write(fusion: Fusion, folder: Path = FOLDER) -> None:
    """fusion.json, manifest.yaml and card.md."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(fusion.row(), indent=1, ensure_ascii=False) + "\n"
    (folder / "fusion.json").write_text(text, encoding="utf-8")
    raw = text.encode()
    manifest = _MANIFEST.format(size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
    (folder / "manifest.yaml").write_text(manifest, encoding="utf-8")
    (folder / "card.md").write_text(card(fusion), encoding="utf-8")


def card(fusion: Fusion) -> str:
    """The whole card."""
    parts = {
        "KINDS": "\n".join(_kind_rows(fusion)),
        "AUTHENTIC_AT": f"{fusion.authentic_at:.3f}",
        "MANIPULATED_AT": f"{fusion.manipulated_at:.3f}",
    }
    parts |= {name.upper(): str(fusion.facts.get(name, "not told")) for name in ("n_kinds", "data", "cross")}
    return filled(HERE / "card_template.md", parts)


def _kind_rows(fusion: Fusion) -> list[str]:
    rows = [
        "| test | centre | scale | weight | offset | usual, 5 / 50 / 95 % |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in fusion.kinds.items():
        real = " / ".join(f"{value:.2f}" for value in one.real)
        rows.append(
            f"| {name} | {one.centre:.2f} | {one.scale:.2f} | {one.weight:.2f} | {one.offset:.2f} | {real} |"
        )
    return rows


def main() -> None:
    """Write manifest and card anew."""
    write(Fusion.of(json.loads((FOLDER / "fusion.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
