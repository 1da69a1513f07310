"""A track in one line: what is kept of it while frames go by, and what it amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.times import time_text
from vidface.vision.bestshot import parts_of


@dataclass(slots=True)
class TrackSummary:
    """Running facts of one track; the same few numbers however long it lasts."""

    track: int
    first_frame: int
    first_time: Fraction
    last_frame: int = 0
    last_time: Fraction = Fraction(0)
    frames: int = 0
    detected: int = 0
    score_sum: float = 0.0
    height_sum: float = 0.0
    seen_time: Fraction | None = None
    longest_gap: Fraction = Fraction(0)
    best_frame: int | None = None
    best_time: Fraction = Fraction(0)
    best_quality: float = 0.0
    measured: int | None = None

    def add(self, frame: Frame, *, score: float, height: float, quality: float, interpolated: bool) -> None:
        """Take in the track's row of a frame; `quality` is that of `vidface.vision.bestshot.parts_of`."""
        now = frame.time
        self.last_frame, self.last_time = frame.index, now
        self.frames += 1
        self.height_sum += height
        if interpolated:
            return
        if self.seen_time is not None:
            self.longest_gap = max(self.longest_gap, now - self.seen_time)
        self.seen_time = now
        self.detected += 1
        self.score_sum += score
        if self.best_frame is None or quality > self.best_quality:
            self.best_frame, self.best_time, self.best_quality = frame.index, now, quality

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        seen = self.best_frame is not None
        return {
            "track": self.track,
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "first_time": time_text(self.first_time),
            "last_time": time_text(self.last_time),
            "frames": self.frames,
            "detected": self.detected,
            "interpolated": self.frames - self.detected,
            "longest_gap_s": round(float(self.longest_gap), 6),
            "mean_score": round(self.score_sum / self.detected, 4) if seen else None,
            "mean_height_px": round(self.height_sum / self.frames, 2),
            "best_frame": self.best_frame,
            "best_time": time_text(self.best_time) if seen else None,
            "best_quality": round(self.best_quality, 4) if seen else None,
            **({} if self.measured is None else {"measured": self.measured}),
        }


def follow(tracks: dict[int, TrackSummary], frame: Frame, faces: Faces, mesh: Meshes | None = None) -> None:
    """Add the tracked rows of a frame to the summaries, beginning new ones; `mesh` counts measured rows."""
    if not len(faces) or not (faces.tracks != NOT_TRACKED).any():
        return
    scores, heights = faces.scores.tolist(), faces.heights.tolist()
    interpolated = faces.interpolated.tolist()
    # A row that nobody saw has no quality: two frames in three with a cadence of three.
    quality = [0.0] * len(faces) if all(interpolated) else parts_of(faces, frame.size).product.tolist()
    known = None if mesh is None else mesh.known.tolist() or [False] * len(faces)
    for i, track in enumerate(faces.tracks.tolist()):
        if track == NOT_TRACKED:
            continue
        if track not in tracks:
            tracks[track] = TrackSummary(track, frame.index, frame.time)
        tracks[track].add(
            frame,
            score=scores[i],
            height=heights[i],
            quality=quality[i],
            interpolated=interpolated[i],
        )
        if known is not None:
            tracks[track].measured = (tracks[track].measured or 0) + known[i]
