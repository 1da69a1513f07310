"""Cut: the part of an input that is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from vidface.errors import UsageError

_HALF_US: Final = Fraction(1, 2_000_000)
"""A time that vidface writes has 6 decimals: it lies no farther from the exact one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of an input that is wanted: start <= time < stop, in seconds of its own clock.

    Times are compared as `time_text` writes them, to the microsecond: a frame's time, copied from a file of
    ours, means that frame.
    """

    start: Fraction | None = None
    stop: Fraction | None = None

    @classmethod
    def of(cls, start: float | None, stop: float | None) -> Cut:
        """From what a user typed: 0.1 means one tenth, not the nearest binary number.

        Raises:
            UsageError: the part is empty.
        """
        exact = [None if value is None else Fraction(str(value)) for value in (start, stop)]
        if exact[0] is not None and exact[1] is not None and exact[1] <= exact[0]:
            raise UsageError(f"--to must lie after --from, but {stop} is not after {start}.")
        return cls(*exact)

    def earlier(self, lead: Fraction) -> Cut:
        """The same part on a clock that is `lead` seconds behind."""
        return Cut(*(None if time is None else time - lead for time in (self.start, self.stop)))

    @property
    def first(self) -> Fraction | None:
        """The earliest moment that counts as `start`."""
        return None if self.start is None else self.start - _HALF_US

    def before(self, time: Fraction) -> bool:
        """The moment lies before the part."""
        return self.first is not None and time < self.first

    def behind(self, time: Fraction) -> bool:
        """The moment lies behind the part."""
        return self.stop is not None and time >= self.stop - _HALF_US
