"""What can be known of cameras before any is called: their graphs are sound, their models are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vidface.data.address import masked
from vidface.errors import UsageError, VidfaceError
from vidface.events.settings import EventSettings
from vidface.graph.extend import saves_of
from vidface.graph.facts import node_files
from vidface.graph.plan import Plan, load
from vidface.graph.spec import GraphFile, read
from vidface.watch.config import CameraPlan, Config


@dataclass(frozen=True, slots=True)
class Checked:
    """A graph as it was checked.

    Attributes:
        file: its text with all overrides.
        nodes: the Python files of its nodes and outputs, by digest; another one is another graph.
    """

    file: GraphFile
    nodes: Mapping[str, str]


def checked(plan: CameraPlan, file: Path | None = None) -> Checked:
    """A camera's graph, after it was checked.

    Args:
        file: where the camera stands; None where somebody added it.

    Raises:
        UsageError, ModelError: see `graph_of`.
    """
    graph = graph_of(plan, file)
    try:
        return Checked(graph.file, node_files(graph))
    except OSError as error:
        raise UsageError(f"{graph.file.name}: the file of a node cannot be read any more: {error}") from None


def graph_of(plan: CameraPlan, file: Path | None = None) -> Plan:
    """A camera's graph with all overrides, checked; nodes of its own each time.

    Raises:
        UsageError: it is not sound, or writes a file that a second session could not write; with the file
            and the camera, and where the fault is in what the file says, with that.
        ModelError: a model is missing or differs from its manifest.
    """
    try:
        return _graph_of(plan)
    except UsageError as error:
        place = f"camera {plan.name}" if file is None else f"{file}: camera {plan.name}"
        hint = " (from its set: or from events:; the graph itself is sound)" if _alone(plan) else ""
        raise UsageError(f"{place}: {str(error).replace('--set ', 'set: ')}{hint}") from None


def _alone(plan: CameraPlan) -> bool:
    """The graph is sound without what the file of cameras says of it."""
    try:
        _graph_of(replace(plan, overrides=(), events=EventSettings()))
    except VidfaceError:
        return False
    return True


def _graph_of(plan: CameraPlan) -> Plan:
    graph = load(plan.graph, overrides=overrides_of(plan))
    saved = ", ".join(str(path) for path in saves_of(graph))
    if saved:
        raise UsageError(
            f"a node of {graph.file.name} saves to {saved}, but a camera's graph begins more "
            f"than once and replaces nothing; take its save_... out of the graph, or set it to null"
        )
    return graph


def overrides_of(plan: CameraPlan) -> tuple[str, ...]:
    """What the file says of events, then what it says of the graph, which goes before."""
    spec = read(plan.graph).spec
    told = [name for name, output in spec.outputs.items() if output.use == "events"]
    return (*(text for name in told for text in plan.events.overrides(f"outputs.{name}")), *plan.overrides)


def summary(config: Config) -> list[str]:
    """A line a camera, after its graph was checked; without passwords.

    Raises:
        UsageError, ModelError: see `graph_of`.
    """
    width = max(len(plan.name) for plan in config.cameras)
    lines = []
    for plan in config.cameras:
        graph = graph_of(plan, config.path)
        outputs = ", ".join(outlet.name for outlet in graph.outlets)
        lines.append(f"{plan.name:<{width}}  {masked(plan.url, whole=True)}  {graph.file.name} -> {outputs}")
    return lines
