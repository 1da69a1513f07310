"""Live addresses: what is live, what FFmpeg is told, and that nothing shows the password."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidface.errors import UsageError
from vidface.media.live.address import LiveAddress, live_address


def of(text: str, *, realtime: bool = False) -> LiveAddress:
    found = live_address(text, realtime=realtime)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        ("rtsp://cam/s", "rtsp"),
        ("RTSPS://cam/s", "rtsp"),
        ("rtmp://cam/app/key", "rtmp"),
        ("srt://cam:9000", "stream"),
        ("udp://0.0.0.0:9000", "stream"),
        ("https://cam/live.m3u8?x=1", "http"),
        ("/dev/video0", "device"),
        ("v4l2:/dev/video0?size=1280x720&rate=30", "device"),
        ("chaos:clip.mp4?drop=1%", "player"),
    ],
)
def test_live_inputs_are_known(text: str, protocol: str) -> None:
    """Cameras and streams by their schemes."""
    assert of(text).protocol == protocol


@pytest.mark.parametrize("text", ["clip.mp4", "https://host/clip.mp4", "photos/", "C:/clip.mp4"])
def test_files_stay_files_unless_played_as_live(text: str) -> None:
    """A file is never dropped from, also one that is fetched."""
    assert live_address(text) is None
    assert of(text, realtime=True).protocol == "player"


def test_rtsp_goes_over_tcp_and_never_waits_for_ever() -> None:
    """Interleaved in TCP, with a time-out in FFmpeg's unit, and without the second of looking."""
    options = of("rtsp://cam/s").options("tcp", read_timeout_s=3)
    assert options["rtsp_transport"] == "tcp"
    assert options["timeout"] == "3000000"
    assert options["analyzeduration"] == "0"
    trusted = Path("door.pem")
    checked = of("rtsps://cam/s").options("tcp", read_timeout_s=3, trusted=trusted)
    assert (checked["tls_verify"], checked["ca_file"]) == ("1", "door.pem")
    assert "ca_file" not in of("rtsp://cam/s").options("tcp", read_timeout_s=3, trusted=trusted)
    assert "max_delay" in of("rtsp://cam/s").options("udp", read_timeout_s=3)


def test_rtmp_is_not_told_a_timeout_that_makes_it_a_server() -> None:
    """FFmpeg's rtmp takes `timeout` as: listen."""
    assert "timeout" not in of("rtmp://cam/app").options("tcp", read_timeout_s=3)


def test_a_camera_device_takes_size_and_rate() -> None:
    """What FFmpeg calls video_size and framerate."""
    device = of("v4l2:/dev/video3?size=1280x720&rate=30")
    assert device.url() == "/dev/video3"
    assert device.options("tcp", read_timeout_s=1) == {"video_size": "1280x720", "framerate": "30"}
    with pytest.raises(UsageError, match="'colour'"):
        live_address("v4l2:/dev/video3?colour=1")


def test_a_password_with_odd_signs_still_opens() -> None:
    """`@` and `/` of a password are escaped for FFmpeg, the host stays what it is."""
    assert of("rtsp://u:p/w@cam:8554/s").url() == "rtsp://u:p%2Fw@cam:8554/s"
    assert of("rtsp://u:p%40w@cam:8554/s").url() == "rtsp://u:p%40w@cam:8554/s"
    assert of("rtsp://u:p@ss@cam:8554/s").url() == "rtsp://u:p%40ss@cam:8554/s"
    assert of("rtsp://u:p@ss@cam:8554/s").door() == ("cam", 8554)


def test_what_reads_as_a_port_is_opened_as_one() -> None:
    """It may be how a password begins, so it is hidden; but a path with `@` behind a port opens as it did."""
    address = of("rtsp://cam:7070/live@main/ch1")
    assert address.url() == "rtsp://cam:7070/live@main/ch1"
    assert address.door() == ("cam", 7070)
    assert address.name == "rtsp://cam:***@main/ch1"


def test_nothing_printed_holds_the_password() -> None:
    """Not the name, not the object, not a message of FFmpeg that repeats the address or a part of it."""
    address = of("rtsp://u:hunter2@cam/s?token=abcdef")
    said = address.clean("failed: rtsp://u:hunter2@cam/s?token=abcdef (hunter2, abcdef)")
    for text in (address.name, repr(address), said):
        assert "hunter2" not in text
        assert "abcdef" not in text


@pytest.mark.parametrize("text", ["rtsp://", "rtsp://:554/s", "rtsp://cam:99999/s", "rtsp://cam:port/s"])
def test_an_address_without_host_or_port_is_refused(text: str) -> None:
    """With how to write it."""
    with pytest.raises(UsageError, match="write rtsp://"):
        live_address(text)


@pytest.mark.parametrize(
    ("text", "door"),
    [
        ("rtsp://cam/s", ("cam", 554)),
        ("rtmp://cam/s", ("cam", 1935)),
        ("udp://cam:9", None),
        ("chaos:a.mp4", None),
    ],
)
def test_the_door_is_where_tcp_connects(text: str, door: tuple[str, int] | None) -> None:
    """The protocol's own port where none is given; none where there is no connection."""
    assert of(text).door() == door


def test_segments_are_known_by_their_playlist() -> None:
    """They come in heaps, and stalls are told from pauses between them by longer patience."""
    assert of("https://cam/live.m3u8?x=1").segmented
    assert not of("https://cam/live.ts").segmented
    assert not of("rtsp://cam/live.m3u8").segmented
