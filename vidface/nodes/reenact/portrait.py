"""reenact.portrait: the person of a picture moves as the person in front of the camera does."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, NamedTuple

import numpy as np
from pydantic import Field

from vidface.data import Device, Faces, Frame
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import Meshes
from vidface.data.motion import Motion, Motions
from vidface.data.rows import check_rows
from vidface.data.steadyclock import SteadyClock
from vidface.errors import UsageError
from vidface.infer.portrait import PortraitNetwork
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.mesh._model import open_mesh_model, usable
from vidface.nodes.reenact._drive import LIMITED, Drivers, Lead, Moment, Replay
from vidface.nodes.reenact._same import doubts
from vidface.nodes.reenact._source import Still, StillReader, paths_of
from vidface.nodes.reenact._stage import Stage, stage_of
from vidface.vision.meshmodel import MeshModel
from vidface.vision.motionfit import matrix_of
from vidface.vision.motionpath import Limits, Presence, Smoother, bounds_in, limited
from vidface.vision.motionput import Put, Region
from vidface.vision.portrait import eyes_shut, render
from vidface.vision.rigid import angles_of

KINDS: Final[tuple[Measure, ...]] = (
    Measure("reenact_yaw", "degrees", "Yaw of the portrait; in the row of the face that drives it."),
    Measure("reenact_pitch", "degrees", "Its pitch."),
    Measure("reenact_roll", "degrees", "Its roll."),
    LIMITED,
    Measure("reenact_driven", "ratio", "1 driven, 0 at rest; between while it eases."),
)
"""The columns, in order."""

_PROFILE_DEG: Final = 50.0


class Reenacted(NamedTuple):
    """What reenact.portrait gives: the portrait, the motion of every face, and the report."""

    frame: Frame
    motions: Motions
    report: Measures


class ReenactPortrait(Node):
    """Animate a picture of a person with the head pose, expression, gaze and blinks of the driving face.

    The meshes of both are taken apart into place, person and expression, and only what is not the
    driver's person goes over to the portrait. `mode: relative` adds to the picture how the driver differs
    from the most neutral of the first `look_ahead` frames, so that the portrait keeps its own way to look;
    `absolute` takes pose and expression as they are. Shifts count in eye distances of each face, so a
    driver may sit nearer or farther.

    `engine: warp` moves the picture itself, in three dimensions as the mesh says, without a network: skin
    stays as sharp as it was. Lids slide over the eyes, teeth hang from the upper lip, and a mouth that is
    shut in all pictures is dark inside. What the first picture hides (the far cheek, an ear) comes from
    another one, if there are several of the person, and is stretched where there is none.

    `engine: network` follows the same motion. A network sets it right around the face, where the mesh says
    nothing, and draws what the picture does not show: teeth, the ground behind a head that turned away.
    It works at 256 pixels; where it only moves the picture, that keeps its own sharpness.

    The output is the whole first picture (`stitch`), or the square around the head. Frames without the
    driver hold for `hold_s`, then ease to rest; who comes back or takes over does so within 0.3 s, without
    a jump. Turns beyond the limits bend gently and are told in the report. Of several faces in front of the
    camera the largest one drives until it is away, or `track`. A driver in HDR (BT.2020) leaves the portrait
    in the colour of its picture.

    It makes a person do what the person did not do: a graph with it needs a `consent:`.
    """

    source: str | list[str] = Field(
        description="Picture of the person, or a list of several, the main one first."
    )
    engine: Literal["warp", "network"] = Field(
        "warp", description="warp: the picture moved, no more; network: mended and filled as well."
    )
    network: str = Field("vidface-portrait", description="What `engine: network` draws with; task reenact.")
    mode: Literal["relative", "absolute"] = Field(
        "relative", description="Motion against the driver's own neutral face, or as it is."
    )
    regions: list[Region] = Field(
        ["all"],
        min_length=1,
        description="What moves: pose, expression (with eyes and lips), eyes, lips, all.",
    )
    track: int | None = Field(None, ge=1, description="This track drives; else the largest face.")
    face: int | None = Field(
        None,
        ge=1,
        description="Which face of the first picture, from the left; needed where it shows several.",
    )
    stitch: bool = Field(True, description="Show the whole picture; else the square around the head.")
    size: Literal[256, 512] = Field(256, description="Side of that square, pixels.")
    longest: int = Field(
        1280, ge=64, le=8192, description="A whole picture with longer sides is shrunk; pixels."
    )
    eye_openness: float = Field(1.0, ge=0, le=2, description="Factor on how far the eyes are open.")
    lip_openness: float = Field(1.0, ge=0, le=2, description="Factor on how far the lips are apart.")
    smooth_s: float = Field(0.05, ge=0, le=1, description="Time constant of smoothing at rest, seconds.")
    max_yaw: float = Field(35, ge=0, le=90, description="Most turn aside from the picture's own, degrees.")
    max_pitch: float = Field(25, ge=0, le=90, description="Most turn up or down, degrees.")
    max_shift: float = Field(0.8, ge=0, le=5, description="Most shift, inter-ocular distances.")
    hold_s: float = Field(0.5, ge=0, le=60, description="Without the driver the portrait holds so long.")
    ease_s: float = Field(
        1.0,
        ge=0,
        le=60,
        description="Then it comes to rest in this time; less than a frame: at once. Seconds.",
    )
    look_ahead: int = Field(12, ge=0, le=100, description="Frames among which a neutral one is looked for.")
    motion: str = Field("", description="Replay this .npz of the sink `motion`; nobody in the clip drives.")
    detector: str = Field("vidface-facedet", description="Finds the face in the pictures; family yunet.")
    mesh: str = Field("vidface-facemesh", description="Measures it; a model of the task mesh.")
    embedder: str = Field("vidface-embed", description="Says whether several pictures show one person.")
    mesh_model: str = Field("vidface-meshmodel", description="The mesh model, of persons and expressions.")

    memory = FOREVER
    generates: ClassVar[bool] = True
    needs_consent: ClassVar[bool] = True

    _model: MeshModel
    _painter: PortraitNetwork | None
    _stage: Stage
    _stills: list[Still]
    _doubts: list[str]
    _replay: Replay | None
    _put: Put
    _drivers: Drivers
    _lead: Lead
    _turn: int
    _smoother: Smoother
    _presence: Presence
    _clock: SteadyClock
    _counts: dict[str, int]
    _limited: dict[str, int]

    def reach(self) -> Span:
        return Span(0, 0 if self.motion else self.look_ahead)

    def creates(self) -> bool:
        """The driver's pictures only steer."""
        return True

    def models(self) -> tuple[str, ...]:
        also: tuple[str, ...] = (self.network,) if self.engine == "network" else ()
        also += (self.embedder,) if len(paths_of(self.source)) > 1 else ()
        return (self.detector, self.mesh, self.mesh_model, *also)

    def open(self, device: Device) -> None:
        """Load the models and read the pictures.

        Raises:
            ModelError: a model is missing, altered, or of another kind.
            InputError: a picture cannot be read or shows no face, or `motion` is no motion file.
            UsageError: a picture shows several faces and `face` does not say which.
        """
        paths = paths_of(self.source)
        if not paths:
            raise UsageError("reenact.portrait: source names no picture; give the path of one or more.")
        self._model = open_mesh_model(self.mesh_model, node="reenact.portrait")
        self._replay = Replay("reenact.portrait", self.motion, self.track) if self.motion else None
        reader = StillReader("reenact.portrait", self.detector, self.mesh, device)
        try:
            self._stills = [reader.read(path, self.face if not i else None) for i, path in enumerate(paths)]
        finally:
            reader.close()
        self._doubts = doubts(self._stills, self.embedder, device) if len(paths) > 1 else []
        crop = None if self.stitch else self.size
        self._stage = stage_of(self._stills, self._model, crop=crop, longest=self.longest)
        self._put = Put(frozenset(self.regions), self.mode, self.mode, self.eye_openness, self.lip_openness)
        self._counts = {"driven": 0, "held": 0, "at_rest": 0}
        self._limited = {}
        # Not in reset: a saved motion runs on through cuts, as it was saved through them.
        self._clock = SteadyClock()
        self._painter = PortraitNetwork(self.network, device) if self.engine == "network" else None

    def close(self) -> None:
        """Give back the network."""
        if self._painter is not None:
            self._painter.close()

    def reset(self) -> None:
        """Forget the drivers; the portrait begins at rest."""
        self._drivers = Drivers(self._model)
        self._lead = Lead(self.track, self.hold_s)
        self._turn = self._lead.turn
        self._smoother = Smoother(self.smooth_s)
        self._presence = Presence(self.hold_s, self.ease_s)

    def process(self, frame: Window[Frame], faces: Window[Faces], mesh: Window[Meshes]) -> Reenacted:
        """The portrait of a frame.

        Raises:
            UsageError: `mesh` has not a row for every face.
        """
        here, time = faces.current, float(frame.current.time)
        check_rows(here, mesh=mesh.current)
        self._clock.set(frame.current)
        ahead = map(Moment, frame.ahead, faces.ahead, mesh.ahead)
        known = np.zeros(len(here), np.bool_)
        known[: len(mesh.current)] = usable(mesh.current, self._model)
        motions = self._drivers(frame.current, here, mesh.current, ahead)
        row, driven, reference = self._driver(here, motions, known, time)
        face = self._stage.source.face
        beyond = 0
        anew, self._turn = self._lead.turn != self._turn, self._lead.turn
        if anew:
            self._smoother = Smoother(self.smooth_s)
        if driven is not None:
            wanted = self._smoother(face.moved(driven, reference, self._put), time)
            rest_limits = Limits(self.max_yaw, self.max_pitch, shift=self.max_shift)
            driven, beyond = limited(wanted, face.rest, rest_limits)
        now, share = self._presence(driven, face.rest, time, anew=anew)
        self._count(driven, share, beyond)
        drawn = render(self._stage.source, face.mesh(now, self._put), self._painter)
        report = self._report(len(here), row, now, beyond, share)
        return Reenacted(self._stage.show(frame.current, drawn), motions, report)

    def _driver(
        self, faces: Faces, motions: Motions, known: Any, time: float
    ) -> tuple[int | None, Motion | None, Motion]:
        """Row and Motion of what drives this frame, None where nobody does, and its reference."""
        if self._replay is not None:
            now = self._replay.at(self._clock.now)
            return None, now, self._replay.reference(now)
        row = self._lead.row(faces, known & motions.known, time)
        if row is None:
            return None, None, Motion()
        return row, motions[row], self._drivers.reference(faces, row)

    def _report(self, rows: int, row: int | None, now: Motion, beyond: int, share: float) -> Measures:
        table = np.full((rows, len(KINDS)), np.nan, np.float32)
        if row is not None:
            table[row] = (*angles_of(matrix_of(now.rotation)[None])[0], beyond, share)
        return Measures(KINDS, table)

    def _count(self, driven: Motion | None, share: float, beyond: int) -> None:
        kind = "driven" if driven is not None else "held" if share > 0 else "at_rest"
        self._counts[kind] += 1
        for name in bounds_in(beyond):
            self._limited[name] = self._limited.get(name, 0) + 1

    def facts(self) -> dict[str, Any]:
        """Frames driven, held and at rest; limits that were met; what to know of the pictures."""
        said: dict[str, Any] = {
            "frames": dict(self._counts),
            "sources": [str(one.path) for one in self._stills],
            "engine": self.engine,
        }
        notes = list(self._doubts)
        if self._limited:
            said["limited"] = dict(self._limited)
            met = ", ".join(f"{name} on {count} frames" for name, count in self._limited.items())
            notes.append(f"the driver went beyond what a picture can show, and was held back: {met}")
        if not self._counts["driven"] and (self._counts["held"] or self._counts["at_rest"]):
            notes.append("nobody drove the portrait: it stayed at rest on every frame")
        yaw = float(angles_of(matrix_of(self._stage.source.face.rest.rotation)[None])[0, 0])
        if abs(yaw) > _PROFILE_DEG:
            notes.append(
                f"{self._stills[0].path.name} shows the face from the side (yaw {yaw:.0f} degrees): its "
                "other side is made up by stretching; add a picture from the front to `source`"
            )
        if all(eyes_shut(look) for look in self._stage.source.looks):
            notes.append("the eyes are shut in every picture, so they stay shut")
        return said | ({"notes": notes} if notes else {})
