"""Fixtures for the tests of sinks."""

from __future__ import annotations

import pytest

from tests.media.conftest import Maker
from tests.media.make_clips import Clip, make


@pytest.fixture
def clip(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`clip("a.mp4", codec=..., ...)` makes a small clip and returns its path."""
    return lambda name, **how: make(tmp_path_factory.mktemp("clip") / name, Clip(**how))
