"""JSON Schema of the graph file, with the parameters of every shipped node, for editors."""

from __future__ import annotations

from typing import Any

from vidface.graph.load_node import node_class, shipped, sink_class
from vidface.graph.spec import GraphSpec
from vidface.node import Node


def graph_schema() -> dict[str, Any]:
    """Schema of a graph file (JSON Schema 2020-12); `with:` is checked by what `use:` names."""
    schema = GraphSpec.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "vidface graph"
    nodes = {name: node_class(name) for name in shipped("vidface.nodes")}
    sinks = {name: sink_class(name) for name in shipped("vidface.sinks")}
    wires = {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}
    for definition, classes in (("NodeSpec", nodes), ("OutputSpec", sinks)):
        part = schema["$defs"][definition]
        part["properties"]["in"] |= wires
        part["properties"]["in"].pop("type", None)
        part["properties"]["in"].pop("additionalProperties", None)
        part["allOf"] = [_when(name, kind, schema["$defs"]) for name, kind in classes.items()]
    output = schema["properties"]["outputs"]["additionalProperties"]
    schema["properties"]["outputs"]["additionalProperties"] = {"anyOf": [{"type": "string"}, output]}
    return schema


def _when(use: str, kind: type[Node], shared: dict[str, Any]) -> dict[str, Any]:
    params = kind.model_json_schema()
    shared.update(params.pop("$defs", {}))
    return {
        "if": {"properties": {"use": {"const": use}}, "required": ["use"]},
        "then": {"properties": {"with": params}},
    }
