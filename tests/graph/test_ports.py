"""The signature of `process` is the port list: what is read from it and what is refused."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from vidface.data import Embeddings, Faces, Frame
from vidface.errors import NodeError
from vidface.graph.ports import Port, signature_of
from vidface.node import Batch, Node, Sink, Window


class Two(NamedTuple):
    """Two outputs."""

    faces: Faces
    total: int


class Full(Node):
    """Every form of port."""

    def process(
        self, frame: Frame, faces: Window[Faces], embeddings: Window[Embeddings] | None = None
    ) -> Two:
        return Two(Faces.none(), 0)


class Batched(Node):
    """Batches in, batches out."""

    def process(self, frame: Batch[Frame], faces: Batch[Faces] | None = None) -> Batch[Faces]:
        return Batch()


class End(Sink):
    """A sink."""

    def process(self, frame: Frame) -> None:
        return None


def test_every_form_of_port_is_read() -> None:
    signature = signature_of(Full)
    assert signature.inputs == (
        Port("frame", Frame),
        Port("faces", Faces, windowed=True),
        Port("embeddings", Embeddings, windowed=True, optional=True),
    )
    assert signature.outputs == {"faces": Faces, "total": int}


def test_batches_are_read_through() -> None:
    signature = signature_of(Batched)
    assert signature.batched
    assert signature.inputs == (Port("frame", Frame), Port("faces", Faces, optional=True))
    assert signature.outputs == {"": Faces}


def test_a_sink_has_no_outputs() -> None:
    assert signature_of(End).outputs == {}


class NoProcess(Node):
    """Nothing to call."""


class Bare(Node):
    """A port without a type."""

    def process(self, frame) -> Faces:  # type: ignore[no-untyped-def]
        return Faces.none()


class NoResult(Node):
    """Says not what it gives."""

    def process(self, frame: Frame):  # type: ignore[no-untyped-def]
        return None


class NoPorts(Node):
    """Takes nothing."""

    def process(self) -> Faces:
        return Faces.none()


class HalfBatched(Node):
    """One port in batches, one not."""

    def process(self, frame: Batch[Frame], faces: Faces) -> Batch[Faces]:
        return Batch()


class BatchLost(Node):
    """Batches in, one value out."""

    def process(self, frame: Batch[Frame]) -> Faces:
        return Faces.none()


class Starred(Node):
    """Ports without names."""

    def process(self, *frames: Frame) -> Faces:
        return Faces.none()


class Unknown(Node):
    """An annotation that the module does not know."""

    def process(self, frame: Nowhere) -> Faces:  # type: ignore[name-defined]  # noqa: F821
        return Faces.none()


class BatchOfWindows(Node):
    """Batches of what lies around each frame."""

    def process(self, frame: Batch[Window[Frame]]) -> Batch[Faces]:
        return Batch()


class NoBatch(Node):
    """Batches of nothing, for ever."""

    max_batch = 0

    def process(self, frame: Batch[Frame]) -> Batch[Faces]:
        return Batch()


class LoudSink(Sink):
    """A sink that gives something."""

    def process(self, frame: Frame) -> Frame:
        return frame


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (NoProcess, "a node needs a method process"),
        (Bare, "the port 'frame' has no type"),
        (NoResult, "must say what it gives"),
        (NoPorts, "at least one input port"),
        (HalfBatched, "either every port is a Batch or none is"),
        (BatchLost, "so it must give a Batch"),
        (Starred, "named one by one"),
        (Unknown, "the annotation 'Nowhere' is not known"),
        (BatchOfWindows, "a Batch of Windows, which there is not"),
        (NoBatch, "max_batch counts frames from 1, but is 0"),
        (LoudSink, "a sink gives None"),
    ],
)
def test_what_cannot_be_a_node_is_refused(node: type[Node], words: str) -> None:
    with pytest.raises(NodeError, match=words):
        signature_of(node)


class Later(Node):
    """A promise in place of a value."""

    async def process(self, frame: Frame) -> Faces:
        return Faces.none()


class Several(Node):
    """A generator in place of a value."""

    def process(self, frame: Frame) -> Faces:  # type: ignore[misc]
        yield Faces.none()


@pytest.mark.parametrize("node", [Later, Several])
def test_what_gives_no_value_at_once_is_refused(node: type[Node]) -> None:
    """Else the graph is called sound, and every frame fails."""
    with pytest.raises(NodeError, match="process returns one value a frame: write it without async or yield"):
        signature_of(node)
