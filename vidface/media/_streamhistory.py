"""Who wrote a file: programs and devices that its metadata and its stream name, and their settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from vidface.data.times import time_text
from vidface.media._streamboxes import Boxes, Track
from vidface.media._streamread import Reading

EDITORS: Final[tuple[str, ...]] = (
    *("Adobe Premiere", "After Effects", "Adobe Media Encoder", "DaVinci Resolve", "Final Cut", "iMovie"),
    *("CapCut", "InShot", "KineMaster", "Filmora", "Vegas", "Avid", "Shotcut", "Kdenlive", "OpenShot"),
    *("Blender", "Camtasia", "PowerDirector", "HandBrake", "VirtualDub", "Avidemux", "Clipchamp"),
    *("MoviePy", "imageio", "vidface", "TikTok", "Snapchat", "YouTube"),
)
"""Programs that cut, change or convert footage, and services that convert what is uploaded."""
CAMERAS: Final[tuple[str, ...]] = (
    *("com.apple.quicktime.make", "com.apple.quicktime.model", "com.android.version"),
    *("com.android.manufacturer", "com.android.model", "make", "model"),
)
"""Keys under which cameras and phones name themselves."""

_LIBRARIES: Final = re.compile(r"\b(Lavf|Lavc|libx26[45]|x26[45]|GPAC|mp4box|libebml|libmatroska)", re.I)
_HANDLERS: Final = {
    "Core Media": "Apple",
    "Apple": "Apple",
    "GoPro": "GoPro",
    "SoundHandle": "Android",
    "VideoHandle": "Android",
    "Mainconcept": "MainConcept (Adobe)",
    "ISO Media file produced by Google": "Google",
}
"""Words in a handler's name -> whose program wrote it. FFmpeg keeps handlers of the file it converts."""
_DELAY_S: Final = 0.3
"""So much a coder's delay hides at the begin of sound, and its last block at the end."""
_PLAIN_HANDLERS: Final = frozenset({"VideoHandler", "SoundHandler", "DataHandler"})
_CODER_ENDS: Final = re.compile(r" - (?:H\.26|Copyleft|Copyright|options:)")
_SETTINGS: Final = ("crf", "qp", "bitrate", "rc", "keyint", "scenecut", "bframes", "ref", "qpmin", "qpmax")


@dataclass(frozen=True, slots=True)
class History:
    """What a file says of the programs that wrote it.

    Attributes:
        libraries: texts that name a multiplexer or coder, e.g. "Lavf58.29.100".
        editors: texts that name a program or service which changes footage.
        devices: texts in which a camera or phone names itself.
        handlers: names of track handlers that tell whose program made the tracks.
        coders: names of coders that wrote into the stream, each once.
        parts: how many different texts they wrote there, settings and all; more than one in joined streams.
        settings: of the first of them: crf, qp, rc, keyint, ... as written.
        created, modified: of container and tracks, each once, UTC.
        edits: lists of the tracks that do more than skip a coder's delay.
        order: boxes at the top of an MP4 or MOV.
    """

    libraries: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    handlers: tuple[str, ...] = ()
    coders: tuple[str, ...] = ()
    parts: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    created: tuple[datetime, ...] = ()
    modified: tuple[datetime, ...] = ()
    edits: tuple[tuple[dict[str, Any], ...], ...] = ()
    order: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """A plain dict, ready for JSON."""
        return {
            "libraries": list(self.libraries),
            "editors": list(self.editors),
            "devices": list(self.devices),
            "handlers": list(self.handlers),
            "coders": list(self.coders),
            "parts": self.parts,
            "settings": dict(self.settings),
            "created": [one.isoformat() for one in self.created],
            "modified": [one.isoformat() for one in self.modified],
            "edit_lists": [list(edits) for edits in self.edits],
            "boxes": list(self.order),
        }


def history_of(reading: Reading, boxes: Boxes | None) -> History:
    """Sort what a reading and an index name."""
    texts = reading.metadata
    named = {value.strip() for value in texts.values() if value.strip()}
    handlers = [text for key, text in texts.items() if key.lower().endswith("handler_name")]
    handlers += [track.handler for track in boxes.tracks] if boxes else []
    index = boxes or Boxes(())
    return History(
        libraries=_sorted(text for text in named if _LIBRARIES.search(text)),
        editors=_sorted(text for text in named if any(one.lower() in text.lower() for one in EDITORS)),
        devices=_sorted(text for key, text in texts.items() if key.split(": ")[-1].lower() in CAMERAS),
        handlers=_sorted(one for one in handlers if one and one not in _PLAIN_HANDLERS),
        coders=tuple(dict.fromkeys(_CODER_ENDS.split(text)[0] for text in reading.texts)),
        parts=len(reading.texts),
        settings=settings_of(reading.texts[0]) if reading.texts else {},
        created=_dates([index.created, *(track.created for track in index.tracks)]),
        modified=_dates([index.modified, *(track.modified for track in index.tracks)]),
        edits=tuple(edits for track in index.tracks if (edits := _edits(track, _delay(reading)))),
        order=index.order,
    )


def settings_of(text: str) -> dict[str, str]:
    """Settings in what x264 or x265 wrote into a stream, those that matter here."""
    options = dict(re.findall(r"(\w+)=([^\s/]+)", text.rpartition("options:")[2]))
    return {name: options[name] for name in _SETTINGS if name in options}


def maker_of(handler: str) -> str | None:
    """Whose program writes such a handler's name; None where it is not known."""
    return next((maker for word, maker in _HANDLERS.items() if word.lower() in handler.lower()), None)


def _edits(track: Track, delay: Fraction) -> tuple[dict[str, Any], ...]:
    """An edit list as plain rows; empty where it only skips a coder's delay at the start.

    The only entry of a list also says how many seconds are stored before and after what it shows.
    """
    rows: list[dict[str, Any]] = [
        {
            "track": track.kind,
            "start": None if one.start is None else time_text(one.start),
            "length": time_text(one.length),
        }
        for one in track.edits
    ]
    if len(rows) > 1 or any(row["start"] is None for row in rows):
        return tuple(rows)
    before, after = track.hidden()
    # The first picture's own time stands so much behind the begin of what is stored.
    before = max(before - delay, Fraction(0)) if track.kind == "vide" else before
    if max(before, after) <= _DELAY_S:
        return ()
    return tuple(row | {"before": time_text(before), "after": time_text(after)} for row in rows)


def _delay(reading: Reading) -> Fraction:
    """Seconds for which a decoder of the video waits, so that pictures can be put in order."""
    first = next((one for one in reading.packets if one.pts is not None and one.dts is not None), None)
    if first is None or first.pts is None or first.dts is None:
        return Fraction(0)
    return max(first.pts - first.dts, 0) * reading.time_base


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))


def _dates(values: Iterable[datetime | None]) -> tuple[datetime, ...]:
    return tuple(sorted({one for one in values if one is not None}))
