"""Who is away: faces that are remembered for a while after they were seen last."""

from __future__ import annotations

import math
from typing import Protocol, TypeVar


class _Seen(Protocol):
    @property
    def seen(self) -> float: ...


T = TypeVar("T", bound=_Seen)


class Away:
    """Tells, frame by frame, who has been away for too long.

    The frame before, however long ago, is not away: slow cameras remember their faces too.

    Args:
        hold_s: seconds.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_s, self._last = hold_s, -math.inf

    def without(self, remembered: dict[int, T], now: float) -> dict[int, T]:
        """What is still remembered of each face at the next frame, which is at `now`; seconds, as `seen`."""
        last, self._last = self._last, now
        return {
            key: one for key, one in remembered.items() if one.seen >= last or now - one.seen <= self._hold_s
        }
