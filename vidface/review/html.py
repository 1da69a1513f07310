"""HTML by construction: text is escaped unless it was made here: no name from outside becomes markup."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

_SPACES: Final = "\n\u00a0\u202f"
_VOID: Final = frozenset(
    {"br", "hr", "img", "input", "line", "link", "meta", "path", "polyline", "rect", "use"}
)


class Html(str):
    """Markup that was made by `el` or `raw`; anything else is text and gets escaped."""

    __slots__ = ()


Child = str | float | None | Iterable["Child"]
"""What may stand in an element: markup, text, a number, nothing, or several of these."""


def el(name: str, /, *children: Child, **attributes: Any) -> Html:
    """An element; `class_`, `for_` lose their underscore, other underscores become hyphens.

    An attribute that is None or False is left out; True gives it without a value.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        plain = key.rstrip("_").replace("_", "-")
        words.append(plain if value is True else f'{plain}="{html.escape(str(value), quote=True)}"')
    start = f"<{' '.join(words)}>"
    if name in _VOID and not children:
        return Html(start.replace(">", "/>") if start.endswith('">') else start)
    return Html(f"{start}{''.join(_escaped(children))}</{name}>")


def join(*children: Child) -> Html:
    """Several children without an element around them."""
    return Html("".join(_escaped(children)))


def raw(markup: str) -> Html:
    """Markup of this package's own files; never of anything from outside."""
    return Html(markup)


def data(value: Any, name: str) -> Html:
    """A value as JSON in a script element that is no script; safe against `</script>` in texts."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json" id="{html.escape(name)}">{text}</script>')


def table(
    caption: Child, heads: Iterable[Child], rows: Iterable[Iterable[Child]], *, class_: str | None = None
) -> Html:
    """A table whose first column names the row."""
    body = []
    for row in rows:
        first, *rest = row
        body.append(el("tr", el("th", first, scope="row"), [el("td", cell) for cell in rest]))
    return el(
        "div",
        el(
            "table",
            el("caption", caption),
            el("thead", el("tr", [el("th", head, scope="col") for head in heads])),
            el("tbody", body),
            class_=class_,
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption if not isinstance(caption, Html) else None,
    )


def pairs(values: Mapping[str, Child]) -> Html:
    """A list of names and values."""
    return el(
        "dl", [el("div", el("dt", name), el("dd", value)) for name, value in values.items()], class_="facts"
    )


def plain(value: Any) -> Child:
    """Whatever stands in a JSON file, as markup: dicts become lists of names, lists lists."""
    if isinstance(value, Mapping):
        return (
            pairs({str(key).replace("_", " "): plain(item) for key, item in value.items()})
            if value
            else "none"
        )
    if isinstance(value, list | tuple):
        if all(not isinstance(item, Mapping | list | tuple) for item in value):
            return ", ".join(str(plain(item)) for item in value) or "none"
        return el("ol", [el("li", plain(item)) for item in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "not known"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _escaped(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield html.escape(_shown(child), quote=False)
        elif isinstance(child, int | float):
            yield str(child)
        else:
            yield from _escaped(child)


def _shown(text: str) -> str:
    """Characters that steer a terminal or turn the writing around are shown as what they are."""
    return "".join(one if one.isprintable() or one in _SPACES else f"\\u{ord(one):04x}" for one in text)
