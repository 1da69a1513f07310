"""LiveAddress: what an address means, and what FFmpeg is told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from vidface.data.address import masked, secrets_of
from vidface.errors import UsageError
from vidface.media.live.chaos import CHAOS, Chaos

Protocol = Literal["rtsp", "rtmp", "stream", "http", "device", "player"]
Transport = Literal["tcp", "udp"]

_SCHEMES: dict[str, Protocol] = {
    "rtsp": "rtsp", "rtsps": "rtsp",
    "rtmp": "rtmp", "rtmps": "rtmp", "rtmpt": "rtmp",
    "udp": "stream", "srt": "stream", "tcp": "stream", "rtp": "stream",
}  # fmt: skip
_LIVE_HTTP = (".m3u8", ".ts", ".flv", ".mjpg", ".mjpeg", ".cgi")
_KNOWN_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_DEVICE = re.compile(r"(?:v4l2:)?(/dev/video\d+)(?:\?(.*))?")
_DEVICE_OPTIONS = {"size": "video_size", "rate": "framerate", "format": "input_format"}
_ODD = re.compile(r"(?!\d*/).*[@/?#]", re.DOTALL)
"""A secret to be escaped; not digits and a slash: to everybody else they are a port and a path."""
_UDP_BYTES = 4 * 2**20  # a key frame of a 4K camera comes at once


@dataclass(frozen=True, slots=True)
class LiveAddress:
    """One live input.

    Attributes:
        text: as given, with its password; not shown by `repr`.
        protocol: "stream" is MPEG-TS or RTP over a socket, "device" a webcam, "player" a file that is
            played as if live (with faults, where it is a chaos address).
        chaos: the faults, for a player.
    """

    text: str = field(repr=False)
    protocol: Protocol
    chaos: Chaos | None = None

    @property
    def name(self) -> str:
        """As people should see it."""
        return masked(self.text, whole=True)

    @property
    def scheme(self) -> str:
        """Lower case, e.g. "rtsps"."""
        return self.text.partition(":")[0].lower()

    def clean(self, message: str) -> str:
        """A message that may repeat the address or its password, without the password."""
        text = masked(message)
        for secret in (*secrets_of(self.text), *secrets_of(self.url())):
            text = text.replace(secret, "***") if len(secret) > 2 else text
        return text

    @property
    def segmented(self) -> bool:
        """It comes in segments of some seconds (HLS), not packet by packet."""
        return self.protocol == "http" and urlsplit(self.text).path.lower().endswith(".m3u8")

    def door(self) -> tuple[str, int] | None:
        """Host and port that a TCP connection is made to; None where there is none."""
        parts = urlsplit(self.url())
        if self.protocol not in ("rtsp", "rtmp", "http") or not parts.hostname:
            return None
        return parts.hostname, parts.port or _KNOWN_PORTS[self.scheme]

    def url(self) -> str:
        """What FFmpeg opens. A password's `@`, `/` and the like are escaped, as RFC 3986 wants them."""
        device = _DEVICE.fullmatch(self.text)
        if device:
            return device[1]
        found = [secret for secret in secrets_of(self.text) if _ODD.match(secret)]
        text = self.text
        for secret in found:
            escaped = re.sub(r"[@/?#:]", lambda match: f"%{ord(match[0]):02X}", secret)
            text = text.replace(f":{secret}@", f":{escaped}@", 1)
        return text

    def format(self) -> str | None:
        """Container to expect; None lets FFmpeg look."""
        formats = {"device": "v4l2", "stream": "mpegts", "rtsp": "rtsp"}
        return None if self.scheme == "rtp" else formats.get(self.protocol)

    def options(
        self, transport: Transport, *, read_timeout_s: float, sound: bool = False, trusted: Path | None = None
    ) -> dict[str, str]:
        """FFmpeg's options: little delay, and an end to waiting.

        Args:
            trusted: certificates (PEM); that of an rtsps:// camera must be one of them or signed by one, and
                be made out to its host. FFmpeg takes any certificate where none are given.
        """
        micros = str(round(read_timeout_s * 1e6))
        if self.protocol == "rtsp":
            options = {
                "rtsp_transport": transport,
                # RTSP can leave the sound where it is.
                "allowed_media_types": "video+audio" if sound else "video",
                "timeout": micros,
                # Everything needed stands in the SDP, or is found by the decoder: looking costs a second.
                "probesize": "32",
                "analyzeduration": "0",
            }
            if trusted is not None and self.scheme == "rtsps":
                options |= {"tls_verify": "1", "ca_file": str(trusted)}
            udp = {"buffer_size": str(_UDP_BYTES), "max_delay": "100000"}
            return options | udp if transport == "udp" else options
        if self.protocol == "device":
            asked = parse_qsl(_device(self.text)[2] or "")
            return {_DEVICE_OPTIONS[key]: value for key, value in asked}
        options = {"analyzeduration": "1000000", "probesize": "500000", "fpsprobesize": "0"}
        if self.protocol == "rtmp":
            return options | {"rtmp_live": "live"}  # `timeout` would make FFmpeg the server
        if self.protocol == "http":
            return options | {"rw_timeout": micros, "live_start_index": "-2"}
        if self.scheme == "udp":
            options |= {"buffer_size": str(_UDP_BYTES), "fifo_size": str(_UDP_BYTES // 188)}
            options |= {"overrun_nonfatal": "1"}
        return options | {"timeout": micros}


def live_address(text: str | Path, *, realtime: bool = False) -> LiveAddress | None:
    """What a live address means; None for anything that is read as a file.

    Args:
        text: `rtsp://`, `rtsps://`, `rtmp://`, `srt://`, `udp://`, `rtp://` and `tcp://` (MPEG-TS), a
            playlist or stream by HTTP (.m3u8, .ts, .flv, .mjpg), `/dev/video0` or
            `v4l2:/dev/video0?size=1280x720&rate=30`, `chaos:clip.mp4?...` (see `chaos`).
        realtime: anything else is played as if it were live.

    Raises:
        UsageError: the address cannot be understood.
    """
    address = str(text)
    if address.startswith(CHAOS):
        return LiveAddress(address, "player", Chaos.parse(address))
    if _DEVICE.fullmatch(address):
        _check_device(address)
        return LiveAddress(address, "device")
    scheme = address.partition("://")[0].lower() if "://" in address else ""
    protocol = _SCHEMES.get(scheme)
    if protocol is None and scheme in ("http", "https"):
        live = urlsplit(address).path.lower().endswith(_LIVE_HTTP)
        protocol = "http" if live else None
    if protocol is None:
        return LiveAddress(address, "player", Chaos(address)) if realtime else None
    _check_host(address)
    return LiveAddress(address, protocol)


def _device(text: str) -> re.Match[str]:
    found = _DEVICE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text} is no camera device; write /dev/video0 or v4l2:/dev/video0?size=1280x720")
    return found


def _check_device(text: str) -> None:
    unknown = [key for key, _ in parse_qsl(_device(text)[2] or "") if key not in _DEVICE_OPTIONS]
    if unknown:
        raise UsageError(f"{text}: a camera takes {', '.join(_DEVICE_OPTIONS)}, but got {unknown[0]!r}")


def _check_host(text: str) -> None:
    name = masked(text, whole=True)
    try:
        parts = urlsplit(LiveAddress(text, "rtsp").url())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(
            f"{name}: the port must be a number up to 65535; write rtsp://host:554/path"
        ) from None
    if not host:
        raise UsageError(f"{name}: wanted a host after ://; write rtsp://user:password@host:554/path")
