"""--overwrite: what an earlier run wrote goes when the next one has begun, and not before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vidface
from tests.graph.test_apart import BOTH, contents, go, graph_of
from tests.media.make_clips import Clip, make
from vidface.data import Frame
from vidface.errors import InputError, OutputError
from vidface.node import Target
from vidface.sinks.video import VideoSink


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make(tmp_path / "film.mp4", Clip(pts=tuple(range(6))))


def failing(_self: VideoSink, _target: Target) -> None:
    raise OutputError("there is no room for a video")


def test_results_stay_until_the_outputs_are_open(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second output fails as it starts: all is as it was, byte for byte; once they start, all is new."""
    out, graph = tmp_path / "out", graph_of(tmp_path, BOTH | {"shots": "one"})
    go(graph, film, out)
    (out / "mine.txt").write_text("mine")
    before = contents(out)
    turned = graph_of(tmp_path, {"shots": "one", "faces": "one", "video": BOTH["video"]})
    with monkeypatch.context() as broken:
        broken.setattr(VideoSink, "start", failing)
        with pytest.raises(OutputError, match="no room"):
            go(turned, film, out, overwrite=True)
    assert contents(out) == before
    killed = out / ".earlier-killed"
    killed.mkdir()
    (killed / "old.txt").write_text("left by a run that was killed as it began")
    go(turned, film, out, overwrite=True, outputs=("faces",))
    names = {path.name for path in out.iterdir()}
    assert names == {"run.json", "chain.jsonl", "faces.jsonl", "tracks.jsonl", "mine.txt"}


@pytest.mark.parametrize(("fails_at", "stays"), [(0, True), (1, False)])
def test_results_stay_until_every_output_has_taken_a_frame(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, stays: bool
) -> None:
    """A file that cannot be opened is often told with the first frame; with the second it is another run."""
    out, graph = tmp_path / "out", graph_of(tmp_path, BOTH)
    go(graph, film, out)
    before, real = contents(out), VideoSink.process

    def process(self: VideoSink, frame: Frame) -> None:
        if frame.index == fails_at:
            raise OutputError("there is no room for a video")
        real(self, frame)

    monkeypatch.setattr(VideoSink, "process", process)
    with pytest.raises(OutputError, match="no room"):
        go(graph, film, out, overwrite=True)
    assert (contents(out) == before) is stays
    assert json.loads((out / "run.json").read_text())["status"] == ("done" if stays else "failed")
    assert not list(out.glob(".earlier-*"))


def test_results_stay_where_a_run_has_no_frame(film: Path, tmp_path: Path) -> None:
    """It begins behind the end, or is left before its first frame."""
    out, graph = tmp_path / "out", graph_of(tmp_path, BOTH)
    go(graph, film, out)
    before = contents(out)
    with pytest.raises(InputError, match="no frame from"):
        go(graph, film, out, overwrite=True, start=100.0)
    assert contents(out) == before
    with vidface.run(graph, film, out, overwrite=True):
        pass
    assert contents(out) == before


def test_in_a_folder_without_results_a_run_that_fails_to_begin_says_so(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to keep, so run.json tells of this one."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    monkeypatch.setattr(VideoSink, "start", failing)
    with pytest.raises(OutputError, match="no room"):
        go(graph_of(tmp_path, BOTH), film, out, overwrite=True)
    assert json.loads((out / "run.json").read_text())["status"] == "failed"


def test_results_that_cannot_be_moved_stay_where_they_are(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third file is on its way when the disk refuses: the first two are back."""
    out, graph = tmp_path / "out", graph_of(tmp_path, BOTH)
    go(graph, film, out)
    before, moved, real = contents(out), [0], Path.replace

    def replace(self: Path, target: Path) -> Path:
        moved[0] += 1
        if moved[0] == 3:
            raise PermissionError(1, "not yours")
        return real(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", replace)
        with pytest.raises(OutputError, match=r"out cannot be replaced: not yours; choose another folder"):
            go(graph, film, out, overwrite=True)
    assert contents(out) == before
