"""`vidface references` as a user meets it, on the project's own portraits and on made recordings."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.forensics.madeperson import EMBEDDER, FACE, habit, vector
from vidface.cli import _references_make, main
from vidface.cli._references_read import Recording
from vidface.vision.personfile import read_person
from vidface.vision.personlook import Sample


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run `vidface references WORDS` in this process; gives the exit code."""
    monkeypatch.setattr(sys, "argv", ["vidface", "references", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


class MadeReader:
    """Stands in for the reader: a file's name says who it shows, and for how long."""

    fingerprint = EMBEDDER

    def __init__(self, *_args: object, **_options: object) -> None:
        self.seed = 0

    def __enter__(self) -> MadeReader:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def __call__(self, path: Path) -> Recording:
        kind, who, *_ = path.stem.split("_")
        clip = path.suffix == ".mp4"
        if kind == "crowd":
            return Recording(path, clip, problem="it shows 2 faces, two of them about as clear")
        self.seed += 0 if kind == "twin" else 1
        times, signals = habit(8.0 if clip else 0.0, int(who), self.seed)
        parts = vector(int(who), self.seed)
        samples = tuple(
            Sample(
                *(float(time), index, vector(int(who), self.seed), 0.9, parts, parts),
                mesh=FACE if index % 5 == 0 else None, angles=(0.0, 0.0, 0.0), eyes_px=60.0,
            )
            for index, time in enumerate(times)
        )  # fmt: skip
        return Recording(path, clip, samples, signals)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """files("a_1.jpg", ...): made files, and a reader that knows whom they show."""
    monkeypatch.setattr(_references_make, "Reader", MadeReader)

    def make(*names: str) -> list[Path]:
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.write_text(path.name)
        return paths

    return make


def test_pictures_and_clips_become_one_private_file(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: Callable[..., list[Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "ann.npz"
    given = files("a_1.jpg", "b_1.jpg", "c_1.mp4", "crowd_1.jpg")
    assert call(monkeypatch, *given, "-o", out, "--name", "Ann") == 0
    told = capsys.readouterr().out
    assert "crowd_1.jpg" in told
    assert "no: it shows 2 faces" in told
    assert "3 of 4 files" in told
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    person = read_person(out)
    assert person.name == "Ann"
    assert [source.name for source in person.sources] == ["a_1.jpg", "b_1.jpg", "c_1.mp4"]
    assert person.sources[2].clip
    assert len(person) == 4, "a look a picture, and one for each five seconds of a clip"
    assert len(person.windows) == 4
    assert person.parted.all()
    assert person.shaped.all()


def test_strangers_and_copies_are_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: Callable[..., list[Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of six shows somebody else; one picture was saved twice; one file is there twice."""
    given = files("a_1.jpg", "twin_1.jpg", "b_1.jpg", "c_1.jpg", "d_1.jpg", "e_1.jpg", "x_9.jpg")
    copy = tmp_path / "copy_1.jpg"
    shutil.copy(given[0], copy)
    assert call(monkeypatch, *given, copy, "-o", tmp_path / "p.npz", "--json") == 0
    rows = {Path(row["file"]).name: row for row in json.loads(capsys.readouterr().out)["sources"]}
    assert "another person?" in rows["x_9.jpg"]["why_not"]
    assert rows["twin_1.jpg"]["why_not"] == "the same picture as a_1.jpg"
    assert rows["copy_1.jpg"]["why_not"] == "the same file as a_1.jpg"
    assert len(read_person(tmp_path / "p.npz").sources) == 5
    assert call(monkeypatch, *given, "-o", tmp_path / "all.npz", "--keep-all") == 0
    assert "x_9.jpg" in [source.name for source in read_person(tmp_path / "all.npz").sources]


def test_of_two_that_differ_none_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: Callable[..., list[Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody can say which of them is wrong; both are doubted, and few references are said to be few."""
    assert call(monkeypatch, *files("a_1.jpg", "x_9.jpg"), "-o", tmp_path / "p.npz") == 0
    told = capsys.readouterr()
    assert told.out.count("is this the same person?") == 2
    assert "fewer than 3 recordings" in told.err


def test_no_reference_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    files: Callable[..., list[Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing that will do; no file; an empty folder; a wrong ending; a file that is there."""
    out = tmp_path / "p.npz"
    assert call(monkeypatch, *files("crowd_1.jpg"), "-o", out) == 3
    assert "none of the files will do as a reference" in capsys.readouterr().err
    assert call(monkeypatch, tmp_path / "none.jpg", "-o", out) == 3
    (tmp_path / "empty").mkdir()
    assert call(monkeypatch, tmp_path / "empty", "-o", out) == 2
    assert "there is no picture and no clip" in capsys.readouterr().err
    assert call(monkeypatch, *files("a_1.jpg"), "-o", tmp_path / "p.txt") == 2
    assert not out.exists()
    out.write_text("mine")
    assert call(monkeypatch, *files("a_1.jpg"), "-o", out) == 2
    assert out.read_text() == "mine"
    assert call(monkeypatch, *files("a_1.jpg"), "-o", out, "--overwrite") == 0


def test_portraits_are_read_for_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real reader: one portrait, a picture without a face, one that is damaged."""
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff no picture")
    assert call(monkeypatch, samples / "collins.jpg", bad, "-o", tmp_path / "p.npz") == 0
    told = capsys.readouterr().out
    assert "no: it cannot be read" in told
    person = read_person(tmp_path / "p.npz")
    assert person.embedder == EMBEDDER
    assert person.parted.all()
    assert person.shaped.all()
    assert np.abs(person.angles).max() < 20


def test_two_faces_about_as_large_want_a_choice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two portraits side by side: left out with a sentence, and taken with --face."""
    cv2 = pytest.importorskip("cv2")
    faces = [
        cv2.resize(cv2.imread(str(samples / f"{name}.jpg")), (300, 375)) for name in ("collins", "hopper")
    ]
    both = tmp_path / "both.png"
    cv2.imwrite(str(both), np.hstack(faces))
    assert call(monkeypatch, both, "-o", tmp_path / "p.npz") == 3
    assert "say which with --face N" in capsys.readouterr().err
    for number, name in ((1, "collins"), (2, "hopper")):
        assert call(monkeypatch, both, "-o", tmp_path / f"{name}.npz", "--face", number) == 0
    left, right = (read_person(tmp_path / f"{name}.npz") for name in ("collins", "hopper"))
    assert float(left.vectors[0] @ right.vectors[0]) < 0.6
    assert call(monkeypatch, both, "-o", tmp_path / "p.npz", "--face", 3) == 3
    assert "--face asks for face 3, but 2 were found" in capsys.readouterr().err
    alone = samples / "collins.jpg"
    assert call(monkeypatch, alone, "-o", tmp_path / "q.npz", "--face", 2) == 0, "one face is no choice"
