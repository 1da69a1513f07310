"""Caller: one connection to the live page, which has to ask for something."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ASK_S: Final = 10.0
"""A request has come whole within so long, or its connection is closed; far longer than any browser takes."""


class Caller(H11Protocol):
    """As uvicorn's, which waits for ever for a request that does not come or stops half-way."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._forget()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Called by uvicorn whenever something came, and after each answer."""
        super().handle_events()
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._wait()
        else:
            self._forget()

    def on_response_complete(self) -> None:
        """Called by uvicorn: from here on it waits for as long as connections are kept."""
        self._forget()
        super().on_response_complete()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(ASK_S, self.transport.abort)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
