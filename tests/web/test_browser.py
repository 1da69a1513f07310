"""The live page in a real browser: it shows, it asks nobody else, and it says what is lost."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.review.chrome import Chrome
from tests.web.conftest import TOKEN, served
from tests.web.made_board import MadeBoard, busy_board, plain_frame
from vidface.data.event import Event
from vidface.web.board import Health

NUMBERS = "Object.fromEntries([...document.querySelectorAll('.camera')].map((one) => " \
          "[one.dataset.camera, Number(one.querySelector('canvas').dataset.number || 0)]))"  # fmt: skip
TITLES = "[...document.querySelectorAll('#list b')].map((one) => one.textContent)"
LARGE = "document.querySelector('.camera.large')?.dataset.camera ?? null"
SUMMARY = "document.getElementById('summary').textContent"


@dataclass(frozen=True)
class Url:
    """An address where `Chrome.open` expects a file."""

    url: str

    def as_uri(self) -> str:
        return self.url


def go(chrome: Chrome, url: str) -> None:
    """Open an address at the size of a desk's screen."""
    size = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chrome.call("Emulation.setDeviceMetricsOverride", **size)
    chrome.open(Url(url))  # type: ignore[arg-type]


def comes(chrome: Chrome, script: str, right: Callable[[Any], bool], within_s: float = 15.0) -> Any:
    """The value of a script once it is right, or as it is when time is up."""
    end = time.monotonic() + within_s
    while not right(value := chrome.run(script)) and time.monotonic() < end:
        time.sleep(0.1)
    return value


@pytest.fixture(scope="module")
def busy(samples: Path) -> MadeBoard:
    """Four cameras with people, one of them lost, and events."""
    return busy_board(samples)


def test_it_shows_cameras_and_events(chrome: Chrome, busy: MadeBoard, tmp_path: Path) -> None:
    """Every camera has a picture, boxes are in it, events stand with theirs; nobody else is asked."""
    with served(busy) as server:
        go(chrome, server.url)
        numbers = comes(chrome, NUMBERS, lambda value: len(value) == 4 and all(value.values()))
        assert set(numbers) == set(busy.views)
        assert all(numbers.values())
        shown = chrome.run("document.querySelector('canvas').width")
        assert shown == 640
        assert comes(chrome, SUMMARY, bool) == "3 cameras watched, 1 lost. 5 faces in view."
        titles = comes(chrome, TITLES, bool)
        assert titles[:3] == ["A face", "Grace Hopper", "Camera lost"]
        loaded = "[...document.querySelectorAll('#list img')].every((one) => one.naturalWidth > 0)"
        assert comes(chrome, loaded, bool) is True
        for light in ("light", "dark"):
            picture = tmp_path / f"{light}.png"
            chrome.picture(picture, width=1440, height=900, prefers_color_scheme=light)
            assert picture.stat().st_size > 100_000
        assert chrome.console == []
        foreign = [one for one in chrome.requests if not one.startswith((server.url, "data:"))]
        assert foreign == []


@pytest.mark.parametrize("width", [320, 390, 800, 1440, 2560])
def test_nothing_sticks_out_sideways(chrome: Chrome, busy: MadeBoard, width: int) -> None:
    with served(busy) as server:
        go(chrome, server.url)
        comes(chrome, TITLES, bool)
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        chrome.call("Emulation.setDeviceMetricsOverride", **size)
        assert chrome.run("document.documentElement.scrollWidth") <= width


def test_pictures_move_on(chrome: Chrome, board: MadeBoard) -> None:
    with served(board, rate=20) as server:
        go(chrome, server.url)
        first = comes(chrome, NUMBERS, lambda value: value.get("door", 0) > 0)["door"]
        board.show("door", plain_frame(4))
        assert comes(chrome, NUMBERS, lambda value: value["door"] > first)["door"] > first


def test_what_happens_appears_by_itself(chrome: Chrome, board: MadeBoard) -> None:
    """A new event, a camera that is lost, one that is added, one that is removed, a note."""
    with served(board) as server:
        go(chrome, server.url)
        comes(chrome, SUMMARY, bool)
        board.tell(Event("track_identified", "door", time.time(), name="<b>Ann</b>"))
        assert comes(chrome, TITLES, bool) == ["<b>Ann</b>"]
        board.change("door", status="lost", why="connection refused")
        comes(chrome, SUMMARY, lambda text: "2 lost" in text)
        why = "document.querySelector('[data-camera=door] .why').textContent"
        assert chrome.run(why) == "Camera lostConnection refused."
        board.camera("gate", status="waiting")
        board.remove_camera("yard")
        board.state = Health(0.0, ("The disk is nearly full.",))
        names = comes(chrome, NUMBERS, lambda value: "gate" in value)
        assert list(names) == ["door", "gate"]
        assert chrome.run("document.querySelector('#notes').innerText").strip() == "The disk is nearly full."


def test_keys(chrome: Chrome, board: MadeBoard) -> None:
    with served(board) as server:
        go(chrome, server.url)
        comes(chrome, NUMBERS, lambda value: value.get("door", 0) > 0)
        chrome.press("1")
        assert chrome.run(LARGE) == "door"
        assert comes(chrome, "location.hash", bool) == "#door"
        chrome.press("ArrowRight")
        assert chrome.run(LARGE) == "yard"
        chrome.press("Escape")
        assert chrome.run(LARGE) is None
        chrome.press("?")
        assert chrome.run("document.getElementById('help').open") is True
        chrome.run("document.getElementById('help').close()")
        chrome.press("h")
        rows = "document.querySelectorAll('#rows tr').length"
        assert comes(chrome, rows, lambda count: count == 2) == 2
        chrome.press("d")
        chrome.press("d")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        assert chrome.run(ground) == "rgb(22, 23, 25)"
        chrome.run("localStorage.clear()")


def test_nobody_who_hides_the_page_is_sent_pictures(chrome: Chrome, board: MadeBoard) -> None:
    """A camera that is scrolled out of sight is not looked at."""
    for n in range(30):
        board.camera(f"c{n}", plain_frame(n, (64, 36)))
    with served(board) as server:
        go(chrome, server.url)
        comes(chrome, NUMBERS, lambda value: value.get("door", 0) > 0)
        time.sleep(0.5)
        first = server._service.site.projector.viewers
        assert 3 <= first < 32
        chrome.run("scrollTo(0, document.documentElement.scrollHeight)")
        assert comes(chrome, NUMBERS, lambda value: value["c29"] > 0)["c29"] > 0


def test_logging_in(chrome: Chrome, board: MadeBoard) -> None:
    with served(board, TOKEN) as server:
        go(chrome, server.url)
        box = "document.getElementById('token')"
        chrome.run(f"{box}.value = 'wrong, certainly'; {box}.form.requestSubmit()")
        said = "document.querySelector('.wrong:not([hidden])')?.textContent ?? ''"
        assert comes(chrome, said, bool) == "That is not the token."
        chrome.run(f"{box}.value = {TOKEN!r}; {box}.form.requestSubmit()")
        assert comes(chrome, "document.querySelectorAll('.camera').length", bool) == 2
        assert TOKEN not in chrome.run("document.cookie + location.href")
        assert chrome.run("document.querySelector('.tools form').hidden") is False
        chrome.run("document.querySelector('.tools form').requestSubmit()")
        assert comes(chrome, f"{box} !== null", bool) is True


def test_logging_in_from_another_machine(chrome: Chrome, board: MadeBoard) -> None:
    """By plain HTTP a browser does not say which site asks, only its origin."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells by which address it would
        except OSError:
            pytest.skip("no network here")
        own = probe.getsockname()[0]
    with served(board, TOKEN, address="0.0.0.0:0") as server:
        go(chrome, server.url.replace("0.0.0.0", own))
        box = "document.getElementById('token')"
        chrome.run(f"{box}.value = {TOKEN!r}; {box}.form.requestSubmit()")
        assert comes(chrome, NUMBERS, lambda value: value.get("door", 0) > 0)["door"] > 0


def test_it_says_that_nobody_answers_and_goes_on(chrome: Chrome, board: MadeBoard) -> None:
    """The program is ended and begun again at the same address, under an open page."""
    away = "document.getElementById('away').hidden ? '' : document.getElementById('away').textContent"
    with served(board) as server:
        url = server.url
        go(chrome, url)
        comes(chrome, SUMMARY, bool)
    assert comes(chrome, away, bool).startswith("vidface has not answered since ")
    with served(board, address=url.removeprefix("http://")):
        assert comes(chrome, away, lambda text: not text) == ""


def test_without_cameras(chrome: Chrome) -> None:
    with served(MadeBoard()) as server:
        go(chrome, server.url)
        assert comes(chrome, SUMMARY, bool) == "No cameras."
        assert "No camera is watched." in chrome.run("document.getElementById('main').innerText")


def test_the_policy_stops_a_foreign_script(chrome: Chrome, board: MadeBoard) -> None:
    """Were some name to become an element after all, its script would not run and nothing be fetched."""
    with served(board) as server:
        go(chrome, server.url)
        chrome.run(
            "document.body.insertAdjacentHTML('beforeend', "
            '\'<img src="https://example.com/x.png" onerror="document.body.dataset.broken = 1">\')'
        )
        time.sleep(0.5)
        assert chrome.run("document.body.dataset.broken === undefined") is True
        assert any("Content Security Policy" in line for line in chrome.console)
