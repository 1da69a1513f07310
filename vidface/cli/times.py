"""Times as people write them: 12.5, 1:02.25, 01:02:03.5."""

from __future__ import annotations

import math
from typing import Any

import click


class SecondsType(click.ParamType[float]):
    """Seconds, or [HH:]MM:SS[.sss]."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Text -> seconds."""
        if isinstance(value, float):
            return value
        parts = str(value).split(":")
        try:
            numbers = [float(part) for part in parts]
        except ValueError:
            numbers = []
        fits = 1 <= len(numbers) <= 3 and all(map(math.isfinite, numbers))
        if not fits or any(number < 0 for number in numbers[1:]):
            self.fail(f"{value!r} is no time; write seconds (12.5) or HH:MM:SS.sss", param, ctx)
        seconds = 0.0
        for number in numbers:
            seconds = 60 * seconds + number
        return seconds


SECONDS = SecondsType()
