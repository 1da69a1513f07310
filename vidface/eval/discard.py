"""Error versus discard: what a quality measure is worth (Grother and Tabassi 2007).

The pairs of lowest quality are taken away, a pair being as good as its worse picture. The error is
FNMR = 1 - TAR at a FAR, its threshold found anew on what is left; the area under that curve sums it up. A
good measure makes it fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.eval.verify import Pairs, measurable, roc, tar_at_far

Array = NDArray[np.float64]

DISCARDS: Final = tuple(step / 20 for step in range(11))
"""Shares of pairs to take away: 0 to one half by twentieths."""


@dataclass(frozen=True, slots=True, eq=False)
class DiscardCurve:
    """Error versus discard.

    Attributes:
        far: at which the threshold is set at each step.
        discarded: k shares of pairs that were taken away; pairs of equal quality go together.
        fnmr: k, NaN where too few impostor pairs are left.
        area: under the curve by trapezoids, from 0 to `reach`; NaN where there is no such stretch.
        reach: last share with an error before the first without one.
    """

    far: float
    discarded: Array
    fnmr: Array
    area: float
    reach: float


def error_versus_discard(
    pairs: Pairs, quality: Any, *, far: float = 1e-2, discards: Sequence[float] = DISCARDS
) -> DiscardCurve:
    """FNMR at a FAR while the pairs of lowest quality go.

    Args:
        quality: n, or n x 2 of both pictures; the pair has the lower one. NaN is below every number.
        discards: rising shares to take away, at most; pairs of equal quality go or stay together.
    """
    worth = np.asarray(quality, np.float64).reshape(len(pairs), -1)
    lower = np.where(np.isnan(worth), -np.inf, worth).min(axis=1)
    ordered = np.sort(lower)
    kept_at: list[int] = []
    errors: list[float] = []
    for share in discards:
        limit = ordered[min(int(share * len(pairs) + 1e-9), len(pairs) - 1)]
        left = pairs.pick(lower >= limit)
        kept_at.append(len(left))
        enough = measurable(left.impostor, far) and left.genuine
        errors.append(1 - tar_at_far(roc(left), far) if enough else float("nan"))
    gone, fnmr = 1 - np.array(kept_at) / len(pairs), np.array(errors)
    known = np.isfinite(fnmr)
    last = int(np.argmin(known)) if not known.all() else len(known)
    reach = float(gone[last - 1]) if last else float("nan")
    area = float(np.trapezoid(fnmr[:last], gone[:last])) if last and reach > 0 else float("nan")
    return DiscardCurve(far, gone, fnmr, area, reach)
