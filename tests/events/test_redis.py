"""Redis: against Debian's redis-server where it is installed; and against a stand-in that has faults."""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.events.receivers import an_event, free_port, until
from vidface.events.courier import Courier
from vidface.events.redis import Redis
from vidface.events.settings import RedisSettings
from vidface.events.spool import Spool
from vidface.media.live.retry import knock


@contextmanager
def courier_to(url: str, folder: Path, told: list[str], *, timeout_s: float = 5) -> Iterator[Courier]:
    """A courier, ended with the test."""
    settings = RedisSettings(url=url, timeout_s=timeout_s, stream="faces")
    courier = Courier(Redis(settings), Spool(folder / "spool"), tell=told.append, first_s=0.05, pictures=True)
    try:
        yield courier
    finally:
        courier.close(0.1)


@contextmanager
def stand_in(answers: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Gives these answers, one a connection, then that of a Redis that took it; its port, what came."""
    heard: list[bytes] = []
    ended = threading.Event()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            heard.append(self.request.recv(1 << 16))
            answer = answers.pop(0) if answers else b"$3\r\n1-0\r\n"
            if answer == b"silent":
                ended.wait()
            else:
                self.wfile.write(answer)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1], heard
        ended.set()
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"-OOM command not allowed\r\n", "refuses an event (OOM command not allowed)"),
        (b"-NOAUTH Authentication required.\r\n", "refuses an event (NOAUTH Authentication required.)"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what it answers is no Redis"),
        (b"$3", "what it answers is no Redis"),
        (b"x" * 5000, "what it answers is no Redis"),
        (b"", "what it answers is no Redis"),
        (b"silent", "there was no answer for 0.5 s"),
    ],
)
def test_what_is_not_taken_is_tried_again(answer: bytes, text: str, tmp_path: Path) -> None:
    """In order, and told why."""
    told: list[str] = []
    patience_s = 0.5 if answer == b"silent" else 5
    with (
        stand_in([answer]) as (port, heard),
        courier_to(f"redis://127.0.0.1:{port}", tmp_path, told, timeout_s=patience_s) as courier,
    ):
        courier.send(an_event(1))
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["delivered"] == 2)
    assert f"Redis at 127.0.0.1:{port}: {text}; events wait" in told[0]
    assert heard[-1].startswith(
        b"*8\r\n$4\r\nXADD\r\n$5\r\nfaces\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$5\r\n10000\r\n"
    )


def test_nobody_there_then_a_password(tmp_path: Path) -> None:
    """Refused connections are told; the login comes first, and shows nowhere."""
    told: list[str] = []
    with courier_to(f"redis://:s3cret@127.0.0.1:{free_port()}", tmp_path, told) as courier:
        courier.send(an_event(1))
        assert until(lambda: told)
    assert "no connection (connection refused)" in told[0]
    with stand_in([b"+OK\r\n$3\r\n1-0\r\n"]) as (port, heard):
        with courier_to(f"redis://ann:s3cret@127.0.0.1:{port}", tmp_path, told) as courier:
            assert until(lambda: courier.facts()["delivered"] == 1)
        assert heard[0].startswith(b"*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$6\r\ns3cret\r\n")
    assert "s3cret" not in "".join(told)


def test_the_database_of_the_address_is_used(tmp_path: Path) -> None:
    """It was taken without a word, and events went into database 0."""
    with stand_in([b"+OK\r\n$3\r\n1-0\r\n"]) as (port, heard):
        with courier_to(f"redis://127.0.0.1:{port}/12", tmp_path, []) as courier:
            courier.send(an_event(1))
            assert until(lambda: courier.facts()["delivered"] == 1)
        assert heard[0].startswith(b"*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n")


def test_a_name_that_is_none_stops_nothing(tmp_path: Path) -> None:
    """The system's own error for it is none of the network; the event waits, and the thread goes on."""
    told: list[str] = []
    with courier_to("redis://a..b", tmp_path, told) as courier:
        courier.send(an_event(1))
        assert until(lambda: courier.facts()["failed"] >= 2)
        facts = courier.facts()
    assert facts["waiting"] == 1
    assert facts["trouble"] == "its name or answer is odd (UnicodeError)"


def test_a_real_redis(tmp_path: Path) -> None:
    """With a password: entries are there, in order, and are letters; a wrong password is told."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "pw"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    told: list[str] = []
    with subprocess.Popen(command, **quiet) as server:
        try:
            assert until(lambda: knock(("127.0.0.1", port)))
            with courier_to(f"redis://:wrong@127.0.0.1:{port}", tmp_path, told) as courier:
                courier.send(an_event(1))
                assert until(lambda: told)
            with courier_to(f"redis://:pw@127.0.0.1:{port}", tmp_path, told) as courier:
                courier.send(an_event(2))
                assert until(lambda: courier.facts()["delivered"] == 2)
            ask = [
                "redis-cli",
                "-p",
                str(port),
                "-a",
                "pw",
                "--no-auth-warning",
                "--json",
                "XRANGE",
                "faces",
                "-",
                "+",
            ]
            found = json.loads(subprocess.run(ask, capture_output=True, check=True).stdout)
        finally:
            server.terminate()
    letters = [
        json.loads(entry[1]["letter"] if isinstance(entry[1], dict) else entry[1][1]) for entry in found
    ]
    assert [letter["event"]["track"] for letter in letters] == ["1", "2"]
    assert "picture" in letters[0]
    assert "WRONGPASS" in told[0]
