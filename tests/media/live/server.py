"""A minimal RTSP server (RFC 2326, H.264 over RTP interleaved in TCP) that misbehaves when it is told to."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import av

_CLOCK_HZ = 90_000
_NTP_EPOCH_S = 2_208_988_800
_SSRC = 0x1234
_NONCE = "b2a7"


@dataclass(frozen=True)
class Coded:
    """A clip as access units: lists of NAL units, and whether decoding can begin there."""

    units: list[tuple[list[bytes], bool]]
    parameters: list[bytes]
    fps: float

    @classmethod
    def of(cls, clip: Path) -> Coded:
        with av.open(str(clip)) as container:
            stream = container.streams.video[0]
            extra = bytes(stream.codec_context.extradata or b"")
            units = [(_nals(bytes(p)), p.is_keyframe) for p in container.demux(stream) if p.size]
            return cls(units, _parameters(extra), float(stream.average_rate or 25))


def _nals(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 4 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def _parameters(avcc: bytes) -> list[bytes]:
    """SPS and PPS of an avcC box."""
    found, at = [], 5
    for mask in (0x1F, 0xFF):
        count, at = avcc[at] & mask, at + 1
        for _ in range(count):
            (size,) = struct.unpack_from(">H", avcc, at)
            found.append(avcc[at + 2 : at + 2 + size])
            at += 2 + size
    return found


@dataclass
class RtspServer:
    """Serves one clip, over and over, in real time, at rtsp://127.0.0.1:PORT/clip.

    Attributes:
        login: "user:password" that is asked for; by `scheme`, "Basic" or "Digest".
        coding, title: names in the SDP; the title as its bytes.
        reports: send RTCP sender reports with the time of day moved by `ahead_s`.
        stalled: while set nothing is sent, and the connections stay.
        jump_s: moves the times of what is sent.
        described: DESCRIBE requests so far.
        sent: RTP time -> when it was sent (monotonic seconds).
    """

    clip: Coded
    login: str | None = None
    scheme: str = "Digest"
    coding: str = "H264"
    title: bytes = b"clip"
    reports: bool = False
    ahead_s: float = 0.0
    jump_s: float = 0.0
    port: int = 0
    described: int = 0
    stalled: threading.Event = field(default_factory=threading.Event)
    sent: dict[int, float] = field(default_factory=dict)
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)

    def every(self, seconds: float) -> RtspServer:
        """A camera that sends a picture every so often."""
        self.clip = replace(self.clip, fps=1 / seconds)
        return self

    @property
    def url(self) -> str:
        login = f"{self.login}@" if self.login else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/clip"

    def start(self) -> RtspServer:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """As if the process were killed: connections break, the port is closed."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for client in self._open:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        self._open.clear()

    def __enter__(self) -> RtspServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        lock = threading.Lock()
        with suppress(OSError):
            for method, headers in _requests(client):
                answer, body = self._answer(method, headers)
                text = f"{answer}\r\nCSeq: {headers.get('cseq', '0')}\r\nContent-Length: {len(body)}\r\n\r\n"
                with lock:
                    client.sendall(text.encode() + body)
                if method == "PLAY" and answer.startswith("RTSP/1.0 200"):
                    threading.Thread(target=self._play, args=(client, lock), daemon=True).start()

    def _answer(self, method: str, headers: dict[str, str]) -> tuple[str, bytes]:
        ok = "RTSP/1.0 200 OK"
        if method == "OPTIONS":
            return f"{ok}\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN", b""
        if not self._knows(method, headers):
            ask = f'{self.scheme} realm="cam"' + (f', nonce="{_NONCE}"' if self.scheme == "Digest" else "")
            return f"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: {ask}", b""
        if method == "DESCRIBE":
            self.described += 1
            return f"{ok}\r\nContent-Type: application/sdp", self._sdp()
        if method == "SETUP":
            way = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
            return f"{ok}\r\n{way}\r\nSession: 7", b""
        return f"{ok}\r\nSession: 7", b""

    def _knows(self, method: str, headers: dict[str, str]) -> bool:
        if self.login is None:
            return True
        told = headers.get("authorization", "")
        if self.scheme == "Basic":
            return told == "Basic " + base64.b64encode(self.login.encode()).decode()
        user, _, password = self.login.partition(":")
        uri = (re.search(r'uri="([^"]*)"', told) or [None, ""])[1]
        secret = _md5(f"{user}:cam:{password}")
        return f'response="{_md5(f"{secret}:{_NONCE}:" + _md5(f"{method}:{uri}"))}"' in told

    def _sdp(self) -> bytes:
        sets = ",".join(base64.b64encode(item).decode() for item in self.clip.parameters)
        lines = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=@", "c=IN IP4 0.0.0.0", "t=0 0",
            "m=video 0 RTP/AVP 96", f"a=rtpmap:96 {self.coding}/{_CLOCK_HZ}",
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}", "a=control:track1", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode().replace(b"s=@", b"s=" + self.title)

    def _play(self, client: socket.socket, lock: threading.Lock) -> None:
        began, number, sequence, reported = time.monotonic(), 0, 0, -1
        with suppress(OSError):
            while True:
                units, _ = self.clip.units[number % len(self.clip.units)]
                due = number / self.clip.fps
                time.sleep(max(0.0, began + due - time.monotonic()))
                number += 1
                if self.stalled.is_set():
                    continue
                stamp = round(1000 + (due + self.jump_s) * _CLOCK_HZ) % 2**32
                packets = list(_rtp(self._whole(units, number), sequence, stamp))
                sequence = (sequence + len(packets)) % 2**16
                if self.reports and int(due) != reported:
                    reported = int(due)
                    packets.insert(0, _interleaved(1, _report(stamp, time.time() + self.ahead_s)))
                self.sent[stamp] = time.monotonic()
                with lock:
                    client.sendall(b"".join(packets))

    def _whole(self, units: list[bytes], number: int) -> list[bytes]:
        return (
            [*self.clip.parameters, *units]
            if self.clip.units[(number - 1) % len(self.clip.units)][1]
            else units
        )


def _requests(client: socket.socket) -> Iterator[tuple[str, dict[str, str]]]:
    pipe = client.makefile("rb")
    while line := pipe.readline():
        if line[:1] == b"$":  # a receiver report of the client, which may hold line ends
            return
        words = line.decode(errors="replace").split()
        headers = {}
        while text := pipe.readline().decode(errors="replace").strip():
            key, _, value = text.partition(":")
            headers[key.lower()] = value.strip()
        if words:
            yield words[0], headers


def _rtp(units: list[bytes], sequence: int, stamp: int) -> Iterator[bytes]:
    """Interleaved RTP packets of one access unit, the last one marked; big units in fragments (RFC 6184)."""
    payloads = [part for unit in units for part in _fragments(unit)]
    for place, payload in enumerate(payloads):
        marker = 0x80 if place == len(payloads) - 1 else 0
        head = struct.pack(">BBHII", 0x80, 96 | marker, (sequence + place) % 2**16, stamp, _SSRC)
        yield _interleaved(0, head + payload)


def _fragments(unit: bytes, size: int = 1400) -> Iterator[bytes]:
    if len(unit) <= size:
        yield unit
        return
    for at in range(1, len(unit), size):
        flags = (0x80 if at == 1 else 0) | (0x40 if at + size >= len(unit) else 0)
        yield bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F]) + unit[at : at + size]


def _report(stamp: int, utc_s: float) -> bytes:
    ntp = round((utc_s + _NTP_EPOCH_S) * 2**32)
    return struct.pack(">BBHIQIII", 0x80, 200, 6, _SSRC, ntp, stamp, 0, 0)


def _interleaved(channel: int, data: bytes) -> bytes:
    return b"$" + struct.pack(">BH", channel, len(data)) + data


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
