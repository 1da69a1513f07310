"""Faces must be those of the picture that they are used with: its pixels may stand elsewhere by then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.graph.spec import SOURCE, GraphFile
from vidface.graph.wiring import node_of

if TYPE_CHECKING:
    from vidface.graph.plan import Step
    from vidface.node import Sink

_PLACED: Final = (Faces, Meshes)
"""Values with positions in the pixels of a picture."""


def places_of(file: GraphFile, steps: Mapping[str, Step], edges: Mapping[str, type]) -> Places:
    """The pixels that every node works in.

    Raises:
        GraphError: a node gets a picture whose pixels were moved, and faces as they were before (or the
            other way round): it would draw, hide or measure in the wrong place.
    """
    moved: dict[str, tuple[str, ...]] = {}
    places = Places(file, steps, edges, moved)
    for name, step in steps.items():
        places.check(("nodes", name), step.wires)
        first = next(iter([*places.pictures(step.wires).values(), *places.placed(step.wires).values()]), "")
        own = moved.get(node_of(first), ())
        moved[name] = (*own, name) if step.node.moves() or step.node.creates() else own
    return places


@dataclass(frozen=True, slots=True)
class Places:
    """Which pixels the values of a graph stand in.

    Attributes:
        moved: node -> the nodes that moved the pixels it works in, in order; none for the source.
    """

    file: GraphFile
    steps: Mapping[str, Step]
    edges: Mapping[str, type]
    moved: Mapping[str, tuple[str, ...]]

    def pictures(self, wires: Mapping[str, str]) -> dict[str, str]:
        """Those of the wires that carry pictures."""
        return {port: edge for port, edge in wires.items() if issubclass(self.edges[edge], Frame)}

    def placed(self, wires: Mapping[str, str]) -> dict[str, str]:
        """Those of the wires that carry places in pictures."""
        return {port: edge for port, edge in wires.items() if issubclass(self.edges[edge], _PLACED)}

    def check(self, path: tuple[str, str], wires: Mapping[str, str]) -> None:
        """Hold the pictures and places that a node or an output gets against each other.

        Raises:
            GraphError: they stand in other pixels.
        """
        for port, edge in self.placed(wires).items():
            for picture in self.pictures(wires).values():
                if self._of(edge) != self._of(picture):
                    raise self.file.document.error(
                        f"{path[1]}.{port} wants places in the pixels of {picture!r}, but {edge!r} was "
                        "measured in others: a node between them enlarges or moves the picture; find faces "
                        f"anew in {picture!r}",
                        (*path, "in", port),
                    )

    def picture(self, path: tuple[str, str], sink: Sink, wires: Mapping[str, str]) -> str:
        """The picture of an output that names none: the first one in whose pixels its faces were found.

        Raises:
            GraphError: it would show people whom a node above its faces hides, or there is no such picture.
        """
        if not sink.shows():
            return SOURCE
        hider = self._hider(wires.values())
        if hider is not None:
            hidden = next((edge for edge in hider.outputs if issubclass(hider.outputs[edge], Frame)), "")
            raise self.file.document.error(
                f"{path[1]} writes pictures, and {hider.name!r} hides people above it: say which picture it "
                f"takes, frame: {hidden} (people are hidden) or frame: {SOURCE} (they are seen)",
                (*path, "in"),
            )
        pixels = next((self._of(edge) for edge in self.placed(wires).values()), ())
        for edge, kind in self.edges.items():
            if issubclass(kind, Frame) and self._of(edge) == pixels:
                return edge
        raise self.file.document.error(
            f"{path[1]} wants a picture in whose pixels its faces stand; wire one to frame", (*path, "in")
        )

    def _of(self, edge: str) -> tuple[str, ...]:
        return self.moved.get(node_of(edge), ())

    def _hider(self, edges: Iterable[str]) -> Step | None:
        """A node that hides people, and on which these edges depend."""
        queue, seen = [node_of(edge) for edge in edges], set[str]()
        while queue:
            name = queue.pop()
            if name in seen or name not in self.steps:
                continue
            seen.add(name)
            if self.steps[name].node.hides_people:
                return self.steps[name]
            queue += [node_of(edge) for edge in self.steps[name].wires.values()]
        return None
