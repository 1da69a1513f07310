"""stabilize.face: the picture moves so that one face keeps its place."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.pose import Poses
from vidface.data.source import SourceInfo
from vidface.node import FOREVER, Node, Span, Window
from vidface.nodes.stabilize._motion import Motion
from vidface.vision.path import REACH, ease, smooth_at, unwrapped_log
from vidface.vision.skull import matrix_of, of_landmarks, of_poses
from vidface.vision.skulltrack import Place, Skull, SkullTrack
from vidface.vision.warpframe import Fill, cover, warp_planes

Matrix = NDArray[np.float64]


class StabilizeFace(Node):
    """Warp every picture by shift, turn and scale so that the skull of one face stays where it is.

    Whose: `track` by its number, else the largest face, which is kept as long as it is there. `lock`
    holds the face at one place; `smooth` lets it move along a smooth path. The place is taken from the
    head pose where it is wired (`pose: pose`) and was measured, else from the five landmarks, and made
    steady by the pixels of forehead, nose and cheeks; speech and blinks do not move the picture.

    With `size` the output is a portrait crop, the face in the middle; without, the full frame, with
    borders filled. While the face is away the picture holds for `hold_s`, then another face is followed or
    the picture eases to its plain place; it eases back when the face returns, the sooner the shorter it was
    away, and starts anew at a cut. Frames before the first face pass unchanged
    (as a crop: scaled to fit). Nothing else in the frame is kept still.
    """

    mode: Literal["lock", "smooth"] = Field("lock", description="Hold the face still, or smooth its path.")
    track: int | None = Field(None, ge=1, description="Track to follow; the largest face where not given.")
    size: tuple[int, int] | None = Field(
        None, description="Width and height of a portrait crop; the full frame where not given."
    )
    face_share: float = Field(
        0.24, gt=0.02, le=1, description="Of a crop: inter-ocular distance over its width."
    )
    strength: float = Field(1.0, ge=0, le=1, description="0 leaves the picture as it is, 1 is all.")
    smooth_s: float = Field(0.7, gt=0, le=30, description="Of smooth: width of the Gaussian window, seconds.")
    look_ahead: int = Field(12, ge=0, le=250, description="Frames that smooth sees ahead; 0 when live.")
    fill: Fill = Field("blur", description="What stands where the picture does not reach.")
    settle_s: float = Field(
        0.1, gt=0, le=60, description="Seconds in which pixels give way to landmarks where the two differ."
    )
    hold_s: float = Field(1.0, ge=0, description="Seconds that the picture holds when the face is away.")
    ease_s: float = Field(0.8, gt=0, description="Seconds in which it comes back to its place.")
    motion: Path | None = Field(None, description="Apply the motion in this file instead of following.")
    save_motion: Path | None = Field(None, description="Write the motion to this file.")

    memory = FOREVER

    _follower: SkullTrack
    _places: deque[_Followed]
    _next: int
    _whom: int | None
    _turn: int
    _seen_s: float | None
    _home: Skull | None
    _lost_at: float | None
    _way: _Way
    _motion: Motion
    _counts: dict[str, int]

    def moves(self) -> bool:
        return True

    def reach(self) -> Span:
        return Span(0, self.look_ahead if self.mode == "smooth" else 0)

    def open(self, device: object) -> None:
        """Read the motion file, if there is one.

        Raises:
            InputError: it cannot be read, or is no motion file.
        """
        self._counts = {"stabilised": 0, "held": 0, "passed": 0}
        self._motion = Motion.open(self.motion)

    def meet(self, source: SourceInfo) -> None:
        """Begin the motion file to write, once every node is open.

        Raises:
            OutputError: it cannot be written.
        """
        self._motion.begin(self.save_motion)

    def close(self) -> None:
        self._motion.close()

    def reset(self) -> None:
        self._follower = SkullTrack(self.settle_s)
        self._places = deque()
        self._next = -1
        self._whom = self.track
        self._turn, self._seen_s = 0, None
        self._home = None
        self._lost_at = None
        self._way = _Way(self.ease_s)

    def facts(self) -> dict[str, Any]:
        """Frames stabilised, held and passed; in words where the face was not always there."""
        away = self._counts["held"] + self._counts["passed"]
        said: dict[str, Any] = dict(self._counts)
        if away:
            said["notes"] = [f"the face was away on {away} of {sum(self._counts.values())} frames"]
        return said

    def process(self, frame: Window[Frame], faces: Window[Faces], pose: Window[Poses] | None = None) -> Frame:
        now = frame.current
        plain = np.eye(3) if self.size is None else cover(now.size, self.size)
        if self._motion.given:
            matrix = self._motion.matrix(now)
        else:
            self._take_in(frame, faces, pose)
            matrix = self._matrix(now, plain)
        self._motion.keep(now, matrix)
        if self.size is None and np.allclose(matrix, np.eye(3), atol=1e-9):
            return now
        fill = self.fill
        return now.remade(
            self.size or now.size, lambda planes: warp_planes(now.planes(), planes, matrix, fill=fill)
        )

    def _take_in(self, frame: Window[Frame], faces: Window[Faces], pose: Window[Poses] | None) -> None:
        """Follow the skull through the frames that are new in the window."""
        frames = (frame.current, *frame.ahead)
        rows = (faces.current, *faces.ahead)
        poses = (None,) * len(rows) if pose is None else (pose.current, *pose.ahead)
        for one, here, angles in zip(frames, rows, poses, strict=False):
            if one.index >= self._next:
                time = float(one.time)
                told = self._told(here, angles, time)
                place = self._follower.step(time, one.planes().luma, told)
                self._places.append(_Followed(place, self._turn))
                self._seen_s = time if place.seen else self._seen_s
                self._next = one.index + 1
        oldest = float(frame.current.time) - REACH * self.smooth_s
        while self._places and self._places[0].place.time < oldest:
            self._places.popleft()

    def _told(self, faces: Faces, poses: Poses | None, time: float) -> Skull | None:
        """Where the face in question is, by pose or landmarks; None where it is not."""
        row = self._row(faces, time)
        if row is None:
            return None
        # Where a mesh was asked and found no face, the detector was wrong; without rows it was not asked.
        one, asked = [row], poses is not None and len(poses)
        a, b = (
            of_poses(poses.pick(one)) if poses is not None and asked else of_landmarks(faces.landmarks[one])
        )
        return (complex(a[0]), complex(b[0])) if np.isfinite(a[0]) and np.isfinite(b[0]) else None

    def _row(self, faces: Faces, time: float) -> int | None:
        if self._whom is not None:
            rows = np.flatnonzero(faces.tracks == self._whom)
            if len(rows):
                return int(rows[0])
            if self.track is not None or not self._gone_for_good(time):
                return None
        if self.track is not None or not len(faces):
            return None
        row = int(faces.heights.argmax())
        before, self._whom = self._whom, None if faces.tracks[row] == NOT_TRACKED else int(faces.tracks[row])
        self._turn += self._whom != before
        return row

    def _gone_for_good(self, time: float) -> bool:
        """Whether the face has been away long enough for another one to be followed."""
        return self._seen_s is None or time - self._seen_s > self.hold_s

    def _matrix(self, now: Frame, plain: Matrix) -> Matrix:
        """3 x 3 from the frame to the output."""
        time = float(now.time)
        now_at = next((one for one in self._places if one.place.time == time), None)
        if now_at is None or now_at.place.skull is None:
            return self._without(time, plain)
        self._counts["stabilised"] += 1
        goal = self._goal(now_at, plain)
        aim = matrix_of(*goal) @ np.linalg.inv(matrix_of(*now_at.place.skull))
        here = now_at.place.skull[1]
        self._lost_at = None
        return self._way.towards(time, _mixed(plain, aim, self.strength, here), now_at.turn, here)

    def _without(self, time: float, plain: Matrix) -> Matrix:
        if self._lost_at is None:
            self._lost_at = time
        if self._way.last is None:
            self._counts["passed"] += 1
            return plain
        self._counts["held"] += 1
        if time - self._lost_at <= self.hold_s:
            return self._way.hold(time)
        return self._way.towards(time, plain, None, self._way.about)

    def _goal(self, now_at: _Followed, plain: Matrix) -> Skull:
        """Where the skull is to lie in the output."""
        assert now_at.place.skull is not None
        if self.mode == "smooth":
            return self._smoothed(now_at, plain)
        if self._home is None:
            self._home = now_at.place.skull
        if self.size is not None:
            width, height = self.size
            return complex(self.face_share * width), complex(width / 2, height * 0.45)
        return self._home

    def _smoothed(self, now_at: _Followed, plain: Matrix) -> Skull:
        place = now_at.place
        mine = [one.place for one in self._places if one.turn == now_at.turn]
        known = [one for one in mine if one.skull is not None]
        times = [one.time for one in known]
        logs = unwrapped_log([one.skull[0] for one in known if one.skull])
        spots = np.array([one.skull[1] for one in known if one.skull])
        a = complex(np.exp(smooth_at(times, logs, place.time, self.smooth_s)))
        b = complex(smooth_at(times, spots, place.time, self.smooth_s))
        moved = plain @ (b.real, b.imag, 1)
        return a * plain[0, 0], complex(moved[0], moved[1])


class _Followed(NamedTuple):
    """Where the followed face is, and the how manieth face it is that is followed."""

    place: Place
    turn: int


class _Way:
    """The matrices so far; a new aim is reached without a jump."""

    def __init__(self, ease_s: float) -> None:
        self.last: Matrix | None = None
        self.about = 0j
        self._ease_s = ease_s
        self._whom: int | None = None
        self._time = 0.0
        self._held_from: float | None = None
        self._from: tuple[float, float, Matrix] | None = None

    def hold(self, time: float) -> Matrix:
        """The face is away on this frame: the matrix stays."""
        assert self.last is not None
        self._held_from = self._time if self._held_from is None else self._held_from
        self._time = time
        return self.last

    def towards(self, time: float, aim: Matrix, whom: int | None, about: complex) -> Matrix:
        """The matrix for this frame: the aim, or on the way there from where the picture was.

        Args:
            whom: the face that the aim follows; None for the plain place. Another one is eased to in full;
                the same one, after a short absence, within a time as short.
            about: where the face lies in the frame, or lay when it was last seen: it goes there straight.
        """
        self.about = about
        if self.last is None:
            self.last, self._whom, self._time = aim, whom, time
            return aim
        if whom != self._whom:
            self._from = time, self._ease_s, self.last
        elif self._held_from is not None:
            self._from = self._time, min(self._ease_s, time - self._held_from), self.last
        self._whom, self._held_from = whom, None
        matrix = aim
        if self._from is not None:
            start, seconds, before = self._from
            part = (time - start) / seconds if seconds > 0 else 1.0
            matrix = _mixed(before, aim, ease(part), about)
            self._from = None if part >= 1 else self._from
        self.last, self._time = matrix, time
        return matrix


def _mixed(one: Matrix, other: Matrix, share: float, about: complex) -> Matrix:
    """Between two similarities: scale and turn by their logarithm, the image of a place along the line."""
    a, b = complex(one[0, 0], one[1, 0]), complex(one[0, 2], one[1, 2])
    c, d = complex(other[0, 0], other[1, 0]), complex(other[0, 2], other[1, 2])
    turn, start, end = a * (c / a) ** share, a * about + b, c * about + d
    return matrix_of(turn, start + (end - start) * share - turn * about)
