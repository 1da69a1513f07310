"""Settings: what is taken, what is refused, and that no password shows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from vidface.events.settings import EventSettings
from vidface.sinks.events import Events


def test_what_is_said_reaches_the_output() -> None:
    """Every name is a parameter of the sink; what is not said keeps the graph's value."""
    settings = EventSettings.model_validate({"linger_s": 90, "debounce_s": 0.5, "picture_px": 0})
    assert settings.overrides("events") == (
        "events.debounce_s=0.5",
        "events.linger_s=90.0",
        "events.picture_px=0",
    )
    for text in EventSettings(appear_s=1, debounce_s=1, name_s=1, linger_s=1, picture_px=1).overrides("e"):
        assert text.removeprefix("e.").split("=")[0] in Events.model_fields


@pytest.mark.parametrize(
    "said",
    [
        {"webhook": {"url": "ftp://ann:s3cret@host/"}},
        {"webhook": {"url": "https:///s3cret"}},
        {"webhook": {"url": "https://host:s3cret/"}},
        {"webhook": {"url": "https://host/s3cret\r\nX: 1"}},
        {"webhook": {"url": "https://ho st/s3cret"}},
        {"webhook": {"url": "https://höst/s3cret"}},
        {"webhook": {"url": "https://[s3cret/"}},
        {"webhook": {"url": "https://a.example", "secret_env": ""}},
        {"webhook": {"url": "https://a.example", "kinds": ["track_lost"]}},
        {"webhook": {"url": "https://a.example", "timeout_s": 0}},
        {"webhook": {"url": "https://a.example", "retries": 3}},
        {"webhook": {}},
        {"mqtt": {"url": "http://ann:s3cret@host"}},
        {"mqtt": {"url": "mqtt://host/s3cret"}},
        {"mqtt": {"url": "mqtt://host?s3cret=1"}},
        {"redis": {"url": "redis://host/s3cret"}},
        {"redis": {"url": "redis://host/2/s3cret"}},
        {"redis": {"url": "redis://host/2?s3cret=1"}},
        {"redis": {"url": "redis://host#s3cret"}},
        {"mqtt": {"url": "mqtt://host", "topic": "a/#"}},
        {"mqtt": {"url": "mqtt://host", "topic": "$SYS"}},
        {"mqtt": {"url": "mqtt://host", "topic": "/"}},
        {"mqqt": {}},
    ],
)
def test_what_is_wrong_is_refused_without_its_secrets(said: dict[str, Any]) -> None:
    """The message names the place, not what stood there."""
    with pytest.raises(ValidationError) as caught:
        EventSettings.model_validate(said)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in "".join(str(error["msg"]) for error in caught.value.errors())


def test_addresses_do_not_show_in_reprs() -> None:
    settings = EventSettings.model_validate(
        {"webhook": {"url": "https://a:s3cret@h/x"}, "mqtt": {"url": "mqtts://a:s3cret@h", "topic": "/a/b/"}}
    )
    assert "s3cret" not in repr(settings)
    assert settings.mqtt is not None
    assert settings.mqtt.topic == "a/b"
