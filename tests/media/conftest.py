"""Fixtures for the media tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.make_clips import Clip, make

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """`clip("a.mp4", codec=..., ...)` makes a small clip once a session and returns its path."""
    made: dict[str, Path] = {}

    def maker(name: str, **how: object) -> Path:
        key = f"{name} {sorted(how.items())}"
        if key not in made:
            made[key] = make(tmp_path_factory.mktemp("clip") / name, Clip(**how))  # type: ignore[arg-type]
        return made[key]

    return maker
