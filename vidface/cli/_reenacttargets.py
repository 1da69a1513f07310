"""`vidface eval reenact`, the meshes that a source is to take on: the driver's motion on its own face."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vidface.cli._reenactmethods import Source
from vidface.vision.motionfit import Driver
from vidface.vision.motionput import Face, Put

Drive = Literal["relative", "absolute", "mesh"]
DRIVES: Final[dict[Drive, str]] = {
    "relative": "turn and expression go on top of the source's, against the driver's first frame",
    "absolute": "turn and expression are the driver's, way and size go against its first frame",
    "mesh": "the driver's very meshes (one person in one square only)",
}


def targets(source: Source, driver: NDArray[np.float32], drive: Drive) -> NDArray[np.float32]:
    """n x 478 x 3, pixels of the source picture, as reenact.portrait makes them.

    Args:
        driver: n x 478 x 3, pixels of the driver's square.
        drive: see `DRIVES`.
    """
    if drive == "mesh":
        return driver
    face, read = Face(source.model, source.mesh), Driver(source.model)
    put = Put(expression=drive, pose=drive)
    # The reference belongs to its frame: it is read anew as the driver gets known.
    return np.stack([face.mesh(face.moved(read(mesh), read.reference, put), put) for mesh in driver])
