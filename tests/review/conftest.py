"""Fixtures: a run's folder with made-up evidence, and copies of it to break."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vidface.graph.run import run

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    """The folder of a run over 4 s of two people; not to be written to."""
    out = tmp_path_factory.mktemp("review") / "run"
    clip = repo / "samples" / "two_people.mp4"
    with run(repo / "tests" / "review" / "made.yaml", clip, out, stop=4.0, forensic=True) as work:
        for _ in work:
            pass
    return out


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def change(folder: Path) -> Callable[[Edit], None]:
    """`change(edit)` edits run.json of the copy."""

    def edited(edit: Edit) -> None:
        path = folder / "run.json"
        facts = json.loads(path.read_text())
        edit(facts)
        path.write_text(json.dumps(facts))

    return edited
