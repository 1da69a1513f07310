"""Retry: how often, and after how long, a camera is tried again."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass, field

from vidface.errors import UsageError

FIRST_S, LONGEST_S = 1.0, 60.0
_KNOCK_S = 1.0
_SILENT_S = 2.0


def retry_limit(text: str) -> int | None:
    """`never` -> 0, `5` -> 5, `forever` -> None.

    Raises:
        UsageError: none of these.
    """
    if text == "forever":
        return None
    if text == "never":
        return 0
    if not text.isdecimal():
        raise UsageError(f"--retry wants never, a number or forever, but got {text!r}")
    return int(text)


@dataclass(slots=True)
class Backoff:
    """Waits that double from 1 to 60 s, each shortened by up to a half at random.

    The jitter keeps cameras that went together from being called back together.

    Attributes:
        limit: tries in a row; None for no limit.
        tries: made so far without success.
        dice: seeded in tests.
    """

    limit: int | None = None
    first_s: float = FIRST_S
    tries: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def next(self, kind: str = "lost") -> float | None:
        """Seconds to wait before the next try; None where that was the last one.

        Args:
            kind: of trouble. After a wrong password ("password") the wait is the longest at once, since
                cameras answer tries with a locked account. A camera that does not answer at all ("silent")
                is called again within 2 s: the call itself waits, and a camera that wakes up answers it.
        """
        if self.limit is not None and self.tries >= self.limit:
            return None
        self.tries += 1
        longest = _SILENT_S if kind == "silent" else LONGEST_S
        whole = longest if kind == "password" else min(longest, self.first_s * 2 ** min(self.tries - 1, 16))
        return whole * self.dice.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """It was there for a while: count from the beginning."""
        self.tries = 0


def knock(door: tuple[str, int]) -> bool:
    """Somebody listens at this host and port; waits a second at most."""
    try:
        with socket.create_connection(door, timeout=_KNOCK_S):
            return True
    except OSError:
        return False
