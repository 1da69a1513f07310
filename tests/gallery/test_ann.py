"""The approximate index: candidates only, exact scores, nothing of the forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gallery.people import MODEL, D, filled, looks, vector
from vidface.errors import UsageError
from vidface.gallery import Gallery, Look, Reference, ann, reference, view

needs_usearch = pytest.mark.skipif(not ann.available(), reason="usearch is not installed")


@dataclass
class Some:
    """An index that says what it is told, and holes."""

    answer: NDArray[np.int64]
    covered: int

    def rows(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        return np.tile(self.answer, (len(queries), 1))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Galleries of more than five looks are large."""
    monkeypatch.setattr(reference, "EXACT_LOOKS", 5)
    monkeypatch.setattr(view, "EXACT_LOOKS", 5)


def made(index: Some) -> Reference:
    """Six people with two looks each."""
    rows = np.stack([vector(person, look) for person in range(6) for look in range(2)])
    return Reference(rows, np.repeat(np.arange(6), 2), tuple("abcdef"), MODEL, 0.4, index=index)


def test_candidates_get_their_exact_scores(small: None) -> None:
    """Best look of each candidate; rows that the index does not know yet are looked at one by one."""
    known = made(Some(np.array([0, 3, 2, -1, -1]), covered=10))
    assert not known.exact
    found = known.search(vector(1, 9)[None], 3)[0]
    assert found[0].name == "b"
    assert {match.name for match in found} == {"a", "b", "f"}
    exact = known.scores(vector(1, 9)[None])[0]
    assert found[0].score == pytest.approx(exact[1])
    assert known.nearest(vector(5, 9)).name == "f"


def test_looks_of_one_person_do_not_hide_the_second(small: None) -> None:
    """Where all candidates are of one person the next is looked for exactly: else there would be no lead."""
    known = made(Some(np.array([2, 3, 2, 3]), covered=12))
    exact = np.sort(known.scores(vector(1, 9)[None])[0])[::-1]
    found = known.nearest(vector(1, 9))
    assert found.name == "b"
    assert found.margin == pytest.approx(exact[0] - exact[1])


def test_small_galleries_never_ask_the_index() -> None:
    known = made(Some(np.array([0]), covered=12))
    assert known.exact
    assert known.nearest(vector(4, 9)).name == "e"


def test_without_usearch_the_search_is_exact(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ann, "available", lambda: False)
    with Gallery.open(filled(tmp_path / "g"), write=True) as gallery:
        with pytest.raises(UsageError, match=r"vidface\[ann\]"):
            gallery.index()
        assert gallery.reference().exact
        assert gallery.reference().nearest(vector(1, 9)).name == "Bob"


@needs_usearch
def test_an_index_is_used_until_rows_are_numbered_anew(tmp_path: Path, small: None) -> None:
    """Private file; additions are found beside it; forgetting takes it away."""
    folder = filled(tmp_path / "g")
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.index() == 9
        assert [path.stat().st_mode & 0o777 for path in folder.glob("neighbours.*")] == [0o600]
        assert not gallery.reference().exact
        gallery.add("Dan", looks(3))
        known = gallery.reference()
        for person, name in enumerate(("Ann", "Bob", "Cem", "Dan")):
            assert known.nearest(vector(person, 9)).name == name
        assert gallery.check() == ()
        assert gallery.forget("Ann").clean
        assert not list(folder.glob("neighbours.*"))
        assert gallery.reference().exact


@needs_usearch
def test_a_damaged_or_stale_index_is_not_used(tmp_path: Path, small: None) -> None:
    folder = filled(tmp_path / "g")
    (folder / "neighbours.1").write_bytes(b"no index")
    (folder / "neighbours.7").write_bytes(b"no index")
    with Gallery.open(folder, write=True) as gallery:
        assert gallery.reference().exact
    assert not (folder / "neighbours.7").exists()


@needs_usearch
def test_the_index_finds_almost_all_that_the_exact_search_finds(tmp_path: Path, small: None) -> None:
    """300 people, each looked for once."""
    with Gallery.create(tmp_path / "g", fingerprint=MODEL, dimension=D) as gallery:
        for person in range(300):
            gallery.add(f"{person}", [Look(vector(person, 0)), Look(vector(person, 1))])
        gallery.index()
        known = gallery.reference()
        assert not known.exact
        found = known.search(np.stack([vector(person, 9) for person in range(300)]), 1)
        assert sum(match[0].name == str(person) for person, match in enumerate(found)) >= 297
