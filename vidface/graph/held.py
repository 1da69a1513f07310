"""Held: the last values of a node, for frames that it declines (`on_error: hold`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.graph.buffers import Buffer
from vidface.graph.plan import Step
from vidface.graph.ports import Port
from vidface.graph.rows import ALIGNED

Inputs = list[tuple[Port, Buffer | None]]
_UNKNOWN: Final = (NOT_TRACKED,)


@dataclass(frozen=True, slots=True)
class Held:
    """What a node gave last.

    Attributes:
        values: one for each of its outputs.
        tracks: track numbers of the faces that came in with them; untracked where one of them cannot be known
            again on another frame.
    """

    values: tuple[Any, ...]
    tracks: tuple[int, ...]

    @classmethod
    def of(cls, values: tuple[Any, ...], inputs: Inputs, index: int) -> Held:
        """The values of frame `index`, with who was on it."""
        return cls(values, _tracks(inputs, index))

    def fits(self, place: int, step: Step, inputs: Inputs, index: int) -> bool:
        """The value of output `place` may stand for frame `index`.

        What has a row for every face that came in may only where the same faces come in, in the same order:
        else it would say of one person what was measured on another.
        """
        if not _beside(step, list(step.outputs.values())[place]):
            return True
        return NOT_TRACKED not in self.tracks and self.tracks == _tracks(inputs, index)


def _beside(step: Step, kind: type) -> bool:
    """Values of this type have the rows of faces that came in."""
    taken = any(issubclass(port.value, (Faces, *ALIGNED)) for port in step.signature.inputs)
    if not taken or step.node.keeps_rows is False:
        return False
    return issubclass(kind, ALIGNED) or (issubclass(kind, Faces) and bool(step.node.keeps_rows))


def _tracks(inputs: Inputs, index: int) -> tuple[int, ...]:
    """Of all faces that come in at `index`, port by port; untracked where rows come without their faces."""
    faces = [buffer[index] for port, buffer in inputs if buffer and issubclass(port.value, Faces)]
    if not faces:
        return _UNKNOWN
    return tuple(int(track) for one in faces for track in one.tracks)
