"""The graph with which `vidface eval` follows the faces of a clip and measures their meshes."""

from __future__ import annotations

from typing import Any


def followed(*, every: int) -> dict[str, Any]:
    """Nodes `detect`, `track` and `mesh`; faces are looked for in one frame of so many."""
    return {
        "version": 1,
        "nodes": {
            "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": every}},
            "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
            "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        },
        "outputs": {"faces": {"use": "table", "in": {"faces": "mesh.faces", "mesh": "mesh.mesh"}}},
    }
