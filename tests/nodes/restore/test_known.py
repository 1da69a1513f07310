"""Known people: the asked one, the recognised one, and galleries that do not serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.gallery.people import MODEL, direction, filled
from vidface.data import Device
from vidface.data.identity import Identities, Identity
from vidface.errors import UsageError
from vidface.nodes.restore._known import KnownPeople
from vidface.nodes.restore.face import RestoreFace


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(filled(tmp_path / "people"))


def test_the_recognised_person_of_each_row(folder: str) -> None:
    people = KnownPeople(folder, None, MODEL)
    rows = Identities((Identity("known", "Bob", 0.8), Identity("unknown"), Identity("known", "Gone", 0.8)))
    found = people.of(rows, 0)
    assert found is not None
    assert float(found @ direction(1)) > 0.9
    assert float(np.linalg.norm(found)) == pytest.approx(1, abs=1e-5)
    assert people.of(rows, 1) is None
    assert people.of(rows, 2) is None
    assert people.of(Identities.none(), 0) is None
    assert people.of(None, 0) is None


def test_the_asked_person_goes_before_the_recognised_one(folder: str) -> None:
    people = KnownPeople(folder, "Cem", MODEL)
    found = people.of(Identities((Identity("known", "Bob", 0.8),)), 0)
    assert found is not None
    assert float(found @ direction(2)) > 0.9


def test_galleries_that_do_not_serve(folder: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no picture of 'Dan'; vidface gallery enroll"):
        KnownPeople(folder, "Dan", MODEL)
    with pytest.raises(UsageError, match="run vidface gallery re-embed"):
        KnownPeople(folder, None, "other@1")
    with pytest.raises(UsageError):
        KnownPeople(str(tmp_path / "none"), None, MODEL)
    with pytest.raises(UsageError, match="set `gallery` to its folder"):
        RestoreFace(person="Ann").open(Device("cpu"))
