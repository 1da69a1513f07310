"""Text of .obj files: there and back, axes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.meshtriangles import TRIANGLES
from vidface.vision.obj import mesh_of_obj, obj_of_mesh

POINTS = np.random.default_rng(3).normal(0, 100, (478, 3)).astype(np.float32)


def test_there_and_back() -> None:
    """Vertices survive to 4 decimals; comments, normals and faces of other programs are passed over."""
    text = obj_of_mesh(POINTS, comment="a face")
    assert text.splitlines()[0] == "# a face"
    np.testing.assert_allclose(mesh_of_obj(text + "vn 0 0 1\nvt 0 0\n"), POINTS, atol=1e-4)


def test_y_points_up_and_z_to_the_viewer() -> None:
    """A point below and behind has negative y and z; triangles count from 1."""
    points = np.zeros((478, 3))
    points[0] = (1, 2, 3)
    lines = obj_of_mesh(points).splitlines()
    assert lines[0] == "v 1.0000 -2.0000 -3.0000"
    assert lines[478] == "f " + " ".join(str(n + 1) for n in TRIANGLES[0])
    assert len(lines) == 478 + len(TRIANGLES)


@pytest.mark.parametrize("text", ["", "v 1 2 3\n" * 477, "v 1 2\n" * 478, "v a b c\n" * 478])
def test_what_is_no_mesh_is_refused(text: str) -> None:
    """Too few vertices, too few numbers, no numbers."""
    with pytest.raises(ValueError, match=r"478 vertices|could not convert"):
        mesh_of_obj(text)


def test_points_that_are_not_known_are_refused() -> None:
    """A row without a mesh has no file."""
    with pytest.raises(ValueError, match="finite points"):
        obj_of_mesh(np.full((478, 3), np.nan))
