"""Device: where a node runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from vidface.data.card import Card


class SharedSessions(Protocol):
    """Where one camera's nodes get model sessions that the nodes of other cameras use as well."""

    def lease(self, key: Hashable, device: Device, make: Callable[[], Any], *, threads: int = 1) -> Any:
        """A stand-in for the session that `make` opens, or opened before for the same key.

        It has the `run`, `get_inputs`, `get_outputs` and `get_providers` of an ONNX Runtime session, and
        `close`; the session goes when the last stand-in is closed. `threads` are those of one run.
        """


@dataclass(frozen=True, slots=True)
class Device:
    """A place to compute.

    Attributes:
        kind: "cpu" or "cuda".
        index: which card; 0 on the CPU.
        reason: why this one was chosen, a plain sentence for reports.
        pool: shares model sessions with other runs of this process; None where each opens its own.
            How calls are grouped then depends on the moment, and results on that by rounding.
        engine: what runs models on a card: ONNX Runtime's CUDA kernels, or TensorRT before them.
        card: where pictures of this run lie on that device; None where they lie in host memory.
    """

    kind: Literal["cpu", "cuda"] = "cpu"
    index: int = 0
    reason: str = "asked for"
    pool: SharedSessions | None = field(default=None, compare=False, repr=False)
    card: Card | None = field(default=None, compare=False, repr=False)
    engine: Literal["cuda", "tensorrt"] = "cuda"

    def __str__(self) -> str:
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"
