"""recognize.identify before a camera, while others change the gallery."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.recognize._people import DIMENSION, Stream, look
from vidface.data import Device
from vidface.data.identity import Identity
from vidface.data.source import SourceInfo
from vidface.gallery import Gallery, Look
from vidface.nodes.recognize import _enrolled
from vidface.nodes.recognize.identify import RecognizeIdentify


class Watched:
    """The node over a stream that goes on for as long as it is asked."""

    def __init__(self, folder: Path, *, live: bool = True) -> None:
        self.node = RecognizeIdentify(gallery=str(folder))
        self.node.open(Device())
        self.node.meet(SourceInfo("door", "rtsp", "", "", 0, 0, Fraction(1), live=live))
        self.node.reset()

    def see(self, person: int | None, times: int = 1) -> Identity:
        """The last row of track 1, which shows this person, or nothing that can be measured."""
        ports = Stream([{1: person}] * times).ports
        rows = [self.node.process(*values).rows for values in zip(*ports.values(), strict=True)]
        return rows[-1][0]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gallery is looked at with each frame."""
    monkeypatch.setattr(_enrolled, "_LOOK_EVERY_S", 0.0)


def looks(person: int) -> list[Look]:
    rng = np.random.default_rng(4)
    return [Look(look(person, rng)) for _ in range(3)]


def test_who_is_forgotten_is_named_no_more(gallery: Callable[..., Path]) -> None:
    """Also where the track shows nothing new; and the gallery's log hears the name no more."""
    folder = gallery(Ann=1, Bob=2)
    watched = Watched(folder)
    assert watched.see(1, 4).name == "Ann"
    with Gallery.open(folder, write=True) as book:
        book.forget("Ann")
    row = watched.see(None)
    assert (row.state, row.name) == ("unknown", None)
    assert row.nearest == "Bob"
    assert watched.see(1).name is None
    watched.node.facts()
    with Gallery.open(folder) as book:
        assert book.audit(1)[0].detail == {"clip": "door", "tracks known": 0}


def test_who_is_enrolled_is_known(gallery: Callable[..., Path]) -> None:
    """So is a threshold that was set anew."""
    folder = gallery(Ann=1)
    watched = Watched(folder)
    assert watched.see(2, 4).state == "unknown"
    with Gallery.open(folder, write=True) as book:
        book.add("Bob", looks(2))
    assert watched.see(2).name == "Bob"


def test_a_file_is_held_against_the_gallery_as_it_was(gallery: Callable[..., Path]) -> None:
    """The same result all through, however long it takes."""
    folder = gallery(Ann=1)
    watched = Watched(folder, live=False)
    assert watched.see(1, 4).name == "Ann"
    with Gallery.open(folder, write=True) as book:
        book.forget("Ann")
    assert watched.node._reference is not None
    assert watched.node._reference.names == ("Ann",)


def test_a_gallery_that_is_gone_names_nobody(gallery: Callable[..., Path], tmp_path: Path) -> None:
    """The camera goes on, and the run says so; a gallery that is put back counts again."""
    folder = gallery(Ann=1)
    watched = Watched(folder)
    assert watched.see(1, 4).name == "Ann"
    shutil.move(folder, tmp_path / "away")
    assert watched.see(1).name is None
    assert "is gone" in watched.node.facts()["notes"][-1]
    shutil.move(tmp_path / "away", folder)
    assert watched.see(1).name == "Ann"
    assert "notes" not in watched.node.facts()


def test_a_gallery_of_another_embedder_names_nobody(
    gallery: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera goes on, and the run says why; the gallery is read once, not with every look at it."""
    monkeypatch.setattr(_enrolled, "_SETTLED_S", 0.0)
    folder = gallery(Ann=1)
    watched = Watched(folder)
    assert watched.see(1, 4).name == "Ann"
    shutil.rmtree(folder)
    with Gallery.create(folder, fingerprint="other@1", dimension=DIMENSION) as book:
        book.add("Bob", looks(1))
    assert watched.see(1).name is None
    assert "vectors of other@1 now, so nobody is known" in watched.node.facts()["notes"][0]
    monkeypatch.setattr(Gallery, "open", None)
    assert watched.see(1, 4).state == "unknown"


def test_a_gallery_that_did_not_change_is_not_read(
    gallery: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the file's time and size is all, once that time is some seconds ago."""
    monkeypatch.setattr(_enrolled, "_SETTLED_S", 0.0)
    folder = gallery(Ann=1)
    watched = Watched(folder)
    watched.see(1)
    monkeypatch.setattr(Gallery, "open", None)
    assert watched.see(1, 4).name == "Ann"
