"""Names of files of faces: what makes them and what knows them again agree, for all numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidface.data import filenames

NUMBERS = st.integers(0, 10**8)
KINDS = st.from_regex(r"[a-z_]+", fullmatch=True)


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["jpg", "png"]))
def test_best_shots_are_known_again(track: int, again: int, number: int, suffix: str) -> None:
    name = filenames.shot(track, again=again, number=number, suffix=suffix)
    assert filenames.SHOT.fullmatch(name)


@given(KINDS, st.none() | NUMBERS, st.integers(-1, 10**8))
def test_heat_maps_and_their_folders_are_known_again(kind: str, track: int | None, frame: int) -> None:
    name = filenames.heat(kind, track, frame)
    assert filenames.HEAT.fullmatch(f"{name}.png")
    assert filenames.HEAT.fullmatch(f"{name}.jpg")
    assert filenames.HEAT_FOLDER.fullmatch(filenames.heat_folder("findings"))
    assert filenames.HEAT_FOLDER.fullmatch(filenames.heat_folder("second"))


@given(st.integers(1, 10**8), KINDS)
def test_pictures_of_events_are_known_again(number: int, kind: str) -> None:
    assert filenames.EVENT.fullmatch(filenames.event(number, kind))


@given(st.integers(-1, 10**8), NUMBERS, NUMBERS)
def test_meshes_are_known_again(track: int, frame: int, row: int) -> None:
    assert filenames.MESH.fullmatch(filenames.mesh(track, frame, row))


def test_names_are_what_they_have_been() -> None:
    assert filenames.shot(7) == "track_0007.jpg"
    assert filenames.shot(7, again=1, number=2, suffix="png") == "track_0007_again1_2.png"
    assert filenames.heat("blend", 7, 120) == "blend_0007_000120"
    assert filenames.event(1, "appeared") == "000001_appeared.jpg"
    assert filenames.mesh(7, 120, 0) == "track_0007/000120.obj"
    assert filenames.mesh(-1, 120, 0) == "untracked/000120_1.obj"


@pytest.mark.parametrize("name", ["track_0007.jpg.exe", "holiday.jpg", "track_7.jpg", "../track_0007.jpg"])
def test_names_of_others_are_not_taken_for_ours(name: str) -> None:
    patterns = (filenames.SHOT, filenames.HEAT, filenames.EVENT, filenames.MESH)
    assert not any(one.fullmatch(name) for one in patterns)
