"""Hear: what of a run has to do with sound: the input's own track, or the file that stands in for it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidface.data.digest import sha256_of
from vidface.data.sound import SoundSource
from vidface.data.source import SourceInfo
from vidface.data.times import time_text
from vidface.graph.plan import Plan

if TYPE_CHECKING:
    from vidface.media.sound import SoundFile


def stand_in(path: str | Path | None) -> SoundFile | None:
    """Look at the file that `--audio` names; None where none is named.

    Raises:
        InputError: it cannot be read or has no sound.
    """
    from vidface.media.sound import sound_file

    return None if path is None else sound_file(Path(path))


def origin(info: SourceInfo) -> Fraction:
    """Seconds of the input's clock at which it begins."""
    return info.start or Fraction(0)


def hearing(
    plan: Plan, info: SourceInfo, *, clip: Path, file: SoundFile | None, start: float | None
) -> SoundSource | None:
    """What gives each frame its sound; None where nothing in the plan listens.

    Raises:
        InputError: the sound cannot be opened.
    """
    if not plan.hears:
        return None
    from vidface.media.sound import Silence, SoundReader

    begin = None if start is None else Fraction(str(start))
    if file is not None:
        return SoundReader(file.path, start=begin, lead=file.lead(origin(info)))
    if not clip.is_file():
        what = "an address or a folder"
        return Silence(f"{info.name} is {what}, whose sound is not read; --audio names a file with sound")
    return SoundReader(clip, start=begin)


def sound_facts(file: SoundFile | None) -> dict[str, Any] | None:
    """The file that stands in, for run.json."""
    if file is None:
        return None
    return {
        "path": str(file.path),
        "bytes": file.path.stat().st_size,
        "sha256": sha256_of(file.path),
        "codec": file.codec,
        "duration": time_text(file.duration),
    }
