"""A track in one line: what is kept of it while frames go by, and what it amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.identity import Identity
from vidface.data.measures import Measures
from vidface.data.mesh import Meshes
from vidface.data.times import time_text
from vidface.data.verdict import Verdict
from vidface.sinks._ranks import ranks_of


@dataclass(slots=True)
class TrackSummary:
    """Running facts of one track; the same few numbers however long it lasts.

    Attributes:
        here_s: when it was seen last, on a clock that never leaps; set by whoever asks.
    """

    track: int
    first_frame: int
    first_time: Fraction
    epoch: int = 0
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
    judged: int | None = None
    quality_sum: float = 0.0
    measured: int | None = None
    identity: Identity | None = None
    verdict: Verdict | None = None
    here_s: float = 0.0

    def add(self, frame: Frame, *, score: float, height: float, quality: float, interpolated: bool) -> None:
        """Take in the track's row of a frame; `quality` is that of `vidface.sinks._ranks`."""
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
        seen = self.detected > 0
        # Measured, but never on this track: the first frame would be no better than any other.
        best = seen and self.judged != 0
        return {
            "track": self.track,
            **({"epoch": self.epoch} if self.epoch else {}),
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
            "best_frame": self.best_frame if best else None,
            "best_time": time_text(self.best_time) if best else None,
            "best_quality": round(self.best_quality, 4) if best else None,
            **({} if self.judged is None else {"mean_quality": self._mean_quality()}),
            **({} if self.measured is None else {"measured": self.measured}),
            **({} if self.identity is None else {"identity": _decided(self.identity)}),
            **({} if self.verdict is None else {"verdict": self.verdict.full_row()}),
        }

    def judge(self, quality: float) -> None:
        """Count a row whose quality was measured; 0 stands for one where it was not."""
        self.judged = (self.judged or 0) + (quality > 0)
        self.quality_sum += quality

    def _mean_quality(self) -> float | None:
        return round(self.quality_sum / self.judged, 4) if self.judged else None


def _decided(identity: Identity) -> dict[str, Any]:
    """The last decision, with the frames that support it most."""
    return identity.row() | {"frames": list(identity.frames)}


def follow(
    tracks: dict[int, TrackSummary],
    frame: Frame,
    faces: Faces,
    *,
    mesh: Meshes | None = None,
    quality: Measures | None = None,
) -> None:
    """Add the tracked rows of a frame to the summaries, beginning new ones.

    Args:
        mesh: where given, rows that have one are counted.
        quality: where given, the best frame follows its column `quality`, and its mean is told.

    Raises:
        UsageError: `quality` has not a row for every face, or no column of that name.
    """
    if not len(faces) or not (faces.tracks != NOT_TRACKED).any():
        return
    scores, heights = faces.scores.tolist(), faces.heights.tolist()
    interpolated = faces.interpolated.tolist()
    # A row that nobody saw has no quality: two frames in three with a cadence of three.
    ranks = [0.0] * len(faces) if all(interpolated) else ranks_of(frame, faces, quality).values.tolist()
    known = None if mesh is None else mesh.known.tolist() or [False] * len(faces)
    for i, track in enumerate(faces.tracks.tolist()):
        if track == NOT_TRACKED:
            continue
        if track not in tracks:
            tracks[track] = TrackSummary(track, frame.index, frame.time, epoch=frame.epoch)
        summary = tracks[track]
        summary.add(frame, score=scores[i], height=heights[i], quality=ranks[i], interpolated=interpolated[i])
        if quality is not None:
            summary.judge(ranks[i])
        if known is not None:
            summary.measured = (summary.measured or 0) + known[i]
