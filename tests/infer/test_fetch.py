"""Downloads survive what networks do, and nothing but the right bytes gets a model's name."""

from __future__ import annotations

import fcntl
import hashlib
import threading
import urllib.request
from http.client import HTTPMessage
from io import BytesIO
from pathlib import Path

import pytest

from tests.infer.loopback import Manners, Server
from tests.infer.places import put
from vidface.errors import ModelMismatchError, ModelMissingError, OutputError, UsageError
from vidface.infer import fetch, weights
from vidface.infer.manifest import WeightFile

DATA = bytes(range(256)) * 4000  # about 1 MB: several blocks
AT_ONCE = fetch.Policy(timeout_s=5, attempts=3, backoff_s=0)


def stated(*urls: str, data: bytes = DATA) -> WeightFile:
    """A file whose size and digest are known."""
    digest = hashlib.sha256(data).hexdigest()
    return WeightFile(name="model.onnx", size=len(data), sha256=digest, urls=urls)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "model.onnx"


def left_over(target: Path) -> list[str]:
    """Names of all files beside the target."""
    return sorted(path.name for path in target.parent.iterdir())


def test_a_whole_download_lies_under_its_name_and_nothing_else(server: Server, target: Path) -> None:
    """The bytes are right, .part is gone, and progress only grows up to the whole."""
    server.manners = Manners(DATA)
    seen: list[tuple[str, int, int | None]] = []
    digest = fetch.fetch(stated(server.url()), target, progress=lambda *now: seen.append(now), policy=AT_ONCE)
    assert target.read_bytes() == DATA
    assert digest.sha256 == hashlib.sha256(DATA).hexdigest()
    assert left_over(target) == ["model.onnx"]
    counts = [have for _, have, _ in seen]
    assert counts == sorted(counts)
    assert seen[-1] == ("model.onnx", len(DATA), len(DATA))


def test_a_dropped_connection_is_gone_on_with(server: Server, target: Path) -> None:
    """Two drops half-way: each new request asks for the rest only, and the bytes come out right."""
    server.manners = Manners(DATA, drops=[300_000, 200_000])
    fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert target.read_bytes() == DATA
    assert [span for _, span in server.asked] == [None, "bytes=300000-", "bytes=500000-"]


def test_the_next_call_goes_on_where_the_last_one_gave_up(server: Server, target: Path) -> None:
    """Out of attempts, the part is kept and the message says how much; the next call asks for the rest."""
    server.manners = Manners(DATA, drops=[100_000, 0, 0])
    with pytest.raises(ModelMissingError, match=r"100000 bytes are kept; the same command goes on"):
        fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert left_over(target) == ["model.onnx.part"]
    fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert server.asked[-1][1] == "bytes=100000-"
    assert target.read_bytes() == DATA


def test_a_server_without_ranges_starts_anew(server: Server, target: Path) -> None:
    """The answer 200 to a range request replaces the part instead of being glued to it."""
    server.manners = Manners(DATA, ranges=False, drops=[300_000])
    fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert target.read_bytes() == DATA


def test_a_stale_part_is_given_up(server: Server, target: Path) -> None:
    """Where going on gives the wrong digest, the same address is tried once more from the start."""
    server.manners = Manners(DATA)
    target.parent.mkdir()
    target.with_name("model.onnx.part").write_bytes(b"another file" * 100)
    fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert target.read_bytes() == DATA
    assert server.asked[-1][1] is None


def test_a_wrong_digest_leaves_nothing_behind(server: Server, target: Path) -> None:
    """Expected and found stand in the message; neither part nor target exists."""
    wrong = b"x" + DATA[1:]
    server.manners = Manners(wrong)
    with pytest.raises(ModelMismatchError) as caught:
        fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert hashlib.sha256(DATA).hexdigest() in str(caught.value)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert left_over(target) == []


def test_another_size_is_refused_before_the_body_comes(server: Server, target: Path) -> None:
    """The server offers fewer bytes than the manifest states: one request, a sentence, nothing kept."""
    server.manners = Manners(DATA[:-5])
    with pytest.raises(
        ModelMissingError, match=rf"offers {len(DATA) - 5} bytes where {len(DATA)} are expected"
    ):
        fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert len(server.asked) == 1
    assert left_over(target) == []


def test_not_found_is_said_at_once_and_without_the_query(server: Server, target: Path) -> None:
    """404 is not tried again; what follows the question mark may be a key and is not shown."""
    server.manners = Manners(codes=[404])
    with pytest.raises(ModelMissingError, match="answered 404 Not Found") as caught:
        fetch.fetch(stated(server.url("model.onnx?token=secret")), target, policy=AT_ONCE)
    assert "secret" not in str(caught.value)
    assert len(server.asked) == 1


def test_the_second_address_serves_where_the_first_does_not(server: Server, target: Path) -> None:
    """A 404 at the first address leads to the second one."""
    server.manners = Manners(DATA, codes=[404])
    fetch.fetch(stated(server.url("old"), server.url("new")), target, policy=AT_ONCE)
    assert [path for path, _ in server.asked] == ["/old", "/new"]
    assert target.read_bytes() == DATA


def test_a_busy_server_is_asked_again(server: Server, target: Path) -> None:
    """503 and 429 are passing troubles."""
    server.manners = Manners(DATA, codes=[503, 429])
    fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert target.read_bytes() == DATA


def test_nobody_listens(server: Server, target: Path) -> None:
    """A refused connection ends in a sentence that names the address, not in a traceback."""
    url = "http://127.0.0.1:9/model.onnx"
    with pytest.raises(
        ModelMissingError, match=r"127\.0\.0\.1:9/model\.onnx: the connection failed .*3 times"
    ):
        fetch.fetch(stated(url), target, policy=AT_ONCE)
    assert left_over(target) == []


def test_a_silent_server_does_not_hang_us(server: Server, target: Path) -> None:
    """After timeout_s without a byte the connection counts as broken."""
    server.manners = Manners(DATA, quiet=threading.Event())
    patience = fetch.Policy(timeout_s=0.1, attempts=1)
    with pytest.raises(ModelMissingError, match="the server fell silent"):
        fetch.fetch(stated(server.url()), target, policy=patience)


def test_a_full_disk_is_said(server: Server, target: Path) -> None:
    """Writing fails as on a full disk: exit code 1 and what to do."""
    server.manners = Manners(DATA)
    target.parent.mkdir()
    target.with_name("model.onnx.part").symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"No space left on device.*VIDFACE_MODELS"):
        fetch.fetch(stated(server.url()), target, policy=AT_ONCE)


def test_too_little_room_is_said_before_anything_is_asked(server: Server, target: Path) -> None:
    """A file larger than the free space is refused without a request."""
    huge = WeightFile(name="model.onnx", size=10**18, sha256="0" * 64, urls=(server.url(),))
    with pytest.raises(OutputError, match="bytes free"):
        fetch.fetch(huge, target, policy=AT_ONCE)
    assert server.asked == []


def test_two_processes_never_write_the_same_part(server: Server, target: Path) -> None:
    """While the part is locked by someone else, fetching refuses and touches nothing."""
    target.parent.mkdir()
    part = target.with_name("model.onnx.part")
    with part.open("ab") as other:
        other.write(b"half")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="being fetched by another vidface"):
            fetch.fetch(stated(server.url()), target, policy=AT_ONCE)
    assert part.read_bytes() == b"half"


def test_a_length_that_nobody_knows_is_refused(server: Server, target: Path) -> None:
    """Without digest, size and Content-Length a cut-off file could not be told from a whole one."""
    server.manners = Manners(DATA, says_length=False)
    with pytest.raises(ModelMissingError, match="does not say how long the file is"):
        fetch.fetch(WeightFile(name="model.onnx", urls=(server.url(),)), target, policy=AT_ONCE)


def test_a_redirect_never_leads_from_https_to_http() -> None:
    """Such a redirect counts as a refusal of the address."""
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(Exception, match="leads to an unprotected address"):
        fetch.SameOrSafer().redirect_request(
            request, BytesIO(), 302, "", HTTPMessage(), "http://example.org/b"
        )


def test_pull_leaves_alone_what_is_right(server: Server, shipped: Path, user: Path) -> None:
    """The second pull asks nothing; --force asks again."""
    server.manners = Manners(DATA)
    files = [{"name": "model.onnx", "urls": [server.url()]}]
    put(shipped, "m", data=DATA, files=files)
    found = fetch.pull("m", policy=AT_ONCE)
    assert found.path == user / "m" / "model.onnx"
    assert found.verified
    fetch.pull("m", policy=AT_ONCE)
    assert len(server.asked) == 1
    fetch.pull("m", policy=AT_ONCE, force=True)
    assert len(server.asked) == 2


def test_pull_mends_a_damaged_file(server: Server, shipped: Path, user: Path) -> None:
    """A file that does not match is fetched anew."""
    server.manners = Manners(DATA)
    put(shipped, "m", data=DATA, files=[{"name": "model.onnx", "urls": [server.url()]}])
    (user / "m").mkdir(parents=True)
    (user / "m" / "model.onnx").write_bytes(b"damaged")
    fetch.pull("m", policy=AT_ONCE)
    assert weights.verify("m").path.read_bytes() == DATA


def test_an_unverifiable_file_is_remembered(server: Server, shipped: Path, user: Path) -> None:
    """Where the publisher states no digest, the first one seen is the one to keep to."""
    server.manners = Manners(DATA)
    put(shipped, "m", files=[{"name": "model.onnx", "urls": [server.url()]}])
    assert not fetch.pull("m", policy=AT_ONCE).verified
    (user / "m" / "model.onnx").write_bytes(DATA[::-1])
    with pytest.raises(ModelMismatchError, match="when it was fetched"):
        weights.verify("m")


def test_pull_without_an_address_says_where_to_put_the_file(shipped: Path, user: Path) -> None:
    """No address: the message gives the digest and the import command."""
    manifest = put(shipped, "m", data=DATA)
    with pytest.raises(ModelMissingError, match="import FILE --as m") as caught:
        fetch.pull("m", policy=AT_ONCE)
    assert str(manifest.files[0].sha256) in str(caught.value)
