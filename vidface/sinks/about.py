"""about: what the input's file says of itself, beside what is measured on its pictures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vidface.data.frame import Frame
from vidface.errors import InputError, UsageError
from vidface.media.declared import declared
from vidface.node import Sink, Target
from vidface.sinks._files import write_private


class About(Sink):
    """Write `NAME.json` about the input's file: what it declares of how it was made.

    Keys: declared (its C2PA manifest, metadata, vidface's own mark, source types, as `vidface inspect`
    tells them). Of an input that is no file (an address, a folder of pictures) it says so under `unread`.
    It is written at the end of the run; the file can be read by the owner only.
    """

    _target: Target | None = None

    def start(self, target: Target) -> None:
        self._target = target

    def process(self, frame: Frame) -> None:
        """Nothing: the file is looked at once, at the end."""

    def finish(self) -> dict[str, Any]:
        if self._target is None:
            return {}
        target, self._target = self._target, None
        name = f"{target.name}.json"
        text = json.dumps(_facts(target.input), indent=1, ensure_ascii=False, default=str)
        write_private(target.folder / name, text.encode(errors="replace") + b"\n")
        return {"files": [name]}


def _facts(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {"declared": {"unread": "The input is no single file; what it declares was not read."}}
    return {"declared": _declared(path)}


def _declared(path: Path) -> dict[str, Any]:
    try:
        found = declared(path)
    except (InputError, UsageError) as error:
        return {"unread": str(error)}
    return {
        "manifest": None if found.manifest is None else asdict(found.manifest),
        "metadata": dict(found.metadata),
        "mark": found.mark,
        "source_types": list(found.source_types),
        "unread": found.unread,
    }
