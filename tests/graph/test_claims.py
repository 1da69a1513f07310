"""Files of outputs: each output says which it writes, and no two write one."""

from __future__ import annotations

from pathlib import Path

import pytest

import vidface
from tests.media.make_clips import Clip, make
from vidface.errors import GraphError
from vidface.graph.extend import with_table
from vidface.graph.plan import load

TWO = "from vidface.data import Faces, Frame\nfrom vidface.node import Node\n\n\nclass Two(Node):\n"
TWO += '    """Two faces."""\n\n    def process(self, frame: Frame) -> Faces:\n'
TWO += "        return Faces.of([[1, 1, 9, 9], [20, 1, 30, 9]], scores=[0.9, 0.8], tracks=[1, 2])\n"


def test_what_a_run_writes_was_claimed_before(tmp_path: Path) -> None:
    """Files and folders that stand there afterwards are those that `files` tells, and the run's own."""
    (tmp_path / "two.py").write_text(TWO)
    outputs = "\n".join(
        f"  {name}: {{use: {use}, in: {wires}}}"
        for name, use, wires in (
            ("faces", "jsonl", "{faces: two}"),
            ("raw", "jsonl", "{faces: two}"),
            ("faces_csv", "table", "{faces: two}"),
            ("shots", "images", "{faces: two}"),
            ("events", "events", "{faces: two}"),
            ("video", "video", "{frame: source}"),
            ("small", "preview", "{frame: source}"),
            ("about", "about", "{frame: source}"),
        )
    )
    graph = tmp_path / "graph.yaml"
    nodes = "nodes:\n  two: {use: ./two.py, in: {frame: source}}"
    graph.write_text(f"version: 1\n{nodes}\noutputs:\n{outputs}\n")
    clip = make(tmp_path / "clip.mp4", Clip(pts=tuple(range(30))))
    for _ in vidface.run(graph, clip, tmp_path / "out"):
        pass
    claimed = {
        name.rstrip("/")
        for outlet in load(graph, check_models=False).outlets
        for name in outlet.sink.files(outlet.name)
    }
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert there - claimed == {"run.json", "chain.jsonl"}
    assert claimed <= there


def test_an_added_table_does_not_write_over_an_output() -> None:
    """--format csv adds faces_csv to faces: refused where the graph has a table of that name."""
    nodes = {"detect": {"use": "detect.face", "in": {"frame": "source"}}}
    table = {"use": "table", "in": {"faces": "detect"}}
    graph = {"version": 1, "nodes": nodes, "outputs": {"more": {**table}, "faces": "detect"}}
    assert with_table(load(graph, check_models=False), "csv").outlets[-1].name == "faces_csv"
    graph["outputs"] = {"faces_csv": table, "faces": "detect"}
    with pytest.raises(GraphError, match=r"would both write faces\.csv"):
        with_table(load(graph, check_models=False), "csv")


def test_the_maps_of_findings_are_theirs_alone() -> None:
    """They lie in heat/, in heat_NAME/ where the output has another name: no other may write there."""
    nodes = {
        "detect": {"use": "detect.face", "in": {"frame": "source"}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        "blend": {
            "use": "forensics.blend",
            "in": {"frame": "source", "faces": "mesh.faces", "mesh": "mesh.mesh"},
        },
    }
    found = {"use": "findings", "in": {"blend": "blend"}}
    graph = {"version": 1, "nodes": nodes, "outputs": {"findings": found, "more": found}}
    assert [outlet.name for outlet in load(graph, check_models=False).outlets] == ["findings", "more"]
    for output, folder in (("findings", "heat"), ("more", "heat_more")):
        shots = {"use": "images", "in": {"faces": "track"}}
        graph = {"version": 1, "nodes": nodes, "outputs": {output: found, folder: shots}}
        wanted = f"'{output}' and '{folder}' would both write {folder}/; give one"
        with pytest.raises(GraphError, match=wanted):
            load(graph, check_models=False)


def test_names_that_only_sound_like_the_runs_own_are_fine() -> None:
    """notes.mp4 is no reviewer's notes.jsonl."""
    nodes = {"detect": {"use": "detect.face", "in": {"frame": "source"}}}
    graph = {"version": 1, "nodes": nodes, "outputs": {"notes": "source", "faces": "detect"}}
    assert load(graph, check_models=False).outlets[0].use == "video"
