"""Door: the socket of the live page, which lets so many in at a time and no more."""

from __future__ import annotations

import errno
import socket
import time
from typing import Final
from weakref import WeakSet

OTHERS: Final = 64
"""Connections beside the streams of viewers; beyond them requests are answered with 503."""
MORE: Final = 16
"""Connections beyond those, so that somebody is there to be told."""
SHUT_S: Final = 0.9
"""asyncio looks again a second after it was told that nothing more can be opened; it asks on until then."""
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Nothing more can be opened, whoever asks."""


class Door(socket.socket):
    """A listening socket whose connections do not use up what the program may open.

    Attributes:
        most: connections at a time, those included that have not said a word, nor shaken hands for TLS. More
            are closed at once.
    """

    most = 128
    _inside: WeakSet[socket.socket]
    _shut_until = 0.0

    def __init__(self, family: int = -1, kind: int = -1, number: int = -1) -> None:
        super().__init__(family, kind, number)
        self._inside = WeakSet()

    def accept(self) -> tuple[socket.socket, object]:
        """The next caller.

        Raises:
            BlockingIOError: there is none, for now.
            ConnectionAbortedError: there are too many, and this one was sent away.
            OSError: nothing more can be opened; said once in `SHUT_S`, however often it is asked.
        """
        if time.monotonic() < self._shut_until:
            raise BlockingIOError
        try:
            caller, address = super().accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._shut_until = time.monotonic() + SHUT_S
            raise
        if sum(one.fileno() >= 0 for one in self._inside) >= self.most:
            caller.close()
            raise ConnectionAbortedError
        self._inside.add(caller)
        return caller, address
