"""Graphs for the nodes that no shipped graph uses, so that every node is measured."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_DETECT: Final = {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 3}}
_TRACK: Final = {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}}
_VIDEO: Final = {"use": "video", "with": {"preset": "ultrafast"}}


def _graph(nodes: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "consent": "a measurement", "nodes": nodes, "outputs": outputs}


EXTRAS: Final[Mapping[str, dict[str, Any]]] = MappingProxyType(
    {
        "(restore.denoise, restore.deflicker)": _graph(
            {
                "denoise": {"use": "restore.denoise", "in": {"frame": "source"}},
                "deflicker": {"use": "restore.deflicker", "in": {"frame": "denoise"}},
            },
            {"video": _VIDEO | {"in": {"frame": "deflicker"}}},
        ),
        "(stabilize.landmarks, recognize.better)": _graph(
            {
                "detect": _DETECT,
                "track": _TRACK,
                "steady": {"use": "stabilize.landmarks", "in": {"frame": "source", "faces": "track"}},
                "embed": {"use": "recognize.embed", "in": {"frame": "source", "faces": "steady.faces"}},
                "better": {
                    "use": "recognize.better",
                    "in": {"faces": "steady.faces", "first": "embed", "second": "embed"},
                },
            },
            {"faces": {"use": "jsonl", "in": {"faces": "steady.faces", "measures": "better.report"}}},
        ),
        "(restore.onnx)": _graph(
            {
                "detect": _DETECT,
                "track": _TRACK,
                "restore": {
                    "use": "restore.onnx",
                    "in": {"frame": "source", "faces": "track"},
                    "with": {"model": "gfpgan_1.4"},
                },
            },
            {"video": _VIDEO | {"in": {"frame": "restore.frame"}}},
        ),
        "(reenact.onnx)": _graph(
            {
                "detect": _DETECT,
                "track": _TRACK,
                "talk": {
                    "use": "reenact.onnx",
                    "in": {"frame": "source", "faces": "track", "sound": "source.sound"},
                    "with": {"model": "wav2lip"},
                },
            },
            {"video": _VIDEO | {"in": {"frame": "talk"}}},
        ),
    }
)
"""Name of a case -> its graph. The last two want weights of others, which are not shipped."""
