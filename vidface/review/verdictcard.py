"""What is known of the verdict's own errors: read from the model that makes it."""

from __future__ import annotations

import json
from typing import Any, Final

_MODEL: Final = "vidface-verdict"


def verdict_card() -> dict[str, Any]:
    """The fusion's description as shipped, without its weights' inner parts; empty where it is not there."""
    from vidface.infer.weights import shipped_folder

    path = shipped_folder() / _MODEL / "fusion.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
