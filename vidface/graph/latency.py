"""Latency: how long frames took from their arrival to the last sink, in a few numbers."""

from __future__ import annotations

from math import log
from time import monotonic
from typing import Any

from vidface.data.frame import Frame

_PER_MS = 1.02  # each bin is 2 % wider than the one before
_FIRST_MS = 0.1
_BINS = 1024


class Latency:
    """A histogram with bins in proportion: quantiles are right to 2 %, however long it runs.

    `add` belongs to one thread.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.most_ms = 0.0
        self._bins = [0] * _BINS

    def add(self, frame: Frame) -> None:
        """A frame is done; frames that never arrived (files) do not count."""
        if frame.arrival is None:
            return
        ms = 1000 * (monotonic() - frame.arrival)
        self.frames += 1
        self.most_ms = max(self.most_ms, ms)
        self._bins[_bin(ms)] += 1

    def quantile_ms(self, share: float) -> float:
        """Milliseconds within which this share of the frames was done."""
        wanted = share * self.frames
        below = 0
        for place, count in enumerate(self._bins):
            below += count
            if below >= wanted and count:
                return min(self.most_ms, _FIRST_MS * float(_PER_MS ** (place + 0.5)))
        return self.most_ms

    def to_json(self) -> dict[str, Any] | None:
        """Plain values for run.json; None where nothing was live."""
        if not self.frames:
            return None
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        named = {name: round(self.quantile_ms(share), 1) for name, share in shares.items()}
        return {"frames": self.frames, **named, "max": round(self.most_ms, 1)}

    def line(self) -> str | None:
        """One line for the table."""
        facts = self.to_json()
        if facts is None:
            return None
        return (
            f"latency from arrival to the last output: {facts['p50']:.0f} ms (half of the frames), "
            f"{facts['p95']:.0f} ms (95 %), {facts['p99']:.0f} ms (99 %), {facts['max']:.0f} ms at most"
        )


def _bin(ms: float) -> int:
    if ms <= _FIRST_MS:
        return 0
    return min(_BINS - 1, int(log(ms / _FIRST_MS) / log(_PER_MS)))
