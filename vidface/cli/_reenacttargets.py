"""`vidface eval reenact`, the meshes that a source is to take on: the driver's motion on its own face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vidface.cli._reenactmethods import Source
from vidface.vision.meshmodel import MeshFitter


def targets(source: Source, driver: NDArray[np.float32], *, own: bool) -> NDArray[np.float32]:
    """n x 478 x 3, pixels of the source picture.

    The driver's own meshes where it is the same person in the same square. Else the source's shape with
    the driver's turn and expression as they are, and its way and size against the first frame, in units of
    the source's face.

    Args:
        driver: n x 478 x 3, pixels of the driver's square.
    """
    if own:
        return driver
    model = source.model
    here = MeshFitter(model).fit(source.mesh[None])
    there = MeshFitter(model, one_person=True).fit(driver)
    detail = here.similarity.undo(source.mesh[None])[0] - model.shapes(here.identity, here.expression)[0]
    shapes = model.shapes(here.identity.repeat(len(driver), 0), there.expression) + detail
    size = here.similarity.scales * there.similarity.scales / there.similarity.scales[0]
    way = (there.similarity.shifts - there.similarity.shifts[0]) / there.similarity.scales[0]
    turned = shapes @ there.similarity.rotations.transpose(0, 2, 1) * size[:, None, None]
    moved = here.similarity.shifts + way * here.similarity.scales
    return np.asarray(turned + moved[:, None], np.float32)
