"""LiveOptions: how a camera is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vidface.media.live.address import Transport
from vidface.media.live.retry import FIRST_S


def silent(_text: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a camera is watched.

    Attributes:
        retry: connections tried in a row before it is given up; None for no limit.
        transport: of RTSP.
        open_s: seconds to wait for a connection and its first packet.
        stall_s: seconds without a packet (but two frame intervals at least) that mean a lost camera.
        staleness_s: a frame that waited longer is dropped where a newer one is there.
        first_wait_s: before the second try; later waits double up to a minute.
        threads: of the decoder; 0 chooses.
        seed: of the jitter.
        tell: is told, in sentences without passwords, what happens to the connection.
    """

    retry: int | None = None
    transport: Transport = "tcp"
    open_s: float = 10.0
    stall_s: float = 2.0
    staleness_s: float = 0.5
    first_wait_s: float = FIRST_S
    threads: int = 0
    seed: int | None = None
    tell: Callable[[str], None] = silent
