"""A board of made cameras: the project's own clips with boxes and names drawn, and events told by hand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from vidface.data.event import Event
from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identities, Identity
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.media.decode import open_source
from vidface.media.pixels import AvPixels
from vidface.nodes.draw.boxes import DrawBoxes
from vidface.web.board import CameraView, Health, Measure, Shown, Told

BEGAN = time.time() - 4000


def plain_frame(index: int = 0, size: tuple[int, int] = (320, 180), shade: int | None = None) -> Frame:
    """One colour; another one for each index."""
    level = (37 * index) % 200 + 30 if shade is None else shade
    picture = np.full((size[1], size[0], 3), level, np.uint8)
    made = AvPixels(VideoFrame.from_ndarray(picture, "rgb24"))
    return Frame(index, index, Fraction(1, 25), made, utc_s=BEGAN + index / 25)


def drawn_frames(samples: Path, clip: str, wanted: range) -> list[Frame]:
    """Frames of a sample clip with boxes and names as draw.boxes makes them."""
    lines = (samples / clip).with_suffix(".truth.jsonl").read_text().splitlines()
    names = {"collins": "Eileen Collins", "hopper": "Grace Hopper"}
    frames, faces, who = [], [], []
    for frame in open_source(samples / clip).frames():
        if frame.index in wanted:
            seen = [one for one in json.loads(lines[frame.index])["faces"] if one["visible"] > 0.2]
            frames.append(frame)
            points = [one["landmarks"] for one in seen] or None
            tracks = [one["id"] for one in seen] or None
            faces.append(Faces.of([one["box"] for one in seen], landmarks=points, tracks=tracks))
            who.append(Identities(tuple(Identity("known", names[one["name"]], 0.71) for one in seen)))
        elif frame.index >= wanted.stop:
            break
    drawn: list[Frame] = NodeHarness(DrawBoxes(label="id")).run(frame=frames, faces=faces, identity=who)
    return drawn


class MadeBoard:
    """A `vidface.web.board.Board` whose every answer is set from outside.

    Attributes:
        asked: how often a picture was asked for.
    """

    def __init__(self) -> None:
        self.views: dict[str, CameraView] = {}
        self.pictures: dict[str, Shown] = {}
        self.told: list[Told] = []
        self.shots: dict[str, bytes] = {}
        self.state = Health(BEGAN)
        self.measures: list[Measure] = []
        self.added: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self._number = 0
        self._stop = threading.Event()

    def camera(self, name: str, frame: Frame | None = None, **values: Any) -> None:
        """A camera, with its newest picture."""
        size = None if frame is None else frame.size
        settings: dict[str, Any] = {"status": "watched", "since_utc_s": BEGAN, "size": size} | values
        self.views[name] = CameraView(name, **settings)
        if frame is not None:
            self.show(name, frame)

    def change(self, name: str, **values: Any) -> None:
        """Something of a camera is different now."""
        self.views[name] = replace(self.views[name], **values)

    def show(self, name: str, frame: Frame, comment: str = "") -> None:
        """The next picture."""
        self._number += 1
        self.pictures[name] = Shown(self._number, frame, comment)

    def tell(self, event: Event) -> None:
        """The next event."""
        number = len(self.told) + 1
        name = None
        if event.picture is not None:
            name = f"{event.camera}/shots/{number}.jpg"
            self.shots[name] = event.picture
        self.told.append(Told(number, event.row(), name))

    def play(self, name: str, frames: Sequence[Frame], rate: float) -> threading.Thread:
        """Show frames again and again until `end`."""

        def work() -> None:
            while True:
                for frame in frames:
                    if self._stop.wait(1 / rate):
                        return
                    self.show(name, frame)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def end(self) -> None:
        """Play no more."""
        self._stop.set()

    def cameras(self) -> Sequence[CameraView]:
        return tuple(self.views.values())

    def shown(self, camera: str) -> Shown | None:
        self.asked += 1
        return self.pictures.get(camera)

    def events(self, limit: int) -> Sequence[Told]:
        return self.told[::-1][:limit]

    def shot(self, name: str) -> bytes | None:
        return self.shots.get(name)

    def health(self) -> Health:
        return self.state

    def metrics(self) -> Iterable[Measure]:
        return self.measures

    def add_camera(self, name: str, settings: Mapping[str, Any]) -> None:
        if name in self.views:
            raise UsageError(f"there is a camera {name} already (rtsp://me:secret@10.0.0.5/)")
        self.added[name] = dict(settings)
        self.camera(name, status="waiting")

    def remove_camera(self, name: str) -> None:
        if name not in self.views:
            raise UsageError(f"there is no camera {name}")
        del self.views[name]


def busy_board(samples: Path) -> MadeBoard:
    """Four cameras, one of them lost, with events of an ordinary afternoon; pictures are shown once."""
    board = MadeBoard()
    clip = drawn_frames(samples, "two_people.mp4", range(60, 90))
    walk = drawn_frames(samples, "walk_vfr.mkv", range(30, 50))
    late = drawn_frames(samples, "two_people.mp4", range(200, 204))
    latency = {"p50": 61.0, "p95": 92.4, "p99": 120.1}
    good: dict[str, Any] = {"rate": 25.0, "connections": 1, "latency_ms": latency}
    board.camera("door", clip[0], faces=2, frames=98_211, recording="always", dropped={"stale": 12}, **good)
    slow = good | {"rate": 14.8, "connections": 3, "steps": ("detect every 6th picture",)}
    board.camera("yard", walk[0], faces=2, frames=60_004, dropped={"stale": 1210, "lost": 77}, **slow)
    why = "The camera does not answer (connection refused); it is tried again every minute."
    board.camera("stairs", late[0], status="lost", since_utc_s=time.time() - 63, frames=41_800, why=why)
    board.camera("garage-entrance-north", clip[20], faces=1, frames=98_050, **good)
    people = {one: (samples / f"{one}.jpg").read_bytes() for one in ("collins", "hopper")}
    now = time.time()

    def tell(ago: float, kind: Any, camera: str, **values: Any) -> None:
        board.tell(Event(kind, camera, now - ago, **values))

    tell(90_000, "track_started", "door", track="a1", picture=people["hopper"])
    tell(1800, "camera_lost", "yard", details={"cause": "nothing came for 2.0 s"})
    tell(1785, "camera_back", "yard", details={"lost_s": 15.2})
    tell(400, "track_identified", "door", track="a2", name="Eileen Collins", picture=people["collins"],
         details={"similarity": 0.7134, "quality": 0.81})  # fmt: skip
    tell(300, "track_left", "door", track="a2", name="Eileen Collins", picture=people["collins"],
         details={"duration_s": 100.0})  # fmt: skip
    tell(200, "track_started", "yard", track="b1", picture=people["hopper"])
    tell(140, "unknown_lingering", "yard", track="b1", picture=people["hopper"], details={"duration_s": 60.2})
    tell(63, "camera_lost", "stairs", details={"cause": "connection refused"})
    tell(20, "track_identified", "garage-entrance-north", track="d4", name="Grace Hopper",
         picture=people["hopper"], details={"similarity": 0.6612, "quality": 0.74})  # fmt: skip
    tell(4, "track_started", "door", track="a7")
    return board
