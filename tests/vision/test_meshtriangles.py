"""Triangles and edges of the mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vidface.vision.meshtriangles import EDGES, TRIANGLES


def test_triangles_are_those_of_the_mesh_model(repo: Path) -> None:
    """The list in the code and the one in the model cannot come apart."""
    with np.load(repo / "models" / "vidface-meshmodel" / "model.npz") as model:
        assert np.array_equal(TRIANGLES, model["triangles"])


def test_edges_are_the_sides_each_once() -> None:
    """Every side is an edge; most are shared by two triangles, none by three."""
    sides = {tuple(sorted(pair)) for a, b, c in TRIANGLES.tolist() for pair in ((a, b), (b, c), (c, a))}
    assert sides == {tuple(edge) for edge in EDGES.tolist()}
    assert 3 * len(TRIANGLES) <= 2 * len(EDGES)
    assert not EDGES.flags.writeable
