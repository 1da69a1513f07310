"""Voice: sentences about one camera; what is said over and over is said once in a while."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_AGAIN_S: Final = 3600.0
_IN_TURN: Final = 6
"""Times in `_AGAIN_S` that a sentence may be said where others come between."""
_KINDS: Final = 64
"""Sentences that are remembered."""
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")


@dataclass(slots=True)
class _Kind:
    """A sentence but for its numbers: when it was said of late, and how often it was left out since."""

    times: list[float] = field(default_factory=list)
    held: int = 0


class Voice:
    """Says sentences with the camera's name before them; safe from any thread.

    A camera that is away for a week is tried ten thousand times: the same sentence, but for its numbers, is
    said once an hour, with how often it was left out. One with a loose cable is lost and back by turns: each
    of these sentences is said six times an hour.
    """

    def __init__(self, name: str, tell: Callable[[str], None], *, again_s: float = _AGAIN_S) -> None:
        self._name = name
        self._tell = tell
        self._again_s = again_s
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}
        self._last = ""

    def say(self, text: str) -> None:
        """Say it, unless it was just said."""
        with self._lock:
            held = self._counted(_NUMBER.sub("#", text), time.monotonic())
        if held is not None:
            often = f" ({held} times more since)" if held else ""
            self._tell(f"{self._name}: {text}{often}")

    def _counted(self, name: str, now: float) -> int | None:
        """How often it was left out before it is said now; None where it is left out."""
        kind = self._kinds.pop(name, None) or _Kind()
        self._kinds[name] = kind  # the last one is the youngest
        if len(self._kinds) > _KINDS:
            del self._kinds[next(iter(self._kinds))]
        kind.times = [at for at in kind.times if now - at < self._again_s]
        in_turn, self._last = name != self._last, name
        if len(kind.times) >= (_IN_TURN if in_turn else 1):
            kind.held += 1
            return None
        kind.times.append(now)
        held, kind.held = kind.held, 0
        return held
