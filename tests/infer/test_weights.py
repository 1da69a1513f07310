"""Where weights are found, in which order, and what a wrong file is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.infer.places import put
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer import digest, weights

DATA = b"weights" * 100


def place(folder: Path, name: str, data: bytes = DATA) -> Path:
    """Weights of a model under a folder."""
    path = folder / name / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_weights_beside_the_manifest_go_first(shipped: Path, user: Path) -> None:
    """What the project trained itself is not shadowed by the user's folder."""
    put(shipped, "m", data=DATA)
    in_user = place(user, "m")
    assert weights.find("m") == in_user
    beside = place(shipped, "m")
    assert weights.find("m") == beside
    assert weights.state(weights.entry("m")) == "shipped"


def test_the_users_own_manifests_are_known(shipped: Path, user: Path) -> None:
    """A manifest in the user's folder is a model like any other."""
    put(user, "mine", data=DATA)
    place(user, "mine")
    assert weights.names() == ("mine",)
    assert weights.entry("mine").user
    assert weights.state(weights.entry("mine")) == "present"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"VIDFACE_MODELS": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/vidface/models"),
        ({"XDG_CACHE_HOME": "relative"}, "/h/.cache/vidface/models"),
        ({}, "/h/.cache/vidface/models"),
    ],
)
def test_the_users_folder(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VIDFACE_MODELS, then XDG_CACHE_HOME where absolute, then ~/.cache."""
    for name in ("VIDFACE_MODELS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/h"} | environment).items():
        monkeypatch.setenv(name, value)
    assert weights.user_folder() == Path(expected)


def test_an_unknown_name_gets_the_nearest_ones(shipped: Path) -> None:
    """A slip of the finger is mended by the message."""
    put(shipped, "scrfd_10g")
    with pytest.raises(ModelMissingError, match=r"no model named 'scrfd_10'\. Did you mean scrfd_10g\?"):
        weights.entry("scrfd_10")
    with pytest.raises(ModelMissingError, match="vidface models list"):
        weights.entry("quite another thing")


@pytest.mark.parametrize("name", ["../m", "a/b", ".", "..", ""])
def test_a_name_is_no_path(shipped: Path, name: str) -> None:
    """Names that reach out of the folder are unknown names."""
    put(shipped.parent, "m")
    with pytest.raises(ModelMissingError, match="no model named"):
        weights.entry(name)


def test_absent_weights_say_how_to_get_them(shipped: Path, user: Path) -> None:
    """With an address: pull. Without: where to put the file and with which digest."""
    put(shipped, "far", data=DATA, files=[{"name": "model.onnx", "urls": ["https://example.org/m.onnx"]}])
    put(shipped, "lost", data=DATA)
    with pytest.raises(ModelMissingError, match=r"`vidface models pull far` fetches them \(licence: MIT\)"):
        weights.find("far")
    with pytest.raises(ModelMissingError, match=rf"hash [0-9a-f]{{64}}.*{user}/lost/model.onnx"):
        weights.find("lost")


def test_a_wrong_file_is_told_expected_and_found(shipped: Path, user: Path) -> None:
    """First the size, then the digest; and how to get it right."""
    put(shipped, "m", data=DATA, files=[{"name": "model.onnx", "urls": ["https://example.org/m.onnx"]}])
    place(user, "m", DATA + b"!")
    with pytest.raises(ModelMismatchError, match=r"should have 700 bytes, but has 701.*pull m --force"):
        weights.verify("m")
    place(user, "m", DATA[::-1])
    with pytest.raises(ModelMismatchError, match=r"its sha256 should be [0-9a-f]{64}, but is [0-9a-f]{64}"):
        weights.verify("m")
    assert weights.state(weights.entry("m")) == "mismatch"


def test_a_changed_shipped_file_is_told_apart(shipped: Path) -> None:
    """Such a file cannot be fetched: the message says reinstall."""
    put(shipped, "m", data=DATA)
    place(shipped, "m", DATA[::-1])
    with pytest.raises(ModelMismatchError, match="reinstall vidface"):
        weights.verify("m")


def test_right_weights_come_with_their_facts(shipped: Path, user: Path) -> None:
    """Path, digest and size for the run's manifest."""
    manifest = put(shipped, "m", data=DATA)
    path = place(user, "m")
    found = weights.verify("m")
    assert (found.path, found.size, found.verified) == (path, 700, True)
    assert found.sha256 == manifest.files[0].sha256
    assert not weights.stamp_path("m", manifest.files[0]).exists()


def test_large_files_are_hashed_once(shipped: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp stands for the hash until size or time of change differ; verify can ask for a full hash."""
    monkeypatch.setattr(digest, "LARGE", 10)
    monkeypatch.setattr(weights, "LARGE", 10)
    put(shipped, "m", data=DATA)
    path = place(user, "m")
    weights.verify("m")
    stamp = weights.stamp_path("m", weights.entry("m").manifest.files[0])
    assert digest.read_stamp(stamp)

    kept = path.stat()
    path.write_bytes(DATA[::-1])
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    weights.verify("m")
    with pytest.raises(ModelMismatchError):
        weights.verify("m", trust_stamp=False)
    os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns + 1))
    with pytest.raises(ModelMismatchError):
        weights.verify("m")


def test_a_damaged_stamp_is_no_fault(shipped: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ignored, and the file is hashed."""
    monkeypatch.setattr(digest, "LARGE", 10)
    manifest = put(shipped, "m", data=DATA)
    place(user, "m")
    weights.stamp_path("m", manifest.files[0]).write_text("{not json")
    assert weights.verify("m").verified


def test_a_manifest_is_named_like_its_folder(shipped: Path) -> None:
    """Otherwise graphs and folders would disagree."""
    put(shipped, "m")
    (shipped / "m").rename(shipped / "n")
    with pytest.raises(ModelError, match="the manifest says 'm'"):
        weights.entry("n")


def test_a_sha384_is_as_good(shipped: Path, user: Path) -> None:
    """Publishers that state only that one are verified by it."""
    import hashlib

    wanted = hashlib.sha384(DATA).hexdigest()
    put(shipped, "m", files=[{"name": "model.onnx", "sha384": wanted}])
    place(user, "m")
    assert weights.verify("m").verified
    place(user, "m", DATA[::-1])
    with pytest.raises(ModelMismatchError, match="sha384"):
        weights.verify("m")


def test_every_file_of_a_model_must_be_there(shipped: Path, user: Path) -> None:
    """A model of two files with one of them missing is absent."""
    put(shipped, "m", files=[{"name": "model.onnx"}, {"name": "model.bin"}])
    place(user, "m")
    with pytest.raises(ModelMissingError, match=r"model\.bin"):
        weights.find("m")
    assert weights.state(weights.entry("m")) == "absent"
