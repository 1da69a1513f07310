"""Addresses as people see them: no password, however it is written."""

from __future__ import annotations

import pytest

from vidface.data.address import is_address, masked, secrets_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://u:secret@cam:554/s", "rtsp://u:***@cam:554/s"),
        ("rtsp://u:sec@ret@cam/s", "rtsp://u:***@cam/s"),
        ("rtsp://u:sec/ret@cam/s", "rtsp://u:***@cam/s"),
        ("rtsp://u:se@/cret@cam/s", "rtsp://u:***@cam/s"),
        ("rtsp://u:se@c/ret@cam/s", "rtsp://u:***@cam/s"),
        ("rtsp://u:sec#ret?@cam/s", "rtsp://u:***@cam/s"),
        ("rtsp://u@cam/s", "rtsp://u@cam/s"),
        ("rtsp://[::1]:554/s", "rtsp://[::1]:554/s"),
        ("http://h:80/a?token=secret&b=1", "http://h:80/a?token=***&b=1"),
        ("rtsp://h/s?user=admin&password=secret&ch=1", "rtsp://h/s?user=admin&password=***&ch=1"),
        ("srt://h:9?passphrase=secret", "srt://h:9?passphrase=***"),
        ("http://h/@someone/clip", "http://h/@someone/clip"),
        ("udp://@239.0.0.1:1234", "udp://@239.0.0.1:1234"),
        ("cannot open rtsp://a:secret@c, nor rtsp://d:secret@f/x", "cannot open rtsp://a:***@c, nor rtsp://d:***@f/x"),
        ("/media/a:b@c.mp4", "/media/a:b@c.mp4"),
    ],
)  # fmt: skip
def test_no_password_is_shown(text: str, shown: str) -> None:
    """The password goes, also one with signs that belong escaped; everything else stays."""
    assert masked(text) == shown
    assert all(secret not in masked(text) for secret in secrets_of(text))


def test_files_are_no_addresses() -> None:
    """Only what has a scheme is an address."""
    assert is_address("rtsp://cam/s")
    assert not is_address("clips/a.mp4")
    assert not is_address("C:/clips/a.mp4")
