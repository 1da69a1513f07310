"""Fixtures for cameras that are watched: a light graph, a camera, files of cameras."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.media.live.server import Coded, RtspServer
from tests.media.make_clips import Clip, make
from vidface.media.live import line
from vidface.media.live.retry import Backoff
from vidface.watch import lane
from vidface.watch.config import Config
from vidface.watch.watcher import Watcher

NODE = '''
from vidface.data import Frame
from vidface.node import Node

class Through(Node):
    """Frames as they are."""
    fails_at: int = -1
    def process(self, frame: Frame) -> Frame:
        if frame.index == self.fails_at:
            raise ValueError("on purpose")
        return frame
'''
GRAPH = """version: 1
nodes:
  through: {use: ./through.py, in: {frame: source}}
outputs:
  live: {use: live, in: {frame: through}}
"""


def until(met: Callable[[], object], limit_s: float = 60) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + limit_s
    while not met():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def called_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever failed; how long waits are is proved where they are counted."""
    monkeypatch.setattr(lane, "Backoff", partial(Backoff, first_s=0.1))
    monkeypatch.setattr(line, "_KNOCK_EVERY_S", 0.1)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second at 25 frames a second, a key frame every 5."""
    options = {"preset": "ultrafast", "g": "5", "bf": "0"}
    return make(tmp_path_factory.mktemp("watch") / "clip.mp4", Clip(pts=range(25), options=options))


@pytest.fixture
def server(clip: Path) -> Iterator[RtspServer]:
    """A camera."""
    with RtspServer(Coded.of(clip)) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a light graph."""
    (tmp_path / "through.py").write_text(NODE, encoding="utf-8")
    (tmp_path / "light.yaml").write_text(GRAPH, encoding="utf-8")
    return tmp_path


Write = Callable[[str], Path]


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes cameras.yaml: `cameras` of the file, as text."""

    def written(cameras: str) -> Path:
        path = folder / "cameras.yaml"
        path.write_text(f"version: 1\ngraph: light.yaml\nout: out\ncameras:\n{cameras}", encoding="utf-8")
        return path

    return written


class Watched:
    """A watcher whose ticks the test makes, and what it said."""

    def __init__(self, path: Path) -> None:
        self.said: list[str] = []
        self.full = False  # nothing more can be said
        self.watcher = Watcher(Config.read(path, {}), tell=self._say)

    def _say(self, text: str) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.said.append(text)

    def until(self, met: Callable[[], object], limit_s: float = 60) -> None:
        """Tick until something happens."""

        def ticked() -> object:
            self.watcher.tick()
            return met()

        until(ticked, limit_s)

    def frames(self, name: str) -> int:
        """Frames that a camera gave so far."""
        lane = self.watcher.lane(name)
        return 0 if lane is None else int(lane.row()["frames"])


@pytest.fixture
def watched() -> Iterator[Callable[[Path], Watched]]:
    """Begins to watch a file's cameras; ends in order."""
    made: list[Watched] = []

    def begin(path: Path) -> Watched:
        made.append(Watched(path))
        return made[-1]

    yield begin
    for one in made:
        one.watcher.close()
