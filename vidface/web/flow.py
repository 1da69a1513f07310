"""Flow: answers without an end, to readers that may be slow, gone, or asleep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vidface.web.projector import Key, Projector, Still
from vidface.web.state import Newsroom

BOUNDARY: Final = "vidface-picture"
_LOOK_S: Final = 0.5
_WORD_S: Final = 5.0


class Flow(Response):
    """Sends what a generator gives until the reader goes; the generator must give something now and then.

    Each part is awaited until the reader's system has taken most of it, so nothing piles up here; a reader
    that takes nothing is cut off by the socket's own time limit (`server.STUCK_S`), which ends the wait.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(media_type=media_type, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        head = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(head)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async with aclosing(self._parts) as parts:
                async for part in parts:
                    if gone.done():
                        return
                    if part:
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                        # The loop learns between two parts that a reader has gone, and serves the others.
                        await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def mjpeg(projector: Projector, key: Key) -> AsyncGenerator[bytes, None]:
    """One camera as multipart/x-mixed-replace, as browsers and players take it."""
    seen: dict[Key, int] = {}
    with projector.looking([key]):
        while not projector.closed:
            for still in projector.newer([key], seen):
                size = len(still.jpeg)
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"
                yield head.encode() + still.jpeg + b"\r\n"
            await projector.change(_LOOK_S)
            yield b""


async def live(projector: Projector, newsroom: Newsroom, keys: Sequence[Key]) -> AsyncGenerator[bytes, None]:
    """Everything a page shows, over one connection, of which browsers have few.

    A line of JSON each: a state (`{"state": ...}`) when it changes and every few seconds; or a picture
    (`{"camera", "number", "at", "bytes"}`), behind which its JPEG follows, so many bytes.
    """
    seen: dict[Key, int] = {}
    told, at = "", 0.0
    loop = asyncio.get_running_loop()
    with projector.looking(keys):
        while not projector.closed:
            news = await newsroom.state()
            if news.text != told or loop.time() - at > _WORD_S:
                told, at = news.text, loop.time()
                yield news.line
            for still in projector.newer(keys, seen):
                yield _picture(still)
            await projector.change(_LOOK_S)
            yield b""


def _picture(still: Still) -> bytes:
    head: dict[str, Any] = {
        "camera": still.camera,
        "number": still.number,
        "at": still.utc_s,
        "bytes": len(still.jpeg),
    }
    return json.dumps(head).encode() + b"\n" + still.jpeg
