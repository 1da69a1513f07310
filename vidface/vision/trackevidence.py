"""All findings on one track, gathered over time in bounded memory, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.finding import Finding
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Moment
from vidface.vision.claim import Resemblance
from vidface.vision.kindfusion import Fusion

Array = NDArray[np.float64]

HOP_S: Final = Fraction(1, 2)
"""Length of a window of the ledger, at first."""
MOST: Final = 512
"""Windows that are kept; then two neighbours become one."""


@dataclass(slots=True)
class KindRecord:
    """What one test has said of the track.

    Attributes:
        scores: sum of its scores. steps: sum of its standard steps. count: how many there are.
        strongest: the finding that speaks most for a manipulation. weakest: the one that does least.
        why_not: the last sentence on why it does not apply.
    """

    scores: float = 0.0
    steps: float = 0.0
    count: int = 0
    strongest: Finding | None = None
    weakest: Finding | None = None
    why_not: str = ""

    @property
    def mean(self) -> float:
        """Of its scores; NaN without any."""
        return self.scores / self.count if self.count else math.nan


@dataclass(slots=True)
class TrackEvidence:
    """The findings of one track so far.

    A finding counts for every window of the ledger that its stretch touches.

    Attributes:
        fusion: the weights.
        kinds: test -> what it has said.
        hop: seconds of a window.
        resemblance: how far the track is off the references.
    """

    fusion: Fusion
    kinds: dict[str, KindRecord] = field(default_factory=dict)
    hop: Fraction = HOP_S
    resemblance: Resemblance = field(default_factory=Resemblance)
    _first: int = field(default=0, init=False)
    _seen_s: float = field(default=0.0, init=False)
    _noted: int = field(default=0, init=False)
    _since: Fraction = field(default=Fraction(0), init=False)
    _until: Fraction = field(default=Fraction(0), init=False)
    _sums: Array = field(init=False)
    _counts: Array = field(init=False)

    def __post_init__(self) -> None:
        self._sums, self._counts = (np.zeros((0, len(self.fusion.kinds))) for _ in range(2))

    def add(self, finding: Finding) -> None:
        """Take one finding in."""
        record = self.kinds.setdefault(finding.kind, KindRecord())
        if not finding.applies:
            record.why_not = finding.why_not
            return
        if finding.kind in KINDS and KINDS[finding.kind].references:
            self.resemblance.add(finding)
        weight = self.fusion.kinds.get(finding.kind)
        steps = 0.0 if weight is None else weight.steps(finding.score)
        record.scores += finding.score
        record.steps += steps
        record.count += 1
        sign = 1.0 if weight is None or weight.weight >= 0 else -1.0
        if record.strongest is None or sign * (finding.score - record.strongest.score) > 0:
            record.strongest = finding
        if record.weakest is None or sign * (finding.score - record.weakest.score) < 0:
            record.weakest = finding
        if weight is not None and weight.weighed:
            self._note(finding, list(self.fusion.kinds).index(finding.kind), steps)

    def without(self, names: Collection[str]) -> TrackEvidence:
        """The same without some tests: to be read, and not added to."""
        if not names:
            return self
        kinds = {name: one for name, one in self.kinds.items() if name not in names}
        rest = TrackEvidence(self.fusion, kinds, self.hop, self.resemblance)
        heard = np.array([name not in names for name in self.fusion.kinds])
        rest._first, rest._seen_s, rest._noted = self._first, self._seen_s, self._noted
        rest._since, rest._until = self._since, self._until
        rest._sums, rest._counts = self._sums * heard, self._counts * heard
        return rest

    def steps(self) -> dict[str, float]:
        """Mean standard step of each test that applied at least once."""
        return {name: one.steps / one.count for name, one in self.kinds.items() if one.count}

    @property
    def windows(self) -> int:
        """Windows of the ledger in which a weighed test applied."""
        return int((self._counts.sum(axis=1) > 0).sum())

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """95 % interval of the probability over the windows, see `Fusion.interval`.

        Windows that are drawn together reach as far as a finding looks: nearer ones see the same frames.
        """
        rows = self._counts.sum(axis=1) > 0
        reach = max(self.fusion.block_s, self._seen_s / max(1, self._noted))
        block = round(reach / float(self.hop))
        return self.fusion.interval(self._sums[rows], self._counts[rows], block=block, seed=seed)

    def moments(self) -> Iterator[Moment]:
        """The probability of each window in which a weighed test applied.

        Windows lie on a grid that knows nothing of the track: the outer ones are told as far as findings go.
        """
        values: Any = self.fusion.probabilities(self._sums, self._counts)
        for place, value in enumerate(values.tolist()):
            if math.isfinite(value):
                start = (self._first + place) * self.hop
                yield Moment(max(start, self._since), min(start + self.hop, self._until), value)

    def _note(self, finding: Finding, column: int, steps: float) -> None:
        begin, end = finding.stretch.start, finding.stretch.end
        self._since = min(self._since, begin) if self._noted else begin
        self._until = max(self._until, end) if self._noted else end
        first = math.floor(begin / self.hop)
        last = max(first, math.ceil(end / self.hop) - 1)
        self._reach(first, last)
        while len(self._sums) > MOST:
            self._halve()
            first, last = first // 2, last // 2
        self._seen_s += float(end - begin)
        self._noted += 1
        rows = slice(first - self._first, last - self._first + 1)
        self._sums[rows, column] += steps
        self._counts[rows, column] += 1

    def _reach(self, first: int, last: int) -> None:
        """Make room for these windows."""
        k = len(self.fusion.kinds)
        if not len(self._sums):
            self._first = first
            self._sums, self._counts = np.zeros((last - first + 1, k)), np.zeros((last - first + 1, k))
            return
        before = max(0, self._first - first)
        after = max(0, last - (self._first + len(self._sums) - 1))
        if before or after:
            room = ((before, after), (0, 0))
            self._sums, self._counts = np.pad(self._sums, room), np.pad(self._counts, room)
            self._first -= before

    def _halve(self) -> None:
        """Two neighbouring windows become one."""
        odd, n = self._first % 2, len(self._sums)
        room = ((odd, (odd + n) % 2), (0, 0))
        self._sums, self._counts = (
            np.pad(table, room).reshape(-1, 2, table.shape[1]).sum(axis=1)
            for table in (self._sums, self._counts)
        )
        self._first, self.hop = self._first // 2, 2 * self.hop
