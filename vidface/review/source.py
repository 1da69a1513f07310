"""What the reviewed file says of itself: its stream, its metadata, and which tools had it in hand."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from vidface.errors import InputError, UsageError

_TOOLS: Final = {
    "vidface": r"\bvidface\b",
    "Adobe Premiere": r"premiere",
    "Adobe After Effects": r"after ?effects",
    "DaVinci Resolve": r"davinci|blackmagic",
    "Final Cut": r"final ?cut",
    "iMovie": r"imovie",
    "CapCut": r"capcut|bytedance",
    "InShot": r"inshot",
    "Kdenlive": r"kdenlive",
    "OpenShot": r"openshot",
    "Shotcut": r"shotcut|\bmlt\b",
    "VEGAS": r"\bvegas\b",
    "Topaz": r"topaz",
    "HandBrake": r"handbrake",
    "FFmpeg": r"\blav[fc]\d|ffmpeg",
}
"""Program -> how the texts of a file name it (case ignored)."""


def source_facts(clip: Path) -> dict[str, Any]:
    """Declarations and stream facts of a file, as plain values; what cannot be read says why."""
    return {"declared": _declared(clip)}


def tools_in(declared: dict[str, Any]) -> list[str]:
    """Programs that a file's declarations name, in the order of the table above."""
    texts = [str(text) for text in (declared.get("metadata") or {}).values()]
    manifest = declared.get("manifest") or {}
    texts += [str(manifest.get("generator") or "")]
    texts += [str(action.get("software") or "") for action in manifest.get("actions") or ()]
    whole = "\n".join(texts).lower()
    found = [name for name, pattern in _TOOLS.items() if re.search(pattern, whole)]
    if declared.get("mark") and "vidface" not in found:
        found.insert(0, "vidface")
    return found


def _declared(clip: Path) -> dict[str, Any]:
    from vidface.media.declared import declared

    try:
        found = declared(clip)
    except (InputError, UsageError) as error:
        return {"unread": str(error)}
    return {
        "manifest": None if found.manifest is None else asdict(found.manifest),
        "metadata": dict(found.metadata),
        "mark": found.mark,
        "source_types": list(found.source_types),
        "unread": found.unread,
    }
