"""events: lines and pictures of a run on its own, and what a station is told."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from time import monotonic, time
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.data import Faces, Frame, SourceInfo
from vidface.data.comments import comments
from vidface.data.event import Event
from vidface.data.identity import Identities, Identity
from vidface.data.measures import Measure, Measures
from vidface.errors import OutputError, UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks.events import Events

RATE = 8
ANN = Identity("known", "Ann Ö/Lee", 0.71, 0.3, "Ann Ö/Lee")
NOBODY = Identity("unknown", None, 0.2, 0.1, "Bob")


def target(folder: Path, *, live: bool = False, **more: Any) -> Target:
    info = SourceInfo("cam.mp4", "mp4", "h264", "yuv420p", 160, 120, Fraction(1, 90000), live=live)
    return Target(folder, "events", info, **more)


def frame(index: int, red: int = 90) -> Frame:
    """A noisy picture (flat ones have no sharpness), redder or less so."""
    picture = np.random.default_rng(index).integers(0, 60, (120, 160, 3), np.uint8)
    picture[..., 0] = red
    return frame_from_rgb(picture, index, Fraction(index, RATE))


def faces(*tracks: int, score: float = 0.9, interpolated: bool = False) -> Faces:
    """Faces side by side under these numbers."""
    boxes = [(10 + 30 * (i % 5), 20, 34 + 30 * (i % 5), 50) for i in range(len(tracks))]
    n = len(tracks)
    return Faces.of(boxes, scores=[score] * n, tracks=list(tracks), interpolated=[interpolated] * n)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def run(sink: Events, seconds: float, *values: Any, begin: int = 0) -> int:
    """The same values on every frame for some seconds; the index that comes next."""
    for index in range(begin, begin + round(seconds * RATE)):
        sink.process(frame(index), *(values or (Faces.none(),)))
    return begin + round(seconds * RATE)


def test_a_visit_in_lines_and_pictures(tmp_path: Path) -> None:
    """Come, named, gone: every field is there, and the picture stands where the line says."""
    sink = Events(debounce_s=2)
    sink.start(target(tmp_path))
    end = run(sink, 3, faces(7), Identities((ANN,)))
    run(sink, 3, begin=end)
    facts = sink.finish()
    sink.close()
    started, named, left = rows(tmp_path)
    assert [row["kind"] for row in (started, named, left)] == [
        "track_started",
        "track_identified",
        "track_left",
    ]
    assert left == {
        "kind": "track_left",
        "camera": "cam.mp4",
        "at": None,
        "time": "4.875000",
        "track": "7",
        "name": "Ann Ö/Lee",
        "frame": 23,
        "box": [10.0, 20.0, 34.0, 50.0],
        "score": 0.9,
        "first_time": "0.000000",
        "first_at": None,
        "last_time": "2.875000",
        "last_at": None,
        "clock": "stream",
        "duration_s": 2.875,
        "quality": left["quality"],
        "ranked_by": "proxy",
        "state": "known",
        "similarity": 0.71,
        "margin": 0.3,
        "nearest": "Ann Ö/Lee",
        "shot": "events/000003_track_left.jpg",
    }
    assert (started["name"], named["name"]) == (None, "Ann Ö/Lee")
    assert facts["files"] == ["events.jsonl", *(row["shot"] for row in (started, named, left))]
    assert facts["events"] == {"track_started": 1, "track_identified": 1, "track_left": 1}
    for path in [tmp_path / "events", *(tmp_path / name for name in facts["files"])]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_the_picture_is_the_best_so_far(tmp_path: Path) -> None:
    """By the wired quality: the reddest frame is judged best; the interpolated one never counts."""
    sink = Events(debounce_s=1, appear_s=0.25)
    sink.start(target(tmp_path))
    kinds = (Measure("quality", "ratio", "All of it."),)
    for index, (red, good) in enumerate([(10, 0.2), (20, 0.2), (20, 0.3), (250, 0.9), (120, 0.8)]):
        sink.process(frame(index, red), faces(1), None, Measures(kinds, np.array([[good]], np.float32)))
    sink.process(frame(6), faces(1, interpolated=True), None, Measures(kinds, np.ones((1, 1), np.float32)))
    sink.finish()
    first, last = rows(tmp_path)
    assert (first["quality"], last["quality"], last["ranked_by"]) == (0.3, 0.9, "quality")
    pictures = [cv2.imread(str(tmp_path / row["shot"])) for row in (first, last)]
    reds = [float(picture[10:30, 10:30, 2].mean()) for picture in pictures if picture is not None]
    assert reds[0] < 60
    assert reds[1] > 200


def test_pictures_can_be_left_out(tmp_path: Path) -> None:
    """With picture_px 0 no pixel is made."""
    sink = Events(picture_px=0)
    sink.start(target(tmp_path))
    run(sink, 2, faces(1))
    sink.finish()
    assert [(row["shot"], row["quality"], row["ranked_by"]) for row in rows(tmp_path)] == [(None,) * 3] * 2
    assert not (tmp_path / "events").exists()


@dataclass
class Post:
    """A station that keeps what it is told."""

    camera: str = "door"
    session: str = "k3"
    events: list[Event] = field(default_factory=list)

    def send(self, event: Event) -> None:
        self.events.append(event)

    def show(self, frame: Frame, comment: str = "") -> None:
        raise AssertionError


def test_a_station_is_told_instead_of_files(tmp_path: Path) -> None:
    """With its name, its session before the track's number, and the picture; nothing is written."""
    post = Post()
    sink = Events()
    sink.start(target(tmp_path, live=True, station=post))
    for index in range(2 * RATE):
        taken = replace(frame(index), arrival=1000 + index / RATE, utc_s=time(), clock="arrival")
        sink.process(taken, faces(4))
    facts = sink.finish()
    started, left = post.events
    assert (started.camera, started.track) == ("door", "k3-4")
    assert started.picture is not None
    assert started.picture.startswith(b"\xff\xd8")
    assert abs(started.utc_s - time()) < 60
    assert left.details["cause"] == "watching ended"
    assert left.details["first_at"] < left.row()["at"]
    assert "files" not in facts
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_leaps_changes_nothing(tmp_path: Path) -> None:
    """Only arrival counts: neither the stream's time (a camera that restarts) nor the camera's clock."""
    post = Post()
    sink = Events(debounce_s=2)
    sink.start(target(tmp_path, live=True, station=post))
    began = monotonic()
    for index in range(40):
        pts = index * 1000 if index < 20 else (index - 30) * 1000
        utc = 1_700_000_000 - index * 3600
        one = replace(frame(index), pts=pts, arrival=began + index / RATE, utc_s=utc, clock="rtcp")
        sink.process(one, faces(1))
    assert [event.kind for event in post.events] == ["track_started"]
    sink.finish()
    assert post.events[-1].details["duration_s"] == pytest.approx(39 / RATE, abs=1e-3)
    assert abs(post.events[-1].utc_s - time()) < 60
    assert post.events[-1].details["last_at"] < "2023-11-14"


def test_frames_that_arrive_out_of_order_take_no_longer(tmp_path: Path) -> None:
    """B-frames come after the frame behind them: the times of arrival go back and forth, durations do not."""
    post = Post()
    sink = Events(debounce_s=2)
    sink.start(target(tmp_path, live=True, station=post))
    began = monotonic()
    for index in range(80):
        late = began + (index + (2, 0, -1)[index % 3]) / RATE
        sink.process(replace(frame(index), arrival=late, utc_s=time(), clock="arrival"), faces(1))
    sink.finish()
    assert post.events[-1].details["duration_s"] == pytest.approx(79 / RATE, abs=3 / RATE)


def test_stream_times_that_leap_back_in_a_file(tmp_path: Path) -> None:
    """Time stands still over the leap: nobody leaves, nobody comes twice, no duration is below 0."""
    sink = Events(debounce_s=2)
    sink.start(target(tmp_path))
    for index in (*range(100, 130), *range(10, 40)):
        sink.process(frame(index), faces(1))
    sink.finish()
    started, left = rows(tmp_path)
    assert (started["kind"], left["kind"]) == ("track_started", "track_left")
    assert left["duration_s"] == pytest.approx(58 / RATE, abs=1e-3)


def test_pictures_of_a_run_that_is_replaced_go(tmp_path: Path) -> None:
    """But nothing else that lies there."""
    for seconds in (2, 0.25):
        sink = Events()
        sink.start(target(tmp_path))
        run(sink, seconds, faces(1))
        sink.finish()
        (tmp_path / "events" / "notes.jpg").write_bytes(b"mine")
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["notes.jpg"]


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    """Names of files are bytes; one that is no text does not stop a run."""
    sink = Events(camera='\udcff\n"x.mp4')
    sink.start(target(tmp_path))
    run(sink, 1, faces(1))
    sink.finish()
    assert rows(tmp_path)[0]["camera"] == '?\n"x.mp4'


def test_rows_without_a_track_are_counted(tmp_path: Path) -> None:
    """They cannot be told apart from one frame to the next."""
    sink = Events()
    sink.start(target(tmp_path))
    run(sink, 1, faces(-1, -1))
    facts = sink.finish()
    assert (facts["untracked"], facts["events"]) == (16, {})


def test_wrong_wiring_is_a_sentence(tmp_path: Path) -> None:
    """Rows that belong to other faces, and measures without a quality."""
    sink = Events()
    sink.start(target(tmp_path))
    with pytest.raises(UsageError, match="identity has 2 rows for 1 faces"):
        sink.process(frame(0), faces(1), Identities((NOBODY, NOBODY)))
    other = Measures((Measure("smile", "ratio", "A smile."),), np.zeros((1, 1), np.float32))
    with pytest.raises(UsageError, match="a column 'quality', but gets smile"):
        sink.process(frame(0), faces(1), None, other)
    sink.close()


def test_skipped_frames_say_nothing_of_names(tmp_path: Path) -> None:
    """Identities without rows, as of a node that is switched off, are allowed."""
    sink = Events()
    sink.start(target(tmp_path))
    run(sink, 2, faces(1), Identities.none())
    sink.finish()
    assert "state" not in rows(tmp_path)[0]


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    """One sentence; closing afterwards breaks nothing."""
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    sink = Events()
    sink.start(target(tmp_path))
    with pytest.raises(OutputError, match=r"events\.jsonl could not be written: No space left"):
        run(sink, 2, faces(1))
    sink.close()
    sink.close()


def test_a_thousand_faces_at_once_stay_small(tmp_path: Path) -> None:
    """All are told; what is kept of each is a JPEG, not pixels; more than `most` are counted."""
    post = Post()
    sink = Events(most=900, picture_px=64)
    sink.start(target(tmp_path, station=post))
    crowd = Faces.of([(40, 30, 80, 80)] * 1000, tracks=list(range(1000)))
    for index in range(6):
        sink.process(frame(index), crowd)
    assert len(post.events) == 900
    assert sum(len(facts.portrait.jpeg or b"") for facts in sink._facts.values()) < 900 * 8000
    assert sink.finish()["left_out"] == 100 * 6
    assert len(post.events) == 1800


def test_a_crowd_is_photographed_by_turns(tmp_path: Path) -> None:
    """Four pictures a frame at most, those without one first: twelve faces have theirs after three frames."""
    sink = Events()
    sink.start(target(tmp_path, station=Post()))
    for index in range(3):
        sink.process(frame(index), faces(*range(12), score=0.5 + index / 10))
        taken = [facts.portrait.jpeg for facts in sink._facts.values() if facts.portrait.jpeg is not None]
        assert len(taken) == 4 * (index + 1)
    sink.close()


def test_pictures_of_hidden_people_say_so(tmp_path: Path) -> None:
    """As every file does that is written from them."""
    post = Post()
    sink = Events()
    sink.start(target(tmp_path, station=post, hidden_by=("anonymize.faces",)))
    run(sink, 1, faces(1))
    picture = post.events[0].picture
    assert picture is not None
    assert "people hidden by: anonymize.faces" in comments(picture)["Comment"]


def test_life_before_start_and_after_close(tmp_path: Path) -> None:
    """Nothing before start, nothing after close."""
    sink = Events()
    assert sink.finish() == {}
    sink.close()
    sink.start(target(tmp_path))
    sink.close()
    run(sink, 2, faces(1))
    assert sink.finish() == {}
    assert rows(tmp_path) == []
