"""Redis: letters into a stream (XADD), spoken directly: it takes four lines of RESP and no library.

The stream's entries have one field, `letter`, with the letter as JSON, its picture included where asked for.
"""

from __future__ import annotations

import contextlib
import socket
from typing import IO, Any, Final
from urllib.parse import unquote, urlsplit

from vidface.events.courier import UndeliveredError
from vidface.events.letter import pack
from vidface.events.reason import reason_of
from vidface.events.settings import RedisSettings, tls_of

_PORT: Final = 6379
_LONGEST: Final = 1024


class Redis:
    """Adds letters to a stream, one connection each.

    Raises:
        UsageError: the file of certificates cannot be read.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._parts = urlsplit(settings.url)
        self._settings = settings
        self._tls = tls_of(settings) if self._parts.scheme == "rediss" else None
        self._line: socket.socket | None = None

    @property
    def name(self) -> str:
        """Host and port."""
        return f"Redis at {self._parts.hostname}:{self._parts.port or _PORT}"

    def carry(self, letter: dict[str, Any]) -> None:
        """Add a letter.

        Raises:
            UndeliveredError: no connection, or Redis says why not.
        """
        where = (self._parts.hostname or "", self._parts.port or _PORT)
        try:
            with contextlib.ExitStack() as open_:
                line = open_.enter_context(socket.create_connection(where, self._settings.timeout_s))
                if self._tls is not None:
                    line = open_.enter_context(self._tls.wrap_socket(line, server_hostname=where[0]))
                self._line = line
                self._talk(line, open_.enter_context(line.makefile("rb")), pack(letter))
        except OSError as error:
            raise UndeliveredError(reason_of(error, self._settings.timeout_s)) from error

    def close(self) -> None:
        """Cut a call short."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)

    def _talk(self, line: socket.socket, answers: IO[bytes], body: bytes) -> None:
        user, word = self._parts.username, self._parts.password
        if word is not None:
            _ask(line, answers, b"AUTH", *([unquote(user).encode()] if user else []), unquote(word).encode())
        database = self._parts.path.strip("/")
        if database not in ("", "0"):
            _ask(line, answers, b"SELECT", database.encode())
        limit = str(self._settings.most).encode()
        stream = self._settings.stream.encode()
        _ask(line, answers, b"XADD", stream, b"MAXLEN", b"~", limit, b"*", b"letter", body)


def _ask(line: socket.socket, answers: IO[bytes], *words: bytes) -> None:
    """Send a command and read its answer, which is a status or a short text."""
    line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
    answer = answers.readline(_LONGEST)
    if answer.startswith(b"-"):
        reason = answer[1:].decode(errors="replace").strip()
        raise UndeliveredError(f"refuses an event ({reason})")
    if not answer.endswith(b"\n") or answer[:1] not in (b"+", b"$"):
        raise UndeliveredError("what it answers is no Redis")
    if answer.startswith(b"$"):
        answers.readline(_LONGEST)
