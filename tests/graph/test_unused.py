"""Options that have nothing to work on are told; those that contradict themselves are refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vidface
from tests.cli.test_main import call
from tests.media.make_clips import Clip, make
from vidface.errors import UsageError
from vidface.graph.settings import Settings

NODES = {"detect": {"use": "detect.face", "in": "source"}}
FACES = {"version": 1, "device": "cpu", "nodes": NODES, "outputs": {"faces": "detect"}}
VIDEO = {**FACES, "outputs": {"video": "source"}}
TOLD = [
    ({"rate": 5.0}, "--rate 5 is for folders of pictures"),
    ({"square": True}, "--square has nothing to do: pixels of "),
    ({"retry": "3"}, "--retry 3 is for cameras"),
    ({"staleness": 0.1}, "--staleness 0.1 is for cameras"),
    ({"rtsp_transport": "udp"}, "--rtsp-transport udp is for cameras"),
    ({"consent": "Ann drew this herself."}, "--consent is not needed"),
    ({"audio": "voice.mp4"}, "--audio is heard by no node"),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames, with sound."""
    return make(tmp_path_factory.mktemp("clip") / "clip.mp4", Clip(size=(32, 32), pts=(0, 1), sound="aac"))


@pytest.mark.parametrize(("options", "said"), TOLD)
def test_what_changes_nothing_is_told(clip: Path, tmp_path: Path, options: dict[str, Any], said: str) -> None:
    """By the run, and in run.json."""
    options = options | ({"audio": clip} if "audio" in options else {})
    run = vidface.run(FACES, clip, tmp_path / "out", **options)
    with run:
        list(run)
    (note,) = run.notes
    assert note.startswith(said)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["notes"] == [note]


def test_pixels_that_are_made_square_are_not_told_as_stretched(tmp_path: Path) -> None:
    """Without the option they are, with it neither that nor that it had nothing to do."""
    path = make(tmp_path / "wide.mp4", Clip(size=(32, 32), pts=(0, 1), aspect=Fraction(2)))
    with vidface.run(FACES, path) as run:
        assert [note for note in run.notes if "--square" in note]
    with vidface.run(FACES, path, square=True) as run:
        assert run.notes == ()
        assert (run.info.width, run.info.height) == (64, 32)


def test_what_is_used_is_no_matter(clip: Path, tmp_path: Path) -> None:
    """Sound for a video; a rate for pictures."""
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    with vidface.run(VIDEO, clip, tmp_path / "out", audio=clip) as run:
        assert run.notes == ()
    assert "notes" not in json.loads((tmp_path / "out" / "run.json").read_text())
    with vidface.run(FACES, tmp_path / "a.png", rate=5.0) as run:
        assert run.notes == ()


def test_pixels_that_are_not_square_are_told(tmp_path: Path) -> None:
    path = make(tmp_path / "wide.mkv", Clip(size=(32, 32), pts=(0, 1), aspect=Fraction(64, 45)))
    with vidface.run(FACES, path) as run:
        list(run)
    (note,) = run.notes
    assert "has pixels of 64:45 (wide to high), and faces are measured and recognised as it stores" in note


def test_the_command_line_says_it_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
    repo: Path,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A quiet one leaves it to run.json, whose notes are the same."""
    words = ("run", "graphs/detect.yaml", clip, "--outputs", "faces", "--rate", "5", "-o")
    assert call(monkeypatch, repo, *words, tmp_path / "out") == 0
    assert capsys.readouterr().err.startswith("vidface: --rate 5 is for folders of pictures; ")
    assert call(monkeypatch, repo, *words, tmp_path / "quiet", "-q") == 0
    assert capsys.readouterr() == ("", "")
    loud, quiet = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("out", "quiet"))
    assert len(quiet["notes"]) == 1
    assert quiet["notes"] == loud["notes"]


def test_an_empty_choice_of_outputs_takes_nothing_away(
    monkeypatch: pytest.MonkeyPatch,
    repo: Path,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--outputs ''` is refused before an earlier run is overwritten."""
    words = ("run", "graphs/detect.yaml", clip, "-o", tmp_path / "out", "-q", "--outputs")
    assert call(monkeypatch, repo, *words, "faces") == 0
    before = (tmp_path / "out" / "run.json").read_bytes()
    for empty in ("", " , "):
        assert call(monkeypatch, repo, *words, empty, "--overwrite") == 2
        assert "--outputs names no output" in capsys.readouterr().err
    assert (tmp_path / "out" / "run.json").read_bytes() == before
    assert (tmp_path / "out" / "faces.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"outputs": ()}, "--outputs names no output"),
        ({"audio": "a.wav", "no_audio": True}, "give one of them"),
        ({"table": "xlsx"}, "--format wants csv or parquet, but found 'xlsx'"),
        ({"stop": float("nan")}, "--to wants seconds, but found nan"),
        ({"start": float("-inf")}, "--from wants seconds"),
        ({"rate": 0.0}, "--rate wants frames a second above 0"),
        ({"rate": float("nan")}, "--rate wants frames a second above 0"),
        ({"chunk": 0}, "--chunk wants a number of frames from 1, but found 0"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(options: dict[str, Any], said: str) -> None:
    """For who calls from Python: the command line refuses most of it by itself."""
    with pytest.raises(UsageError, match=said):
        Settings(**options)


def test_a_run_is_iterated_once(clip: Path, tmp_path: Path) -> None:
    """A second time is refused, and leaves what the first wrote as it is."""
    run = vidface.run(FACES, clip, tmp_path / "out")
    assert len(list(run)) == 2
    with pytest.raises(UsageError, match="iterated once"):
        list(run)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "done"
    with vidface.run(FACES, clip) as left:
        pass
    with pytest.raises(UsageError, match="iterated once"):
        list(left)
