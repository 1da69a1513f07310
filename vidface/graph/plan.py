"""A checked plan: nodes resolved, parameters valid, edges typed, order and look-ahead known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from vidface.data.frame import Frame
from vidface.data.sound import Sound
from vidface.errors import GraphError, ModelError, NodeError, UsageError
from vidface.graph.claims import check_files
from vidface.graph.ladder import Rung, check_skips, rungs_of
from vidface.graph.load_node import DEFAULT_SINKS, Classes, names_file
from vidface.graph.params import instance
from vidface.graph.places import Places, places_of
from vidface.graph.ports import Signature, signature_of
from vidface.graph.rows import check_aligned
from vidface.graph.spec import SOUND, SOURCE, GraphFile, NodeSpec, OutputSpec, did_you_mean, read
from vidface.graph.usercode import asked, check_answers
from vidface.graph.wiring import edge_type, node_of, wire
from vidface.node import Node, Sink

N = TypeVar("N", bound=Node)


@dataclass(frozen=True, slots=True)
class Step:
    """One node, ready to run.

    Attributes:
        wires: port name -> edge; an edge is "source", "node" or "node.field".
        latency: frames that the value of frame t waits for, counted from the input.
    """

    name: str
    use: str
    node: Node
    signature: Signature
    wires: dict[str, str]
    on_error: str
    device: str
    latency: int

    @property
    def outputs(self) -> dict[str, type]:
        """Edge -> type of what this node gives."""
        return {
            self.name if not item else f"{self.name}.{item}": kind
            for item, kind in self.signature.outputs.items()
        }


@dataclass(frozen=True, slots=True)
class Outlet:
    """One output: a sink and the edges that it writes.

    Attributes:
        spare: the port whose picture the graph does not name, so that it was chosen; "" where there is none.
    """

    name: str
    use: str
    sink: Sink
    signature: Signature
    wires: dict[str, str]
    spare: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph that is sound: run it, explain it, or draw it.

    Attributes:
        steps: in an order in which every node stands behind what it needs.
        outlets: the outputs that will be written.
        latency: frames of look-ahead of the whole graph.
        ladder: what a run over a camera gives up, in this order, where it falls behind.
    """

    file: GraphFile
    steps: tuple[Step, ...]
    outlets: tuple[Outlet, ...]
    device: str
    scene_cuts: bool
    edges: dict[str, type] = field(default_factory=dict)
    ladder: tuple[Rung, ...] = ()

    @property
    def latency(self) -> int:
        """Frames that a value waits at most before it can be written."""
        return max((step.latency for step in self.steps), default=0)

    @property
    def hears(self) -> bool:
        """Some node or output wants the sound."""
        wired = [step.wires for step in self.steps] + [outlet.wires for outlet in self.outlets]
        return any(SOUND in wires.values() for wires in wired)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all models that the nodes load."""
        return tuple(dict.fromkeys(model for step in self.steps for model in step.node.models()))


def load(
    graph: str | Path | Mapping[str, Any] | GraphFile,
    *,
    overrides: tuple[str, ...] = (),
    outputs: tuple[str, ...] | None = None,
    check_models: bool = True,
) -> Plan:
    """Read a graph and check all of it.

    Args:
        graph: path of a YAML file, the same as a mapping, or a file that was read before.
        overrides: texts of the form `node.param=value`; of a file that was read before, its own stand.
        outputs: keep only these outputs and the nodes that they need; None keeps all.
        check_models: also verify that the weights are there and match their manifests.

    Raises:
        GraphError: the graph is not sound; the message carries file, line and column.
        ModelError: a model is missing or differs from its manifest.
        UsageError: an override or an output name that the graph does not have.
    """
    file = graph if isinstance(graph, GraphFile) else read(graph, overrides=overrides)
    names = _chosen(file, outputs)
    steps: dict[str, Step] = {}
    edges: dict[str, type] = {SOURCE: Frame, SOUND: Sound}
    classes = Classes(file.folder)
    for name in _order(file):
        steps[name] = _step(file, name, classes, edges, steps)
        edges.update(steps[name].outputs)
    places = places_of(file, steps, edges)
    outlets = tuple(_outlet(file, name, classes, edges, places) for name in names)
    check_aligned(file, steps, outlets)
    check_files(file, outlets)
    check_skips(file, steps)
    kept = _needed(steps, outlets) if outputs is not None else set(steps)
    chosen = tuple(step for name, step in steps.items() if name in kept)
    if check_models:
        _check_models(file, chosen)
    ladder = rungs_of(file, steps, kept)
    return Plan(file, chosen, outlets, file.spec.device, file.spec.scene_cuts, edges, ladder)


def _chosen(file: GraphFile, outputs: tuple[str, ...] | None) -> list[str]:
    known = list(file.spec.outputs)
    for name in outputs or ():
        if name not in known:
            raise UsageError(f"{file.name} has no output {name!r}{did_you_mean(name, known)}")
    return known if outputs is None else [name for name in known if name in outputs]


def _order(file: GraphFile) -> list[str]:
    """Names of the nodes, each behind its inputs, otherwise as they stand in the file."""
    done: dict[str, None] = {}
    for first in file.spec.nodes:
        # No recursion: a chain may be longer than Python goes deep.
        trail = {first: _needed_by(file, first)} if first not in done else {}
        while trail:
            name = next(reversed(trail))
            needed = next(trail[name], None)
            if needed is None:
                del trail[name]
                done[name] = None
            elif needed in trail:
                names = list(trail)
                loop = " -> ".join([*names[names.index(needed) :], needed])
                raise file.document.error(
                    f"these nodes wait for each other: {loop}; a graph has no loops", ("nodes", needed)
                )
            elif needed not in done:
                trail[needed] = _needed_by(file, needed)
    return list(done)


def _needed_by(file: GraphFile, name: str) -> Iterator[str]:
    """The nodes that a node waits for."""
    nodes = file.spec.nodes
    for port, edge in nodes[name].wires.items():
        needed = node_of(edge)
        if needed != SOURCE and needed not in nodes:
            hint = did_you_mean(needed, [SOURCE, *nodes])
            raise file.document.error(
                f"{name} wants its input from {edge!r}, which is no node{hint}", ("nodes", name, "in", port)
            )
        if needed != SOURCE:
            yield needed


def _class(file: GraphFile, path: tuple[str, str], use: str, find: Callable[[str], type[N]]) -> type[N]:
    try:
        return find(use)
    except UsageError as error:
        raise file.document.error(_whose(path, use, error), (*path, "use")) from error


def _whose(path: tuple[str, str], use: str, error: Exception) -> str:
    """What is wrong with a class; of a file of the user's, also which node or output it is for."""
    return f"{path[1]}: {error}" if names_file(use) else str(error)


def _made(
    file: GraphFile, path: tuple[str, str], use: str, kind: type[N], spec: NodeSpec | OutputSpec
) -> tuple[N, Signature]:
    """A node or sink with its parameters, and its ports; it answers what is asked of it further down."""
    try:
        signature = signature_of(kind)
    except NodeError as error:
        raise file.document.error(_whose(path, use, error), (*path, "use")) from error
    node = asked(file, path, kind, lambda: instance(file, kind, spec, path, use))
    check_answers(file, path, node)
    return node, signature


def _step(
    file: GraphFile, name: str, classes: Classes, edges: dict[str, type], steps: dict[str, Step]
) -> Step:
    spec = file.spec.nodes[name]
    path = ("nodes", name)
    kind = _class(file, path, spec.use, classes.node)
    if issubclass(kind, Sink):
        raise file.document.error(f"{spec.use} is a sink; name it under outputs", (*path, "use"))
    node, signature = _made(file, path, spec.use, kind, spec)
    wires = wire(file, signature, spec.wires, edges, path)
    behind = max((steps[name].latency for name in map(node_of, wires.values()) if name != SOURCE), default=0)
    if spec.on_error == "skip":
        _check_skippable(file, name, signature)
    ahead = node.reach().ahead if any(port.windowed for port in signature.inputs) else 0
    device = spec.device or file.spec.device
    return Step(name, spec.use, node, signature, wires, spec.on_error, device, behind + ahead)


def _check_skippable(file: GraphFile, name: str, signature: Signature) -> None:
    for kind in signature.outputs.values():
        passes = any(port.value is kind for port in signature.inputs)
        if not hasattr(kind, "none") and not passes:
            raise file.document.error(
                f"{name} cannot be skipped: {kind.__name__} has no empty value; use on_error: stop or hold",
                ("nodes", name, "on_error"),
            )


def _outlet(file: GraphFile, name: str, classes: Classes, edges: dict[str, type], places: Places) -> Outlet:
    spec = file.spec.outputs[name]
    path = ("outputs", name)
    use = spec.use or _default_sink(file, name, spec, edges)
    kind = _class(file, path, use, classes.sink)
    sink, signature = _made(file, path, use, kind, spec)
    if any(port.windowed for port in signature.inputs) or signature.batched:
        raise file.document.error(f"{use}: a sink takes one frame at a time, no Window and no Batch", path)
    frame = signature.port("frame")
    spare = "frame" if frame is not None and issubclass(Frame, frame.value) else ""
    wires = wire(file, signature, spec.wires, edges, path, spare=spare)
    # Of the picture beside lines of text nothing but its time is wanted: any may be named.
    places.check(path, {port: edge for port, edge in wires.items() if port != spare or sink.shows()})
    if not spare or spare in wires:
        return Outlet(name, use, sink, signature, wires)
    wires[spare] = places.picture(path, sink, wires)
    return Outlet(name, use, sink, signature, wires, spare)


def _default_sink(file: GraphFile, name: str, spec: OutputSpec, edges: dict[str, type]) -> str:
    path = ("outputs", name, "in")
    if set(spec.wires) != {""}:
        raise file.document.error(f"{name} names several inputs, so it must say which sink: use: NAME", path)
    kind = edge_type(file, spec.wires[""], edges, path)
    for parent in kind.__mro__:
        if parent.__name__ in DEFAULT_SINKS:
            return DEFAULT_SINKS[parent.__name__]
    raise file.document.error(f"no sink is known for {kind.__name__}; say which: use: NAME", path)


def _needed(steps: dict[str, Step], outlets: tuple[Outlet, ...]) -> set[str]:
    kept: set[str] = set()
    queue = [node_of(edge) for outlet in outlets for edge in outlet.wires.values()]
    while queue:
        name = queue.pop()
        if name != SOURCE and name not in kept:
            kept.add(name)
            queue += [node_of(edge) for edge in steps[name].wires.values()]
    return kept


def _check_models(file: GraphFile, steps: tuple[Step, ...]) -> None:
    from vidface.infer import weights

    for step in steps:
        for model in step.node.models():
            try:
                weights.verify(model)
            except ModelError as error:
                place: GraphError = file.document.error(f"{step.name}: {error}", ("nodes", step.name))
                raise type(error)(str(place)) from error
