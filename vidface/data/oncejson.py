"""JSON of which every reader reads the same: an object that names a key twice is refused.

RFC 8259 leaves open which of two values counts. Python's reader takes the last one in silence, so a hash over
what it gives says nothing of the first, which an editor, a person or another reader may see instead.
"""

from __future__ import annotations

import json
from typing import Any


def once(text: str | bytes) -> Any:
    """The value of a text.

    Raises:
        ValueError: it is no JSON, or an object in it names a key twice.
    """
    return json.loads(text, object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"it names {key!r} twice")
        found[key] = value
    return found
