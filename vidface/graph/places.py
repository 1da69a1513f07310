"""Faces must be those of the picture that they are used with: its pixels may stand elsewhere by then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.graph.spec import GraphFile
from vidface.graph.wiring import node_of

if TYPE_CHECKING:
    from vidface.graph.plan import Step

_PLACED: Final = (Faces, Meshes)
"""Values with positions in the pixels of a picture."""


def check_places(file: GraphFile, steps: Mapping[str, Step], edges: Mapping[str, type]) -> None:
    """Check that every node gets pictures and faces of the same pixels.

    Raises:
        GraphError: a node gets a picture whose pixels were moved, and faces as they were before (or the
            other way round): it would draw, hide or measure in the wrong place.
    """
    # Node -> the nodes that moved the pixels it works in, in order.
    found: dict[str, tuple[str, ...]] = {}
    for name, step in steps.items():
        pictures = {port: edge for port, edge in step.wires.items() if issubclass(edges[edge], Frame)}
        placed = {port: edge for port, edge in step.wires.items() if issubclass(edges[edge], _PLACED)}
        for port, edge in placed.items():
            for at, picture in pictures.items():
                if found.get(node_of(edge), ()) != found.get(node_of(picture), ()):
                    _refuse(file, name, (at, picture), (port, edge))
        first = next(iter([*pictures.values(), *placed.values()]), "")
        own = found.get(node_of(first), ())
        found[name] = (*own, name) if step.node.moves() or step.node.creates() else own


def _refuse(file: GraphFile, name: str, picture: tuple[str, str], placed: tuple[str, str]) -> None:
    raise file.document.error(
        f"{name}.{placed[0]} wants places in the pixels of {picture[1]!r}, but {placed[1]!r} was measured in "
        f"others: a node between them enlarges or moves the picture; find faces anew in {picture[1]!r}",
        ("nodes", name, "in", placed[0]),
    )
