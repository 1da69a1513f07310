"""Facts of a file's video stream: how it is coded and timed, who wrote it, and what that can mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from vidface.data.times import time_text
from vidface.errors import VidfaceError
from vidface.media._streamboxes import read_boxes
from vidface.media._streamgop import KeyFrames, Type, key_frames, types_of
from vidface.media._streamhints import (
    Hint,
    coding_hints,
    credential_hints,
    history_hints,
    sound_hints,
    stream_hints,
    time_hints,
)
from vidface.media._streamhistory import History, history_of
from vidface.media._streamread import Reading, read_stream
from vidface.media._streamtimes import Times, times_of
from vidface.media._streamtwice import MEASURED, Twice, twice_coded
from vidface.media.declared import Declared, declared

MOST_PICTURES: Final = 1500
"""Pictures that are decoded for their types: a minute at 25 a second."""


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a file's video stream tells of its past. Hints are no proof: each says what is innocent.

    Attributes:
        container, codec: FFmpeg's names.
        packets: of the video, all of them.
        pictures: that were decoded and looked at, from the start on.
        keys: distances between key frames, over all packets.
        types: "I", "P", "B" -> counts, bytes and quantisers of the decoded pictures.
        times: None for bare streams, which have none.
        sound: begin and end of the sound in seconds as text, None without.
        history: programs, devices, dates, edit lists.
        twice: the strongest period of dear pictures; None where there are too few, or in other codecs than
            H.264.
        declared: content credentials and metadata; None where they could not be read, see `unread`.
        unread: why not.
        left_out: sentences on what could not be told.
        hints: what a reviewer should know, in plain sentences.
    """

    container: str
    codec: str
    packets: int
    pictures: int
    keys: KeyFrames
    types: Mapping[str, Type]
    times: Times | None
    sound: tuple[str, str] | None
    history: History
    twice: Twice | None
    declared: Declared | None
    unread: str
    left_out: tuple[str, ...]
    hints: tuple[Hint, ...]

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        found = self.declared
        manifest = found.manifest if found is not None else None
        return {
            "container": self.container,
            "codec": self.codec,
            "packets": self.packets,
            "pictures": self.pictures,
            "key_frames": self.keys.row(),
            "types": {name: one.row() for name, one in self.types.items()},
            "times": None if self.times is None else self.times.row(),
            "sound": None if self.sound is None else list(self.sound),
            "history": self.history.row(),
            "twice": None if self.twice is None else self.twice.row(),
            "c2pa": None if manifest is None else asdict(manifest),
            "c2pa_unread": self.unread or None,
            "left_out": list(self.left_out),
            "hints": [hint.row() for hint in self.hints],
        }

    def lines(self) -> tuple[str, ...]:
        """The facts in plain sentences, without the hints."""
        return tuple(_sentences(self))


def stream_facts(
    path: Path, *, most_pictures: int = MOST_PICTURES, said: Declared | None = None
) -> StreamFacts:
    """Read every packet of a file, decode its first pictures, and say what that tells.

    Args:
        path: a file.
        most_pictures: decoded for types and quantisers; the rest is read, not decoded.
        said: what `declared` gave for this file, where that is known; else it is read here.

    Raises:
        InputError: it cannot be read or holds no video.
    """
    reading = read_stream(path, most_pictures=most_pictures)
    times, keys, twice = times_of(reading), key_frames(reading), twice_coded(reading)
    history = history_of(reading, read_boxes(path))
    found, unread = (said, "") if said is not None else _declared(path)
    types = types_of(reading)
    hints = (
        *stream_hints(reading),
        *history_hints(history),
        *coding_hints(reading, keys, twice),
        *time_hints(times),
        *sound_hints(reading, times),
        *credential_hints(found),
    )
    sound = reading.sound
    return StreamFacts(
        container=reading.container,
        codec=reading.codec,
        packets=len(reading.packets),
        pictures=len(reading.pictures),
        keys=keys,
        types=types,
        times=times,
        sound=None if sound is None else (time_text(sound[0]), time_text(sound[1])),
        history=history,
        twice=twice,
        declared=found,
        unread=unread,
        left_out=tuple(_left_out(reading, types, twice, most_pictures)),
        hints=hints,
    )


def _declared(path: Path) -> tuple[Declared | None, str]:
    try:
        return declared(path), ""
    except VidfaceError as error:
        return None, str(error)


def _left_out(reading: Reading, types: Mapping[str, Type], twice: Twice | None, most: int) -> list[str]:
    said = []
    if not reading.timed:
        said.append("The stream is bare: it states no times, so nothing can be said of its rate.")
    packets, pictures = len(reading.packets), len(reading.pictures)
    if packets > pictures >= most:
        said.append(f"Types were looked at in {pictures} of {packets} pictures.")
    elif packets > pictures:
        said.append(f"{packets - pictures} of {packets} packets gave no picture of their own.")
    if not any(one.qp_mean == one.qp_mean for one in types.values()):
        said.append(f"The decoder of {reading.codec} does not tell quantisers.")
    if reading.codec not in MEASURED:
        said.append(
            f"Traces of an earlier coding were not looked for: nobody measured what they are worth in "
            f"{reading.codec}."
        )
    elif twice is None:
        said.append("There are too few predicted pictures to look for an earlier coding.")
    return said


def _sentences(facts: StreamFacts) -> list[str]:
    kinds = ", ".join(f"{one.count} {name}" for name, one in facts.types.items())
    said = [
        f"{facts.codec} in {facts.container}, {facts.packets} packets; of {facts.pictures} pictures {kinds}"
    ]
    keys = facts.keys
    if keys.usual:
        how = "all" if keys.regular else "mostly"
        said.append(f"{keys.count} key frames, {how} {keys.usual} pictures apart, at most {keys.longest}")
    else:
        said.append(f"{keys.count} key frame{'' if keys.count == 1 else 's'}")
    for name, one in facts.types.items():
        qp = f", quantiser {one.qp_mean:.1f} ({one.qp_low:.0f} to {one.qp_high:.0f})"
        size = f"{one.bytes_median:.0f} bytes" if one.bytes_median == one.bytes_median else "size not known"
        said.append(f"{name} pictures: {size} in the middle{qp if one.qp_mean == one.qp_mean else ''}")
    if facts.times is not None:
        rate = "constant" if facts.times.constant else "varying"
        said.append(f"times: {rate} rate, usual step {time_text(facts.times.step)} s")
    said += [f"coder: {text}" for text in facts.history.coders]
    if facts.history.settings:
        said.append("settings: " + ", ".join(f"{k}={v}" for k, v in facts.history.settings.items()))
    if facts.twice is not None:
        said.append(
            f"earlier coding: period {facts.twice.period}, strength {facts.twice.strength:.1f} "
            f"(a hint from {facts.twice.row()['hint_from']} on)"
        )
    return said + list(facts.left_out)
