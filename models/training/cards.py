"""What the model cards share: figures of facts.json, and templates that are filled whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PLACE = re.compile(r"@([A-Z][A-Z_0-9]*)@")


def filled(template: Path, parts: Mapping[str, str]) -> str:
    """A template's text with every `@NAME@` in it replaced.

    Raises:
        ValueError: a place that no part fills, or a part that no place takes.
    """
    text = template.read_text(encoding="utf-8")
    places = set(_PLACE.findall(text))
    if places != parts.keys():
        missing, idle = sorted(places - parts.keys()), sorted(parts.keys() - places)
        raise ValueError(f"{template}: places without a part: {missing}; parts without a place: {idle}.")
    return _PLACE.sub(lambda place: parts[place[1]], text)


def of_file(facts: Mapping[str, Any]) -> dict[str, str]:
    """What every card says of its file, from facts.json."""
    return {
        "PARAMETERS": f"{facts['parameters']:,}",
        "BYTES": f"{facts['bytes']:,}",
        "SHA256": facts["sha256"],
        "DIFFERENCE": f"{facts['max_abs_difference_to_torch']:.1e}",
    }
