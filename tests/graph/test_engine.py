"""The engine: once per frame, in order, whatever the chunk size; resets, errors, memory, clean ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph.toys import Collect, ListSource, engine_of, frames, plan_of
from vidface.data import Device, Faces, Frame, Hole, SourceInfo
from vidface.errors import FrameError, LedgerError, NodeError, OutputError
from vidface.graph.report import Ledger
from vidface.graph.stage import unwatched
from vidface.graph.writer import Writer
from vidface.node import FOREVER, Batch, Node, Span, Target, Window


class Number(Node):
    """The index of a frame."""

    def process(self, frame: Frame) -> int:
        return frame.index


class RunningSum(Node):
    """Sum since the last reset."""

    memory = FOREVER
    _sum: int

    def reset(self) -> None:
        self._sum = 0

    def process(self, value: int) -> int:
        self._sum += value
        return self._sum


class Neighbours(Node):
    """What a window shows, as a tuple."""

    past: int = 2
    future: int = 3

    def reach(self) -> Span:
        return Span(self.past, self.future)

    def process(self, value: Window[int]) -> tuple:  # type: ignore[type-arg]
        return tuple(value)


class Length(Node):
    """Of a tuple."""

    def process(self, value: tuple) -> int:  # type: ignore[type-arg]
        return len(value)


class BatchDouble(Node):
    """Twice the value, batch by batch; fails where asked."""

    max_batch = 5
    fail_at: int = -1

    def process(self, value: Batch[int]) -> Batch[int]:
        if self.fail_at in value:
            raise FrameError("this one is broken")
        return Batch(2 * item for item in value)


class Pair(NamedTuple):
    """Two outputs."""

    low: int
    high: str


class Split(Node):
    """Two values from one."""

    def process(self, value: int) -> Pair:
        return Pair(value % 10, str(value // 10))


class Fussy(Node):
    """Cannot serve some frames."""

    bad: frozenset[int] = frozenset()

    def process(self, frame: Frame) -> Faces:
        if frame.index in self.bad:
            raise FrameError("too dark")
        return Faces.of([[0, 0, 1, 1 + frame.index]])


CHAIN: list[tuple[str, Node, dict[str, str]]] = [
    ("number", Number(), {"frame": "source"}),
    ("double", BatchDouble(), {"value": "number"}),
    ("near", Neighbours(), {"value": "double"}),
    ("sum", RunningSum(), {"value": "number"}),
    ("split", Split(), {"value": "sum"}),
]


def run(
    count: int, chunk: int, *, levels: list[int] | None = None, gap_at: int | None = None
) -> list[dict[str, Any]]:
    source = ListSource(frames(count, levels=levels, gap_at=gap_at))
    engine = engine_of(plan_of(CHAIN), source, chunk=chunk)
    ticks = [dict(tick) for tick in engine.ticks()]
    engine.stop()
    engine.ledger.check()
    return ticks


@given(
    count=st.integers(0, 40),
    chunk=st.integers(1, 50),
    cuts=st.sets(st.integers(1, 39), max_size=4),
    gap_at=st.none() | st.integers(1, 39),
)
@settings(max_examples=60)
def test_results_do_not_depend_on_the_chunk_size(
    count: int, chunk: int, cuts: set[int], gap_at: int | None
) -> None:
    """Property: windows, batches, state, two outputs, cuts and gaps: chunking changes nothing."""
    levels, level = [], 20
    for i in range(count):
        level = 240 - level if i in cuts else level
        levels.append(level)
    assert run(count, chunk, levels=levels, gap_at=gap_at) == run(count, 1, levels=levels, gap_at=gap_at)


def test_every_frame_once_and_in_order() -> None:
    ticks = run(23, 4)
    assert [tick["number"] for tick in ticks] == list(range(23))
    assert ticks[7]["sum"] == sum(range(8))
    assert ticks[7]["split.low"] == 8
    assert ticks[7]["split.high"] == "2"


def test_a_window_reaches_back_and_ahead_and_is_cut_at_the_ends() -> None:
    ticks = run(8, 3)
    assert ticks[4]["near"] == (4, 6, 8, 10, 12, 14)
    assert ticks[0]["near"] == (0, 2, 4, 6)
    assert ticks[7]["near"] == (10, 12, 14)


def test_a_gap_resets_memory_and_cuts_windows() -> None:
    ticks = run(10, 4, gap_at=6)
    assert [tick["sum"] for tick in ticks[5:8]] == [15, 6, 13]
    assert ticks[5]["near"] == (6, 8, 10)
    assert ticks[6]["near"] == (12, 14, 16, 18)


def test_a_scene_cut_resets_memory_and_stands_in_the_ledger() -> None:
    source = ListSource(frames(12, levels=[20] * 7 + [220] * 5))
    engine = engine_of(plan_of(CHAIN), source)
    sums = [tick["sum"] for tick in engine.ticks()]
    assert sums[6:8] == [21, 7]
    assert engine.ledger.cuts == [7]


def test_an_empty_source_gives_no_ticks() -> None:
    assert run(0, 4) == []


def test_memory_does_not_grow_with_the_clip() -> None:
    """No edge ever holds more than windows and chunks need, over 2,000 frames."""
    engine = engine_of(plan_of(CHAIN), ListSource(frames(2000)), chunk=8)
    most = 0
    for _ in engine.ticks():
        most = max(most, *(len(buffer) for buffer in engine.buffers.values()))
    assert most <= 8 + 2 + 3 + 1


@pytest.mark.parametrize("cut", [25, 40])
def test_what_waited_for_a_long_look_ahead_is_not_made_all_at_once(cut: int) -> None:
    """At a scene cut and at the end 20 frames are ready at once; behind them lies a chunk of values."""
    chain: list[tuple[str, Node, dict[str, str]]] = [
        ("number", Number(), {"frame": "source"}),
        ("near", Neighbours(past=0, future=20), {"value": "number"}),
        ("length", Length(), {"value": "near"}),
    ]
    source = ListSource(frames(40, levels=[20 if place < cut else 220 for place in range(40)]))
    engine = engine_of(plan_of(chain), source, chunk=2)
    most, count = 0, 0
    for tick in engine.ticks():
        count += 1
        most = max(most, len(engine.buffers["length"]))
        assert tick["length"] == min(21, (cut if tick.index < cut else 40) - tick.index)
    assert count == 40
    assert most <= 2


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_skip_gives_the_empty_value_and_counts(chunk: int) -> None:
    plan = plan_of([("faces", Fussy(bad=frozenset({2, 3})), {"frame": "source"})], on_error="skip")
    engine = engine_of(plan, ListSource(frames(6)), chunk=chunk)
    assert [len(tick["faces"]) for tick in engine.ticks()] == [1, 1, 0, 0, 1, 1]
    assert engine.report.ledger.passed == {"faces": 2}
    assert engine.report.costs[1].first_error == "frame 2: too dark"


def test_hold_repeats_the_last_value() -> None:
    plan = plan_of([("faces", Fussy(bad=frozenset({2, 3})), {"frame": "source"})], on_error="hold")
    engine = engine_of(plan, ListSource(frames(5)))
    heights = [tick["faces"].heights.tolist() for tick in engine.ticks()]
    assert heights == [[1], [2], [2], [2], [5]]


def test_hold_with_nothing_to_hold_is_empty() -> None:
    plan = plan_of([("faces", Fussy(bad=frozenset({0})), {"frame": "source"})], on_error="hold")
    engine = engine_of(plan, ListSource(frames(2)))
    assert [len(tick["faces"]) for tick in engine.ticks()] == [0, 1]


def test_stop_names_the_node_the_frame_and_the_way_out() -> None:
    plan = plan_of([("faces", Fussy(bad=frozenset({4})), {"frame": "source"})])
    engine = engine_of(plan, ListSource(frames(6)), chunk=2)
    with pytest.raises(NodeError, match=r"faces, frame 4: too dark \(on_error: skip or hold"):
        list(engine.ticks())
    engine.stop()


@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_a_frame_error_in_a_batch_costs_only_its_frame(chunk: int) -> None:
    """What fails does not depend on who sits in the same batch."""
    nodes: list[tuple[str, Node, dict[str, str]]] = [
        ("number", Number(), {"frame": "source"}),
        ("double", BatchDouble(fail_at=6), {"value": "number"}),
    ]
    engine = engine_of(plan_of(nodes, on_error="hold"), ListSource(frames(9)), chunk=chunk)
    assert [tick["double"] for tick in engine.ticks()] == [0, 2, 4, 6, 8, 10, 10, 14, 16]


class Buggy(Node):
    """Breaks its promise in the asked way."""

    how: str = "raise"

    def process(self, frame: Frame) -> Faces:
        if self.how == "raise":
            raise KeyError("colour")
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", r"bug \(Buggy\) broke at frame 0: KeyError: 'colour'; this is a bug in the node"),
        ("none", r"bug, frame 0: process promised Faces, but gave NoneType"),
    ],
)
def test_a_broken_node_stops_the_run_with_its_name(how: str, words: str) -> None:
    engine = engine_of(plan_of([("bug", Buggy(how=how), {"frame": "source"})]), ListSource(frames(3)))
    with pytest.raises(NodeError, match=words):
        list(engine.ticks())


class ShortBatch(Node):
    """Gives fewer values than it got."""

    def process(self, frame: Batch[Frame]) -> Batch[int]:
        return Batch((1,))


def test_a_short_batch_is_refused() -> None:
    engine = engine_of(plan_of([("short", ShortBatch(), {"frame": "source"})]), ListSource(frames(3)))
    with pytest.raises(NodeError, match="took a batch of 3 at frame 0, but gave 1"):
        list(engine.ticks())


class Lifecycle(Node):
    """Writes down what is asked of it."""

    memory = FOREVER
    _calls: list[str]

    def open(self, device: Device) -> None:
        self._calls = [f"open {device}"]

    def meet(self, source: SourceInfo) -> None:
        self._calls.append(f"meet {source.name}")

    def reset(self) -> None:
        self._calls.append("reset")

    def process(self, frame: Frame) -> int:
        self._calls.append(f"process {frame.index}")
        return frame.index

    def close(self) -> None:
        self._calls.append("close")

    def calls(self) -> list[str]:
        return self._calls


def test_the_life_of_a_node() -> None:
    node = Lifecycle()
    engine = engine_of(plan_of([("life", node, {"frame": "source"})]), ListSource(frames(3, gap_at=2)))
    list(engine.ticks())
    engine.stop()
    engine.stop()
    wanted = ["open cpu", "meet list", "reset", "process 0", "process 1", "reset", "process 2", "close"]
    assert node.calls() == wanted


def test_an_error_of_the_decoder_reaches_the_caller_and_everything_is_closed() -> None:
    node = Lifecycle()
    source = ListSource(frames(20), fails_at=9)
    engine = engine_of(plan_of([("life", node, {"frame": "source"})]), source, chunk=4)
    got: list[int] = []
    with pytest.raises(RuntimeError, match="decoder exploded"):
        got.extend(tick.index for tick in engine.ticks())
    engine.stop()
    assert got == list(range(8))
    assert node.calls()[-1] == "close"
    assert source.closed == 1


def test_leaving_early_stops_the_decoder() -> None:
    source = ListSource(frames(10_000))
    engine = engine_of(plan_of([("number", Number(), {"frame": "source"})]), source, chunk=4)
    for tick in engine.ticks():
        if tick.index == 5:
            break
    engine.stop()
    assert source.taken < 40
    assert source.closed == 1


def target(info: SourceInfo, tmp_path: Any) -> Any:
    return lambda name: Target(tmp_path, name, info)


def test_sinks_get_every_frame_and_are_finished(tmp_path: Any) -> None:
    sink = Collect()
    plan = plan_of([("number", Number(), {"frame": "source"})], [("out", sink, {"value": "number"})])
    source = ListSource(frames(30), missing=(Hole("test", 2, 5),))
    writer = Writer(plan.outlets, Ledger(), unwatched)
    writer.start(target(source.info, tmp_path))
    engine = engine_of(plan, source, writer=writer)
    list(engine.ticks())
    engine.stop()
    report = engine.report
    assert report.facts == {"out": {"files": [], "rows": 30}}
    assert report.ledger.written == {"out": 30}
    assert report.ledger.missing == 2
    report.ledger.check()


def test_a_full_disk_stops_the_run_with_one_sentence(tmp_path: Any) -> None:
    """The failing sink is named; the others are still completed."""
    bad, good = Collect(fail_at=5), Collect()
    plan = plan_of(
        [("number", Number(), {"frame": "source"})],
        [("bad", bad, {"value": "number"}), ("good", good, {"value": "number"})],
    )
    source = ListSource(frames(500))
    writer = Writer(plan.outlets, Ledger(), unwatched)
    writer.start(target(source.info, tmp_path))
    engine = engine_of(plan, source, writer=writer)
    with pytest.raises(OutputError, match=r"bad \(Collect\), at frame 5: No space left on device: video.mp4"):
        list(engine.ticks())
    with pytest.raises(OutputError):
        engine.stop()
    assert source.taken < 100
    assert good.__pydantic_private__ is not None
    assert good.__pydantic_private__["_state"] == ["started", "finished", "closed"]


def test_the_ledger_refuses_books_that_do_not_balance() -> None:
    ledger = Ledger(decoded=10, processed=8)
    with pytest.raises(LedgerError, match="2 are unaccounted for"):
        ledger.check()
    ledger.dropped["queue full"] = 2
    ledger.check()
    ledger.written["video"] = 7
    with pytest.raises(LedgerError, match="the output video took 7 of 8 frames"):
        ledger.check()


class Talker(Node):
    """Has something to say at the end."""

    memory = FOREVER
    _seen: int

    def open(self, device: Device) -> None:
        self._seen = 0

    def process(self, frame: Frame) -> int:
        self._seen += 1
        return self._seen

    def facts(self) -> dict[str, Any]:
        return {"seen": self._seen, "notes": [f"{self._seen} frames were seen"]}


def test_what_a_node_has_to_say_stands_in_the_report() -> None:
    engine = engine_of(plan_of([("talk", Talker(), {"frame": "source"})]), ListSource(frames(5)))
    list(engine.ticks())
    engine.stop()
    assert engine.report.node_facts == {"talk": {"seen": 5, "notes": ["5 frames were seen"]}}
    assert engine.report.table().endswith("talk: 5 frames were seen")


def test_a_node_that_served_no_frame_is_not_asked() -> None:
    engine = engine_of(plan_of([("talk", Talker(), {"frame": "source"})]), ListSource([]))
    list(engine.ticks())
    engine.stop()
    assert engine.report.node_facts == {}
