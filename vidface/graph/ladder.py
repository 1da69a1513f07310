"""The ladder: what a run over a camera gives up, step by step, before frames are dropped.

    ladder:
      - {slow: detect, by: 2}     # it looks at half as many frames
      - {off: quality}            # the node gives its empty value
      - {rate: 1/2}               # every second frame is left out before the graph

Steps add up; of two that name the same node, or the rate, the later one counts. `ladder: []` gives up
nothing. Without the key, every node that can be slowed is slowed by 2, then the rate is halved. Files
never use a ladder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.graph.words import did_you_mean

if TYPE_CHECKING:
    from vidface.errors import GraphError
    from vidface.graph.plan import Step
    from vidface.graph.spec import GraphFile

_RATE: Final = re.compile(r"1/([2-9]|[12]\d|30)\Z")


def _keys(value: Any) -> Any:
    """YAML reads a bare `off` as false, and `1/2` as text."""
    if not isinstance(value, Mapping):
        return value
    named = {"off" if key is False else key: item for key, item in value.items()}
    if "rate" in named:
        named["rate"] = str(named["rate"])
    return named


class RungSpec(BaseModel):
    """One step of the ladder: slow, off or rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slow: str | None = Field(default=None, description="A node that is to do its work less often.")
    by: int = Field(default=2, ge=2, le=16, description="With slow: so many times less often.")
    off: str | None = Field(default=None, description="A node that is to give its empty value.")
    rate: str | None = Field(default=None, description="1/2 leaves out every second frame; up to 1/30.")


LadderSpec = Annotated[RungSpec, BeforeValidator(_keys)]


@dataclass(frozen=True, slots=True)
class Rung:
    """A checked step.

    Attributes:
        node: which one; empty for the rate.
        by: times less often, or one frame in so many; 1 with off.
    """

    kind: Literal["slow", "off", "rate"]
    node: str = ""
    by: int = 1

    @property
    def text(self) -> str:
        """What it does, as a phrase."""
        if self.kind == "slow":
            return f"{self.node} works {self.by} times less often"
        return f"{self.node} is off" if self.kind == "off" else f"one frame in {self.by} is taken"


def rungs_of(file: GraphFile, steps: Mapping[str, Step], kept: Iterable[str]) -> tuple[Rung, ...]:
    """The graph's ladder, checked; steps about nodes that this run leaves out are left out.

    Args:
        steps: all nodes of the graph. kept: names of those that run.

    Raises:
        GraphError: a step that cannot be taken; says why, with its place.
    """
    running = set(kept)
    if file.spec.ladder is None:
        return _usual([step for name, step in steps.items() if name in running])
    rungs = [_rung(file, steps, place, spec) for place, spec in enumerate(file.spec.ladder)]
    return tuple(rung for rung in rungs if not rung.node or rung.node in running)


def _usual(steps: list[Step]) -> tuple[Rung, ...]:
    guarded = _guarded({step.name: step for step in steps})
    slow = [Rung("slow", step.name, 2) for step in steps if step.node.eases and step.name not in guarded]
    return (*slow, Rung("rate", by=2))


def _rung(file: GraphFile, steps: Mapping[str, Step], place: int, spec: RungSpec) -> Rung:
    said = [key for key in ("slow", "off", "rate") if getattr(spec, key) is not None]
    if len(said) != 1:
        found = " and ".join(said) or "none of them"
        raise _fault(file, f"a step is one of slow, off and rate, but this one is {found}", place)
    if "by" in spec.model_fields_set and spec.slow is None:
        raise _fault(file, f"by goes with slow, but this step is {said[0]}", place, "by")
    if spec.rate is not None:
        match = _RATE.match(spec.rate.replace(" ", ""))
        if match is None:
            text = f"rate leaves in one frame of some and is 1/2 to 1/30, but is {spec.rate!r}"
            raise _fault(file, text, place, "rate")
        return Rung("rate", by=int(match.group(1)))
    name = spec.slow or spec.off or ""
    if name not in steps:
        hint = did_you_mean(name, steps)
        raise _fault(file, f"{said[0]} names {name!r}, which is no node{hint}", place, said[0])
    why = _not_slow(steps, name) if spec.slow else _not_off(steps, name)
    if why:
        raise _fault(file, f"{name} ({steps[name].use}) cannot be {why}", place, said[0])
    return Rung("slow", name, spec.by) if spec.slow else Rung("off", name)


def _not_slow(steps: Mapping[str, Step], name: str) -> str | None:
    able = ", ".join(step.name for step in steps.values() if step.node.eases) or "none here"
    if not steps[name].node.eases:
        return f"slowed; nodes that can: {able}"
    return _seen(steps, name, "slowed")


def _not_off(steps: Mapping[str, Step], name: str) -> str | None:
    step = steps[name]
    if why := _seen(steps, name, "turned off"):
        return why
    for kind in step.outputs.values():
        if issubclass(kind, Faces):
            return "turned off: it gives faces, and the rows of other nodes stand beside them"
        passes = kind is Frame and any(port.value is Frame for port in step.signature.inputs)
        if kind is Frame and step.node.generates:
            return "turned off: the person would be seen whom its pictures stand for"
        if not passes and not hasattr(kind, "none"):
            return f"turned off: {kind.__name__} has no empty value"
    return None


def _seen(steps: Mapping[str, Step], name: str, what: str) -> str | None:
    hider = _guarded(steps).get(name)
    if hider is None:
        return None
    whose = "it hides people" if hider == name else f"{hider} needs it to hide people"
    return f"{what}: {whose}, and somebody would be seen"


def _guarded(steps: Mapping[str, Step]) -> dict[str, str]:
    """Nodes that hide people and all that these need -> the node that hides."""
    found: dict[str, str] = {}
    for hider in (name for name, step in steps.items() if step.node.hides_people):
        queue = [hider]
        while queue:
            name = queue.pop()
            if name in steps and name not in found:
                found[name] = hider
                queue += [edge.split(".")[0] for edge in steps[name].wires.values()]
    return found


def check_skips(file: GraphFile, steps: Mapping[str, Step]) -> None:
    """Check that no frame on which somebody is to be hidden passes as it came, for a fault in a node.

    Raises:
        GraphError: a node that hides people, or tells where they are to one that does, is to be skipped.
    """
    hiders = _guarded(steps)
    for name, step in steps.items():
        tells = name == hiders.get(name) or any(kind is not Frame for kind in step.outputs.values())
        if step.on_error == "skip" and tells and (why := _seen(steps, name, "skipped")):
            text = f"{name} ({step.use}) cannot be {why}; use on_error: stop or hold"
            raise file.document.error(text, ("nodes", name, "on_error"))


def _fault(file: GraphFile, text: str, place: int, key: str = "") -> GraphError:
    # A bare `off` is false to YAML, and so it stands among the places.
    spelt = ("ladder", place, False)
    path = spelt if key == "off" and spelt in file.document.values else ("ladder", place, key)
    return file.document.error(f"ladder: {text}", path)
