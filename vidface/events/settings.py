"""What the user says of events: `events:` of a file of cameras."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vidface.data.event import EventKind
from vidface.errors import UsageError

_STRICT: Final = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PLAIN: Final = ("http", "mqtt", "redis")
_RULES: Final = ("appear_s", "debounce_s", "name_s", "linger_s", "picture_px")


def _address(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            sound = (
                parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
        except ValueError:
            sound = False
        if not sound or any(not 32 < ord(letter) < 127 for letter in url):
            wanted = " or ".join(f"{scheme}://HOST" for scheme in schemes)
            raise ValueError(f"must be an address such as {wanted}, with odd characters written as %XX")
        return url

    return AfterValidator(check)


def _only(path: str, wanted: str) -> AfterValidator:
    """Nothing behind host and port but such a path: what has no meaning is not taken in silence."""

    def check(url: str) -> str:
        parts = urlsplit(url)
        if re.fullmatch(path, parts.path) is None or parts.query or parts.fragment:
            raise ValueError(
                f"must end with HOST[:PORT]{wanted}; what stands behind that has no meaning here"
            )
        return url

    return AfterValidator(check)


def _topic(text: str) -> str:
    if any(letter in text for letter in "+#\0") or not text.strip("/") or text.startswith("$"):
        raise ValueError("must be a topic without +, # and a leading $")
    return text.strip("/")


class Receiver(BaseModel):
    """What is said of every receiver far away."""

    model_config = _STRICT

    url: str = Field(repr=False)
    kinds: frozenset[EventKind] | None = Field(None, description="Send only these kinds of events; else all.")
    pictures: bool = Field(False, description="Send the best shot with an event.")
    timeout_s: float = Field(10.0, ge=0.1, le=120, description="Seconds to wait for an answer.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; else the system's.")
    spool_events: int = Field(10_000, ge=1, le=1_000_000, description="Most events that wait for it.")
    spool_h: float = Field(168, gt=0, le=8760, description="Most hours that an event waits for it.")
    spool_mb: int = Field(100, ge=1, le=100_000, description="Most megabytes of them.")

    @property
    def open_air(self) -> bool:
        """Faces and names travel unencrypted to another machine."""
        parts = urlsplit(self.url)
        return parts.scheme in _PLAIN and parts.hostname not in _LOOPBACK


class WebhookSettings(Receiver):
    """A receiver by HTTP POST."""

    url: Annotated[str, _address("https", "http")] = Field(
        repr=False, description="https://[USER:PASSWORD@]HOST[:PORT]/PATH; http:// is not encrypted."
    )
    secret_env: str | None = Field(
        None, min_length=1, description="Environment variable with the secret that bodies are signed with."
    )

    def secret(self) -> bytes | None:
        """The secret; None where none is wanted.

        Raises:
            UsageError: the variable is not set, or empty.
        """
        if self.secret_env is None:
            return None
        text = os.environ.get(self.secret_env, "")
        if not text:
            raise UsageError(
                f"events.webhook.secret_env names {self.secret_env}, but that environment variable is not set"
            )
        return text.encode()


class MqttSettings(Receiver):
    """A broker by MQTT 3.1.1."""

    url: Annotated[str, _address("mqtt", "mqtts"), _only("/?", "")] = Field(
        repr=False, description="mqtt://[USER:PASSWORD@]HOST[:1883], or mqtts:// with TLS (port 8883)."
    )
    topic: Annotated[str, AfterValidator(_topic)] = Field(
        "vidface", max_length=200, description="TOPIC/CAMERA/event, TOPIC/CAMERA/picture, TOPIC/availability."
    )


class RedisSettings(Receiver):
    """A stream of Redis."""

    url: Annotated[str, _address("redis", "rediss"), _only(r"/?|/\d{1,5}", "[/DATABASE]")] = Field(
        repr=False, description="redis://[[USER]:PASSWORD@]HOST[:6379][/DATABASE], or rediss:// with TLS."
    )
    stream: str = Field("vidface:events", min_length=1, max_length=200, description="Key of the stream.")
    most: int = Field(10_000, ge=1, description="Entries that the stream keeps, roughly.")


def tls_of(settings: Receiver) -> ssl.SSLContext:
    """Whom to trust.

    Raises:
        UsageError: the file of certificates cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=settings.ca)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"the certificates in {settings.ca} cannot be read: {reason}") from error


class EventSettings(BaseModel):
    """When something is told (see the output `events`), and to whom beside the log."""

    model_config = _STRICT

    appear_s: float | None = Field(None, description="Seconds a face must show before it has come.")
    debounce_s: float | None = Field(None, description="Seconds out of sight after which a face has left.")
    name_s: float | None = Field(None, description="Seconds a name must hold before it is told.")
    linger_s: float | None = Field(
        None, description="Seconds after which somebody nameless lingers; 0: never."
    )
    picture_px: int | None = Field(None, description="Widest side of a picture; 0: no pictures.")
    webhook: WebhookSettings | None = Field(None, description="A receiver by HTTP POST.")
    mqtt: MqttSettings | None = Field(None, description="A broker by MQTT.")
    redis: RedisSettings | None = Field(None, description="A stream of Redis.")

    def receivers(self) -> tuple[Receiver | None, ...]:
        """Who is told, in the order webhook, MQTT, Redis; None where nobody is."""
        return self.webhook, self.mqtt, self.redis

    def named(self) -> frozenset[str]:
        """The names of those who are told beside the log, which their folders of letters have."""
        names = ("webhook", "mqtt", "redis")
        return frozenset(name for name, one in zip(names, self.receivers(), strict=True) if one is not None)

    def overrides(self, output: str) -> tuple[str, ...]:
        """What is said here of the output `events` of a graph, as `node.param=value`."""
        said: dict[str, Any] = {name: getattr(self, name) for name in _RULES}
        return tuple(f"{output}.{name}={value}" for name, value in said.items() if value is not None)
