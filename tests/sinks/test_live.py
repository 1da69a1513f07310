"""The sink `live`: the newest picture goes to whoever watches, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.graph.toys import ListSource, frames
from vidface.data.event import Event
from vidface.data.frame import Frame
from vidface.node import Target
from vidface.sinks.live import Live


class Seen:
    """A station that keeps what it is shown."""

    camera, session = "door", "now"

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.comments: list[str] = []

    def show(self, frame: Frame, comment: str = "") -> None:
        self.frames.append(frame)
        self.comments.append(comment)

    def send(self, event: Event) -> None:
        raise AssertionError(f"a picture is no event: {event}")


def test_pictures_go_to_the_station(tmp_path: Path) -> None:
    """Each one as it is, in order; no file is written."""
    station, sink = Seen(), Live()
    target = Target(tmp_path, "live", ListSource(frames(1)).info)
    sink.start(replace(target, station=station))
    shown = frames(3)
    for frame in shown:
        sink.process(frame)
    assert sink.finish() == {"shown": 3}
    sink.close()
    assert station.frames == shown
    assert station.comments == [target.comment] * 3
    assert not list(tmp_path.iterdir())


def test_without_a_station_it_does_nothing(tmp_path: Path) -> None:
    sink = Live()
    sink.start(Target(tmp_path, "live", ListSource(frames(1)).info))
    sink.process(frames(1)[0])
    assert sink.finish() == {"shown": 0}
