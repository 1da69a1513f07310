"""The file of --out and the folders beside it are found wanting before long work begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidface.cli._outfile import check_once, check_out, make_folder, short_names, write_out
from vidface.errors import OutputError, OutputExistsError, UsageError

ENDINGS = (".md", ".json")


def test_an_ending_that_is_not_known_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.md or \.json, but got .*out\.txt"):
        check_out(tmp_path / "out.txt", ENDINGS, overwrite=False)


def test_a_file_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*away"):
        check_out(tmp_path / "away" / "out.md", ENDINGS, overwrite=False)


def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """Endings in capitals count as well."""
    out = tmp_path / "out.JSON"
    check_out(out, ENDINGS, overwrite=False)
    write_out(out, "ä\n")
    assert out.read_bytes() == "ä\n".encode()
    with pytest.raises(OutputExistsError, match="--overwrite"):
        check_out(out, ENDINGS, overwrite=False)
    check_out(out, ENDINGS, overwrite=True)


def test_what_cannot_be_made_or_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(UsageError, match=r"--pictures wants a folder, but .*file"):
        make_folder("--pictures", tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        write_out(tmp_path, "text")
    make_folder("--videos", tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_must_be_one_that_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the work, and not at its end."""
    (tmp_path / "out.md").mkdir()
    with pytest.raises(UsageError, match=r"may write, but .*out\.md is none"):
        check_out(tmp_path / "out.md", ENDINGS, overwrite=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match=r"may write, but .*x\.md is none"):
        check_out(tmp_path / "x.md", ENDINGS, overwrite=False)


def test_a_clip_is_given_once(tmp_path: Path) -> None:
    check_once(["a.mp4", "b.mp4", str(tmp_path / "a.mp4")])
    with pytest.raises(UsageError, match=r"^a\.mp4 is given twice; each clip counts once"):
        check_once(["a.mp4", "b.mp4", "a.mp4"])
    other = f"{tmp_path}/x/../a.mp4"
    with pytest.raises(UsageError, match=r"given twice \(also as .*a\.mp4\)"):
        check_once([str(tmp_path / "a.mp4"), other])


def test_names_are_as_long_as_it_takes_to_tell_files_apart() -> None:
    """The same file has the same name; files of one stem in one folder keep their endings."""
    paths = ["/a/clips/x.mpg", "/b/clips/x.mpg", "/b/clips/y.mpg", "/b/clips/y.mpg", "/c/z.mp4", "/c/z.mkv"]
    assert short_names(paths) == ["a-clips-x", "b-clips-x", "y", "y", "z.mp4", "z.mkv"]
    assert short_names(["/a/x.mpg"], least=2) == ["a-x"]
    assert short_names(["/a/v1.0", "/b/v1.0"], endings=True) == ["a-v1.0", "b-v1.0"]
    assert len(set(short_names(["/p/a-b/c", "/q/c", "/q/a-b-c"]))) == 3
