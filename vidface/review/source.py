"""Which tools had the reviewed file in hand, as far as it says so itself."""

from __future__ import annotations

import re
from typing import Any, Final

from vidface.data.provenance import hidden_by

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

_DONE: Final = {
    "restored": ("restore.",),
    "stabilised": ("stabilize.camera", "stabilize.face"),
    "anonymised": ("anonymize.",),
    "generated": ("reenact.",),
}
"""What was done to the pictures -> beginnings of the names of vidface's nodes that do it."""

_BROKEN: Final = frozenset({"tampered", "invalid"})
"""States of a manifest that was taken from somewhere else, or whose file was changed since."""


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


def done_to(declared: dict[str, Any]) -> tuple[str, ...]:
    """What the file says that vidface did to it: restored, stabilised, anonymised, generated.

    Only vidface's own marks and manifests name the nodes; what another tool did is not known so exactly. A
    manifest of another file's pictures says nothing of these: one that does not hold declares nothing.
    """
    manifest = declared.get("manifest") or {}
    nodes = [str(name) for name in (declared.get("mark") or {}).get("nodes") or ()]
    nodes += [] if manifest.get("state") in _BROKEN else _uses(manifest.get("provenance"))
    texts = (declared.get("metadata") or {}).values()
    nodes += [node for text in texts for node in hidden_by(str(text))]
    return tuple(what for what, begins in _DONE.items() if any(node.startswith(begins) for node in nodes))


def _uses(assertion: Any) -> list[str]:
    """Names of nodes in an assertion, which anybody can have written under vidface's label, and anyhow."""
    nodes = assertion.get("nodes") if isinstance(assertion, dict) else None
    rows = [one for one in nodes if isinstance(one, dict)] if isinstance(nodes, list) else []
    return [row["use"] for row in rows if isinstance(row.get("use"), str)]
