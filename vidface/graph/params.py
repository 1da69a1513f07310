"""Parameters: what stands under `with:` becomes a node or a sink, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from vidface.errors import NodeError, UsageError
from vidface.graph.load_node import DEFAULT_SINKS, sink_class
from vidface.graph.spec import GraphFile, NodeSpec, OutputSpec, did_you_mean, first_fault, said
from vidface.node import Node

N = TypeVar("N", bound=Node)


def instance(
    file: GraphFile, kind: type[N], spec: NodeSpec | OutputSpec, path: tuple[str, str], use: str
) -> N:
    """A node or sink with the parameters that the graph gives it.

    Args:
        use: what errors call it; a graph need not name the sink of an output.

    Raises:
        GraphError: an unknown parameter, one that is missing, or a value that is none for it.
    """
    try:
        node = kind.model_validate(spec.params)
    except ValidationError as error:
        first = first_fault(error)
        param = str(first["loc"][0]) if first["loc"] else ""
        known = list(kind.model_fields)
        if first["type"] == "extra_forbidden":
            text = (
                f"{use} has no parameter {param!r}{did_you_mean(param, known)}{_namesake(file, path, param)}"
            )
            raise file.document.error(text, (*path, "with", param), at_key=True) from None
        if first["type"] == "missing" and len(first["loc"]) == 1:
            raise file.document.error(f"{use} needs the parameter {param!r}", path) from None
        text = f"{use}: {param}: {said(first)}, but found {first['input']!r}"
        raise file.document.error(text, (*path, "with", *first["loc"])) from None
    for param, value in spec.params.items():
        if _counted(value, getattr(node, param, None)):
            text = f"{use}: {param}: wanted a number, but found {value!r}"
            raise file.document.error(text, (*path, "with", param))
    return node


def _namesake(file: GraphFile, path: tuple[str, str], param: str) -> str:
    """How to set it on the output that is called like the node; "" where that has no such parameter."""
    section, name = path
    output = file.spec.outputs.get(name) if section == "nodes" else None
    if output is None:
        return ""
    for use in DEFAULT_SINKS.values() if output.use is None else (output.use,):
        try:
            found = param in sink_class(use, file.folder).model_fields
        except (UsageError, NodeError):
            return ""
        if found:
            return f"; the output of that name has it: --set outputs.{name}.{param}=VALUE"
    return ""


def _counted(given: Any, taken: Any) -> bool:
    """A true or false was taken for 1 or 0."""
    if isinstance(given, bool):
        return isinstance(taken, int | float) and not isinstance(taken, bool)
    if isinstance(given, list) and isinstance(taken, list | tuple):
        return any(map(_counted, given, taken))
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        return any(_counted(value, taken.get(key)) for key, value in given.items())
    return False
