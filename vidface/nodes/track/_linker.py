"""FaceLinker: gives every detection the key of its track. Knows nothing of windows or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vidface.data import Faces
from vidface.vision import assignment, motion
from vidface.vision.boxes import iou_matrix

NO_TRACK = -1

IOU_NATS = 1.0
"""Worth of a full overlap against none."""

LIKENESS_NATS = 12.0
"""Worth of one unit of cosine between embeddings, times the node's `appearance_weight`."""

UNKNOWN_COSINE = 0.5
"""Taken where one of two faces has no embedding: neither for nor against."""

NEAR_IOU = 0.3
"""So much overlap is reason enough to consider a pair, however sudden the move."""

MAX_SURPRISE = 2.5
"""Standard deviations (root mean square over place and size) beyond which a pair needs overlap."""

MAX_NATS = 13.0
"""A dearer pair is refused: a new face is likelier."""

MOST_DOUBT_S = 3.0
"""Seconds for which the doubt grows where a face was there on the last look. Beyond, a face at rest would be
dearer than `MAX_NATS`, and where looks lie so far apart nobody would ever be linked."""

MEMORY_OF_LOOKS = 0.9
"""Share of the old embedding that a track keeps at each new one."""

TENTATIVE_NATS = 6.0
"""Handicap of a track that is not confirmed: a face that is known goes first."""

TENTATIVE_MISSES = 1
"""Looks in a row that may miss a track before it is confirmed."""


@dataclass(frozen=True, slots=True)
class LinkRules:
    """The part of the node's parameters that linking needs; see `TrackFaces`."""

    max_gap_s: float
    birth_score: float
    birth_hits: int
    sure_score: float
    appearance_weight: float


class Linker(Protocol):
    """Whatever tells which detections are one face. The columns are aligned, one row a living track."""

    @property
    def keys(self) -> NDArray[np.int64]:
        """n keys of the living tracks, never used twice."""

    @property
    def confirmed(self) -> NDArray[np.bool_]:
        """n, False while a track may still prove to be a false alarm."""

    @property
    def misses(self) -> NDArray[np.int64]:
        """n, looks in a row that did not find the face."""

    def link(
        self, time_s: float, faces: Faces, vectors: NDArray[np.float32] | None, size: tuple[int, int]
    ) -> NDArray[np.int64]:
        """Take what one look has found; returns the key of each row, NO_TRACK where it founds none."""

    def expected(self, time_s: float) -> NDArray[Any]:
        """n x 4 boxes of the living tracks at a time not before they were last seen."""


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What the detector and the recogniser said of one frame: faces, n x 5 x 2 shapes, n x d embeddings."""

    time_s: float
    faces: Faces
    shapes: NDArray[Any]
    vectors: NDArray[Any]

    def pick(self, rows: Any) -> _Look:
        """The given rows (indices or a mask)."""
        return _Look(self.time_s, self.faces.pick(rows), self.shapes[rows], self.vectors[rows])


class FaceLinker:
    """Constant-velocity motion in seconds, overlap, pose and looks, weighed together by the Hungarian method.

    A track's motion is kept as of its last sighting and predicted from there, so a miss costs nothing
    and the frame rate does not matter. Weak detections prolong tracks, only good ones found them (the
    idea of ByteTrack, Zhang et al. 2022, in one pass).
    """

    def __init__(self, rules: LinkRules) -> None:
        self._rules = rules
        self._next_key = 0
        self._motion = motion.begin(np.zeros((0, 4)))
        self._shapes = np.zeros((0, 5, 2))
        self._vectors = np.zeros((0, 0))
        self._seen_s = np.zeros(0)
        self._hits = np.zeros(0, np.int64)
        self.keys = np.zeros(0, np.int64)
        self.misses = np.zeros(0, np.int64)
        self.confirmed = np.zeros(0, np.bool_)

    def expected(self, time_s: float) -> NDArray[Any]:
        """n x 4 boxes of the living tracks at `time_s`."""
        return motion.predict(self._motion, np.maximum(time_s - self._seen_s, 0)).boxes

    def link(
        self, time_s: float, faces: Faces, vectors: NDArray[np.float32] | None, size: tuple[int, int]
    ) -> NDArray[np.int64]:
        """See `Linker`."""
        self._forget(time_s)
        shapes = assignment.face_shape(faces.boxes, faces.landmarks)
        look = _Look(time_s, faces, shapes, self._fitted(vectors, len(faces)))
        expected = self._expected_inside(time_s, size)
        tracks, rows = assignment.cheapest_pairs(*self._cost(expected, look))
        keys = np.full(len(faces), NO_TRACK, np.int64)
        keys[rows] = self.keys[tracks]
        self._see(tracks, expected, look.pick(rows))
        new = (keys == NO_TRACK) & (faces.scores >= self._rules.birth_score)
        keys[new] = self._found(look.pick(new))
        return keys

    def _forget(self, time_s: float) -> None:
        """Drop what was lost for too long, and what was never more than a suspicion.

        Who was there on the last look is not lost, however long ago it was.
        """
        found = (time_s - self._seen_s <= self._rules.max_gap_s) | (self.misses == 0)
        stay = found & (self.confirmed | (self.misses <= TENTATIVE_MISSES))
        if not stay.all():
            self._keep(stay)

    def _keep(self, rows: NDArray[np.bool_]) -> None:
        self._motion = self._motion.pick(rows)
        self._shapes, self._vectors = self._shapes[rows], self._vectors[rows]
        self._seen_s, self._hits = self._seen_s[rows], self._hits[rows]
        self.keys, self.misses, self.confirmed = self.keys[rows], self.misses[rows], self.confirmed[rows]

    def _fitted(self, vectors: NDArray[np.float32] | None, n: int) -> NDArray[Any]:
        """n x d embeddings, as wide as the tracks'; these take on a dimension that was not known before."""
        fitted = np.zeros((n, 0)) if vectors is None or not len(vectors) else np.asarray(vectors, np.float64)
        if fitted.shape[1] > self._vectors.shape[1]:
            self._vectors = np.zeros((len(self._vectors), fitted.shape[1]))
        if fitted.shape[1] < self._vectors.shape[1]:
            fitted = np.zeros((n, self._vectors.shape[1]))
        return fitted

    def _expected_inside(self, time_s: float, size: tuple[int, int]) -> motion.Motion:
        """Where the tracks should be now; one that ran out of the picture waits at its edge."""
        gaps = np.maximum(time_s - self._seen_s, 0)
        gaps = np.where(self.misses == 0, np.minimum(gaps, MOST_DOUBT_S), gaps)
        expected = motion.predict(self._motion, gaps)
        edge = np.array(size, np.float64)
        expected.place[:, :2] = np.clip(expected.place[:, :2], np.minimum(0, edge), edge)
        return expected

    def _cost(self, expected: motion.Motion, look: _Look) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """n x m nats, and which pairs may be."""
        overlap = iou_matrix(expected.boxes, look.faces.boxes).astype(np.float64)
        moved, surprise = assignment.motion_cost(expected, look.faces.boxes)
        turned = assignment.shape_cost(self._shapes, look.shapes, look.time_s - self._seen_s)
        cost = moved + IOU_NATS * (1 - overlap) + turned
        if look.vectors.shape[1]:
            cosine = assignment.similarity(self._vectors, look.vectors)
            likeness = np.where(np.isfinite(cosine), cosine, UNKNOWN_COSINE) - UNKNOWN_COSINE
            cost = cost - self._rules.appearance_weight * LIKENESS_NATS * likeness
        allowed = ((surprise <= MAX_SURPRISE) | (overlap >= NEAR_IOU)) & (cost <= MAX_NATS)
        return cost + np.where(self.confirmed, 0.0, TENTATIVE_NATS)[:, None], allowed

    def _see(self, tracks: NDArray[np.int64], expected: motion.Motion, look: _Look) -> None:
        """Take the sightings (one row each) into these tracks; count a miss for the others."""
        self.misses = self.misses + 1
        self.misses[tracks] = 0
        self._hits[tracks] += 1
        self._seen_s[tracks] = look.time_s
        seen = motion.correct(expected.pick(tracks), look.faces.boxes)
        for whole, part in (
            (self._motion.place, seen.place),
            (self._motion.velocity, seen.velocity),
            (self._motion.variance, seen.variance),
        ):
            whole[tracks] = part
        known = np.isfinite(look.shapes).all(axis=(1, 2))
        self._shapes[tracks[known]] = look.shapes[known]
        if look.vectors.shape[1]:
            self._vectors[tracks] = _blended(self._vectors[tracks], look.vectors)
        self.confirmed = self.confirmed | (self._hits >= self._rules.birth_hits)

    def _found(self, look: _Look) -> NDArray[np.int64]:
        """Begin a track with each row; returns their keys."""
        n = len(look.faces)
        keys = np.arange(self._next_key, self._next_key + n, dtype=np.int64)
        self._next_key += n
        sure = (look.faces.scores >= self._rules.sure_score) | (self._rules.birth_hits <= 1)
        self._motion = self._motion.joined(motion.begin(look.faces.boxes))
        self._shapes = np.concatenate([self._shapes, look.shapes])
        self._vectors = np.concatenate([self._vectors, look.vectors])
        self._seen_s = np.concatenate([self._seen_s, np.full(n, look.time_s)])
        self._hits = np.concatenate([self._hits, np.ones(n, np.int64)])
        self.keys = np.concatenate([self.keys, keys])
        self.misses = np.concatenate([self.misses, np.zeros(n, np.int64)])
        self.confirmed = np.concatenate([self.confirmed, sure])
        return keys


def _blended(old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """A slow mean of unit vectors; a row of zeros (not measured) leaves the other as it is."""
    measured = np.any(new != 0, axis=1, keepdims=True)
    known = np.any(old != 0, axis=1, keepdims=True)
    mean = np.where(measured & known, MEMORY_OF_LOOKS * old + (1 - MEMORY_OF_LOOKS) * new, old + new)
    norms = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.where(norms > 0, mean / np.where(norms > 0, norms, 1), 0.0)
