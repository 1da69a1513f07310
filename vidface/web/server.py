"""Server: the live page at an address, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from vidface.errors import UsageError
from vidface.web.board import Board
from vidface.web.settings import HttpSettings, Place

if TYPE_CHECKING:
    import uvicorn

STUCK_S: Final = 20
"""A reader that takes nothing for so long is cut off by the system, whatever is still to be sent to it."""
_SENT_AHEAD: Final = 256 * 1024
_BACKLOG: Final = 64
_OTHERS: Final = 64
_IDLE_S: Final = 15
_START_S: Final = 20.0
_END_S: Final = 3


def _silent(_text: str) -> None:
    """Nobody is told."""


class Server:
    """Serves a board's page from `start` to `stop`; a context manager.

    Args:
        board: who watches the cameras.
        settings: the `http:` part of cameras.yaml.
        environment: where the token stands.
        tell: is told of errors of the page itself, in sentences.

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
        self._settings = settings
        self._place = settings.place(environment)
        self._app, self._server = _made(board, settings, self._place, tell)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is served; with the port that was found where 0 was asked for."""
        port = self._place.port if self._socket is None else self._socket.getsockname()[1]
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        return f"{'http' if self._settings.certificate is None else 'https'}://{host}:{port}"

    @property
    def app(self) -> Any:
        """The ASGI app."""
        return self._app

    def start(self) -> None:
        """Listen, and return once requests are answered."""
        self._socket = _listening(self._place)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="page", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise UsageError(f"the live page at {self.url} did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """End all streams and let go of the address; safe to call twice."""
        if self._thread is not None:
            self._app.state.site.end_streams()
            self._server.should_exit = True
            self._thread.join(_END_S + 5)
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


def _made(
    board: Board, settings: HttpSettings, place: Place, tell: Callable[[str], None]
) -> tuple[Any, uvicorn.Server]:
    try:
        import uvicorn

        from vidface.web.app import AppOptions, make_app
    except ImportError as error:
        raise UsageError(
            f"the live page needs the package {error.name}, which is not installed: "
            'pip install "vidface[web]", or leave http: out of cameras.yaml'
        ) from error
    hosts = {*settings.hosts, place.host}
    options = AppOptions(hosts, settings.rate, settings.quality, settings.viewers, tell)
    app = make_app(board, place.token, options)
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.viewers + _OTHERS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_END_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificate {settings.certificate} with its key {settings.key} cannot be used: {error}"
        ) from error
    return app, uvicorn.Server(config)


def _listening(place: Place) -> socket.socket:
    """A socket whose connections hold little for readers that are slow, and end with those that are stuck."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, number)
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
    except OSError as error:
        raise UsageError(
            f"the live page cannot be served at {place.host}:{place.port}: {error.strerror or error}. Choose "
            "another address at http: in cameras.yaml, or end what is served there"
        ) from error
    return made
