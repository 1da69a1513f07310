"""The event's format is the one that is described, and the receiver's recipe works as it stands there."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from fractions import Fraction
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np

from vidface import events
from vidface.data import Faces, SourceInfo
from vidface.data.event import EVENT_KINDS
from vidface.data.identity import Identities, Identity
from vidface.events.log import EventLog, latest
from vidface.events.signature import signed
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks.events import Events

TEXT = events.__doc__ or ""


class Station(EventLog):
    """A station whose events go straight into a log."""

    camera, session = "door", "k1"

    def show(self, frame: object, comment: str = "") -> None:
        """Nobody looks."""


def test_every_key_and_kind_is_described(tmp_path: Path) -> None:
    """What the sink tells of two people, through the log: no key without its line, and the kinds by name."""
    sink = Events(debounce_s=1, name_s=0.25, linger_s=1)
    info = SourceInfo("cam", "rtsp", "h264", "yuv420p", 64, 48, Fraction(1, 90000), live=True)
    sink.start(Target(tmp_path, "events", info, station=Station(tmp_path)))
    rng = np.random.default_rng(1)
    for index in range(120):
        name = "Ann" if index < 40 else "Bob"
        who = Identities((Identity("known", name, 0.7, 0.2, name), Identity("unknown", None, 0.1)))
        picture = rng.integers(0, 255, (48, 64, 3), np.uint8)
        faces = Faces.of([(1, 2, 30, 40), (32, 2, 60, 40)], tracks=[1, 2])
        sink.process(frame_from_rgb(picture, index, Fraction(index, 8)), faces, who)
    sink.finish()
    rows = latest(tmp_path, 100)
    keys = {key for row in rows for key in row}
    told = set(re.findall(r"[a-z_]+", TEXT))
    assert {"before", "cause", "margin"} <= keys
    assert keys <= told | {"ranked_by"}
    assert set(EVENT_KINDS) <= told
    assert {row["kind"] for row in rows} == set(EVENT_KINDS) - {"camera_lost", "camera_back"}


def test_the_recipe_for_receivers_works() -> None:
    """The few lines are run as they stand in the description."""
    code = re.search(r"    def genuine.*?hmac.compare_digest\(own, v1\)\n", TEXT, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec(dedent(code[0]), names)
    header = signed(b"body", b"secret", now_s=time.time())
    assert names["genuine"](header, b"body", b"secret")
    assert not names["genuine"](header, b"other", b"secret")
    assert not names["genuine"](signed(b"body", b"secret", now_s=1), b"body", b"secret")
