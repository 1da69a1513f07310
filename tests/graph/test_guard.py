"""What nodes and sinks raise: where a FrameError is an answer, and how everything else is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.graph.toys import ListSource, engine_of, frames, plan_of
from vidface.data import Device, Faces, Frame, SourceInfo
from vidface.errors import FrameError, InputError, NodeError, VidfaceError
from vidface.graph.engine import Engine
from vidface.graph.guard import guarded
from vidface.graph.report import Ledger
from vidface.graph.writer import Writer
from vidface.node import FOREVER, Batch, Node, Sink, Target


def run_all(engine: Engine) -> None:
    """A whole run, with what is asked at its end."""
    for _ in engine.ticks():
        pass
    engine.stop()


class Declines(Node):
    """Raises a FrameError in the asked method."""

    memory = FOREVER
    where: str

    def _decline(self, here: str) -> None:
        if here == self.where:
            raise FrameError("not now")

    def open(self, device: Device) -> None:
        self._decline("open")

    def meet(self, source: SourceInfo) -> None:
        self._decline("meet")

    def reset(self) -> None:
        self._decline("reset")

    def process(self, frame: Frame) -> Faces:
        return Faces.none()

    def facts(self) -> dict[str, Any]:
        self._decline("facts")
        return {}


@pytest.mark.parametrize(
    ("where", "when"),
    [
        ("open", "while starting"),
        ("meet", "while starting"),
        ("reset", "in reset, at frame 0"),
        ("facts", "while finishing"),
    ],
)
def test_a_frame_error_that_concerns_no_frame_stops_the_run_and_is_named(where: str, when: str) -> None:
    """One from `reset` was thrown away: nothing counted, and the state never born."""
    plan = plan_of([("bad", Declines(where=where), {"frame": "source"})], on_error="skip")
    with pytest.raises(NodeError, match=rf"^bad \(Declines\), {when}: not now$"):
        run_all(engine_of(plan, ListSource(frames(3))))


class DecliningSink(Sink):
    """Raises a FrameError in the asked method."""

    where: str

    def start(self, target: Target) -> None:
        pass

    def process(self, frame: Frame) -> None:
        if self.where == "process" and frame.index == 2:
            raise FrameError("not now")

    def finish(self) -> dict[str, Any]:
        if self.where == "finish":
            raise FrameError("not now")
        return {}


@pytest.mark.parametrize(("where", "when"), [("process", "at frame 2"), ("finish", "while finishing")])
def test_a_sink_cannot_decline_a_frame(tmp_path: Path, where: str, when: str) -> None:
    plan = plan_of([], [("out", DecliningSink(where=where), {"frame": "source"})])
    source = ListSource(frames(4))
    writer = Writer(plan.outlets, Ledger(), lambda *_: None)
    writer.start(lambda name: Target(tmp_path, name, source.info, None))
    with pytest.raises(NodeError, match=rf"^out \(DecliningSink\), {when}: not now$"):  # noqa: PT012
        for _ in engine_of(plan, source, writer=writer).ticks():
            pass
        writer.finish()


class OwnError(VidfaceError):
    """An error of somebody's own, which is not made of a text."""

    def __init__(self, what: str, count: int) -> None:
        super().__init__(f"{what} {count}")


def raising(error: BaseException) -> Any:
    """A call that raises it."""

    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OwnError("weird", 3), NodeError, "a, at frame 5: weird 3"),
        (InputError("no such film"), InputError, "a, at frame 5: no such film"),
        (FrameError("dark"), NodeError, "a, at frame 5: dark"),
        (SystemExit("bye"), NodeError, "a broke at frame 5: SystemExit: bye; this is a bug in the node"),
    ],
)
def test_what_is_raised_comes_back_as_a_sentence(
    error: BaseException, kind: type[VidfaceError], words: str
) -> None:
    with pytest.raises(VidfaceError) as caught:
        guarded(raising(error), "a", "at frame 5")
    assert type(caught.value) is kind
    assert str(caught.value) == words


def test_a_frame_error_passes_where_it_is_an_answer() -> None:
    with pytest.raises(FrameError, match=r"^dark$"):
        guarded(raising(FrameError("dark")), "a", "at frame 5", may_decline=True)


class FussyBatch(Node):
    """Raises for a whole batch where one frame of it is not served."""

    max_batch = 4

    def process(self, frame: Batch[Frame]) -> Batch[Faces]:
        if any(one.index % 9 == 4 for one in frame):
            raise FrameError("bad")
        return Batch(Faces.none() for _ in frame)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_frames_of_a_batch_that_failed_count_once(chunk: int) -> None:
    """They are served again one by one; the table of costs told 144 frames of 100."""
    plan = plan_of([("fussy", FussyBatch(), {"frame": "source"})], on_error="skip")
    engine = engine_of(plan, ListSource(frames(40)), chunk=chunk)
    assert len(list(engine.ticks())) == 40
    cost = engine.report.costs[1]
    assert (cost.frames, cost.errors) == (40, 4)
