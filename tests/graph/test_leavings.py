"""--overwrite over a run that was killed: its files go, and nobody else's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import vidface
from vidface.errors import OutputError
from vidface.graph.custody import CHAIN, MANIFEST
from vidface.graph.leavings import leavings
from vidface.graph.verify import check_folder
from vidface.sinks.findings import FindingsSink

GRAPH: dict[str, Any] = {
    "version": 1,
    "device": "cpu",
    "nodes": {
        "detect": {"use": "detect.face", "in": "source"},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
    },
    "outputs": {
        "faces": "track",
        "shots": {"use": "images", "in": {"frame": "source", "faces": "track"}},
    },
}
MAP = "heat/blend_0001_000012.png"
LEFT = ("shots/track_0009.jpg", "shots/track_0002_again1_3.png", CHAIN)
OURS = (MAP, "shots/mine.jpg", "shots/track_9.jpg", "shots/trip/track_0001.jpg", "heat.png", "diary.txt")


def put(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.fixture
def killed(samples: Path, tmp_path: Path) -> Path:
    """The folder of a run before its end, with what it might have written, and files of the user's."""
    with vidface.run(GRAPH, samples / "rotated.mp4", tmp_path / "going", stop=0.4) as work:
        for _ in work:
            shutil.copytree(tmp_path / "going", tmp_path / "killed")
            break
    put(tmp_path / "killed", LEFT + OURS)
    return tmp_path / "killed"


def test_overwriting_a_killed_run_removes_what_it_wrote(samples: Path, killed: Path) -> None:
    """Its pictures are gone, and not under the new run's seal; the user's files stay."""
    facts = json.loads((killed / MANIFEST).read_text())
    assert facts["status"] == "running"
    assert facts["planned"] == {"faces": ["faces.jsonl", "tracks.jsonl"], "shots": ["shots/"]}
    for _ in vidface.run(
        GRAPH, samples / "rotated.mp4", killed, stop=0.4, overwrite=True, outputs=("faces",)
    ):
        pass
    assert not [name for name in LEFT[:2] if (killed / name).exists()]
    assert all((killed / name).exists() for name in OURS)
    facts = json.loads((killed / MANIFEST).read_text())
    assert facts["planned"] == {}
    assert set(facts["files_sha256"]) == {"faces.jsonl", "tracks.jsonl", CHAIN}
    assert {one.name for one in check_folder(killed, facts) if one.bad} == set(OURS)


@pytest.mark.parametrize("planned", [["../other/"], ["/"], ["./"], ["a/b/"], ["*"], ["../x.jsonl"], [".."]])
def test_a_plan_names_nothing_outside(killed: Path, planned: list[str]) -> None:
    """run.json may come from anybody."""
    assert not set(leavings(killed, {"planned": {"shots": planned}}))


def test_maps_of_findings_are_theirs(killed: Path) -> None:
    """They are removed where findings were planned; else such a folder is the user's."""
    files = FindingsSink().files("findings")
    assert MAP in set(leavings(killed, {"planned": {"findings": list(files)}}))


def test_what_a_failed_run_did_not_list_is_removed_as_well(samples: Path, tmp_path: Path) -> None:
    """One output breaks at its end: run.json lists the other's files, and of this one what was planned."""
    out, clip = tmp_path / "out", samples / "rotated.mp4"
    work = vidface.run(GRAPH, clip, out, stop=0.4)
    (out / "shots" / "index.jsonl").mkdir()
    with pytest.raises(OutputError):
        list(work)
    facts = json.loads((out / MANIFEST).read_text())
    assert facts["status"] == "failed"
    assert set(facts["planned"]) == {"shots"}
    assert "faces.jsonl" in facts["files_sha256"]
    (out / "shots" / "index.jsonl").rmdir()
    put(out, ("shots/track_0009.jpg",))
    for _ in vidface.run(GRAPH, clip, out, stop=0.4, overwrite=True, outputs=("faces",)):
        pass
    assert list((out / "shots").iterdir()) == []
