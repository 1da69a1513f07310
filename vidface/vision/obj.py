"""Wavefront .obj text of a face mesh: vertices and triangles, nothing else.

In the text x points right, y up and z towards the viewer, as viewers of 3D files expect; in `Meshes`
y points down and z away. So y and z change sign on the way out and on the way in.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.mesh import POINTS
from vidface.vision.meshtriangles import TRIANGLES

_FACES: Final = "".join(f"f {a} {b} {c}\n" for a, b, c in (TRIANGLES + 1).tolist())
_SIGNS: Final = np.array([1.0, -1.0, -1.0])


def obj_of_mesh(points: Any, *, comment: str = "") -> str:
    """The text of one mesh.

    Args:
        points: 478 x 3, finite; axes as in `Meshes`.
        comment: one line for its head.
    """
    rows = np.asarray(points, np.float64).reshape(POINTS, 3) * _SIGNS
    if not np.isfinite(rows).all():
        raise ValueError("an .obj file needs finite points, but some are NaN or infinite")
    head = f"# {comment}\n" if comment else ""
    return head + "".join(f"v {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in rows.tolist()) + _FACES


def mesh_of_obj(text: str) -> NDArray[np.float32]:
    """The vertices of a text, 478 x 3 float32, axes as in `Meshes`; all else in it is passed over.

    Raises:
        ValueError: there are not 478 vertices, or one of them is not three numbers or more.
    """
    lines = [line.split()[1:4] for line in text.splitlines() if line.startswith("v ")]
    if len(lines) != POINTS or any(len(line) < 3 for line in lines):
        raise ValueError(f"a face mesh has {POINTS} vertices of 3 numbers, but the text has {len(lines)}")
    points: NDArray[np.float32] = (np.array(lines, np.float64) * _SIGNS).astype(np.float32)
    return points
