"""forensics.pulse: whether the skin's colour beats alike in several parts of the face."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.finding import Finding, Findings
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses, Seen
from vidface.vision.pulse import common_beat, even_rate, pos
from vidface.vision.skinpatches import mean_colours, patch_rings

KIND: Final = "pulse"

_RATE: Final = 30.0
"""Samples a second that colours are brought to."""
_LEAST_FPS: Final = 12.0
_LEAST_KNOWN: Final = 0.75
_HOLE_S: Final = 1.0
_DARK: Final = 45.0
_BRIGHT: Final = 250.0
_UNSTEADY: Final = 0.2
_SEED: Final = 20170


class _Skin(NamedTuple):
    """Mean RGB of the patches (p x 3), and the face's height in pixels."""

    colours: NDArray[np.float64]
    height: float


class ForensicsPulse(Node):
    """Does the colour of the skin beat alike in forehead and cheeks, at the rate of a heart?

    With every beat skin grows a little darker, most in green. Five patches are placed by the mesh; of each
    the pulse signal is taken (POS, Wang et al. 2017), and the score is how much of the patches' signals is
    one common line between 42 and 180 beats a minute: near 1 where all swing as one, near 0 where each does
    as it likes. Faces that were generated picture by picture have no such line; a swap may carry over that
    of the actor beneath. The change is of one level of 255 or less: strong compression takes it away from
    honest clips too, so a low score alone says little, and a high one speaks for a real face.

    One finding per track and hop; details: bpm, snr_db, share, chance (what 95 % of trials stay below in
    which the patches are put out of step at random), patches, seconds, fps. Not applicable to faces of less
    than `min_face_px`, windows shorter than `min_s`, fewer than 12 frames a second, faces in the dark, burnt
    out or under changing light, and where the colour of a patch does not change at all.
    """

    window_s: float = Field(12.0, ge=4, le=60, description="How far back a finding looks; seconds.")
    hop_s: float = Field(0.5, gt=0, le=60, description="From one finding of a track to the next; seconds.")
    min_s: float = Field(8.0, ge=4, le=60, description="Less of a face than this says nothing; seconds.")
    min_face_px: float = Field(80, ge=16, description="Faces less tall than this say nothing; pixels.")

    memory = FOREVER

    _courses: Courses[_Skin]

    def reset(self) -> None:
        """Forget everybody."""
        self._courses = Courses(self.window_s, self.hop_s)

    def process(self, frame: Frame, faces: Faces, mesh: Meshes) -> Findings:
        """Findings of the tracks for which one is due."""
        check_rows(faces, mesh=mesh)
        values: list[_Skin | None] = [None] * len(faces)
        known = mesh.known if len(mesh) else np.zeros(len(faces), np.bool_)
        for row in np.flatnonzero(known & ~faces.interpolated):
            height = float(faces.heights[row])
            rings = patch_rings(mesh.points[row])
            values[row] = _Skin(mean_colours(frame.planes(), rings), height)
        return Findings(tuple(self._finding(one) for one in self._courses.step(frame, faces, values)))

    def _finding(self, course: Course[_Skin]) -> Finding:
        seen = course.measured
        why = self._why_not(course, seen)
        if why:
            return Finding(KIND, course.track, course.stretch, why_not=why)
        times = [float(one.time) for one in seen]
        colours = np.stack([one.value.colours for one in seen if one.value is not None])
        signals = pos(even_rate(times, colours, _RATE), _RATE)
        beat = common_beat(signals, _RATE, seed=_SEED)
        if beat is None:
            return Finding(KIND, course.track, course.stretch, why_not=_STILL)
        seconds = times[-1] - times[0]
        details = {
            **{name: float(value) for name, value in beat._asdict().items() if name != "coherence"},
            "patches": float(len(signals)),
            "seconds": seconds,
            "fps": (len(seen) - 1) / seconds,
        }
        return Finding(KIND, course.track, course.stretch, beat.coherence, details=details)

    def _why_not(self, course: Course[_Skin], seen: list[Seen[_Skin]]) -> str:
        skins = [one.value for one in seen if one.value is not None]
        if not skins:
            return "No mesh was found on the face."
        height = float(np.median([skin.height for skin in skins]))
        if height < self.min_face_px:
            return f"The face is {height:.0f} px tall; a pulse needs {self.min_face_px:.0f} px."
        seconds = float(seen[-1].time - seen[0].time)
        if seconds < self.min_s:
            return f"The face was seen for {_down(seconds)} s; a pulse needs {self.min_s:g} s."
        times = np.array([float(one.time) for one in seen])
        hole = float(np.diff(times).max())
        if hole > _HOLE_S or len(seen) < _LEAST_KNOWN * len(course.seen):
            return f"The face was not measured for up to {hole:.1f} s on end; a pulse needs it all the time."
        fps = (len(seen) - 1) / seconds
        if fps < _LEAST_FPS:
            return f"The face was seen {fps:.1f} times a second; a pulse needs {_LEAST_FPS:.0f}."
        return _bad_light(np.stack([skin.colours for skin in skins]))


_STILL: Final = "The skin's colour does not change at all; the picture is a still, or compressed too much."


def _bad_light(colours: NDArray[np.float64]) -> str:
    """Why the light does not do, for n x p x 3 colours; empty where it does."""
    known = np.isfinite(colours).all((0, 2))
    if not known.all():
        return "A part of forehead or cheeks is outside of the picture for some of the time."
    level = colours.mean((1, 2))
    if float(np.median(level)) < _DARK:
        return f"The skin is too dark ({np.median(level):.0f} of 255); a pulse needs {_DARK:.0f}."
    if float(np.median(colours.max((1, 2)))) > _BRIGHT:
        return "The skin is burnt out in places; a pulse does not show there."
    change = float(level.std() / level.mean())
    if change > _UNSTEADY:
        return f"The light on the skin changes by {100 * change:.0f} %; a pulse needs steady light."
    return ""


def _down(seconds: float) -> str:
    """One decimal, rounded down, so that 7.96 s are not called too short for 8."""
    return f"{math.floor(seconds * 10) / 10:.1f}"
