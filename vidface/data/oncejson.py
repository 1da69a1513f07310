"""JSON of which every reader reads the same: an object that names a key twice is refused.

RFC 8259 leaves open which of two values counts. Python's reader takes the last one in silence, so a hash over
what it gives says nothing of the first, which an editor, a person or another reader may see instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

DEEPEST: Final = 100
"""Lists and objects within one another: what is written here has ten; some hundreds no program can walk."""

_TOO_DEEP: Final = f"it is nested more than {DEEPEST} deep"


def once(text: str | bytes) -> Any:
    """The value of a text of one meaning.

    Raises:
        ValueError: it is no JSON, an object in it names a key twice, or it is nested more than `DEEPEST`.
    """
    return read(text, twice=False)


def read(text: str | bytes, *, twice: bool = True) -> Any:
    """The value of a text; with `twice`, of two values of a key the last.

    Raises:
        ValueError: as `once`.
    """
    value = loads(text, twice=twice)
    level = [value]
    for _ in range(DEEPEST):
        level = [item for one in level for item in _items(one)]
        if not level:
            return value
    raise ValueError(_TOO_DEEP)


def loads(text: str | bytes, *, twice: bool = True) -> Any:
    """As `read`, of any depth that Python reads: for rows of which single values are taken, in half the time.

    Raises:
        ValueError: it is no JSON, or too deep for Python; without `twice`, an object in it names a key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=None if twice else _each_once)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"it names {key!r} twice")
        found[key] = value
    return found
