"""NodeHarness serves a node as the engine does."""

from __future__ import annotations

import pytest

from tests.graph.toys import frames
from vidface.data import Frame
from vidface.errors import NodeError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.node import FOREVER, Node, Span, Window


class Count(Node):
    """Frames since the last reset, and what its window shows."""

    memory = FOREVER
    span = Span(1, 1)
    _seen: int

    def reset(self) -> None:
        self._seen = 0

    def process(self, frame: Window[Frame]) -> tuple:  # type: ignore[type-arg]
        self._seen += 1
        return self._seen, tuple(item.index for item in frame)


@pytest.mark.parametrize("chunk", [1, 2, 7])
def test_windows_and_resets_are_those_of_a_run(chunk: int) -> None:
    with NodeHarness(Count(), chunk=chunk) as harness:
        values = harness.run(frame=frames(5), segments=[3])
    assert values == [(1, (0, 1)), (2, (0, 1, 2)), (3, (1, 2)), (1, (3, 4)), (2, (3, 4))]


def test_ports_of_unequal_length_are_refused() -> None:
    class Sum(Node):
        """Two ports."""

        def process(self, a: int, b: int) -> int:
            return a + b

    with NodeHarness(Sum()) as harness, pytest.raises(ValueError, match="as many values"):
        harness.run(a=[1, 2], b=[1])
    with NodeHarness(Sum()) as harness:
        assert harness.run(a=[1, 2], b=[3, 4]) == [4, 6]


def test_a_word_that_is_no_on_error_is_refused() -> None:
    with pytest.raises(UsageError, match="on_error is one of stop, skip, hold, not 'nonsense'"):
        NodeHarness(Count(), on_error="nonsense")


def test_a_bug_names_the_frame() -> None:
    class Bad(Node):
        """Breaks at frame 2."""

        def process(self, frame: Frame) -> int:
            return 1 // (2 - frame.index)

    with NodeHarness(Bad()) as harness, pytest.raises(NodeError, match="at frame 2: ZeroDivisionError"):
        harness.run(frame=frames(4))
