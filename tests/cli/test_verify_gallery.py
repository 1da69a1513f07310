"""`vidface verify` of a run that was held against a gallery: other people in it are told as the cause."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import vidface
from vidface.cli import cli

ROOT = Path(vidface.__file__).parents[1]
SAMPLES, GRAPHS = ROOT / "samples", ROOT / "graphs"


def call(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A gallery of one person, and the run that was held against it."""
    folder = tmp_path_factory.mktemp("known")
    gallery, run = folder / "people", folder / "run"
    call("gallery", "enroll", "--gallery", gallery, "Grace Hopper", SAMPLES / "hopper.jpg")
    words = ("--to", "0.6", "-o", run, "--set", f"identify.gallery={gallery}")
    call("run", GRAPHS / "identify.yaml", SAMPLES / "two_people.mp4", *words)
    return gallery, run


def galleries(run: Path, code: int = 0) -> list[str]:
    checks = json.loads(call("verify", run, "--json", code=code))["checks"]
    return [one["text"] for one in checks if one["what"] == "gallery"]


def test_of_people_who_are_as_they_were_nothing_is_told(made: tuple[Path, Path]) -> None:
    assert galleries(made[1]) == []


def test_people_who_were_enrolled_since_are_told_as_the_cause(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    gallery, run = made
    before = shutil.copytree(gallery, tmp_path / "before")
    try:
        call("gallery", "enroll", "--gallery", gallery, "Eileen Collins", SAMPLES / "collins.jpg")
        assert galleries(run, code=1) == ["holds other people or looks than then"]
        last = call("verify", run, code=1).splitlines()[-1]
        assert last.endswith("(which may be for what is other here: gallery of identify)")
    finally:
        shutil.rmtree(gallery)
        shutil.copytree(before, gallery)


def test_another_threshold_is_told(made: tuple[Path, Path]) -> None:
    gallery, run = made
    call("gallery", "calibrate", "--gallery", gallery)
    (text,) = galleries(run)
    assert text.startswith("another threshold (0.4 then, 0.3")
