"""What `vidface eval stabilize` measures: one face, the same in the input and in the output."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.cli import _measure, main
from vidface.cli._measure import main_face, same_face, steadiness
from vidface.data import Faces

FIVE = np.array([(-0.5, -0.2), (0.5, -0.2), (0.0, 0.4), (-0.4, 0.9), (0.4, 0.9)])
WAY = np.array([(1.1, 0, 30), (0, 1.1, -10), (0, 0, 1.0)])


def drawn(faces: dict[int, tuple[float, float, float]]) -> Faces:
    """Track -> x, y and distance of the eyes."""
    points = [FIVE * eyes + (x, y) for x, y, eyes in faces.values()]
    boxes = [[*one.min(0), *one.max(0)] for one in points]
    return Faces.of(boxes, landmarks=points, tracks=list(faces)) if faces else Faces.none()


def clip() -> list[Faces]:
    """A large face that trembles by 2 px and leaves after 20 of 30 frames; a small one that stays."""
    rows = []
    for number in range(30):
        large = {1: (200 + 2 * (number % 2), 150, 80)} if number < 20 else {}
        rows.append(drawn({2: (500, 150, 20), **large}))
    return rows


def steadied() -> list[Faces]:
    """The same behind `WAY`, numbered the other way round; the large face trembles by half as much."""
    rows = []
    for number in range(30):
        large = {2: (250 + 1.1 * (number % 2), 155, 88)} if number < 20 else {}
        rows.append(drawn({1: (580, 155, 22), **large}))
    return rows


def test_the_face_that_takes_up_most_is_measured_though_another_is_there_longer() -> None:
    points = main_face(clip())
    assert np.isfinite(points).all((1, 2)).sum() == 20
    assert points[0, 0] == pytest.approx((160, 134))
    assert np.isnan(main_face([Faces.none()] * 3)).all()


def test_before_and_after_are_of_one_person() -> None:
    """Whatever number that person has, and however long others are there; how much of it was seen is told."""
    row = steadiness(main_face(clip()), steadied(), [WAY] * 30)
    assert row["jitter_ratio"] == pytest.approx(0.5, abs=0.01)
    assert row["face_share"] == row["input_face_share"] == pytest.approx(20 / 30)


def test_nobody_where_that_face_went_is_not_measured() -> None:
    """Without homographies, or where somebody else is all that is left: no figure, and a share of 0."""
    points = main_face(clip())
    others = [one.pick([0]) for one in steadied()]
    for rows, ways in ((steadied(), [None] * 30), (others, [WAY] * 30)):
        assert np.isnan(same_face(points, rows, ways)).all()
        row = steadiness(points, rows, ways)
        assert math.isnan(row["jitter_ratio"])
        assert row["face_share"] == 0


def test_the_command_tells_on_how_much_it_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coarse = np.random.default_rng(1).integers(0, 256, (20, 26), np.uint8)
    whole: NDArray[np.uint8] = np.kron(coarse, np.ones((10, 10), np.uint8))
    faces = {}
    for name, there in (("input", 4), ("output", 3)):
        (tmp_path / name).mkdir()
        for number in range(5):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), whole)
        rows = [drawn({1: (100, 100 + number % 2, 40)} if number < there else {}) for number in range(5)]
        faces[str(tmp_path / name)] = rows
    monkeypatch.setattr(_measure, "faces_in", faces.__getitem__)
    words = ["vidface", "eval", "stabilize", str(tmp_path / "input"), str(tmp_path / "output"), "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code in (0, None)
    (row,) = json.loads(capsys.readouterr().out).values()
    assert (row["input_face_share"], row["face_share"]) == (0.8, 0.6)
    assert row["jitter_ratio"] == pytest.approx(1)
