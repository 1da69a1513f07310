"""The app: what answers at which address. Needs the extra `web`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from vidface.data import oncejson
from vidface.data.address import masked
from vidface.errors import UsageError
from vidface.version import __version__
from vidface.web.access import COOKIE, LASTS_S, Access
from vidface.web.board import Board
from vidface.web.flow import BOUNDARY, Flow, live, mjpeg
from vidface.web.guard import LONGEST_BODY, Guard, refusal
from vidface.web.metrics import Meter
from vidface.web.page import Page, live_page, login_page
from vidface.web.projector import LARGE, SMALL, Projector, snapped
from vidface.web.state import Newsroom, told_row

_MOST_EVENTS: Final = 500
_MOST_CAMERAS: Final = 256
_WRONG_TOKEN_S: Final = 0.5
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AppOptions:
    """How the app serves.

    Attributes:
        hosts: names under which it may be called; addresses in figures and localhost always may.
        rate: pictures a second of a camera, at most.
        quality: of JPEGs, 0 to 100.
        viewers: streams served at a time.
        tell: is told of errors of the app itself, in a sentence.
    """

    hosts: Collection[str] = ()
    rate: float = 10.0
    quality: int = 80
    viewers: int = 32
    tell: Callable[[str], None] = field(default=lambda _text: None)


def make_app(board: Board, token: str | None = None, options: AppOptions | None = None) -> PageApp:
    """The live page over a board.

    Args:
        board: who watches the cameras.
        token: what viewers have to know; without one everybody who reaches the page may look, and nobody may
            add or remove cameras.
        options: see there.

    Returns:
        An ASGI app.
    """
    site = Site(board, Access(token, (options or AppOptions()).hosts), options or AppOptions())

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        site.open()
        yield
        site.close()

    app = FastAPI(title="vidface", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.exception_handler(UsageError)(_not_so)
    app.exception_handler(Exception)(site.crashed)
    app.get("/", response_class=HTMLResponse)(site.entrance)
    app.post("/login")(site.login)
    app.post("/logout")(site.logout)
    app.get("/healthz")(site.healthz)
    app.get("/metrics")(site.metrics)
    app.get("/api/state")(site.state)
    app.get("/api/events")(site.events)
    app.get("/api/live")(site.live)
    app.post("/api/cameras", status_code=201)(site.add_camera)
    app.delete("/api/cameras/{name}", status_code=204)(site.remove_camera)
    app.get("/cameras/{name}/picture.jpg")(site.picture)
    app.get("/cameras/{name}/stream.mjpeg")(site.stream)
    app.get("/shots/{name:path}")(site.shot)
    return PageApp(app, site)


class PageApp(Guard):
    """The whole app; `site` is what its addresses do."""

    def __init__(self, app: FastAPI, site: Site) -> None:
        super().__init__(app, site.access)
        self.site = site


class Site:
    """What the addresses do."""

    def __init__(self, board: Board, access: Access, options: AppOptions) -> None:
        self.access = access
        self.projector: Projector
        self._newsroom: Newsroom
        self._meter: Meter
        self._board = board
        self._options = options
        self._streams = 0

    def open(self) -> None:
        """Begin to serve, in the event loop that is running."""
        self.projector = Projector(self._board, rate=self._options.rate, quality=self._options.quality)
        self._newsroom = Newsroom(self._board)
        self._meter = Meter(self._board, self.projector)

    def close(self) -> None:
        """Let streams and threads end; safe to call twice."""
        self.projector.close()
        self._newsroom.close()

    async def entrance(self, request: Request) -> Response:
        """The page, or the question for the token."""
        given = request.headers.get("authorization"), request.headers.get("cookie")
        if not self.access.may_look(*given):
            return _html(login_page(), 401)
        return _html(live_page(with_token=not self.access.open))

    async def login(self, request: Request) -> Response:
        """Give a cookie for the token."""
        body = (await _body(request)).decode("utf-8", "replace")
        token = parse_qs(body).get("token", [""])[0]
        if not self.access.is_token(token):
            await asyncio.sleep(_WRONG_TOKEN_S)
            return _html(login_page(wrong=True), 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            self.access.cookie(),
            max_age=LASTS_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    async def logout(self) -> Response:
        """Take the cookie back."""
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def healthz(self, request: Request) -> Response:
        """In one word; whoever may look learns why."""
        state = json.loads((await self._newsroom.state()).text)
        health = state["health"]
        given = request.headers.get("authorization"), request.headers.get("cookie")
        if self.access.may_look(*given):
            bad = {one["name"]: one["why"] for one in state["cameras"] if one["status"] != "watched"}
            told = {**health, "not_watched": bad}
        else:
            told = {"state": health["state"]}
        return JSONResponse(told, 503 if health["state"] == "failing" else 200)

    async def metrics(self) -> Response:
        """For Prometheus."""
        return Response(await self._newsroom.ask(self._meter.text), media_type=_CONTENT_TYPE)

    async def state(self) -> Response:
        """Cameras and health."""
        return Response((await self._newsroom.state()).text, media_type="application/json")

    async def events(self, limit: int = Query(50, ge=1, le=_MOST_EVENTS)) -> Response:
        """The latest, newest first."""

        def rows() -> list[dict[str, Any]]:
            return [told_row(one) for one in self._board.events(limit)]

        return JSONResponse({"events": await self._newsroom.ask(rows)})

    async def live(
        self,
        camera: list[str] = Query([], max_length=_MOST_CAMERAS),  # noqa: B008 - FastAPI's way
        large: list[str] = Query([], max_length=_MOST_CAMERAS),  # noqa: B008
    ) -> Response:
        """States, and pictures of some cameras, small or large, over one connection; see `flow.live`."""
        wide = dict.fromkeys(large)
        keys = [(name, LARGE) for name in wide]
        keys += [(name, SMALL) for name in dict.fromkeys(camera) if name not in wide]
        return self._stream(lambda: live(self.projector, self._newsroom, keys), "application/octet-stream")

    async def stream(self, name: str, width: int = Query(1280, ge=1)) -> Response:
        """One camera as MJPEG, for whatever takes that."""
        if not await self._is_camera(name):
            return refusal(404, f"There is no camera {name!r}.")
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        return self._stream(lambda: mjpeg(self.projector, (name, snapped(width))), kind)

    async def picture(self, name: str, width: int = Query(1920, ge=1)) -> Response:
        """The newest picture."""
        still = await self.projector.still((name, snapped(width)))
        if still is None:
            return refusal(404, f"There is no picture of {name!r}.")
        return Response(still.jpeg, media_type="image/jpeg")

    async def shot(self, name: str) -> Response:
        """The picture of an event."""
        found = None
        if _is_plain(name):
            found = await self._newsroom.ask(lambda: self._board.shot(name))
        if found is None:
            return refusal(404, "There is no such picture, or no longer.")
        # Names are never used twice; browsers may keep a picture as long as the page is likely open.
        return Response(found, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    async def add_camera(self, request: Request) -> Response:
        """Watch one more: {"name": "yard", "url": "rtsp://...", ...} as in cameras.yaml."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return refusal(415, "A camera is wanted as JSON, with Content-Type: application/json.")
        try:
            told = oncejson.read(await _body(request))
            json.dumps(told, ensure_ascii=False).encode()  # halves of characters can be told to nobody
        except ValueError:
            return refusal(400, "What was sent is no JSON.")
        name = told.pop("name", None) if isinstance(told, dict) else None
        if not isinstance(name, str) or not name:
            return refusal(422, 'A camera is wanted as {"name": "yard", "url": "rtsp://..."}.')
        await self._newsroom.ask(lambda: self._board.add_camera(name, told))
        return JSONResponse({"name": name}, 201)

    async def remove_camera(self, name: str) -> Response:
        """Watch it no longer."""
        await self._newsroom.ask(lambda: self._board.remove_camera(name))
        return Response(status_code=204)

    async def crashed(self, request: Request, error: Exception) -> Response:
        """Something went wrong here, not there."""
        told = f"the live page could not answer {request.url.path}: {type(error).__name__}: {error}"
        self._options.tell(masked(told))
        return refusal(500, "The page could not answer; vidface's own output says why.")

    async def _is_camera(self, name: str) -> bool:
        return any(one["name"] == name for one in json.loads((await self._newsroom.state()).text)["cameras"])

    def _stream(self, parts: Callable[[], Any], kind: str) -> Response:
        if self._streams >= self._options.viewers:
            return refusal(503, f"{self._streams} streams are served already; http: viewers allows no more.")

        async def counted() -> Any:
            self._streams += 1
            try:
                async for part in parts():
                    yield part
            finally:
                self._streams -= 1

        return Flow(counted(), kind)


async def _not_so(_request: Request, error: Exception) -> Response:
    return refusal(422, masked(str(error)))


async def _body(request: Request) -> bytes:
    """What was sent, as far as a sound request goes; more is cut off and then no longer sound."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise UsageError(f"a request may have {LONGEST_BODY} bytes, but this one has more")
    return body


def _html(page: Page, status: int = 200) -> Response:
    return HTMLResponse(page.html, status, {"Content-Security-Policy": page.policy})


def _is_plain(name: str) -> bool:
    """No way out of a folder, and nothing that a file's name never holds."""
    parts = name.split("/")
    return all(one not in ("", ".", "..") and one.isprintable() and "\\" not in one for one in parts)
