"""Event: refuses unknown kinds, keeps its details to itself, and becomes a plain row."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType
from typing import Any, cast

import pytest

from vidface.data.event import Event
from vidface.errors import UsageError


def test_the_row_is_plain_and_says_utc() -> None:
    event = Event("track_left", "door", 1.5, Fraction(1, 3), track="a-7", details=MappingProxyType({"n": 2}))
    assert event.row() == {
        "kind": "track_left",
        "camera": "door",
        "at": "1970-01-01T00:00:01.500Z",
        "time": "0.333333",
        "track": "a-7",
        "name": None,
        "n": 2,
    }


def test_details_cannot_be_changed_from_outside() -> None:
    details = {"n": 2}
    event = Event("camera_lost", "door", 0.0, details=MappingProxyType(details))
    details["n"] = 3
    assert event.details["n"] == 2


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of track_started"):
        Event(cast(Any, "burglar"), "door", 0.0)
