"""Lineage: which nodes, models and files had a part in the pictures of an output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidface.data.crops import Crops
from vidface.data.finding import Findings
from vidface.data.frame import Frame
from vidface.data.provenance import MadeBy, ModelFile, Provenance
from vidface.graph.plan import Outlet, Plan, Step
from vidface.graph.spec import SOURCE
from vidface.graph.wiring import node_of


@dataclass(frozen=True, slots=True)
class FileField:
    """A file (or folder) that a field of a node names.

    Attributes:
        step: the node.
        field: the parameter's name.
        path: as it stands in the graph, a leading ~ resolved.
    """

    step: Step
    field: str
    path: Path

    @property
    def name(self) -> str:
        """`node.field`."""
        return f"{self.step.name}.{self.field}"


def provenance_of(plan: Plan, outlet: Outlet, models: Mapping[str, str]) -> Provenance | None:
    """What made the pictures that an output writes; None where no node of their way generates.

    Only what pictures come through counts for whether they are synthetic: boxes found on a restored
    picture and drawn onto the original leave it an original.

    Args:
        models: name -> sha256.
    """
    seen = _pictured(plan, outlet)
    if not any(step.node.generates for step in seen.values()):
        return None
    makers = makers_of(plan, outlet)
    loaded = dict.fromkeys(name for step in makers for name in step.node.models())
    return Provenance(
        # Of a node in a file of the user's, the folders are nobody's business.
        nodes=tuple(MadeBy(step.name, Path(step.use).name, step.node.generates) for step in makers),
        models=tuple(ModelFile(name, models[name]) for name in loaded),
        created=SOURCE not in _ends(plan, outlet),
        labelled=any(step.node.needs_consent for step in seen.values()),
    )


def hiders_of(plan: Plan, outlet: Outlet) -> tuple[str, ...]:
    """What the nodes are (`use`) that hid people in an output's pictures, in the order in which they run."""
    seen = _pictured(plan, outlet)
    uses = [Path(step.use).name for step in plan.steps if step.name in seen and step.node.hides_people]
    return tuple(dict.fromkeys(uses))


def tracked(plan: Plan, output: str) -> bool:
    """The faces of an output come from a tracker (`track.NAME`), whatever nodes they went through since."""
    (outlet,) = [one for one in plan.outlets if one.name == output]
    steps = {step.name: step for step in plan.steps}
    edge = outlet.wires.get("faces")
    while edge is not None and (step := steps.get(node_of(edge))) is not None:
        if step.use.startswith("track."):
            return True
        edge = step.wires.get("faces")
    return False


def makers_of(plan: Plan, outlet: Outlet) -> tuple[Step, ...]:
    """Every node that an output depends on, in the order in which they run."""
    steps = {step.name: step for step in plan.steps}
    kept: set[str] = set()
    queue = [node_of(edge) for edge in outlet.wires.values()]
    while queue:
        name = queue.pop()
        if name in steps and name not in kept:
            kept.add(name)
            queue += [node_of(edge) for edge in steps[name].wires.values()]
    return tuple(step for step in plan.steps if step.name in kept)


def files_of(steps: tuple[Step, ...]) -> Iterator[FileField]:
    """Files that fields of the nodes name for reading; a text counts where there is such a file."""
    for step in steps:
        for field in type(step.node).model_fields:
            if field not in saves(step):
                yield from (FileField(step, field, path) for path in _paths(getattr(step.node, field)))


def saves(step: Step) -> list[str]:
    """Fields of a node that name files which it writes by itself: `save_...`."""
    return [field for field in type(step.node).model_fields if field.startswith("save_")]


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value.expanduser()
    elif isinstance(value, str) and ("." in value or "/" in value) and Path(value).expanduser().is_file():
        yield Path(value).expanduser()
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths(item)


def _pictured(plan: Plan, outlet: Outlet) -> dict[str, Step]:
    """Nodes that the output's pictures came through."""
    steps = {step.name: step for step in plan.steps}
    return {name: steps[name] for name in _ends(plan, outlet) if name in steps}


def _ends(plan: Plan, outlet: Outlet) -> set[str]:
    """Names (nodes, and the source) that pictures came through on their way to an output."""
    steps = {step.name: step for step in plan.steps}
    seen: set[str] = set()
    queue = _outlet_edges(plan, outlet)
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        # A picture that is made anew takes nothing over from the one that steers it.
        if name in steps and not steps[name].node.creates():
            queue += _picture_edges(plan, steps[name].wires)
    return seen


def _outlet_edges(plan: Plan, outlet: Outlet) -> list[str]:
    """Pictures of findings are those that the tests looked at; the frame beside them only tells the time."""
    found = [node_of(edge) for edge in outlet.wires.values() if issubclass(plan.edges[edge], Findings)]
    return found or _picture_edges(plan, outlet.wires)


def _picture_edges(plan: Plan, wires: Mapping[str, str]) -> list[str]:
    return [node_of(edge) for edge in wires.values() if issubclass(plan.edges[edge], Frame | Crops)]
