"""`vidface run --motion`: a stabilisation is written once and applied again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vidface.cli import main

CAMERA = "graphs/stabilize-camera.yaml"


def call(monkeypatch: pytest.MonkeyPatch, repo: Path, *words: object) -> int:
    """Run `vidface WORDS` in this process, in the root of the checkout; gives the exit code."""
    monkeypatch.chdir(repo)
    monkeypatch.setattr(sys, "argv", ["vidface", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_a_saved_motion_is_applied_again(monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path) -> None:
    """Two passes over the same second give the same motion file; its path holds a space and a quote."""
    first, again = tmp_path / 'a "b c.jsonl', tmp_path / "again.jsonl"
    words = ("run", CAMERA, "samples/two_people.mp4", "--to", "0.6", "-q", "--progress", "none")
    saved = f"stabilize.save_motion='{first}'"
    assert call(monkeypatch, repo, *words, "-o", tmp_path / "one", "--set", saved) == 0
    saving = ("--set", f"stabilize.save_motion={again}")
    assert call(monkeypatch, repo, *words, "-o", tmp_path / "two", "--motion", first, *saving) == 0
    assert again.read_text() == first.read_text()
    assert len(first.read_text().splitlines()) == 15


def test_a_graph_without_a_stabiliser_says_so(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "graphs/track.yaml", "samples/two_people.mp4", "-o", tmp_path / "o", "--motion", "x")
    assert call(monkeypatch, repo, *words) == 2
    assert "no stabiliser" in capsys.readouterr().err


def test_a_motion_file_that_is_not_there_says_so(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", CAMERA, "samples/two_people.mp4", "-o", tmp_path / "o", "--motion", tmp_path / "none")
    assert call(monkeypatch, repo, *words, "--progress", "none") == 3
    assert "motion file" in capsys.readouterr().err
