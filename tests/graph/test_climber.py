"""Steps taken and taken back: nodes, source and account; and a whole run with a node that is too slow."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.graph.test_live import Camera
from tests.graph.toys import engine_of, frames, plan_of
from tests.media.make_clips import Clip, make
from vidface import run
from vidface.data import Frame
from vidface.data.measures import Measure, Measures
from vidface.data.source import LEFT_OUT
from vidface.graph import pace
from vidface.graph.buffers import Buffer
from vidface.graph.climber import MOST_CHANGES, Climber, climber_of
from vidface.graph.ladder import Rung
from vidface.graph.pace import Moment
from vidface.graph.stage import Stage, unwatched
from vidface.node import FOREVER, Node

KINDS = (Measure("good", "ratio", "How good it is."),)
LADDER = (Rung("slow", "judge", 2), Rung("off", "judge"), Rung("rate", by=3))

FRAME = frames(1)[0]


class Judge(Node):
    """Counts what the ladder does to it."""

    memory = FOREVER
    eases = True
    _factor: int
    _spared: int
    _resets: int

    def open(self, device: Any) -> None:
        self._factor, self._spared, self._resets = 1, 0, 0

    def reset(self) -> None:
        self._resets += 1

    def ease(self, factor: int) -> None:
        self._factor = factor

    def spared(self) -> int:
        return self._spared

    def process(self, frame: Frame) -> Measures:
        self._spared += int(frame.index % self._factor != 0)
        return Measures.none(KINDS, 1)


@dataclass
class Thin(Camera):
    """A camera that can be thinned."""

    waits: bool = False
    one_in: int = 1

    def thin(self, one_in: int) -> None:
        self.one_in = one_in

    def frames(self) -> Iterator[Frame]:
        yield from super().frames()


class Swing(pace.Pace):
    """Wants the same change at every frame."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self._by = by

    def judge(self, moment: Moment, *, lowest: bool, highest: bool) -> pace.Change | None:
        return pace.Change(self._by, "made")


class Rig:
    """A climber over one stage, fed with made moments: 25 frames a second at a load."""

    def __init__(self) -> None:
        plan = plan_of([("judge", Judge(), {"frame": "source"})])
        self.source = Thin(frames(1), dropped=Counter())
        self.engine = engine_of(plan, self.source)
        (self.stage,) = self.engine._stages
        self.node: Any = self.stage.step.node
        self.stage.open(self.engine._devices["judge"])
        self.told: list[str] = []
        self.climber = Climber(LADDER, {"judge": self.stage}, self.source, self.told.append)
        self.now = self.idle = 0.0
        self.values: list[Any] = []
        self.count = 0

    def run(self, seconds: float, load: float) -> None:
        for _ in range(round(25 * seconds)):
            self.now, self.idle = self.now + 0.04, self.idle + 0.04 * (1 - load)
            if self.count % self.source.one_in:
                self.source.dropped[LEFT_OUT] += 1
                self.count += 1
                continue
            frame = replace(FRAME, index=self.count, pts=self.count)
            self.climber.judge(frame, Moment(self.now, self.idle, 0.0, 0))
            self._serve(frame)
            self.count += 1

    def _serve(self, frame: Frame) -> None:
        buffer: Buffer = self.engine.buffers["source"]
        self.engine._timeline.append(new_segment=buffer.end == 0)
        buffer.append(frame)
        self.stage.advance(self.engine._timeline, 1)
        self.values.append(self.engine.buffers["judge"][self.stage.next - 1])


def test_steps_reach_node_and_source_and_are_taken_back() -> None:
    """Slower, then off, then one frame in three; and back to where it was, with a reset after being off."""
    rig = Rig()
    rig.run(5, 1.0)
    assert rig.node._factor == 2
    rig.run(2.2, 1.0)
    assert len(rig.values[-1]) == 0
    rig.run(2.2, 1.0)
    assert rig.source.one_in == 3
    assert rig.climber.facts()["height"] == 3
    rig.run(120, 0.2)
    assert (rig.source.one_in, rig.node._factor) == (1, 1)
    assert len(rig.values[-1]) == 1
    assert rig.node._resets == 2
    assert rig.climber.facts()["height"] == 0


def test_every_step_is_accounted_for() -> None:
    """Seconds, frames and what was lost, in the facts and in the sentences."""
    rig = Rig()
    rig.run(9.6, 1.0)
    rig.run(60, 0.2)
    facts = rig.climber.facts()
    slow, off, rate = facts["steps"]
    assert facts["highest"] == 3
    assert slow["step"] == "judge works 2 times less often"
    assert slow["not_looked_at"] == rig.stage.spared() > 10
    assert off["without_it"] == rig.stage.without > 10
    assert rate["left_out"] == rig.source.dropped[LEFT_OUT] > 10
    assert slow["seconds"] > off["seconds"] > rate["seconds"] > 2
    assert [row["taken"] for row in facts["changes"]] == [True] * 3 + [False] * 3
    assert all({"at", "time", "height", "step", "why"} <= row.keys() for row in facts["changes"])
    back = facts["changes"][3]
    assert back["left_out"] == rate["left_out"]
    assert rig.told[0] == (
        "falls behind (the graph works 100% of the time): from here on, judge works 2 times less often"
    )
    assert f"({back['left_out']} of {back['frames']} frames left out)" in rig.told[3]
    for row in (back, rate):
        assert row["left_out"] == pytest.approx(2 / 3 * row["frames"], rel=0.05)  # one in three was served


def test_the_account_is_right_in_the_middle_of_a_step() -> None:
    """What was lost since the last change is in the facts, and asking does not change it."""
    rig = Rig()
    rig.run(5, 1.0)
    first = rig.climber.facts()
    assert first["steps"][0]["not_looked_at"] == rig.stage.spared() > 0
    assert rig.climber.facts() == first


def test_the_log_is_bounded() -> None:
    """However long a load swings: the newest changes are listed, the others counted."""
    rig = Rig()
    for place in range(150):
        rig.climber._pace = Swing(1 if place % 2 == 0 else -1)
        rig.run(0.04, 0.5)
    assert len(rig.climber.facts()["changes"]) == 150
    for place in range(150):
        rig.climber._pace = Swing(1 if place % 2 == 0 else -1)
        rig.run(0.04, 0.5)
    facts = rig.climber.facts()
    assert len(facts["changes"]) == MOST_CHANGES
    assert facts["changes_not_listed"] == 300 - MOST_CHANGES


def test_what_waits_has_no_ladder() -> None:
    """A file, and a camera that is read without loss."""
    plan = plan_of([("judge", Judge(), {"frame": "source"})])
    stages = [Stage(step, {"source": Buffer(), "judge": Buffer()}, unwatched) for step in plan.steps]
    assert climber_of(LADDER, stages, Thin(frames(1)), None) is not None
    assert climber_of(LADDER, stages, Thin(frames(1), waits=True), None) is None
    assert climber_of(LADDER, stages, Camera(frames(1)), None) is None
    assert climber_of((), stages, Thin(frames(1)), None) is None


SLOW = '''
import time

from vidface.data import Faces, Frame
from vidface.node import Node


class Slow(Node):
    """Takes 60 ms, and a third of that while it is eased."""

    eases = True
    _factor: int = 1
    _spared: int = 0

    def ease(self, factor: int) -> None:
        self._factor = factor

    def spared(self) -> int:
        return self._spared

    def process(self, frame: Frame) -> Faces:
        time.sleep(0.06 if self._factor == 1 else 0.02)
        self._spared += self._factor > 1
        return Faces.none()
'''

GRAPH = """
version: 1
ladder:
  - {slow: slow, by: 3}
  - {rate: 1/2}
nodes: {slow: {use: ./slow.py, in: source}}
outputs: {faces: slow}
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return tmp_path / "graph.yaml"


def test_a_run_that_is_too_slow_gives_up_what_the_graph_says(
    graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 ms of work every 40 ms: one step, then frames are served in time; run.json and the user are told.

    Which sign of it comes first is the machine's choice; tests of `Pace` have a clock of their own.
    """
    monkeypatch.setattr(pace, "WINDOW_S", 0.4)
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(50)))
    told: list[str] = []
    work = run(graph, f"chaos:{clip}?loops=forever", tmp_path / "out", staleness=5, tell=told.append)
    end = time.monotonic() + 60
    with work:
        for _ in work:
            ladder = work.report.ladder
            assert ladder is not None
            if ladder["steps"][0]["not_looked_at"] > 20 or time.monotonic() > end:
                work.finish()
    ladder = json.loads((tmp_path / "out" / "run.json").read_text())["input"]["camera"]["ladder"]
    assert ladder["steps"][0]["not_looked_at"] > 20
    assert ladder["changes"][0]["step"] == "slow works 3 times less often"
    assert re.search(r"the graph works|frames were dropped|frames wait", ladder["changes"][0]["why"])
    assert any("falls behind" in sentence and "slow works 3 times" in sentence for sentence in told)
    assert work.report.ledger.decoded == work.report.ledger.processed + work.report.ledger.dropped.total()


def test_a_thinned_camera_leaves_out_frames_evenly_and_counts_them(graph: Path, tmp_path: Path) -> None:
    """The real source: one frame in two from some point on; the books balance."""
    clip = make(tmp_path / "clip.mp4", Clip(pts=range(50)))
    work = run(graph, clip, realtime=True, staleness=5, overrides=())
    times = []
    for tick in work:
        times.append(float(tick.time))
        if tick.index == 0:
            work._source.thin(2)  # type: ignore[attr-defined]
    steps = {round(later - earlier, 2) for earlier, later in pairwise(times[6:])}
    ledger = work.report.ledger
    assert ledger.dropped[LEFT_OUT] > 10
    assert min(steps) >= 0.08
    assert ledger.decoded == ledger.processed + ledger.dropped.total()


IDENTIFY = """
version: 1
device: cpu
ladder:
  - {off: draw}
  - {off: identify}
  - {off: quality}
  - {off: embed}
  - {slow: detect, by: 2}
nodes:
  detect:   {use: detect.face, in: {frame: source}, with: {every: 2}}
  track:    {use: track.faces, in: {frame: source, faces: detect}, with: {look_ahead: 0}}
  embed:    {use: recognize.embed, in: {frame: source, faces: track}}
  quality:  {use: recognize.quality, in: {frame: source, faces: track, embeddings: embed}}
  relink:
    {use: recognize.relink, in: {frame: source, faces: track, embeddings: embed}, with: {look_ahead: 0}}
  identify: {use: recognize.identify, in: {frame: source, faces: relink, embeddings: embed, quality: quality}}
  draw:     {use: draw.boxes, in: {frame: source, faces: relink, identity: identify}}
outputs:
  video: draw
  faces:  {use: jsonl, in: {faces: relink, quality: quality, identity: identify}}
  shots:  {use: images, in: {faces: relink, quality: quality}}
  people: {use: embeddings, in: {faces: relink, embeddings: embed, quality: quality, identity: identify}}
"""


def test_every_node_of_an_identify_graph_can_go_off_and_come_back(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step each second frame, up and down again, with faces in the picture: nodes and outputs bear it."""
    (tmp_path / "graph.yaml").write_text(IDENTIFY)
    plan = ["up"] * 5 + ["down"] * 5

    class Script(pace.Pace):
        def judge(self, moment: Moment, *, lowest: bool, highest: bool) -> pace.Change | None:
            self.count = getattr(self, "count", 0) + 1
            if self.count % 2 or not plan:
                return None
            return pace.Change(1 if plan.pop(0) == "up" else -1, "made")

    monkeypatch.setattr("vidface.graph.climber.Pace", Script)
    clip = f"chaos:{samples / 'two_people.mp4'}?loops=forever"
    with run(tmp_path / "graph.yaml", clip, tmp_path / "out", staleness=30) as work:
        for tick in work:
            if tick.index >= 24:
                work.finish()
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    ladder = told["input"]["camera"]["ladder"]
    assert told["status"] == "done"
    assert (ladder["height"], ladder["highest"]) == (0, 5)
    costs = [row.get("without_it", row.get("not_looked_at")) for row in ladder["steps"]]
    assert all(earlier > later > 0 for earlier, later in pairwise(costs[:4]))
    rows = [json.loads(line) for line in (tmp_path / "out" / "faces.jsonl").read_text().splitlines()]
    assert any("identity" in face and face["identity"] for row in rows[:5] for face in row["faces"])
