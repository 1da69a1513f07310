"""Tick: all values of one frame, as they leave the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vidface.data.frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Tick(Mapping[str, Any]):
    """One frame and what the graph says of it.

    `tick["faces"]` is the value of the output `faces`; the edges that outputs are wired to go by
    their own names as well (`tick["track"]`).
    """

    frame: Frame
    outputs: Mapping[str, Any]

    @property
    def index(self) -> int:
        """Index of the frame."""
        return self.frame.index

    @property
    def time(self) -> Fraction:
        """Seconds, exact."""
        return self.frame.time

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)
