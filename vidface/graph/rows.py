"""Values that stand row by row beside faces must be those of the same faces, in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from vidface.data import Embeddings, Faces
from vidface.data.crops import Crops
from vidface.data.identity import Identities
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.motion import Motions
from vidface.data.pose import Poses
from vidface.data.transform import Transforms
from vidface.data.verdict import Verdicts
from vidface.graph.spec import GraphFile

if TYPE_CHECKING:
    from vidface.graph.plan import Outlet, Step
    from vidface.graph.ports import Signature
    from vidface.node import Node

ALIGNED: Final = (Crops, Embeddings, Identities, Measures, Meshes, Motions, Poses, Transforms, Verdicts)
"""Values with a row for every face."""

Origins = Mapping[str, str | None]
"""Edge -> the edge of the faces that its rows began with; None where that is not known."""


def check_aligned(file: GraphFile, steps: Mapping[str, Step], outlets: Iterable[Outlet]) -> None:
    """Check that no node and no output gets faces beside values that were measured on others.

    As many rows are no proof: a detector orders them by score, a tracker by its numbers.

    Raises:
        GraphError: a port gets rows of other faces than stand beside it.
    """
    origins: dict[str, str | None] = {}
    for name, step in steps.items():
        _check(file, ("nodes", name), step, step.node, origins)
        origin = _origin_of(step, origins)
        origins |= dict.fromkeys(step.outputs, origin)
    for outlet in outlets:
        _check(file, ("outputs", outlet.name), outlet, outlet.sink, origins)


def _check(file: GraphFile, path: tuple[str, str], what: Step | Outlet, node: Node, origins: Origins) -> None:
    for port in what.signature.inputs:
        edge = what.wires.get(port.name)
        beside = node.rows_of.get(port.name, _only_faces(what.signature))
        faces = what.wires.get(beside)
        if edge is None or faces is None or not issubclass(port.value, ALIGNED):
            continue
        own, wanted = origins.get(edge), origins.get(faces)
        if own is not None and wanted is not None and own != wanted:
            raise file.document.error(
                f"{path[1]}.{port.name} wants a row for every face of {faces!r}, but {edge!r} has rows of "
                f"{own!r}, which are others: measure it on {faces!r}, or wire {beside} to {own!r}",
                (*path, "in", port.name),
            )


def _origin_of(step: Step, origins: Origins) -> str | None:
    """Where the rows of all that a node gives began."""
    ports = step.signature.inputs
    given = [edge for edge, kind in step.outputs.items() if issubclass(kind, Faces)]
    keeps = step.node.keeps_rows
    if given and (keeps is False or not any(issubclass(port.value, (Faces, *ALIGNED)) for port in ports)):
        return given[0]
    # Faces made of faces may have any rows unless the node tells; what was measured has those of its faces.
    if keeps is False or (given and keeps is None):
        return None
    edges = [step.wires.get(_only_faces(step.signature))]
    if not any(issubclass(port.value, Faces) for port in ports):
        edges = [step.wires.get(port.name) for port in ports if issubclass(port.value, ALIGNED)]
    found = {origins.get(edge) for edge in edges if edge is not None}
    return found.pop() if len(found) == 1 else None


def _only_faces(signature: Signature) -> str:
    """The port of faces where there is one; empty where there are none or several."""
    ports = [port.name for port in signature.inputs if issubclass(port.value, Faces)]
    return ports[0] if len(ports) == 1 else ""
