"""Crew: the caller's thread and a helper, which serve the nodes of a graph together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Crew:
    """Does two things at once. The caller takes whatever nobody has begun: where all cores are taken it does
    everything itself, in order, and waits for nobody.

    Args:
        alone: without a helper; everything is done by the caller, in order.
    """

    def __init__(self, *, alone: bool) -> None:
        self._helpers = None if alone else ThreadPoolExecutor(1, thread_name_prefix="nodes")

    def serve(self, work: Callable[[T], None], items: Sequence[T]) -> None:
        """Do `work` on each item; ends when nobody is at work any more.

        Raises:
            BaseException: what `work` raised; then what nobody had begun is not done.
        """
        left = deque(items)
        helping = None if self._helpers is None else self._helpers.submit(_take, work, left)
        try:
            _take(work, left)
        finally:
            left.clear()
            fault = None if helping is None or helping.cancel() else helping.exception()
        if fault is not None:
            raise fault

    def close(self) -> None:
        """Send the helper home; safe to call twice."""
        if self._helpers is not None:
            self._helpers.shutdown()


def _take(work: Callable[[T], None], left: deque[T]) -> None:
    """Do what is left, one by one."""
    while True:
        try:
            item = left.popleft()
        except IndexError:
            return
        work(item)
