"""Bootstrap intervals: how far a figure would move if other people had been measured.

Pictures of one person are not independent, so whole persons are drawn with replacement (the subsets
bootstrap of Bolle, Ratha and Pankanti 2004, "An evaluation of error confidence interval estimation
methods"); without persons, rows are drawn. A row that stands between two persons weighs as often as both
were drawn together, the product of their counts.

Where all draws give one value (nobody was ever wrong, say), or so many that both ends are that value, they
tell nothing of how far it would move with other people: there is no interval then. A plain proportion of 0
or 1 has an exact one, see `proportion`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES: Final = 1000
_TAILS: Final = (2.5, 97.5)
_SAME: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value with its 95 % interval; NaN where not measurable.

    Attributes:
        value: of all rows.
        low, high: 2.5 and 97.5 % of the values over the resamples; NaN where both are the same.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @property
    def measurable(self) -> bool:
        """There is a value."""
        return bool(np.isfinite(self.value))

    def row(self) -> dict[str, float]:
        """As a plain dict."""
        return {"value": self.value, "low": self.low, "high": self.high}


def units_of(persons: Any, count: int) -> NDArray[np.int64]:
    """Names -> numbers of what is drawn: n x 1 or n x 2.

    Args:
        persons: n names, n x 2 names (both sides of a pair), or None: every row is drawn by itself.
        count: n. A name that is None or empty stands for a person of its own.

    Raises:
        ValueError: another number of rows.
    """
    if persons is None:
        return np.arange(count)[:, None]
    names = np.asarray(persons, object)
    table = names.reshape(len(names), -1) if names.size else names.reshape(0, 1)
    if len(table) != count or table.shape[1] > 2:
        raise ValueError(f"wanted one or two persons for each of {count} rows, but got {names.shape}")
    keys = [
        ("", place) if name is None or name == "" else (str(name), -1)
        for place, name in enumerate(table.ravel().tolist())
    ]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64).reshape(table.shape)


def bootstrap(
    statistic: Callable[[Array], Sequence[float]],
    units: NDArray[np.int64],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Array:
    """95 % intervals by the percentile bootstrap.

    Args:
        statistic: weights of the n rows (0, 1, 2 ...) -> k figures; NaN where the draw has nothing to
            measure, such draws are left out of that figure's interval.
        units: n x 1 or n x 2, see `units_of`.
        resamples: draws; 0 gives NaN intervals.
        seed: of the draws; the same seed gives the same interval.

    Returns:
        k x 2: low, high; NaN where more than half of the draws had nothing to measure, and where both
        would be the same value.
    """
    rng = np.random.default_rng(seed)
    many = int(units.max()) + 1 if units.size else 0
    base = np.asarray(statistic(np.ones(len(units))), np.float64)
    if resamples < 1 or many < 2:
        return np.full((len(base), 2), np.nan)
    drawn = [statistic(_weights(units, rng, many)) for _ in range(resamples)]
    values = np.asarray(drawn, np.float64).reshape(resamples, len(base))
    return np.array([_interval(column) for column in values.T]).reshape(-1, 2)


def figures(
    statistic: Callable[[Array], Sequence[float]],
    units: NDArray[np.int64],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Figure]:
    """The k figures of all rows, each with its interval; arguments as for `bootstrap`."""
    values = statistic(np.ones(len(units)))
    spans = bootstrap(statistic, units, resamples=resamples, seed=seed)
    return [
        Figure(float(value), float(low), float(high)) if np.isfinite(value) else Figure(float("nan"))
        for value, (low, high) in zip(values, spans, strict=True)
    ]


def proportion(figure: Figure, count: int) -> Figure:
    """A share of 0 or 1 with the exact interval of Clopper and Pearson (1934); any other as it is.

    Args:
        figure: a share of rows. count: independent trials behind it, such as distinct persons.
    """
    if count < 1 or figure.value not in (0.0, 1.0):
        return figure
    reach = (_TAILS[0] / 100) ** (1 / count)
    return Figure(0.0, 0.0, 1 - reach) if figure.value == 0 else Figure(1.0, reach, 1.0)


def _weights(units: NDArray[np.int64], rng: np.random.Generator, many: int) -> Array:
    counts = np.bincount(rng.integers(0, many, many), minlength=many).astype(np.float64)
    weights = counts[units[:, 0]]
    if units.shape[1] == 2:
        apart = units[:, 0] != units[:, 1]
        weights[apart] *= counts[units[apart, 1]]
    return weights


def _interval(values: Array) -> Array:
    known = values[np.isfinite(values)]
    if 2 * len(known) < len(values):
        return np.full(2, np.nan)
    ends = np.asarray(np.percentile(known, _TAILS))
    # The tolerance is that of sums in another order.
    return ends if np.ptp(ends) > _SAME else np.full(2, np.nan)
