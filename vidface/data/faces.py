"""Faces: every face of one frame, as a struct of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

NOT_TRACKED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces of one frame, n rows; the values of other nodes are aligned with it row by row.

    Attributes:
        boxes: n x 4 float32, x1 y1 x2 y2 in pixels of the upright frame; the centre of the
            top-left pixel is (0.5, 0.5). May reach outside the frame.
        scores: n float32 in [0, 1], the detection score. Of an interpolated row: the score of
            the last detection of its track.
        landmarks: n x 5 x 2 float32, pixels; left eye, right eye, nose tip, left and right
            mouth corner in viewer order.
        tracks: n int64, the track's number (from 1, never used twice in a stream), -1 before tracking.
        interpolated: n bool, True where no detector saw the face on this frame and the position
            follows from its track.
        looked: False when no detector looked at this frame at all (cadence); then an empty
            value does not mean that nobody is there.

    Raises:
        ValueError: arrays of other shapes, boxes that are not finite, or scores outside of [0, 1].
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    tracks: NDArray[np.int64]
    interpolated: NDArray[np.bool_]
    looked: bool = True

    def __post_init__(self) -> None:
        n = len(self.boxes)
        for name, dtype, shape in (
            ("boxes", np.float32, (None, 4)),
            ("scores", np.float32, (n,)),
            ("landmarks", np.float32, (n, 5, 2)),
            ("tracks", np.int64, (n,)),
            ("interpolated", np.bool_, (n,)),
        ):
            array = frozen_array(f"Faces.{name}", getattr(self, name), dtype=dtype, shape=shape)
            object.__setattr__(self, name, array)
        with np.errstate(over="ignore", invalid="ignore"):
            sides = self.boxes[:, 2:] - self.boxes[:, :2]
        if not np.isfinite(self.boxes).all():
            raise ValueError("Faces.boxes must be finite, but holds NaN or infinity")
        if not np.isfinite(sides).all():
            raise ValueError("Faces.boxes must have finite sides, but reach too far for float32")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():  # so that NaN is none of them
            raise ValueError(
                f"Faces.scores must lie in [0, 1], but reach {self.scores.min()}..{self.scores.max()}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls, *, looked: bool = True) -> Faces:
        """No faces; `looked=False` where nobody looked."""
        return cls.of(np.zeros((0, 4), np.float32), looked=looked)

    @classmethod
    def of(
        cls,
        boxes: Any,
        *,
        scores: Any = None,
        landmarks: Any = None,
        tracks: Any = None,
        interpolated: Any = None,
        looked: bool = True,
    ) -> Faces:
        """Build from what is known; the rest gets score 1, NaN landmarks, track -1, not interpolated."""
        rows = np.asarray(boxes, np.float32).reshape(-1, 4)
        n = len(rows)
        return cls(
            boxes=rows,
            scores=np.ones(n, np.float32) if scores is None else scores,
            landmarks=np.full((n, 5, 2), np.nan, np.float32) if landmarks is None else landmarks,
            tracks=np.full(n, NOT_TRACKED, np.int64) if tracks is None else tracks,
            interpolated=np.zeros(n, np.bool_) if interpolated is None else interpolated,
            looked=looked,
        )

    def pick(self, rows: Any) -> Faces:
        """The given rows (indices or a mask), in that order."""
        return replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            landmarks=self.landmarks[rows],
            tracks=self.tracks[rows],
            interpolated=self.interpolated[rows],
        )

    def with_tracks(self, tracks: Any) -> Faces:
        """The same faces under these track numbers (n int64)."""
        return replace(self, tracks=tracks)

    @property
    def heights(self) -> NDArray[np.float32]:
        """n float32, the box heights in pixels."""
        heights: NDArray[np.float32] = self.boxes[:, 3] - self.boxes[:, 1]
        return heights

    def rows(self) -> Iterator[dict[str, Any]]:
        """One plain dict a face, ready for JSON; landmarks that are not known are None."""
        known = np.isfinite(self.landmarks).all((1, 2))
        columns = (self.tracks, self.boxes, self.scores, self.landmarks, self.interpolated, known)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for track, box, score, points, interpolated, there in rows:
            yield {
                "track": None if track == NOT_TRACKED else track,
                "box": [round(v, 2) for v in box],
                "score": round(score, 4),
                "landmarks": [[round(x, 2), round(y, 2)] for x, y in points] if there else None,
                "interpolated": interpolated,
            }
