"""Small changes to a checked plan that command-line switches ask for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vidface.data.faces import Faces
from vidface.errors import UsageError
from vidface.graph.claims import check_files
from vidface.graph.lineage import saves
from vidface.graph.load_node import sink_class
from vidface.graph.plan import Outlet, Plan
from vidface.graph.ports import signature_of
from vidface.graph.settings import Settings


def without_audio(plan: Plan) -> Plan:
    """The same plan; sinks that have an `audio` parameter leave the sound out."""
    outlets = [
        replace(outlet, sink=outlet.sink.model_copy(update={"audio": "none"}))
        if "audio" in type(outlet.sink).model_fields
        else outlet
        for outlet in plan.outlets
    ]
    return replace(plan, outlets=tuple(outlets))


def one_thread(plan: Plan) -> Plan:
    """The same plan; encoders have one thread, so that nothing hangs on which of several is first."""
    outlets = [
        replace(outlet, sink=outlet.sink.model_copy(update={"threads": 1}))
        if "threads" in type(outlet.sink).model_fields
        else outlet
        for outlet in plan.outlets
    ]
    return replace(plan, outlets=tuple(outlets))


def saves_of(plan: Plan) -> tuple[Path, ...]:
    """Files that nodes of the plan write by themselves: their fields `save_...`."""
    found = [getattr(step.node, field) for step in plan.steps for field in saves(step)]
    return tuple(path for path in found if path is not None)


def without_saves(plan: Plan) -> Plan:
    """The same plan; no node writes a file by itself."""
    steps = [
        replace(step, node=step.node.model_copy(update=dict.fromkeys(saves(step)))) for step in plan.steps
    ]
    return replace(plan, steps=tuple(steps))


def with_table(plan: Plan, form: str | None) -> Plan:
    """The same plan; every output of faces is written as a flat table (csv or parquet), too.

    Raises:
        GraphError: another output writes that file.
        UsageError: no output of faces is written, beside which it would stand.
    """
    if form is None:
        return plan
    kind = sink_class("table")
    ports = signature_of(kind)
    extra = [
        Outlet(
            f"{outlet.name}_{form}",
            "table",
            kind.model_validate({"format": form}),
            ports,
            wires,
            outlet.spare,
        )
        for outlet in plan.outlets
        if outlet.use == "jsonl" and plan.edges[outlet.wires["faces"]] is Faces
        # A table has no columns for some of what a line of JSON holds.
        for wires in [{port: edge for port, edge in outlet.wires.items() if ports.port(port) is not None}]
    ]
    if not extra:
        raise UsageError(
            f"--format {form}: no output writes faces as lines of JSON, beside which a table would stand; "
            "add one (faces: NODE), or name it in --outputs"
        )
    outlets = (*plan.outlets, *extra)
    check_files(plan.file, outlets)
    return replace(plan, outlets=outlets)


def motion_overrides(plan: Plan, path: Path) -> Iterable[str]:
    """Overrides that let every stabiliser of the graph apply a motion file instead of measuring.

    Raises:
        UsageError: the graph has no node that could.
    """
    # Other nodes have a field `motion`, too: a model, or a face's motion. Who saves one applies it again.
    names = [
        step.name for step in plan.steps if {"motion", "save_motion"} <= type(step.node).model_fields.keys()
    ]
    if not names:
        raise UsageError(f"--motion: {plan.file.name} has no stabiliser that applies a motion file")
    return [f"{name}.motion={json.dumps(str(path))}" for name in names]


def extended(plan: Plan, settings: Settings) -> Plan:
    """The plan with what switches add to it or take away."""
    if settings.no_audio:
        plan = without_audio(plan)
    if settings.forensic:
        plan = one_thread(plan)
    return _own_nodes(with_table(plan, settings.table))


def _own_nodes(plan: Plan) -> Plan:
    """The same with nodes and sinks of its own: a plan may be run twice at a time."""
    steps = tuple(replace(one, node=one.node.model_copy()) for one in plan.steps)
    outlets = tuple(replace(one, sink=one.sink.model_copy()) for one in plan.outlets)
    return replace(plan, steps=steps, outlets=outlets)
