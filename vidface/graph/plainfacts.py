"""Plain facts: what nodes and sinks say of themselves, as run.json can hold it."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import Any

import numpy as np

from vidface.errors import NodeError


def plain_facts(facts: object, who: str) -> dict[str, Any]:
    """The facts with numbers of NumPy and paths made plain, and null for what is no number.

    Raises:
        NodeError: they are no dict, or hold what JSON cannot.
    """
    if not isinstance(facts, dict):
        found = "nothing" if facts is None else f"a {type(facts).__name__}"
        raise NodeError(f"{who}: wanted its facts as a dict, found {found}")
    made: dict[str, Any] = _plain(facts, who, "")
    return made


def check_listed(facts: dict[str, Any], who: str) -> None:
    """Check that the files that a sink says it wrote are a list of places in the run's folder.

    Raises:
        NodeError: they are not; run.json would answer for what is none of the run's.
    """
    files = facts.get("files", [])
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise NodeError(f"{who}: wanted `files` as a list of names in the run's folder, found {files!r}")
    for name in files:
        path = PurePath(name)
        if path.is_absolute() or ".." in path.parts:
            raise NodeError(f"{who}: says that it wrote {name}, which lies outside of the run's folder")


def _plain(value: Any, who: str, place: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(one, who, f"{place}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, who, place) for one in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    what = f"of {place[1:]} " if place else ""
    raise NodeError(f"{who}: the fact {what}is a {type(value).__name__}, which JSON cannot hold")
