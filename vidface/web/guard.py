"""Guard: what every request passes before it reaches the app, and what every answer carries."""

from __future__ import annotations

import json
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vidface.web.access import Access

LONGEST_BODY: Final = 64 * 1024
_LONGEST_LENGTH: Final = 12
_OPEN: Final = frozenset({"/healthz", "/login"})
_ENTRANCE: Final = "/"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then call the origin of our own forms "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SEALED: Final = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """Refuses what comes under a foreign name, from a foreign page, without the token, or too large.

    It stands around everything, so that no answer goes out bare, errors included.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    told[name] = value
                told.setdefault("Content-Security-Policy", _SEALED)
                told.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refusal(scope, headers)
        await (refused or self.app)(scope, receive, sealed)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        method, path = scope["method"], scope["path"]
        looks = method in ("GET", "HEAD")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.knows_host(hosts[0]):
            return refusal(
                421, "This page is not served under that name: list it in cameras.yaml at http: hosts."
            )
        if not _from_here(headers, to_page=looks and path == _ENTRANCE):
            return refusal(403, "Another site's page asked for this; only this site's own page may.")
        length = headers.get("content-length") or "0"
        if not (length.isascii() and length.isdigit()):
            return refusal(400, "The request does not say soundly how long it is.")
        if len(length) > _LONGEST_LENGTH or int(length) > LONGEST_BODY:
            return refusal(413, f"A request may have {LONGEST_BODY} bytes.")
        if path in _OPEN:
            return None
        given = headers.get("authorization"), headers.get("cookie")
        if not looks and path != "/logout" and self._access.open:
            return refusal(
                403, "Nothing can be changed here without a token: start vidface with one in VIDFACE_TOKEN."
            )
        allowed = self._access.may_look(*given) if looks else self._access.may_change(*given)
        if allowed or (looks and path == _ENTRANCE):
            return None
        return refusal(401, "A token is wanted: the header Authorization: Bearer TOKEN, or log in at /.")


def refusal(status: int, sentence: str) -> Response:
    """A sentence as JSON."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Response(json.dumps({"error": sentence}), status, headers, media_type="application/json")


def _from_here(headers: Headers, *, to_page: bool) -> bool:
    """Whether a browser says that our own page, its user or no page at all asked.

    Programs other than browsers send none of these headers, nor do browsers where the page came by plain
    HTTP from another machine: there the cookie is kept from other sites' requests.
    """
    site = headers.get("sec-fetch-site")
    if site is None:
        origin = headers.get("origin")
        return origin is None or _host_of(origin) == headers.get("host")
    return site in ("same-origin", "none") or (to_page and headers.get("sec-fetch-mode") == "navigate")


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]
