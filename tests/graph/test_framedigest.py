"""Digests of decoded frames: the same for the same frames, by stretches of the input's own clock."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.graph.toys import FlatPixels, ListSource, frames
from vidface.data import Frame
from vidface.graph.framedigest import DigestedSource
from vidface.media.decode import open_source


def segments(items: list[Frame]) -> list[dict[str, Any]]:
    source = DigestedSource(ListSource(items))
    assert [frame.index for frame in source.frames()] == [frame.index for frame in items]
    return source.segments()


def test_stretches_lie_on_the_inputs_clock() -> None:
    """A part of a clip has the same digests for the stretches that it holds whole."""
    whole = segments(frames(600))
    assert [(one["segment"], one["first_frame"], one["frames"]) for one in whole] == [
        (0, 0, 250),
        (1, 250, 250),
        (2, 500, 100),
    ]
    part = segments([replace(frame, index=frame.index - 100) for frame in frames(600)[100:]])
    assert [one["sha256"] for one in part[1:]] == [one["sha256"] for one in whole[1:]]
    assert part[0]["sha256"] != whole[0]["sha256"]


def test_one_sample_or_one_time_changes_its_stretch_alone() -> None:
    whole = segments(frames(600))
    for change in ({"pixels": FlatPixels(101)}, {"pts": 299}):
        items = frames(600)
        items[300] = replace(items[300], **change)
        other = segments(items)
        assert [one["sha256"] == two["sha256"] for one, two in zip(whole, other, strict=True)] == [
            True,
            False,
            True,
        ]


def test_the_digest_is_the_documented_one() -> None:
    planes = frames(1)[0].planes()
    raw = planes.luma.tobytes() + planes.u.tobytes() + planes.v.tobytes()
    assert segments(frames(1))[0]["sha256"] == hashlib.sha256(b"0 64x36\n" + raw).hexdigest()


def test_decoding_twice_gives_the_same(samples: Path) -> None:
    """Also with other numbers of threads, on a clip of a variable rate."""
    found = []
    for threads in (1, 2):
        source = DigestedSource(open_source(samples / "walk_vfr.mkv", threads=threads))
        assert sum(1 for _ in source.frames()) == sum(one["frames"] for one in source.segments())
        found.append(json.dumps(source.segments()))
        source.close()
    assert found[0] == found[1]


def test_a_stretch_that_was_left_early_is_not_told() -> None:
    source = DigestedSource(ListSource(frames(600)))
    for frame in source.frames():
        if frame.index == 300:
            break
    assert [one["segment"] for one in source.segments()] == [0]
