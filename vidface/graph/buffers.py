"""Buffers: the values of one edge, keyed by frame index, as long as somebody still needs them."""

from __future__ import annotations

from collections import deque
from typing import Any


class Buffer:
    """A sliding run of values; index `end - 1` is the newest, what lies before `base` is gone."""

    def __init__(self) -> None:
        self.base = 0
        self._values: deque[Any] = deque()

    @property
    def end(self) -> int:
        """Index behind the newest value."""
        return self.base + len(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> Any:
        return self._values[index - self.base]

    def append(self, value: Any) -> None:
        """Add the value of the next frame."""
        self._values.append(value)

    def drop_before(self, index: int) -> None:
        """Forget what nobody needs any more."""
        while self._values and self.base < index:
            self._values.popleft()
            self.base += 1


class Timeline:
    """Which frames belong together: a segment is a run without cut or gap.

    Windows never reach across the edge of a segment, and nodes with memory are reset there.
    """

    def __init__(self) -> None:
        self._starts: deque[int] = deque()  # first index of each segment that is still of interest
        self.known = 0
        self.ended = False

    def append(self, *, new_segment: bool) -> None:
        """Add the next frame."""
        if new_segment or not self._starts:
            self._starts.append(self.known)
        self.known += 1

    def segment(self, index: int) -> tuple[int, int | None]:
        """First index and end index of the segment of a frame; the end is None while it is not known."""
        start, end = self._starts[0], None
        for first in self._starts:
            if first > index:
                end = first
                break
            start = first
        if end is None and self.ended:
            end = self.known
        return start, end

    def drop_before(self, index: int) -> None:
        """Forget segments that end before `index`."""
        while len(self._starts) > 1 and self._starts[1] <= index:
            self._starts.popleft()
