"""Channel: a bounded queue between two threads that can be closed from either end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """Values from one producer to one consumer, at most `room` waiting.

    The producer calls `put` and at last `close`; an error given to `close` is raised again at the
    consumer's end. The consumer iterates; if it leaves early it calls `abandon`, and the producer's
    next `put` returns False.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._abandoned = False
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, value: T) -> bool:
        """Wait for room and add; False when nobody listens any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or len(self._waiting) < self._room)
            if self._abandoned:
                return False
            self._waiting.append(value)
            self._changed.notify_all()
            return True

    def close(self, error: BaseException | None = None) -> None:
        """No more values will come."""
        with self._changed:
            self._closed = True
            self._error = error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nobody will take values any more; what waits is dropped."""
        with self._changed:
            self._abandoned = True
            self._waiting.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    if self._error is not None:
                        raise self._error
                    return
                value = self._waiting.popleft()
                self._changed.notify_all()
            yield value
