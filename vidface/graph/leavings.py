"""Leavings: files of a run that ended before run.json could list them: it was killed, or an output failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vidface.data import filenames
from vidface.graph.plan import Outlet

PLANNED: Final = "planned"
"""Key of run.json: output -> what it writes, of those whose files are not listed; a folder ends with /."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_.]*/?")
_OWN: Final = (re.compile(r"index\.jsonl"), filenames.SHOT, filenames.EVENT, filenames.MESH, filenames.HEAT)
"""What outputs call their files in a folder."""


def planned(outlets: Iterable[Outlet]) -> dict[str, list[str]]:
    """What the outputs will write, for run.json."""
    return {outlet.name: list(outlet.sink.files(outlet.name)) for outlet in outlets}


def leavings(folder: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """Files in a run's folder that outputs of this run.json wrote and that it does not list.

    In a folder those that are called as vidface calls them: others are the user's.
    """
    names = [name for files in facts.get(PLANNED, {}).values() for name in files]
    for name in names:
        if not _NAME.fullmatch(name):
            continue
        if name.endswith("/"):
            for path in (folder / name).rglob("*"):
                if _own(path.relative_to(folder / name).as_posix()):
                    yield path.relative_to(folder).as_posix()
        else:
            yield from (name, f"{name}.c2pa", f".{Path(name).stem}.rows")


def _own(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in _OWN)
