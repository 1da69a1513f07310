"""The pages: each one file with its own style and script, under a policy that lets in nothing else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect x='2' y='2' width='12' height='12' rx='1' fill='none' stroke='%231d4b7a' stroke-width='2'/%3E"
    "%3Ccircle cx='8' cy='8' r='2' fill='%231d4b7a'/%3E%3C/svg%3E"
)


@dataclass(frozen=True, slots=True)
class Page:
    """Markup, and the content security policy that has to go with it."""

    html: str
    policy: str


@cache
def live_page(*, with_token: bool) -> Page:
    """The live page; `with_token` offers to log out."""
    hidden = "" if with_token else "hidden"
    return _made("live.html", "live.js", {"LOGOUT": hidden})


@cache
def login_page(*, wrong: bool = False) -> Page:
    """The question for the token."""
    return _made("login.html", None, {"WRONG": "" if wrong else "hidden"})


def _made(name: str, script_name: str | None, values: dict[str, str]) -> Page:
    style = _read("live.css")
    script = "" if script_name is None else _read(script_name)
    text = _read(name)
    for key, value in {**values, "STYLE": style, "SCRIPT": script, "ICON": _ICON}.items():
        text = text.replace(f"[[{key}]]", value)
    allowed = f"'{_hash(script)}'" if script else "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src '{_hash(style)}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Page(text, policy)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
