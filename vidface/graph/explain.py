"""Explain: what a plan will do before it does it: order, types, look-ahead, devices; text, Mermaid, dot."""

from __future__ import annotations

from fractions import Fraction

from vidface.data.device import Device
from vidface.graph.plan import Plan, Step
from vidface.graph.spec import SOURCE
from vidface.node import FOREVER


def text(plan: Plan, devices: dict[str, Device], rate: Fraction) -> str:
    """A table of the nodes in their order, and the waiting time of the whole.

    Args:
        rate: frames a second, for look-ahead in milliseconds.
    """
    lines = [
        f"{plan.file.name}: {len(plan.steps)} nodes, {len(plan.outlets)} outputs",
        "",
        f"{'#':>2}  {'node':<14}{'use':<22}{'takes -> gives':<50}{'memory':<13}{'look-ahead':<20}device",
    ]
    for number, step in enumerate(plan.steps, 1):
        lines.append(
            f"{number:>2}  {step.name:<14}{step.use:<22}{_ports(step):<50}{_memory(step):<13}"
            f"{_wait(step.latency, rate):<20}{devices[step.name]}"
        )
    lines.append("")
    for outlet in plan.outlets:
        wires = ", ".join(f"{port}={edge}" for port, edge in outlet.wires.items())
        lines.append(f"out {outlet.name:<14}{outlet.use:<22}{wires}")
    lines.append("")
    lines += consent_lines(plan)
    if plan.ladder:
        lines.append(f"ladder (cameras only): {'; then '.join(rung.text for rung in plan.ladder)}")
    lines.append(f"A frame is written once {_wait(plan.latency, rate)} more have come in.")
    lines += sorted({f"{device}: {device.reason}" for device in devices.values()})
    lines.append(f"models: {', '.join(plan.models) or 'none'}")
    return "\n".join(lines)


def consent_lines(plan: Plan) -> list[str]:
    """What a run will want of its user before it begins; nothing where no node needs consent."""
    wanting = ", ".join(f"{step.name} ({step.use})" for step in plan.steps if step.node.needs_consent)
    if not wanting:
        return []
    stated = plan.file.spec.consent
    if stated is not None:
        return [f"consent: {stated}"]
    return [f"consent: not stated; {wanting} makes pictures of a person: a run wants --consent TEXT"]


def mermaid(plan: Plan) -> str:
    """The graph as a Mermaid flow chart."""
    lines = ["flowchart LR", f"    {SOURCE}([{SOURCE}])"]
    for step in plan.steps:
        lines.append(f'    {step.name}["{step.name}<br/>{step.use}"]')
    for outlet in plan.outlets:
        lines.append(f'    out_{outlet.name}[/"{outlet.name} ({outlet.use})"/]')
    for start, end, kind in _arrows(plan):
        lines.append(f"    {start} -- {kind} --> {end}")
    return "\n".join(lines)


def dot(plan: Plan) -> str:
    """The graph in Graphviz's language."""
    lines = ["digraph vidface {", "    rankdir=LR; node [shape=box];", f"    {SOURCE} [shape=oval];"]
    for step in plan.steps:
        lines.append(f'    {step.name} [label="{step.name}\\n{step.use}"];')
    for outlet in plan.outlets:
        lines.append(f'    out_{outlet.name} [label="{outlet.name} ({outlet.use})" shape=parallelogram];')
    for start, end, kind in _arrows(plan):
        lines.append(f'    {start} -> {end} [label="{kind}"];')
    return "\n".join([*lines, "}"])


def _arrows(plan: Plan) -> list[tuple[str, str, str]]:
    ends = [(step.name, step.wires) for step in plan.steps]
    ends += [(f"out_{outlet.name}", outlet.wires) for outlet in plan.outlets]
    return [
        (edge.split(".")[0], end, plan.edges[edge].__name__) for end, wires in ends for edge in wires.values()
    ]


def _ports(step: Step) -> str:
    takes = ", ".join(
        f"{step.wires[port.name]}:{port.value.__name__}{'*' if port.windowed else ''}"
        for port in step.signature.inputs
        if port.name in step.wires
    )
    gives = ", ".join(kind.__name__ for kind in step.signature.outputs.values())
    return f"{takes} -> {gives}"


def _memory(step: Step) -> str:
    memory = step.node.memory
    return "since reset" if memory == FOREVER else str(memory) if memory else "-"


def _wait(frames: int, rate: Fraction) -> str:
    return f"{frames} frames ({float(1000 * frames / rate):.0f} ms)" if frames else "none"
