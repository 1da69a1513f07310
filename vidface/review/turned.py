"""How the pictures of a review were turned: by the file's own word, and by whoever made the review."""

from __future__ import annotations

from typing import Any, NamedTuple


class Turned(NamedTuple):
    """Degrees clockwise, 0, 90, 180 or 270.

    Attributes:
        by_file: what the file itself asks for.
        by_user: `--rotate`, on top of it.
    """

    by_file: int
    by_user: int


def turn_of(manifest: dict[str, Any]) -> Turned:
    """Both of a run: its `input.rotation` is their sum."""
    total = _degrees((manifest.get("input") or {}).get("rotation"))
    user = _degrees((manifest.get("settings") or {}).get("rotate"))
    return Turned((total - user) % 360, user)


def _degrees(value: Any) -> int:
    """Of what stands in run.json; nothing of what is no number."""
    return value % 360 if isinstance(value, int) else 0
