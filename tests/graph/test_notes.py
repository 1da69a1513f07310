"""Reviewers' notes: added, chained, never overwritten; what was done to them shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vidface.errors import UsageError
from vidface.graph.custody import NOTES
from vidface.graph.notes import add_note, check_notes, read_notes

DIGEST = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text(json.dumps({"run_sha256": DIGEST}))
    return tmp_path


@pytest.fixture
def noted(folder: Path) -> Path:
    add_note(folder, "The light on the left cheek is wrong.", by="Ada", track=3)
    add_note(folder, "Seen again; same place.", by="Bob")
    add_note(folder, "Enough.", by="Ada", track=3, decision="manipulated")
    return folder


def test_notes_come_back_in_order(noted: Path) -> None:
    notes, faults = check_notes(noted, DIGEST)
    assert faults == ()
    assert [(note.by, note.track, note.decision) for note in notes] == [
        ("Ada", 3, None),
        ("Bob", None, None),
        ("Ada", 3, "manipulated"),
    ]
    assert notes == read_notes(noted)
    assert notes[0].previous == DIGEST
    assert (noted / NOTES).stat().st_mode & 0o077 == 0


def test_what_was_there_stays_byte_for_byte(noted: Path) -> None:
    before = (noted / NOTES).read_bytes()
    add_note(noted, "Ümläute\nund Zeilen", by="Bob")
    after = (noted / NOTES).read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == 4
    assert check_notes(noted, DIGEST)[1] == ()


def edited(rows: list[bytes]) -> list[bytes]:
    return [rows[0], rows[1].replace(b"same", b"other"), rows[2]]


def cut(rows: list[bytes]) -> list[bytes]:
    return [*rows[:2], rows[2][:20]]


def respelt(rows: list[bytes]) -> list[bytes]:
    """Another text for a reader that takes the first of two equal keys; the same for this one."""
    return [rows[0], rows[1].replace(b'"text":', b'"text":"Nothing to see.","text":'), rows[2]]


def spaced(rows: list[bytes]) -> list[bytes]:
    return [rows[0], rows[1].replace(b'"text":', b'"text": '), rows[2]]


def swapped(rows: list[bytes]) -> list[bytes]:
    return [rows[0], rows[2], rows[1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "line 2 was changed after it was written"),
        (respelt, "line 2 was changed after it was written"),
        (spaced, "line 2 was changed after it was written"),
        (cut, "line 3 is cut off"),
        (swapped, "line 2 does not follow line 1"),
        (lambda rows: [rows[0], rows[2]], "line 2 does not follow line 1"),
        (lambda rows: rows[1:], "line 1 does not belong to this run.json"),
        (lambda rows: [rows[0], b"hello\n", rows[2]], "line 2 is not a note any more"),
    ],
)
def test_changed_notes_are_named_and_not_added_to(
    noted: Path, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    path = noted / NOTES
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    before = path.read_bytes()
    assert check_notes(noted, DIGEST)[1][0].startswith(said)
    with pytest.raises(UsageError, match=r"No note was added"):
        add_note(noted, "one more")
    assert path.read_bytes() == before


def test_notes_of_several_processes_do_not_mix(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vidface.graph.notes import add_note\n"
        "for number in range(10): add_note(Path(sys.argv[1]), f'{number} ' * 200, by=sys.argv[2])"
    )
    words = [sys.executable, "-c", code, str(folder)]
    running = [subprocess.Popen([*words, name]) for name in ("a", "b", "c")]
    assert [one.wait() for one in running] == [0, 0, 0]
    notes, faults = check_notes(folder, DIGEST)
    assert (len(notes), faults) == (30, ())


@pytest.mark.parametrize("text", [None, "{}", "not json"])
def test_notes_belong_to_a_finished_run(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=r"run\.json"):
        add_note(tmp_path, "hello")
    assert not (tmp_path / NOTES).exists()


def test_a_note_says_something(folder: Path) -> None:
    with pytest.raises(UsageError, match="needs a text"):
        add_note(folder, "  \n")
