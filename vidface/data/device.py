"""Device: where a node runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Device:
    """A place to compute.

    Attributes:
        kind: "cpu" or "cuda".
        index: which card; 0 on the CPU.
        reason: why this one was chosen, a plain sentence for reports.
    """

    kind: Literal["cpu", "cuda"] = "cpu"
    index: int = 0
    reason: str = "asked for"

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"
