"""`vidface eval verify|identify|fanvid` as a user meets them, with a made embedder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.cli import _looks, _verify, main
from vidface.cli._fanvid import _read_truth
from vidface.eval.intervals import units_of
from vidface.eval.verify import Pairs, VerificationScore, score_verification
from vidface.gallery import Gallery, Look
from vidface.graph.harness import NodeHarness
from vidface.infer.embedder import Looks
from vidface.media.decode import open_source
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.recognize import embed
from vidface.version import __version__

Call = Callable[..., int]


class Colours:
    """An embedder that knows people by the mean colour of their crop; fine stripes count as well."""

    template, size, dimension, fingerprint = "arcface112", 112, 4, "colours@000000000000"

    def __init__(self, *, sure: bool = True) -> None:
        self.sure = sure
        self.crops: list[NDArray[np.uint8]] = []

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        assert crops.shape[1:] == (112, 112, 3)
        self.crops += list(crops)
        mean = crops.reshape(len(crops), -1, 3).mean(axis=1) - 100
        fine = np.abs(np.diff(crops[..., 0].astype(float), axis=2)).mean(axis=(1, 2))
        vectors = np.column_stack([mean, fine])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        bright = np.clip(crops.reshape(len(crops), -1).mean(axis=1) / 255, 0, 1)
        sure = bright if self.sure else np.full(len(crops), np.nan)
        return Looks(vectors.astype(np.float32), sure.astype(np.float32))

    def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> Colours:
    """Stands in for the trained network."""
    made = Colours()
    monkeypatch.setattr(_looks, "open_embedder", lambda name: made)
    return made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `vidface eval WORDS` in this process; gives the exit code."""

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["vidface", "eval", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


def paint(path: Path, colour: Sequence[int], *, stripes: int = 0) -> Path:
    """A picture of 112 x 112 in one RGB colour, with stripes of one pixel in red."""
    image = np.full((112, 112, 3), colour, np.uint8)
    image[:, ::2, 0] += np.uint8(stripes)
    cv2.imwrite(str(path), image[..., ::-1])
    return path


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


RED, GREEN, BLUE = (220, 90, 90), (90, 220, 90), (90, 90, 220)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two pictures each of anna (red), bert (green) and carl (blue)."""
    for name, colour in (("anna", RED), ("bert", GREEN), ("carl", BLUE)):
        paint(tmp_path / f"{name}1.png", colour)
        paint(tmp_path / f"{name}2.png", [level + 10 for level in colour])
    return tmp_path


def pairs(folder: Path) -> Path:
    return write(
        folder / "pairs.csv",
        "first,second,same,person,second_person,light",
        "anna1.png,anna2.png,1,anna,,day",
        "bert1.png,bert2.png,1,bert,,night",
        "anna1.png,bert2.png,0,anna,bert,day",
        "bert1.png,carl2.png,0,bert,carl,night",
    )


def test_verify_scores_pairs_at_each_size_and_group(
    call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People of one colour at any size: all right. Each picture is embedded once for each size it needs."""
    table = pairs(people)
    words = ("verify", table, "--aligned", "--sizes", "112,8", "--by", "light", "--resamples", 20)
    assert call(*words, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "colours@000000000000"
    assert report["pictures"] == {"all": 5, "failed": {}, "several faces": 0}
    assert [(row["group"], row["side"], row["genuine"], row["impostor"]) for row in report["results"]] == [
        (None, 112, 2, 2),
        ("day", 112, 1, 1),
        ("night", 112, 1, 1),
        (None, 8, 2, 2),
        ("day", 8, 1, 1),
        ("night", 8, 1, 1),
    ]
    assert report["results"][0]["accuracy"]["value"] == 1
    assert report["results"][0]["eer"]["value"] == 0
    assert report["results"][0]["tar"]["0.01"] == {"value": None, "low": None, "high": None}
    assert len(embedder.crops) == 5 + 3
    assert call(*words) == 0
    out = capsys.readouterr().out
    assert "not measurable (fewer than 1/FAR impostor pairs)" in out
    assert "20 draws of persons" in out
    assert "failures to enrol: none" in out


@pytest.mark.parametrize("sign", [";", "\t"])
def test_a_table_of_a_spreadsheet_serves(
    sign: str, call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a BOM, lines that end in CR LF, quoted cells that hold a comma, and semicolons or tabs."""
    text = pairs(people).read_text().replace(",day", ',"day, early"').replace(",", sign)
    text = text.replace(f"day{sign} early", "day, early").replace("\n", "\r\n")
    table = people / "sheet.csv"
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert call("verify", table, "--aligned", "--resamples", 0, "--by", "light", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["pairs"]["genuine"], report["pairs"]["impostor"]) == (2, 2)
    assert [row["group"] for row in report["results"]] == [None, "day, early", "night"]


def test_pairs_that_prove_nothing_are_told(
    call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture against itself, and a pair once more the other way round; without them not a word."""
    table = pairs(people)
    assert call("verify", table, "--aligned", "--resamples", 0) == 0
    assert "itself" not in capsys.readouterr().out
    text = table.read_text() + "anna1.png,anna1.png,1,anna,,day\n./bert2.png,anna1.png,0,bert,anna,day\n"
    table.write_text(text)
    assert call("verify", table, "--aligned", "--resamples", 0, "--json") == 0
    told = json.loads(capsys.readouterr().out)["pairs"]
    assert (told["genuine"], told["impostor"]) == (3, 3)
    assert (told["of one picture with itself"], told["given more than once"]) == (1, 1)
    assert call("verify", table, "--aligned", "--resamples", 0) == 0
    out = capsys.readouterr().out
    assert "pairs of one picture with itself: 1; they count, and are always alike" in out
    assert "pairs given more than once: 1; each counts as often" in out


def test_only_the_second_side_is_shrunk(
    call: Call, embedder: Colours, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stripes of one pixel tell b from a plain picture of its mean; at 28 px they are one picture."""
    for name, red, stripes in (("a", 100, 60), ("b", 100, 60), ("plain", 130, 0)):
        paint(tmp_path / f"{name}.png", (red, 100, 140), stripes=stripes)
    table = write(
        tmp_path / "pairs.jsonl",
        '{"first": "a.png", "second": "b.png", "same": 1}',
        '{"first": "a.png", "second": "plain.png", "same": false}',
    )
    assert call("verify", table, "--aligned", "--sizes", "28", "--resamples", 0, "--json") == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["eer"]["value"] == 0.5
    fine = [np.abs(np.diff(crop[..., 0].astype(int), axis=1)).mean() > 1 for crop in embedder.crops]
    assert fine == [True, False, False]
    assert call("verify", table, "--aligned", "--resamples", 0, "--json") == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["eer"]["value"] == 0


def test_a_picture_without_a_face_is_counted_and_shown(
    call: Call, embedder: Colours, people: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A frame with two faces, one of nobody, one damaged: the failures are in the report, twice over."""
    source = open_source(samples / "two_people.mp4")
    frame = next(iter(source.frames())).rgb()
    source.close()
    cv2.imwrite(str(people / "two.png"), frame[..., ::-1])
    (people / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    table = write(
        people / "faces.csv",
        "first,second,same",
        "two.png,two.png,1",
        "two.png,anna1.png,1",
        "two.png,cut.jpg,0",
        "two.png,copy.png,0",
    )
    copyfile(people / "two.png", people / "copy.png")
    assert call("verify", table, "--resamples", 0, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == {
        "all": 4,
        "failed": {"no face found": 1, "cannot be read": 1},
        "several faces": 2,
    }
    assert {Path(path).name: why for path, why in report["failures"].items()} == {
        "anna1.png": "no face found",
        "cut.jpg": "cannot be read",
    }
    assert report["vidface"] == __version__
    assert report["table"] == {"file": "faces.csv", "sha256": sha256(table.read_bytes()).hexdigest()}
    assert report["pairs"]["genuine without a face"] == report["pairs"]["impostor without a face"] == 1
    assert [(row["failures"], row["genuine"], row["impostor"]) for row in report["results"]] == [
        ("left out", 1, 1),
        ("rejected", 2, 2),
    ]
    assert len(embedder.crops) == 2
    assert call("verify", table, "--resamples", 0) == 0
    out = capsys.readouterr().out
    assert "failures to enrol: 1 cannot be read, 1 no face found" in out
    assert f"- {people / 'cut.jpg'}: cannot be read" in out
    assert "2 genuine (1 with a failure), 2 impostor (1)" in out


def test_folds_are_cut_before_failures_are_left_out(
    call: Call, embedder: Colours, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of 20 genuine pairs has a damaged picture: the other pairs stay in the folds they had."""
    (people / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    genuine = ["cut.jpg,anna1.png,1", *["anna1.png,anna2.png,1"] * 19]
    table = write(people / "many.csv", "first,second,same", *genuine, *["anna1.png,bert1.png,0"] * 20)
    seen: list[list[int]] = []

    def noted(pairs: Pairs, *, folds: NDArray[np.int64], **options: Any) -> VerificationScore:
        seen.append(folds.tolist())
        return score_verification(pairs, folds=folds, **options)

    monkeypatch.setattr(_verify, "score_verification", noted)
    assert call("verify", table, "--aligned", "--resamples", 0) == 0
    whole = [place // 2 for place in range(20)] * 2
    assert seen == [whole[1:], whole]


def test_a_pair_that_names_nobody_is_drawn_by_itself(
    call: Call, embedder: Colours, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One unit a row, whatever its kind; where no row names anybody persons are not what is drawn."""
    seen: list[Any] = []

    def noted(pairs: Pairs, *, persons: Any, **options: Any) -> VerificationScore:
        seen.append(persons)
        return score_verification(pairs, persons=persons, **options)

    monkeypatch.setattr(_verify, "score_verification", noted)
    head, some = (
        "first,second,same,person,second_person",
        ["anna1.png,anna2.png,1,", "anna1.png,bert1.png,0,"],
    )
    table = write(
        people / "t.csv", head, *[f"{row}," for row in some * 3], f"{some[1]}anna,bert", f"{some[1]},bert"
    )
    assert call("verify", table, "--aligned", "--resamples", 0) == 0
    units = units_of(seen[0], 8)
    assert (units[:6, 0] == units[:6, 1]).all()
    assert len(np.unique(units[:6])) == 6
    assert len(np.unique(units)) == 8
    assert (
        call("verify", write(table, head, *[f"{row}," for row in some]), "--aligned", "--resamples", 0) == 0
    )
    assert seen[1] is None


def test_the_crop_is_that_of_a_run(
    call: Call, embedder: Colours, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The larger of two faces, bit for bit the crop that recognize.embed reads."""
    source = open_source(samples / "two_people.mp4")
    cv2.imwrite(str(tmp_path / "two.png"), next(iter(source.frames())).rgb()[..., ::-1])
    source.close()
    copyfile(tmp_path / "two.png", tmp_path / "copy.png")
    table = write(tmp_path / "t.csv", "first,second,same", "two.png,two.png,1", "two.png,copy.png,0")
    assert call("verify", table, "--resamples", 0) == 0

    in_run = Colours()
    monkeypatch.setattr(embed, "Embedder", lambda *words, **more: in_run)
    picture = open_source(tmp_path / "two.png")
    frames = list(picture.frames())
    with NodeHarness(DetectFace()) as detect, NodeHarness(embed.RecognizeEmbed()) as node:
        faces = detect.run(frame=frames)
        node.run(frame=frames, faces=faces)
    picture.close()
    largest = int(faces[0].heights.argmax())
    assert len(embedder.crops) == 2
    assert np.array_equal(embedder.crops[0], in_run.crops[largest])


def test_discard_follows_the_recognisability(
    call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("verify", pairs(people), "--aligned", "--resamples", 0, "--discard")
    assert call(*words, "--json") == 0
    curves = json.loads(capsys.readouterr().out)["discard"]
    assert [curve["far"] for curve in curves] == [0.01, 0.001]
    assert curves[0]["discarded"][0] == 0
    assert curves[0]["fnmr"][0] is None
    assert call(*words) == 0
    assert "error versus discard, 112 px, FNMR at FMR 0.01" in capsys.readouterr().out
    embedder.sure = False
    assert call(*words) == 2
    assert "gives no recognisability" in capsys.readouterr().err
    embedder.sure = True
    alike = write(people / "alike.csv", "first,second,same", "anna1.png,bert1.png,1", "anna1.png,carl1.png,0")
    assert call("verify", alike, *words[2:]) == 2
    assert "the same recognisability for all pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["first,second,same"], "has no rows"),
        (["first,same", "anna1.png,1"], "the column second is missing; there are first, same"),
        (["first,second,same", "anna1.png,dora.png,1"], "there is no picture"),
        (["first,second,same", "anna1.png,,1"], "there is no picture in second"),
        (["first,second,same", "anna1.png,pairs.csv,1"], "is no picture by its name"),
        (["first,second,same", "anna1.png,anna2.png,maybe"], "same must be 1 or 0, but is 'maybe'"),
        (["first,second,same", "anna1.png,anna2.png"], "wanted 3 cells"),
        (["first,second,same", "anna1.png,anna2.png,1"], "has no pair with same = 0"),
        (
            ["first,second,same", "anna1.png,anna2.png,1", "./anna2.png,anna1.png,0"],
            "line 3: same is 0, but 1 for the same two pictures in ",
        ),
        (
            ["first,second,same,fold", "anna1.png,anna2.png,1,1", "anna1.png,bert1.png,0,"],
            "line 3: fold is empty, but 1 other rows have one",
        ),
        (
            ["first,second,same,person,second_person", "anna1.png,bert2.png,yes,anna,bert"],
            "same is yes, but the persons are 'anna' and 'bert'",
        ),
        (
            ["first,second,same,person,second_person", "anna1.png,bert2.png,0,anna,anna"],
            "same is 0, but the persons are 'anna' and 'anna'",
        ),
    ],
)
def test_a_faulty_table_gets_one_sentence(
    lines: list[str],
    said: str,
    call: Call,
    embedder: Colours,
    people: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call("verify", write(people / "pairs.csv", *lines), "--aligned") == 3
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_other_faulty_words_get_one_sentence(
    call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pairs(people)
    assert call("verify", people / "none.csv") == 3
    assert "none.csv cannot be read as a table" in capsys.readouterr().err
    assert call("verify", write(people / "x.jsonl", "[1]")) == 3
    assert "wanted an object" in capsys.readouterr().err
    assert call("verify", table, "--by", "age") == 3
    assert "there is no column age to group by" in capsys.readouterr().err
    for sizes in ("112,0", "9" * 5000, "65536"):
        assert call("verify", table, "--sizes", sizes) == 2
        assert "whole numbers of 1 or more" in capsys.readouterr().err


@pytest.fixture
def gallery(people: Path) -> Path:
    """anna and bert enrolled, by the made embedder's own vectors."""
    with Gallery.create(people / "gallery", fingerprint=Colours.fingerprint, dimension=4) as opened:
        for name, colour in (("anna", RED), ("bert", GREEN)):
            opened.add(name, [Look(Colours()(np.full((1, 112, 112, 3), colour, np.uint8)).vectors[0])])
    return people / "gallery"


def test_identify_tells_mated_from_others(
    call: Call, embedder: Colours, people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """anna and bert are found; carl has a name that is not enrolled, and ten strangers have none."""
    strangers = [f"{paint(people / f's{i}.png', (100, 100, 150 + i)).name},,night" for i in range(9)]
    table = write(
        people / "probes.csv",
        *("path,name,light", "anna2.png,anna,day", "bert2.png,bert,night", "carl1.png,carl,day"),
        *strangers,
    )
    words = ("identify", table, "--gallery", gallery, "--aligned", "--sizes", "112,8", "--resamples", 20)
    assert call(*words, "--by", "light", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["gallery"] == {"persons": 2, "looks": 2}
    assert report["probes"] == {"all": 12, "without a face": 0, "named but not enrolled": 1} | {
        "pictures given more than once": 0
    }
    assert report["names not enrolled"] == ["carl"]
    assert report["failures"] == {}
    row = report["results"][0]
    assert (row["mated"], row["non_mated"]) == (2, 10)
    assert row["rank"]["1"]["value"] == 1
    assert [rates["fpir"] for rates in row["open_set"]] == [0.1, 0.01, 0.001]
    assert row["open_set"][0]["dir"]["value"] == 1
    assert row["open_set"][1]["dir"]["value"] is None
    assert row["at_the_gallerys_threshold"]["fpir"]["value"] == 0
    assert row["at_the_gallerys_threshold"]["margin"] == 0.05
    assert [(r["group"], r["side"]) for r in report["results"]][1:4] == [
        ("day", 112),
        ("night", 112),
        (None, 8),
    ]
    assert call(*words) == 0
    out = capsys.readouterr().out
    assert "1 has a name that is not enrolled and counts as non-mated" in out
    assert "rank-5 and rank-20 say nothing among 2 people" in out
    assert "names not enrolled: carl" in out
    assert "more than once" not in out
    assert "gallery's 0.400, lead 0.050" in out
    assert "its own threshold 0.400 and margin 0.050" in out
    with Gallery.open(gallery) as opened:
        last = opened.audit(1)[0]
    assert (last.action, last.detail["command"], last.detail["probes"]) == ("search", "eval identify", 12)
    assert Path(str(last.detail["table"])).is_file()


def test_pictures_of_a_set_are_one_probe(
    call: Call, embedder: Colours, people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of bert outvote one of anna in bert's set by the mean; its brightest look alone by --fuse top."""
    paint(people / "dark.png", (150, 20, 20))
    table = write(
        people / "sets.csv",
        *("path,name,set", "dark.png,bert,b", "bert1.png,bert,b", "bert2.png,bert,b", "anna1.png,anna,"),
    )
    for way in ("mean", "quality", "top"):
        words = ("identify", table, "--gallery", gallery, "--aligned", "--resamples", 0, "--fuse", way)
        assert call(*words, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["probes"]["all"] == 2
        assert report["results"][0]["rank"]["1"]["value"] == 1
        assert "fused" in report["protocol"][0]
    write(table, "path,name,set", "anna1.png,anna,b", "bert1.png,bert,b")
    assert call("identify", table, "--gallery", gallery, "--aligned") == 3
    assert "a set is of one person" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("head", "rows", "said"),
    [
        # The first row of a set would speak for all of it.
        (
            "path,name,set,person,light",
            ("bert1.png,bert,b,,day", "bert2.png,bert,b,,night"),
            "'day' and 'night' in light; a set is one probe",
        ),
        (
            "path,name,set,person,light",
            ("bert1.png,,b,x,day", "bert2.png,,b,y,day"),
            "'x' and 'y' in person; a set is of one person",
        ),
        # Names that are written otherwise would make every right answer a false alarm.
        (
            "path,name",
            ("anna1.png,Anna", "bert1.png,Bert", "carl1.png,"),
            "not even 'Anna'; enrolled are 'anna', 'bert';",
        ),
        ("path,name", ("anna1.png,anna", "./anna1.png,bert"), "anna1.png is of bert, but of anna in "),
        (
            "path,name",
            ("anna1.png,anna", "../{here}/anna1.png,"),
            "anna1.png is of nobody enrolled, but of anna in ",
        ),
        (
            "path,name",
            ("anna1.png,anna", "bert1.png,be\x01rt"),
            "probes.csv line 3: the name 'be\\x01rt' holds",
        ),
    ],
)
def test_probes_that_contradict_each_other_or_the_gallery_are_refused(
    head: str,
    rows: Sequence[str],
    said: str,
    call: Call,
    embedder: Colours,
    people: Path,
    gallery: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [row.replace("{here}", people.name) for row in rows]
    table = write(people / "probes.csv", head, *lines)
    by = ("--by", "light") if "light" in head else ()
    assert call("identify", table, "--gallery", gallery, "--aligned", *by) == 3
    assert said in capsys.readouterr().err


def test_a_picture_given_twice_is_told(
    call: Call, embedder: Colours, people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(people / "probes.csv", "path,name", "anna1.png,anna", "./anna1.png,anna", "carl1.png,")
    assert call("identify", table, "--gallery", gallery, "--aligned", "--resamples", 0) == 0
    assert "pictures given more than once: 1; each counts as often" in capsys.readouterr().out


def test_galleries_that_do_not_serve_get_one_sentence(
    call: Call, embedder: Colours, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(people / "probes.csv", "path,name", "anna1.png,anna")
    with Gallery.create(people / "empty", fingerprint=Colours.fingerprint, dimension=4):
        pass
    with Gallery.create(people / "other", fingerprint="other@1", dimension=4):
        pass
    assert call("identify", table, "--gallery", people / "empty", "--aligned") == 2
    assert "nobody is enrolled" in capsys.readouterr().err
    assert call("identify", table, "--gallery", people / "other", "--aligned") == 2
    assert "belongs to the embedder other@1" in capsys.readouterr().err
    assert call("identify", table, "--gallery", people / "nowhere", "--aligned") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


NAMER = '''
from pydantic import Field
from vidface.data import Faces, Frame
from vidface.data.identity import Identities, Identity
from vidface.node import Node


class Namer(Node):
    """Names every face from frame 20 on, as no node could that has to look."""

    gallery: str = Field("", description="Folder.")

    def process(self, frame: Frame, faces: Faces) -> Identities:
        one = Identity("known", "anna", 0.9) if frame.index >= 20 and self.gallery else Identity()
        return Identities((one,) * len(faces))
'''
GRAPH = """
version: 1
nodes:
  detect: {use: detect.face, in: {frame: source}}
  track: {use: track.faces, in: {frame: source, faces: detect}}
  who: {use: ./namer.py, in: {frame: source, faces: track}}
outputs:
  people: {use: jsonl, in: {faces: track, identity: who}}
  video: source
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    (tmp_path / "namer.py").write_text(NAMER)
    (tmp_path / "named.yaml").write_text(GRAPH)
    return tmp_path / "named.yaml"


def truth_as(path: Path, clip: Path, name: str | None) -> Path:
    """The truth of a sample, its person renamed."""
    rows = [
        json.loads(line) for line in clip.with_suffix("").with_suffix(".truth.jsonl").read_text().splitlines()
    ]
    for row in rows:
        for face in row["faces"]:
            face["name"] = name
    return write(path, *map(json.dumps, rows))


def test_fanvid_makes_the_clip_poor_and_scores_names(
    call: Call, graph: Path, gallery: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found at 30 px; the name comes at frame 20: right on 30 of 50 frames, in the end on all."""
    clip = samples / "rotated.mp4"
    truth = truth_as(graph.parent / "truth.jsonl", clip, "anna")
    kept = graph.parent / "kept"
    words = ("fanvid", clip, truth, "--gallery", gallery, "--graph", graph, "--resamples", 20)
    assert call(*words, "-o", kept, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["clip"] == {"size": [360, 640], "degraded to": [102, 180], "frames": 50}
    now, end = report["results"]["at each frame"], report["results"]["in the end"]
    assert now["found"] > 0.9
    assert now["matched"] == end["matched"] == end["right"]
    assert end["right"] - now["right"] == pytest.approx(20, abs=3)
    assert end["score"]["value"] == pytest.approx(end["right"] / (50 + end["unmatched"]))
    source = open_source(kept / "fanvid.mkv")
    assert (source.info.codec, source.info.width, source.info.height) == ("ffv1", 102, 180)
    source.close()
    assert not (kept / "run" / "video.mp4").exists()
    assert call(*words, "-o", kept) == 2
    assert "holds an earlier result" in capsys.readouterr().err


def test_a_person_not_enrolled_is_right_without_a_name(
    call: Call, graph: Path, gallery: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = samples / "rotated.mp4"
    truth = truth_as(graph.parent / "truth.jsonl", clip, "dora")
    assert call("fanvid", clip, truth, "--gallery", gallery, "--graph", graph, "--resamples", 0) == 0
    out = capsys.readouterr().out
    assert "names of the truth that are not enrolled: dora" in out
    assert "FaceRecBox = sum(M F)" in out


def test_fanvid_says_what_does_not_fit(
    call: Call, graph: Path, gallery: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = samples / "rotated.mp4"
    truth = truth_as(graph.parent / "truth.jsonl", clip, "anna")
    short = write(graph.parent / "short.jsonl", *truth.read_text().splitlines()[:3])
    empty = write(graph.parent / "empty.jsonl", '{"frame": 0, "faces": []}')
    common: tuple[Any, ...] = ("--gallery", gallery, "--graph", graph)
    upside = write(graph.parent / "upside.jsonl", '{"faces": [{"box": [9, 9, 1, 1], "name": "anna"}]}')
    late = write(
        graph.parent / "late.jsonl",
        *(line.replace('"frame": ', '"frame": 1') for line in truth.read_text().splitlines()),
    )
    for words, code, said in (
        ((clip, late, *common), 3, "has no frame 0, but a later one, 10"),
        ((clip, short, *common), 2, "not of one clip"),
        ((clip, empty, *common), 3, "has no faces in it"),
        ((clip, graph, *common), 3, "cannot be read as a truth"),
        ((clip, graph.parent / "none.jsonl", *common), 3, "cannot be read as a truth"),
        ((graph.parent / "none.mp4", truth, *common), 3, "none.mp4"),
        ((clip, truth, "--gallery", graph.parent / "nowhere", "--graph", graph), 2, "nowhere"),
        ((clip, truth, "--gallery", gallery, "--graph", "track"), 2, "does not name faces"),
        ((clip, truth, *common, "--size", "320"), 2, "whole numbers"),
        ((clip, truth, *common, "--size", "320x1"), 2, "whole numbers of 16 or more"),
        ((clip, upside, *common), 3, "upside.jsonl line 1 cannot be read as a truth"),
        ((clip, truth, *common, "-o", graph), 2, "--out wants a folder, but"),
    ):
        assert call("fanvid", *words) == code, words
        assert said in capsys.readouterr().err


def test_a_poor_clip_that_does_not_fit_is_no_earlier_result(
    call: Call, graph: Path, gallery: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the truth mended the same --out serves."""
    clip, kept = samples / "rotated.mp4", graph.parent / "kept"
    truth = truth_as(graph.parent / "truth.jsonl", clip, "anna")
    short = write(graph.parent / "short.jsonl", *truth.read_text().splitlines()[:3])
    common = ("--gallery", gallery, "--graph", graph, "-o", kept, "--resamples", 0)
    assert call("fanvid", clip, short, *common) == 2
    assert "has 50 frames, but" in capsys.readouterr().err
    assert not list(kept.iterdir())
    assert call("fanvid", clip, truth, *common, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["vidface"] == __version__
    assert [model.split("@")[0] for model in report["models"]] == ["vidface-facedet"]


def test_fanvid_takes_the_lines_of_a_truth_by_their_frame(tmp_path: Path) -> None:
    """Shuffled, with a BOM and blank lines between: the same truth."""
    rows = [
        json.dumps(
            {"frame": number, "faces": [{"box": [number, 0, 9, 9], "name": "anna"}]}, ensure_ascii=False
        )
        for number in range(4)
    ]
    table = write(tmp_path / "t.jsonl", "\ufeff" + rows[2], "", rows[0], rows[3], "", rows[1], "")
    truth, strangers = _read_truth(table, frozenset({"anna"}))
    assert [one.boxes[0, 0] for one in truth.faces] == [0, 1, 2, 3]
    assert not strangers


def test_faces_without_identities_are_refused(tmp_path: Path) -> None:
    from vidface.cli._fanvid import read_named
    from vidface.errors import UsageError

    path = write(tmp_path / "faces.jsonl", '{"frame":0,"faces":[{"track":1,"box":[0,0,1,1]}]}')
    with pytest.raises(UsageError, match="without identities"):
        read_named(path)
