"""Small nodes, frames and sources that the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data import Device, Frame, Hole, Planes, SourceInfo
from vidface.graph.engine import Engine
from vidface.graph.plan import Outlet, Plan, Step
from vidface.graph.ports import signature_of
from vidface.graph.report import Ledger
from vidface.graph.spec import read
from vidface.graph.writer import Writer
from vidface.node import Node, Sink, Target


class FlatPixels:
    """A dark picture that grows brighter to the right, or a bright one that grows darker downwards."""

    def __init__(self, level: int = 0, size: tuple[int, int] = (64, 36)) -> None:
        self.level = level
        self.size = size

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        return np.repeat(self.luma(width)[..., None], 3, axis=2)

    def bgr(self, width: int | None = None) -> NDArray[np.uint8]:
        return self.rgb(width)

    def luma(self, width: int | None = None) -> NDArray[np.uint8]:
        wide, high = self.size
        shape = (high, wide) if width is None else (max(1, high * width // wide), width)
        across, down = np.linspace(0, 90, shape[1]), np.linspace(0, 90, shape[0])
        ramp = np.tile(across, (shape[0], 1)) if self.level < 128 else -np.tile(down[:, None], (1, shape[1]))
        return np.clip(self.level + ramp, 0, 255).astype(np.uint8)

    def planes(self) -> Planes:
        wide, high = self.size
        chroma = np.full((-(-high // 2), -(-wide // 2)), 128, np.uint8)
        return Planes(self.luma(), chroma, chroma)

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.full((size[1], size[0], 3), self.level, np.uint8)

    def painted(self, paint: Callable[[Planes], None]) -> FlatPixels:
        return self

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> FlatPixels:
        return FlatPixels(self.level, size)


def frames(count: int, *, levels: Sequence[int] | None = None, gap_at: int | None = None) -> list[Frame]:
    """`count` frames at 25 a second; `gap_at` raises the epoch there."""
    return [
        Frame(
            index=i,
            pts=i,
            time_base=Fraction(1, 25),
            pixels=FlatPixels(levels[i] if levels else 100),
            epoch=int(gap_at is not None and i >= gap_at),
        )
        for i in range(count)
    ]


@dataclass
class ListSource:
    """A source over frames in memory; `fails_at` raises there as a broken decoder would."""

    items: list[Frame]
    fails_at: int | None = None
    closed: int = 0
    taken: int = 0
    missing: tuple[Hole, ...] = ()

    @property
    def info(self) -> SourceInfo:
        return SourceInfo(
            name="list",
            container="list",
            codec="raw",
            pixel_format="yuv420p",
            width=64,
            height=36,
            time_base=Fraction(1, 25),
            rate=Fraction(25),
            frames=len(self.items),
        )

    def frames(self) -> Iterator[Frame]:
        for item in self.items:
            if item.index == self.fails_at:
                raise RuntimeError("decoder exploded")
            self.taken += 1
            yield item

    def holes(self) -> tuple[Hole, ...]:
        return self.missing

    def close(self) -> None:
        self.closed += 1


def graph(nodes: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """A graph mapping with the boring keys filled in."""
    return {"version": 1, "device": "cpu", "nodes": nodes, "outputs": outputs}


def plan_of(
    nodes: list[tuple[str, Node, dict[str, str]]],
    outlets: list[tuple[str, Sink, dict[str, str]]] | None = None,
    *,
    on_error: str = "stop",
) -> Plan:
    """A plan from node instances, as `load` would make it from a file."""
    steps = []
    edges: dict[str, type] = {"source": Frame}
    for name, node, wires in nodes:
        signature = signature_of(type(node))
        step = Step(name, type(node).__name__, node, signature, wires, on_error, "cpu", node.reach().ahead)
        steps.append(step)
        edges.update(step.outputs)
    outs = outlets
    if outs is None:
        outs = [(name, Collect(), {"value": edge}) for edge in edges if edge != "source" for name in [edge]]
    file = read(graph({"x": {"use": "y", "in": "source"}}, {"o": "x"}))
    made = tuple(
        Outlet(name, type(sink).__name__, sink, signature_of(type(sink)), wires) for name, sink, wires in outs
    )
    return Plan(file, tuple(steps), made, "cpu", scene_cuts=True, edges=edges)


class Collect(Sink):
    """Keeps what it gets; for tests that look at the writing thread."""

    fail_at: int = -1
    _got: list[Any]
    _state: list[str]

    def start(self, target: Target) -> None:
        self._got = []
        self._state = ["started"]

    def process(self, value: object) -> None:
        if len(self._got) == self.fail_at:
            raise OSError(28, "No space left on device", "video.mp4")
        self._got.append(value)

    def finish(self) -> dict[str, Any]:
        self._state.append("finished")
        return {"files": [], "rows": len(self._got)}

    def close(self) -> None:
        self._state.append("closed")


def engine_of(plan: Plan, source: ListSource, *, chunk: int = 4, writer: Writer | None = None) -> Engine:
    """An engine on the CPU."""
    devices = {step.name: Device() for step in plan.steps}
    ledger = writer.ledger if writer else Ledger()
    return Engine(plan, source, devices=devices, ledger=ledger, writer=writer, chunk=chunk)
