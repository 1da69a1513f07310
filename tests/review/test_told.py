"""What an examiner must be told: altered files, other streams, turns, parts, names and notes of any bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import Edit
from tests.review.test_report import caveats, made
from vidface.errors import UsageError
from vidface.graph.custody import RUN_DIGEST, read_manifest
from vidface.graph.notes import _KEYS, Note, _hash, _line, add_note
from vidface.review.altered import alterations
from vidface.review.write import write_report

NOT_UTF8 = b"caf\xe9".decode(errors="surrogateescape")


def old_note(folder: Path, text: str) -> None:
    """A note as versions wrote it that took any bytes."""
    first = str(read_manifest(folder)[RUN_DIGEST])
    values = ("2026-01-01T00:00:00.000+00:00", text, None, text, None, first)
    row: dict[str, Any] = dict(zip(_KEYS, values, strict=True))
    note = Note(**row, hash=_hash(row))
    (folder / "notes.jsonl").write_bytes(_line(note.to_json()) + b"\n")


@pytest.mark.parametrize(("text", "by"), [(NOT_UTF8, None), ("Seen.", NOT_UTF8)])
def test_a_note_that_is_not_utf8_is_refused(folder: Path, text: str, by: str | None) -> None:
    with pytest.raises(UsageError, match="is not UTF-8 at character 4; no note was added"):
        add_note(folder, text, by=by)
    assert not (folder / "notes.jsonl").exists()


def test_old_notes_and_names_of_any_bytes_stand_in_the_report(
    folder: Path, change: Callable[[Edit], None]
) -> None:
    """report.json has them as they are, the page by their codes; other signs stay what they are."""
    old_note(folder, f"{NOT_UTF8} für")
    change(lambda manifest: manifest["input"].update(name=f"{NOT_UTF8}.mp4"))
    page, facts = made(folder)
    assert facts["notes"][0]["text"] == f"{NOT_UTF8} für"
    assert facts["title"] == f"{NOT_UTF8}.mp4"
    assert "caf\\udce9 für" in page.texts
    assert "für" in (folder / "report.json").read_text(encoding="utf-8")
    assert "changed after it was written" not in " ".join(facts["caveats"])


def test_a_clock_that_is_set_back_is_told(folder: Path, change: Callable[[Edit], None]) -> None:
    """One time stands for two pictures: a caveat with the place, and the length is the clock's."""
    change(lambda manifest: manifest["input"]["extra"].update(times_set_back="the clock falls back by 2 s"))
    page, facts = made(folder)
    assert any(
        line.startswith("The file's times are not unique: the clock falls back by 2 s. ")
        for line in facts["caveats"]
    )
    assert any("by the file's own clock, which is set back within it" in text for text in page.texts)


def test_a_backslash_is_part_of_a_name(folder: Path, change: Callable[[Edit], None]) -> None:
    change(lambda manifest: manifest["input"].update(name="/films/a\\b.mp4"))
    assert made(folder)[1]["title"] == "a\\b.mp4"


def test_a_folder_as_the_run_left_it_is_not_altered(folder: Path) -> None:
    """Nor by its report, an edited one, a note, or somebody's own remarks."""
    write_report(folder)
    add_note(folder, "Seen.", by="Ada")
    (folder / "report.html").write_text("edited")
    (folder / "remarks.txt").write_text("Call Ann.")
    assert alterations(folder) == ()


def test_what_was_altered_is_named(folder: Path) -> None:
    """Rows, pictures and files that the run did not write, such as declarations of the file."""
    tracks, shot = folder / "tracks.jsonl", next((folder / "shots").glob("*.jpg"))
    tracks.write_text(tracks.read_text().replace("manipulated", "authentic"))
    shot.unlink()
    (folder / "about.json").write_text('{"declared": {"metadata": {"encoder": "Topaz"}}}')
    found = alterations(folder)
    assert set(found) == {
        "tracks.jsonl (rows 1 to 2 changed)",
        f"shots/{shot.name} (missing)",
        "about.json (not written by the run)",
    }
    _, facts = write_report(folder, altered=found)
    told = json.loads(facts.read_text())["caveats"][0]
    assert told.startswith("The folder is not what the run left: ")
    assert all(one in told for one in found)


def test_a_run_json_that_was_altered_is_named(folder: Path, change: Callable[[Edit], None]) -> None:
    """Whoever alters a file can bring its hash in run.json in line, which has one as well."""
    change(lambda manifest: manifest["files_sha256"].pop("tracks.jsonl"))
    assert alterations(folder)[0] == "run.json (it is not what its own digest says)"


def test_a_run_without_digests_is_said_to_be_one(folder: Path, change: Callable[[Edit], None]) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        del manifest["run_sha256"], manifest["manifest_sha256"]

    change(edit)
    assert any(one.startswith("run.json has no digest of itself") for one in made(folder)[1]["caveats"])


def test_pixels_that_are_not_square_are_told(folder: Path, change: Callable[[Edit], None]) -> None:
    assert not [one for one in made(folder)[1]["caveats"] if "square" in one]
    change(lambda manifest: manifest["input"]["extra"].update(sample_aspect_ratio="64:45"))
    (told,) = [one for one in made(folder)[1]["caveats"] if "square" in one]
    assert told.startswith("The file's pixels are not square (64:45, wide to high), and faces were measured")


def test_pixels_that_were_made_square_are_told(folder: Path, change: Callable[[Edit], None]) -> None:
    """By the reviewer, not by the file: no caveat, a line among the facts."""
    change(lambda manifest: manifest["input"]["extra"].update(made_square="pixels were 2:1"))
    page, facts = made(folder)
    assert "pixels were 2:1 (--square)" in page.texts
    assert not [one for one in facts["caveats"] if "square" in one]


def test_other_video_streams_are_told(folder: Path, change: Callable[[Edit], None]) -> None:
    """How many there are, which was looked at, and which the others are where that was read."""
    assert not [one for one in made(folder)[1]["caveats"] if "video streams" in one]
    change(lambda manifest: manifest["input"]["extra"].update(other_video_streams=1))
    page, facts = made(folder)
    (told,) = [one for one in facts["caveats"] if "video streams" in one]
    assert told.startswith(
        "The file has 2 video streams (a cover counts as one), and one was examined (h264, "
    )
    assert told.endswith("Players can show another: nothing is said of the others.")
    assert "1, not examined" in page.texts
    says = (
        "The file has other pictures beside stream 0, which alone was read: video stream 1 (h264, 64 x 48)."
    )
    hints = [{"kind": "streams", "says": says, "means": "Common."}]
    (folder / "about.json").write_text(json.dumps({"declared": {}, "stream": {"hints": hints}}))
    assert any(says in one for one in made(folder)[1]["caveats"])


def test_the_reviewers_turn_is_not_told_as_the_files(folder: Path, change: Callable[[Edit], None]) -> None:
    """A file that asks for 180 degrees, turned by 270 more, lies at 90 in the review."""
    page, _ = made(folder)
    assert "0 degrees clockwise, as the file says" in page.texts

    def edit(manifest: dict[str, Any]) -> None:
        manifest["input"]["rotation"] = 90
        manifest["settings"]["rotate"] = 270

    change(edit)
    page, facts = made(folder)
    assert facts["turned"] == {"by_file": 180, "by_user": 270}
    assert "180 degrees clockwise, as the file says" in page.texts
    assert "270 degrees clockwise more (--rotate)" in page.texts
    (told,) = [one for one in caveats(facts) if "--rotate" in one]
    assert "turned by 270 degrees clockwise for this review" in told
    assert "beyond what the file says (180 degrees)" in told


def test_of_frames_that_were_not_looked_at_nothing_is_said(
    folder: Path, change: Callable[[Edit], None]
) -> None:
    """Damage behind the end of the part is not known, so that it is not said that there is none."""
    page, _ = made(folder)
    said = "No frame of the part that was reviewed is missing or damaged"
    assert f"{said} (0.0–4.0 s of 12.4 s); the rest was not looked at." in page.texts
    change(lambda manifest: manifest.update(to=None))
    assert "No frame is missing or damaged." in made(folder)[0].texts


@pytest.mark.parametrize(("hop", "told"), [(0.5, False), (2.0, True)])
def test_long_windows_are_told(folder: Path, hop: float, told: bool) -> None:
    """Of a long track a value of the probability stands for more than half a second."""
    path = folder / "tracks.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["verdict"]["moments"] = [
            {"start": f"{n * hop:.6f}", "end": f"{(n + 1) * hop:.6f}", "probability": 0.9} for n in range(9)
        ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page, facts = made(folder)
    for one in facts["tracks"]:
        assert one["moment_s"] == hop
        ends = [float(moment["end"]) for moment in one["verdict"]["moments"]]
        assert max(ends) <= one["last"]
        assert one["likely"][-1][1] <= one["last"]
    assert (any(text.endswith(" (in windows of 2 s)") for text in page.texts)) is told
    assert any(text.endswith("s, in windows of 2 s.") for text in page.texts) is told
