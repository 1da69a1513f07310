"""`vidface gallery names` as a user sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.test_unknowns import call, found, members, two_alike
from tests.gallery.people import direction
from tests.gallery.runfolders import made_run
from vidface.errors import UsageError
from vidface.gallery import Gallery, Look


def film(folder: Path, **more: Any) -> tuple[Path, Path]:
    """A run and its subtitles: Ann is person 11 (two tracks), Bob person 12, and Cem is never seen."""
    spans: dict[str, list[tuple[float, float]]] = {"ANN": [], "BOB": [], "CEM": []}
    lines = []
    for i in range(40):
        name = ("ANN", "BOB", "CEM", "BOB", "ANN")[i % 5]
        spans[name].append((4.0 * i, 4.0 * i + 3))
        begin, end = (f"00:{t // 60:02}:{t % 60:02},000" for t in (4 * i, 4 * i + 3))
        lines.append(f"{i}\n{begin} --> {end}")
        lines.append(f"{name}: Well.\n")
    (folder / "film.srt").write_text("\n".join(lines))
    tracks = {1: (11, spans["ANN"][:8]), 2: (12, spans["BOB"]), 3: (11, spans["ANN"][8:])}
    return made_run(folder / "one", tracks, **more), folder / "film.srt"


def test_names_are_linked_to_groups(tmp_path: Path) -> None:
    """Sure ones, and one that is nobody's; with the counts."""
    run, text = film(tmp_path)
    done = call("names", run, "--subtitles", text)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["NAME", "FACE", "SURE", "FROM", "SAID", "SEEN", "TOGETHER", "CHANCE"]
    assert [row[:3] for row in rows[1:3]] == [["Ann", "group", "1"], ["Bob", "group", "2"]]
    assert [row[4:9] for row in rows[1:3]] == [["sure", "labels", "16", "16", "16"]] * 2
    assert rows[3] == ["Cem", "nobody", "-", "labels", "8"]


def test_names_as_json(tmp_path: Path) -> None:
    """All figures of a link, and the groups."""
    run, text = film(tmp_path)
    answer = found("names", run, "--subtitles", text)
    first, *_, last = answer["names"]
    assert (first["name"], first["group"], first["sure"], first["labels"]) == ("Ann", 1, True, True)
    assert first["p"] < 0.001
    assert (last["name"], last["group"], last["sureness"], last["pmi"]) == ("Cem", None, 0.0, None)
    assert answer["captions"] == 40
    assert members(answer) == [["one#3", "one#1"], ["one#2"]]


def test_sure_names_are_enrolled(tmp_path: Path) -> None:
    """And nobody else; what was done is said, and stands in the log."""
    run, text = film(tmp_path)
    folder = tmp_path / "people"
    done = call("names", run, "--subtitles", text, "--assign", folder=folder)
    assert "'Ann': 2 looks enrolled" in done.stdout
    assert "'Bob': 1 look enrolled" in done.stdout
    with Gallery.open(folder) as opened:
        assert [(one.name, one.looks) for one in opened.people()] == [("Ann", 2), ("Bob", 1)]
        assert opened.audit(1)[0].detail["enrolled"] == 2


def test_people_the_run_knows_are_told_by_their_names(tmp_path: Path) -> None:
    """They take a name too, are not enrolled anew, and another name in the captions is told."""
    run, text = film(tmp_path, states={2: ("known", "Robert")})
    folder = tmp_path / "people"
    done = call("names", run, "--subtitles", text, "--assign", folder=folder)
    assert "Bob" in done.stdout
    assert "known as Robert" in done.stdout
    assert "'Bob' in the captions is whom the run knows as 'Robert'" in done.stderr
    with Gallery.open(folder) as opened:
        assert [one.name for one in opened.people()] == ["Ann"]


def test_a_doubtful_group_is_not_enrolled(tmp_path: Path) -> None:
    """The name is sure, but the group may be two people."""
    one, near = two_alike()
    vectors = np.stack([one, direction(5), near]).astype(np.float32)
    run, text = film(tmp_path, vector=vectors)
    folder = tmp_path / "people"
    done = call("names", run, "--subtitles", text, "--assign", "--threshold", 0.34, folder=folder)
    assert "'Ann' was not enrolled: group" in done.stderr
    with Gallery.open(folder) as opened:
        assert [one.name for one in opened.people()] == ["Bob"]


def test_a_list_and_a_shift(tmp_path: Path) -> None:
    """Only those on the list; subtitles that begin a minute late; odd files are told."""
    run, text = film(tmp_path)
    (tmp_path / "cast.txt").write_text("Ann Lee\n")
    answer = found("names", run, "--subtitles", text, "--people", tmp_path / "cast.txt")
    assert [row["name"] for row in answer["names"]] == ["Ann Lee"]
    late = found("names", run, "--subtitles", text, "--shift", 1000)
    assert not any(row["sure"] for row in late["names"])
    text.write_bytes(text.read_bytes() + "99\n00:09:00,000 --> 00:08:00,000\nÄh\n".encode("cp1252"))
    done = call("names", run, "--subtitles", text)
    assert "film.srt is not UTF-8" in done.stderr
    assert "their times run backwards" in done.stderr


def test_subtitles_without_names(tmp_path: Path) -> None:
    """A sentence, and no table; without --subtitles a usage error."""
    run, text = film(tmp_path)
    text.write_text("00:00:01,000 --> 00:00:02,000\nhm\n")
    done = call("names", run, "--subtitles", text)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no names were found in 1 captions" in done.stderr
    assert call("names", run).exit_code == 2


def test_subtitles_of_another_film(tmp_path: Path) -> None:
    """All of them after the last face: nobody is named, and it is told why that may be."""
    run, text = film(tmp_path)
    text.write_text(text.read_text().replace("00:0", "02:0"))
    done = call("names", run, "--subtitles", text)
    assert done.exit_code == 0
    assert "40 of 40 captions are not of the time in which the run shows faces" in done.stderr
    assert "group" not in done.stdout
    back = call("names", run, "--subtitles", text, "--shift", -7200)
    assert "captions are not of the time" not in back.stderr
    assert "group 1" in back.stdout


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    """A shift that is no number, and an encoding that there is not."""
    run, text = film(tmp_path)
    for word in ("nan", "inf"):
        with pytest.raises(UsageError, match="--shift wants a number of seconds"):
            call("names", run, "--subtitles", text, "--shift", word)
    with pytest.raises(UsageError, match="there is no encoding"):
        call("names", run, "--subtitles", text, "--encoding", "klingon")


def test_another_spelling_is_told(tmp_path: Path) -> None:
    """The rarer one gets no face of its own; a list makes them one."""
    run, text = film(tmp_path)
    lines = text.read_text().replace("ANN:", "KATHARINE:").split("KATHARINE:")
    parts = [f"{'KATHERINE' if i % 5 == 4 else 'KATHARINE'}:{part}" for i, part in enumerate(lines[1:])]
    text.write_text(lines[0] + "".join(parts))
    done = call("names", run, "--subtitles", text)
    assert "'Katherine' may be 'Katharine' written otherwise" in done.stderr
    (tmp_path / "cast.txt").write_text("Katharine, Katherine\nBob\n")
    done = call("names", run, "--subtitles", text, "--people", tmp_path / "cast.txt")
    assert "otherwise" not in done.stderr
    assert "Katharine  group 1" in done.stdout


def test_a_second_time_nobody_takes_the_place_of_who_is_enrolled(tmp_path: Path) -> None:
    """A silent companion is there in most of Ann's scenes: at first and ever after the name is Ann's."""
    run, text = film(tmp_path)
    again = made_run(
        tmp_path / "three",
        {
            1: (11, [(4.0 * i, 4.0 * i + 3) for i in range(40) if i % 5 in (0, 4)]),
            2: (12, [(4.0 * i, 4.0 * i + 3) for i in range(40) if i % 5 in (1, 3)]),
            3: (13, [(4.0 * i, 4.0 * i + 3) for i in range(40) if i % 5 in (0, 4)][:14]),
        },
    )
    folder = tmp_path / "people"
    first = call("names", again, "--subtitles", text, "--assign", folder=folder)
    assert "'Ann': 1 look enrolled" in first.stdout
    second = call("names", again, "--subtitles", text, "--assign", folder=folder)
    assert "enrolled by now: Ann, Bob (2 tracks)" in second.stderr
    assert "known as Ann" in second.stdout
    with Gallery.open(folder) as opened:
        assert [(one.name, one.looks) for one in opened.people()] == [("Ann", 1), ("Bob", 1)]
    assert run.is_dir()


def test_a_name_that_is_enrolled_goes_to_no_other_face(tmp_path: Path) -> None:
    """The captions say Ann, the gallery knows another Ann: told, not enrolled."""
    run, text = film(tmp_path)
    folder = tmp_path / "people"
    call("names", run, "--subtitles", text, "--assign", folder=folder)
    with Gallery.open(folder, write=True) as opened:
        opened.forget("Ann")
        opened.add("Ann", [Look(direction(50))])
    done = call("names", run, "--subtitles", text, "--assign", folder=folder)
    assert "'Ann' is enrolled, and group 1 is not like that person" in done.stderr
    with Gallery.open(folder) as opened:
        assert [(one.name, one.looks) for one in opened.people()] == [("Bob", 1), ("Ann", 1)]
