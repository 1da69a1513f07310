"""Groups of the tracks that nobody is enrolled for, over one or many runs, and what to ask about them.

What is sure is proposed, what is doubtful is asked, the most useful question first, and answers are
constraints from then on: the division of labour between machine and person of active self-paced learning
(Lin et al., "Active Self-Paced Learning for Cost-Effective and Progressive Face Identification", PAMI 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidface.errors import UsageError
from vidface.gallery._pictures import pictures_of
from vidface.gallery.answers import Answers, Pair
from vidface.gallery.reference import Match, Reference
from vidface.gallery.runs import Run, Track
from vidface.gallery.values import Look
from vidface.vision.cluster import Clusters, Question, cluster
from vidface.vision.looks import fuse

THRESHOLD: Final = 0.5
"""Settled, with `COHESIVE`, on validation people by models/training/unknowns/settle.py."""
COHESIVE: Final = (0.7, 0.6, 0.5)
"""Cohesion from which on a group of two, of three, of four and more tracks is proposed: among many strangers
some two look alike, hardly any four."""
MIN_EVIDENCE: Final = 0.3
MOST_TRACKS: Final = 20_000
"""More would take above 1.6 GB."""
_ENROLLED: Final = 0.98
_OVERLAP_S: Final = 0.2
"""Two tracks that are seen together for so long are two people."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Tracks of one person, as far as can be told.

    Attributes:
        number: from 1; proposed groups first, each kind by falling evidence. It does not depend on the
            order in which runs are given.
        tracks: by falling evidence.
        vector: d float32, fused from the tracks' vectors by evidence.
        confidence: in [0, 1]; see `vidface.vision.cluster.Clusters`.
        cohesion: mean cosine of the worst track to the others; NaN for one alone.
        nearest: the nearest enrolled person, with the cosine; None without a gallery or where it is empty.
    """

    number: int
    tracks: tuple[Track, ...]
    vector: NDArray[np.float32]
    confidence: float
    cohesion: float
    nearest: Match | None = None

    @property
    def proposed(self) -> bool:
        """Several tracks, as much alike as so many of one person are."""
        return len(self.tracks) > 1 and self.cohesion >= COHESIVE[min(len(self.tracks), 4) - 2]


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A question: are these the same person?

    Attributes:
        left, right: groups (numbers) of both sides; the same number where the two now are one group.
        left_track, right_track: the tracks with the most evidence on both sides.
        similarity: mean cosine of both sides.
        gain: pairs of tracks expected to be grouped wrongly without an answer.
    """

    left: int
    right: int
    left_track: Track
    right_track: Track
    similarity: float
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Unknowns:
    """What is known of the unknown.

    Attributes:
        groups: by number. asks: most useful first. model: fingerprint of the embedder, "" without tracks.
        threshold: mean cosine from which on tracks were joined.
        known, poor: tracks left out, since they were recognised, or had too little evidence.
        theirs: tracks left out since they are in the gallery by now, by the name there.
        dropped: answers that later ones contradict.
    """

    groups: tuple[Group, ...]
    asks: tuple[Ask, ...]
    model: str
    threshold: float
    known: int = 0
    poor: int = 0
    theirs: Mapping[str, tuple[Track, ...]] = field(default_factory=dict)
    dropped: int = 0

    @property
    def enrolled(self) -> int:
        """How many tracks are in the gallery by now."""
        return sum(map(len, self.theirs.values()))

    def group(self, number: int) -> Group:
        """The group of that number.

        Raises:
            UsageError: there is none.
        """
        if not 1 <= number <= len(self.groups):
            raise UsageError(f"there is no group {number}: the groups are 1 to {len(self.groups)}")
        return self.groups[number - 1]


def group_unknowns(
    runs: Sequence[Run],
    *,
    threshold: float = THRESHOLD,
    answers: Answers | None = None,
    reference: Reference | None = None,
    min_evidence: float = MIN_EVIDENCE,
) -> Unknowns:
    """Group the unknown and undecided tracks of some runs.

    Tracks of one run that are seen at the same time are never one group, unless an answer says so.

    Args:
        runs: as `read_runs` gives them. threshold: see `cluster`. answers: given before.
        reference: a gallery; tracks that are in it by now are left out, and groups told whom they are like.
        min_evidence: tracks with less are left out.

    Raises:
        UsageError: too many tracks, or the gallery is of another embedder.
    """
    every = [track for run in runs for track in run.tracks]
    model = next((run.model for run in runs if run.tracks), "")
    if reference is not None and every and reference.fingerprint != model:
        raise UsageError(
            f"the gallery holds vectors of {reference.fingerprint}, but these runs have vectors of {model}: "
            "run the clips again with the gallery's model, or use vidface gallery re-embed"
        )
    open_ = [track for track in every if track.state != "known"]
    good = [track for track in open_ if track.vector.any() and track.evidence >= min_evidence]
    fresh, theirs = _not_enrolled(good, reference)
    if len(fresh) > MOST_TRACKS:
        raise UsageError(
            f"{len(fresh)} tracks are more than the {MOST_TRACKS} that can be grouped at once: give fewer "
            "runs, or a higher --min-evidence"
        )
    groups, asks, dropped = _grouped(fresh, threshold, answers or Answers(), reference)
    counts = (len(every) - len(open_), len(open_) - len(good))
    return Unknowns(groups, asks, model, threshold, *counts, theirs, dropped)


def looks_of(tracks: Sequence[Track]) -> list[Look]:
    """A look for each track, with the source RUN#track and its best shot, where that can be aligned.

    Raises:
        InputError: a picture of the run is damaged.
    """
    pictures = pictures_of(list(tracks))
    return [
        Look(
            track.vector,
            quality=track.shot.quality if track.shot is not None else float("nan"),
            source=track.source,
            picture=pictures.get(place),
        )
        for place, track in enumerate(tracks)
    ]


def star(tracks: Sequence[Track]) -> list[Pair]:
    """Pairs of keys which say that all these tracks are one person."""
    return [(tracks[0].key, track.key) for track in tracks[1:]]


def overlapping(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Pairs of places in `tracks` that are seen at the same time in one run."""
    spans = sorted(
        (str(track.run), first, last, place)
        for place, track in enumerate(tracks)
        for first, last in track.spans
    )
    found: set[tuple[int, int]] = set()
    active: list[tuple[str, float, float, int]] = []
    for span in spans:
        run, first, last, place = span
        active = [other for other in active if other[0] == run and other[2] >= first]
        for _, begun, ended, other in active:
            shared = min(last, ended) - first
            if other != place and shared >= min(_OVERLAP_S, last - first, ended - begun):
                found.add((min(place, other), max(place, other)))
        active.append(span)
    return sorted(found)


def _not_enrolled(
    tracks: Sequence[Track], reference: Reference | None
) -> tuple[list[Track], dict[str, tuple[Track, ...]]]:
    """Tracks that are not in the gallery, and those that are, by name."""
    if reference is None or not len(reference) or not tracks:
        return list(tracks), {}
    fresh: list[Track] = []
    theirs: dict[str, tuple[Track, ...]] = {}
    best = reference.search(np.stack([track.vector for track in tracks]), 1)
    for track, found in zip(tracks, best, strict=True):
        if found and found[0].score >= _ENROLLED:
            theirs[found[0].name] = (*theirs.get(found[0].name, ()), track)
        else:
            fresh.append(track)
    return fresh, theirs


def _grouped(
    tracks: list[Track], threshold: float, answers: Answers, reference: Reference | None
) -> tuple[tuple[Group, ...], tuple[Ask, ...], int]:
    if not tracks:
        return (), (), 0
    apart, together, dropped = _constraints(tracks, answers)
    vectors = np.stack([track.vector for track in tracks])
    found = cluster(vectors, threshold, apart=apart, together=together)
    groups, numbers = _numbered(tracks, found, reference)
    asks = tuple(_ask(tracks, numbers[found.labels], question) for question in found.questions)
    return groups, asks, dropped


def _constraints(
    tracks: list[Track], answers: Answers
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int]:
    """Pairs apart, pairs together, and how many answers contradict later ones."""
    places: dict[str, list[int]] = {}
    for place, track in enumerate(tracks):
        places.setdefault(track.key, []).append(place)
    said = answers.constraints(places)
    together = [pair for one, two in said.together for pair in _cross(places, one, two)]
    apart = [pair for one, two in said.apart for pair in _cross(places, one, two)]
    keys = [track.key for track in tracks]
    # A picture in the picture, or a mirror: whoever looked knows better. So does a vector that is the same.
    seen = [(i, j) for i, j in overlapping(tracks) if said.parts[keys[i]] is not said.parts[keys[j]]]
    return apart + seen, together, said.dropped


def _cross(places: dict[str, list[int]], one: str, two: str) -> list[tuple[int, int]]:
    """A run that was repeated gives several tracks of one key."""
    return [(i, j) for i in places[one] for j in places[two]]


def _numbered(
    tracks: list[Track], found: Clusters, reference: Reference | None
) -> tuple[tuple[Group, ...], NDArray[np.int64]]:
    """Groups in the order in which they are shown, and the number of each label."""
    drafts = []
    for label, rows in enumerate(found.members()):
        members = sorted((tracks[row] for row in rows.tolist()), key=_by_evidence)
        vector = fuse(np.stack([one.vector for one in members]), [one.evidence for one in members])
        facts = (float(found.confidence[label]), float(found.cohesion[label]))
        drafts.append((label, Group(0, tuple(members), vector, *facts)))
    drafts.sort(key=lambda draft: (not draft[1].proposed, -_evidence(draft[1]), draft[1].tracks[0].source))
    near = _nearest([group for _, group in drafts], reference)
    numbers = np.zeros(len(drafts), np.int64)
    groups = []
    for number, ((label, group), match) in enumerate(zip(drafts, near, strict=True), 1):
        numbers[label] = number
        groups.append(replace(group, number=number, nearest=match))
    return tuple(groups), numbers


def _nearest(groups: list[Group], reference: Reference | None) -> list[Match | None]:
    if reference is None or not len(reference):
        return [None] * len(groups)
    found = reference.search(np.stack([group.vector for group in groups]), 1)
    return [rows[0] if rows else None for rows in found]


def _ask(tracks: list[Track], numbers: NDArray[np.int64], question: Question) -> Ask:
    sides = [
        (int(numbers[side[0]]), min((tracks[row] for row in side), key=_by_evidence))
        for side in (question.left, question.right)
    ]
    (left, one), (right, two) = sorted(sides, key=lambda side: (side[0], _by_evidence(side[1])))
    return Ask(left, right, one, two, question.similarity, question.gain)


def _evidence(group: Group) -> float:
    return sum(track.evidence for track in group.tracks)


def _by_evidence(track: Track) -> tuple[float, str, int]:
    return -track.evidence, str(track.run), track.number
