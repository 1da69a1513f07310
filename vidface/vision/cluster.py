"""Grouping of unit vectors by cosine, where some pairs are known to be apart and some to be together.

Average linkage (Sokal and Michener 1958): the similarity of two groups is the mean cosine over their pairs
of members, and the two most similar groups are joined until none reach the threshold. Pairs that must not
be joined keep their groups apart for good, as in constrained hierarchical clustering (Davidson and Ravi
2005). The search keeps each row's nearest neighbour and looks it up anew only when it comes to the top, as
in the "generic" algorithm of Muellner (2011): in average linkage a join never brings groups nearer than its
parts were, so that a stale entry is an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data._arrays import frozen_array

DOUBT: Final = 0.15
"""Cosines less far than this from the threshold are asked about."""
_SLOPE: Final = 0.05
"""Of the logistic curve that turns a cosine's distance to the threshold into a chance."""
_CANDIDATES: Final = 10_000

Pairs = Iterable[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Question:
    """Two sets of members that may be one person or two, too near the threshold to tell.

    Attributes:
        left, right: the members on both sides, rising.
        similarity: their mean cosine.
        joined: they are one group now (then the question is whether that holds), or two.
        gain: how many pairs of members are expected to be grouped wrongly as long as nobody answers:
            |left| |right| times the chance that the grouping is wrong, which falls off on a logistic curve
            with the distance to the threshold. An order of questions, not a measured rate.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    similarity: float
    joined: bool
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """n vectors in k groups.

    Attributes:
        labels: n int64, 0 to k - 1, in the order of the groups' first members.
        cohesion: k float64, the mean cosine of the group's worst member to the others; NaN for one alone.
        rival: k float64, the mean cosine to the nearest other group that it could be joined with; NaN where
            there is none.
        confidence: k float64 in [0, 1], the simplified silhouette (Rousseeuw 1987) of the worst member: 0
            where another group is as near as its own, 1 where all members are alike and no other group is
            near. One alone counts as a group whose worst member lies just at the threshold.
        questions: the doubtful pairs, most useful first.
    """

    labels: NDArray[np.int64]
    cohesion: NDArray[np.float64]
    rival: NDArray[np.float64]
    confidence: NDArray[np.float64]
    questions: tuple[Question, ...] = ()

    def __post_init__(self) -> None:
        count = int(self.labels.max()) + 1 if len(self.labels) else 0
        object.__setattr__(
            self, "labels", frozen_array("Clusters.labels", self.labels, dtype=np.int64, shape=(None,))
        )
        for name in ("cohesion", "rival", "confidence"):
            array = frozen_array(f"Clusters.{name}", getattr(self, name), dtype=np.float64, shape=(count,))
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.cohesion)

    def members(self) -> list[NDArray[np.int64]]:
        """The rows of every group, rising."""
        if not len(self):
            return []
        order = np.argsort(self.labels, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.labels, minlength=len(self)))[:-1])


def cluster(
    vectors: Any, threshold: float, *, apart: Pairs = (), together: Pairs = (), doubt: float = DOUBT
) -> Clusters:
    """Group vectors of one person.

    The groups do not depend on the order of the rows (equal rows with different constraints aside).

    Args:
        vectors: n x d of unit length; about 4 n^2 bytes are needed.
        threshold: mean cosine from which on two groups are joined.
        apart: pairs of rows that are never in one group.
        together: pairs of rows that always are.
        doubt: how near to the threshold a pair of groups is asked about.

    Raises:
        ValueError: rows are not of unit length, a pair names no row, or one is to be together and apart.
    """
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2 or not np.all(np.abs(np.linalg.norm(rows, axis=1) - 1) < 1e-2):
        raise ValueError(f"wanted n x d rows of unit length to group, but got {rows.shape}")
    order = sorted(range(len(rows)), key=lambda row: rows[row].tobytes())
    place = np.argsort(np.asarray(order, np.int64))
    links = _Linkage(rows[order], threshold, doubt)
    links.forbid(_placed(apart, place))
    for left, right in sorted(_placed(together, place)):
        links.force(left, right)
    links.join_all()
    return _result(rows, [sorted(order[i] for i in group) for group in links.groups()], links, order)


class _Linkage:
    """The state of the grouping: similarities of all groups, by the row of one of their members."""

    def __init__(self, rows: NDArray[np.float32], threshold: float, doubt: float) -> None:
        self.threshold, self.doubt = threshold, doubt
        self.similar = rows @ rows.T
        np.fill_diagonal(self.similar, -np.inf)
        self.members: list[list[int]] = [[row] for row in range(len(rows))]
        self.home = list(range(len(rows)))
        self.close: list[tuple[list[int], list[int], float]] = []

    def forbid(self, pairs: Pairs) -> None:
        """Groups with a similarity of -inf are never joined, nor is any that one of them goes into."""
        for left, right in pairs:
            if left == right:
                raise ValueError("a row cannot be apart from itself")
            self.similar[left, right] = self.similar[right, left] = -np.inf

    def force(self, left: int, right: int) -> None:
        """Join the groups of two rows, however unlike."""
        first, second = self.home[left], self.home[right]
        if first == second:
            return
        if np.isneginf(self.similar[first, second]):
            raise ValueError("two rows are to be together and apart at once")
        self._join(first, second)

    def join_all(self) -> None:
        """Join the two nearest groups until none reach the threshold."""
        if len(self.home) < 2:
            return
        nearest = self.similar.argmax(axis=1)
        best = self.similar[np.arange(len(nearest)), nearest]
        gone = np.array([not group for group in self.members])
        best[gone] = -np.inf
        while True:
            first = int(best.argmax())
            score = float(best[first])
            if not score >= self.threshold:
                return
            second = int(nearest[first])
            if self.similar[first, second] != best[first]:
                nearest[first] = second = int(self.similar[first].argmax())
                best[first] = self.similar[first, second]
                continue
            if score < self.threshold + self.doubt:
                self.close.append((list(self.members[first]), list(self.members[second]), score))
            self._join(first, second)
            best[second] = -np.inf
            nearest[first] = self.similar[first].argmax()
            best[first] = self.similar[first, nearest[first]]

    def groups(self) -> Iterator[list[int]]:
        """Members of every group that is left."""
        yield from (group for group in self.members if group)

    def _join(self, first: int, second: int) -> None:
        a, b = len(self.members[first]), len(self.members[second])
        row = (a * self.similar[first] + b * self.similar[second]) / (a + b)
        row[first] = -np.inf
        self.similar[first], self.similar[:, first] = row, row
        self.similar[second], self.similar[:, second] = -np.inf, -np.inf
        for member in self.members[second]:
            self.home[member] = first
        self.members[first] += self.members[second]
        self.members[second] = []


def _placed(pairs: Pairs, place: NDArray[np.int64]) -> list[tuple[int, int]]:
    found = [(int(left), int(right)) for left, right in pairs]
    for pair in found:
        if not all(0 <= row < len(place) for row in pair):
            raise ValueError(f"the pair {pair} names no two of the {len(place)} rows")
    return [(int(place[left]), int(place[right])) for left, right in found]


def _result(
    rows: NDArray[np.float32], groups: list[list[int]], links: _Linkage, order: Sequence[int]
) -> Clusters:
    # `links.groups()` and `groups` go in the same order; the result goes by first members.
    heads = [links.home[group[0]] for group in links.groups()]
    turn = sorted(range(len(groups)), key=lambda number: groups[number][0])
    groups, heads = [groups[number] for number in turn], [heads[number] for number in turn]
    labels = np.zeros(len(rows), np.int64)
    for number, group in enumerate(groups):
        labels[group] = number
    between = links.similar[np.ix_(heads, heads)]
    cohesion = np.array([_worst(rows[group]) for group in groups], np.float64)
    top = between.max(axis=1, initial=-np.inf).astype(np.float64)
    rival = np.where(np.isneginf(top), np.nan, top)
    return Clusters(
        labels,
        cohesion,
        rival,
        _confidence(cohesion, rival, links.threshold),
        tuple(_questions(groups, between, links, order)),
    )


def _worst(rows: NDArray[np.float32]) -> float:
    """The least of the members' mean cosines to the others."""
    if len(rows) < 2:
        return float("nan")
    total = rows.sum(axis=0, dtype=np.float64)
    return float(((rows @ total - (rows**2).sum(axis=1)) / (len(rows) - 1)).min())


def _confidence(
    cohesion: NDArray[np.float64], rival: NDArray[np.float64], threshold: float
) -> NDArray[np.float64]:
    own = 1 - np.where(np.isnan(cohesion), threshold, cohesion)
    # Where nobody else is near, the nearest is taken to be at a right angle.
    other = 1 - np.nan_to_num(rival, nan=0.0)
    silhouette: NDArray[np.float64] = (other - own) / np.maximum(np.maximum(own, other), 1e-9)
    return np.clip(silhouette, 0, 1)


def _questions(
    groups: list[list[int]], between: NDArray[np.float32], links: _Linkage, order: Sequence[int]
) -> list[Question]:
    firsts, seconds = np.nonzero(np.triu(between > links.threshold - links.doubt, 1))
    top = np.argsort(-between[firsts, seconds], kind="stable")[:_CANDIDATES]
    found = [
        _question(groups[i], groups[j], float(between[i, j]), links.threshold, joined=False)
        for i, j in zip(firsts[top].tolist(), seconds[top].tolist(), strict=True)
    ]
    for left, right, score in links.close:
        one, two = sorted(sorted(order[i] for i in side) for side in (left, right))
        found.append(_question(one, two, score, links.threshold, joined=True))
    return sorted(found, key=lambda question: (-question.gain, question.left, question.right))


def _question(left: list[int], right: list[int], score: float, threshold: float, *, joined: bool) -> Question:
    wrong = 1 / (1 + np.exp(abs(score - threshold) / _SLOPE))
    return Question(tuple(left), tuple(right), score, joined, float(wrong * len(left) * len(right)))
