"""What is said of a camera that is not there."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from vidface.media.live import line as line_module
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


def test_the_reason_is_told_anew_when_it_is_another_one() -> None:
    """Once for each, not with every try; the hole in the stream begins with the first."""
    told: list[str] = []
    address = live_address("rtsp://u:hunter2@127.0.0.1:9/s")
    assert address is not None
    line = Line(address, LiveOptions(first_wait_s=0.001, lost=told.append))
    line.back()
    for kind, text in (("lost", "gone"), ("refused", "shut"), ("refused", "shut"), ("other", "404")):
        line.goes_on(Trouble(kind, text))
    assert told == ["gone", "shut", "404"]
    assert [gap.cause.split(";")[0] for gap in line.back()] == ["camera lost: gone"]
    line.goes_on(Trouble("other", "404"))
    assert told[3:] == ["404"]
    line.close()


def test_a_connection_that_lasted_makes_the_next_wait_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does one that fell silent, as a slow camera does; one that was cut soon does not."""
    monkeypatch.setattr(Line, "_pause", lambda *_, **__: None)
    address = live_address("rtsp://u:hunter2@127.0.0.1:9/s")
    assert address is not None
    line = Line(address, LiveOptions(retry=2))
    lost = Trouble("lost", "gone")
    for trouble in (lost, Trouble("silent", "nothing came")):
        line.back()
        assert line.goes_on(trouble)
    line.back()
    assert line.goes_on(lost)
    line.back()
    assert not line.goes_on(lost)
    monkeypatch.setattr(line_module, "_STEADY_S", 0.0)
    line.back()
    assert line.goes_on(lost)
    line.close()


@pytest.mark.parametrize(("lasts_s", "longest_s"), [(25.0, 1.0), (1.0, 60.0)], ids=["session limit", "flaps"])
def test_waits_grow_only_where_connections_are_short(
    lasts_s: float, longest_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that ends each session after 25 s loses little, also after a long absence."""
    now, waits = [100.0], []
    monkeypatch.setattr(line_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Line, "_pause", lambda _line, wait_s, **_: waits.append(wait_s))
    address = live_address("rtsp://u:hunter2@127.0.0.1:9/s")
    assert address is not None
    line = Line(address, LiveOptions())
    for _ in range(10):
        line.goes_on(Trouble("refused", "nobody listens there"))
    assert max(waits) > 25
    waits.clear()
    for _ in range(10):
        line.back()
        now[0] += lasts_s
        line.goes_on(Trouble("lost", "gone"))
    line.close()
    assert longest_s / 2 <= max(waits) <= longest_s


def test_a_camera_that_is_away_for_long_has_no_process_waiting_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is kept for a camera that is just gone; later it goes after each try, and each try has one."""
    with socket.create_server(("127.0.0.1", 0)) as shut:
        port = shut.getsockname()[1]
    address = live_address(f"rtsp://127.0.0.1:{port}/s")
    assert address is not None
    line = Line(address, LiveOptions(first_wait_s=0.01))
    try:
        gone = line.call()
        assert isinstance(gone, Trouble)
        assert line.goes_on(gone)
        first = line.link.pid
        assert first is not None
        monkeypatch.setattr(line_module, "_KEPT_S", 0.0)
        assert line.goes_on(gone)
        assert line.link.pid is None
        again = line.call()
        assert isinstance(again, Trouble)
        assert again.kind == gone.kind == "refused"
        assert line.link.pid not in (None, first)
    finally:
        line.close()
