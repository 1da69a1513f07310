"""What command-line switches add to a plan: tables beside jsonl outputs, motions for stabilisers."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidface.errors import UsageError
from vidface.graph.extend import motion_overrides, with_table
from vidface.graph.plan import load

GRAPHS = sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml"))
FACE = {"use": "stabilize.face", "in": {"frame": "source", "faces": "detect"}}
ONNX = {"use": "reenact.onnx", "in": {"frame": "source", "faces": "detect"}, "with": {"model": "wav2lip"}}


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda path: path.stem)
def test_every_wire_of_an_added_table_is_a_port_of_it(graph: Path) -> None:
    """Whatever is wired to a graph's jsonl: `--format csv` passes a table only what it takes."""
    plan = load(graph, check_models=False)
    if not any(outlet.use == "jsonl" for outlet in plan.outlets):
        with pytest.raises(UsageError, match=r"--format csv: no output writes faces as lines of JSON"):
            with_table(plan, "csv")
        return
    extended = with_table(plan, "csv")
    for outlet in extended.outlets:
        assert {port for port in outlet.wires if outlet.signature.port(port) is None} == set()
    added = extended.outlets[len(plan.outlets) :]
    assert {outlet.name for outlet in added} <= {f"{outlet.name}_csv" for outlet in plan.outlets}
    assert all("faces" in outlet.wires for outlet in added)


def test_a_table_leaves_out_what_it_has_no_port_for() -> None:
    """A sink of the same family that takes more, as a later one may, still gets its table."""
    plan = load(GRAPHS[[path.stem for path in GRAPHS].index("review")], check_models=False)
    faces = next(outlet for outlet in plan.outlets if outlet.use == "jsonl")
    faces.wires["later"] = "verdict"
    table = with_table(plan, "parquet").outlets[-1]
    assert set(table.wires) == set(faces.wires) - {"later"}


def test_a_motion_goes_to_stabilisers_alone() -> None:
    """`motion` of reenact.onnx names a model: --motion leaves it as it is."""
    nodes = {"detect": {"use": "detect.face", "in": "source"}, "steady": FACE, "other": ONNX}
    graph = {"version": 1, "consent": "Ann drew herself.", "nodes": nodes, "outputs": {"video": "steady"}}
    plan = load(graph, check_models=False)
    assert [step.name for step in plan.steps if "motion" in type(step.node).model_fields] == [
        "steady",
        "other",
    ]
    assert list(motion_overrides(plan, Path("m.jsonl"))) == ['steady.motion="m.jsonl"']
    alone = load(
        {**graph, "nodes": {"detect": nodes["detect"], "other": ONNX}, "outputs": {"video": "other"}},
        check_models=False,
    )
    with pytest.raises(UsageError, match="no stabiliser"):
        motion_overrides(alone, Path("m.jsonl"))
