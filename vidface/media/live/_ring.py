"""Ring: the newest seconds of a camera, by whole groups of pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vidface.media.live.wire import Coded, Heard, Opened

_MOST_BYTES: Final = 64 * 2**20


@dataclass(slots=True)
class Group:
    """A key frame and what follows up to the next, with the headers that it needs."""

    opened: Opened
    packets: list[Coded | Heard]
    bytes: int = 0


class Ring:
    """The seconds before now, by whole groups, of 64 MiB at most.

    Args:
        before_s: how many are wished for.
        tell: is told once, in a sentence, that memory has room for fewer.

    Attributes:
        held_s: how many are held.
    """

    def __init__(self, before_s: float, tell: Callable[[str], None]) -> None:
        self.held_s = 0.0
        self._before_s, self._tell = before_s, tell
        self._told = False
        self._groups: deque[Group] = deque()
        self._bytes = 0

    def add(self, opened: Opened, packet: Coded | Heard, *, begins: bool) -> None:
        """The next packet; `begins` a group. Without a group to belong to it is left out."""
        if begins:
            self._groups.append(Group(opened, []))
        if self._groups:
            self._groups[-1].packets.append(packet)
            self._groups[-1].bytes += len(packet.data)
            self._bytes += len(packet.data)

    def forget(self, now: float, *, last: bool) -> None:
        """Leave out whole groups that end too long before this, and what memory has no room for.

        Args:
            last: the last group may go by its time as well; what still comes could not be decoded without it.
        """
        least, full = 0 if last else 1, False
        while self._bytes > _MOST_BYTES or (len(self._groups) > least and self._end() < now - self._before_s):
            full = full or self._bytes > _MOST_BYTES
            self._bytes -= self._groups.popleft().bytes
        self.held_s = now - self._groups[0].packets[0].arrival if self._groups else 0.0
        if full and self.held_s < self._before_s and not self._told:
            self._told = True
            self._tell(
                f"of the {self._before_s:g} s before an event {self.held_s:.0f} s are kept: it sends more "
                f"than {_MOST_BYTES // 2**20} MiB in that time; lower before_s or the camera's bit rate."
            )

    def take(self) -> deque[Group]:
        """All that is held, which it holds no more."""
        groups, self._groups = self._groups, deque()
        self._bytes, self.held_s = 0, 0.0
        return groups

    def _end(self) -> float:
        return self._groups[0].packets[-1].arrival
