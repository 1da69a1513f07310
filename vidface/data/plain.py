"""Numbers as JSON and tables take them."""

from __future__ import annotations

import math
from typing import Final

DECIMALS: Final = 4


def plain(value: float, decimals: int = DECIMALS) -> float | None:
    """Rounded; None, which JSON writes as null, for NaN and the infinities."""
    return round(float(value), decimals) if math.isfinite(value) else None
