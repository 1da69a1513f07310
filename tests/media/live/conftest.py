"""Fixtures for live inputs: a small clip without B-frames, and a server that serves it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.media.live.server import Coded, RtspServer
from tests.media.make_clips import Clip, make

STILL = {"preset": "ultrafast", "g": "5", "bf": "0"}


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second at 25 frames a second, a key frame every 5."""
    return make(tmp_path_factory.mktemp("live") / "clip.mp4", Clip(pts=range(25), options=STILL))


@pytest.fixture(scope="session")
def wide_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in another size."""
    return make(
        tmp_path_factory.mktemp("live") / "wide.mp4", Clip(size=(96, 48), pts=range(25), options=STILL)
    )


@pytest.fixture
def server(camera_clip: Path) -> Iterator[RtspServer]:
    """A camera."""
    with RtspServer(Coded.of(camera_clip)) as running:
        yield running


@pytest.fixture(autouse=True)
def on_linux_only() -> None:
    """Waits are tuned where cameras are watched; elsewhere processes start too slowly for these tests."""
    if sys.platform == "win32":
        pytest.skip("no POSIX signals")
