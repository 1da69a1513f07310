"""The page as it is served: streams, slow and stuck readers, and what is refused at the start."""

from __future__ import annotations

import errno
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.web.conftest import TOKEN, served
from tests.web.made_board import MadeBoard, plain_frame
from vidface.errors import OutputError, UsageError
from vidface.web import _caller
from vidface.web import server as served_by
from vidface.web._door import Door
from vidface.web.app import Site
from vidface.web.server import Server
from vidface.web.settings import HttpSettings


def site_of(server: Server) -> Site:
    """What stands behind the addresses."""
    return server._service.site


def until(true: Callable[[], bool], within_s: float = 30.0) -> bool:
    """Wait for something to become true."""
    end = time.monotonic() + within_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def messages(server: Server, query: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """What /api/live sends, as the page reads it."""
    with httpx2.stream("GET", f"{server.url}/api/live?{query}", timeout=20) as answer:
        assert answer.status_code == 200
        rest, head = b"", None
        for part in answer.iter_bytes():
            rest += part
            while True:
                if head is None:
                    line, end, more = rest.partition(b"\n")
                    if not end:
                        break
                    head, rest = json.loads(line), more
                if len(rest) < head.get("bytes", 0):
                    break
                body, rest = rest[: head.get("bytes", 0)], rest[head.get("bytes", 0) :]
                yield head, body
                head = None


def stuck(server: Server, path: str) -> socket.socket:
    """A reader that asks and then never reads; takes little ahead."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return reader


def test_states_and_pictures_over_one_connection(board: MadeBoard) -> None:
    """The state first, then each new picture once, then what changes."""
    board.camera("tall", plain_frame(1, (90, 160)))
    seen: dict[str, list[int]] = {}
    states = []
    with served(board, rate=50) as server:
        for head, body in messages(server, "camera=door&camera=tall&camera=yard&camera=nobody"):
            if "state" in head:
                states.append(head["state"])
                if len(states) > 1:
                    break
                continue
            assert body[:2] == b"\xff\xd8"
            seen.setdefault(head["camera"], []).append(head["number"])
            assert (b"synthetic" in body) == (head["camera"] == "door" and len(seen["door"]) > 1)
            if len(seen) == 2 and len(seen["door"]) < 4:
                board.show("door", plain_frame(len(seen["door"]) + 1), "synthetic")
            elif len(seen.get("door", ())) == 4:
                board.change("yard", status="watched", why=None)
    assert [one["name"] for one in states[0]["cameras"]] == ["door", "yard", "tall"]
    assert states[1]["cameras"][1]["status"] == "watched"
    assert len(seen["door"]) == len(set(seen["door"])) == 4
    assert len(seen["tall"]) == 1


def test_mjpeg_is_what_players_read(board: MadeBoard) -> None:
    """Two whole parts with their lengths."""
    with served(board) as server, httpx2.stream("GET", f"{server.url}/cameras/door/stream.mjpeg") as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=vidface-picture"
        data = b""
        for part in answer.iter_bytes():
            data += part
            if data.count(b"--vidface-picture") == 1:
                board.show("door", plain_frame(9), "synthetic")
            if data.count(b"--vidface-picture") > 1 and data.endswith(b"\r\n"):
                break
    head, _, rest = data.removeprefix(b"--vidface-picture\r\n").partition(b"\r\n\r\n")
    size = int(head.decode().partition("Content-Length: ")[2])
    assert rest[:2] == b"\xff\xd8"
    assert b"synthetic" not in rest[:size]
    assert b"\xff\xfe\x00\x0bsynthetic" in rest[size:]
    assert rest[size - 2 : size + 2] == b"\xff\xd9\r\n"


def test_each_picture_is_encoded_once_for_all(board: MadeBoard) -> None:
    """Sixteen cameras, five viewers: as many encodings as for one viewer."""
    names = [f"c{n}" for n in range(16)]
    for name in names:
        board.camera(name, plain_frame(1, (64, 36)))
    query = "&".join(f"camera={name}" for name in names)
    got: list[set[str]] = [set() for _ in range(5)]

    def look(place: int, server: Server) -> None:
        for head, _ in messages(server, query):
            got[place].add(head.get("camera", "state"))
            if len(got[place]) == 17:
                return

    with served(board) as server:
        threads = [threading.Thread(target=look, args=(n, server)) for n in range(5)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(20)
        assert all(len(one) == 17 for one in got)
        assert site_of(server).projector.encoded == 16


def test_nobody_looking_costs_nothing(board: MadeBoard) -> None:
    """The board is not asked for pictures before somebody looks, nor after; the last ones are let go."""
    with served(board) as server:
        projector = site_of(server).projector
        time.sleep(0.2)
        assert board.asked == 0
        for head, _ in messages(server, "camera=door"):
            if "camera" in head:
                break
        assert until(lambda: projector._task is not None and projector._task.done())
        assert projector.viewers == 0
        asked, encoded = board.asked, projector.encoded
        board.show("door", plain_frame(5))
        time.sleep(0.3)
        assert (board.asked, projector.encoded) == (asked, encoded)
        assert not projector._stills


def test_no_more_pictures_a_second_than_wished(board: MadeBoard) -> None:
    board.play("door", [plain_frame(n) for n in range(20)], rate=100)
    with served(board, rate=5) as server:
        began, pictures = time.monotonic(), 0
        for head, _ in messages(server, "camera=door"):
            pictures += "camera" in head
            if pictures == 8:
                break
    assert time.monotonic() - began > 7 / 5


def test_a_reader_that_stops_reading_is_let_go(board: MadeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """It neither grows memory while it is stuck nor keeps anything afterwards; others are not held up."""
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("the system has no such time limit")
    monkeypatch.setattr(served_by, "STUCK_S", 2)
    noise = [_noise(n) for n in range(4)]
    board.play("door", noise, rate=60)
    with served(board, rate=60) as server:
        site = site_of(server)
        threads = threading.active_count()
        readers = [stuck(server, "/cameras/door/stream.mjpeg"), stuck(server, "/api/live?camera=door")]
        assert until(lambda: site.projector.viewers == 2)
        other = [head for _, (head, _) in zip(range(10), messages(server, "camera=door"), strict=False)]
        assert len(other) == 10
        assert threading.active_count() <= threads + 3
        assert until(lambda: site.projector.viewers == 0)
        assert until(lambda: site._streams == 0)
        for one in readers:
            one.close()


def _noise(seed: int) -> Any:
    """A picture whose JPEG is large."""
    from fractions import Fraction

    import numpy as np
    from av.video.frame import VideoFrame

    from vidface.data.frame import Frame
    from vidface.media.pixels import AvPixels

    picture = np.random.default_rng(seed).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    return Frame(seed, seed, Fraction(1, 25), AvPixels(VideoFrame.from_ndarray(picture, "rgb24")))


def test_stopping_waits_for_nobody(board: MadeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """With readers, one of them stuck; no thread is left."""
    monkeypatch.setattr(served_by, "_END_S", 120)
    board.play("door", [_noise(n) for n in range(3)], rate=60)
    before = set(threading.enumerate())
    with served(board, rate=60) as server:
        reader = stuck(server, "/cameras/door/stream.mjpeg")
        assert until(lambda: site_of(server).projector.viewers == 1)
        time.sleep(0.5)
        began = time.monotonic()
    assert time.monotonic() - began < 60
    assert until(lambda: {one for one in threading.enumerate() if one.name.startswith("page")} <= before)
    reader.close()


def test_only_so_many_streams(board: MadeBoard) -> None:
    with served(board, viewers=1) as server:
        first = messages(server, "camera=door")
        next(first)
        second = httpx2.get(f"{server.url}/cameras/door/stream.mjpeg")
        assert second.status_code == 503
        assert "1 streams are served already" in second.json()["error"]
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        first.close()  # type: ignore[attr-defined]
        assert until(lambda: site_of(server)._streams == 0)


def test_a_picture_that_cannot_be_converted_is_left_out(
    board: MadeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream goes on with the next one."""
    broken = plain_frame(3)
    frame_of = type(broken).bgr

    def bgr(frame: Any, width: int | None = None) -> Any:
        if frame is broken:
            raise ValueError("a broken picture")
        return frame_of(frame, width)

    monkeypatch.setattr(type(broken), "bgr", bgr)
    board.show("door", broken)
    with served(board) as server:
        projector = site_of(server).projector
        for head, _ in messages(server, "camera=door"):
            if "state" in head:
                assert until(lambda: projector.failed > 0)
                board.show("door", plain_frame(4))
            else:
                break
        assert projector.encoded == 1


def test_the_address_must_be_free(board: MadeBoard) -> None:
    with served(board) as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(
            OutputError, match=f"cannot be served at 127.0.0.1:{port}: Address already in use"
        ):
            Server(board, HttpSettings(address=f"127.0.0.1:{port}"), environment={}).start()


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.168.1.5:80", "cams.example.org:80"])
def test_others_may_look_with_a_token_only(board: MadeBoard, address: str) -> None:
    with pytest.raises(UsageError, match="everybody in the network: put a token"):
        Server(board, HttpSettings(address=address), environment={})
    with pytest.raises(UsageError, match="has 5 characters and could be guessed"):
        Server(board, HttpSettings(address=address), environment={"VIDFACE_TOKEN": "short"})
    Server(board, HttpSettings(address=address), environment={"VIDFACE_TOKEN": TOKEN})


@pytest.mark.parametrize(("address", "warned"), [("192.168.1.5:80", 1), ("127.0.0.1:0", 0), ("[::1]:0", 0)])
def test_who_reads_along_is_told_of(board: MadeBoard, address: str, warned: int) -> None:
    """Off this machine without a certificate, in one sentence that holds no token."""
    told: list[str] = []
    Server(board, HttpSettings(address=address), environment={"VIDFACE_TOKEN": TOKEN}, tell=told.append)
    assert [f"the live page at {address}: " in text and "unencrypted" in text for text in told] == [
        True
    ] * warned
    assert TOKEN not in "".join(told)


def test_every_address_of_the_machine_with_a_token(board: MadeBoard) -> None:
    with served(board, TOKEN, address="0.0.0.0:0") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx2.get(f"{url}/api/state").status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx2.get(f"{url}/api/state", headers=headers).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", ":8080", "::1:80", "a:b", "127.0.0.1:70000", "localhost:"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match=r"an address with a port|a port from 0"):
        HttpSettings(address=address)


@pytest.mark.parametrize("name", ["fastapi", "uvicorn", "prometheus_client"])
def test_a_missing_library_is_one_sentence(
    board: MadeBoard, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for known in [
        one
        for one in sys.modules
        if one.startswith(("vidface.web.app", "vidface.web.metrics", "vidface.web.service"))
    ]:
        monkeypatch.delitem(sys.modules, known)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r'pip install "vidface\[web\]"'):
        Server(board, HttpSettings(), environment={})


def test_a_certificate_that_cannot_be_read(board: MadeBoard, tmp_path: Any) -> None:
    nothing = tmp_path / "none.pem"
    with pytest.raises(UsageError, match=r"none\.pem"):
        Server(board, HttpSettings(certificate=nothing, key=nothing), environment={})
    with pytest.raises(ValueError, match="belong together"):
        HttpSettings(certificate=nothing)


def test_many_who_ask_for_one_picture_get_one_encoding(board: MadeBoard) -> None:
    """A program that asks again and again costs one encoding per pause."""
    answers: list[int] = []
    with served(board, rate=1) as server:

        def ask() -> None:
            answers.append(httpx2.get(f"{server.url}/cameras/door/picture.jpg").status_code)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(20)
        assert answers == [200] * 8
        assert site_of(server).projector.encoded == 1


def made_certificate(folder: Path, serial: int = 1) -> tuple[Path, Path]:
    """A certificate made out to localhost, and its key, under names that are always the same."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), serial, now - timedelta(days=1), now + timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "page.pem", folder / "page.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return certificate, secret


def test_https(board: MadeBoard, tmp_path: Path) -> None:
    """With a certificate the page is served by HTTPS, and the cookie travels by nothing else."""
    certificate, secret = made_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate))
    told: list[str] = []
    settings = HttpSettings(address="192.168.1.5:80", certificate=certificate, key=secret)
    Server(board, settings, environment={"VIDFACE_TOKEN": TOKEN}, tell=told.append)
    assert told == []
    with served(board, TOKEN, certificate=certificate, key=secret) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        answer = httpx2.post(f"{url}/login", data={"token": TOKEN}, verify=trust)
        assert answer.status_code == 303
        assert "; Secure" in answer.headers["set-cookie"]


def serial_at(server: Server) -> int:
    """Of the certificate that is shown to whoever calls now."""
    port = int(server.url.rpartition(":")[2])
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=10)
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


def test_a_certificate_that_was_renewed_is_read_again(board: MadeBoard, tmp_path: Path) -> None:
    """Every few months, without an end to what is watched; one that is half written changes nothing."""
    certificate, secret = made_certificate(tmp_path)
    told: list[str] = []
    settings = HttpSettings(address="127.0.0.1:0", certificate=certificate, key=secret)
    with Server(board, settings, environment={}, tell=told.append) as server:
        assert serial_at(server) == 1
        made_certificate(tmp_path, serial=2)
        server.renew()
        assert until(lambda: serial_at(server) == 2)
        whole = certificate.read_bytes()
        certificate.write_bytes(whole[:100])
        server.renew()
        assert serial_at(server) == 2
    assert told[0] == f"the certificate {certificate} of the live page was read again"
    assert told[1].startswith(f"the certificate {certificate} with its key {secret} cannot be used")
    assert told[1].endswith("; the one before stays")


def test_without_a_certificate_there_is_nothing_to_renew(board: MadeBoard) -> None:
    told: list[str] = []
    with Server(board, HttpSettings(address="127.0.0.1:0"), environment={}, tell=told.append) as server:
        server.renew()
    assert told == []


HEAD = b"GET /healthz HTTP/1.1\r\n"


def healthy(server: Server) -> bool:
    """It answers."""
    try:
        return httpx2.get(f"{server.url}/healthz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"Host: localhost\r\n\r\nG"])
def test_silent_strangers_do_not_take_what_the_program_may_open(
    said: bytes, board: MadeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those beyond the bound are sent away at once, the others soon; then it answers again."""
    monkeypatch.setattr(_caller, "ASK_S", 0.5)
    with served(board, token=TOKEN, viewers=1) as server, ExitStack() as kept:
        port = int(server.url.rpartition(":")[2])
        most = 0
        for _ in range(120):
            stranger = kept.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            with suppress(OSError):
                stranger.sendall(said)
            door: Any = server._socket
            most = max(most, sum(one.fileno() >= 0 for one in tuple(door._inside)))
        assert most <= door.most == 81
        assert until(lambda: healthy(server), 5)
        assert until(lambda: len(server._service.server_state.connections) <= 1, 5)


def test_a_stream_is_no_silent_stranger(board: MadeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has asked is served for as long as he likes."""
    monkeypatch.setattr(_caller, "ASK_S", 0.1)
    with (
        served(board, rate=50) as server,
        httpx2.stream("GET", f"{server.url}/cameras/door/stream.mjpeg") as answer,
    ):
        parts = answer.iter_bytes()
        next(parts)
        time.sleep(0.3)
        board.show("door", plain_frame(9), "synthetic")
        assert next(parts)


def test_that_nothing_can_be_opened_is_told_once(board: MadeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio is told once in a second, and the user once."""

    def exhausted(_: socket.socket) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    told: list[str] = []
    with Door() as door, monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", exhausted)
        with pytest.raises(OSError, match="Too many") as error:
            door.accept()
        with pytest.raises(BlockingIOError):
            door.accept()
    service = Server(board, HttpSettings(address="127.0.0.1:0"), environment={}, tell=told.append)._service
    loop: Any = None
    for _ in range(3):
        service._trouble(loop, {"exception": error.value})
    assert told == ["the live page answers nobody new (too many open files); it is tried again each second."]
