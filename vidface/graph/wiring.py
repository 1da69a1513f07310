"""Wiring: every input port gets an edge that exists and carries its type."""

from __future__ import annotations

from vidface.graph.ports import Port, Signature
from vidface.graph.spec import GraphFile, did_you_mean


def node_of(edge: str) -> str:
    """The node that an edge comes from: "pose.yaw" -> "pose"."""
    return edge.split(".", 1)[0]


def wire(
    file: GraphFile,
    signature: Signature,
    wires: dict[str, str],
    edges: dict[str, type],
    path: tuple[str, str],
    *,
    spare: str = "",
) -> dict[str, str]:
    """Check every wire against its port; the short form `in: name` finds its port by type.

    Args:
        spare: a port that need not be wired.
    """
    named = {(port or _short_port(file, signature, edge, edges, path)): edge for port, edge in wires.items()}
    for port_name, edge in named.items():
        place = (*path, "in", port_name)
        port = signature.port(port_name)
        if port is None:
            hint = did_you_mean(port_name, [item.name for item in signature.inputs])
            raise file.document.error(f"{path[1]} has no input {port_name!r}{hint}", place, at_key=True)
        _check_type(file, path[1], port, edge_type(file, edge, edges, place), edge, place)
    for port in signature.inputs:
        if port.name not in named and not port.optional and port.name != spare:
            raise file.document.error(
                f"{path[1]} needs its input {port.name!r} ({port.value.__name__}); wire it under in:", path
            )
    return named


def edge_type(file: GraphFile, edge: str, edges: dict[str, type], place: tuple[str, ...]) -> type:
    """The type that an edge carries; refused at `place` where nothing gives it."""
    if edge in edges:
        return edges[edge]
    fields = [key for key in edges if key.startswith(node_of(edge) + ".")]
    hint = did_you_mean(edge, fields or edges)
    if fields and "." not in edge:
        raise file.document.error(f"{edge} gives several values; say which{hint}", place)
    raise file.document.error(f"nothing in the graph gives {edge!r}{hint}", place)


def _short_port(
    file: GraphFile, signature: Signature, edge: str, edges: dict[str, type], path: tuple[str, str]
) -> str:
    kind = edge_type(file, edge, edges, (*path, "in"))
    fitting = [port for port in signature.inputs if issubclass(kind, port.value)]
    if len(fitting) == 1:
        return fitting[0].name
    if len(signature.inputs) == 1:
        return signature.inputs[0].name
    ports = ", ".join(f"{port.name} ({port.value.__name__})" for port in signature.inputs)
    raise file.document.error(
        f"{path[1]} has the inputs {ports}; say which of them {edge!r} goes to", (*path, "in")
    )


def _check_type(
    file: GraphFile, name: str, port: Port, kind: type, edge: str, place: tuple[str, ...]
) -> None:
    if not issubclass(kind, port.value):
        raise file.document.error(
            f"{name}.{port.name} wants {port.value.__name__}, but {edge!r} gives {kind.__name__}; "
            "wire it to a node that gives the right type",
            place,
        )
