"""forensics.lipsync: whether the mouth opens as the voice in the sound track swells."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import Faces
from vidface.data.finding import Finding, Findings
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.rows import check_rows
from vidface.data.sound import SOUND_RATE, Sound
from vidface.node import FOREVER, Node
from vidface.nodes.forensics._courses import Course, Courses
from vidface.vision.lipvoice import follow, lip_gap
from vidface.vision.speech import FLOOR_DB, HOP, WINDOW, envelope, smoothed

KIND: Final = "lipsync"

_LAG_S: Final = 0.4
_STILL: Final = 0.012
"""Spread of the lips' gap, over the distance between the eyes, that a mesh shows of a mouth at rest too."""
_EVEN_DB: Final = 6.0
"""A voice swings by far more between its soft and loud tenths."""
_LEAST_KNOWN: Final = 0.75
_SMOOTH_HZ: Final = 6.0
_UNSMOOTHED_HZ: Final = 1000.0


class ForensicsLipsync(Node):
    """Does the mouth open as the voice in the sound track swells?

    The gap of the lips (from the mesh, freed of the head's turns) is held against the envelope of the sound
    between 200 and 4000 Hz, at every lag within 0.4 s to both sides. The score is the best correlation. What
    the same movements reach against other moments of the same sound is beside it: a score below `null_high`
    is no sign that this mouth speaks. Who listens, laughs or chews scores low, and so does who is dubbed.

    One finding per track and hop; details: lag_s (the lips behind the voice), null_mean, null_high,
    better (share of other moments that score as high), seconds. Not applicable without a sound track, in
    silence, where lips hardly move or the sound does not swell, and in windows shorter than `min_s`.
    """

    window_s: float = Field(8.0, ge=3, le=60, description="How far back a finding looks; seconds.")
    hop_s: float = Field(0.5, gt=0, le=60, description="From one finding of a track to the next; seconds.")
    min_s: float = Field(4.0, ge=3, le=60, description="Less of a face than this says nothing; seconds.")
    min_face_px: float = Field(48, ge=16, description="Faces less tall than this say nothing; pixels.")

    memory = FOREVER

    _courses: Courses[tuple[float, float]]
    _voice: _Voice

    def reset(self) -> None:
        """Forget everybody, and what was heard."""
        self._courses = Courses(self.window_s, self.hop_s)
        self._voice = _Voice(self.window_s + 2)

    def process(self, frame: Frame, sound: Sound, faces: Faces, mesh: Meshes) -> Findings:
        """Findings of the tracks for which one is due."""
        check_rows(faces, mesh=mesh)
        self._voice.hear(sound)
        values: list[tuple[float, float] | None] = [None] * len(faces)
        known = mesh.known if len(mesh) else np.zeros(len(faces), np.bool_)
        for row in np.flatnonzero(known & ~faces.interpolated):
            gap = float(lip_gap(mesh.points[row]))
            if np.isfinite(gap):
                values[row] = gap, float(faces.heights[row])
        return Findings(tuple(self._finding(one) for one in self._courses.step(frame, faces, values)))

    def _finding(self, course: Course[tuple[float, float]]) -> Finding:
        seen = course.measured
        times = np.array([float(one.time) for one in seen])
        gaps, heights = np.array([one.value for one in seen if one.value is not None]).reshape(-1, 2).T
        voice = self._voice.levels()
        why = self._why_not(times, gaps, heights, len(course.seen)) or self._voice.why_not(times)
        if why:
            return Finding(KIND, course.track, course.stretch, why_not=why)
        sync = follow((times, gaps), voice, most_lag_s=_LAG_S)
        if sync is None:
            why = "Neither lips nor sound change enough to be compared."
            return Finding(KIND, course.track, course.stretch, why_not=why)
        details: dict[str, Any] = {**sync._asdict(), "seconds": float(times[-1] - times[0])}
        return Finding(KIND, course.track, course.stretch, details.pop("correlation"), details=details)

    def _why_not(
        self, times: NDArray[np.float64], gaps: NDArray[np.float64], heights: NDArray[np.float64], frames: int
    ) -> str:
        if not self._voice.heard:
            return "There is no sound track."
        if not len(times):
            return "No mesh was found on the face."
        height = float(np.median(heights))
        if height < self.min_face_px:
            return f"The face is {height:.0f} px tall; lips need {self.min_face_px:.0f} px."
        seconds = float(times[-1] - times[0])
        if seconds < self.min_s:
            return f"The face was seen for {seconds:.1f} s; lips and voice need {self.min_s:g} s."
        if len(times) < _LEAST_KNOWN * frames:
            return f"The mouth was measured on {len(times)} of {frames} frames only."
        if float(gaps.std()) < _STILL:
            return "The lips hardly move."
        return ""


class _Voice:
    """Levels of what was heard over the last seconds, every 10 ms on the grid of all Sounds."""

    def __init__(self, keep_s: float) -> None:
        self._keep = round(keep_s * SOUND_RATE / HOP)
        self._levels: NDArray[np.float32] = np.zeros(0, np.float32)
        self._next: int | None = None
        self.heard = False

    def hear(self, sound: Sound) -> None:
        """Take what a frame adds."""
        self.heard = self.heard or sound.heard
        first = -(-sound.first // HOP)
        end = (sound.first + len(sound.samples) - WINDOW) // HOP
        if self._next is None or self._next < first:
            self._levels, self._next = np.zeros(0, np.float32), first
        if end < self._next:
            return
        rows = end + 1 - self._next
        part = sound.part(self._next * HOP, (rows - 1) * HOP + WINDOW)
        fresh = envelope(part, smooth_hz=_UNSMOOTHED_HZ)
        self._levels = np.concatenate([self._levels, fresh])[-self._keep :]
        self._next = end + 1

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Times in seconds, and levels."""
        begin = (self._next or 0) - len(self._levels)
        times = (np.arange(begin, begin + len(self._levels)) * HOP + WINDOW / 2) / SOUND_RATE
        return times, smoothed(self._levels, SOUND_RATE / HOP, _SMOOTH_HZ)

    def why_not(self, seen: NDArray[np.float64]) -> str:
        """Why what is heard while a face was seen says nothing; empty where it does."""
        times, levels = self.levels()
        inside = levels[(times >= seen[0] - _LAG_S) & (times <= seen[-1] + _LAG_S)]
        db = 20 * np.log10(np.maximum(inside, 1e-6))
        if not len(db) or float(db.max()) < FLOOR_DB:
            return "The sound track is silent here."
        low, high = np.percentile(db, (10, 90))
        if high - low < _EVEN_DB:
            return f"The sound is as loud throughout (within {high - low:.0f} dB): it is no single voice."
        return ""
