"""Names from captions: which name belongs to which group of faces, by when both turn up.

The idea that names in captions and faces that are seen at the time are supervision enough is that of "Self-
Contained Entity Discovery from Captioned Videos" (Ayoughi, Mettes and Groth 2022). Here it is counted, not
learned. A caption is a window of a few seconds; in each a name is said or not, and a group is seen or not.

Where captions say as a rule who speaks, the speaker is to be seen at that moment. Where they name somebody
now and then (called by others, spoken of, or labelled because out of the picture), the camera is as a rule on
another one, and all that can be expected is that both turn up in the same scenes: windows are that wide then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import betainc, gammaln

from vidface.gallery.captionnames import Mention
from vidface.gallery.subtitles import Caption

SURE: Final = 0.9
MIN_TOGETHER: Final = 3
"""Captions with both, without which nothing is sure."""
MIN_SCENES: Final = 10
"""The same where names only tell who is about."""
WINDOW_S: Final = 2.0
"""A shorter caption is widened to this."""
SCENE_S: Final = 20.0
"""The same where names only tell who is about."""
LABELLED: Final = 0.5
"""Share of captions with labels from which on labels tell who is seen; with fewer, often who is not."""
_SEEN: Final = 0.25
"""Share of a window in which somebody must be seen."""
_NOBODY: Final = 0.5
"""Chance, before anything was counted, that a name is nobody's of these groups."""

Counts = NDArray[np.float64]
Spans = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Link:
    """A name, and the group that it goes with best.

    Attributes:
        name: as in the captions.
        group: place among the groups given; None where none goes with it more than by chance.
        labels: the captions counted say that this person speaks; else that somebody of this name is about.
        said: captions counted with the name. seen: captions with the group. together: with both.
        captions: all of them.
        pmi: pointwise mutual information, log2 of how much more often both are together than by chance.
        p: chance of `together` or more, were the captions with the group drawn at random (hypergeometric,
            Fisher's exact test, one-sided; as if captions were independent).
        sureness: in [0, 1], the chance that this name is this group's under a simple model: a group is seen
            at a constant rate while its own name is said, one that is anything from its rate at all other
            times up to always, and at the other times' rate while other names are; half of all names belong
            to nobody here. Of the chances among groups and among names the smaller. Not calibrated.
        sure: sureness of at least `SURE`, from at least `MIN_TOGETHER` captions with labels, or `MIN_SCENES`
            without.
    """

    name: str
    group: int | None
    labels: bool
    said: int
    seen: int
    together: int
    captions: int
    pmi: float
    p: float
    sureness: float
    sure: bool


def link_names(
    captions: Sequence[Caption],
    found: Sequence[Mention],
    groups: Sequence[Spans],
    *,
    shift_s: float = 0.0,
    window_s: float = WINDOW_S,
    scene_s: float = SCENE_S,
) -> tuple[Link, ...]:
    """Give each name at most one group, and each group at most one name.

    Runs of captions in which nothing changes say less than as many captions at random: counts are lowered by
    Bartlett's formula for the correlation of two series (1946).

    Args:
        captions, found: from `read_srt` and `mentions`.
        groups: when each group is seen, seconds.
        shift_s: added to the captions' times.
        window_s: shortest window around a caption. scene_s: the same for names without labels.

    Returns:
        A link for every name, surest first.
    """
    names = sorted({mention.name for mention in found})
    if not names:
        return ()
    said, labels = _said(names, found, len(captions))
    near, wide = (_all_seen(groups, captions, shift_s, width) for width in (window_s, scene_s))
    gains = np.where(labels[:, None], _gains(said, near), _gains(said, wide))
    chances = _chances(gains)
    rows, columns = linear_sum_assignment(np.maximum(gains, 0), maximize=True)
    given = {
        int(row): int(column) for row, column in zip(rows, columns, strict=True) if gains[row, column] > 0
    }
    links = [
        _link(name, given.get(row), said[row], near if own else wide, chances[row], labels=own)
        for row, (name, own) in enumerate(zip(names, labels.tolist(), strict=True))
    ]
    return tuple(sorted(links, key=lambda link: (-link.sureness, -link.said, link.name)))


def _said(names: list[str], found: Sequence[Mention], count: int) -> tuple[Counts, NDArray[np.bool_]]:
    """names x captions of 0 and 1, and for which names only labels count."""
    place = {name: row for row, name in enumerate(names)}
    both = np.zeros((2, len(names), count))
    for mention in found:
        both[int(mention.kind == "word"), place[mention.name], mention.caption] = 1
    # A label says that the person speaks, a word as often that somebody else does.
    labels = both[0].sum(axis=1) >= MIN_TOGETHER
    labels &= both[0].any(axis=0).mean() >= LABELLED
    return np.where(labels[:, None], both[0], both.max(axis=0)), labels


def _all_seen(
    groups: Sequence[Spans], captions: Sequence[Caption], shift_s: float, window_s: float
) -> Counts:
    """groups x captions of 0 and 1."""
    seen = [_seen(spans, captions, shift_s, window_s) for spans in groups]
    return np.array(seen, np.float64).reshape(len(groups), len(captions))


def _seen(spans: Spans, captions: Sequence[Caption], shift_s: float, window_s: float) -> Counts:
    """For each caption 1 where the group is seen for a good part of it."""
    times = np.array([(caption.start, caption.end) for caption in captions], np.float64).reshape(-1, 2)
    times += shift_s
    wider = np.maximum(window_s - (times[:, 1] - times[:, 0]), 0) / 2
    first, last = times[:, 0] - wider, times[:, 1] + wider
    ends = _union(spans)
    if not len(ends):
        return np.zeros(len(times))
    total = np.concatenate([[0.0], np.cumsum(ends[:, 1] - ends[:, 0])])
    knots = ends.ravel()
    heights = np.stack([total[:-1], total[1:]], axis=1).ravel()
    covered = np.interp(last, knots, heights) - np.interp(first, knots, heights)
    return np.asarray(covered >= _SEEN * (last - first), np.float64)


def _union(spans: Spans) -> Counts:
    """Spans joined where they overlap, by time."""
    joined: list[list[float]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return np.array(joined, np.float64).reshape(-1, 2)


def _gains(said: Counts, seen: Counts) -> Counts:
    """names x groups: log of the Bayes factor of "the name is the group's" against "it is not"."""
    if not len(seen):
        return np.zeros((len(said), 0))
    worth = _worth(said, seen)
    n = said.sum(axis=1)[:, None]
    k = said @ seen.T
    elsewhere = (seen.sum(axis=1)[None] - k) * worth
    # Laplace's rule of succession.
    base = (elsewhere + 1) / ((said.shape[1] - n) * worth + 2)
    k, n = k * worth, n * worth
    # The rate with the group's own name lies anywhere between `base` and 1: a cut-off beta-binomial.
    own = np.log(np.maximum(betainc(n - k + 1, k + 1, 1 - base), 1e-300))
    own -= np.log(n + 1) + np.log1p(-base)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    other = ways + k * np.log(base) + (n - k) * np.log1p(-base)
    return np.asarray(own - other, np.float64)


def _worth(said: Counts, seen: Counts) -> Counts:
    """names x groups in (0, 1]: how much a caption counts, since its neighbours are alike."""
    product = np.maximum(np.outer(_sameness(said), _sameness(seen)), 0)
    return np.asarray((1 - product) / (1 + product), np.float64)


def _sameness(rows: Counts) -> Counts:
    """Correlation of each row with itself one caption later."""
    if rows.shape[1] < 3:
        return np.zeros(len(rows))
    less = rows - rows.mean(axis=1, keepdims=True)
    spread = np.maximum((less**2).sum(axis=1), 1e-9)
    same: Counts = (less[:, 1:] * less[:, :-1]).sum(axis=1) / spread
    return np.clip(same, -0.99, 0.99)


def _chances(gains: Counts) -> Counts:
    """names x groups: the smaller of the chances among all groups and among all names."""
    if not gains.size:
        return gains
    return np.minimum(_posterior(gains), _posterior(gains.T).T)


def _posterior(gains: Counts) -> Counts:
    weights = gains + np.log((1 - _NOBODY) / gains.shape[1])
    top = np.maximum(weights.max(axis=1, keepdims=True), np.log(_NOBODY))
    shares = np.exp(weights - top)
    return np.asarray(
        shares / (shares.sum(axis=1, keepdims=True) + np.exp(np.log(_NOBODY) - top)), np.float64
    )


def _link(name: str, group: int | None, said: Counts, seen: Counts, chances: Counts, *, labels: bool) -> Link:
    count, n = len(said), int(said.sum())
    if group is None:
        return Link(name, None, labels, n, 0, 0, count, float("nan"), 1.0, 0.0, sure=False)
    there, k = int(seen[group].sum()), int(said @ seen[group])
    chance = float(chances[group])
    return Link(
        name=name,
        group=group,
        labels=labels,
        said=n,
        seen=there,
        together=k,
        captions=count,
        pmi=float(np.log2(k * count / (n * there))) if k else float("-inf"),
        p=_fisher(k, n, there, count),
        sureness=chance,
        sure=chance >= SURE and k >= (MIN_TOGETHER if labels else MIN_SCENES),
    )


def _fisher(together: int, said: int, seen: int, count: int) -> float:
    """Chance of so many or more together, of `seen` among `count` drawn `said` times."""
    k = np.arange(together, min(said, seen) + 1)
    logs = _ways(seen, k) + _ways(count - seen, said - k) - _ways(count, np.array(said))
    return float(min(1.0, np.exp(logs[said - k <= count - seen]).sum()))


def _ways(n: int, k: NDArray[np.int64]) -> Counts:
    """Log of n over k."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1), np.float64)
