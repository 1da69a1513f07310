"""Server: the live page at an address, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from vidface.errors import OutputError, UsageError
from vidface.web._door import MORE, OTHERS, Door
from vidface.web.board import Board
from vidface.web.settings import HttpSettings, Place

if TYPE_CHECKING:
    from vidface.web.service import Service

STUCK_S: Final = 20
"""A reader that takes nothing for so long is cut off by the system, whatever is still to be sent to it."""
_SENT_AHEAD: Final = 256 * 1024
_BACKLOG: Final = 64
_START_S: Final = 20.0
_END_S: Final = 10.0


def _silent(_text: str) -> None:
    """Nobody is told."""


class Server:
    """Serves a board's page from `start` to `stop`; a context manager.

    Args:
        board: who watches the cameras.
        settings: the `http:` part of cameras.yaml.
        environment: where the token stands.
        tell: is told of errors of the page itself, and at once of what anybody on the way could read.

    Raises:
        UsageError: the page's libraries are missing; everybody in the network could see it; the token is too
            short; the address is not this machine's, or taken; the certificate cannot be read.
    """

    def __init__(
        self,
        board: Board,
        settings: HttpSettings,
        *,
        environment: Mapping[str, str] = os.environ,
        tell: Callable[[str], None] = _silent,
    ) -> None:
        self._settings, self._tell = settings, tell
        self._place = settings.place(environment)
        self._service = _service(board, settings, self._place, tell)
        if self._place.open_air and settings.certificate is None:
            tell(
                f"the live page at {settings.address}: its token, names and faces travel there unencrypted; "
                "certificate and key at http: in cameras.yaml mend that."
            )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is served; with the port that was found where 0 was asked for."""
        port = self._place.port if self._socket is None else self._socket.getsockname()[1]
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        return f"{'http' if self._settings.certificate is None else 'https'}://{host}:{port}"

    def start(self) -> None:
        """Listen, and return once requests are answered."""
        self._socket = _listening(self._place, self._settings.viewers + OTHERS + MORE)
        self._thread = threading.Thread(
            target=self._service.run, args=([self._socket],), name="page", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + _START_S
        while not self._service.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise UsageError(f"the live page at {self.url} did not start")
            time.sleep(0.02)

    def renew(self) -> None:
        """Read the certificate again, which somebody has renewed; one that cannot be used is told."""
        try:
            if self._service.renew():
                self._tell(f"the certificate {self._settings.certificate} of the live page was read again")
        except UsageError as error:
            self._tell(f"{error}; the one before stays")

    def stop(self) -> None:
        """End all streams and let go of the address; safe to call twice."""
        if self._thread is not None:
            self._service.should_exit = True
            self._thread.join(_END_S)
            self._thread = None
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _service(board: Board, settings: HttpSettings, place: Place, tell: Callable[[str], None]) -> Service:
    try:
        from vidface.web.service import Service
    except ImportError as error:
        raise UsageError(
            f"the live page needs the package {error.name}, which is not installed: "
            'pip install "vidface[web]", or leave http: out of cameras.yaml'
        ) from error
    return Service(board, settings, place, tell)


def _listening(place: Place, most: int) -> Door:
    """A socket of so many connections, which hold little for slow readers and end with stuck ones."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = Door(family, kind, number)
        made.most = most
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * STUCK_S)
            made.bind(address)
            made.listen(_BACKLOG)
        except OSError:
            made.close()
            raise
    except OSError as error:  # an address may come later, as at boot: it is tried again, by systemd
        raise OutputError(
            f"the live page cannot be served at {place.host}:{place.port}: {error.strerror or error}. Choose "
            "another address at http: in cameras.yaml, or end what is served there"
        ) from error
    return made
