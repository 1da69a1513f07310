"""All that the author of a node needs: Node, Batch, Window, Span, FOREVER, and Sink for outputs.

Three rules:

- Public fields are parameters: typed, bounded, described, frozen; unknown keys are refused.
- Underscore fields are state: declared in the class, born in `reset`.
- The signature of `process` is the port list: one value in per input port, one value out, every frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar, overload

from pydantic import BaseModel, ConfigDict

from vidface.data.card import Card
from vidface.data.device import Device
from vidface.data.provenance import Provenance, hidden_comment
from vidface.data.source import SourceInfo
from vidface.data.station import Station

T = TypeVar("T")

FOREVER: Final = -1
"""`memory` of a node whose values may depend on everything since the last reset."""


@dataclass(frozen=True, slots=True)
class Span:
    """How many neighbours a window reaches: frames before and frames after the current one."""

    past: int = 0
    ahead: int = 0

    def __post_init__(self) -> None:
        if self.past < 0 or self.ahead < 0:
            raise ValueError(f"a span counts frames and must be 0 or more, but is {self}")


class Batch(tuple[T, ...]):
    """The values of several consecutive frames; a node that takes batches gives back one of equal length."""

    __slots__ = ()


class Window(Sequence[T], Generic[T]):
    """The values around the current frame; shorter at the ends of a stream, at a gap and at a scene cut.

    `window[i]` counts from the oldest; `window.at(-1)` is the frame before the current one.
    """

    __slots__ = ("_centre", "_values")

    def __init__(self, values: Sequence[T], centre: int) -> None:
        if not 0 <= centre < len(values):
            raise ValueError(
                f"the current value must be one of the {len(values)} given, but is number {centre}"
            )
        self._values = tuple(values)
        self._centre = centre

    @property
    def current(self) -> T:
        """The value of the frame that is asked for."""
        return self._values[self._centre]

    @property
    def past(self) -> tuple[T, ...]:
        """Values before the current one, oldest first."""
        return self._values[: self._centre]

    @property
    def ahead(self) -> tuple[T, ...]:
        """Values after the current one, nearest first."""
        return self._values[self._centre + 1 :]

    def at(self, offset: int) -> T | None:
        """The value `offset` frames away, None where the window does not reach."""
        place = self._centre + offset
        return self._values[place] if 0 <= place < len(self._values) else None

    @overload
    def __getitem__(self, item: int) -> T: ...
    @overload
    def __getitem__(self, item: slice) -> tuple[T, ...]: ...
    def __getitem__(self, item: int | slice) -> T | tuple[T, ...]:
        return self._values[item]

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[T]:
        return iter(self._values)


class Node(BaseModel):
    """Base of every node. Subclass it, declare fields, write `process`.

    Life of a node, kept by the engine and by `NodeHarness`: fields are validated; `open(device)`;
    `meet(source)`; `reset()`; `process` once per frame (or batch), in order; `reset()` again wherever the
    stream breaks; `facts()` once at the end; `close()` always, if `open` succeeded. All calls come one
    after the other, though not always from the same thread.

    Class facts:
        memory: 0 where a value depends on its inputs alone; n where it depends on the last n
            frames as well; FOREVER where it may depend on everything since `reset`.
        span: neighbours that `Window` ports see; override `reach` where it follows from fields.
        max_batch: longest `Batch` that `process` takes at a time.
        generates: the node makes synthetic pictures; files written from them say so and are signed.
        needs_consent: the node makes pictures of a person do what the person did not do: a run wants a
            `consent:`, and every picture gets a visible label unless its sink says `label: none`.
        hides_people: the node makes people unrecognisable; files written from its pictures say so.
        eases: the node can do its work less often where a run over a camera falls behind; see `ease`.
        keeps_rows: with Faces in and out: True where what comes out has a row for each face that came in, in
            the same order; False where it has rows of its own, and what is given beside it has those. Where
            it is None, only the numbers of rows are compared.
        rows_of: of a node that takes several Faces: port of other values -> the port of the faces whose
            rows they have. Where there is one port of Faces, values beside it have its rows.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, protected_namespaces=()
    )

    memory: ClassVar[int] = 0
    span: ClassVar[Span] = Span()
    max_batch: ClassVar[int] = 16
    generates: ClassVar[bool] = False
    needs_consent: ClassVar[bool] = False
    hides_people: ClassVar[bool] = False
    eases: ClassVar[bool] = False
    keeps_rows: ClassVar[bool | None] = None
    rows_of: ClassVar[Mapping[str, str]] = MappingProxyType({})

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """State, straight from where pydantic keeps it: its own way there takes ten times as long."""
            state = self.__pydantic_private__
            if state is not None and name in state:
                return state[name]
            return super().__getattr__(name)

    # Declared for the reader; `process` is typed by each subclass, since its signature is the port list.
    process: ClassVar[Any]

    def reach(self) -> Span:
        """Neighbours that `Window` ports of this instance see."""
        return self.span

    def creates(self) -> bool:
        """With `generates`: pictures are made anew, and frames that come in only steer them."""
        return False

    def moves(self) -> bool:
        """Pixels of the frame that comes out stand elsewhere than in the one that came in."""
        return False

    def models(self) -> tuple[str, ...]:
        """Names of the models that `open` will load; they are checked before anything is decoded."""
        return ()

    def open(self, device: Device) -> None:
        """Load models and make buffers."""

    def meet(self, source: SourceInfo) -> None:
        """What is read: comes once, between `open` and the first `reset`."""

    def reset(self) -> None:
        """Begin anew: stream start, seek, scene cut, gap. All state is born here."""

    def ease(self, factor: int) -> None:
        """With `eases`: work so many times less often from now on; 1 is as often as the fields say.

        Comes between two calls of `process`, also before the first `reset`, and holds across resets.
        """

    def spared(self) -> int:
        """With `eases`: frames so far whose work was left out for `ease` alone."""
        return 0

    def facts(self) -> dict[str, Any]:
        """What run.json should say of this node: plain values, asked once between the last frame and `close`.

        A list of sentences under "notes" is also shown to the user at the end of the run.
        """
        return {}

    def close(self) -> None:
        """Give back what `open` took."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sink writes and what it needs to know of the input.

    Attributes:
        folder: the run's folder; it exists and is empty of this sink's files.
        name: the output's name in the graph; files are `folder/name.*`.
        info: the input as the container describes it.
        input: the input's path, for audio to be copied from; None where there is none.
        start, stop: seconds of input time that the run covers; None where not limited.
        provenance: how synthetic pictures came about; None where what is written is not synthetic.
        sound: a file whose sound stands in for the input's; None where none was named.
        sound_lead: seconds to add to its times to be on the input's clock.
        hidden_by: nodes that hid people in the pictures, as in the graph ("anonymize.faces").
        station: takes events and live pictures where cameras are watched; None in other runs.
        card: where the run's pictures lie; None: in host memory.
        tracked: a tracker follows the faces that the output is given, also where there are none.
    """

    folder: Path
    name: str
    info: SourceInfo
    input: Path | None = None
    start: float | None = None
    stop: float | None = None
    provenance: Provenance | None = None
    sound: Path | None = None
    sound_lead: Fraction = Fraction(0)
    hidden_by: tuple[str, ...] = ()
    station: Station | None = None
    card: Card | None = None
    tracked: bool = False

    @property
    def comment(self) -> str:
        """What a file says of itself in its metadata."""
        plain = hidden_comment(self.hidden_by)
        if self.provenance is None:
            return plain
        return "; ".join([self.provenance.comment(), *([plain] if self.hidden_by else [])])

    @property
    def labelled(self) -> bool:
        """Pictures get a visible label unless the user says otherwise."""
        return self.provenance is not None and self.provenance.labelled


class Sink(Node):
    """A node at the end of the graph: `process` gives None and writes to a file.

    Life: `start(target)`, `process` once per frame in order, `finish()` after the last one,
    `close()` always. Called from one thread.
    """

    def shows(self) -> bool:
        """Pictures of what comes in at `frame` are written, so that people on it can be seen."""
        return True

    def files(self, name: str) -> tuple[str, ...]:
        """Files in the run's folder that an output of this name writes, as far as they are known before.

        No other output may write them. A folder ends with /.
        """
        return ()

    def start(self, target: Target) -> None:
        """Open the files."""

    def finish(self) -> dict[str, Any]:
        """Complete the files; returns facts for run.json, e.g. {"files": ["video.mp4"], "frames": 300}."""
        return {}
