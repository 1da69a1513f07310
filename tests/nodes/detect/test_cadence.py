"""Which frames a detector looks at, by its own cadence and while it is eased."""

from __future__ import annotations

import pytest

from vidface.nodes.detect._cadence import Cadence


def looks(cadence: Cadence, frames: range) -> list[int]:
    return [index for index in frames if cadence.due(index)]


def test_eased_it_looks_at_fewer_and_counts_what_it_left_out() -> None:
    """Every third frame, then every sixth, and back: what was spared is the difference."""
    cadence = Cadence(3)
    assert looks(cadence, range(12)) == [0, 3, 6, 9]
    assert cadence.spared == 0
    cadence.ease(2)
    assert looks(cadence, range(12, 36)) == [15, 21, 27, 33]
    assert cadence.spared == 4
    cadence.ease(1)
    assert looks(cadence, range(36, 46)) == [36, 39, 42, 45]
    assert cadence.spared == 4


@pytest.mark.parametrize("factor", [1, 4])
def test_the_first_frame_behind_a_cut_is_always_looked_at(factor: int) -> None:
    cadence = Cadence(2)
    cadence.ease(factor)
    looks(cadence, range(5))
    cadence.reset()
    assert cadence.due(5)
