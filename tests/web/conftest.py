"""Boards, servers and a browser for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.review.chrome import Chrome, a_browser
from tests.web.made_board import MadeBoard, plain_frame
from vidface.web.server import Server
from vidface.web.settings import HttpSettings

TOKEN = "a token of many letters"


@pytest.fixture
def board() -> Iterator[MadeBoard]:
    """Two cameras, one of them lost."""
    made = MadeBoard()
    made.camera("door", plain_frame(0), frames=100, faces=1, latency_ms={"p50": 50.0, "p95": 90.0})
    made.camera("yard", status="lost", why="nothing came for 2.0 s", dropped={"stale": 7}, connections=3)
    yield made
    made.end()


@contextmanager
def served(board: MadeBoard, token: str | None = None, **settings: object) -> Iterator[Server]:
    """A page at a free port of the loopback."""
    chosen = HttpSettings.model_validate({"address": "127.0.0.1:0"} | settings)
    environment = {} if token is None else {"VIDFACE_TOKEN": token}
    with Server(board, chosen, environment=environment) as server:
        yield server


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    """A browser for all these tests."""
    with a_browser() as browser:
        yield browser
