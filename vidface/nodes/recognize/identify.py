"""recognize.identify: who every track is, decided from all looks so far."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import NOT_TRACKED, Device, Embeddings, Faces, Frame
from vidface.data.identity import Identities, Identity, State
from vidface.data.measures import Measures
from vidface.data.rows import check_rows, column_for
from vidface.data.source import SourceInfo
from vidface.data.steadyclock import SteadyClock
from vidface.errors import UsageError, VidfaceError
from vidface.gallery import Reference
from vidface.gallery.asked import log_run
from vidface.gallery.gallery import THRESHOLD
from vidface.infer.weights import same_person
from vidface.node import FOREVER, Node
from vidface.nodes.recognize._enrolled import Enrolled
from vidface.vision.looks import Looks, weights_of

_LONE: Final = 0.25
"""Evidence from which on a row without a track may be unknown: no look weighs as much as a perfect one, and
one of an embedder that tells no recognisability at most half."""
_MOST_FOUND: Final = 10_000
"""Tracks whose name is remembered for the gallery's log; of the earlier ones the names and how many."""
_RESTING: Final = 2000
"""Tracks out of sight that are remembered, as many people as recognize.relink remembers."""
_RESTING_LOOKS: Final = 8


class RecognizeIdentify(Node):
    """Decide for every track whether it shows an enrolled person: known, unknown or undecided.

    All looks of a track are fused into one vector, weighted by recognisability and quality and robust
    to outliers (`vidface.vision.looks`), and compared with the gallery. The track is

    - known, when the nearest person scores at least `threshold` and is ahead of the second nearest by
      `margin`; once known it stays so until the score falls `slack` below the threshold,
    - unknown, when there was enough evidence and nobody reaches the threshold,
    - undecided, while there are fewer than `min_looks` looks or too little evidence (the sum of the
      looks' weights), and when two people score alike.

    So the decision may change as a track grows: the last one stands in tracks.jsonl. Rows without a
    track are decided from their one look, which is evidence enough from a weight of 0.25 on. Looks are kept
    over cuts and gaps, since a track's number comes only once, or again for the same person
    (`recognize.relink`): of a track that is long out of sight the best eight, of 2,000 such tracks.

    The threshold is the gallery's own where `vidface gallery calibrate` has set one, without a gallery the
    embedder's. The gallery's log
    tells that it was searched, and at the end who was found. Before a camera a gallery that is changed counts
    within seconds: who is forgotten is named no more, who is enrolled is known. Once it was embedded anew
    with another model, nobody is known until the graph begins anew. Of a file all frames are held against
    the gallery as it was at the start.
    """

    gallery: str = Field(
        "", description="Folder of a gallery (vidface gallery enroll); none: nobody is known."
    )
    threshold: float | None = Field(
        None, ge=-1, le=1, description="Cosine from which on two vectors are one person; else the gallery's."
    )
    margin: float | None = Field(
        None, ge=0, le=2, description="Least lead over the second nearest person; else the gallery's."
    )
    slack: float = Field(0.03, ge=0, le=1, description="A known track keeps its name this far below.")
    min_looks: int = Field(3, ge=1, description="Looks without which a track stays undecided.")
    min_evidence: float = Field(
        1.0, ge=0, description="Sum of weights without which nobody is called unknown: one perfect look is 1."
    )
    min_recognisability: float = Field(
        0.02, ge=0, le=1, description="Looks below this are not counted at all."
    )

    forget_after_s: float = Field(
        120.0, gt=0, description="Of a track not seen for so many seconds only the best eight looks are kept."
    )

    memory = FOREVER

    _enrolled: Enrolled | None
    _reference: Reference | None
    _live: bool
    _model: str
    _threshold: float
    _margin: float
    _tracks: dict[int, _Track]
    _resting: dict[int, _Track]
    _found: dict[int, str]
    _earlier: Counter[str]
    _clock: SteadyClock
    _clip: str
    _state: str | None
    _rows_of: dict[str, NDArray[np.int64]]

    def open(self, device: Device) -> None:
        """Read the gallery, and begin without tracks.

        Raises:
            UsageError: there is no gallery in that folder.
        """
        self._enrolled = Enrolled(self.gallery) if self.gallery else None
        self._live, self._model = False, ""
        self._refer()
        self._tracks, self._resting, self._found = {}, {}, {}
        self._earlier, self._clock = Counter(), SteadyClock()
        self._clip = ""

    def meet(self, source: SourceInfo) -> None:
        """Put the search into the gallery's log, before anybody is looked for."""
        self._clip, self._live = source.name, source.live
        if self._reference is not None:
            log_run(self.gallery, "identify", {"clip": self._clip, "begins": True})

    def _refer(self) -> None:
        """Compare with the gallery as it was last read."""
        own = self._reference = None if self._enrolled is None else self._enrolled.reference
        self._state = None if own is None else own.state
        usual = own.threshold if own else same_person(self._model)
        self._threshold = _first(self.threshold, usual, THRESHOLD)
        self._margin = _first(self.margin, own.margin if own else None, 0.0)
        self._rows_of = {}

    def _renew(self) -> None:
        """Decide of everybody who is here anew, and forget the names of those who are enrolled no more."""
        self._refer()
        names = set() if self._reference is None else set(self._reference.names)
        self._found = {number: name for number, name in self._found.items() if name in names}
        self._earlier = Counter({name: count for name, count in self._earlier.items() if name in names})
        for number, track in (self._resting | self._tracks).items():
            if track.looks.seen:
                track.identity = self._decide(track, alone=False)
                self._remember(number, track.identity)

    def reset(self) -> None:
        """Nothing ends here: see above."""

    def facts(self) -> dict[str, Any]:
        own = self._reference
        notes = self._log_found()
        if self._enrolled is not None and self._enrolled.trouble is not None:
            notes.append(f"recognize.identify: {self._enrolled.trouble}.")
        elif own is None or not len(own.names):
            notes.append(_note_of_empty(self.gallery))
        return {
            "people": 0 if own is None else len(own.names),
            "looks_enrolled": 0 if own is None else len(own.vectors),
            "gallery_sha256": self._state,
            "threshold": self._threshold,
            "margin": self._margin,
        } | ({"notes": notes} if notes else {})

    def _log_found(self) -> list[str]:
        """Put who was found into the gallery's log; a sentence where that fails, since the run is done."""
        if self._reference is None:
            return []
        names = Counter(self._found.values()) + self._earlier
        try:
            facts = {"clip": self._clip, "tracks known": names.total()}
            log_run(self.gallery, "identify", facts, sorted(names))
        except VidfaceError as error:
            return [f"recognize.identify: the gallery's log has the search, but not who was found: {error}"]
        return []

    def process(
        self, frame: Frame, faces: Faces, embeddings: Embeddings, quality: Measures | None = None
    ) -> Identities:
        """Identities row by row.

        Raises:
            UsageError: a value has not a row for every face, quality has no column of that name, or the
                gallery is of another embedder.
        """
        check_rows(faces, embeddings=embeddings, quality=quality)
        if self._live and self._enrolled is not None and self._enrolled.renewed():
            self._renew()
        self._check_model(embeddings)
        self._clock.set(frame)
        now, known = self._clock.now, embeddings.known
        good = None
        if quality is not None and len(quality):
            good = column_for("quality", "quality", quality, usual="recognize.quality")
        weights = weights_of(embeddings.recognisability, good)
        rows = []
        for row, number in enumerate(faces.tracks.tolist()):
            track = self._tracks.get(number) or self._resting.pop(number, None) or _Track()
            track.seen_s = now
            if len(known) and known[row] and not embeddings.recognisability[row] < self.min_recognisability:
                track.looks.add(embeddings.vectors[row], float(weights[row]), frame.index)
                track.identity = self._decide(track, alone=number == NOT_TRACKED)
            if number != NOT_TRACKED:
                self._tracks[number] = track
                self._remember(number, track.identity)
            rows.append(track.identity)
        self._rest([k for k, t in self._tracks.items() if now - t.seen_s >= self.forget_after_s])
        return Identities(tuple(rows))

    def _rest(self, numbers: list[int]) -> None:
        """Keep little of these tracks, and nothing of those that rest longest where they are too many."""
        for number in numbers:
            track = self._tracks.pop(number)
            if track.looks.seen:
                track.looks.trim(max(_RESTING_LOOKS, self.min_looks))
                self._resting[number] = track
        while len(self._resting) > _RESTING:
            del self._resting[next(iter(self._resting))]

    def _remember(self, number: int, identity: Identity) -> None:
        if identity.name is not None:
            self._found[number] = identity.name
        else:
            self._found.pop(number, None)
        if len(self._found) > _MOST_FOUND:
            self._earlier[self._found.pop(next(iter(self._found)))] += 1

    def _check_model(self, embeddings: Embeddings) -> None:
        own = self._reference
        if own is None and embeddings.model not in ("", self._model):
            self._model = embeddings.model
            self._refer()
        if own is None or not embeddings.model or own.fingerprint == embeddings.model:
            return
        raise UsageError(
            f"recognize.identify: the gallery {self.gallery} holds vectors of {own.fingerprint}, but the "
            f"graph embeds with {embeddings.model}; use that model, or run vidface gallery re-embed."
        )

    def _decide(self, track: _Track, *, alone: bool) -> Identity:
        looks, before = track.looks, track.identity
        name, score, margin = self._nearest(looks.fused)
        enough = alone or len(looks.weights) >= self.min_looks
        bar = self._threshold - (self.slack if before.name is not None and before.name == name else 0)
        state: State = "undecided"
        if enough and name is not None and score >= bar:
            # Without a second person there is no lead to ask for.
            state = "known" if not margin < self._margin else "undecided"
        elif enough and looks.evidence >= (min(self.min_evidence, _LONE) if alone else self.min_evidence):
            state = "unknown"
        support = self._support(looks, name)
        return Identity(
            state=state,
            name=name if state == "known" else None,
            score=score,
            margin=margin,
            nearest=name,
            looks=looks.seen,
            frames=support,
        )

    def _nearest(self, vector: NDArray[np.float32]) -> tuple[str | None, float, float]:
        own = self._reference
        if own is None or not len(own.names) or not vector.any():
            return None, math.nan, math.nan
        return own.nearest(vector)

    def _support(self, looks: Looks, name: str | None) -> tuple[int, ...]:
        own = self._reference
        if own is None or name is None:
            return looks.supporting(looks.fused)
        rows = self._rows_of.get(name)
        if rows is None:
            rows = self._rows_of[name] = np.flatnonzero(own.owners == own.names.index(name))
        # Only where they lie is kept: vectors that are forgotten meanwhile must not live on in a copy.
        mine = own.vectors[rows]
        return looks.supporting(mine[int((mine @ looks.fused).argmax())])


class _Track:
    """The looks of a track, and what was last decided of it."""

    __slots__ = ("identity", "looks", "seen_s")

    def __init__(self) -> None:
        self.looks = Looks()
        self.identity = Identity()
        self.seen_s = 0.0


def _first(*values: float | None) -> float:
    """The first that is given."""
    return next(float(value) for value in values if value is not None and not math.isnan(value))


def _note_of_empty(gallery: str) -> str:
    where = f"the gallery {gallery} is empty" if gallery else "no gallery was given"
    return f"recognize.identify: {where}, so nobody can be known; set gallery to a folder."
