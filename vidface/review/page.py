"""report.html: one file that opens from disk, with nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

from vidface.review.appendix import file_facts, frames, manifest, method, notes
from vidface.review.curves import Axis, patterns
from vidface.review.faces import faces
from vidface.review.html import Html, el, raw
from vidface.review.reading import Material
from vidface.review.summary import head, player, summary

_HERE: Final = Path(__file__).resolve().parent


def page(facts: dict[str, Any], run: Material) -> str:
    """The whole page; pictures are read from the run's folder and stand in it.

    A content security policy lets nothing in but this page's own script and style, by their hashes, and
    pictures and video from the page itself and its folder.
    """
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; media-src 'self' data: file:; style-src {_hash(style)}; "
        f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    top = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"Review of {facts['title']}"),
        el("style", raw(style)),
    )
    body = el("body", *_body(facts, run), el("script", raw(script)))
    return f"<!DOCTYPE html>\n{el('html', top, body, lang='en')}\n"


def _body(facts: dict[str, Any], run: Material) -> tuple[Html, ...]:
    axis = Axis(facts["time"]["first"], max(facts["time"]["last"], facts["time"]["first"] + 0.04))
    sections = (
        summary(facts, run),
        faces(facts, run, axis),
        file_facts(facts),
        frames(facts),
        notes(facts),
        method(facts),
        manifest(facts),
    )
    told = f"vidface {facts['vidface']}. This file needs no network; report.json holds the same facts."
    return (
        el("a", "Skip to the report", href="#main", class_="skip"),
        patterns(),
        head(facts),
        el("div", player(facts, axis), el("main", sections, id="main"), class_="body"),
        el("footer", el("p", told)),
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
