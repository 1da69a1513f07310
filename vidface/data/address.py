"""Addresses: which inputs are addresses, and how people see them: never with a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

MASK = "***"
_KEY: Final = (
    r"(?<![\w.-])(?=streamid=|playpath=|[\w.-]*(?:(?<!com)pass(?!age)|(?:pas|pw)\d*(?![^\W_])|"
    r"pwd|psw|jwt|cred|token|secret|auth(?!or(?!i[sz]))|(?<!mon)key(?!frame|int|word|board|note|point)|"
    r"(?<!de)(?<!as)sig(?!nal|ma|ht)))[\w.-]+(?:\[\w*\]|%5B\w*%5D)?="
)
"""What a secret is called, as a part of a query or, as some cameras want it, of a path."""
_NEXT: Final = r"_(?:channel|stream|subtype|user|usr|login|ch)\d*="
"""Begins the next part where a camera parts them with `_`, which a secret may hold too."""
_SECRET: Final = re.compile(rf"({_KEY})#?(?:(?!{_NEXT})[^&;#|\s])+", re.IGNORECASE)
_SECRET_WHOLE: Final = re.compile(rf"({_KEY})#?(?:(?!{_NEXT})[^&;#|])+", re.IGNORECASE)
_STREAM_KEY: Final = re.compile(
    r"(?<=/)(?![^/?#\s]*\.(?:bcs|flv|live|m3u8|mp4|sdp|smil|stream)\b)"
    r"(?=[\w.+=%~-]*(?:\d|[a-z][\w.+=%~-]*[A-Z]|[A-Z][\w.+=%~-]*[a-z]|[A-Za-z]{20}))"
    r"[\w.+=%~-]{11,}[\w=~-](?=/*(?:[?#\s'\",]|[^\w/-]*\Z))"
)
"""What ends the path of an rtmp address and is no name that somebody gave: it lets everybody send there."""
_GOES_ON: Final = re.compile(_NEXT.replace("_", "[_&]", 1), re.IGNORECASE)
_SCHEME: Final = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)"
_BLANKS: Final = r"[^/?#\s:@]+:(?!\d*\s)[^/?#\s@]*(?: +[^/?#\s@]+)+@"
"""A login with blanks in its password; behind a port a sentence goes on."""
_ADDRESS: Final = re.compile(rf"{_SCHEME}(?P<authority>(?:{_BLANKS})?[^/?#\s]*)(?P<rest>\S*)")
_WHOLE: Final = re.compile(rf"{_SCHEME}(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.%]*\]|[^:@\[\]]*)(:\d*)?")
_SURE_HOST: Final = re.compile(
    r"(?:\[[0-9A-Fa-f:.%]*\]|(?:\d{1,3}\.){3}\d{1,3}|localhost)(?::\d*)?"
    r"|.*:(?:80|322|443|554|1935|8000|8080|8443|8554)",
    re.IGNORECASE,
)
"""Nobody's name looks like this, or the port is a usual one: what stands behind the colon is no password."""


def is_address(text: str | Path) -> bool:
    """It is an address rather than a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(text)) is not None


def local(text: str | Path) -> str | Path:
    """The file that `file:///a/b%20c.mp4` names (RFC 8089), else what was given."""
    scheme, _, rest = str(text).partition("//")
    host, slash, path = rest.partition("/")
    here = scheme.lower() == "file:" and slash and host.lower() in ("", "localhost")
    return Path(unquote(f"/{path}")) if here else text


def masked(text: str | Path, *, whole: bool = False) -> str:
    """A text in which the passwords of all addresses are masked.

    Masked are the password before the host (also one that holds `@`, `:` or `/` unescaped, which is wrong
    but common) and the values that are named like secrets (`password=`, `token=`, `passphrase=`), in a query
    or a path; and the key that ends an rtmp address. The user's name stays.

    Args:
        whole: the text is one address and no sentence, so that blanks are a part of it.
    """
    address, secret = (_WHOLE, _SECRET_WHOLE) if whole else (_ADDRESS, _SECRET)
    return address.sub(lambda match: _mask_one(match, secret), str(text))


def secrets_of(text: str) -> tuple[str, ...]:
    """The parts of an address that `masked` hides, longest first; to take them out of other texts."""
    found = [text[start:end] for start, end in _spans(text, _SECRET_WHOLE)]
    match = _WHOLE.search(text)
    if match is not None:
        login = _login(match["authority"], match["rest"])[0]
        if ":" in login:
            found.append(login.partition(":")[2])
        if match["scheme"].lower().startswith("rtmp"):
            found += _STREAM_KEY.findall(match["rest"])
    return tuple(sorted({item for item in found if item}, key=len, reverse=True))


def _mask_one(match: re.Match[str], secret: re.Pattern[str]) -> str:
    login, place = _login(match["authority"], match["rest"])
    if login and "@" in place:  # a password with `@` and `/`, or an `@` in the path: who can tell? Hide it.
        place = place.rpartition("@")[2]
    for start, end in reversed(list(_spans(place, secret))):
        place = place[:start] + MASK + place[end:]
    if match["scheme"].lower().startswith("rtmp"):
        place = _STREAM_KEY.sub(MASK, place)
    if not login and not match["authority"].startswith("@"):
        return match["scheme"] + place
    user, colon, _ = login.partition(":")
    return f"{match['scheme']}{user}{colon and ':' + MASK}@{place}"


def _spans(text: str, secret: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the values stand that are named like secrets."""
    end = 0
    while (match := secret.search(text, end)) is not None:
        start, end, before = match.end(1), match.end(), text[: match.start()]
        # `/token=VALUE/door/index.m3u8`: the value of a folder ends with it, unless a login goes on behind.
        if before.endswith("/") and "?" not in before and _GOES_ON.match(text, end) is None:
            slash = text.find("/", start + 1, end)
            end = end if slash < 0 else slash
        yield start, end


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
    # `user:12/word@host`: a port, or how a password begins? Only where the host is surely one it is a port.
    path, _, _ = rest.partition("?")
    if ":" in authority and "@" in path and _SURE_HOST.fullmatch(authority) is None:
        login, _, host = (authority + path).rpartition("@")
        return login, host + rest[len(path) :]
    return "", whole
