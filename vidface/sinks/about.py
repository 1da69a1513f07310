"""about: what the input's file says of itself, beside what is measured on its pictures."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from vidface.data.frame import Frame
from vidface.errors import InputError, UsageError
from vidface.media.declared import Declared, declared
from vidface.node import Sink, Target
from vidface.sinks._files import write_private


class About(Sink):
    """Write `NAME.json` about the input's file: what it declares of how it was made.

    Keys: declared (its C2PA manifest, metadata, vidface's own mark, source types) and stream (how it is
    coded and timed, who wrote it: facts, the same in sentences under `lines`, and `hints` with what each can
    mean), as `vidface inspect --stream` tells them. Of an input that is no file (an address, a folder of
    pictures) each says so under `unread`. It is written at the end of the run; the file can be read by the
    owner only.
    """

    pictures: int = Field(
        1500, ge=1, description="Pictures that are decoded for their types and quantisers, from the start."
    )

    _target: Target | None = None

    def shows(self) -> bool:
        return False

    def files(self, name: str) -> tuple[str, ...]:
        return (f"{name}.json",)

    def start(self, target: Target) -> None:
        self._target = target

    def process(self, frame: Frame) -> None:
        """Nothing: the file is looked at once, at the end."""

    def finish(self) -> dict[str, Any]:
        if self._target is None:
            return {}
        target, self._target = self._target, None
        name = f"{target.name}.json"
        text = json.dumps(_facts(target.input, self.pictures), indent=1, ensure_ascii=False, default=str)
        write_private(target.folder / name, text.encode(errors="replace") + b"\n")
        return {"files": [name]}


def _facts(path: Path | None, pictures: int) -> dict[str, Any]:
    if path is None:
        unread = {"unread": "The input is no single file; what it declares was not read."}
        return {"declared": unread, "stream": unread}
    try:
        said = declared(path)
    except (InputError, UsageError) as error:
        return {"declared": {"unread": str(error)}, "stream": _stream(path, pictures, None)}
    return {"declared": _declared(said), "stream": _stream(path, pictures, said)}


def _stream(path: Path, pictures: int, said: Declared | None) -> dict[str, Any]:
    from vidface.media.streamfacts import stream_facts

    try:
        facts = stream_facts(path, most_pictures=pictures, said=said)
    except InputError as error:
        return {"unread": str(error)}
    return facts.row() | {"lines": list(facts.lines())}


def _declared(found: Declared) -> dict[str, Any]:
    return {
        "manifest": None if found.manifest is None else asdict(found.manifest),
        "metadata": dict(found.metadata),
        "mark": found.mark,
        "source_types": list(found.source_types),
        "unread": found.unread,
    }
