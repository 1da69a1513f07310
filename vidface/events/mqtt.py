"""Mqtt: letters to a broker, confirmed (QoS 1), and whether anybody watches at all.

    TOPIC/availability       online or offline, retained; the broker itself says offline when we are gone
    TOPIC/CAMERA/event       a letter as JSON, without its picture
    TOPIC/CAMERA/picture     the JPEG, just before the event, where pictures are asked for

Nothing of what happened is retained by the broker.
"""

from __future__ import annotations

import re
import sys
import threading
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from vidface.errors import UsageError
from vidface.events.courier import UndeliveredError
from vidface.events.letter import pack, picture_of
from vidface.events.reason import reason_of
from vidface.events.settings import MqttSettings, tls_of

AVAILABLE, GONE = "online", "offline"
_QOS: Final = 1
_KEEPALIVE_S: Final = 30
_LONGEST_S: Final = 30
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_GOODBYE_S: Final = 1.0
_LONGEST_NAME: Final = 200
_REFUSES: Final = "refuses the connection"


class Mqtt:
    """A connection to a broker that is made anew whenever it is lost.

    Raises:
        UsageError: paho-mqtt is not installed, or the file of certificates cannot be read.
    """

    def __init__(self, settings: MqttSettings) -> None:
        try:
            from paho.mqtt import client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise UsageError(
                "sending events by MQTT needs paho-mqtt, which is not installed: pip install 'vidface[mqtt]'"
            ) from None
        parts = urlsplit(settings.url)
        self._host, self._port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._topic = settings.topic
        self._timeout_s = settings.timeout_s
        self._up = threading.Event()
        self._closed = False
        self._why = f"there was no answer for {self._timeout_s:g} s"
        self._refused = False
        self._waiting: tuple[str, list[Any]] | None = None
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_connect, client.on_disconnect = self._connected, self._disconnected
        client.on_connect_fail = self._failed
        client.connect_timeout = settings.timeout_s
        client.will_set(f"{self._topic}/availability", GONE, _QOS, retain=True)
        client.reconnect_delay_set(1, _LONGEST_S)
        if parts.username is not None:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            client.tls_set_context(tls_of(settings))
        client.connect_async(self._host, self._port, _KEEPALIVE_S)
        client.loop_start()

    @property
    def name(self) -> str:
        """The broker's host and port."""
        return f"MQTT broker {self._host}:{self._port}"

    def carry(self, letter: dict[str, Any]) -> None:
        """Publish a letter and wait until the broker has confirmed it.

        Raises:
            UndeliveredError: there is no connection, or no confirmation in time.
        """
        if not self._up.wait(self._timeout_s) or self._closed:
            raise UndeliveredError(self._why)
        # What was published and not confirmed is sent again by the library itself, once it is connected.
        if self._waiting is None or self._waiting[0] != letter["id"]:
            self._waiting = (letter["id"], self._publish(letter))
        for message in self._waiting[1]:
            try:
                message.wait_for_publish(self._timeout_s)
                done = message.is_published()
            except (RuntimeError, ValueError):  # the connection went just then: the library did not take it
                self._waiting = None
                raise UndeliveredError("the connection was lost") from None
            if not done:
                raise UndeliveredError(f"no confirmation for {self._timeout_s:g} s")
        self._waiting = None

    def close(self) -> None:
        """Say that nobody watches any more, and go."""
        if self._up.is_set():
            said = self._client.publish(f"{self._topic}/availability", GONE, _QOS, retain=True)
            try:
                said.wait_for_publish(_GOODBYE_S)
            except (RuntimeError, ValueError):
                self._up.clear()
        self._closed = True
        self._why = "nobody watches any more"
        self._client.disconnect()
        self._client.loop_stop()
        self._up.set()

    def _publish(self, letter: dict[str, Any]) -> list[Any]:
        place = f"{self._topic}/{topic_level(str(letter['event'].get('camera', '')))}"
        picture = picture_of(letter)
        words = pack({key: value for key, value in letter.items() if key != "picture"})
        messages = [] if picture is None else [self._client.publish(f"{place}/picture", picture, _QOS)]
        return [*messages, self._client.publish(f"{place}/event", words, _QOS)]

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._why, self._refused = f"{_REFUSES} ({str(reason).lower()})", True
            return
        client.publish(f"{self._topic}/availability", AVAILABLE, _QOS, retain=True)
        self._up.set()

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._up.is_set():
            self._why = f"the connection was lost ({str(reason).lower()})"
        elif not self._refused:
            self._why = f"it ended the connection before it took anything ({str(reason).lower()})"
        self._refused = False
        self._up.clear()

    def _failed(self, _client: Any, _data: Any) -> None:
        # The library tells in which case it calls, but not why: it is busy with that error.
        error = sys.exception()
        if isinstance(error, OSError):
            self._why = reason_of(error, self._timeout_s)
        else:
            self._why = "nobody answers there"


def topic_level(name: str) -> str:
    """A camera's name as one level of a topic: /, +, #, control characters and half letters become _."""
    return (
        re.sub(r"[/+#\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]", "_", name)[:_LONGEST_NAME]
        or "_"
    )
