"""Runs over live sources: one frame at a time, drops in the books, latency, files complete on request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.graph.test_engine import Number
from tests.graph.toys import ListSource, engine_of, frames, plan_of
from tests.media.make_clips import Clip, make
from vidface import run
from vidface.data import Frame, SourceInfo
from vidface.errors import UsageError
from vidface.graph.latency import Latency


@dataclass
class Camera(ListSource):
    """Frames in memory that arrive when they are asked for; some were dropped."""

    dropped: Counter[str] = field(default_factory=Counter)
    decode_s: float = 0.001
    asked_to_end: bool = False

    @property
    def info(self) -> SourceInfo:
        return replace(super().info, live=True)

    def frames(self) -> Iterator[Frame]:
        for frame in super().frames():
            if self.asked_to_end:
                return
            yield replace(frame, arrival=monotonic() - 0.02)

    def facts(self) -> dict[str, Any]:
        return {"connections": 1}

    def finish(self) -> None:
        self.asked_to_end = True


def test_drops_are_in_the_books() -> None:
    """What the camera dropped counts as decoded and as dropped, with its cause."""
    camera = Camera(frames(6), dropped=Counter({"newer frames were waiting": 4}))
    engine = engine_of(plan_of([("number", Number(), {"frame": "source"})]), camera)
    assert len(list(engine.ticks())) == 6
    engine.stop()
    ledger = engine.report.ledger
    assert (ledger.decoded, ledger.processed, ledger.dropped.total()) == (10, 6, 4)
    ledger.check()
    assert "dropped 4 frames: newer frames were waiting" in engine.report.table()


def test_a_live_frame_is_served_before_the_next_is_asked_for() -> None:
    """No thread and no chunk stands between the camera and the graph, where frames would grow old."""
    camera = Camera(frames(5))
    engine = engine_of(plan_of([("number", Number(), {"frame": "source"})]), camera)
    ticks = engine.ticks()
    next(ticks)
    assert camera.taken == 1
    next(ticks)
    assert camera.taken == 2
    engine.stop()


def test_latency_is_measured_at_the_last_sink() -> None:
    """From the arrival on; the slow sink counts. Files have none."""
    camera = Camera(frames(9))
    engine = engine_of(plan_of([("number", Number(), {"frame": "source"})]), camera)
    list(engine.ticks())
    engine.stop()
    facts = engine.report.latency.to_json()
    assert facts is not None
    assert facts["frames"] == 9
    assert 20 <= facts["p50"] <= facts["p95"] <= facts["p99"] <= facts["max"]
    assert "latency from arrival" in engine.report.table()


def test_quantiles_are_right_to_a_few_percent() -> None:
    """A thousand frames of 1 to 1000 ms."""
    latency, frame = Latency(), frames(1)[0]
    for ms in range(1, 1001):
        latency.add(replace(frame, arrival=monotonic() - ms / 1000))
    assert latency.quantile_ms(0.5) == pytest.approx(500, rel=0.05)
    assert latency.quantile_ms(0.95) == pytest.approx(950, rel=0.05)
    assert Latency().to_json() is None


GRAPH = {
    "version": 1,
    "nodes": {"detect": {"use": "detect.face", "in": {"frame": "source"}}},
    "outputs": {"faces": "detect"},
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("live") / "clip.mp4", Clip(pts=range(25)))


def test_a_run_over_a_camera_ends_on_request_with_complete_files(clip: Path, tmp_path: Path) -> None:
    """`finish` is what Ctrl-C does: rows have the time of day, run.json the account of the camera."""
    work = run(GRAPH, f"chaos:{clip}?loops=forever", tmp_path / "out", staleness=5)
    with work:
        for tick in work:
            if tick.index == 9:
                assert work.finish()
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    rows = [json.loads(line) for line in (tmp_path / "out" / "faces.jsonl").read_text().splitlines()]
    assert (told["status"], told["exit"]) == ("done", 0)
    assert len(rows) == told["ledger"]["processed"] >= 10
    assert {"utc", "clock", "arrived"} <= rows[0].keys()
    camera = told["input"]["camera"]
    assert camera["latency_ms"]["frames"] == len(rows)
    assert camera["connections"] >= 1


def test_a_file_played_as_live_has_the_same_rows(clip: Path, tmp_path: Path) -> None:
    """--realtime: the frames that were not dropped have the file's own times."""
    list(run(GRAPH, clip, tmp_path / "out", realtime=True, staleness=5))
    rows = [json.loads(line) for line in (tmp_path / "out" / "faces.jsonl").read_text().splitlines()]
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert all(int(row["time"][:-3].replace(".", "")) % 40 == 0 for row in rows)
    assert told["ledger"]["decoded"] == 25
    assert len(rows) + sum(told["ledger"]["dropped"].values()) == 25


def test_a_file_has_its_own_end(clip: Path) -> None:
    """`finish` is for cameras."""
    work = run(GRAPH, clip)
    assert not work.finish()
    work.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [({"start": 1.0}, "live"), ({"forensic": True}, "record it"), ({"retry": "often"}, "never, a number")],
)
def test_what_makes_no_sense_for_a_camera_is_refused(clip: Path, options: dict[str, Any], says: str) -> None:
    """A past, the same bytes again, and a word that nobody knows."""
    with pytest.raises(UsageError, match=says):
        run(GRAPH, f"chaos:{clip}", **options)


def test_a_password_on_the_command_line_is_not_written(clip: Path, tmp_path: Path) -> None:
    """run.json holds the command, without it."""
    command = ("vidface", "run", "g.yaml", "rtsp://u:hunter2@cam/s")
    list(run(GRAPH, clip, tmp_path / "out", command=command))
    assert "hunter2" not in (tmp_path / "out" / "run.json").read_text()
    assert "rtsp://u:***@cam/s" in (tmp_path / "out" / "run.json").read_text()
