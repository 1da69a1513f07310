"""Webhook: over loopback, with every fault that a receiver and the way to it can have."""

from __future__ import annotations

import base64
import errno
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.events.receivers import Answer, Receiver, an_event, free_port, until
from vidface.errors import UsageError
from vidface.events.courier import Courier, UndeliveredError
from vidface.events.letter import letter_of, pack
from vidface.events.settings import WebhookSettings
from vidface.events.signature import HEADER, is_genuine, signed
from vidface.events.spool import Spool
from vidface.events.webhook import Webhook


class Hurried(Webhook):
    """Waits half a second for so many answers, and then for each as long as is set."""

    hurried = 0

    def carry(self, letter: dict[str, Any]) -> None:
        patience = self._timeout_s
        if self.hurried:
            self.hurried, self._timeout_s = self.hurried - 1, 0.5
        try:
            super().carry(letter)
        finally:
            self._timeout_s = patience


class Desk:
    """Couriers over one spool, ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.couriers: list[Courier] = []

    def open(self, url: str, *, secret: bytes | None = None, **more: Any) -> Courier:
        settings = WebhookSettings(url=url, timeout_s=more.pop("timeout_s", 5), ca=more.pop("ca", None))
        spool = Spool(self.folder / "spool", most=more.pop("most", 100))
        carrier = Hurried(settings, secret)
        carrier.hurried = more.pop("hurried", 0)
        tell = more.pop("tell", self.told.append)
        self.couriers.append(Courier(carrier, spool, tell=tell, first_s=0.05, **more))
        return self.couriers[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    for courier in made.couriers:
        courier.close(0.1)


def test_events_arrive_signed_in_order_and_once(desk: Desk) -> None:
    """Path, headers, body and signature; the spool is empty afterwards."""
    with Receiver() as receiver:
        courier = desk.open(receiver.url, secret=b"shared")
        for n in range(5):
            courier.send(an_event(n))
        assert until(lambda: courier.facts()["delivered"] == 5)
    assert receiver.tracks == ["0", "1", "2", "3", "4"]
    post = receiver.posts[0]
    letter = json.loads(post.body)
    assert post.path == "/hook?key=s3cret"
    assert post.headers["X-Vidface-Event"] == letter["event"]["kind"] == "track_started"
    assert post.headers["X-Vidface-Id"] == letter["id"]
    assert len({json.loads(post.body)["id"] for post in receiver.posts}) == 5
    assert "picture" not in letter
    assert letter["event"]["shot"].startswith("shots/2026-11-")
    assert is_genuine(post.headers[HEADER], post.body, b"shared", now_s=time.time())
    assert courier.facts() == {"delivered": 5, "failed": 0, "waiting": 0, "lost": {}, "trouble": None}


def test_a_picture_travels_where_it_is_asked_for(desk: Desk) -> None:
    with Receiver() as receiver:
        courier = desk.open(receiver.url, pictures=True)
        courier.send(an_event())
        courier.send(an_event(2, picture=None))
        assert until(lambda: len(receiver.posts) == 2)
    one, two = (json.loads(post.body) for post in receiver.posts)
    assert base64.b64decode(one["picture"]) == b"\xff\xd8 jpeg"
    assert "picture" not in two
    assert HEADER not in receiver.posts[0].headers


def test_only_the_kinds_that_are_wanted(desk: Desk) -> None:
    with Receiver() as receiver:
        courier = desk.open(receiver.url, kinds=frozenset({"unknown_lingering"}))
        courier.send(an_event(1))
        courier.send(an_event(2, kind="unknown_lingering"))
        assert until(lambda: receiver.posts)
    assert receiver.tracks == ["2"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (500, "answers with 500"),
        (429, "answers with 429"),
        (401, "answers with 401"),
        ("drops", "it ended the connection without an answer"),
        ("garbage", "what it answers is no HTTP"),
        ("slow", "there was no answer for 0.5 s"),
        ("drip", "there was no answer for 0.5 s"),
        ("redirect", "answers with 302 and points to elsewhere.example, which is not followed"),
        ("nowhere", "answers with 302 and points to another place, which is not followed"),
    ],
)
def test_what_is_not_taken_is_tried_again(answer: Answer, text: str, desk: Desk) -> None:
    """The same letter, then the next ones, in order; told once that it fails, and once that it is over."""
    with Receiver([answer, answer]) as receiver:
        courier = desk.open(receiver.url, hurried=2 if "0.5 s" in text else 0)
        courier.send(an_event(1))
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["delivered"] == 2)
    assert receiver.tracks == ["1", "1", "1", "2"]
    assert len({json.loads(post.body)["id"] for post in receiver.posts[:3]}) == 1
    name = f"webhook http://127.0.0.1:{receiver.port}"
    assert desk.told[0] == f"{name}: {text}; events wait, and it is tried again."
    assert desk.told[1].startswith(f"{name}: takes events again after ")
    assert len(desk.told) == 2
    assert courier.facts()["failed"] == 2


def test_a_courier_goes_on_where_nothing_can_be_said(desk: Desk) -> None:
    """Standard error lies on a full disk, say: events arrive all the same, after a failure too."""

    def full(_text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Receiver([500, 410, 422, 204]) as receiver:
        courier = desk.open(receiver.url, tell=full)
        courier.send(an_event(1))
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["waiting"] == 0, 10), courier.facts()
    assert courier.facts()["trouble"] is None
    assert receiver.tracks[-1] == "2"


def test_what_is_counted_was_told_of(desk: Desk) -> None:
    """No failure without its reason, no arrival while it still seems to fail; also of what is given up."""
    seen: list[tuple[int, int, bool]] = []

    def tell(_text: str) -> None:
        facts = courier.facts()
        seen.append((facts["failed"], facts["delivered"], facts["trouble"] is not None))

    with Receiver([500, 204, 400]) as receiver:
        courier = desk.open(receiver.url, tell=tell)
        for n in range(2):
            courier.send(an_event(n))
        assert until(lambda: courier.facts()["failed"] == 2)
    assert seen == [(0, 0, True), (1, 0, False), (1, 1, False)]


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_letter_that_is_refused_does_not_stop_the_others(status: int, desk: Desk) -> None:
    """Given up, counted and told; the next one arrives."""
    with Receiver([status]) as receiver:
        courier = desk.open(receiver.url)
        courier.send(an_event(1))
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["delivered"] == 1)
    assert receiver.tracks == ["1", "2"]
    assert courier.facts()["lost"] == {"refused": 1}
    assert f"refuses an event with {status}; this event is given up." in desk.told[0]


def test_retry_after_is_heeded(desk: Desk) -> None:
    """A receiver that asks for a second gets one, though the first wait would be shorter."""
    with Receiver(["busy"]) as receiver:
        courier = desk.open(receiver.url)
        begin = time.monotonic()
        courier.send(an_event())
        assert until(lambda: courier.facts()["delivered"] == 1)
    assert time.monotonic() - begin >= 1


def test_a_receiver_that_is_killed_and_comes_back(desk: Desk) -> None:
    """What happens meanwhile waits, and arrives in order."""
    with Receiver() as receiver:
        courier = desk.open(receiver.url)
        courier.send(an_event(1))
        assert until(lambda: courier.facts()["delivered"] == 1)
    courier.send(an_event(2))
    courier.send(an_event(3))
    assert until(lambda: courier.facts()["failed"] >= 2)
    assert courier.facts()["waiting"] == 2
    assert "no connection (connection refused)" in courier.facts()["trouble"]
    with receiver:
        assert until(lambda: courier.facts()["delivered"] == 3)
    assert receiver.tracks == ["1", "2", "3"]
    assert courier.facts()["trouble"] is None


def test_what_waits_survives_a_restart(desk: Desk) -> None:
    """Closed while nobody answers; the next program delivers it, then its own, with the same ids."""
    port = free_port()
    courier = desk.open(f"http://127.0.0.1:{port}/")
    for n in (1, 2):
        courier.send(an_event(n))
    assert until(lambda: courier.facts()["failed"])
    begin = time.monotonic()
    courier.close(60)
    assert time.monotonic() - begin < 60
    assert courier.facts()["waiting"] == 2
    with Receiver(port=port) as receiver:
        again = desk.open(receiver.url)
        again.send(an_event(3))
        assert until(lambda: again.facts()["delivered"] == 3)
    assert receiver.tracks == ["1", "2", "3"]


_KILLED = """
import sys, time
from pathlib import Path
from tests.events.receivers import an_event
from vidface.events.courier import Courier
from vidface.events.settings import WebhookSettings
from vidface.events.spool import Spool
from vidface.events.webhook import Webhook
courier = Courier(Webhook(WebhookSettings(url=sys.argv[1])), Spool(Path(sys.argv[2])))
for n in range(3):
    courier.send(an_event(n))
print("sent", flush=True)
time.sleep(60)
"""


def test_what_waits_survives_a_kill(desk: Desk, repo: Path) -> None:
    """SIGKILL right after the events were taken: each of them arrives from the next program."""
    port, spool = free_port(), desk.folder / "spool"
    command = [sys.executable, "-c", _KILLED, f"http://127.0.0.1:{port}/", str(spool)]
    with subprocess.Popen(command, cwd=repo, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "sent\n"
        program.send_signal(signal.SIGKILL)
    with Receiver(port=port) as receiver:
        courier = desk.open(receiver.url)
        assert until(lambda: courier.facts()["delivered"] == 3)
    assert receiver.tracks == ["0", "1", "2"]


def test_a_spool_that_is_full_gives_up_the_oldest(desk: Desk) -> None:
    """Bounded, counted, told once; the newest arrive."""
    port = free_port()
    courier = desk.open(f"http://127.0.0.1:{port}/", most=3)
    for n in range(10):
        courier.send(an_event(n))
    assert courier.facts()["waiting"] == 3
    assert courier.facts()["lost"] == {"no room": 7}
    assert sum("the oldest are given up" in text for text in desk.told) == 1
    tried = courier.facts()["failed"]
    assert until(lambda: courier.facts()["failed"] > tried)  # one that is gone may be on its way until then
    with Receiver(port=port) as receiver:
        assert until(lambda: courier.facts()["delivered"] == 3)
    assert receiver.tracks == ["7", "8", "9"]
    assert until(lambda: desk.told[-1].endswith("; 7 were given up."))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"event": {}}',
        b'{"version": 1, "id": "a\\r\\nX-Evil: 1", "event": {"kind": "track_left"}}',
        b'{"version": 1, "id": "' + b"a" * 32 + b'", "event": {"kind": "track_left"}, "picture": "\\u00e9"}',
    ],
)
def test_a_damaged_letter_is_counted_and_skipped(damage: bytes, desk: Desk) -> None:
    """As a power loss, a broken disk or somebody's hand leaves it."""
    with Receiver() as receiver:
        Spool(desk.folder / "spool").put(damage)
        courier = desk.open(receiver.url)
        courier.send(an_event(2))
        assert until(lambda: courier.facts()["delivered"] == 1)
    assert receiver.tracks == ["2"]
    assert courier.facts()["lost"] == {"damaged": 1}


def test_closing_does_not_wait_for_one_who_does_not_answer(desk: Desk) -> None:
    """A call at work is cut short; its letter stays."""
    with Receiver(["slow"] * 10) as receiver:
        courier = desk.open(receiver.url, timeout_s=120)
        courier.send(an_event())
        assert until(lambda: receiver.posts)
        begin = time.monotonic()
        courier.close(0.2)
        assert until(lambda: not courier._thread.is_alive())
        assert time.monotonic() - begin < 60
        assert courier.facts()["waiting"] == 1


def test_sending_never_waits_for_the_receiver(desk: Desk) -> None:
    """A hundred events are taken while the first one is not answered."""
    with Receiver(["slow"]) as receiver:
        courier = desk.open(receiver.url, timeout_s=60)
        courier.send(an_event(0))
        assert until(lambda: receiver.posts)
        for n in range(1, 100):
            courier.send(an_event(n))
        facts = courier.facts()
        assert (facts["waiting"], facts["delivered"], facts["failed"]) == (100, 0, 0)
        assert len(receiver.posts) == 1


def test_login_and_unknown_hosts() -> None:
    """A password in the address becomes HTTP's own login; what is told never holds it."""
    hook = Webhook(WebhookSettings(url="http://ann:p%40ss@nowhere.invalid/x?token=t0p", timeout_s=60))
    letter = letter_of(an_event(), pictures=False)
    headers = hook._headers(letter, pack(letter))
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"ann:p@ss").decode()
    assert hook.name == "webhook http://nowhere.invalid"
    with pytest.raises(UndeliveredError, match="its name is not known"):
        hook.carry(letter)


def test_https_that_cannot_be_trusted(desk: Desk) -> None:
    """TLS spoken to a plain server, and a file of certificates that holds none."""
    with Receiver() as receiver:
        courier = desk.open(receiver.url.replace("http:", "https:"))
        courier.send(an_event())
        assert until(lambda: courier.facts()["failed"])
        assert "no connection" in courier.facts()["trouble"]
    empty = desk.folder / "ca.pem"
    empty.write_text("no certificate")
    with pytest.raises(UsageError, match=r"the certificates in .*ca\.pem cannot be read"):
        Webhook(WebhookSettings(url="https://a.example", ca=empty))


def own_authority(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    )
    builder = builder.add_extension(place, critical=False)
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    path = folder / "own.pem"
    path.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_https_with_an_authority_of_ones_own(desk: Desk) -> None:
    """Refused while nobody vouches for the receiver; taken once its authority is named."""
    pem = own_authority(desk.folder)
    with Receiver(certificate=pem) as receiver:
        courier = desk.open(receiver.url)
        courier.send(an_event())
        assert until(lambda: courier.facts()["failed"])
        assert "its certificate is not trusted (self" in courier.facts()["trouble"]
        courier.close(0.1)
        assert receiver.posts == []
        again = desk.open(receiver.url, ca=pem)
        assert until(lambda: again.facts()["delivered"] == 1)
    assert receiver.tracks == ["1"]


def test_signatures_can_be_checked() -> None:
    """Right ones pass; another body, secret or time, an old one and nonsense do not."""
    header = signed(b"body", b"secret", now_s=1000.7)
    assert header.startswith("t=1000,v1=")
    assert is_genuine(header, b"body", b"secret", now_s=1200)
    assert not is_genuine(header, b"Body", b"secret", now_s=1200)
    assert not is_genuine(header, b"body", b"Secret", now_s=1200)
    assert not is_genuine(header, b"body", b"secret", now_s=1400)
    assert not is_genuine(header.replace("t=1000", "t=1001"), b"body", b"secret", now_s=1200)
    assert not is_genuine("", b"body", b"secret", now_s=0)
