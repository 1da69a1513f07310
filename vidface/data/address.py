"""Addresses: which inputs are addresses, and how people see them: never with a password."""

from __future__ import annotations

import re
from pathlib import Path

MASK = "***"
_SECRET = re.compile(
    r"([?&;#|](?:[\w.-]*(?:pass|pwd|token|secret|auth|key|sig)[\w.-]*|pw|streamid)=)[^&;#|\s]+",
    re.IGNORECASE,
)
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<authority>[^/?#\s]*)(?P<rest>\S*)")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^:@\[\]]*)(:\d*)?")


def is_address(text: str | Path) -> bool:
    """It is an address rather than a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(text)) is not None


def masked(text: str | Path) -> str:
    """A text in which the passwords of all addresses are masked.

    Masked are the password before the host (also one that holds `@`, `:` or `/` unescaped, which is wrong
    but common) and the values of queries that are named like secrets (`password=`, `token=`, `passphrase=`).
    The user's name stays.
    """
    return _AUTHORITY.sub(_mask_one, str(text))


def secrets_of(text: str) -> tuple[str, ...]:
    """The parts of an address that `masked` hides, longest first; to take them out of other texts."""
    found = [match.group(0)[len(match.group(1)) :] for match in _SECRET.finditer(text)]
    match = _AUTHORITY.search(text)
    if match is not None:
        login = _login(match["authority"], match["rest"])[0]
        if ":" in login:
            found.append(login.partition(":")[2])
    return tuple(sorted({item for item in found if item}, key=len, reverse=True))


def _mask_one(match: re.Match[str]) -> str:
    login, place = _login(match["authority"], match["rest"])
    if login and "@" in place:  # a password with `@` and `/`, or an `@` in the path: who can tell? Hide it.
        place = place.rpartition("@")[2]
    place = _SECRET.sub(rf"\1{MASK}", place)
    if not login and not match["authority"].startswith("@"):
        return match["scheme"] + place
    user, colon, _ = login.partition(":")
    return f"{match['scheme']}{user}{colon and ':' + MASK}@{place}"


def _login(authority: str, rest: str) -> tuple[str, str]:
    """What stands before the host, and everything from the host on."""
    whole = authority + rest
    login, _, host = authority.rpartition("@")
    if "@" in authority and (host or "@" not in rest):
        return login, host + rest
    # `user:pass/word@host`: where a port would stand is no number, so the `@` further on ends the login.
    if _HOST_PORT.fullmatch(authority) is None and "@" in rest:
        login, _, host = whole.rpartition("@")
        return login, host
    return "", whole
