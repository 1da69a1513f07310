"""Devices: where each node of a plan works."""

from __future__ import annotations

from dataclasses import replace

from vidface.data.device import Device, SharedSessions
from vidface.graph.plan import Plan


def devices_of(plan: Plan, asked: str | None, pool: SharedSessions | None = None) -> dict[str, Device]:
    """The device of every node; the command line goes before the graph."""
    from vidface.infer.devices import resolve

    wanted = {step.name: asked or step.device for step in plan.steps}
    resolved = {text: replace(resolve(text), pool=pool) for text in set(wanted.values())}
    return {name: resolved[text] for name, text in wanted.items()}
