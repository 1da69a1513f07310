"""NodeHarness: run one node alone, as the engine would, in a test or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from vidface.data.device import Device
from vidface.data.source import SourceInfo
from vidface.errors import UsageError
from vidface.graph.buffers import Buffer, Timeline
from vidface.graph.plan import Step
from vidface.graph.ports import signature_of
from vidface.graph.spec import ON_ERROR
from vidface.graph.stage import Stage, unwatched
from vidface.node import Node

N = TypeVar("N", bound=Node)
_SOURCE: Final = "harness"
"""What the node is told that it reads."""


class NodeHarness(Generic[N]):
    """Feeds a node with values and collects what it gives.

    The node is served by the same code as in a run: windows, batches, resets, output checks and
    `on_error` behave alike.

        with NodeHarness(DetectFace(every=3)) as harness:
            faces = harness.run(frame=frames)

    Args:
        node: the node, with its parameters.
        on_error: stop, skip or hold.
        chunk: values handed over at a time.

    Raises:
        UsageError: on_error is none of these.
    """

    def __init__(
        self, node: N, *, on_error: str = "stop", chunk: int = 4, device: Device | None = None
    ) -> None:
        if on_error not in ON_ERROR:
            raise UsageError(f"on_error is one of {', '.join(ON_ERROR)}, not {on_error!r}")
        self.node = node
        self._on_error = on_error
        self._chunk = chunk
        self._device = device or Device()
        self.stage: Stage | None = None

    def run(self, *, segments: Sequence[int] = (), **ports: Sequence[Any]) -> list[Any]:
        """Serve a whole stream: one sequence of equal length per input port.

        Args:
            segments: indices (beside 0) at which a new segment begins, as after a cut or a gap.

        Returns:
            One value a frame; a tuple where the node has several outputs.

        Raises:
            ValueError: the sequences differ in length.
        """
        lengths = {name: len(values) for name, values in ports.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"every port needs as many values as the others, but there are {lengths}")
        (count,) = set(lengths.values())
        stage, buffers = self._stage(ports)
        timeline = Timeline()
        try:
            stage.open(self._device)
            stage.meet(SourceInfo(_SOURCE, "values", "", "", 0, 0, Fraction(1)))
            for first in range(0, count, self._chunk):
                for index in range(first, min(first + self._chunk, count)):
                    timeline.append(new_segment=index == 0 or index in segments)
                    for name, values in ports.items():
                        buffers[name].append(values[index])
                stage.advance(timeline, count)
            timeline.ended = True
            stage.advance(timeline, count)
        finally:
            stage.close()
        outputs = [[buffers[edge][i] for i in range(count)] for edge in stage.step.outputs]
        return outputs[0] if len(outputs) == 1 else list(zip(*outputs, strict=True))

    def _stage(self, ports: Mapping[str, Sequence[Any]]) -> tuple[Stage, dict[str, Buffer]]:
        signature = signature_of(type(self.node))
        step = Step(
            name="node",
            use=type(self.node).__name__,
            node=self.node,
            signature=signature,
            wires={name: name for name in ports},
            on_error=self._on_error,
            device=str(self._device),
            latency=self.node.reach().ahead,
        )
        buffers = {edge: Buffer() for edge in [*ports, *step.outputs]}
        self.stage = Stage(step, buffers, unwatched)
        return self.stage, buffers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.stage is not None:
            self.stage.close()
