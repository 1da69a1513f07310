"""Receivers on loopback for tests: an HTTP server with every bad habit, and a tiny MQTT broker."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from vidface.data.event import Event

Answer = int | str
"""A status; or "slow": none; "drops": ends the connection; "garbage"; "drip": a byte at a
time; "redirect"; "nowhere": a redirect to no address; "busy": 503 with Retry-After."""

PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(done: Callable[[], Any], seconds: float = PATIENCE_S) -> bool:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def an_event(number: int = 1, **more: Any) -> Event:
    """An event whose track is a number."""
    given: dict[str, Any] = {"camera": "door", "track": str(number), "picture": b"\xff\xd8 jpeg"} | more
    return Event(given.pop("kind", "track_started"), utc_s=given.pop("utc_s", 1_795_000_000.0), **given)


@dataclass
class Post:
    """A request that came."""

    body: bytes
    headers: dict[str, str]
    path: str

    @property
    def track(self) -> str:
        return str(json.loads(self.body)["event"]["track"])


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        owner: Receiver = self.server.owner  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        owner.posts.append(Post(body, dict(self.headers.items()), self.path))
        answer = owner.answers.pop(0) if owner.answers else 204
        if isinstance(answer, int):
            self.send_response(answer)
            self.end_headers()
        else:
            self._misbehave(answer, owner)

    def _misbehave(self, how: str, owner: Receiver) -> None:
        if how == "slow":
            owner.ended.wait()
        elif how == "garbage":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        elif how == "drip":
            for _ in range(100):
                self.wfile.write(b"H")
                if owner.ended.wait(0.1):
                    break
        elif how in ("redirect", "nowhere"):
            self.send_response(302)
            place = "https://elsewhere.example/secret" if how == "redirect" else "http://[oops"
            self.send_header("Location", place)
            self.end_headers()
        elif how == "busy":
            self.send_response(503)
            self.send_header("Retry-After", "1")
            self.end_headers()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what is tested."""


@dataclass
class Receiver:
    """An HTTP server that answers as told, then with 204; may be ended and begun again on its port.

    Attributes:
        certificate: PEM file with certificate and key: speak HTTPS.
    """

    answers: list[Answer] = field(default_factory=list)
    port: int = 0
    certificate: Path | None = None
    posts: list[Post] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    _server: _Server | None = None

    def __enter__(self) -> Self:
        self.ended.clear()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.owner = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            # The handshake belongs to the thread of the request, not to that which accepts.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/hook?key=s3cret"

    @property
    def tracks(self) -> list[str]:
        return [post.track for post in self.posts]


class _MqttSession(socketserver.StreamRequestHandler):
    """One client of the broker: MQTT 3.1.1, as far as a publisher needs it."""

    def handle(self) -> None:
        broker: Broker = self.server.owner  # type: ignore[attr-defined]
        broker.lines.append(self.connection)
        while (head := self.rfile.read(1)) != b"":
            body = self.rfile.read(self._length())
            if not self._serve(broker, head[0] >> 4, head[0] & 15, body):
                break

    def _serve(self, broker: Broker, kind: int, flags: int, body: bytes) -> bool:
        if kind == 1:  # CONNECT
            broker.connects.append(body)
            if broker.curt:
                return False
            self.wfile.write(bytes((0x20, 2, 0, broker.code)))
            return broker.code == 0
        if kind == 3:  # PUBLISH
            end = 2 + int.from_bytes(body[:2])
            topic, number = body[2:end].decode(), body[end : end + 2]
            broker.messages.append((topic, body[end + 2 :], bool(flags & 1)))
            if broker.cuts and "/event" in topic:
                broker.cuts -= 1
                return False
            if not broker.mute:
                self.wfile.write(b"\x40\x02" + number)
        if kind == 12:  # PINGREQ
            self.wfile.write(b"\xd0\x00")
        return kind != 14  # DISCONNECT

    def _length(self) -> int:
        value = shift = 0
        while (byte := self.rfile.read(1)[0]) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift


class _MqttServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what is tested."""


@dataclass
class Broker:
    """A stand-in for a broker that takes what is published.

    Attributes:
        code: of CONNACK; 5 is "not authorized".
        mute: confirm nothing.
        curt: end each connection without a word.
        cuts: so many events are answered by ending the connection.
        messages: topic, content, retained.
    """

    code: int = 0
    mute: bool = False
    curt: bool = False
    cuts: int = 0
    port: int = 0
    connects: list[bytes] = field(default_factory=list)
    messages: list[tuple[str, bytes, bool]] = field(default_factory=list)
    lines: list[socket.socket] = field(default_factory=list)
    _server: _MqttServer | None = None

    def __enter__(self) -> Self:
        self._server = _MqttServer(("127.0.0.1", self.port), _MqttSession)
        self._server.owner = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        for line in self.lines:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.lines.clear()

    def tracks(self) -> list[str]:
        """Of the events, in the order in which they came."""
        return [
            json.loads(content)["event"]["track"] for topic, content, _ in self.messages if "/event" in topic
        ]


def keepalive_of(connect: bytes) -> int:
    """Seconds, from the body of CONNECT."""
    (seconds,) = struct.unpack_from(">H", connect, 8)
    return int(seconds)
