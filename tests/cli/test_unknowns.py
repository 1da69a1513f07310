"""`vidface gallery unknowns` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.gallery.people import MODEL, D, direction, filled, vector
from tests.gallery.runfolders import add_shot, made_run
from vidface.cli.gallery import gallery
from vidface.errors import UsageError
from vidface.gallery import Gallery, Look
from vidface.gallery.answers import read_answers

NOW, LATER, LAST = ((0.0, 2.0),), ((10.0, 12.0),), ((70.0, 80.5),)


def call(*words: object, folder: Path | None = None) -> Result:
    """Run `vidface gallery WORDS`; errors come out as they are."""
    where = () if folder is None else ("--gallery", str(folder))
    return CliRunner().invoke(gallery, [*where, *map(str, words)], catch_exceptions=False)


def found(*words: object, folder: Path | None = None) -> Any:
    """Run it with --json."""
    return json.loads(call(*words, "--json", folder=folder).stdout)


def members(answer: Any) -> list[list[str]]:
    """The groups as lists of `folder#track`."""
    return [[f"{Path(t['run']).name}#{t['track']}" for t in g["tracks"]] for g in answer["groups"]]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Person 11 three times, 12 twice, 13 once, and somebody known."""
    tracks = {1: (11, NOW), 2: (12, NOW), 3: (11, LATER), 4: (12, LATER), 5: (13, LATER), 6: (11, LAST)}
    return made_run(tmp_path / "one", tracks | {7: (14, LAST)}, states={7: ("known", "Dan")})


def two_alike() -> tuple[Any, Any]:
    """Two vectors with a cosine of 0.36."""
    one, two = direction(1), direction(2)
    rest = two - one * float(one @ two)
    return one, 0.36 * one + np.sqrt(1 - 0.36**2) * rest / np.linalg.norm(rest)


def doubtful(folder: Path) -> Path:
    """Two tracks that may be one person."""
    return made_run(folder, {1: (1, NOW), 2: (2, LATER)}, vector=np.stack(two_alike()).astype(np.float32))


def test_groups_are_shown_with_times_and_shots(run: Path) -> None:
    """Proposed groups first, singles last, known tracks left out; without a gallery."""
    add_shot(run, 6)
    done = call("unknowns", run)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["GROUP", "STATE", "ALIKE", "LIKE", "RUN", "TRACK", "FROM", "TO", "LOOKS", "SHOT"]
    assert lines[1][:2] == ["1", "proposed"]
    assert lines[1][3:] == ["one", "6", "0:01:10.0", "0:01:20.5", "5", "shots/track_0006.png"]
    assert lines[2] == ["one", "3", "0:00:10.0", "0:00:12.0", "5"]
    assert [line[0] for line in lines[4:]] == ["2", "one", "3"]
    assert lines[6][1] == "single"
    assert "tracks left out: 1 recognised in their run" in done.stderr


def test_json_says_the_same(run: Path) -> None:
    """Groups, tracks and what was left out."""
    answer = found("unknowns", run)
    assert members(answer) == [["one#6", "one#3", "one#1"], ["one#4", "one#2"], ["one#5"]]
    assert answer["model"] == MODEL
    assert answer["threshold"] == 0.5
    assert answer["left_out"] == {"known": 1, "poor": 0, "enrolled": 0}
    assert answer["groups"][0]["nearest"] is None
    assert answer["questions"] == []


def test_assign_enrols_a_group(run: Path, tmp_path: Path) -> None:
    """A look a track with its source and picture, in a new gallery; then they are left out."""
    add_shot(run, 1)
    folder = tmp_path / "people"
    done = call("unknowns", run, "--assign", "1", "Ann Lee", folder=folder)
    assert "'Ann Lee': 3 looks enrolled (1 with a picture), from " in done.stdout
    assert "3 enrolled by now" in done.stderr
    with Gallery.open(folder) as opened:
        looks = opened.looks("Ann Lee")
        assert opened.fingerprint == MODEL
        assert [row.action for row in opened.audit()] == ["unknowns", "enroll", "create"]
    assert {look.source for look in looks} == {f"{run.resolve()}#{n}" for n in (1, 3, 6)}
    assert [look.source for look in looks if look.picture] == [f"{run.resolve()}#1"]
    assert members(found("unknowns", run, folder=folder)) == [["one#4", "one#2"], ["one#5"]]


def test_assign_takes_a_single_track_and_several_at_once(run: Path, tmp_path: Path) -> None:
    """RUN#TRACK by the folder's name or its path; numbers are those from before."""
    words = ("--assign", "one#5", "Cem", "--assign", "2", "Bob", "--assign", f"{run}#1", "Ann")
    answer = found("unknowns", run, *words, folder=tmp_path / "people")
    assert [(one["name"], one["looks"]) for one in answer["assigned"]] == [("Cem", 1), ("Bob", 2), ("Ann", 1)]
    assert members(answer) == [["one#6", "one#3"]]
    assert answer["groups"][0]["nearest"]["name"] == "Ann"


def test_what_is_odd_about_an_enrolment_is_told(run: Path, tmp_path: Path) -> None:
    """Somebody like that is enrolled under another name."""
    folder = tmp_path / "people"
    with Gallery.create(folder, fingerprint=MODEL, dimension=D) as opened:
        opened.add("Zoe", [Look(vector(11, 77))])
    done = call("unknowns", run, folder=folder)
    assert done.stdout.count("Zoe 0.") == 1
    done = call("unknowns", run, "--assign", "1", "Ann", folder=folder)
    assert "perhaps the same person as 'Zoe' (cosine 0." in done.stdout


def test_a_track_that_is_enrolled_already_is_told(tmp_path: Path) -> None:
    """Twice the same clip: one look is enough."""
    runs = [made_run(tmp_path / name, {1: (11, NOW)}) for name in ("a", "b")]
    done = call("unknowns", *runs, "--assign", "1", "Ann", folder=tmp_path / "people")
    assert f"'Ann': 1 look enrolled (0 with a picture), from {runs[0].resolve()}#1\n" in done.stdout
    assert f"left out, since they are enrolled already: {runs[1].resolve()}#1" in done.stdout


def test_questions_are_asked_answered_and_remembered(tmp_path: Path) -> None:
    """Yes makes one group, no makes two for good; neither is asked again; no later yes is still possible."""
    run, folder = doubtful(tmp_path / "a"), tmp_path / "people"
    asked = call("unknowns", run).stdout
    assert "1. Are groups 1 and 2 one person? Compare a#2 and a#1 (mean cosine 0.36)." in asked
    assert "yes: --same 1 2   no: --different 1 2" in asked
    assert len(found("unknowns", run, "--different", 1, 2, folder=folder)["groups"]) == 2
    again = found("unknowns", run, folder=folder)
    assert (len(again["groups"]), again["questions"]) == (2, [])
    assert len(found("unknowns", run, "--same", "a#1", "a#2", folder=folder)["groups"]) == 1
    assert len(read_answers(folder)) == 1
    assert len(found("unknowns", run, "--threshold", 0.9, folder=folder)["groups"]) == 1


def test_a_group_can_be_confirmed(run: Path, tmp_path: Path) -> None:
    """The same number twice: its tracks stay together at any threshold; enrolled, its answers are gone."""
    folder = tmp_path / "people"
    call("unknowns", run, "--same", 1, 1, folder=folder)
    assert members(found("unknowns", run, "--threshold", 0.99, folder=folder))[0] == [
        "one#6",
        "one#3",
        "one#1",
    ]
    call("unknowns", run, "--assign", 1, "Ann", folder=folder)
    assert len(read_answers(folder)) == 0


def test_a_doubtful_group_is_asked_about_its_halves(tmp_path: Path) -> None:
    """Joined just above the threshold."""
    asked = call("unknowns", doubtful(tmp_path / "a"), "--threshold", 0.34).stdout
    assert "Is group 1 one person?" in asked
    assert "yes: --same 1 1   no: --different a#2 a#1" in asked
    assert "Is group" not in call("unknowns", tmp_path / "a", "--threshold", 0.34, "--questions", 0).stdout


def test_the_threshold_is_that_of_a_calibrated_gallery(run: Path, tmp_path: Path) -> None:
    """One that was never calibrated says nothing about strangers."""
    folder = filled(tmp_path / "people")
    assert found("unknowns", run, folder=folder)["threshold"] == 0.5
    with Gallery.open(folder, write=True) as opened:
        wanted = opened.calibrate(fmr=0.1).threshold
    assert found("unknowns", run, folder=folder)["threshold"] == pytest.approx(wanted, abs=1e-4)


def test_a_search_stands_in_the_log(run: Path, tmp_path: Path) -> None:
    """Also one that changes nothing."""
    folder = filled(tmp_path / "people")
    call("unknowns", run, folder=folder)
    with Gallery.open(folder) as opened:
        row = opened.audit(1)[0]
    assert (row.action, row.detail["groups"]) == ("unknowns", 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--assign", "9", "Ann"), "there is no group 9: the groups are 1 to 3"),
        (("--assign", "one", "Ann"), "'one' is no group and no track"),
        (("--assign", "²", "Ann"), "'²' is no group and no track"),
        (("--assign", "one#²", "Ann"), "'one#²' is no group and no track"),
        (("--assign", "one#7", "Ann"), "none of the unknown tracks"),
        (("--assign", "1", " "), "a name has 1 to"),
        (("--different", "1", "1"), "cannot differ from itself: name two of its tracks"),
    ],
)
def test_words_that_mean_nothing(run: Path, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """One sentence; nothing is enrolled or remembered."""
    folder = filled(tmp_path / "people")
    with pytest.raises(UsageError, match=told):
        call("unknowns", run, *words, folder=folder)
    with Gallery.open(folder) as opened:
        assert len(opened.people()) == 3
    assert len(read_answers(folder)) == 0


def test_answers_need_a_gallery(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To look, none is needed, nor need it be there."""
    monkeypatch.delenv("VIDFACE_GALLERY", raising=False)
    with pytest.raises(UsageError, match="which gallery"):
        call("unknowns", run, "--same", 1, 2)
    done = call("unknowns", run, folder=tmp_path / "none")
    assert "there is no gallery in" in done.stderr
    assert not (tmp_path / "none").exists()


def test_nobody_unknown(tmp_path: Path) -> None:
    """An empty run shows no table; nothing to make a gallery from."""
    run = made_run(tmp_path / "a", {})
    done = call("unknowns", run)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nobody unknown was found" in done.stderr
    with pytest.raises(UsageError, match="there are no tracks"):
        call("unknowns", run, "--assign", 1, "Ann", folder=tmp_path / "people")
