"""Ports: the signature of `process` read as a list of typed inputs and outputs."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from vidface.errors import NodeError
from vidface.graph.guard import attempt
from vidface.node import Batch, Node, Sink, Window

_NO_VALUE = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


@dataclass(frozen=True, slots=True)
class Port:
    """One input of a node.

    Attributes:
        value: the type on the edge (Frame, Faces, ...), without Window, Batch and Optional.
        windowed: the node sees neighbours, `Window[value]`.
        optional: the port may stay unwired; the node then gets None.
    """

    name: str
    value: type
    windowed: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a node takes and gives.

    Attributes:
        inputs: in the order of the signature.
        outputs: field -> type; a node with one output has it under the empty name, a sink has none.
        batched: `process` takes and gives batches.
    """

    inputs: tuple[Port, ...]
    outputs: dict[str, type]
    batched: bool = False
    bundle: type | None = None

    def port(self, name: str) -> Port | None:
        """The input of that name."""
        return next((port for port in self.inputs if port.name == name), None)


def signature_of(node: type[Node]) -> Signature:
    """Read the ports of a node class.

    Raises:
        NodeError: `process` is missing, not annotated, or uses a form that the engine does not know.
    """
    process = getattr(node, "process", None)
    if not inspect.isfunction(process):
        raise NodeError(f"{node.__name__}: a node needs a method process(self, ...)")
    if any(is_kind(process) for is_kind in _NO_VALUE):
        raise NodeError(f"{node.__name__}.process returns one value a frame: write it without async or yield")
    hints = _hints(process, f"{node.__name__}.process")
    names = list(inspect.signature(process).parameters.values())[1:]
    batched = [get_origin(_without_none(hints.get(item.name))[0]) is Batch for item in names]
    if any(batched) and not all(batched):
        raise NodeError(f"{node.__name__}.process: either every port is a Batch or none is")
    inputs = tuple(_port(node, item, hints) for item in names)
    if any(batched) and not (isinstance(node.max_batch, int) and node.max_batch >= 1):
        raise NodeError(f"{node.__name__}.max_batch counts frames from 1, but is {node.max_batch!r}")
    if not inputs:
        raise NodeError(f"{node.__name__}.process: a node needs at least one input port")
    outputs, bundle = _outputs(node, hints, batched=any(batched))
    return Signature(inputs, outputs, any(batched), bundle)


def _hints(what: Any, who: str) -> dict[str, Any]:
    def tell(error: BaseException) -> NodeError:
        if isinstance(error, NameError):
            return NodeError(f"{who}: the annotation {error.name!r} is not known in its module")
        return NodeError(f"{who}: its annotations cannot be read: {type(error).__name__}: {error}")

    return attempt(lambda: typing.get_type_hints(what), tell)


def _port(node: type[Node], item: inspect.Parameter, hints: dict[str, Any]) -> Port:
    if item.name not in hints:
        raise NodeError(f"{node.__name__}.process: the port {item.name!r} has no type; annotate it")
    if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
        raise NodeError(f"{node.__name__}.process: ports are named one by one, not with * or **")
    hint, optional = _without_none(hints[item.name])
    if optional and item.default is not None:
        raise NodeError(f"{node.__name__}.process: the optional port {item.name!r} must default to None")
    batched = get_origin(hint) is Batch
    if batched:
        hint = get_args(hint)[0]
    windowed = get_origin(hint) is Window
    if windowed and batched:
        raise NodeError(
            f"{node.__name__}.process: the port {item.name!r} is a Batch of Windows, which there is not; "
            "take one or the other"
        )
    if windowed:
        hint = get_args(hint)[0]
    if not isinstance(hint, type):
        raise NodeError(f"{node.__name__}.process: the port {item.name!r} must name one class, but is {hint}")
    return Port(item.name, hint, windowed, optional)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in get_args(hint) if part is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False


def _outputs(
    node: type[Node], hints: dict[str, Any], *, batched: bool
) -> tuple[dict[str, type], type | None]:
    hint = hints.get("return", "nothing stated")
    if issubclass(node, Sink):
        if hint is not type(None):
            raise NodeError(f"{node.__name__}.process: a sink gives None")
        return {}, None
    if batched:
        if get_origin(hint) is not Batch:
            raise NodeError(
                f"{node.__name__}.process takes batches, so it must give a Batch, but gives {hint}"
            )
        hint = get_args(hint)[0]
    if not isinstance(hint, type) or hint is type(None):
        raise NodeError(
            f"{node.__name__}.process must say what it gives (one class or a NamedTuple), not {hint}"
        )
    if issubclass(hint, tuple) and hasattr(hint, "_fields"):
        return _hints(hint, hint.__name__), hint
    return {"": hint}, None
