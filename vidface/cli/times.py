"""Times as people write them: 12.5, 1:02.25, 01:02:03.5."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import click


class SecondsType(click.ParamType[float]):
    """Seconds, or [HH:]MM:SS[.sss]."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text -> the number of seconds nearest to it."""
        if isinstance(value, float):
            return value
        parts = str(value).split(":")
        try:
            numbers = [Decimal(part) for part in parts if math.isfinite(float(part))]
        except ValueError:
            numbers = []
        if len(numbers) != len(parts) or len(parts) > 3 or any(number < 0 for number in numbers[1:]):
            self.fail(f"{value!r} is no time; write seconds (12.5) or HH:MM:SS.sss", param, ctx)
        # Sums of floats miss by a hair, and with it the frame at exactly that time.
        seconds = Decimal(0)
        for number in numbers:
            seconds = 60 * seconds + number
        return float(seconds)


SECONDS = SecondsType()
