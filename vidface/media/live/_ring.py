"""Ring: the newest seconds of a camera, by whole groups of pictures."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from vidface.media.live.wire import Coded, Heard, Opened

_MOST_BYTES: Final = 64 * 2**20


@dataclass(slots=True)
class Group:
    """A key frame and what follows up to the next, with the headers that it needs."""

    opened: Opened
    packets: list[Coded | Heard]
    bytes: int = 0


@dataclass(slots=True)
class Ring:
    """The seconds before now, by whole groups."""

    groups: deque[Group] = field(default_factory=deque)
    bytes: int = 0

    def add(self, opened: Opened, packet: Coded | Heard, *, begins: bool) -> None:
        """The next packet; `begins` a group. Without a group to belong to it is left out."""
        if begins:
            self.groups.append(Group(opened, []))
        if self.groups:
            self.groups[-1].packets.append(packet)
            self.groups[-1].bytes += len(packet.data)
            self.bytes += len(packet.data)

    def forget(self, before: float, *, last: bool) -> None:
        """Leave out whole groups that end before a time of arrival, and what memory has no room for.

        Args:
            last: the last group may go by its time as well; what still comes could not be decoded without it.
        """
        least = 0 if last else 1
        while self.bytes > _MOST_BYTES or (len(self.groups) > least and self._end() < before):
            self.bytes -= self.groups.popleft().bytes

    def _end(self) -> float:
        return self.groups[0].packets[-1].arrival
