"""What can be known of cameras before any is called: their graphs are sound, their models are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vidface.data.address import masked
from vidface.errors import UsageError
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


def checked(plan: CameraPlan) -> Checked:
    """A camera's graph, after it was checked.

    Raises:
        GraphError, UsageError, ModelError: see `graph_of`.
    """
    graph = graph_of(plan)
    try:
        return Checked(graph.file, node_files(graph))
    except OSError as error:
        raise UsageError(f"{graph.file.name}: the file of a node cannot be read any more: {error}") from None


def graph_of(plan: CameraPlan) -> Plan:
    """A camera's graph with all overrides, checked; nodes of its own each time.

    Raises:
        GraphError, UsageError: it is not sound, or writes a file that a second session could not write.
        ModelError: a model is missing or differs from its manifest.
    """
    graph = load(plan.graph, overrides=overrides_of(plan))
    saved = ", ".join(str(path) for path in saves_of(graph))
    if saved:
        raise UsageError(
            f"{plan.name}: a node of {graph.file.name} saves to {saved}, but a camera's graph begins more "
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
        GraphError, UsageError, ModelError: see `graph_of`.
    """
    width = max(len(plan.name) for plan in config.cameras)
    lines = []
    for plan in config.cameras:
        graph = graph_of(plan)
        outputs = ", ".join(outlet.name for outlet in graph.outlets)
        lines.append(f"{plan.name:<{width}}  {masked(plan.url, whole=True)}  {graph.file.name} -> {outputs}")
    return lines
