"""embeddings: one vector a track, to group and to enrol people from later."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.identity import Embeddings, Identities, Identity
from vidface.data.measures import Measures
from vidface.data.rows import check_rows, column_for
from vidface.node import Sink, Target
from vidface.sinks._files import write_private
from vidface.vision.looks import Looks, fuse, weights_of

_AWAY_S: Final = 60
"""A track not seen for so many seconds is kept as its one vector, without its single looks."""
_GAP_S: Final = 1
"""Rows less far apart than this are one span of presence."""
_MOST_SPANS: Final = 256
_MOST_LIVE: Final = 20_000
"""Tracks kept of a camera, which has no end; the longest unseen go first, and are counted."""


class EmbeddingsSink(Sink):
    """Write `NAME.npz`: a row for every track, with the vector of all its looks.

    Arrays of n rows, by track number: track, vector (n x d float32 of unit length, fused as
    recognize.identify does; zeros where the track was never measured), looks (how many were measured),
    evidence (sum of the weights of the best of them), best_frame (the frame of the best look, -1 without
    one), first_frame, last_frame, first_time, last_time (seconds), state and name (the last decision of
    the wired identity; "" without one). Arrays of one row a span in which a track was seen without gaps of
    a second: span_track, span_first, span_last (seconds). And model, the embedder's fingerprint.

    It is read with `numpy.load`, and by `vidface gallery unknowns` and `names`. The file can be read by
    the owner only; it is written at the end, also after an error elsewhere. Rows without a track are left
    out. Of a camera the newest 20000 tracks are kept, and the others counted (`tracks_not_kept`).
    """

    min_recognisability: float = Field(0.02, ge=0, le=1, description="Looks below this are not counted.")

    _target: Target | None = None
    _tracks: dict[int, _Track]
    _active: dict[int, _Track]
    _not_kept: int
    _model: str
    _dimension: int
    _facts: dict[str, Any] | None

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.npz",)

    def start(self, target: Target) -> None:
        self._target = target
        self._tracks, self._active, self._not_kept = {}, {}, 0
        self._model, self._dimension = "", 0
        self._facts = None

    def process(
        self,
        frame: Frame,
        faces: Faces,
        embeddings: Embeddings,
        quality: Measures | None = None,
        identity: Identities | None = None,
    ) -> None:
        """Take in a frame.

        Raises:
            UsageError: a wired value has not a row for every face, or quality no column of that name.
        """
        check_rows(faces, embeddings=embeddings, quality=quality, identity=identity)
        if len(embeddings):
            self._model, self._dimension = embeddings.model, embeddings.vectors.shape[1]
        weights = self._weights(embeddings, quality)
        who = identity.rows if identity is not None else ()
        for row, number in enumerate(faces.tracks.tolist()):
            if number == NOT_TRACKED:
                continue
            track = self._tracks.get(number)
            if track is None:
                track = self._tracks[number] = _Track(frame.index, frame.time)
            track.pass_by(frame)
            if len(weights) and weights[row] > 0:
                track.looks.add(embeddings.vectors[row], float(weights[row]), frame.index)
            if who:
                track.identity = who[row]
            self._active[number] = track
        for number, track in list(self._active.items()):
            if frame.time - track.last_time > _AWAY_S:
                track.reduce()
                del self._active[number]
        if self._target is not None and self._target.info.live and len(self._tracks) > _MOST_LIVE:
            self._let_go()

    def finish(self) -> dict[str, Any]:
        if self._target is None:
            return {}
        if self._facts is None:
            path = self._target.folder / f"{self._target.name}.npz"
            self._facts = {"files": [path.name], "tracks": len(self._tracks)}
            if self._not_kept:
                self._facts["tracks_not_kept"] = self._not_kept
            packed = io.BytesIO()
            np.savez(packed, **self._arrays())
            write_private(path, packed.getvalue())
        return self._facts

    def close(self) -> None:
        if self._target is not None:
            try:
                self.finish()
            finally:
                self._target, self._tracks, self._active = None, {}, {}

    def _let_go(self) -> None:
        """Forget a tenth, those that were not seen for longest; not one at a time, which would take long."""
        order = sorted(self._tracks, key=lambda number: self._tracks[number].last_frame)
        for number in order[: _MOST_LIVE // 10]:
            del self._tracks[number]
            self._active.pop(number, None)
            self._not_kept += 1

    def _weights(self, embeddings: Embeddings, quality: Measures | None) -> NDArray[np.float64]:
        """n weights; 0 for looks that do not count."""
        good = None
        if quality is not None and len(quality):
            good = column_for("quality", "quality", quality, usual="recognize.quality")
        weights = weights_of(embeddings.recognisability, good)
        with np.errstate(invalid="ignore"):
            poor = embeddings.recognisability < self.min_recognisability
        return np.where(embeddings.known & ~poor, weights, 0.0)

    def _arrays(self) -> dict[str, Any]:
        rows = sorted(self._tracks.items())
        for _, track in rows:
            track.reduce()
        tracks = [track for _, track in rows]
        vectors = np.zeros((len(rows), self._dimension), np.float32)
        for place, track in enumerate(tracks):
            if track.vector is not None:
                vectors[place] = track.vector
        spans = [(number, *span) for number, track in rows for span in track.spans]
        return {
            "track": np.array([number for number, _ in rows], np.int64),
            "vector": vectors,
            "looks": np.array([track.seen for track in tracks], np.int64),
            "evidence": np.array([track.evidence for track in tracks], np.float64),
            "best_frame": np.array([track.best_frame for track in tracks], np.int64),
            "first_frame": np.array([track.first_frame for track in tracks], np.int64),
            "last_frame": np.array([track.last_frame for track in tracks], np.int64),
            "first_time": np.array([float(track.first_time) for track in tracks], np.float64),
            "last_time": np.array([float(track.last_time) for track in tracks], np.float64),
            "state": _texts([track.identity.state if track.identity else "" for track in tracks]),
            "name": _texts([(track.identity.name if track.identity else "") or "" for track in tracks]),
            "span_track": np.array([span[0] for span in spans], np.int64),
            "span_first": np.array([float(span[1]) for span in spans], np.float64),
            "span_last": np.array([float(span[2]) for span in spans], np.float64),
            "model": np.array(self._model),
        }


@dataclass(slots=True)
class _Track:
    """What is known of a track so far: its latest looks, and the sum of those before."""

    first_frame: int
    first_time: Fraction
    last_frame: int = 0
    last_time: Fraction = Fraction(0)
    identity: Identity | None = None
    looks: Looks = field(default_factory=Looks)
    vector: NDArray[np.float32] | None = None
    seen: int = 0
    evidence: float = 0.0
    best_frame: int = -1
    best: float = 0.0
    spans: list[tuple[Fraction, Fraction]] = field(default_factory=list)

    def pass_by(self, frame: Frame) -> None:
        """The track is on this frame."""
        now = frame.time
        self.last_frame, self.last_time = frame.index, now
        if self.spans and 0 <= now - self.spans[-1][1] <= _GAP_S:  # not where the clock leaps back
            self.spans[-1] = (self.spans[-1][0], now)
        else:
            self.spans.append((now, now))
        if len(self.spans) > _MOST_SPANS:
            self._bridge()

    def reduce(self) -> None:
        """Put the looks into one vector, and let go of them."""
        looks, self.looks = self.looks, Looks()
        if not looks.vectors:
            return
        top = int(np.argmax(looks.weights))
        if looks.weights[top] > self.best:
            self.best, self.best_frame = looks.weights[top], looks.frames[top]
        if self.vector is None:
            self.vector = looks.fused
        else:
            self.vector = fuse(np.stack([self.vector, looks.fused]), [self.evidence, looks.evidence])
        self.seen += looks.seen
        self.evidence += looks.evidence

    def _bridge(self) -> None:
        """Join the two spans that lie closest together."""
        pairs = list(zip(self.spans, self.spans[1:], strict=False))
        gaps = [abs(later[0] - earlier[1]) for earlier, later in pairs]
        place = gaps.index(min(gaps))
        begins, ends = zip(*pairs[place], strict=True)
        self.spans[place : place + 2] = [(min(begins), max(ends))]


def _texts(values: list[str]) -> NDArray[np.str_]:
    return np.array(values, np.str_) if values else np.zeros(0, "<U1")
