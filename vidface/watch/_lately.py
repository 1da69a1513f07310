"""Lately: which counts rose in the last hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Final

_LATELY_S: Final = 3600.0


class Lately:
    """Remembers of counts when they rose last; one that falls was begun anew.

    What was lost weeks ago is no reason to call a program ill today: a trouble that comes now would change
    nothing any more.

    Args:
        passed: seconds that have passed.
    """

    def __init__(self, passed: Callable[[], float] = time.monotonic) -> None:
        self._passed = passed
        self._known: dict[Hashable, tuple[int, float]] = {}

    def rose(self, name: Hashable, count: int) -> bool:
        """The count of this name rose less than an hour ago, as far as was looked."""
        before, at = self._known.get(name, (0, float("-inf")))
        if count != before:
            at = self._passed() if count > before else float("-inf")
            self._known[name] = count, at
        return self._passed() - at < _LATELY_S
