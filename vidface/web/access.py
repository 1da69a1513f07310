"""Access: the token, the cookie that stands for it, and the names under which the page may be called."""

from __future__ import annotations

import hmac
import time
from collections.abc import Collection
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final

COOKIE: Final = "vidface_page"
LASTS_S: Final = 30 * 24 * 3600


class Access:
    """Who may look, and who may change things. Without a token everybody may look and nobody may change."""

    def __init__(self, token: str | None, hosts: Collection[str] = ()) -> None:
        self._token = token
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts)

    @property
    def open(self) -> bool:
        """There is no token."""
        return self._token is None

    def may_look(self, authorization: str | None, cookies: str | None) -> bool:
        """By the headers of a request."""
        return self.open or self.may_change(authorization, cookies)

    def may_change(self, authorization: str | None, cookies: str | None) -> bool:
        """The request carries the token, or the cookie that was given for it."""
        kind, _, value = (authorization or "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(value.strip()):
            return True
        return self._is_cookie(_cookie_of(cookies))

    def is_token(self, text: str) -> bool:
        """Compared in constant time, whatever the lengths."""
        if self._token is None:
            return False
        return hmac.compare_digest(sha256(text.encode()).digest(), sha256(self._token.encode()).digest())

    def cookie(self) -> str:
        """Proves for `LASTS_S` that somebody knew the token, without telling it; ends with a new token."""
        until = str(int(time.time()) + LASTS_S)
        return f"{until}.{self._signed(until)}"

    def knows_host(self, header: str | None) -> bool:
        """The Host header is an address in figures, localhost, or a name that the user listed.

        A page from elsewhere can make its own name point here (DNS rebinding), but cannot call itself by
        our address.
        """
        host = (header or "").lower().removesuffix(".")
        if host.startswith("["):
            host = host[1:].partition("]")[0]
        elif host.count(":") == 1:
            host = host.partition(":")[0].removesuffix(".")
        if host == "localhost" or host in self._hosts:
            return True
        try:
            ip_address(host)
        except ValueError:
            return False
        return True

    def _signed(self, until: str) -> str:
        key = (self._token or "").encode()
        return hmac.new(key, f"{COOKIE} {until}".encode(), sha256).hexdigest()

    def _is_cookie(self, text: str) -> bool:
        until, _, proof = text.partition(".")
        if self._token is None or not (until.isascii() and until.isdigit() and len(until) < 15):
            return False
        right = hmac.compare_digest(proof.encode(), self._signed(until).encode())
        return right and int(until) >= time.time()


def _cookie_of(header: str | None) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header or "")
    except CookieError:
        return ""
    found = jar.get(COOKIE)
    return "" if found is None else found.value
