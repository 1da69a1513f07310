"""track.faces: who is who from frame to frame. The default tracker, made for faces."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vidface.data import Device, Embeddings, Faces, Frame
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.track._linker import FaceLinker, LinkRules
from vidface.nodes.track._trails import Numbers, Trails


class TrackFaces(Node):
    """Faces in, the same faces out under track numbers; false alarms dropped, short holes filled.

    Each new frame is read once, as it enters the window at its far end: the faces found there are
    linked to the tracks by motion in seconds, overlap, pose and, where `embeddings` are wired in, looks.
    The value that leaves is that of the window's current frame, `look_ahead` frames earlier. So a
    face is given from its first sighting on, though it took a second one to believe it, and a hole
    is filled from both sides. `reset` begins new tracks; numbers go on and are never used twice.

    A row on a frame that the detector did not look at, or on which it missed the face, is marked
    `interpolated` and keeps the last score:

    - between two sightings at most `interpolate_s` apart that the window holds, on the straight line;
    - after the last sighting in the window, where the face should be by its motion, until two
      looks have missed it, `interpolate_s` is over or it has left the picture;
    - where nobody has looked since the last sighting, for up to 3 s in either case.

    A longer hole has no rows, but the face keeps its number if it is found again within `max_gap_s`. Whoever
    was there on the last look is linked to the next one however long after, so slow cameras have tracks too.
    Memory is bounded by the window and the faces in view, not by the length of the stream.
    """

    look_ahead: int = Field(
        12,
        ge=0,
        le=250,
        description="Frames to wait before a value leaves, so that holes up to this long are filled from "
        "both sides and births are dated back. 0 for live use: places are then predicted.",
    )
    max_gap_s: float = Field(
        1.5, ge=0, le=60, description="Seconds for which a face may be out of sight and keep its number."
    )
    interpolate_s: float = Field(
        0.5,
        ge=0,
        le=10,
        description="Holes in which looks missed the face are filled up to this many seconds; 0 fills none.",
    )
    birth_score: float = Field(
        0.5, ge=0, le=1, description="A weaker detection may prolong a track but not begin one."
    )
    birth_hits: int = Field(2, ge=1, le=10, description="Looks that must find a face before it is a track.")
    sure_score: float = Field(
        0.9, ge=0, le=1, description="A detection this good is a track at once, whatever birth_hits."
    )
    appearance_weight: float = Field(
        1.0,
        ge=0,
        le=10,
        description="Weight of looks against motion where embeddings are wired in; 0 ignores them.",
    )

    memory: ClassVar[int] = FOREVER
    keeps_rows: ClassVar[bool | None] = False

    _numbers: Numbers
    _trails: Trails

    def reach(self) -> Span:
        """As far ahead as `look_ahead` says."""
        return Span(0, self.look_ahead)

    def open(self, device: Device) -> None:
        """Begin to count tracks at 1."""
        self._numbers = Numbers()

    def reset(self) -> None:
        """Forget all tracks; the count goes on."""
        rules = LinkRules(
            self.max_gap_s, self.birth_score, self.birth_hits, self.sure_score, self.appearance_weight
        )
        self._trails = Trails(FaceLinker(rules), self._numbers, self.interpolate_s)

    def process(
        self, frame: Window[Frame], faces: Window[Faces], embeddings: Window[Embeddings] | None = None
    ) -> Faces:
        """The faces of the current frame, by rising track number."""
        return self._trails.process(frame, faces, embeddings, look_ahead=self.look_ahead)
