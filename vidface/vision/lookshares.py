"""How far each picture of a person is taken into a face that is drawn from several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vidface.vision.meshflow import MeshField

Array = NDArray[np.float32]

_NEAR_DEG: Final = 12.0
"""Turn that makes another source picture count about a third as much."""
_LEAD_DEG: Final = 15.0
"""Another picture that is turned nearer by so much takes over as far as it may; by less, in part."""


def shares(field: MeshField, there: Mapping[int, MeshField], apart: NDArray[np.float64]) -> dict[int, Array]:
    """How far other looks take over from the first one, at the field's size, 0 to 1 in all.

    A look that is turned no nearer than the first takes over nothing, and one that comes to be nearer takes
    over little by little: however the target turns, the picture changes steadily.

    Args:
        field: of the first look. there: of those that are turned nearer.
        apart: n degrees, by how much each look is turned away from the target.
    """
    counts = np.exp(-((apart / _NEAR_DEG) ** 2)) + 1e-3
    theirs = {look: (one.seen * counts[look]) ** 2 for look, one in there.items()}
    whole: Any = sum(theirs.values(), (field.seen * counts[0] + 1e-4) ** 2)
    # Towards the outline of the face the first look takes over, whose hair and neck stand around it.
    depth = cv2.distanceTransform((field.inside > 0).astype(np.uint8), cv2.DIST_L2, 3)
    inner = np.clip(depth / 12, 0, 1)
    lead = np.clip((apart[0] - apart) / _LEAD_DEG, 0, 1)
    lead = lead * lead * (3 - 2 * lead)
    out = {}
    for look, their in theirs.items():
        share: Any = cv2.blur(np.asarray(lead[look] * their / whole * field.inside, np.float32), (9, 9))
        out[look] = np.asarray(share * inner, np.float32)
    return out
