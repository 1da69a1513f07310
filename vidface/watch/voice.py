"""Voice: sentences about one camera; what is said over and over is said once in a while."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Final

_AGAIN_S: Final = 3600.0
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")


class Voice:
    """Says sentences with the camera's name before them; safe from any thread.

    A camera that is away for a week is tried ten thousand times: the same sentence, but for its numbers, is
    said once an hour, with how often it was left out.
    """

    def __init__(self, name: str, tell: Callable[[str], None], *, again_s: float = _AGAIN_S) -> None:
        self._name = name
        self._tell = tell
        self._again_s = again_s
        self._lock = threading.Lock()
        self._last: tuple[str, float] | None = None
        self._held = 0

    def say(self, text: str) -> None:
        """Say it, unless it was just said."""
        kind, now = _NUMBER.sub("#", text), time.monotonic()
        with self._lock:
            if self._last is not None and self._last[0] == kind and now - self._last[1] < self._again_s:
                self._held += 1
                return
            held, self._held = self._held, 0
            same = self._last is not None and self._last[0] == kind
            self._last = kind, now
        often = f" ({held} times more since)" if same and held else ""
        self._tell(f"{self._name}: {text}{often}")
