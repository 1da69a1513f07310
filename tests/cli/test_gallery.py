"""`vidface gallery` as a user sees it, with made faces in place of models."""

from __future__ import annotations

import hashlib
import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from tests.gallery.people import MODEL, D, direction, looks, picture, vector
from vidface.cli._gallery_common import Place, opened_or_new
from vidface.cli._gallery_enroll import best
from vidface.cli._gallery_faces import Face, GraphSampler, Shot, picture_shot
from vidface.cli._gallery_tracks import TrackPlaces, places_of
from vidface.cli.gallery import gallery
from vidface.errors import InputError, OutputExistsError, UsageError, VidfaceError
from vidface.gallery import Gallery


class Made:
    """A sampler that reads what a file says of itself.

    A word each face, "person.look" with what deviates behind it: `3.0 4.1:px=10:sure=0.1`; `bad` cannot be
    read. A clip has a line each frame.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.fingerprint = MODEL if model == "made" else f"{model}@1"
        self.dimension = D if model == "made" else 32
        self.seen: list[str] = []

    def stills(self, paths: Sequence[Path]) -> Iterator[Shot]:
        for path in paths:
            self.seen.append(path.name)
            text = path.read_text()
            if text == "stop":
                raise KeyboardInterrupt
            damage = "it is cut off or damaged" if text.endswith("cut") else ""
            found = replace(shot(path, text.removesuffix("cut")), damage=damage) if text != "bad" else None
            yield found or Shot(path, problem="it is damaged or no picture")

    def clip(self, path: Path, every_s: float) -> Iterator[Shot]:
        for number, line in enumerate(path.read_text().split("\n")):
            if line == "bad":
                raise InputError(f"{path}: is no video.")
            yield shot(path, line, number)

    def track(self, places: TrackPlaces) -> Iterator[Shot]:
        for number in places.faces:
            yield shot(places.clip, f"0.{number}", number)

    def embed(self, pictures: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = np.stack([direction(len(data), self.dimension) for data in pictures])
        return rows, np.full(len(rows), 0.5, np.float32)

    def close(self) -> None:
        pass


def shot(path: Path, text: str, number: int | None = None) -> Shot:
    """The faces of a line."""
    faces = []
    for word in text.split():
        who, *more = word.split(":")
        told = {"px": 80.0, "sure": 0.9, "good": 0.8, **dict(_pair(item) for item in more)}
        person, look = map(int, who.split("."))
        row = vector(person, look)
        faces.append(Face(row, told["sure"], told["good"], told["px"], picture(10 * person + look)))
    return Shot(path, number, tuple(sorted(faces, key=lambda face: -face.height_px)))


def _pair(item: str) -> tuple[str, float]:
    key, value = item.split("=")
    return key, float(value)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the gallery named by the environment; the embedder is "made"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIDFACE_GALLERY", str(tmp_path / "g"))
    monkeypatch.setattr("vidface.cli._gallery_common.DEFAULT_MODEL", "made")
    return tmp_path


def run(*words: str) -> Result:
    """Run `vidface gallery WORDS`; errors of vidface come through, as the program's main expects them."""
    result = CliRunner().invoke(gallery, words, obj=Made)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def put(files: dict[str, str]) -> None:
    """Write made pictures and clips."""
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def people() -> dict[str, int]:
    """Name -> looks."""
    return {row["name"]: row["looks"] for row in json.loads(run("list", "--json").stdout)}


def three() -> None:
    """Ann, Bob and Cem, enrolled from folders."""
    put(
        {
            f"in/{name}/{look}.jpg": f"{n}.{look}"
            for n, name in enumerate(("Ann", "Bob", "Cem"))
            for look in range(3)
        }
    )
    run("enroll", "--folders", "in")


def test_enroll_pictures_folders_and_clips() -> None:
    """Hidden and other files are passed over; folders inside folders are not."""
    put({"a.jpg": "0.0", "more/b.png": "0.1", "more/inside/c.JPG": "0.2", "more/.d.jpg": "9.0"})
    put({"more/notes.txt": "9.0", "clip.mp4": "0.3\n0.4\n\n0.5"})
    result = run("enroll", "Ann", "a.jpg", "more", "clip.mp4")
    assert "6 looks of 1 person enrolled" in result.stdout
    rows = json.loads(run("show", "Ann", "--json").stdout)["looks"]
    assert [Path(row["source"]).name for row in rows] == [
        *("a.jpg", "b.png", "c.JPG", "clip.mp4#0", "clip.mp4#1", "clip.mp4#3")
    ]
    assert rows[0]["recognisability"] == 0.9
    assert rows[0]["picture"] is True


def test_folders_are_people() -> None:
    three()
    assert people() == {"Ann": 3, "Bob": 3, "Cem": 3}
    assert stat.S_IMODE(Path("g").stat().st_mode) == 0o700


def test_folders_whose_names_are_one_are_both_enrolled() -> None:
    """White space at the end, or another form of Unicode."""
    folders = ("Ann", "Ann ", "Jos\u00e9", "Jose\u0301", "Cem")
    put({f"in/{name}/{look}.jpg": f"{look}.{look}" for look, name in enumerate(folders)})
    told = run("enroll", "--folders", "in").stderr
    assert people() == {"Ann": 2, "Jos\u00e9": 2, "Cem": 1}
    assert "'Ann' is enrolled from 2 folders: 'in/Ann', 'in/Ann '" in told
    assert "enrolled from 2 folders: 'in/Jose\\u0301', 'in/Jos\\xe9'" in told
    assert "Cem" not in told


def test_files_of_other_kinds_are_counted() -> None:
    """Once a folder; what is hidden is not meant."""
    put({"in/a.jpg": "0.0", "in/b.HEIC": "", "in/x/c.heic": "", "in/notes": "", "in/.hidden": ""})
    told = run("enroll", "Ann", "in").stderr
    wanted = "in: 3 files are no picture or clip that can be read, by the name: 2 .heic, 1 without a suffix"
    assert told.count(wanted) == 1
    assert "passed over" not in run("enroll", "Bob", "in/a.jpg").stderr


def test_names_of_files_do_not_steer_the_terminal() -> None:
    put({"a\x1b[2Jb.jpg": "0.0", "c\x1b[2Jd.jpg": "bad", "e\x1b]0;x\x07f.jpg": "0.1"})
    results = [run("enroll", "Ann", *sorted(map(str, Path().glob("*.jpg"))))]
    results += [run("search", "e\x1b]0;x\x07f.jpg"), run("show", "Ann"), run("audit")]
    results += [run("export", "g\x1b[2J.zip")]
    text = "".join(result.stdout + result.stderr for result in results)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "a?[2Jb.jpg" in text
    assert "c?[2Jd.jpg: it is damaged" in text


def test_what_will_not_do_is_a_sentence_each() -> None:
    """None, three, too small, not recognisable, poor, damaged: named, counted, and the rest goes on."""
    put({"none.jpg": "", "three.jpg": "0.0 1.0 2.0", "small.jpg": "0.0:px=10", "odd.jpg": "0.0:sure=0.1"})
    put({"poor.jpg": "0.0:good=0.05", "bad.jpg": "bad", "bad.mp4": "bad", "good.jpg": "0.0 1.0:px=9"})
    put({"empty.mp4": "\n\n", "two.mp4": "0.0 1.0\n0.1 1.1"})
    result = run("enroll", "Ann", *(str(path) for path in sorted(Path().glob("*.*"))))
    told = dict(line.split(": ", 1) for line in result.stderr.splitlines() if ": " in line)
    assert "no face was found" in told["none.jpg"]
    assert "3 faces were found; cut the picture, or take the largest with --largest" in told["three.jpg"]
    assert "10 pixels, and --min-face-px asks for 24" in told["small.jpg"]
    assert "recognisability is 0.10" in told["odd.jpg"]
    assert "quality is 0.05" in told["poor.jpg"]
    assert told["bad.jpg"] == "it is damaged or no picture; left out"
    assert told["bad.mp4"] == "is no video; left out"
    assert "no frame will do: no face was found" in told["empty.mp4"]
    assert "2 of 2 frames show several faces" in told["two.mp4"]
    assert "1 look of 1 person enrolled; 9 files left out" in result.stdout
    assert people() == {"Ann": 1}


def test_where_nothing_was_enrolled_the_exit_code_is_3() -> None:
    """As of all input that cannot be used; nobody is there by that name."""
    put({"none.jpg": "", "bad.jpg": "bad"})
    with pytest.raises(InputError, match=r"nothing was enrolled.*2 files left out"):
        run("enroll", "Ann", "none.jpg", "bad.jpg")
    assert people() == {}


def test_largest_takes_the_tallest_face() -> None:
    put({"three.jpg": "0.0 1.0:px=200 2.0", "two.mp4": "0.0 1.1:px=200\n1.2 2.1:px=40"})
    run("enroll", "Bob", "three.jpg", "two.mp4", "--largest")
    put({"probe.jpg": "1.9"})
    found = json.loads(run("search", "probe.jpg", "--json").stdout)["faces"][0]
    assert found["name"] == "Bob"
    assert json.loads(run("show", "Bob", "--json").stdout)["looks"][2]["source"].endswith("two.mp4#1")


def test_a_clip_with_a_passer_by_is_no_crowd() -> None:
    """One frame of twenty with two faces is passed over; the person is enrolled from the others."""
    put({"clip.mp4": "\n".join(["0.0 1.0", *(f"0.{look}" for look in range(1, 20))])})
    run("enroll", "Ann", "clip.mp4", "--max-looks", "4")
    rows = json.loads(run("show", "Ann", "--json").stdout)["looks"]
    assert len(rows) == 4
    assert "clip.mp4#0" not in [Path(row["source"]).name for row in rows]


def test_the_best_faces_of_a_clip_differ() -> None:
    """By recognisability times quality, those that are alike left out, in the order of the clip."""
    rows = [(0, 0.9), (0, 0.95), (1, 0.5), (2, 0.7), (3, 0.1)]
    shots = [
        (Face(vector(0, look), sure, 0.8, 80, None), Shot(Path("clip"), number))
        for number, (look, sure) in enumerate(rows)
    ]
    assert [one.frame for _, one in best(shots, 3)] == [1, 2, 3]
    assert [one.frame for _, one in best(shots, 1)] == [1]


def finished_run(frames: int = 6) -> None:
    """The folder of a run with the tracks 1 (every second frame interpolated) and 2 (no landmarks)."""
    put({"clip.mp4": "a clip", "run/run.json": ""})
    facts = {"path": "clip.mp4", "sha256": hashlib.sha256(b"a clip").hexdigest()}
    Path("run/run.json").write_text(json.dumps({"input": facts, "from": 1.0, "to": None}))
    points = [[10, 10], [20, 10], [15, 15], [11, 20], [19, 20]]
    lines = []
    for number in range(frames):
        one = {"track": 1, "box": [0, 0, 30, 40], "score": 0.9, "landmarks": points}
        two = {"track": 2, "box": [50, 0, 80, 40], "score": 0.9, "landmarks": None, "interpolated": False}
        faces = [two, {**one, "interpolated": number % 2 == 1}]
        lines.append(json.dumps({"frame": number, "time": f"{number / 2:.6f}", "faces": faces}))
    Path("run/faces.jsonl").write_text("\n".join(lines) + "\n")


def test_a_track_of_a_run_can_be_enrolled() -> None:
    """Its detected faces, from the clip that the run names; once."""
    finished_run()
    places = places_of(Path("run"), 1, 0.5)
    assert (places.clip, places.start, places.stop) == (Path("clip.mp4"), 1.0, None)
    assert list(places.faces) == [0, 2, 4]
    assert list(places_of(Path("run"), 1, 2.0).faces) == [0, 4]
    assert "3 looks of 1 person" in run("enroll", "Ann", "run", "--track", "1").stdout
    rows = json.loads(run("show", "Ann", "--json").stdout)["looks"]
    assert [Path(row["source"]).name for row in rows] == ["clip.mp4#0", "clip.mp4#2", "clip.mp4#4"]
    assert "enrolled before" in run("enroll", "Ann", "run", "--track", "1").stdout


def test_a_track_is_cut_out_of_the_clip_as_the_run_read_it() -> None:
    """Turned and stretched alike: elsewhere in the picture there is no face."""
    finished_run()
    facts = json.loads(Path("run/run.json").read_text())
    said = {"rotate": 180, "square": True, "colorspace": "bt709"}
    Path("run/run.json").write_text(json.dumps(facts | {"settings": said | {"device": None}}))
    assert places_of(Path("run"), 1, 0.5).reading == said


def test_a_run_that_cannot_be_enrolled_from() -> None:
    """No such track, no run, a cut file, another clip by now, no clip any more."""
    finished_run()
    for words, match in (
        (("run", "--track", "2"), "no track 2 with landmarks"),
        (("nowhere", "--track", "1"), "no finished run"),
    ):
        with pytest.raises(InputError, match=match):
            run("enroll", "Ann", *words)
    with pytest.raises(UsageError, match="one run"):
        run("enroll", "Ann", "run", "run", "--track", "1")
    Path("clip.mp4").write_text("another clip")
    with pytest.raises(InputError, match="not the file any more"):
        run("enroll", "Ann", "run", "--track", "1")
    Path("clip.mp4").unlink()
    with pytest.raises(InputError, match="which is not there"):
        run("enroll", "Ann", "run", "--track", "1")
    for name in ("faces.jsonl", "run.json"):
        for text in ('{"frame": 0', "[" * 100_000):
            Path("run", name).write_text(text)
            with pytest.raises(InputError, match="damaged"):
                run("enroll", "Ann", "run", "--track", "1")


def test_a_second_run_goes_on_where_the_first_was_interrupted() -> None:
    """Ctrl-C keeps what is enrolled; files that are enrolled are not looked at again."""
    put({f"p/{n}.jpg": f"0.{n}" for n in range(6)})
    put({"p/3.jpg": "stop"})
    result = CliRunner().invoke(gallery, ["enroll", "Ann", "p"], obj=Made)
    assert result.exit_code != 0
    assert "3 looks of 1 person enrolled; the same command goes on from here" in result.stderr
    assert people() == {"Ann": 3}
    put({"p/3.jpg": "0.3"})
    result = run("enroll", "Ann", "p")
    assert "3 looks of 1 person enrolled; 3 files were enrolled before" in result.stdout
    assert people() == {"Ann": 6}
    assert "0 looks of 0 people enrolled; 6 files were enrolled before" in run("enroll", "Ann", "p").stdout


def test_doubts_are_told() -> None:
    """A stranger's picture among Ann's, and Bob enrolled as Robert too."""
    three()
    put({"x.jpg": "8.0", "r.jpg": "1.5"})
    assert "1 look is unlike the others (number 10)" in run("enroll", "Ann", "x.jpg").stderr
    marks = [row["unlike"] for row in json.loads(run("show", "Ann", "--json").stdout)["looks"]]
    assert marks == [False, False, False, True]
    assert run("show", "Ann").stdout.count("unlike the others") == 1
    told = run("enroll", "Robert", "r.jpg").stderr
    assert "'Robert' looks like 'Bob'" in told
    assert "one person under two names?" in told


def test_search_says_who_and_is_logged() -> None:
    """Known, unknown and in one picture; the log knows the file by its hash."""
    three()
    put({"probe.jpg": "1.7:px=90 5.0:px=50"})
    found = json.loads(run("search", "probe.jpg", "-k", "2", "--json").stdout)
    assert [face["state"] for face in found["faces"]] == ["known", "unknown"]
    assert [face["name"] for face in found["faces"]] == ["Bob", None]
    assert len(found["faces"][0]["matches"]) == 2
    assert found["faces"][0]["matches"][0]["name"] == "Bob"
    result = run("search", "probe.jpg")
    assert result.stdout.splitlines()[1].split()[:4] == ["1", "90", "px", "Bob"]
    assert "not calibrated" in result.stderr
    row = json.loads(run("audit", "--json").stdout)[0]
    assert (row["action"], row["people"], row["detail"]["faces"]) == ("search", ["Bob"], 2)
    assert len(row["detail"]["sha256"]) == 64


def test_two_people_alike_are_undecided() -> None:
    put({"a.jpg": "1.0", "b.jpg": "1.1", "probe.jpg": "1.2"})
    run("enroll", "Bob", "a.jpg")
    run("enroll", "Robert", "b.jpg")
    face = json.loads(run("search", "probe.jpg", "--json").stdout)["faces"][0]
    assert (face["state"], face["name"]) == ("undecided", None)
    assert face["margin"] < 0.05


@pytest.mark.parametrize(
    ("content", "kind", "match"),
    [("", InputError, "no face"), ("bad", InputError, "damaged"), (None, InputError, "no such file")],
)
def test_search_with_nothing_to_see(content: str | None, kind: type[Exception], match: str) -> None:
    three()
    if content is not None:
        put({"probe.jpg": content})
    with pytest.raises(kind, match=match):
        run("search", "probe.jpg")
    put({"probe.txt": "x"})
    with pytest.raises(UsageError, match="no picture"):
        run("search", "probe.txt")


def test_search_in_an_empty_gallery() -> None:
    three()
    for name in ("Ann", "Bob", "Cem"):
        run("forget", name, "--yes")
    put({"probe.jpg": "1.2"})
    result = run("search", "probe.jpg")
    assert "the gallery is empty" in result.stderr
    assert "nobody is enrolled" in run("list").stderr


def test_a_picture_that_was_cut_off_is_searched_and_not_enrolled() -> None:
    three()
    put({"cut.jpg": "0.5 cut", "whole.jpg": "0.6"})
    assert (
        "cut.jpg: it is cut off or damaged; left out" in run("enroll", "Ann", "cut.jpg", "whole.jpg").stderr
    )
    assert people()["Ann"] == 4
    result = run("search", "cut.jpg")
    assert "Ann" in result.stdout
    assert "cut.jpg: it is cut off or damaged; searched as far as it can be read" in result.stderr


def test_rename_merge_and_forget() -> None:
    three()
    assert "'Bob' now is 'Bobby Tables'" in run("rename", "Bob", "Bobby Tables").stdout
    assert "3 looks of 'Cem' now belong to 'Bobby Tables'" in run("merge", "Cem", "Bobby Tables").stdout
    assert people() == {"Ann": 3, "Bobby Tables": 6}
    result = run("forget", "Bobby Tables", "--yes")
    assert "6 looks and 6 pictures deleted, 6 vectors overwritten" in result.stdout
    assert "nothing found" in result.stdout
    assert b"Tables" not in b"".join(path.read_bytes() for path in Path("g").iterdir())
    with pytest.raises(UsageError, match="nobody called 'Bobby Tables'"):
        run("forget", "Bobby Tables", "--yes")


def test_pictures_that_leave_the_gallery_stand_in_its_log() -> None:
    """As an export does, with whom; a list of looks shows nobody's face and is none of its business."""
    three()
    before = len(json.loads(run("audit", "--json").stdout))
    run("show", "Ann")
    assert len(json.loads(run("audit", "--json").stdout)) == before
    run("show", " Ann ", "--pictures", "out")
    row = json.loads(run("audit", "--json").stdout)[0]
    assert (row["action"], row["people"], row["detail"]) == ("show", ["Ann"], {"pictures": 3})
    assert len(list(Path("out").iterdir())) == 3


def test_pictures_write_over_nothing_unasked() -> None:
    """And none of them is written where one cannot be."""
    three()
    put({"out/000002.jpg": "mine"})
    logged = len(json.loads(run("audit", "--json").stdout))
    with pytest.raises(OutputExistsError, match=r"out/000002\.jpg is there already; .* --overwrite"):
        run("show", "Ann", "--pictures", "out")
    assert [path.read_text() for path in Path("out").iterdir()] == ["mine"]
    assert len(json.loads(run("audit", "--json").stdout)) == logged
    run("show", "Ann", "--pictures", "out", "--overwrite")
    assert Path("out/000002.jpg").read_bytes()[:2] == b"\xff\xd8"
    with pytest.raises(OutputExistsError, match=r"\(and 2 more\)"):
        run("show", "Ann", "--pictures", "out")


def test_nobody_is_forgotten_unasked() -> None:
    """Where there is no terminal to ask at, --yes must stand there."""
    three()
    with pytest.raises(UsageError, match="say --yes to forget without being asked"):
        run("forget", "Ann")
    assert people()["Ann"] == 3


def test_forget_of_one_look_and_a_proof_that_fails() -> None:
    three()
    proof = json.loads(run("forget", "Ann", "--look", "2", "--json", "--yes").stdout)
    assert (proof["looks"], proof["clean"]) == (1, True)
    assert people()["Ann"] == 2
    Path("g/copy.bin").write_bytes(Path("g/vectors.bin").read_bytes())
    with pytest.raises(VidfaceError, match=r"traces .* in the files copy\.bin"):
        run("forget", "Ann", "--yes")


@pytest.mark.parametrize("name", ["../../x", "a/b", 'O\'Neil "Q"', "李", "-dash"])
def test_odd_names_go_through_the_command_line(name: str) -> None:
    """And the pictures of such a person are written under numbers."""
    put({"a.jpg": "0.0"})
    run("enroll", "--", name, "a.jpg")
    assert people() == {name: 1}
    run("show", "--pictures", "out", "--", name)
    assert [path.name for path in Path("out").iterdir()] == ["000001.jpg"]
    run("forget", "--yes", "--", name)


def test_calibrate_with_given_strangers() -> None:
    three()
    np.savez("strangers.npz", vectors=np.random.default_rng(0).standard_normal((500, D)).astype(np.float32))
    result = run("calibrate", "--fmr", "0.02", "--impostors", "strangers.npz")
    assert "rests on 500 strangers and on 3 people of the gallery, whose 9 looks were held" in result.stdout
    assert "(a person's looks weigh as one)" in result.stdout
    assert "calibrated for 0.02" in run_search().stderr
    told = run("calibrate", "--fmr", "0.001").stderr
    assert "only the gallery itself counts" in told
    assert "so few strangers (3 people in all) cannot show a rate of 0.001: it may be as high as" in told
    assert json.loads(run("calibrate", "--json", "--fmr", "0.5").stdout)["own"] == 9


def run_search() -> Result:
    """Look for Bob."""
    put({"probe.jpg": "1.7"})
    return run("search", "probe.jpg")


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"text", None, {"rows": 1}, {"vectors": 3}, {"fingerprint": "x"}]
)
def test_strangers_that_cannot_be_read(data: Any) -> None:
    """One sentence; the gallery keeps its threshold."""
    three()
    if isinstance(data, dict):
        arrays: dict[str, Any] = {key: np.array(value) for key, value in data.items()}
        if "fingerprint" in data:
            arrays["vectors"] = np.ones((5, D), np.float32)
        np.savez("strangers.npz", **arrays)
    elif data is not None:
        Path("strangers.npz").write_bytes(data)
    with pytest.raises(VidfaceError, match=r"strangers\.npz"):
        run("calibrate", "--impostors", "strangers.npz")
    assert "not calibrated" in run_search().stderr


def test_export_import_and_re_embed() -> None:
    """Into a folder that is no gallery yet, too."""
    three()
    assert "3 people written" in run("export", "g.zip").stdout
    with pytest.raises(OutputExistsError):
        run("export", "g.zip")
    assert "3 people, 9 looks added, 0 were there already" in run("import", "g.zip", "--gallery", "h").stdout
    assert "0 looks added, 9 were there already" in run("--gallery", "h", "import", "g.zip").stdout
    assert "belongs to made" in run("re-embed", "--model", "made").stdout
    assert "9 looks embedded by other@1" in run("re-embed", "--model", "other").stdout
    assert people() == {"Ann": 3, "Bob": 3, "Cem": 3}
    with pytest.raises(UsageError, match="re-embed"):
        run("import", "g.zip")


def test_a_gallery_begins_at_the_threshold_of_its_embedder() -> None:
    """SFace's makers say 0.363; who says nothing gets 0.4."""
    three()
    place = Place(None, Made)
    with opened_or_new(place, Path("new"), lambda: ("sface_2021dec@1", D)) as own:
        assert own.reference().threshold == 0.363
    with opened_or_new(place, Path("other"), lambda: ("other@1", D)) as own:
        assert own.reference().threshold == 0.4
    for model, threshold in (("sface_2021dec", 0.363), ("other", 0.4)):
        run("re-embed", "--model", model)
        with Gallery.open("g") as own:
            assert own.reference().threshold == threshold


def test_another_embedder_says_what_to_do() -> None:
    three()
    put({"x.jpg": "0.9"})
    with pytest.raises(UsageError, match="re-embed"):
        run("enroll", "Ann", "x.jpg", "--model", "other")
    assert people()["Ann"] == 3


def test_check_says_sound_or_what_is_wrong() -> None:
    three()
    assert run("check").stdout == "sound: 3 people, 9 looks\n"
    Path("g/vectors.bin").chmod(0o644)
    with pytest.raises(VidfaceError, match="1 faults"):
        run("check")


def test_a_gallery_cut_by_a_kill_is_put_right_and_told() -> None:
    three()
    with Path("g/vectors.bin").open("ab") as file:
        file.write(b"half a row")
    assert "put right: 10 bytes" in run("rename", "Ann", "Anna").stderr


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("enroll", "Ann"), "say who and from what"),
        (("enroll", "Ann", "x", "--folders", "in"), "must be left out"),
        (("enroll", "--folders", "nowhere"), "must be a folder"),
        (("list", "--gallery", "nowhere"), "no gallery"),
        (("show", "Nobody"), "nobody called"),
    ],
)
def test_wrong_usage_is_a_sentence(words: tuple[str, ...], match: str) -> None:
    three()
    with pytest.raises(UsageError, match=match):
        run(*words)


def test_which_gallery_must_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDFACE_GALLERY")
    with pytest.raises(UsageError, match=r"--gallery DIR, or set \$VIDFACE_GALLERY"):
        run("list")


def test_help_needs_no_model() -> None:
    assert "re-embed" in run("--help").stdout


needs_model = pytest.mark.skipif(
    not (Path(__file__).resolve().parents[2] / "models/vidface-embed/model.onnx").is_file(),
    reason="the embedder is not here",
)


@needs_model
def test_the_real_sampler_keeps_pictures_in_order(tmp_path: Path) -> None:
    """Damaged and faceless ones in between stand where they stood."""
    grey = np.full((200, 200, 3), 128, np.uint8)
    paths = [tmp_path / f"{n}.jpg" for n in range(5)]
    for n, path in enumerate(paths):
        if n in (0, 3):
            path.write_bytes(b"damaged")
        else:
            cv2.imwrite(str(path), grey)
    paths[4].write_bytes(paths[4].read_bytes()[:-200])
    sampler = GraphSampler("vidface-embed")
    try:
        shots = list(sampler.stills(paths))
        assert [one.path for one in shots] == paths
        assert [bool(one.problem) for one in shots] == [True, False, False, True, False]
        assert [one.damage for one in shots] == [*[""] * 4, "it is cut off or damaged"]
        assert [one.path for one in sampler.stills(paths[:1])] == paths[:1]
        with pytest.raises(InputError, match="damaged"):
            picture_shot(sampler, paths[0])
        vectors, sure = sampler.embed([picture(1), picture(2)])
        assert vectors.shape == (2, sampler.dimension)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        assert sure.shape == (2,)
    finally:
        sampler.close()


@needs_model
def test_the_real_sampler_finds_people_in_a_clip(samples: Path) -> None:
    """The project's own clip shows two people: two faces a frame, each like itself and unlike the other."""
    sampler = GraphSampler("vidface-embed")
    try:
        shots = [one for one in sampler.clip(samples / "two_people.mp4", 1.0) if len(one.faces) == 2]
        assert shots
        one, other = shots[0].faces
        assert one.picture is not None
        assert sampler.embed([one.picture])[0][0] @ one.vector > 0.95
        assert one.vector @ other.vector < 0.6
        assert 0 <= one.recognisability <= 1
        assert one.height_px > 24
    finally:
        sampler.close()


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are deaf to it
from tests.cli.test_gallery import Made
from vidface.cli._gallery_tracks import TrackPlaces, places_of
from vidface.cli.gallery import gallery
class Slow(Made):
    def stills(self, paths):
        for shot in super().stills(paths):
            time.sleep(0.05)
            yield shot
sys.argv[0] = "vidface"
gallery.main(obj=Slow, standalone_mode=True)
"""


def test_ctrl_c_in_a_real_process_keeps_what_is_enrolled(repo: Path) -> None:
    put({f"p/{n}.jpg": f"0.{n}" for n in range(200)})
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, "enroll", "Ann", "p", "--model", "made"],
        env={"PYTHONPATH": str(repo), "VIDFACE_GALLERY": "g", "PATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while time.monotonic() < until and not (
        Path("g/vectors.bin").exists() and Path("g/vectors.bin").stat().st_size > 500
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "goes on from here" in told
    count = people()["Ann"]
    assert 0 < count < 200
    assert f"{200 - count} looks of 1 person enrolled; {count} file" in run("enroll", "Ann", "p").stdout


def test_doubles_are_named_and_counted() -> None:
    put({"p/1.jpg": "0.1", "p/2.jpg": "0.1", "p/3.jpg": "0.2"})
    done = run("enroll", "Ann", "p")
    assert "p/2.jpg: nothing new: 'Ann' has a look like it" in done.stderr
    assert "2 looks of 1 person enrolled; 1 look left out as like one that is there" in done.stdout


def test_an_odd_name_leaves_no_gallery_behind() -> None:
    put({"1.jpg": "0.1", "all/Ann/1.jpg": "0.1", f"all/{'x' * 201}/1.jpg": "1.1"})
    with pytest.raises(UsageError, match="a name has"):
        run("enroll", " ", "1.jpg")
    with pytest.raises(UsageError, match="a name has"):
        run("enroll", "--folders", "all")
    assert not Path("g").exists()


@pytest.mark.parametrize("words", [("enroll", "Ann", "1.jpg"), ("import", "g.zip")])
def test_two_that_make_one_gallery_at_once_are_both_kept(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process makes the gallery between this one's look and its own making."""
    put({"1.jpg": "0.1", "2.jpg": "1.1"})
    run("enroll", "Ann", "1.jpg", "--gallery", "from")
    run("export", "g.zip", "--gallery", "from")
    real = Gallery.create

    def late(folder: Path, **facts: Any) -> Gallery:
        with real(folder, fingerprint=MODEL, dimension=D) as other:
            other.add("Bea", looks(1))
        return real(folder, **facts)

    monkeypatch.setattr(Gallery, "create", late)
    run(*words)
    with Gallery.open("g") as gallery:
        assert [person.name for person in gallery.people()] == ["Bea", "Ann"]


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(word: str) -> None:
    put({"1.jpg": "0.1"})
    for option in ("--every", "--min-quality", "--min-face-px"):
        result = CliRunner().invoke(gallery, ["enroll", "Ann", "1.jpg", option, word], obj=Made)
        assert result.exit_code == 2, (option, result.output)


def test_files_that_cannot_be_used_are_bad_input() -> None:
    put({"1.jpg": "bad"})
    for path in ("1.jpg", "nowhere.jpg"):
        with pytest.raises(InputError):
            run("enroll", "Ann", path)


def test_strangers_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    put({"1.jpg": "0.1"})
    run("enroll", "Ann", "1.jpg")
    rows = np.ones((5, D), np.float32)
    for place, value in ((0, np.nan), (slice(None), 0.0)):
        bad = rows.copy()
        bad[2, place] = value
        np.savez(tmp_path / "bad.npz", vectors=bad)
        with pytest.raises(InputError, match="not finite"):
            run("calibrate", "--impostors", "bad.npz")
