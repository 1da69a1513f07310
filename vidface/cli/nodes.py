"""`vidface nodes [NAME]`."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import click

from vidface.data.measures import Measure
from vidface.node import FOREVER, Node


@click.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def nodes(name: str | None, form: str) -> None:
    """List the nodes and sinks; with NAME, show one with its ports and parameters."""
    from vidface.graph.load_node import shipped

    if name is not None:
        kind = _find(name)
        click.echo(json.dumps(_facts(name, kind), indent=2) if form == "json" else _page(name, kind))
        return
    found = {item: _find(item) for item in [*shipped("vidface.nodes"), *shipped("vidface.sinks")]}
    if form == "json":
        click.echo(json.dumps([_facts(item, kind) for item, kind in found.items()], indent=2))
        return
    width = max(len(item) for item in found) + 2
    for item, kind in found.items():
        click.echo(f"{item:<{width}}{_summary(kind)}")


def _find(name: str) -> type[Node]:
    from pathlib import Path

    from vidface.graph.load_node import node_class, shipped, sink_class

    if name in shipped("vidface.sinks"):
        return sink_class(name)
    return node_class(name, Path())


def _summary(kind: type[Node]) -> str:
    return (inspect.getdoc(kind) or "").split("\n", 1)[0]


def _facts(name: str, kind: type[Node]) -> dict[str, Any]:
    from vidface.graph.ports import signature_of

    signature = signature_of(kind)
    return {
        "use": name,
        "summary": _summary(kind),
        "inputs": [
            {
                "name": port.name,
                "type": port.value.__name__,
                "window": port.windowed,
                "optional": port.optional,
            }
            for port in signature.inputs
        ],
        "outputs": {item or "": value.__name__ for item, value in signature.outputs.items()},
        "memory": "since reset" if kind.memory == FOREVER else kind.memory,
        "generates": kind.generates,
        "needs_consent": kind.needs_consent,
        "eases": kind.eases,
        "parameters": kind.model_json_schema().get("properties", {}),
        "measures": [{"name": one.name, "unit": one.unit, "meaning": one.meaning} for one in _measures(kind)],
    }


def _measures(kind: type[Node]) -> list[Measure]:
    """What a node of that module measures, as far as it is known before a run."""
    stated = getattr(sys.modules[kind.__module__], "KINDS", ())
    return [one for one in stated if isinstance(one, Measure)] if isinstance(stated, tuple) else []


def _page(name: str, kind: type[Node]) -> str:
    facts = _facts(name, kind)
    lines = [f"{name}: {inspect.getdoc(kind) or ''}", "", "inputs"]
    for port in facts["inputs"]:
        extra = (" and its neighbours" if port["window"] else "") + (", optional" if port["optional"] else "")
        lines.append(f"  {port['name']:<20}{port['type']}{extra}")
    gives = [f"{item + ': ' if item else ''}{value}" for item, value in facts["outputs"].items()]
    lines += [
        "",
        f"gives   {', '.join(gives) or 'nothing, it writes'}",
        f"memory  {facts['memory']}",
        *(
            ["makes   synthetic pictures: what is written of them says so and is signed"]
            if kind.generates
            else []
        ),
        *(["wants   a consent: in the graph, or --consent TEXT"] if kind.needs_consent else []),
        *(["eases   a graph's ladder can slow it where a camera's run falls behind"] if kind.eases else []),
        "",
        "parameters",
    ]
    for item, field in kind.model_fields.items():
        default = "needed" if field.is_required() else repr(field.get_default(call_default_factory=True))
        bounds = ", ".join(_bound(rule) for rule in field.metadata)
        lines.append(f"  {item:<20}{default:<18}{field.description or ''}{f'  [{bounds}]' if bounds else ''}")
    lines += ["", "measures"] if facts["measures"] else []
    lines += [f"  {one['name']:<22}{one['unit']:<16}{one['meaning']}" for one in facts["measures"]]
    return "\n".join(lines)


def _bound(rule: Any) -> str:
    """`Ge(ge=0)` as people write it: `>= 0`."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    said = [f"{sign} {getattr(rule, name)}" for name, sign in signs.items() if hasattr(rule, name)]
    return " ".join(said) or str(rule)
