"""`vidface verify` and `inspect` of folders from strangers: whatever run.json says, and whoever signed it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli.verified import copy_of, keys, make_run
from vidface.cli.inspect import inspect
from vidface.cli.verify import verify
from vidface.graph.custody import CHAIN, MANIFEST, NOTES, SIGNATURE, add_files, read_manifest, with_digests
from vidface.media.signature import signer_of

DROPPED = "(dropped)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("strangers"), stop=1.0)


def call(*words: object) -> Result:
    found = CliRunner().invoke(verify, ["--sample", "0", *map(str, words)])
    assert isinstance(found.exception, SystemExit | None), found.exception
    return found


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a manifest; of a list its first item."""
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    )
    for key, one in inner:
        yield (*before, key)
        yield from places(one, (*before, key))


def changed(facts: dict[str, Any], place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """Another value at a place, and digests that fit again."""
    made = deepcopy(facts)
    inner: Any = made
    for key in place[:-1]:
        inner = inner[key]
    if value is DROPPED:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return with_digests(made)


@pytest.mark.parametrize("value", [DROPPED, None, 5, "x", [], {"a": 1}], ids=str)
def test_whatever_a_manifest_says_that_fits_its_digests(run: Path, tmp_path: Path, value: object) -> None:
    """Each field dropped or replaced, by one who knows the form: verify ends in words."""
    facts, moved = read_manifest(run), copy_of(run, tmp_path)
    for place in places(facts):
        (moved / MANIFEST).write_text(json.dumps(changed(facts, place, value)))
        assert call(moved).exit_code in (0, 1), place


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("consent",), "yes", 'consent: wanted an object, found "yes"'),
        (("settings", "device"), DROPPED, "settings.device is not there"),
        (("input", "path"), None, "input.path: wanted a text, found null"),
        (("ledger", "holes"), 5, "ledger.holes: wanted a list, found 5"),
        (("from",), DROPPED, "from is not there"),
        (("audio",), DROPPED, "audio is not there"),
        (("graph", "overrides"), DROPPED, "graph.overrides is not there"),
        (("graph", "text"), "\udc80", 'graph.text: wanted a text in UTF-8, found "\\udc80"'),
        (("files_sha256", "a\0b"), "", 'files_sha256.a?b: wanted the name of a file, found "a\\u0000b"'),
        (("consent",), {"file": "c.txt"}, "consent: wanted a file's given_in and sha256"),
        (("outputs", "\x1b[2J" + "x" * 99), 5, "outputs.?[2J" + "x" * 36 + "...: wanted an object, found 5"),
    ],
)
def test_what_does_not_fit_is_named(
    run: Path, tmp_path: Path, place: tuple[Any, ...], value: object, says: str
) -> None:
    moved = copy_of(run, tmp_path)
    (moved / MANIFEST).write_text(json.dumps(changed(read_manifest(run), place, value)))
    found = call(moved)
    assert (found.exit_code, says in found.output) == (1, True)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("input", "path"), "x" * 5000),
        (("audio",), {"path": "x" * 5000, "sha256": "0"}),
        (("consent",), {"file": "~nosuchuser/x", "given_in": "command line", "sha256": "0"}),
        (("models",), [{"name": "x" * 5000, "sha256": "0"}]),
        (("files_sha256", "x" * 5000), "0"),
    ],
)
def test_names_that_no_file_has(run: Path, tmp_path: Path, place: tuple[Any, ...], value: object) -> None:
    """What they lead to is not here; it is no bug."""
    moved = copy_of(run, tmp_path)
    (moved / MANIFEST).write_text(json.dumps(changed(read_manifest(run), place, value)))
    assert call(moved).exit_code == (1 if place[0] == "files_sha256" else 0)


def test_rows_of_other_places_are_not_read(run: Path, tmp_path: Path) -> None:
    """A device has no end; the first stretch is found in the run's own files."""
    moved = copy_of(run, tmp_path)
    chains = {**read_manifest(run)["chains"], "/dev/zero": {"rows": 1, "head": ""}}
    (moved / MANIFEST).write_text(json.dumps(changed(read_manifest(run), ("chains",), chains)))
    found = CliRunner().invoke(verify, ["--run-nodes", str(moved)])
    assert "faces.jsonl: 4 rows" in found.output


@pytest.mark.parametrize("name", [MANIFEST, CHAIN, NOTES, SIGNATURE])
def test_what_is_no_file_is_not_waited_for(run: Path, tmp_path: Path, name: str) -> None:
    moved = copy_of(run, tmp_path)
    (moved / name).unlink(missing_ok=True)
    os.mkfifo(moved / name)
    found = CliRunner().invoke(verify, ["--sample", "0", str(moved)])
    if name == CHAIN:
        assert f"MISSING     {CHAIN}" in found.output
    else:
        assert str(found.exception) == f"{moved / name} is no plain file"


def test_a_manifest_too_deep_to_walk_is_damaged(run: Path, tmp_path: Path) -> None:
    moved = copy_of(run, tmp_path)
    for deep in (150, 900, 200_000):
        (moved / MANIFEST).write_text('{"a":' * deep + "5" + "}" * deep)
        found = CliRunner().invoke(verify, [str(moved)])
        assert "it is nested more than 100 deep" in str(found.exception)
    (moved / MANIFEST).write_bytes((run / MANIFEST).read_bytes())
    (moved / "faces.jsonl").write_text("[" * 200_000 + "\n")
    found = CliRunner().invoke(verify, ["--run-nodes", "--sample", "all", str(moved)])
    assert (found.exit_code, "faces.jsonl" in found.output) == (1, True)


def test_a_number_of_stretches_that_is_none() -> None:
    found = CliRunner().invoke(verify, ["--sample", "\u00b2", "."])
    assert "wanted a number of stretches or all" in found.output


def test_a_run_that_another_key_signed_anew_is_not_the_same(tmp_path: Path) -> None:
    """Both keys are told; who names the second one accepts it."""
    first, second = keys(tmp_path, "first")[0], keys(tmp_path, "second")
    out = make_run(tmp_path, stop=0.5, sign_key=first)
    assert call(out).exit_code == 0
    (out / "note.txt").write_text("added")
    add_files(out, "note", ["note.txt"], sign=signer_of(second[0]).sign)
    found = call(out)
    assert found.exit_code == 1
    told = read_manifest(out)["manifest_signed_by"]["key_sha256"][:16]
    assert f"the run was signed by key {told}: signed anew later, or replaced" in found.output
    accepted = call(out, "--key", second[1])
    assert accepted.exit_code == 0
    assert f"the run's own signature was of key {told}" in accepted.output
    assert call(out, "--key", tmp_path / "first.pub").exit_code == 1
    assert (out / SIGNATURE).is_file()


def test_a_link_to_a_folder_is_no_part_of_a_run(run: Path, tmp_path: Path) -> None:
    moved = copy_of(run, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "more.txt").write_text("more")
    (moved / "more").symlink_to(tmp_path / "elsewhere")
    found = call(moved)
    assert found.exit_code == 1
    assert "more: a link to a folder" in found.output


@pytest.mark.parametrize("target", ["{beside}", "other.mp4", "video.mp4", "nowhere"])
def test_a_link_is_not_the_file_that_was_sealed(run: Path, tmp_path: Path, target: str) -> None:
    """Whatever it leads to now: the same bytes, itself, or nothing."""
    moved = copy_of(run, tmp_path)
    beside = (moved / "video.mp4").rename(tmp_path / "beside.mp4")
    (moved / "other.mp4").write_bytes(beside.read_bytes())
    (moved / "video.mp4").symlink_to(target.format(beside=beside))
    found = call(moved)
    assert found.exit_code == 1
    assert "CHANGED     video.mp4: a link stands in its place" in found.output


def test_inspect_tells_a_file_that_took_the_place_of_the_runs(run: Path, tmp_path: Path) -> None:
    """By its hash, not by its name."""
    moved = copy_of(run, tmp_path)
    name = next(name for name in read_manifest(moved)["files_sha256"] if name.endswith(".mp4"))
    before = CliRunner().invoke(inspect, [str(moved / name)])
    assert "the run that wrote it began" in before.output
    data = (moved / name).read_bytes()
    (moved / name).write_bytes(data + b"\0\0\0\x08free")
    after = CliRunner().invoke(inspect, [str(moved / name)])
    assert "NOT the file that the run beside it wrote" in after.output
    assert (
        json.loads(CliRunner().invoke(inspect, ["--json", str(moved / name)]).output)["run"]["wrote"] is False
    )


def test_inspect_tells_a_manifest_that_it_cannot_use(run: Path, tmp_path: Path) -> None:
    """Only one that speaks of the file: other programs write a run.json, too."""
    moved = copy_of(run, tmp_path)
    (moved / MANIFEST).write_text(json.dumps(changed(read_manifest(run), ("consent",), "yes")))
    (moved / "stranger.mp4").write_bytes((moved / "video.mp4").read_bytes())
    told = CliRunner().invoke(inspect, [str(moved / "video.mp4")])
    assert (told.exit_code, 'consent: wanted an object, found "yes"' in told.output) == (0, True)
    row = json.loads(CliRunner().invoke(inspect, ["--json", str(moved / "video.mp4")]).output)["run"]
    assert list(row) == ["unread"]
    assert "run.json" not in CliRunner().invoke(inspect, [str(moved / "stranger.mp4")]).output
    names = ["\0", "\ud800", "loop", "video.mp4"]
    (moved / "loop").symlink_to("loop")
    for files in (names, names[2:]):
        outputs = {"video": {"files": files}}
        (moved / MANIFEST).write_text(json.dumps(changed(read_manifest(run), ("outputs",), outputs)))
        assert CliRunner().invoke(inspect, [str(moved / "video.mp4")]).exit_code == 0
