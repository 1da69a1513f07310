"""Service: the app on uvicorn. Needs the extra `web`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from vidface.errors import UsageError
from vidface.web._caller import Caller
from vidface.web._door import EXHAUSTED, OTHERS
from vidface.web.app import AppOptions, PageApp, make_app
from vidface.web.board import Board
from vidface.web.settings import HttpSettings, Place

_BACKLOG: Final = 64
_IDLE_S: Final = 15
_END_S: Final = 3
_TICK_S: Final = 0.05
_TICKS: Final = 15


class Service(uvicorn.Server):
    """Ends promptly: streams are asked to end, and readers that take nothing are cut off.

    Raises:
        UsageError: the certificate cannot be read.
    """

    def __init__(
        self, board: Board, settings: HttpSettings, place: Place, tell: Callable[[str], None]
    ) -> None:
        hosts = {*settings.hosts, place.host}
        options = AppOptions(hosts, settings.rate, settings.quality, settings.viewers, tell)
        app = make_app(board, place.token, options)
        self.site = app.site
        self._tell, self._told = tell, False
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        super().__init__(_config(app, settings))

    def renew(self) -> bool:
        """Read the certificate and its key again, for whoever calls from now on; False where there is none.

        May be called from any thread.

        Raises:
            UsageError: they cannot be used; those before stay in force.
        """
        settings, context = self._settings, self.config.ssl
        if settings.certificate is None or context is None or self._loop is None:
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(settings, error) from error
        # Between two handshakes, and not within one.
        self._loop.call_soon_threadsafe(self._take, context)
        return True

    def _take(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(str(self._settings.certificate), self._settings.key)
        except (OSError, ssl.SSLError) as error:  # it was sound a moment ago
            self._tell(str(_unusable(self._settings, error)))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._trouble)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn, once it is told to end."""
        self.site.projector.close()
        for _ in range(_TICKS):
            if not self.server_state.tasks:
                break
            await asyncio.sleep(_TICK_S)
        for connection in tuple(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)

    def _trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio has to say; that nothing more can be opened, each second, is told once."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in EXHAUSTED:
            loop.default_exception_handler(context)
        elif not self._told:
            self._told = True
            reason = (error.strerror or str(error)).lower()
            self._tell(f"the live page answers nobody new ({reason}); it is tried again each second.")


def _config(app: PageApp, settings: HttpSettings) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=Caller,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=settings.viewers + OTHERS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_END_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise _unusable(settings, error) from error
    return config


def _unusable(settings: HttpSettings, error: OSError) -> UsageError:
    return UsageError(
        f"the certificate {settings.certificate} with its key {settings.key} cannot be used: {error}"
    )
