"""mesh.measures: eyes, blinks, mouth, brows, smile and gaze of every face, as numbers with units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vidface.data import NOT_TRACKED, Device, Faces, Frame
from vidface.data.measures import Measure, Measures
from vidface.data.mesh import Meshes
from vidface.data.pose import Poses
from vidface.data.rows import check_rows
from vidface.node import FOREVER, Node
from vidface.nodes.mesh._model import DEFAULT_MODEL, open_mesh_model
from vidface.vision.facemeasures import GAZE_PITCH_DEG, GAZE_YAW_DEG, Raw, measure

Array = NDArray[np.float64]

KINDS: Final[tuple[Measure, ...]] = (
    Measure("eye_opening_left", "ratio", "Distance of the person's left lids over the width of that eye."),
    Measure("eye_opening_right", "ratio", "Distance of the person's right lids over the width of that eye."),
    Measure("blink_left", "0 or 1", "1 while the person's left eye is shut, for however long."),
    Measure("blink_right", "0 or 1", "1 while the person's right eye is shut, for however long."),
    Measure("blink_count", "count", "Blinks of both eyes so far, since the track began or the last cut."),
    Measure("mouth_opening", "ratio", "Distance of the inner lips over the inter-ocular distance."),
    Measure("mouth_width", "ratio", "Distance of the mouth's corners over the inter-ocular distance."),
    Measure(
        "smile", "ratio", "Corners of the mouth drawn up and out; 0 for the mean face, a smile from 0.1."
    ),
    Measure(
        "brow_raise_left", "ratio", "Height of the left brow over the eye's corners; 0 for the mean face."
    ),
    Measure(
        "brow_raise_right", "ratio", "Height of the right brow over the eye's corners; 0 for the mean face."
    ),
    Measure("gaze_yaw", "degrees", "Where the eyes look from the head, positive to the viewer's right."),
    Measure("gaze_pitch", "degrees", "Where the eyes look from the head, positive up."),
    Measure("interocular_px", "pixels", "Distance between the eyes as if the face were seen from the front."),
)
"""The columns, in order."""

_OPENS_S: Final = 0.3
"""Time in which the idea of how far a person's eyes are open follows upwards."""
_NARROWS_S: Final = (1.0, 15.0)
"""Time in which it follows downwards: as long as the track is old, within these limits. At first little is
known, later eyes that stay shut must not soon count as narrow ones."""
_START: Final = 0.65
"""Share of the mean face's opening that a new track begins with: low, since upwards it learns fast."""
_NARROW: Final = 0.35
"""Share of the mean face's opening below which that idea does not fall, however long eyes are shut."""
_FORGETS_S: Final = 60.0
"""A track not seen for so long is forgotten."""


@dataclass(slots=True)
class _Eye:
    """How far one eye is open when it is open, for how long that was learned, and whether it is shut."""

    level: float
    age_s: float = 0.0
    shut: bool = False

    def see(self, opening: float, seconds: float, *, shuts: float, opens: float, floor: float) -> None:
        """Take the opening `seconds` after the last one."""
        self.age_s += seconds
        low, high = _NARROWS_S
        pace = _OPENS_S if opening > self.level else min(max(self.age_s, low), high)
        self.level = max(self.level + (opening - self.level) * (1 - math.exp(-seconds / pace)), floor)
        self.shut = opening < (opens if self.shut else shuts) * self.level


@dataclass(slots=True)
class _Lids:
    """Both eyes of one track."""

    left: _Eye
    right: _Eye
    seen_s: float
    shut_s: float | None = None
    count: int = 0

    def count_up(self, now: float, longest_s: float) -> None:
        """A blink is over when, after both were shut for no longer than `longest_s`, one opens."""
        both = self.left.shut and self.right.shut
        if both and self.shut_s is None:
            self.shut_s = now
        elif not both and self.shut_s is not None:
            self.count += now - self.shut_s <= longest_s
            self.shut_s = None


class MeshMeasures(Node):
    """Eyes, blinks, mouth, brows, smile and gaze of every face, from its mesh and its head pose.

    The pose is taken off first, so turning the head hardly changes a number. Left and right are the
    person's own. Lengths are ratios of the inter-ocular distance; interocular_px tells that in pixels.
    The numbers come from geometry alone; the mesh's blendshapes are another opinion on the same face.

    An eye counts as shut when its opening falls below `shuts` of what it is for this person when open,
    and as open again above `opens` of it. What is usual is learned per track, within a second or two; faces
    without a track are held against two thirds of the mean face's, and have no blink_count. A look
    straight down lowers the lids too, and can count as shut.

    The gaze is relative to the head: add the head's yaw and pitch for where the eyes look. It is that of
    both eyes together, from the irises between the corners of the eyes, is unknown while both eyes are
    shut, and coarse: several degrees off from person to person, more up and down than sideways.

    Columns: eye_opening_left, eye_opening_right, blink_left, blink_right, blink_count, mouth_opening,
    mouth_width, smile, brow_raise_left, brow_raise_right, gaze_yaw, gaze_pitch, interocular_px.
    """

    model: str = Field(DEFAULT_MODEL, description="The mesh model, whose mean face is what 0 means.")
    shuts: float = Field(0.5, gt=0, lt=1, description="An eye is shut below this share of its usual opening.")
    opens: float = Field(0.65, gt=0, le=1, description="A shut eye is open again above this share of it.")
    longest_blink_s: float = Field(
        0.5, gt=0, le=10, description="Eyes that stay shut for longer are no blink; seconds."
    )

    memory = FOREVER

    _rest: Raw
    _lids: dict[int, _Lids]

    @model_validator(mode="after")
    def _hysteresis(self) -> MeshMeasures:
        if self.opens < self.shuts:
            raise ValueError(f"opens must not be below shuts, but is {self.opens} and shuts {self.shuts}")
        return self

    def models(self) -> tuple[str, ...]:
        return (self.model,)

    def open(self, device: Device) -> None:
        """Load the mesh model and measure its mean face.

        Raises:
            ModelError: it is missing, altered, or not a mesh model.
        """
        mean = open_mesh_model(self.model, node="mesh.measures").mean[None]
        self._rest = measure(mean, np.zeros((1, 3)), np.ones(1))

    def reset(self) -> None:
        self._lids = {}

    def process(self, frame: Frame, faces: Faces, mesh: Meshes, pose: Poses) -> Measures:
        """Measures row by row; not measured where mesh or pose is not.

        Raises:
            UsageError: `mesh` or `pose` has not a row for every face.
        """
        check_rows(faces, mesh=mesh, pose=pose)
        values = np.full((len(mesh), len(KINDS)), np.nan, np.float32)
        both = len(mesh) == len(pose)
        known = np.flatnonzero(mesh.known & pose.known) if both else np.zeros(0, np.int64)
        if len(known):
            raw = measure(mesh.points[known], pose.angles[known], pose.scales[known])
            lids = self._watch(float(frame.time), faces.tracks[known], raw)
            values[known] = self._columns(raw, lids, pose.scales[known])
        return Measures(KINDS, values)

    def _columns(self, raw: Raw, lids: Array, scales: NDArray[np.float32]) -> Array:
        rest = self._rest
        smile = raw.corner_lift - rest.corner_lift + (raw.mouth_width - rest.mouth_width) / 2
        # Behind shut lids the network only guesses where the irises are.
        seeing = np.where(lids[:, :2].all(axis=1), np.nan, 1.0)
        return np.column_stack(
            [
                raw.eye_left,
                raw.eye_right,
                lids,
                raw.mouth_opening / raw.interocular,
                raw.mouth_width / raw.interocular,
                smile,
                raw.brow_left - rest.brow_left,
                raw.brow_right - rest.brow_right,
                (raw.iris_x - rest.iris_x) * GAZE_YAW_DEG * seeing,
                (rest.iris_y - raw.iris_y) * GAZE_PITCH_DEG * seeing,
                raw.interocular * scales,
            ]
        )

    def _watch(self, now: float, tracks: NDArray[np.int64], raw: Raw) -> Array:
        """n x 3: left shut, right shut, blinks so far."""
        usual = float(self._rest.eye_left[0])
        rows = np.full((len(tracks), 3), np.nan)
        limits = {"shuts": self.shuts, "opens": self.opens, "floor": _NARROW * usual}
        for row, track in enumerate(tracks.tolist()):
            lids = self._lids.get(track) or _Lids(_Eye(_START * usual), _Eye(_START * usual), now)
            gap = max(now - lids.seen_s, 0.0)
            lids.left.see(float(raw.eye_left[row]), gap, **limits)
            lids.right.see(float(raw.eye_right[row]), gap, **limits)
            rows[row, :2] = lids.left.shut, lids.right.shut
            if track != NOT_TRACKED:
                lids.seen_s = now
                lids.count_up(now, self.longest_blink_s)
                rows[row, 2] = lids.count
                self._lids[track] = lids
        self._lids = {track: lids for track, lids in self._lids.items() if now - lids.seen_s < _FORGETS_S}
        return rows
