"""The engine before a camera that has no end: thousands of frames leave nothing behind."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.graph.test_engine import Number
from tests.graph.test_live import Camera
from tests.graph.toys import engine_of, frames, plan_of
from vidface.data import Frame
from vidface.graph.report import MOST_PLACES, Ledger


@dataclass
class Endless(Camera):
    """Frames that are made as they are asked for, with a gap each thousand."""

    count: int = 100_000

    def frames(self) -> Iterator[Frame]:
        first = frames(1)[0]
        for index in range(self.count):
            yield replace(first, index=index, pts=index, epoch=index // 1000)


def test_a_long_run_keeps_nothing_of_its_frames() -> None:
    """Allocated memory after 1000 frames and after 5000 is the same, to less than a byte a frame."""
    camera = Endless([], dropped=Counter(), count=5_000)
    plan = plan_of([("number", Number(), {"frame": "source"})])
    engine = engine_of(replace(plan, scene_cuts=False), camera)
    marks = {}
    tracemalloc.start()
    try:
        for tick in engine.ticks():
            if tick.index in (1_000, 4_999):
                gc.collect()
                marks[tick.index] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        engine.stop()
    assert engine.report.ledger.processed == 5_000
    assert len(engine.report.ledger.gaps) == 4
    assert marks[4_999] - marks[1_000] < 4_000


def test_the_ledger_lists_the_newest_places_and_counts_the_others() -> None:
    ledger = Ledger()
    for index in range(MOST_PLACES + 500):
        ledger.gap(index)
        ledger.cut(2 * index)
    assert len(ledger.gaps) == len(ledger.cuts) == MOST_PLACES
    assert ledger.gaps[-1] == MOST_PLACES + 499
    assert ledger.to_json()["not_listed"] == {"gaps": 500, "scene_cuts": 500}
    assert "not_listed" not in Ledger().to_json()
