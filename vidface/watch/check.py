"""What can be known of cameras before any is called: their graphs are sound, their models are here."""

from __future__ import annotations

from vidface.data.address import masked
from vidface.graph.plan import Plan, load
from vidface.graph.spec import read
from vidface.watch.config import CameraPlan, Config


def graph_of(plan: CameraPlan) -> Plan:
    """A camera's graph with all overrides, checked; nodes of its own each time.

    Raises:
        GraphError, UsageError: it is not sound.
        ModelError: a model is missing or differs from its manifest.
    """
    return load(plan.graph, overrides=overrides_of(plan))


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
