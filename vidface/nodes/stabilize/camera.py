"""stabilize.camera: a shaky camera held steady, by what moves in the background."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.device import Device
from vidface.data.faces import Faces
from vidface.data.frame import Frame
from vidface.data.source import SourceInfo
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.stabilize._motion import Motion
from vidface.vision.campath import CameraPath, TimedPath
from vidface.vision.globalmotion import CameraMotion, as_move, of_move
from vidface.vision.warpframe import Fill, outside, warp_planes

Matrix = NDArray[np.float64]

_SMALL: int = 640
"""Width at which motion is looked for."""
_ROLL_ON: float = 0.8
"""Where nothing can be followed the camera rolls on, this much of its speed from frame to frame."""
_TREND_S: float = 1.0
"""Seconds over which the speed is averaged that is expected to go on beyond what is known."""
_STEP_S: float = 0.004
"""Least step of a plan, seconds; frames that come faster are read off between its points."""


class StabilizeCamera(Node):
    """Take the shake out of the camera's path and keep what it was meant to do: pans, slow zooms.

    The camera's motion is measured on corners of the background (faces, where wired in, are left out),
    summed up, and replaced by the smoothest path that keeps the frame's borders out of sight; `max_crop`
    says how much of each side may be given up for that. With `crop: none` nothing is cut away, the path
    is as smooth as it likes, and borders are filled. Frames without anything to follow (fog, a white
    wall) let the camera roll on and out. At a cut or a gap everything begins anew. Frames keep their size,
    number and times, and are interpolated once.
    """

    smooth_s: float = Field(
        1.0, gt=0, le=30, description="Swings shorter than twice this many seconds are taken out."
    )
    look_ahead: int = Field(
        30, ge=0, le=250, description="Frames that the path is planned ahead; 0 when live."
    )
    crop: Literal["fixed", "none"] = Field(
        "fixed",
        description="fixed: enlarge by a constant so that no border shows; none: keep all, fill borders.",
    )
    max_crop: float = Field(
        0.1, ge=0, le=0.5, description="Of fixed: share of width and height that is given up."
    )
    strength: float = Field(1.0, ge=0, le=1, description="0 leaves the camera as it is, 1 is all.")
    model: Literal["similarity", "homography"] = Field(
        "similarity", description="What is fitted to the corners; the correction is a similarity."
    )
    fill: Fill = Field("mirror", description="What stands where the picture does not reach.")
    motion: Path | None = Field(None, description="Apply the motion in this file instead of measuring.")
    save_motion: Path | None = Field(None, description="Write the motion to this file.")

    memory = FOREVER

    _eye: CameraMotion
    _moves: deque[NDArray[np.float64]]
    _clock: deque[float]
    _began: Fraction
    _first: int
    _known: int
    _speed: NDArray[np.float64]
    _path: TimedPath | None
    _motion: Motion
    _counts: dict[str, int]

    def moves(self) -> bool:
        return True

    def reach(self) -> Span:
        """As far ahead as `look_ahead` says."""
        return Span(0, 0 if self.motion is not None else self.look_ahead)

    def open(self, device: Device) -> None:
        """Read the motion file to apply, where there is one.

        Raises:
            InputError: it cannot be read, or is no motion file.
        """
        self._counts = {"frames": 0, "blind": 0, "limited": 0}
        self._motion = Motion.open(self.motion)

    def meet(self, source: SourceInfo) -> None:
        """Begin the motion file to write: now nothing can fail any more that leaves an earlier one as it is.

        Raises:
            OutputError: it cannot be written.
        """
        self._motion.begin(self.save_motion)

    def close(self) -> None:
        """Complete the motion file."""
        self._motion.close()

    def reset(self) -> None:
        """Forget the path: stream start, cut, gap."""
        self._eye = CameraMotion(self.model)
        self._moves, self._clock = deque(), deque()
        self._first = self._known = -1
        self._speed = np.zeros(4)
        self._path = None

    def facts(self) -> dict[str, Any]:
        """Frames; `blind` ones gave nothing to follow; `limited` ones were corrected less for the border."""
        said: dict[str, Any] = dict(self._counts)
        if self._counts["blind"]:
            said["notes"] = [
                f"in {self._counts['blind']} of {self._counts['frames']} frames the background gave nothing "
                "to follow: the camera was taken to roll on"
            ]
        return said

    def process(self, frame: Window[Frame], faces: Window[Faces] | None = None) -> Frame:
        """The current frame, moved.

        Raises:
            FrameError: the motion file has no line for its time.
        """
        now = frame.current
        if self._motion.given:
            matrix = self._motion.matrix(now)
        else:
            self._take_in(frame, faces)
            matrix = self._matrix(now)
        self._motion.keep(now, matrix)
        self._counts["frames"] += 1
        if np.allclose(matrix, np.eye(3), atol=1e-9):
            return now
        fill = self.fill
        return now.remade(now.size, lambda planes: warp_planes(now.planes(), planes, matrix, fill=fill))

    def _take_in(self, frame: Window[Frame], faces: Window[Faces] | None) -> None:
        """Measure the frames that are new in the window; forget those behind."""
        frames = (frame.current, *frame.ahead)
        rows = (None,) * len(frames) if faces is None else (faces.current, *faces.ahead)
        for one, here in zip(frames, rows, strict=True):
            if one.index > self._known:
                self._measure(one, here)
        while self._first < frame.current.index:
            self._moves.popleft()
            self._clock.popleft()
            self._first += 1

    def _measure(self, frame: Frame, faces: Faces | None) -> None:
        small = frame.luma(min(_SMALL, frame.size[0]))
        step = self._eye.step(small, frame.size, () if faces is None else faces.boxes)
        if not self._moves:
            self._first = frame.index
            self._moves.append(np.zeros(4))
            self._began = frame.time
            self._clock.append(0.0)
        else:
            gap = self._gap(frame)
            if step is None:
                self._counts["blind"] += 1
                self._speed = self._speed * _ROLL_ON
                move = self._speed * gap
            else:
                move = as_move(step, frame.size)
                share = min(gap / _TREND_S, 1.0)
                self._speed = self._speed + share * (move / gap - self._speed)
            self._moves.append(self._moves[-1] + move)
            # Counted from the first frame, so that a shot looks the same wherever it stands in a film.
            self._clock.append(max(float(frame.time - self._began), self._clock[-1] + gap))
        self._known = frame.index

    def _gap(self, frame: Frame) -> float:
        """Seconds from the frame before, where there is one, to this one."""
        if self._clock and (gap := float(frame.time - self._began) - self._clock[-1]) > 0:
            return gap
        return float(frame.duration * frame.time_base) or 0.04

    def _matrix(self, now: Frame) -> Matrix:
        """3 x 3 from the frame to the output."""
        path = self._path or self._begun(now)
        move = self.strength * path.next(self._clock, np.array(self._moves), self._speed)
        zoom = of_move((0, 0, 0, -np.log(1 - self._crop())), now.size)
        matrix = zoom @ of_move(move, now.size)
        if self.crop == "none" or outside(matrix, now.size, now.size) <= 0:
            return matrix
        self._counts["limited"] += 1
        low, high = 0.0, 1.0
        for _ in range(12):
            middle = (low + high) / 2
            shows = outside(zoom @ of_move(middle * move, now.size), now.size, now.size) > 0
            low, high = (low, middle) if shows else (middle, high)
        return zoom @ of_move(low * move, now.size)

    def _crop(self) -> float:
        return self.max_crop if self.crop == "fixed" else 0.0

    def _begun(self, now: Frame) -> TimedPath:
        """A path planned for this frame rate: the usual gap, since frames may be late or missing."""
        gaps = np.diff(self._clock) if len(self._clock) > 1 else [self._gap(now)]
        gap = max(float(np.median(gaps)), _STEP_S)
        cutoff = self.smooth_s / gap
        horizon = int(np.clip(max(self.look_ahead + 1, cutoff), 8, 120))
        half = now.size[0] / 2, now.size[1] / 2
        part = self._crop() if self.crop == "fixed" else 0.5
        margin = part * half[0], part * half[1]
        self._path = TimedPath(
            lambda: CameraPath(horizon, min(cutoff, 120), margin=margin, half=half), gap, longest=horizon
        )
        return self._path
