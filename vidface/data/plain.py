"""Numbers as JSON and tables take them."""

from __future__ import annotations

import math
from typing import Final

DECIMALS: Final = 4


def plain(value: float, decimals: int = DECIMALS) -> float | None:
    """Rounded; None, which JSON writes as null, for NaN and the infinities."""
    return round(float(value), decimals) if math.isfinite(value) else None


def significant(value: float) -> float | None:
    """As `plain`; of numbers below 0.01, which may be in anybody's unit, four significant digits."""
    size = abs(value)
    small = 0 < size < 10.0 ** (2 - DECIMALS)
    return plain(value, DECIMALS - 1 - math.floor(math.log10(size)) if small else DECIMALS)
