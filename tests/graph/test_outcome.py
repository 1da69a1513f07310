"""Signed files of a forensic run that was made again: what was signed is compared, and no more is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from vidface.graph.outcome import Stretch, check_outcome


def facts(name: str, signed: str, before: str | None) -> dict[str, Any]:
    output = {"files": [name]} | ({} if before is None else {"unsigned_sha256": {name: before}})
    return {
        "input": {},
        "settings": {"forensic": True, "outputs": None},
        "outputs": {"video": output},
        "files_sha256": {name: signed},
    }


@pytest.mark.parametrize(
    ("then", "state", "said"),
    [
        (("signed then", "plain"), "unchecked", "what was signed is the same"),
        (("signed then", "other"), "differs", "other bytes"),
        (("forged", None), "differs", "other bytes"),
        (("plain", "plain"), "differs", "carries no signature"),
    ],
)
def test_a_file_with_its_signature_inside(
    tmp_path: Path, then: tuple[str, str | None], state: str, said: str
) -> None:
    """Its bytes never come again, so a signed file is not called the same."""
    (tmp_path / "run.json").write_text(json.dumps(facts("v.mp4", "signed now", "plain")))
    whole = Stretch(None, None, "the whole run")
    found = check_outcome(tmp_path, facts("v.mp4", *then), tmp_path, stretch=whole, tolerance=0.0)
    (check,) = [one for one in found if one.name == "v.mp4"]
    assert check.state == state
    assert said in check.text


def test_a_file_with_its_signature_beside_it(tmp_path: Path) -> None:
    """The file is as it was before; the signature is another one, which is no difference."""
    now, then = facts("v.mkv", "plain", "plain"), facts("v.mkv", "plain", "plain")
    now["files_sha256"]["v.mkv.c2pa"], then["files_sha256"]["v.mkv.c2pa"] = "one", "two"
    (tmp_path / "run.json").write_text(json.dumps(now))
    whole = Stretch(None, None, "the whole run")
    found = check_outcome(tmp_path, then, tmp_path, stretch=whole, tolerance=0.0)
    assert {one.name: one.state for one in found} == {"v.mkv": "same", "v.mkv.c2pa": "unchecked"}


@pytest.mark.parametrize(("content", "state"), [(b"", "unchecked"), (b"{}\n", "differs")])
def test_a_file_that_older_versions_did_not_write_empty(tmp_path: Path, content: bytes, state: str) -> None:
    """A run in which nobody was followed had no file of tracks; one with rows was taken out."""
    then, now = facts("v.mp4", "plain", None), facts("v.mp4", "plain", None)
    now["outputs"]["video"]["files"].append("tracks.jsonl")
    now["files_sha256"]["tracks.jsonl"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "run.json").write_text(json.dumps(now))
    whole = Stretch(None, None, "the whole run")
    found = check_outcome(tmp_path, then, tmp_path, stretch=whole, tolerance=0.0)
    assert [one.state for one in found if one.name == "tracks.jsonl"] == [state]


def states(then: dict[str, Any], folder: Path, stretch: Stretch) -> dict[str, tuple[str, str]]:
    """Name -> state and text, of a run in `folder` against one made again in `folder`/again."""
    again = folder / "again"
    again.mkdir()
    (again / "run.json").write_text(json.dumps(then))
    found = check_outcome(folder, then, again, stretch=stretch, tolerance=0.0)
    return {one.name: (one.state, one.text) for one in found}


def test_rows_that_are_gone_or_belong_to_no_frame_are_not_compared(tmp_path: Path) -> None:
    """Of tracks there is one line each, which a re-run of the first frames ends elsewhere."""
    then = facts("v.mp4", "plain", None)
    then["files_sha256"] |= {"faces.jsonl": "gone", "tracks.jsonl": "here"}
    (tmp_path / "tracks.jsonl").write_text('{"track": 1}\n')
    found = states(then, tmp_path, Stretch(5, None, "the first 5 frames"))
    assert found["faces.jsonl"] == ("unchecked", "it is not here")
    assert found["tracks.jsonl"][0] == "unchecked"
    assert "--sample all" in found["tracks.jsonl"][1]


def test_what_was_added_later_is_no_part_of_the_run(tmp_path: Path) -> None:
    """A report, for one; what the run itself wrote is checked although it stands there, too."""
    then = facts("v.mp4", "plain", "plain") | {"added": {"review": {"report.html": "x", "v.mp4": "y"}}}
    found = states(then, tmp_path, Stretch(None, None, "the whole run"))
    assert found["report.html"][0] == "unchecked"
    assert found["v.mp4"][0] == "same"
