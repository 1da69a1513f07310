"""Condemned: which of a camera's segments have to go, the oldest first."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Final

_IDLE_S: Final = 3600.0
"""What is being written is written to far more often than this."""


def condemned(
    files: Mapping[str, tuple[int, float]],
    indexed: Callable[[], list[str]],
    keep: tuple[float | None, float | None],
    now: float,
) -> list[tuple[str, int, str]]:
    """What is too old, and the oldest of what is too much.

    Args:
        files: name -> bytes and time of the last change.
        indexed: names in the order in which they were recorded. An index of weeks takes long to read, and
            most of the time nothing has to go for its size: it is asked only then.
        keep: hours and 10^9 bytes; None for no bound.
        now: the time by which they are old.

    Returns:
        Name, bytes and why, for each.
    """
    keep_h, keep_gb = keep
    rest = dict(files)
    found = []
    if keep_h is not None:
        for name in sorted(files, key=lambda name: (files[name][1], name)):
            size, written = files[name]
            if now - written > keep_h * 3600:
                found.append((name, size, f"older than {keep_h:g} h"))
                del rest[name]
    much = 0.0 if keep_gb is None else sum(size for size, _ in rest.values()) - keep_gb * 1e9
    if much > 0:
        for name in _oldest_first(rest, indexed()):
            if much <= 0:
                break
            much -= rest[name][0]
            found.append((name, rest[name][0], f"more than {keep_gb:g} GB in all"))
    return found


def _oldest_first(files: Mapping[str, tuple[int, float]], indexed: list[str]) -> list[str]:
    """As they were recorded: clocks are set back, so neither names nor times of files say which came first.

    What is not in the index is being written and stays; or it was cut off, or is damaged. Then it goes before
    what is in the index and was written later, and never after the newest of that.
    """
    now = time.time()  # as of the times of files, which are written at present
    rows = [name for name in dict.fromkeys(indexed) if name in files]
    # Of each row and those after it, the earliest change: where a clock was set back, that counts.
    earliest = list(accumulate((files[name][1] for name in reversed(rows)), min))[::-1]
    places: dict[str, tuple[int, float]] = {name: (2 * place + 1, 0.0) for place, name in enumerate(rows)}
    for name, (_, written) in files.items():
        if name not in places and abs(now - written) > _IDLE_S:
            before = min(bisect_right(earliest, written), max(0, len(rows) - 1))
            places[name] = 2 * before, written
    return sorted(places, key=lambda name: (places[name], name))
