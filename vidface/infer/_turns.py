"""Calls to one session from several lanes: so many run at a time, the others take turns in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Form = tuple[Hashable, ...]


class Call:
    """One call of one lane, from its arrival to its answer.

    Attributes:
        rows: length of the first axis, where all inputs share it; else None.
        form: what calls must have in common to be run as one: outputs, and inputs but for their rows.
        number: place in the order of arrival.
        gone: nobody waits for the answer any more.
        group: set where this call's thread is to serve a group: the calls in it, this one among them.
    """

    __slots__ = (
        "answer", "began", "error", "feed", "form", "gone",
        "group", "lane", "names", "number", "rows", "woken",
    )  # fmt: skip

    def __init__(self, lane: str, names: list[str], feed: dict[str, NDArray[Any]]) -> None:
        self.lane = lane
        self.names = names
        self.feed = feed
        lengths = {array.shape[0] if array.ndim else None for array in feed.values()}
        self.rows = lengths.pop() if len(lengths) == 1 else None
        inputs = ((name, array.shape[1:], array.dtype.str) for name, array in sorted(feed.items()))
        self.form: Form = (*names, *inputs)
        self.number = 0
        self.began = perf_counter()
        self.gone = False
        self.group: list[Call] | None = None
        self.answer: list[NDArray[Any]] | None = None
        self.error: Exception | None = None
        self.woken = threading.Event()

    def same(self, other: Call) -> bool:
        """Whether both calls ask for the same of the same numbers."""
        return self.form == other.form and all(
            np.array_equal(array, other.feed[name]) for name, array in self.feed.items()
        )

    def result(self) -> list[NDArray[Any]]:
        """The answer, or the error that is this call's own."""
        if self.error is not None:
            raise self.error
        if self.answer is None:
            raise RuntimeError("a call was woken without an answer")
        return self.answer


class Turns:
    """The queue before one session. Every call is served in the thread of a caller; there is no other.

    A call that finds a free slot runs at once. When a slot falls free, the lane that was served longest ago
    goes first, and waiting calls of other lanes that have the same form join it, one a lane, in the same
    order: a lane waits for at most as many turns as there are lanes.

    Args:
        serve: gives every call of a group its answer or its error.
        slots: groups that may run at the same time.
        most: rows of a group; a call that has more runs alone.
        mergeable: asked before calls are put together.
    """

    def __init__(
        self, serve: Callable[[list[Call]], None], *, slots: int, most: int, mergeable: Callable[[], bool]
    ) -> None:
        self.calls = 0
        self.runs = 0
        self.grouped = 0
        self.waited_s = 0.0
        self._serve = serve
        self._free = slots
        self._most = most
        self._mergeable = mergeable
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._served: dict[str, int] = {}

    def run(self, call: Call) -> list[NDArray[Any]]:
        """Wait for a turn, and for the answer.

        Raises:
            Exception: what serving this very call raised.
        """
        with self._lock:
            self.calls += 1
            call.number = self.calls
            self._waiting.append(call)
            self._start()
        try:
            call.woken.wait()
            if call.group is not None:
                self._serve(call.group)
        finally:  # also of a thread that is interrupted: nobody may have to wait for it
            self._leave(call)
        return call.result()

    def forget(self, lane: str) -> None:
        """A lane is gone."""
        with self._lock:
            self._served.pop(lane, None)

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return len(self._waiting)

    def _start(self) -> None:
        """Give free slots to those who wait; the lock is held."""
        while self._free and self._waiting:
            group = self._pick()
            self._free -= 1
            self.runs += 1
            self.grouped += len(group) if len(group) > 1 else 0
            now = perf_counter()
            for call in group:
                self._waiting.remove(call)
                self._served[call.lane] = self.runs
                self.waited_s += now - call.began
            group[0].group = group
            group[0].woken.set()

    def _pick(self) -> list[Call]:
        order = sorted(self._waiting, key=lambda call: (self._served.get(call.lane, 0), call.number))
        head, *others = order
        group, lanes, rows = [head], {head.lane}, head.rows
        if rows is None or not self._mergeable():
            return group
        for call in others:
            fits = call.form == head.form and call.rows is not None and rows + call.rows <= self._most
            if fits and call.lane not in lanes:
                group.append(call)
                lanes.add(call.lane)
                rows += call.rows or 0
        return group

    def _leave(self, call: Call) -> None:
        """Free the slot of a group's first call; wake who was served, and let who was not wait again."""
        with self._lock:
            call.gone = True
            if call in self._waiting:
                self._waiting.remove(call)
            # A group holds its first call, which holds the group: in such a ring, what was fed would stay in
            # memory until the garbage collector comes by, minutes later.
            group, call.group = call.group, None
            if group is None:
                return
            for other in group[1:]:
                if other.answer is not None or other.error is not None:
                    other.woken.set()
                elif not other.gone:
                    self._waiting.append(other)
            self._free += 1
            self._start()
