"""Stage: one node at work. It takes what is ready, calls `process`, and accounts for it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any

from vidface.data.device import Device
from vidface.data.frame import Frame
from vidface.data.measures import Measure, Measures
from vidface.data.source import SourceInfo
from vidface.errors import FrameError, NodeError
from vidface.graph.buffers import Buffer, Timeline
from vidface.graph.guard import guarded
from vidface.graph.held import Held
from vidface.graph.plainfacts import plain_facts
from vidface.graph.plan import Step
from vidface.graph.ports import Port
from vidface.graph.report import NodeCost
from vidface.node import Batch, Span, Window

Watch = Callable[[str, float, float, int], None]
"""Told of each call: name, begin and end (perf_counter seconds), first frame."""


def unwatched(name: str, begin: float, end: float, frame: int) -> None:
    """The watch of a run that is not traced."""


class Stage:
    """A node between its input buffers and its output buffers.

    `advance` processes frames whose inputs (and look-ahead) are there. Frames are served strictly in
    order, and what comes out does not depend on how many arrive, or are served, at a time.

    Attributes:
        without: frames for which the node was off; see `turn`.
    """

    def __init__(self, step: Step, buffers: dict[str, Buffer], watch: Watch) -> None:
        self.step = step
        self.cost = NodeCost(step.name, step.use)
        self.next = 0
        self.without = 0
        self._on = True
        self._stale = False
        self._columns: dict[int, tuple[Measure, ...]] = {}
        self._node = step.node
        self._watch = watch
        self._inputs: list[tuple[Port, Buffer | None]] = [
            (port, buffers[step.wires[port.name]] if port.name in step.wires else None)
            for port in step.signature.inputs
        ]
        self._outputs = [buffers[edge] for edge in step.outputs]
        self._types = list(step.outputs.items())
        self._windowed = any(port.windowed for port in step.signature.inputs)
        self._span = step.node.reach() if self._windowed else Span()
        self._segment = -1
        self._last: Held | None = None
        self._opened = False
        self._who = f"{step.name} ({step.use})"

    def open(self, device: Device) -> None:
        """Let the node load its models; safe to call twice."""
        if self._opened:
            return
        guarded(lambda: self._node.open(device), self._who, "while starting")
        self._opened = True

    def meet(self, source: SourceInfo) -> None:
        """Let the node know what is read."""
        guarded(lambda: self._node.meet(source), self._who, "while starting")

    def close(self) -> None:
        """Let the node give back what it took; safe to call when it never opened."""
        if self._opened:
            self._opened = False
            guarded(self._node.close, self._who, "while closing")

    def ease(self, factor: int) -> None:
        """Let the node work so many times less often."""
        guarded(lambda: self._node.ease(factor), self._who, f"at frame {self.next}")

    def spared(self) -> int:
        """Frames whose work the node left out for being eased."""
        spared: int = guarded(self._node.spared, self._who, f"at frame {self.next}")
        return spared

    def turn(self, *, on: bool) -> None:
        """Give empty values from the next frame on, or let the node work again, from a reset."""
        self._on = on

    def facts(self) -> dict[str, Any]:
        """What the node has to say of the run; empty where it served no frame."""
        if not self._opened or not self.cost.calls:
            return {}
        return plain_facts(guarded(self._node.facts, self._who, "while finishing"), self._who)

    def needs_from(self, port: Port) -> int:
        """Oldest index that this stage still needs on a port."""
        return self.next - self._span.past if port.windowed else self.next

    def inputs(self) -> list[tuple[Port, Buffer | None]]:
        """Ports with the buffers that feed them."""
        return self._inputs

    def advance(self, timeline: Timeline, most: int) -> bool:
        """Serve the frames that are ready, at most so many of them; returns whether there were any."""
        first, until = self.next, self.next + most
        while self.next < min(until, timeline.known):
            start, end = timeline.segment(self.next)
            ready = min(until, self._ready_until(end))
            if ready <= self.next:
                break
            if start != self._segment:
                self._begin(start)
            self._serve(ready, start, end)
        return self.next > first

    def _ready_until(self, end: int | None) -> int:
        """Index behind the last frame of this segment that can be served now."""
        limit: int | None = None
        for port, buffer in self._inputs:
            if buffer is None:
                continue
            here = buffer.end
            if port.windowed and (end is None or here < end):
                here -= self._span.ahead
            limit = here if limit is None else min(limit, here)
        if limit is None:
            raise NodeError(f"{self._who}: no port is wired, so nothing tells it when to run")
        return limit if end is None else min(limit, end)

    def _begin(self, start: int) -> None:
        self._segment = start
        self._last = None
        self.cost.resets += 1
        self._reset()

    def _reset(self) -> None:
        guarded(self._node.reset, self._who, f"in reset, at frame {self.next}")

    def _serve(self, ready: int, start: int, end: int | None) -> None:
        if not self._on:
            self._pass_over(ready)
            return
        if self._stale:
            self._stale = False
            self._reset()
        if not self.step.signature.batched:
            for index in range(self.next, ready):
                self._finish(index, self._call(index, start, end))
            return
        while self.next < ready:
            stop = min(ready, self.next + self._node.max_batch)
            for index, value in zip(range(self.next, stop), self._call_batch(self.next, stop), strict=True):
                self._finish(index, value)

    def _pass_over(self, ready: int) -> None:
        """The node is off: what it gives is empty, and frames pass as they came."""
        self._stale = True
        self._last = None
        for index in range(self.next, ready):
            self.without += 1
            empty = [self._empty(index, kind, place) for place, (_, kind) in enumerate(self._types)]
            self._put(index, tuple(empty))

    def _argument(self, port: Port, buffer: Buffer | None, index: int, start: int, end: int | None) -> Any:
        if buffer is None:
            return None
        if not port.windowed:
            return buffer[index]
        first = max(start, index - self._span.past)
        last = min(buffer.end if end is None else end, index + self._span.ahead + 1)
        return Window([buffer[i] for i in range(first, last)], index - first)

    def _call(self, index: int, start: int, end: int | None) -> Any:
        arguments = {
            port.name: self._argument(port, buffer, index, start, end)
            for port, buffer in self._inputs
            if buffer is not None
        }
        return self._timed(lambda: self._node.process(**arguments), index, 1)

    def _call_batch(self, first: int, stop: int) -> list[Any]:
        def run(low: int, high: int) -> Any:
            arguments = {
                port.name: Batch(buffer[i] for i in range(low, high))
                for port, buffer in self._inputs
                if buffer is not None
            }
            return self._timed(lambda: self._node.process(**arguments), low, high - low)

        values = run(first, stop)
        if isinstance(values, FrameError) and stop - first > 1:
            if self._node.memory:
                raise NodeError(
                    f"{self._who}: a node with memory that takes batches must put the FrameError in the "
                    f"place of the frame that it concerns, not raise it (frames {first} to {stop - 1})"
                ) from values
            values = [value for i in range(first, stop) for value in [run(i, i + 1)]]
            return [value if isinstance(value, FrameError) else value[0] for value in values]
        if isinstance(values, FrameError):
            return [values]
        if not isinstance(values, tuple) or len(values) != stop - first:
            count = len(values) if isinstance(values, tuple | list) else type(values).__name__
            raise NodeError(
                f"{self.step.name}: took a batch of {stop - first} at frame {first}, but gave {count}"
            )
        return list(values)

    def _timed(self, call: Callable[[], Any], index: int, frames: int) -> Any:
        begin, used = perf_counter(), thread_time()
        value = self._guard(call, index)
        self.cost.cpu_s += thread_time() - used
        end = perf_counter()
        self.cost.calls += 1
        if frames == 1 or not isinstance(value, FrameError):  # a batch that fails is served again, one by one
            self.cost.frames += frames
        self.cost.seconds += end - begin
        self._watch(self.step.name, begin, end, index)
        return value

    def _guard(self, call: Callable[[], Any], index: int) -> Any:
        """Run `process`; a FrameError is a value."""
        try:
            return guarded(call, self._who, f"at frame {index}", may_decline=True)
        except FrameError as error:
            return error

    def _finish(self, index: int, value: Any) -> None:
        """Check a value (or apply `on_error`) and put it on the edges."""
        if isinstance(value, FrameError):
            self._put(index, self._instead(index, value))
            return
        values = self._split(index, value)
        if self.step.on_error == "hold":
            self._last = Held.of(values, self._inputs, index)
        self._put(index, values)

    def _put(self, index: int, values: tuple[Any, ...]) -> None:
        for buffer, item in zip(self._outputs, values, strict=True):
            buffer.append(item)
        self.next = index + 1

    def _note_columns(self, values: tuple[Any, ...]) -> None:
        """Measures that are empty still say what was not measured."""
        for i, item in enumerate(values):
            if isinstance(item, Measures) and (item.kinds or i not in self._columns):
                self._columns[i] = item.kinds

    def _split(self, index: int, value: Any) -> tuple[Any, ...]:
        values = (
            tuple(value) if self.step.signature.bundle is not None and isinstance(value, tuple) else (value,)
        )
        if len(values) != len(self._types):
            raise NodeError(
                f"{self.step.name}, frame {index}: gave {len(values)} values instead of {len(self._types)}"
            )
        for (edge, kind), item in zip(self._types, values, strict=True):
            if not isinstance(item, kind):
                raise NodeError(
                    f"{edge}, frame {index}: process promised {kind.__name__}, but gave {type(item).__name__}"
                )
        self._note_columns(values)
        return values

    def _instead(self, index: int, error: FrameError) -> tuple[Any, ...]:
        if self.step.on_error == "stop":
            raise NodeError(
                f"{self.step.name}, frame {index}: {error} (on_error: skip or hold would go on without it)"
            ) from error
        self.cost.errors += 1
        self.cost.first_error = self.cost.first_error or f"frame {index}: {error}"
        return tuple(self._held(index, kind, i) for i, (_, kind) in enumerate(self._types))

    def _frame(self, index: int) -> Frame | None:
        return next((buffer[index] for port, buffer in self._inputs if buffer and port.value is Frame), None)

    def _held(self, index: int, kind: type, place: int) -> Any:
        """The last value of an output, where there is one that fits this frame; else an empty one."""
        held, frame = self._last, self._frame(index)
        if held is None or not held.fits(place, self.step, self._inputs, index):
            return self._empty(index, kind, place)
        value = held.values[place]
        return frame.with_pixels(value.pixels) if kind is Frame and frame is not None else value

    def _empty(self, index: int, kind: type, place: int) -> Any:
        frame = self._frame(index)
        if kind is Frame and frame is not None:
            return frame
        if kind is Measures:
            return Measures.none(self._columns.get(place, ()))
        if hasattr(kind, "none"):
            return kind.none()
        raise NodeError(
            f"{self.step.name}, frame {index}: nothing to hold yet, and {kind.__name__} has no empty value"
        )
