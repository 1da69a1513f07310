"""Several tests of one face become one probability: a logistic sum over the tests that apply.

The score of a test is standardised and clipped, so that no single test decides whatever it says. A test that
does not apply adds nothing, neither for nor against; each test has its own offset, so that the sum is
calibrated for any set of tests (the weights are fitted with tests left out at random). The interval is of
a circular block bootstrap over time (D. Politis and J. Romano 1992): what neighbouring windows say is nearly
the same, so runs of them are drawn together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vidface.data.findingkinds import KINDS
from vidface.data.plain import plain

Array = NDArray[np.float64]

DRAWS: Final = 400
_TAILS: Final = (2.5, 97.5)
_FIELDS: Final = ("centre", "scale", "low", "high", "weight", "offset")


@dataclass(frozen=True, slots=True)
class KindWeight:
    """How one test is weighed: offset + weight * clip((score - centre) / scale, low, high).

    Attributes:
        centre, scale: in the unit of the score; scale above 0.
        low, high: where the standardised score is clipped.
        weight: log odds of a manipulation per step; 0 for a test that is shown but not weighed.
        offset: log odds at the centre.
        real: 5th, 50th and 95th percentile of the score over real clips, for people to compare with.
    """

    centre: float
    scale: float
    low: float
    high: float
    weight: float
    offset: float
    real: tuple[float, float, float] = (math.nan, math.nan, math.nan)

    def __post_init__(self) -> None:
        numbers = [getattr(self, name) for name in _FIELDS]
        if not all(math.isfinite(value) for value in numbers) or self.scale <= 0 or self.low >= self.high:
            raise ValueError(
                "a test's weight wants finite numbers, a scale above 0 and low < high, but has "
                + ", ".join(f"{name} {value}" for name, value in zip(_FIELDS, numbers, strict=True))
            )

    @property
    def weighed(self) -> bool:
        """The test has a say."""
        return self.weight != 0

    def steps(self, score: float) -> float:
        """The score in standard steps, clipped."""
        return min(self.high, max(self.low, (score - self.centre) / self.scale))


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """All weights, and what is made of their sum.

    Attributes:
        kinds: name of the test -> its weight, in the order of `KINDS`.
        bias: log odds before any test.
        authentic_at, manipulated_at: probabilities up to and from which there is an opinion.
        min_kinds, min_windows: weighed tests and windows without which there is none.
        block_s: seconds of a run of windows that is drawn together.
        facts: of the data behind it.
    """

    kinds: Mapping[str, KindWeight]
    bias: float
    authentic_at: float
    manipulated_at: float
    min_kinds: int = 2
    min_windows: int = 3
    block_s: float = 2.0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.kinds if name not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f"a fusion weighs tests out of {', '.join(KINDS)}, but has {unknown or 'none'}")
        if not 0 < self.authentic_at < self.manipulated_at < 1:
            raise ValueError(
                "thresholds must be 0 < authentic_at < manipulated_at < 1, but are "
                f"{self.authentic_at} and {self.manipulated_at}"
            )
        if not math.isfinite(self.bias) or self.min_kinds < 1 or self.min_windows < 1 or self.block_s <= 0:
            raise ValueError("bias must be finite; min_kinds, min_windows and block_s must be above 0")
        ordered = {name: self.kinds[name] for name in KINDS if name in self.kinds}
        object.__setattr__(self, "kinds", MappingProxyType(ordered))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    @classmethod
    def of(cls, raw: Any) -> Fusion:
        """From the plain values of `row`.

        Raises:
            ValueError: something is missing, or not what it should be; the sentence names it.
        """
        try:
            return cls(
                {str(name): _weight_of(cells) for name, cells in raw["kinds"].items()},
                float(raw["bias"]),
                float(raw["authentic_at"]),
                float(raw["manipulated_at"]),
                int(raw["min_kinds"]),
                int(raw["min_windows"]),
                float(raw["block_s"]),
                dict(raw.get("facts", {})),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the fusion lacks {error}") from error

    def row(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "kinds": {
                name: {key: round(getattr(one, key), 5) for key in _FIELDS}
                | {"real": [plain(value) for value in one.real]}
                for name, one in self.kinds.items()
            },
            "bias": round(self.bias, 5),
            "authentic_at": round(self.authentic_at, 4),
            "manipulated_at": round(self.manipulated_at, 4),
            "min_kinds": self.min_kinds,
            "min_windows": self.min_windows,
            "block_s": self.block_s,
            "facts": dict(self.facts),
        }

    def parts(self, steps: Mapping[str, float]) -> dict[str, float]:
        """Log odds that each weighed test adds.

        Args:
            steps: mean of `KindWeight.steps` over the windows, for each test that applies.
        """
        return {
            name: one.offset + one.weight * steps[name]
            for name, one in self.kinds.items()
            if name in steps and one.weighed
        }

    def probability(self, steps: Mapping[str, float]) -> float:
        """Of a manipulation, at even odds before; NaN where no weighed test applies."""
        parts = self.parts(steps)
        return sigmoid(self.bias + sum(parts.values())) if parts else math.nan

    def probabilities(self, sums: Array, counts: Array) -> Array:
        """n probabilities; NaN where no weighed test applies.

        Args:
            sums: n x k, of the standard steps of each test, in the order of `kinds`.
            counts: n x k, how many there are.
        """
        weights = np.array([one.weight for one in self.kinds.values()])
        offsets = np.array([one.offset for one in self.kinds.values()])
        there = (counts > 0) & (weights != 0)
        steps = sums / np.maximum(counts, 1)
        logits = self.bias + np.where(there, offsets + weights * steps, 0).sum(axis=1)
        with np.errstate(over="ignore"):
            return np.where(there.any(axis=1), 1 / (1 + np.exp(-logits)), np.nan)

    def interval(self, sums: Array, counts: Array, *, block: int, seed: int = 0) -> tuple[float, float]:
        """95 % interval of the probability of all n windows in time together.

        Args:
            sums, counts: see `probabilities`, in order of time. block: windows of a run.
            seed: of the draws.

        Returns:
            0 and 1 for fewer than two windows: nothing is known of how it wanders.
        """
        n = len(sums)
        if n < 2:
            return 0.0, 1.0
        block = max(1, min(block, n // 2))
        runs = math.ceil(n / block)
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, n, (DRAWS, runs))
        # Sums over runs that go on at the start, by differences of running sums.
        whole = np.concatenate([sums, counts], axis=1)
        running = np.concatenate([np.zeros((1, whole.shape[1])), np.cumsum(np.tile(whole, (2, 1)), axis=0)])
        drawn = (running[starts + block] - running[starts]).sum(axis=1)
        k = sums.shape[1]
        found = self.probabilities(drawn[:, :k], np.rint(drawn[:, k:]))
        found = found[np.isfinite(found)]
        if not len(found):
            return 0.0, 1.0
        low, high = np.percentile(found, _TAILS)
        return float(low), float(high)


def _weight_of(cells: Any) -> KindWeight:
    low, middle, high = (math.nan if one is None else float(one) for one in cells["real"])
    centre, scale, least, most, weight, offset = (float(cells[key]) for key in _FIELDS)
    return KindWeight(centre, scale, least, most, weight, offset, (low, middle, high))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)) without overflow."""
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    grown = math.exp(logit)
    return grown / (1 + grown)
