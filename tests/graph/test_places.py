"""The picture of an output that names none: that in whose pixels its faces were found."""

from __future__ import annotations

from typing import Any

import pytest

from vidface.errors import GraphError
from vidface.graph.engine import _tapped
from vidface.graph.plan import Outlet, load

NODES = {
    "detect": {"use": "detect.face", "in": {"frame": "source"}},
    "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
    "hide": {"use": "anonymize.faces", "in": {"frame": "source", "faces": "track"}},
    "hold": {"use": "stabilize.face", "in": {"frame": "source", "faces": "track"}},
    "again": {"use": "detect.face", "in": {"frame": "hold"}},
    "track2": {"use": "track.faces", "in": {"frame": "hold", "faces": "again"}},
    "draw": {"use": "draw.boxes", "in": {"frame": "hold", "faces": "track2"}},
}


def outlet(use: str, faces: str, params: dict[str, Any] | None = None, **wires: str) -> Outlet:
    """An output of these faces, as the plan has it."""
    output = {"use": use, "in": {"faces": faces, **wires}, "with": params or {}}
    graph = {"version": 1, "nodes": NODES, "outputs": {"out": output}}
    return load(graph, check_models=False).outlets[0]


def tapped(faces: str, **wires: str) -> dict[str, str]:
    """Names by which a tick gives values, of a graph with an output of pictures of these faces."""
    graph = {
        "version": 1,
        "nodes": NODES,
        "outputs": {"out": {"use": "images", "in": {"faces": faces, **wires}}},
    }
    return _tapped(load(graph, check_models=False))


@pytest.mark.parametrize(("faces", "frame"), [("track", "source"), ("track2", "hold")])
@pytest.mark.parametrize("use", ["images", "events"])
def test_pictures_are_cut_where_the_faces_were_found(use: str, faces: str, frame: str) -> None:
    """Faces of a crop, looked for in the source, would be pieces of sky; nothing drawn is in the way."""
    assert outlet(use, faces).wires["frame"] == frame


def test_what_writes_no_pictures_takes_times_from_the_source() -> None:
    """Lines of text need a frame for its time alone: nothing to sign, whatever was done to pictures."""
    assert outlet("jsonl", "track2").wires["frame"] == "source"
    assert outlet("jsonl", "hide.covers").wires["frame"] == "source"
    assert outlet("events", "hide.covers", {"picture_px": 0}).wires["frame"] == "source"


def test_a_named_picture_must_have_the_pixels_of_the_faces() -> None:
    """Also of an output."""
    with pytest.raises(GraphError, match="'track2' was measured in others"):
        outlet("images", "track2", frame="source")
    assert outlet("images", "track2", frame="draw").wires["frame"] == "draw"


@pytest.mark.parametrize("frame", ["source", "draw"])
@pytest.mark.parametrize("use", ["jsonl", "table"])
def test_what_writes_no_pictures_takes_times_from_any_that_is_named(use: str, frame: str) -> None:
    """The source written out is the same as nothing written."""
    assert outlet(use, "track2", frame=frame).wires["frame"] == frame


@pytest.mark.parametrize(("faces", "frame"), [("track", "source"), ("track2", "hold")])
def test_a_tick_has_the_output_whose_picture_was_chosen(faces: str, frame: str) -> None:
    """`tick["out"]` are its faces, whichever picture the output gets besides; a named one makes it two."""
    assert tapped(faces)["out"] == faces
    assert ("out" in tapped(faces, frame=frame)) == (frame == "source")


@pytest.mark.parametrize("frame", ["source", "hide.frame"])
def test_below_a_node_that_hides_people_either_picture_may_be_named(frame: str) -> None:
    """Who wants the uncovered faces has to say so."""
    assert outlet("images", "hide.covers", frame=frame).wires["frame"] == frame
