"""Letters: an event as it travels, the same for a webhook, a broker and the spool.

    {"version": 1, "id": "0f8c...", "event": {"kind": "track_left", ..., "shot": "..."}, "picture": "..."}

id is given once: a letter that comes a second time, since its receipt got lost, has the same. picture is a
JPEG in Base64, and there only where pictures are asked for. shot is its name in the log of the machine that
watches.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any, Final

from vidface.data import oncejson
from vidface.data.event import EVENT_KINDS, Event
from vidface.events.log import shot_name

VERSION: Final = 1
_ID: Final = re.compile(r"[0-9a-f]{32}")


def letter_of(event: Event, *, pictures: bool) -> dict[str, Any]:
    """A new letter.

    Raises:
        ValueError, OverflowError: the event's time is none, or a detail is no plain value.
    """
    row = event.row() | {"shot": shot_name(event)}
    letter: dict[str, Any] = {"version": VERSION, "id": uuid.uuid4().hex, "event": row}
    if pictures and event.picture is not None:
        letter["picture"] = base64.b64encode(event.picture).decode()
    return letter


def pack(letter: dict[str, Any]) -> bytes:
    """As JSON (UTF-8), without spaces."""
    text = json.dumps(letter, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="replace")


def unpack(data: bytes) -> dict[str, Any] | None:
    """What `pack` made; None where it is damaged."""
    try:
        letter = oncejson.read(data)
        sound = (
            letter["event"]["kind"] in EVENT_KINDS
            and _ID.fullmatch(letter["id"]) is not None
            and picture_of(letter) != b""
        )
    except (ValueError, KeyError, TypeError):
        return None
    return letter if sound else None


def picture_of(letter: dict[str, Any]) -> bytes | None:
    """The JPEG in a letter."""
    text = letter.get("picture")
    return None if text is None else base64.b64decode(text, validate=True)
