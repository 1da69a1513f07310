"""Addresses as people see them: no password, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidface.data.address import is_address, local, masked, secrets_of


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
        ("rtsp://10.0.0.1:554/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp",
         "rtsp://10.0.0.1:554/user=admin_password=***_channel=1_stream=0.sdp"),
        ("rtsp://h/user=admin_password=_channel=1", "rtsp://h/user=admin_password=_channel=1"),
        ("rtsp://h/user=admin&password=secret&channel=1", "rtsp://h/user=admin&password=***&channel=1"),
        ("rtsp://h/s?token=abc_def==&b=2", "rtsp://h/s?token=***&b=2"),
        ("http://h/v.cgi?loginuse=admin&loginpas=secret", "http://h/v.cgi?loginuse=admin&loginpas=***"),
        ("http://h/v?usr=admin&psw=secret", "http://h/v?usr=admin&psw=***"),
        ("http://h/v?credentials=secret", "http://h/v?credentials=***"),
        ("http://h/v?passwd[]=secret&userpw=secret", "http://h/v?passwd[]=***&userpw=***"),
        ("http://h/v?passwd%5B%5D=secret", "http://h/v?passwd%5B%5D=***"),
        ("srt://h:9?streamid=#!::u=me,s=secret", "srt://h:9?streamid=***"),
        ("rtsp://user:12/ss@host/x", "rtsp://user:***@host/x"),
        ("http://h/v?jwt=secret&b=1", "http://h/v?jwt=***&b=1"),
        ("rtmp://h/live/STREAMsecret123", "rtmp://h/live/***"),
        ("rtmps://u:secret@h:443/app/abcd-1234-secret?x=1", "rtmps://u:***@h:443/app/***?x=1"),
        ("rtmp://h/bcs/channel0_main.bcs?channel=0", "rtmp://h/bcs/channel0_main.bcs?channel=0"),
        ("rtmp://h/live/door2", "rtmp://h/live/door2"),
        ("rtmp://h/live/frontdoorcamera", "rtmp://h/live/frontdoorcamera"),
        ("rtmp://h/live/12345678901234567890", "rtmp://h/live/***"),
        ("rtmp://h/live/abCdefghijKlmnop", "rtmp://h/live/***"),
        ("rtmp://h/live/abcdefghijklmnopqrst", "rtmp://h/live/***"),
        ("rtmp://h/live/abcdefghijk1%2Bmnop/", "rtmp://h/live/***/"),
        ("rtmp://h/live/abcdefghijk1+mnop=", "rtmp://h/live/***"),
        ("rtmp://h/live/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123", "rtmp://h/live/***"),
        ("rtmp://h/live/abcdefghijk1mnop live=1", "rtmp://h/live/*** live=1"),
        ("{'url': 'rtmp://h/live/abcdefghijk1mnop', 'x': 1}", "{'url': 'rtmp://h/live/***', 'x': 1}"),
        ("rtsp://h/live/STREAMnumber123", "rtsp://h/live/STREAMnumber123"),
        ("rtsp://admin:1234/secret@10.0.0.1/live", "rtsp://admin:***@10.0.0.1/live"),
        ("rtsp://user:pa ss@host/x", "rtsp://user:***@host/x"),
        ("rtsp://h/compass?compass=1&passage=2&pasta=3&pwr=4", "rtsp://h/compass?compass=1&passage=2&pasta=3&pwr=4"),
        ("http://h/path/with@sign", "http://h/path/with@sign"),
        ("rtsp://10.0.0.1:554/path/with@sign", "rtsp://10.0.0.1:554/path/with@sign"),
        ("rtsp://[::1]:99/with@sign", "rtsp://[::1]:99/with@sign"),
        ("http://cam:8080/with@sign", "http://cam:8080/with@sign"),
        ("http://cam:80/a?mail=me@home", "http://cam:80/a?mail=me@home"),
        ("https://cdn/keyframe=1/signal=2/index.m3u8?design=3&monkey=4&author=5",
         "https://cdn/keyframe=1/signal=2/index.m3u8?design=3&monkey=4&author=5"),
        ("https://cdn/token=secret/door/index.m3u8", "https://cdn/token=***/door/index.m3u8"),
        ("https://cdn/token=secret/key=secret/x?sign=sec/ret&c=d", "https://cdn/token=***/key=***/x?sign=***&c=d"),
        ("rtsp://h/user=admin_password=sec/ret", "rtsp://h/user=admin_password=***"),
        ("rtsp://h/password=sec/ret_channel=1", "rtsp://h/password=***_channel=1"),
        ("rtsp://h/password=sec/ret&channel=1", "rtsp://h/password=***&channel=1"),
        ("http://h/v?X-Amz-Signature=secret&authorization=secret&Key-Pair-Id=secret&apikey2=secret",
         "http://h/v?X-Amz-Signature=***&authorization=***&Key-Pair-Id=***&apikey2=***"),
        ("http://h/v?next=/token=sec/ret", "http://h/v?next=/token=***"),
    ],
)  # fmt: skip
def test_no_password_is_shown(text: str, shown: str) -> None:
    """The password goes, also one with signs that belong escaped; everything else stays."""
    assert masked(text) == shown
    assert all(secret not in masked(text) for secret in secrets_of(text))


@pytest.mark.parametrize(
    ("text", "shown", "secrets"),
    [
        ("http://h/v?password=a b&c=d e", "http://h/v?password=***&c=d e", ("a b",)),
        ("rtsp://u:1 2@cam/s", "rtsp://u:***@cam/s", ("1 2",)),
        ("rtmp://h:1935/live playpath=abcdef", "rtmp://h:1935/live playpath=***", ("abcdef",)),
    ],
)
def test_blanks_belong_to_a_whole_address(text: str, shown: str, secrets: tuple[str, ...]) -> None:
    """Of an argument nothing behind a blank stays; in a sentence it goes on behind one."""
    assert masked(text, whole=True) == shown
    assert secrets_of(text) == secrets
    assert masked("http://h/v?password=a is wrong") == "http://h/v?password=*** is wrong"
    assert masked("rtsp://cam:554 is shut, ask me@home") == "rtsp://cam:554 is shut, ask me@home"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:///a/b.mp4", "/a/b.mp4"),
        ("FILE:///a/b%20c.mp4", "/a/b c.mp4"),
        ("file://localhost/a/%C3%A9.mp4", "/a/é.mp4"),
        ("file:///a/what?#2.mp4", "/a/what?#2.mp4"),
        (Path("/a/ü %3F.mp4").as_uri(), "/a/ü %3F.mp4"),
    ],
)
def test_the_address_of_a_file_is_its_path(text: str, path: str) -> None:
    assert local(text) == Path(path)


@pytest.mark.parametrize(
    "text", ["a.mp4", "file:a.mp4", "file://host/a.mp4", "https://host/a.mp4", Path("a")]
)
def test_what_is_no_address_of_a_file_stays(text: str | Path) -> None:
    assert local(text) is text


def test_files_are_no_addresses() -> None:
    """Only what has a scheme is an address."""
    assert is_address("rtsp://cam/s")
    assert not is_address("clips/a.mp4")
    assert not is_address("C:/clips/a.mp4")


def test_the_key_of_a_stream_is_a_secret_in_other_texts_too() -> None:
    """What FFmpeg says may repeat it, and a sentence goes on behind an address."""
    assert secrets_of("rtmp://h/live/STREAMsecret123") == ("STREAMsecret123",)
    assert masked("rtmp://h/live/STREAMsecret123: nothing came") == "rtmp://h/live/***: nothing came"
