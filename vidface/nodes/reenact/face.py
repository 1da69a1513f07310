"""reenact.face: faces of the picture move as their motions say; for dubbing, and for stills that talk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device, Faces, Frame, Planes
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import Meshes
from vidface.data.motion import Motion, Motions
from vidface.data.rows import check_rows
from vidface.data.steadyclock import SteadyClock
from vidface.node import FOREVER, Node
from vidface.nodes.mesh._model import open_mesh_model, usable
from vidface.nodes.reenact._drive import LIMITED, Replay, key_of
from vidface.vision.away import Away
from vidface.vision.facecrop import region_of, scale_of
from vidface.vision.floweyes import Slit
from vidface.vision.headsquare import square_around
from vidface.vision.meshcrop import to_crop
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import LIPS_INNER
from vidface.vision.motionfit import Person
from vidface.vision.motionpath import Limits, limited
from vidface.vision.motionput import Face, Put, Region
from vidface.vision.paste import paste_delta
from vidface.vision.portrait import Look, PortraitSource, look_in, render

Matrix = NDArray[np.float64]

KINDS: Final[tuple[Measure, ...]] = (
    Measure("reenact_change", "inter-ocular distances", "Mean way of the face's points."),
    LIMITED,
)
"""The columns, in order."""

_BETTER: Final = 1.15
"""A mouth that is open so many times as far as the best one so far lends its teeth from then on."""
_STILL: Final = 0.002
"""Faces that move less are left as they are; inter-ocular distances."""


class Redriven(NamedTuple):
    """What reenact.face gives: the picture, and the report of each face."""

    frame: Frame
    report: Measures


@dataclass(slots=True)
class _Trail:
    """What is remembered of a track: the person, and the picture whose mouth was open farthest."""

    person: Person
    teeth: Look | None = None
    opening: float = 0.0
    seen: float = 0.0


class _Part(NamedTuple):
    """What goes back into the frame for one face."""

    delta: NDArray[np.float32]
    mask: NDArray[np.float32]
    matrix: Matrix


class ReenactFace(Node):
    """Re-drive faces of the picture itself by motions: by those that reenact.speech hears, or saved ones.

    Each face keeps its place, its person and whatever `regions` leaves out; the default is the lips and
    the jaw, which is dubbing. `regions: [all]` also moves head and eyes: for a still that talks. The face
    is moved as in reenact.portrait and only the change is added to the frame, inside a soft square around
    the head; all else stays bit by bit. Teeth come from the frame so far in which the mouth of the same
    track was open farthest; before there was one, a mouth that opens is dark inside.

    `expression: absolute` takes lips as the motion says, so that they close where it closes them; `relative`
    adds the motion to what the face does. Motions of the picture's own faces (reenact.speech) stand beside
    their own pose; those of a saved file turn the face from where it is (`pose: relative`).

    It makes a person do what the person did not do: a graph with it needs a `consent:`.
    """

    regions: list[Region] = Field(
        ["lips"],
        min_length=1,
        description="What moves: pose, expression (with eyes and lips), eyes, lips, all.",
    )
    expression: Literal["absolute", "relative"] = Field(
        "absolute", description="Expression and gaze as the motion says, or added to the face's own."
    )
    pose: Literal["absolute", "relative"] = Field(
        "absolute", description="Turn as the motion says, or from where the face is; relative for saved ones."
    )
    track: int | None = Field(None, ge=1, description="Only this track moves; else every face.")
    motion: str = Field("", description="A saved motion (.npz) that every chosen face follows.")
    motion_track: int | None = Field(None, ge=1, description="Which of its tracks; else the longest.")
    eye_openness: float = Field(1.0, ge=0, le=2, description="Factor on how far the eyes are open.")
    lip_openness: float = Field(1.0, ge=0, le=2, description="Factor on how far the lips are apart.")
    max_yaw: float = Field(25, ge=0, le=90, description="Most turn aside from the picture's own, degrees.")
    max_pitch: float = Field(20, ge=0, le=90, description="Most turn up or down, degrees.")
    min_face_px: float = Field(32, ge=16, description="Faces less tall than this stay as they are; pixels.")
    largest: int = Field(
        512, ge=256, le=1024, description="Side at most of the square that is drawn, pixels."
    )
    hold_s: float = Field(2.0, ge=0, le=60, description="A face that was away for longer begins anew.")
    mesh_model: str = Field("vidface-meshmodel", description="The mesh model, of persons and expressions.")

    memory = FOREVER
    generates: ClassVar[bool] = True
    needs_consent: ClassVar[bool] = True

    _model: MeshModel
    _replay: Replay | None
    _trails: dict[int, _Trail]
    _away: Away
    _put: Put
    _clock: SteadyClock
    _counts: dict[str, int]

    def models(self) -> tuple[str, ...]:
        return (self.mesh_model,)

    def open(self, device: Device) -> None:
        """Load the mesh model, and the saved motion if there is one.

        Raises:
            ModelError: the model is missing, altered, or no mesh model.
            InputError: `motion` is no motion file.
            UsageError: the file has no such track.
        """
        self._model = open_mesh_model(self.mesh_model, node="reenact.face")
        self._replay = Replay("reenact.face", self.motion, self.motion_track) if self.motion else None
        self._put = Put(
            frozenset(self.regions), self.expression, self.pose, self.eye_openness, self.lip_openness
        )
        self._counts = {"redriven": 0, "left": 0, "limited": 0}
        # Not in reset: a saved motion runs on through cuts, as it was saved through them.
        self._clock = SteadyClock()

    def reset(self) -> None:
        """Forget everybody."""
        self._trails, self._away = {}, Away(self.hold_s)

    def facts(self) -> dict[str, Any]:
        """Faces re-driven, left as they were, and held back at a limit."""
        said: dict[str, Any] = {"faces": dict(self._counts)}
        if not self._counts["redriven"]:
            said["notes"] = ["no face was moved: none was large enough, or no motion spoke of it"]
        return said

    def process(self, frame: Frame, faces: Faces, mesh: Meshes, motions: Motions | None = None) -> Redriven:
        """Move the faces of a frame.

        Raises:
            UsageError: `mesh` or `motions` has not a row for every face.
        """
        check_rows(faces, mesh=mesh, motions=motions)
        time = float(frame.time)
        self._clock.set(frame)
        self._trails = self._away.without(self._trails, time)
        table = np.full((len(faces), len(KINDS)), np.nan, np.float32)
        parts = []
        for row in self._rows(faces, mesh):
            motion = self._motion(motions, row)
            trail = self._trail(key_of(faces, row), time)
            part = self._part(frame, mesh.points[row], trail, motion, table[row])
            self._counts["left" if part is None else "redriven"] += 1
            parts += [part] if part is not None else []
        return Redriven(_pasted(frame, parts), Measures(KINDS, table))

    def _rows(self, faces: Faces, mesh: Meshes) -> list[int]:
        """Faces that may move, the largest last: it lies in front."""
        if not len(mesh):
            return []
        chosen = usable(mesh, self._model) & (faces.heights >= self.min_face_px)
        if self.track is not None:
            chosen &= faces.tracks == self.track
        rows: list[int] = np.flatnonzero(chosen).tolist()
        return sorted(rows, key=lambda row: float(faces.heights[row]))

    def _trail(self, key: int, time: float) -> _Trail:
        if key not in self._trails:
            self._trails[key] = _Trail(Person(self._model))
        self._trails[key].seen = time
        return self._trails[key]

    def _motion(self, motions: Motions | None, row: int) -> Motion:
        if self._replay is not None:
            return self._replay.at(self._clock.now) or Motion.none()
        return motions[row] if motions is not None and row < len(motions) else Motion.none()

    def _part(self, frame: Frame, points: Any, trail: _Trail, motion: Motion, report: Any) -> _Part | None:
        """What changes of one face; None where nothing does. Its row of the report is written."""
        face = Face(self._model, points, trail.person, learn=True)
        if not motion.valid:
            return None
        reference = self._replay.reference(motion) if self._replay is not None else Motion()
        moved, beyond = limited(
            face.moved(motion, reference, self._put), face.rest, Limits(self.max_yaw, self.max_pitch)
        )
        target = face.mesh(moved, self._put)
        way = float(np.linalg.norm((target - points)[:, :2], axis=1).mean()) / face.read.skull.scale
        report[:] = way, beyond
        self._counts["limited"] += beyond > 0
        look, matrix = self._look(frame, points)
        if look is None:
            return None
        looks = [look] + ([trail.teeth] if trail.teeth is not None else [])
        self._remember(trail, look)
        if way < _STILL:
            return None
        source = PortraitSource([_same_size(one, look) for one in looks], self._model, trail.person)
        drawn = render(source, to_crop(target, matrix))
        delta = drawn.picture.astype(np.float32) - look.picture
        # Where nothing moved, sampling the picture anew may differ by a level; that is no change.
        red, green, blue = cv2.split(np.abs(delta))
        delta[cv2.max(cv2.max(red, green), blue) <= 1] = 0
        return _Part(delta, drawn.alpha, matrix)

    def _look(self, frame: Frame, points: Any) -> tuple[Look | None, Matrix]:
        """The square around a head, as large as it is in the frame within bounds."""
        native = 1 / scale_of(square_around(points, 1))
        side = int(np.clip(round(native), 128, self.largest))
        matrix = square_around(points, side)
        region = region_of(frame, matrix, side)
        if region is None:
            return None, matrix
        return look_in(region, frame.size, mesh=points, matrix=matrix, side=side), matrix

    def _remember(self, trail: _Trail, look: Look) -> None:
        opening = Slit(look.mesh, LIPS_INNER).opening
        if opening > max(0.08, _BETTER * trail.opening):
            trail.teeth, trail.opening = look, opening


def _same_size(look: Look, like: Look) -> Look:
    side = like.picture.shape[0]
    if look.picture.shape[0] == side:
        return look
    scale = np.float32(side / look.picture.shape[0])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(look.picture, (side, side), interpolation=how)
    return Look(np.asarray(picture, np.uint8), look.mesh * scale)


def _pasted(frame: Frame, parts: list[_Part]) -> Frame:
    def paint(planes: Planes) -> None:
        for part in parts:
            paste_delta(planes, part.delta, mask=part.mask, matrix=part.matrix)

    return frame.painted(paint) if parts else frame
