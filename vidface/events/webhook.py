"""Webhook: letters by HTTP POST, signed, one connection each; redirects and proxies are not followed."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import threading
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from vidface.events.courier import UndeliveredError
from vidface.events.letter import pack
from vidface.events.reason import reason_of
from vidface.events.settings import WebhookSettings, tls_of
from vidface.events.signature import HEADER, signed
from vidface.version import __version__

REFUSED: Final = frozenset({400, 413, 415, 422})
"""Answers that are about this letter: it is given up. After any other failure it is tried again."""


class Webhook:
    """Posts letters; a status of 200 to 299 says that one was taken.

    Args:
        secret: bodies are signed with it (`vidface.events.signature`); None: they are not.

    Raises:
        UsageError: the file of certificates cannot be read.
    """

    def __init__(self, settings: WebhookSettings, secret: bytes | None = None) -> None:
        self._parts = urlsplit(settings.url)
        self._timeout_s = settings.timeout_s
        self._secret = secret
        self._tls = tls_of(settings) if self._parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    @property
    def name(self) -> str:
        """Without path and query: they may hold a secret."""
        host = self._parts.netloc.rpartition("@")[2]
        return f"webhook {self._parts.scheme}://{host}"

    def carry(self, letter: dict[str, Any]) -> None:
        """POST a letter.

        Raises:
            UndeliveredError: nobody answered in time, or not with 200 to 299.
        """
        body = pack(letter)
        connection = self._connection = self._connect()
        late = threading.Event()
        # The socket's own time-out counts from byte to byte: drop by drop an answer could last for ever.
        watchdog = threading.Timer(self._timeout_s, _cut, (connection, late))
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("POST", self._target(), body, self._headers(letter, body))
            answer = connection.getresponse()
            status, wait = answer.status, answer.getheader("Retry-After", "")
            place = answer.getheader("Location", "")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UndeliveredError(self._why(error, late=late.is_set())) from error
        finally:
            watchdog.cancel()
            connection.close()
        _judge(status, wait, place)

    def close(self) -> None:
        """Cut a call short."""
        if self._connection is not None:
            _cut(self._connection, threading.Event())

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)

    def _target(self) -> str:
        query = f"?{self._parts.query}" if self._parts.query else ""
        return (self._parts.path or "/") + query

    def _headers(self, letter: dict[str, Any], body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"vidface/{__version__}",
            "X-Vidface-Event": str(letter["event"].get("kind", "")),
            "X-Vidface-Id": str(letter["id"]),
        }
        if self._parts.username is not None:
            login = f"{unquote(self._parts.username)}:{unquote(self._parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        if self._secret is not None:
            headers[HEADER] = signed(body, self._secret, now_s=time.time())
        return headers

    def _why(self, error: Exception, *, late: bool) -> str:
        if late:
            return reason_of(TimeoutError(), self._timeout_s)
        if isinstance(error, http.client.RemoteDisconnected):
            return "it ended the connection without an answer"
        if isinstance(error, OSError):
            return reason_of(error, self._timeout_s)
        return "what it answers is no HTTP"


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    line = connection.sock
    if line is not None:
        with contextlib.suppress(OSError):
            # Of the plain socket: that of TLS would forget its state under the reader.
            socket.socket.shutdown(line, socket.SHUT_RDWR)


def _judge(status: int, wait: str, place: str) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise UndeliveredError(f"answers with {status} and points to {_host(place)}, which is not followed")
    if status in REFUSED:
        raise UndeliveredError(f"refuses an event with {status}", again=False)
    asked = float(wait) if wait.isascii() and wait.isdecimal() else None
    raise UndeliveredError(f"answers with {status}", wait_s=asked)


def _host(place: str) -> str:
    """Of an address that a stranger wrote."""
    try:
        return urlsplit(place).hostname or "another place"
    except ValueError:
        return "another place"
