"""The ladder of a graph: which steps there are, what the usual ones are, and who is never touched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from vidface.errors import GraphError
from vidface.graph.ladder import Rung
from vidface.graph.plan import load

GRAPHS = Path(__file__).resolve().parents[2] / "graphs"
NODES = {
    "detect": {"use": "detect.face", "in": "source"},
    "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
    "quality": {"use": "recognize.quality", "in": {"frame": "source", "faces": "track"}},
    "draw": {"use": "draw.boxes", "in": {"frame": "source", "faces": "track"}},
}


def rungs(ladder: Any = None, **more: Any) -> tuple[Rung, ...]:
    graph = {"version": 1, "nodes": NODES, "outputs": {"faces": "track", "video": "draw"}}
    if ladder is not None:
        graph["ladder"] = ladder
    return load(graph, check_models=False, **more).ladder


def test_steps_are_read_in_their_order() -> None:
    """Also with YAML's own reading of off and of a number."""
    found = rungs([{"slow": "detect", "by": 3}, {False: "quality"}, {"off": "draw"}, {"rate": "1/4"}])
    assert found == (
        Rung("slow", "detect", 3),
        Rung("off", "quality"),
        Rung("off", "draw"),
        Rung("rate", by=4),
    )
    assert [rung.text for rung in found] == [
        "detect works 3 times less often",
        "quality is off",
        "draw is off",
        "one frame in 4 is taken",
    ]


def test_without_the_key_detectors_are_slowed_then_the_rate_is_halved() -> None:
    assert rungs() == (Rung("slow", "detect", 2), Rung("rate", by=2))


def test_an_empty_ladder_gives_up_nothing() -> None:
    assert rungs([]) == ()


def test_steps_about_nodes_that_do_not_run_are_left_out() -> None:
    """`--only faces` leaves out drawing, and with it the step that would turn it off."""
    found = rungs([{"off": "draw"}, {"slow": "detect"}], outputs=("faces",))
    assert found == (Rung("slow", "detect", 2),)


def test_what_hides_people_is_never_given_up_for_speed() -> None:
    """The usual ladder of anonymize.yaml slows the check behind the covers, and not the detector before."""
    found = load(GRAPHS / "anonymize.yaml", check_models=False).ladder
    assert found == (Rung("slow", "check", 2), Rung("rate", by=2))


@pytest.mark.parametrize("path", sorted(GRAPHS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_graph_has_a_ladder(path: Path) -> None:
    """The last step is always there: the rate can be halved before whatever graph."""
    assert load(path, check_models=False).ladder[-1].kind == "rate"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hide", "it hides people, and somebody would be seen; use on_error: stop or hold"),
        ("detect", "hide needs it to hide people"),
        ("clean", ""),
    ],
)
def test_no_frame_passes_unhidden_for_a_fault(name: str, why: str) -> None:
    """`on_error: skip` lets a frame pass as it came: not where somebody is to be hidden on it."""
    nodes: dict[str, dict[str, Any]] = {
        "clean": {"use": "restore.denoise", "in": "source"},
        "detect": {"use": "detect.face", "in": "clean"},
        "hide": {"use": "anonymize.faces", "in": {"frame": "clean", "faces": "detect"}},
    }
    nodes[name]["on_error"] = "skip"
    made = {"version": 1, "nodes": nodes, "outputs": {"video": "hide.frame"}}
    if why:
        with pytest.raises(GraphError, match=re.escape(why)):
            load(made, check_models=False)
    else:
        assert load(made, check_models=False).steps[0].on_error == "skip"
