"""Apparent skin tone, for figures by group."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def typology_angle(lab: NDArray[np.float32]) -> float:
    """Individual typology angle (Chardon et al. 1991) of n x 3 L*a*b* pixels, degrees: larger is lighter."""
    light, _, yellow = np.median(lab, 0)
    return math.degrees(math.atan2(float(light) - 50, max(float(yellow), 1e-3)))
