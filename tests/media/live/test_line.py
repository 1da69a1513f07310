"""What is said of a camera that is not there."""

from __future__ import annotations

from vidface.media.live.address import live_address
from vidface.media.live.line import Line
from vidface.media.live.options import LiveOptions
from vidface.media.live.wire import Trouble


def told(transport: str, trouble: Trouble) -> str:
    said: list[str] = []
    address = live_address("rtsp://u:hunter2@127.0.0.1:9/s")
    assert address is not None
    options = LiveOptions(transport=transport, first_wait_s=0.01, tell=said.append)  # type: ignore[arg-type]
    line = Line(address, options)
    line.goes_on(trouble)
    line.close()
    return said[0]


def test_silence_over_udp_names_the_other_way() -> None:
    """Firewalls let the connection pass, and not what it is for."""
    assert "--rtsp-transport tcp" in told("udp", Trouble("silent", "nothing came for 10 s"))
    assert "--rtsp-transport" not in told("tcp", Trouble("silent", "nothing came for 10 s"))
    assert "--rtsp-transport" not in told("udp", Trouble("refused", "nobody listens there"))


def test_what_ffmpeg_repeats_is_masked() -> None:
    """The address and the bare password."""
    text = told("tcp", Trouble("other", "rtsp://u:hunter2@127.0.0.1:9/s: hunter2 is bad"))
    assert "hunter2" not in text
    assert text.startswith("rtsp://u:***@127.0.0.1:9/s: ")
