"""about: what the input's file says of itself, written once, private, also where there is no file."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.media.conftest import Maker
from tests.sinks.test_jsonl import at, target
from vidface.sinks.about import About


def told(folder: Path, clip: Path | None) -> dict[str, Any]:
    """about.json after a run of one frame."""
    sink = About()
    sink.start(replace(target(folder, "about"), input=clip))
    sink.process(at(0, 0))
    assert sink.finish() == {"files": ["about.json"]}
    sink.close()
    found: dict[str, Any] = json.loads((folder / "about.json").read_text())
    return found


def test_declarations_are_kept(tmp_path: Path, clip: Maker) -> None:
    """The container's own words; no manifest and no mark in a plain clip."""
    about = told(tmp_path, clip("plain.mp4"))
    declared = about["declared"]
    assert declared["manifest"] is None
    assert declared["mark"] is None
    assert any("Lavf" in text for text in declared["metadata"].values())
    assert about["stream"]["packets"] == 24
    assert about["stream"]["lines"][0].startswith("h264 in mov,mp4")
    assert stat.S_IMODE((tmp_path / "about.json").stat().st_mode) == 0o600


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    """A camera, or a folder of pictures."""
    about = told(tmp_path, None)
    assert "no single file" in about["declared"]["unread"]
    assert "no single file" in about["stream"]["unread"]


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    """Removed while the run went on: the run's own result stands."""
    about = told(tmp_path, tmp_path / "gone.mp4")
    assert "gone.mp4" in about["declared"]["unread"]
    assert "gone.mp4" in about["stream"]["unread"]
