"""Fixtures for the model layer: folders of the test's own, tiny ONNX files, a loopback server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infer.loopback import Server
from vidface.infer import weights


@pytest.fixture
def tiny() -> Path:
    """The folder with ONNX files of a few hundred bytes, made by make_tiny.py."""
    return Path(__file__).resolve().parent / "tiny"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's model folder; it does not exist yet."""
    folder = tmp_path / "user"
    monkeypatch.setenv("VIDFACE_MODELS", str(folder))
    return folder


@pytest.fixture
def shipped(tmp_path: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of manifests that came with vidface, empty at first."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(weights, "shipped_folder", lambda: folder)
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine that misbehaves on request."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        yield running
