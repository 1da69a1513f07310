"""Buffers and the timeline of segments."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vidface.graph.buffers import Buffer, Timeline


def test_a_buffer_forgets_from_the_front_and_keeps_its_indices() -> None:
    buffer = Buffer()
    for i in range(10):
        buffer.append(i * i)
    buffer.drop_before(4)
    assert (buffer.base, buffer.end, len(buffer)) == (4, 10, 6)
    assert buffer[4] == 16
    buffer.drop_before(2)
    assert buffer.base == 4
    buffer.drop_before(99)
    assert (len(buffer), buffer.end) == (0, 10)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_segments_are_where_they_began(begins: list[bool]) -> None:
    """For every frame the segment is the run between the nearest beginnings around it."""
    timeline = Timeline()
    for new in begins:
        timeline.append(new_segment=new)
    starts = sorted({0, *(i for i, new in enumerate(begins) if new)})
    for i in range(len(begins)):
        start = max(first for first in starts if first <= i)
        later = [first for first in starts if first > i]
        assert timeline.segment(i) == (start, later[0] if later else None)
    timeline.ended = True
    for i in range(len(begins)):
        later = [first for first in starts if first > i]
        assert timeline.segment(i)[1] == (later[0] if later else len(begins))


def test_old_segments_are_forgotten() -> None:
    timeline = Timeline()
    for i in range(100):
        timeline.append(new_segment=i % 10 == 0)
    timeline.drop_before(5)
    assert timeline.segment(7) == (0, 10)
    timeline.drop_before(10)
    assert timeline.segment(7) == (10, 10), "the first segment is over, and forgotten"
    timeline.drop_before(55)
    assert timeline.segment(57) == (50, 60)
    assert timeline.segment(50) == (50, 60)
