"""A web server on 127.0.0.1 that serves one blob and misbehaves on request."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Manners:
    """How the server treats its visitors.

    Attributes:
        data: what it serves, at any path.
        ranges: whether it honours Range.
        drops: for each connection in turn, after how many bytes it hangs up.
        codes: for each connection in turn, an error code to answer with; 0 answers properly.
        says_length: whether it sends Content-Length.
        quiet: where set, it says nothing until the event comes.
    """

    data: bytes = b""
    ranges: bool = True
    drops: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    says_length: bool = True
    quiet: threading.Event | None = None


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor who leaves early is no news."""


class Server:
    """Runs in a thread while the `with` block lasts; `asked` lists path and Range of every request."""

    def __init__(self) -> None:
        self.manners = Manners()
        self.asked: list[tuple[str, str | None]] = []
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def url(self, path: str = "model.onnx") -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/{path}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.manners.quiet:
            self.manners.quiet.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            manners = server.manners
            server.asked.append((self.path, self.headers.get("Range")))
            if manners.quiet:
                manners.quiet.wait(5)
                return
            code = manners.codes.pop(0) if manners.codes else 0
            if code:
                self.send_error(code)
                return
            self._serve(manners)

        def _serve(self, manners: Manners) -> None:
            span = self.headers.get("Range") if manners.ranges else None
            start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
            whole = len(manners.data)
            if span and start >= whole:
                self.send_error(416)
                return
            self.send_response(206 if span else 200)
            if span:
                self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
            if manners.says_length:
                self.send_header("Content-Length", str(whole - start))
            self.end_headers()
            body = manners.data[start:]
            self.wfile.write(body[: manners.drops.pop(0)] if manners.drops else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
