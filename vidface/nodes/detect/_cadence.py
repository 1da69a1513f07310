"""Cadence: which frames a detector looks at."""

from __future__ import annotations


class Cadence:
    """One frame in `every`, and the first; while eased, one in `every` times the factor.

    Attributes:
        spared: frames that were passed over for the factor alone.
    """

    def __init__(self, every: int) -> None:
        self.spared = 0
        self._every = every
        self._factor = 1
        self.reset()

    def ease(self, factor: int) -> None:
        """From now on."""
        self._factor = factor

    def reset(self) -> None:
        """Look at the next frame."""
        self._last: int | None = None
        self._own: int | None = None

    def due(self, index: int) -> bool:
        """Whether to look at a frame; call it once for each, in order."""
        own = _over(self._own, index, self._every)
        due = _over(self._last, index, self._every * self._factor)
        if due or own:
            self._own = index
        if due:
            self._last = index
        elif own:
            self.spared += 1
        return due


def _over(last: int | None, index: int, every: int) -> bool:
    return last is None or not 0 < index - last < every
