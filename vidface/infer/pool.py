"""Pool: one ONNX Runtime session for the same model in all lanes of a process (one lane a camera).

    pool = Pool()
    with pool.lane("door") as lane:
        vidface.run(graph, url, pool=lane)

Sharing saves memory, and on a GPU the runs: calls that wait for the same session at the same time are run
as one batch. On a CPU as many calls run side by side as there are cores, and a batch takes as long as its
parts (measured, one thread: 8.0 ms a picture for a detector alone and in pairs, 8.8 ms in fours), so
there only few rows are put together.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

from numpy.typing import NDArray

from vidface.data.device import Device
from vidface.infer._merged import Merged
from vidface.infer._turns import Call, Turns

_ROWS: Final[dict[Literal["cpu", "cuda"], int]] = {"cpu": 2, "cuda": 16}


class Pool:
    """Sessions by key, each opened once and closed with its last user. Safe from any thread.

    Args:
        rows: most rows of calls that are run as one; None: 2 on the CPU, 16 on CUDA; 1 never merges.
        slots: runs of one session at the same time; None: on the CPU as many as there are cores for
            their threads, 1 on CUDA.
    """

    def __init__(self, *, rows: int | None = None, slots: int | None = None) -> None:
        self._rows = rows
        self._slots = slots
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Shared] = {}

    def lane(self, name: str) -> Lane:
        """The place of one camera; two of the same name count as one where turns are taken."""
        return Lane(self, name)

    def facts(self) -> list[dict[str, Any]]:
        """Each open session: users, calls, runs, calls that ran together, and why calls are kept apart."""
        with self._lock:
            return [shared.facts() for shared in self._open.values()]

    def lease(self, lane: str, key: Hashable, device: Device, make: Callable[[], Any], threads: int) -> Lease:
        """See `Lane.lease`."""
        with self._lock:
            shared = self._open.get(key)
            if shared is None:
                most = self._rows or _ROWS[device.kind]
                shared = _Shared(key, make(), most=most, slots=self._slots or _slots(device, threads))
                self._open[key] = shared
            shared.users += 1
        return Lease(self, shared, lane)

    def give_back(self, shared: _Shared, lane: str) -> None:
        """One user less; the last one closes the session."""
        shared.turns.forget(lane)
        with self._lock:
            shared.users -= 1
            if shared.users == 0:
                del self._open[shared.key]


class Lane:
    """One camera's view of the pool; `vidface.data.device.SharedSessions`. Close it when the camera goes."""

    def __init__(self, pool: Pool, name: str) -> None:
        self.name = name
        self._pool = pool
        self._leases: list[Lease] = []

    def lease(self, key: Hashable, device: Device, make: Callable[[], Any], *, threads: int = 1) -> Lease:
        """A share in the session of that key; `make` opens it where nobody has.

        Raises:
            Exception: whatever `make` raises; nothing is kept then.
        """
        lease = self._pool.lease(self.name, key, device, make, threads)
        self._leases = [*(held for held in self._leases if not held.closed), lease]
        return lease

    def close(self) -> None:
        """Give back every share still held, as by a node that failed while opening; safe to call twice."""
        for lease in self._leases:
            lease.close()
        self._leases = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Lease:
    """A share in a session: runs like one, waits its turn, and can be closed for itself."""

    def __init__(self, pool: Pool, shared: _Shared, lane: str) -> None:
        self._pool = pool
        self._shared = shared
        self._lane = lane
        self._closing = threading.Lock()
        self.closed = False

    def run(self, names: list[str], feed: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """As ONNX Runtime; raises what this very call raised there."""
        return self._shared.turns.run(Call(self._lane, names, feed))

    def get_inputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""
        return tuple(self._shared.session.get_inputs())

    def get_outputs(self) -> Sequence[Any]:
        """As ONNX Runtime."""
        return tuple(self._shared.session.get_outputs())

    def get_providers(self) -> Sequence[str]:
        """As ONNX Runtime."""
        return tuple(self._shared.session.get_providers())

    def close(self) -> None:
        """Give the share back; safe to call twice."""
        with self._closing:
            if self.closed:
                return
            self.closed = True
        self._pool.give_back(self._shared, self._lane)


class _Shared:
    """A session, the queue before it, and how many use it."""

    def __init__(self, key: Hashable, session: Any, *, most: int, slots: int) -> None:
        self.key = key
        self.session = session
        self.users = 0
        self._merged = Merged(session)
        self.turns = Turns(self._merged.serve, slots=slots, most=most, mergeable=self._merged.may)

    def facts(self) -> dict[str, Any]:
        turns = self.turns
        return {
            "session": " ".join(map(str, self.key)) if isinstance(self.key, tuple) else str(self.key),
            "users": self.users,
            "waiting": turns.waiting,
            "calls": turns.calls,
            "runs": turns.runs,
            "calls_run_together": turns.grouped,
            "waited_s": round(turns.waited_s, 3),
            "kept_apart": self._merged.why_not,
        }


def _slots(device: Device, threads: int) -> int:
    if device.kind != "cpu" or threads < 1:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)
