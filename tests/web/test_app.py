"""The app: who gets what, and who gets nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import TOKEN
from tests.web.made_board import MadeBoard, plain_frame
from vidface.data.comments import comments
from vidface.data.event import Event
from vidface.web.app import AppOptions, make_app
from vidface.web.board import Health, Measure

BASE = "http://127.0.0.1:8080"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ASKED = ("/metrics", "/api/state", "/api/events", "/api/live", "/cameras/door/picture.jpg",
         "/cameras/door/stream.mjpeg", "/shots/x.jpg", "/openapi.json")  # fmt: skip


@pytest.fixture
def client(board: MadeBoard) -> Iterator[TestClient]:
    """Of a page without a token."""
    with TestClient(make_app(board), base_url=BASE) as made:
        yield made


@pytest.fixture
def locked(board: MadeBoard) -> Iterator[TestClient]:
    """Of a page with a token."""
    with TestClient(make_app(board, TOKEN), base_url=BASE, follow_redirects=False) as made:
        yield made


def test_the_page_is_one_file_under_a_strict_policy(client: TestClient) -> None:
    """No address of anywhere else in it; script and style by their hashes; nothing kept, nothing framed."""
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "'unsafe" not in policy
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    assert "[[" not in answer.text
    assert "//" not in answer.text.replace("http://www.w3.org/", "").replace("  //", "")


def test_state_tells_cameras_and_health(client: TestClient, board: MadeBoard) -> None:
    state = client.get("/api/state").json()
    door, yard = state["cameras"]
    assert (door["name"], door["status"], door["faces"], door["size"]) == ("door", "watched", 1, [320, 180])
    assert (yard["status"], yard["why"], yard["dropped"]) == ("lost", "nothing came for 2.0 s", {"stale": 7})
    assert state["health"]["state"] == "degraded"
    assert state["event"] is None


def test_events_come_newest_first_with_their_pictures(client: TestClient, board: MadeBoard) -> None:
    board.tell(Event("track_started", "door", 1.0, track="a1", picture=b"\xff\xd8 one"))
    board.tell(
        Event(
            "track_identified",
            "door",
            2.0,
            track="a1",
            name="Ann",
            details=MappingProxyType({"margin": float("nan")}),
        )
    )
    rows = client.get("/api/events").json()["events"]
    assert [row["number"] for row in rows] == [2, 1]
    assert rows[0]["name"] == "Ann"
    assert rows[0]["margin"] is None
    answer = client.get(f"/shots/{rows[1]['shot']}")
    assert answer.content == b"\xff\xd8 one"
    assert answer.headers["content-type"] == "image/jpeg"
    assert len(client.get("/api/events?limit=1").json()["events"]) == 1
    assert client.get("/api/events?limit=0").status_code == 422


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "a/..%2f..%2fb", "%2fetc", "a%5c..%5cb", "a%00b", "a//b"]
)
def test_a_way_out_of_the_folder_never_reaches_the_board(
    client: TestClient, board: MadeBoard, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(board, "shot", asked.append)
    assert client.get(f"/shots/{name}").status_code == 404
    assert asked == []


def test_a_picture_is_the_newest_one(client: TestClient, board: MadeBoard) -> None:
    first = client.get("/cameras/door/picture.jpg")
    assert first.headers["content-type"] == "image/jpeg"
    assert first.content[:2] == b"\xff\xd8"
    assert client.get("/cameras/yard/picture.jpg").status_code == 404
    assert client.get("/cameras/nobody/picture.jpg").status_code == 404
    assert client.get("/cameras/nobody/stream.mjpeg").status_code == 404
    assert client.get("/cameras/door/picture.jpg?width=0").status_code == 422


def test_a_picture_says_what_it_is(client: TestClient, board: MadeBoard) -> None:
    """The comment that came with it stands in the JPEG; without one there is none."""
    assert comments(client.get("/cameras/door/picture.jpg").content) == {}
    board.show("door", plain_frame(2), "synthetic: by a test")
    until = time.monotonic() + 10
    while not (found := comments(client.get("/cameras/door/picture.jpg").content)):
        assert time.monotonic() < until  # a picture is encoded ten times a second at most
    assert found == {"Comment": "synthetic: by a test"}


@pytest.mark.parametrize("path", ASKED)
def test_without_the_token_nothing_is_told(locked: TestClient, path: str) -> None:
    bad: list[dict[str, str]] = [{}, {"Authorization": TOKEN}]
    bad += [{"Authorization": f"Bearer {one}"} for one in ("", "wrong", TOKEN[:-1])]
    bad += [{"Cookie": f"vidface_page={one}"} for one in ("99999999999.0", "1.", ".", "\u0661.0", "a" * 4000)]
    for wrong in bad:
        headers = {name.encode(): value.encode() for name, value in wrong.items()}
        answer = locked.get(path, headers=headers)
        assert answer.status_code == 401, wrong
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "door" not in answer.text


def test_the_token_opens(locked: TestClient) -> None:
    assert locked.get("/api/state", headers=BEARER).status_code == 200
    assert locked.get("/metrics", headers=BEARER).status_code == 200
    assert 'id="grid"' in locked.get("/", headers=BEARER).text


def test_logging_in_and_out(locked: TestClient) -> None:
    """The cookie proves that the token was known, does not hold it, and is for this site alone."""
    door = locked.get("/")
    assert door.status_code == 401
    assert 'name="token"' in door.text
    wrong = locked.post("/login", data={"token": TOKEN + "x"})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = locked.post("/login", data={"token": TOKEN})
    cookie = right.headers["set-cookie"]
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert locked.get("/api/state").status_code == 200
    assert 'id="grid"' in locked.get("/").text
    locked.post("/logout")
    assert locked.get("/api/state").status_code == 401


def test_a_cookie_ends_with_its_time_and_with_the_token(
    locked: TestClient, board: MadeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.post("/login", data={"token": TOKEN})
    cookie = {"Cookie": f"vidface_page={locked.cookies['vidface_page']}"}
    with TestClient(make_app(board, TOKEN), base_url=BASE) as again:
        assert again.get("/api/state", headers=cookie).status_code == 200
    with TestClient(make_app(board, "another token, as long"), base_url=BASE) as other:
        assert other.get("/api/state", headers=cookie).status_code == 401
    monkeypatch.setattr("vidface.web.access.time.time", lambda: 4e9)
    assert locked.get("/api/state", headers=cookie).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LOCALHOST.", 200),
        ("[::1]:8080", 200),
        ("192.168.1.7", 200),
        ("cams.example.org", 200),
        ("evil.example.org:8080", 421),
        ("127.0.0.1.evil.org", 421),
        ("localhost.evil.org", 421),
        ("", 421),
        ("[::1", 200),
        ("127.0.0.1:80:80", 421),
    ],
)
def test_only_its_own_names_are_answered(board: MadeBoard, host: str, status: int) -> None:
    """A foreign page whose name was pointed at this machine (DNS rebinding) gets nothing."""
    with TestClient(make_app(board, options=AppOptions(hosts=["Cams.example.org"])), base_url=BASE) as client:
        assert client.get("/api/state", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_pages_get_nothing(client: TestClient, site: str) -> None:
    """Not even as the source of a picture; only a link to the page itself may be followed."""
    shown = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert client.get("/cameras/door/picture.jpg", headers=shown).status_code == 403
    assert client.get("/", headers=shown).status_code == 403
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/api/state", headers=link).status_code == 403
    assert client.get("/api/state", headers={"Origin": "http://evil.example.org"}).status_code == 403
    assert client.get("/api/state", headers={"Origin": "http://127.0.0.1:8080"}).status_code == 200
    answer = client.get("/api/state")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_cameras_come_and_go_by_the_token(locked: TestClient, board: MadeBoard) -> None:
    camera = {"name": "gate", "url": "rtsp://10.0.0.9/1", "transport": "udp"}
    assert locked.post("/api/cameras", json=camera).status_code == 401
    assert board.added == {}
    assert locked.post("/api/cameras", json=camera, headers=BEARER).status_code == 201
    assert board.added == {"gate": {"url": "rtsp://10.0.0.9/1", "transport": "udp"}}
    again = locked.post("/api/cameras", json=camera, headers=BEARER)
    assert again.status_code == 422
    assert "gate already" in again.json()["error"]
    assert "secret" not in again.text
    assert locked.delete("/api/cameras/gate").status_code == 401
    assert locked.delete("/api/cameras/gate", headers=BEARER).status_code == 204
    assert "gate" not in board.views
    assert locked.delete("/api/cameras/gate", headers=BEARER).status_code == 422


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ('{"name": "a"}', "text/plain", 415),
        ('{"name": "a"}', "application/x-www-form-urlencoded", 415),
        ("no json", "application/json", 400),
        ("[1]", "application/json", 422),
        ("{}", "application/json", 422),
        ('{"name": 5}', "application/json", 422),
        (r'{"name": "a", "url": "rtsp://h/\ud800"}', "application/json", 400),
        (r'{"name": "\udfff", "url": "rtsp://h/x"}', "application/json", 400),
        ('{"name": "' + 70_000 * "a" + '"}', "application/json", 413),
    ],
)
def test_what_is_no_camera_is_refused(
    locked: TestClient, board: MadeBoard, body: str, kind: str, status: int
) -> None:
    answer = locked.post("/api/cameras", content=body, headers=BEARER | {"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")
    assert board.added == {}


@pytest.mark.parametrize(("length", "status"), [("x", 400), ("-1", 400), ("9" * 5000, 413), ("70000", 413)])
def test_a_length_that_cannot_be(client: TestClient, length: str, status: int) -> None:
    assert client.get("/api/state", headers={"Content-Length": length}).status_code == status


def test_a_body_without_a_stated_length_is_bounded_too(locked: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1024

    answer = locked.post("/login", content=parts())
    assert answer.status_code == 422
    assert "65536 bytes" in answer.json()["error"]


def test_without_a_token_nothing_can_be_changed(client: TestClient, board: MadeBoard) -> None:
    """Not on the loopback either: every program and every person of this machine reaches that."""
    answer = client.post("/api/cameras", json={"name": "gate", "url": "rtsp://10.0.0.9/1"})
    assert answer.status_code == 403
    assert "VIDFACE_TOKEN" in answer.json()["error"]
    assert client.delete("/api/cameras/door").status_code == 403
    assert "door" in board.views


def test_healthz_tells_everybody_one_word(locked: TestClient, board: MadeBoard) -> None:
    answer = locked.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"state": "degraded"})
    told = locked.get("/healthz", headers=BEARER).json()
    assert told["not_watched"] == {"yard": "nothing came for 2.0 s"}


@pytest.mark.parametrize(
    ("health", "state", "status"),
    [
        (Health(0.0), "ok", 200),
        (Health(0.0, ("The disk is nearly full.",)), "degraded", 200),
        (Health(0.0, ("The disk is full.",), failing=True), "failing", 503),
    ],
)
def test_health(board: MadeBoard, health: Health, state: str, status: int) -> None:
    board.change("yard", status="watched")
    board.state = health
    with TestClient(make_app(board), base_url=BASE) as client:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["state"]) == (status, state)


def test_metrics_are_prometheus(client: TestClient, board: MadeBoard) -> None:
    """Parsed by Prometheus' own parser; a name of a camera cannot break out of its label."""
    from prometheus_client.parser import text_string_to_metric_families

    board.camera('a"b\n', plain_frame(), faces=4)
    board.measures = [
        Measure("webhook_spooled", "Waiting.", 3, labels={"to": "door"}),
        Measure("webhook_spooled", "Waiting.", 4, labels={"to": "yard"}),
        Measure("recorded_bytes", "Written.", 1e9, kind="counter"),
    ]
    found: dict[tuple[str, Any], float] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for one in family.samples:
            found[one.name, json.dumps(one.labels, sort_keys=True)] = one.value
    assert found["vidface_camera_up", '{"camera": "door"}'] == 1
    assert found["vidface_camera_up", '{"camera": "yard"}'] == 0
    assert found["vidface_camera_frames_total", '{"camera": "door"}'] == 100
    assert found["vidface_camera_dropped_frames_total", '{"camera": "yard", "cause": "stale"}'] == 7
    assert found["vidface_camera_latency_seconds", '{"camera": "door", "quantile": "0.95"}'] == 0.09
    assert found["vidface_camera_faces", json.dumps({"camera": 'a"b\n'})] == 4
    assert found["vidface_webhook_spooled", '{"to": "yard"}'] == 4
    assert found["vidface_recorded_bytes_total", "{}"] == 1e9
    assert found["process_open_fds", "{}"] > 3


def test_an_error_of_the_board_is_told_here_and_not_there(
    board: MadeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def broken(_name: str) -> bytes:
        raise ValueError("rtsp://me:secret@host/")

    monkeypatch.setattr(board, "shot", broken)
    app = make_app(board, options=AppOptions(tell=told.append))
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
        answer = client.get("/shots/a.jpg")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "x-content-type-options" in answer.headers
    assert len(told) == 1
    assert "secret" not in told[0]
    assert "ValueError" in told[0]
