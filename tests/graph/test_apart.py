"""A run neither removes nor overwrites what it reads, an earlier run's results too soon, or files unasked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import vidface
from tests.media.make_clips import Clip, make
from vidface.errors import InputError, OutputError, OutputExistsError, UsageError
from vidface.graph.apart import check_apart, files_read
from vidface.graph.consent import consent_of
from vidface.graph.folder import RunFolder
from vidface.graph.plan import load
from vidface.graph.settings import Settings

NODE = '''
from __future__ import annotations

from vidface.data import Device, Faces, Frame
from vidface.errors import InputError
from vidface.node import Node


class One(Node):
    """One face; it does not open where it is told so."""

    opens: bool = True
    looks: str = ""

    def open(self, device: Device) -> None:
        if not self.opens:
            raise InputError("there is no gallery gone")

    def process(self, frame: Frame) -> Faces:
        return Faces.of([[1, 1, 9, 12]], scores=[0.5], tracks=[1])
'''
BOTH = {"video": {"use": "video", "in": {"frame": "steady"}}, "faces": "one"}


def graph_of(folder: Path, outputs: dict[str, Any], **one: Any) -> Path:
    """A graph of a node of its own and a stabiliser, as a file."""
    (folder / "one.py").write_text(NODE)
    nodes = {
        "steady": {"use": "stabilize.camera", "in": {"frame": "source"}, "with": {"look_ahead": 0}},
        "one": {"use": "./one.py", "in": {"frame": "source"}, "with": one},
    }
    graph = {"version": 1, "device": "cpu", "nodes": nodes, "outputs": outputs}
    path = folder / "graph.yaml"
    path.write_text(json.dumps(graph))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six frames, in a folder of their own."""
    (tmp_path / "clips").mkdir()
    return make(tmp_path / "clips" / "film.mp4", Clip(pts=tuple(range(6))))


def go(*args: Any, **options: Any) -> None:
    """Run to the end."""
    for _ in vidface.run(*args, **options):
        pass


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_input_among_earlier_results_is_kept(clip: Path, tmp_path: Path) -> None:
    """The video of a run is the input of the next into the same folder: refused, nothing is touched."""
    out = tmp_path / "out"
    go(graph_of(tmp_path, BOTH), clip, out)
    before = contents(out)
    with pytest.raises(UsageError, match=r"video\.mp4 would be removed or written over, but this run reads"):
        vidface.run(graph_of(tmp_path, {"faces": "one"}), out / "video.mp4", out, overwrite=True)
    assert contents(out) == before
    go(graph_of(tmp_path, {"faces": "one"}), out / "video.mp4", tmp_path / "next")


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_an_input_of_an_outputs_name_is_kept(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: Any
) -> None:
    """Into the folder of the clips: refused where an output has the clip's name, and else done."""
    shutil.copy(clip, clip.with_name("video.mp4")) if link is None else link(
        clip, clip.with_name("video.mp4")
    )
    monkeypatch.chdir(clip.parent)
    before = contents(clip.parent)
    graph = graph_of(tmp_path, BOTH)
    source = "video.mp4" if link is None else "film.mp4"
    with pytest.raises(UsageError) as caught:
        vidface.run(graph, source, ".", overwrite=True)
    assert caught.value.exit_code == 2
    assert contents(clip.parent) == before
    go(graph, source, ".", overwrite=True, outputs=("faces",))
    assert set(contents(clip.parent)) - set(before) >= {str(clip.parent / name) for name in ("run.json",)}
    assert {name: contents(clip.parent)[name] for name in before} == before


def test_everything_that_is_read_counts(clip: Path, tmp_path: Path) -> None:
    """Input, sound, graph, files of nodes, consent, keys."""
    (tmp_path / "look.npz").touch()
    plan = load(graph_of(tmp_path, BOTH, looks=str(tmp_path / "look.npz")))
    settings = Settings(audio="a.wav", sign_cert="cert.pem", sign_key="key.pem")
    (tmp_path / "said.txt").write_text("She agreed.")
    consent = consent_of(plan, str(tmp_path / "said.txt"))
    found = set(files_read(plan, clip, settings, consent))
    here = {tmp_path / name for name in ("graph.yaml", "one.py", "look.npz", "said.txt")}
    assert found == {clip, *here, *map(Path, ("a.wav", "cert.pem", "key.pem"))}


def test_folders_are_looked_into(tmp_path: Path) -> None:
    """A folder of pictures that a run removes or fills is refused; one around the run's folder is not."""
    out, shots = tmp_path / "out", tmp_path / "out" / "shots"
    shots.mkdir(parents=True)
    (shots / "1.png").touch()
    (out / "faces.jsonl").touch()
    for written in (shots, shots / "1.png"):
        for source in (shots, shots / "1.png"):
            with pytest.raises(UsageError, match="this run reads it"):
                check_apart([source], [written], out=out)
    check_apart([tmp_path, out, shots, tmp_path / "none"], [out / "faces.jsonl", out / "none"], out=out)
    with pytest.raises(UsageError, match=r"faces\.jsonl would be"):
        check_apart([out], [out / "faces.jsonl"], out=tmp_path / "other")


def test_earlier_files_are_looked_at_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files are read: a run of the day's pictures over another's must not take minutes."""
    files = [tmp_path / f"{number}.png" for number in range(60)]
    for path in files:
        path.touch()
    read, earlier = files[:20], files[20:]
    looks: list[str] = []

    def watch(name: str) -> None:
        real = getattr(Path, name)

        def looking(*args: Any, **more: Any) -> Any:
            looks.append(name)
            return real(*args, **more)

        monkeypatch.setattr(Path, name, looking)

    for name in ("stat", "resolve", "samefile"):
        watch(name)
    check_apart(read, [], out=tmp_path, earlier=earlier)
    assert looks.count("resolve") == len(read) + 1
    assert looks.count("stat") <= 5 * len(read) + len(earlier)
    assert "samefile" not in looks
    monkeypatch.undo()
    earlier[7].unlink()
    os.link(read[3], earlier[7])
    with pytest.raises(UsageError, match=r"27\.png would be .* \(.*3\.png\)"):
        check_apart(read, [], out=tmp_path, earlier=earlier)


def test_earlier_files_are_listed_once(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was held against the run's inputs is what is removed."""
    out, graph = tmp_path / "out", graph_of(tmp_path, {"faces": "one"})
    go(graph, clip, out)
    listed: list[list[Path]] = []
    real = RunFolder.earlier

    def listing(self: RunFolder) -> list[Path]:
        listed.append(real(self))
        return listed[-1]

    monkeypatch.setattr(RunFolder, "earlier", listing)
    go(graph, clip, out, overwrite=True)
    assert [{path.name for path in one} for one in listed] == [
        {"run.json", "chain.jsonl", "faces.jsonl", "tracks.jsonl"}
    ]


@pytest.mark.parametrize("into", [None, "t.json"])
def test_results_stay_until_the_nodes_are_open(clip: Path, tmp_path: Path, into: str | None) -> None:
    """A run that cannot begin leaves what an earlier one wrote, byte for byte: its trace, its motion, too."""
    out = tmp_path / "out"
    saved = f"steady.save_motion={json.dumps(str(out / 'm.jsonl'))}"
    how: dict[str, Any] = {"overrides": (saved,), "trace": None if into is None else out / into}
    go(graph_of(tmp_path, BOTH), clip, out, **how)
    before = contents(out)
    assert (out / "m.jsonl").read_text().count("\n") == 6
    with pytest.raises(InputError, match="no gallery gone"):
        go(graph_of(tmp_path, BOTH, opens=False), clip, out, overwrite=True, **how)
    assert contents(out) == before
    go(graph_of(tmp_path, BOTH), clip, out, overwrite=True, **how)
    assert set(contents(out)) == set(before)
    report = json.loads((out / "run.json").read_text())
    assert report["status"] == "done"
    assert {"m.jsonl", *([into] if into else [])} < set(report["files_sha256"])


def test_a_new_folder_says_why_nothing_opened(clip: Path, tmp_path: Path) -> None:
    """Where there are no earlier results run.json tells of the failure."""
    with pytest.raises(InputError):
        go(graph_of(tmp_path, BOTH, opens=False), clip, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (report["status"], report["exit"]) == ("failed", 3)


@pytest.mark.parametrize("made", [False, True])
def test_a_trace_may_lie_in_the_runs_folder(clip: Path, tmp_path: Path, made: bool) -> None:
    """In a new folder, and in an empty one; it is under the run's seal."""
    out = tmp_path / "out"
    if made:
        out.mkdir()
    go(graph_of(tmp_path, BOTH), clip, out, trace=out / "t.json")
    assert {event["name"] for event in json.loads((out / "t.json").read_text())} >= {"decode", "one"}
    assert "t.json" in json.loads((out / "run.json").read_text())["files_sha256"]


@pytest.mark.parametrize("how", ["trace", "motion"])
def test_no_file_is_replaced_unasked(clip: Path, tmp_path: Path, how: str) -> None:
    """A trace or a saved motion goes where nothing is; with `overwrite` it replaces a file, but no input."""
    graph = graph_of(tmp_path, {"video": "steady"})
    precious = tmp_path / "precious.mkv"
    precious.write_text("a film")

    def to(path: Path) -> dict[str, Any]:
        return {"trace": path} if how == "trace" else {"overrides": (f'steady.save_motion="{path}"',)}

    for out in (None, tmp_path / "out"):
        with pytest.raises(OutputExistsError, match=r"precious\.mkv is there already"):
            vidface.run(graph, clip, out, **to(precious))
    with pytest.raises(OutputError, match="there is no folder"):
        vidface.run(graph, clip, tmp_path / "out", **to(tmp_path / "none" / "t.json"))
    before = contents(clip.parent)
    with pytest.raises(UsageError, match="this run reads it"):
        vidface.run(graph, clip, tmp_path / "out", overwrite=True, **to(clip))
    assert contents(clip.parent) == before
    assert precious.read_text() == "a film"
    go(graph, clip, tmp_path / "out", overwrite=True, **to(precious))
    assert len(precious.read_text().splitlines()) >= 6
