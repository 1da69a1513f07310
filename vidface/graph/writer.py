"""Writer: the output thread. It hands every finished tick to the sinks, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any

from vidface.graph.channel import Channel
from vidface.graph.guard import guarded
from vidface.graph.latency import Latency
from vidface.graph.plainfacts import check_listed, plain_facts
from vidface.graph.plan import Outlet
from vidface.graph.report import Ledger, NodeCost
from vidface.graph.stage import Watch
from vidface.graph.tick import Tick
from vidface.node import Sink, Target

QUEUE = 1

Seal = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Output name and the facts of its finished sink -> the facts, once its files are marked."""


def _nothing() -> None:
    """Nobody waits for the first frame."""


def unsealed(_output: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Nothing to mark."""
    return facts


class Writer:
    """Sinks at work in a thread of their own.

    `start` opens them (an error there is raised at once), `put` waits for room, `finish` completes
    all files. After a failure in one sink the others are still finished, and every sink is closed.

    Attributes:
        facts: of the outputs that are complete, by name.

    Args:
        seal: called for each output once its files are complete.
        begun: called, in that thread, once every output has taken its first frame.
    """

    def __init__(
        self,
        outlets: tuple[Outlet, ...],
        ledger: Ledger,
        watch: Watch,
        *,
        seal: Seal = unsealed,
        begun: Callable[[], None] = _nothing,
    ) -> None:
        self.costs = [NodeCost(outlet.name, outlet.use) for outlet in outlets]
        self._outlets = outlets
        self.ledger = ledger
        self.latency = Latency()
        self._watch = watch
        self._seal, self._begun = seal, begun
        self._channel: Channel[Tick] = Channel(QUEUE)
        self._thread = threading.Thread(target=self._work, name="write", daemon=True)
        self._written = threading.Event()
        self.facts: dict[str, dict[str, Any]] = {}
        self._error: BaseException | None = None
        self._started: list[Outlet] = []

    def start(self, target: Callable[[str], Target]) -> None:
        """Open every sink; `target` gives the place of an output by name."""
        try:
            for outlet in self._outlets:
                self._started.append(outlet)
                guarded(_starting(outlet.sink, target(outlet.name)), _who(outlet), "while starting")
                self.ledger.written[outlet.name] = 0
        except BaseException:
            started, self._started = self._started, []
            for outlet in started:
                self._close(outlet)
            raise
        self._thread.start()

    def put(self, tick: Tick) -> None:
        """Queue a tick; raises what a sink raised, at the latest one tick later."""
        if not self._channel.put(tick) and self._error is not None:
            raise self._error

    def finish(self) -> None:
        """Wait for the queue to drain and complete every file; `facts` tells of those that are.

        Raises:
            OutputError, NodeError: what a sink raised, after all others were completed.
        """
        self._drain()
        for outlet in self._started:
            try:
                said = plain_facts(guarded(outlet.sink.finish, _who(outlet), "while finishing"), _who(outlet))
                check_listed(said, _who(outlet))
                self.facts[outlet.name] = self._seal(outlet.name, said)
            except BaseException as error:  # noqa: BLE001 - raised below, once every other file is complete
                self._error = self._error or error
            finally:
                self._close(outlet)
        self._started = []
        if self._error is not None:
            raise self._error

    def _drain(self) -> None:
        """Wait for the last ticks, also through one Ctrl-C: no sink is finished while it still takes some."""
        self._channel.close()
        if self._thread.ident is None:
            return
        try:
            self._written.wait()  # `join` takes a thread for ended once it was interrupted
        except KeyboardInterrupt as error:
            self._error = self._error or error
            self._written.wait()

    def _close(self, outlet: Outlet) -> None:
        """One sink that cannot be closed keeps no other from being finished."""
        try:
            guarded(outlet.sink.close, _who(outlet), "while closing")
        except BaseException as error:  # noqa: BLE001 - raised once everything is closed
            self._error = self._error or error

    def _work(self) -> None:
        try:
            for count, tick in enumerate(self._channel):
                self._write(tick)
                if not count:
                    self._begun()
        except BaseException as error:  # noqa: BLE001 - carried to the engine's thread, raised there
            self._error = error
            self._channel.abandon()
        finally:
            self._written.set()

    def _write(self, tick: Tick) -> None:
        for outlet, cost in zip(self._outlets, self.costs, strict=True):
            begin, used = perf_counter(), thread_time()
            arguments = {port: tick[edge] for port, edge in outlet.wires.items()}
            guarded(_processing(outlet.sink, arguments), _who(outlet), f"at frame {tick.index}")
            end = perf_counter()
            cost.cpu_s += thread_time() - used
            cost.frames += 1
            cost.calls += 1
            cost.seconds += end - begin
            self.ledger.written[outlet.name] += 1
            self._watch(outlet.name, begin, end, tick.index)
        self.latency.add(tick.frame)


def _who(outlet: Outlet) -> str:
    return f"{outlet.name} ({outlet.use})"


def _starting(sink: Sink, target: Target) -> Callable[[], None]:
    return lambda: sink.start(target)


def _processing(sink: Sink, arguments: dict[str, Any]) -> Callable[[], Any]:
    return lambda: sink.process(**arguments)
