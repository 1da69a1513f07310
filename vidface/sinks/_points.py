"""The points of meshes as JSON, written as fast as Python can."""

from __future__ import annotations

from typing import Final

from vidface.data.mesh import POINTS, Meshes

_FORM: Final = f"[{','.join(['[%.2f,%.2f,%.2f]'] * POINTS)}]"
"""One format for a whole mesh takes half the time of `json.dumps` on rounded numbers, of which most lie in
finding the shortest digits."""


def points_texts(mesh: Meshes, rows: int) -> list[str]:
    """Of each row its points as JSON, x y z in pixels with 2 decimals; null where not measured.

    A mesh without rows says nothing of any face: then there are `rows` times null.
    """
    if not len(mesh):
        return ["null"] * rows
    known = mesh.known.tolist()
    return [
        _FORM % tuple(points.ravel().tolist()) if there else "null"
        for points, there in zip(mesh.points, known, strict=True)
    ]
