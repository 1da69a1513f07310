"""Parameters: what stands under `with:` becomes a node or a sink, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from vidface.graph.spec import GraphFile, NodeSpec, OutputSpec, did_you_mean, first_fault, said
from vidface.node import Node

N = TypeVar("N", bound=Node)


def instance(file: GraphFile, kind: type[N], spec: NodeSpec | OutputSpec, path: tuple[str, str]) -> N:
    """A node or sink with the parameters that the graph gives it.

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
            text = f"{spec.use} has no parameter {param!r}{did_you_mean(param, known)}"
            raise file.document.error(text, (*path, "with", param), at_key=True) from None
        if first["type"] == "missing" and len(first["loc"]) == 1:
            raise file.document.error(f"{spec.use} needs the parameter {param!r}", path) from None
        text = f"{spec.use}: {param}: {said(first)}, but found {first['input']!r}"
        raise file.document.error(text, (*path, "with", *first["loc"])) from None
    for param, value in spec.params.items():
        if _counted(value, getattr(node, param, None)):
            text = f"{spec.use}: {param}: wanted a number, but found {value!r}"
            raise file.document.error(text, (*path, "with", param))
    return node


def _counted(given: Any, taken: Any) -> bool:
    """A true or false was taken for 1 or 0."""
    if isinstance(given, bool):
        return isinstance(taken, int | float) and not isinstance(taken, bool)
    if isinstance(given, list) and isinstance(taken, list | tuple):
        return any(map(_counted, given, taken))
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        return any(_counted(value, taken.get(key)) for key, value in given.items())
    return False
