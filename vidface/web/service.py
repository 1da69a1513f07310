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
        super().__init__(_config(app, settings))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn."""
        asyncio.get_running_loop().set_exception_handler(self._trouble)
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
        raise UsageError(
            f"the certificate {settings.certificate} with its key {settings.key} cannot be used: {error}"
        ) from error
    return config
