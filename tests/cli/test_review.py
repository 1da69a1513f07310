"""vidface review: a clip becomes a report, notes are appended, what cannot be done is said first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import av
import pytest

from tests.cli.test_main import call
from tests.cli.verified import keys
from tests.media.make_clips import Clip, make
from vidface.cli._review import Request, _of_file
from vidface.cli.review import review
from vidface.cli.run import run
from vidface.data.findingkinds import KINDS
from vidface.graph.custody import CHAIN, sealed, with_digests

MADE = ("--graph", "tests/review/made.yaml", "--progress", "none")
CLIP = "samples/two_people.mp4"


def facts_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def reviewed(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A review of one second, made-up evidence; not to be written to."""
    out = tmp_path_factory.mktemp("review") / "out"
    with pytest.MonkeyPatch.context() as patch:
        assert call(patch, repo, "review", CLIP, "-o", out, "--to", "1", *MADE) == 0
    return out


@pytest.fixture
def out(reviewed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(reviewed, tmp_path / "out"))


def test_a_clip_without_faces_and_sound(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """graphs/review.yaml with all its tests runs on a second of nobody: there is nothing to judge."""
    clip = make(tmp_path / "nobody.mp4", Clip(size=(320, 240)))
    assert call(monkeypatch, repo, "review", clip, "-o", tmp_path / "out", "-q") == 0
    assert capsys.readouterr().out == ""
    facts = facts_of(tmp_path / "out")
    assert facts["conclusion"] == "No face was found in this clip, so there is nothing to judge."
    assert any("no sound" in line for line in facts["caveats"])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.html", "report.json", "run.json", "about.json", "findings.jsonl", "preview.mp4"} <= names


def test_every_test_says_something(monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path) -> None:
    """Two seconds of two people through graphs/review.yaml: each kind has a score, or a sentence why not."""
    words = ("review", CLIP, "-o", tmp_path / "out", "--to", "2", "--progress", "none", "-q")
    assert call(monkeypatch, repo, *words) == 0
    facts = facts_of(tmp_path / "out")
    assert {one["track"] for one in facts["tracks"]} == {1, 2}
    for face in facts["tracks"]:
        assert {test["kind"] for test in face["tests"]} == set(KINDS)
        assert all(test["applied"] or test["last_why_not"].endswith(".") for test in face["tests"])
        assert face["verdict"]["reasons"]
        left = {text.partition(": ")[0] for text in face["verdict"]["left_out"]}
        assert {"appearance", "inner_outer", "geometry", "motion", "pulse"} <= left
    rows = [json.loads(line) for line in (tmp_path / "out" / "findings.jsonl").read_text().splitlines()]
    mapped = [row for row in rows if row.get("heat")]
    assert {row["kind"] for row in mapped} >= {"blend"}
    assert all((tmp_path / "out" / row["heat"]).is_file() for row in mapped)


def test_the_report_is_under_the_seal(monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path) -> None:
    """run.json has the hashes of the report and of all files; verify finds a page that was edited."""
    facts = json.loads((out / "run.json").read_text())
    assert set(facts["added"]["report"]) == {"report.html", "report.json"}
    assert "findings.jsonl" in facts["files_sha256"]
    assert call(monkeypatch, repo, "verify", out, "--sample", "0") == 0
    page = out / "report.html"
    page.write_text(page.read_text().replace("manipulated", "authentic"))
    assert call(monkeypatch, repo, "verify", out, "--sample", "0") == 1


def test_altered_evidence_is_not_reported(
    monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the file; with --altered the report does, and is not under the seal."""
    before = (out / "run.json").read_bytes(), (out / "report.json").read_bytes()
    tracks = out / "tracks.jsonl"
    tracks.write_text(tracks.read_text().replace("manipulated", "authentic"))
    assert call(monkeypatch, repo, "review", "report", out) == 2
    assert "is not what the run left: tracks.jsonl (rows 1 to 2 changed)" in capsys.readouterr().err
    assert ((out / "run.json").read_bytes(), (out / "report.json").read_bytes()) == before
    assert call(monkeypatch, repo, "review", "report", out, "--altered") == 0
    assert "is written, but not sealed" in capsys.readouterr().err
    assert "tracks.jsonl (rows 1 to 2 changed)" in facts_of(out)["caveats"][0]
    assert (out / "run.json").read_bytes() == before[0]


def test_forged_evidence_is_not_signed(
    monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every digest of run.json made anew, and yet the run's signature is not that of it."""
    mine, _ = keys(out.parent, "mine")
    assert call(monkeypatch, repo, "review", "report", out, "--sign-key", mine) == 0
    tracks = out / "tracks.jsonl"
    tracks.write_text(tracks.read_text().replace("manipulated", "authentic"))
    facts = json.loads((out / "run.json").read_text())
    names = list(facts["files_sha256"])
    facts |= sealed(out, [name for name in names if name != CHAIN])
    (out / "run.json").write_text(json.dumps(with_digests(facts)))
    capsys.readouterr()
    signature = (out / "run.json.sig").read_bytes()
    assert call(monkeypatch, repo, "review", "report", out, "--sign-key", mine) == 2
    assert "run.json.sig (" in capsys.readouterr().err
    assert call(monkeypatch, repo, "review", "report", out, "--sign-key", mine, "--altered") == 0
    assert (out / "run.json.sig").read_bytes() == signature


def test_a_clip_whose_name_is_not_utf8(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is reviewed, and the report is sealed: its name stands in it by its bytes."""
    clip = tmp_path / b"caf\xe9.mp4".decode(errors="surrogateescape")
    shutil.copy(repo / CLIP, clip)
    out = clip.with_name(f"{clip.name}.review")
    assert call(monkeypatch, repo, "review", clip, "-o", out, "--to", "0.2", *MADE) == 0
    assert "report.html" in capsys.readouterr().out
    assert facts_of(out)["title"] == clip.name
    assert call(monkeypatch, repo, "verify", out, "--sample", "0") == 0


def test_a_clip_on_its_side(monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path) -> None:
    """--rotate as in `vidface run`: the picture is turned, and the report says by whom."""
    words = ("review", CLIP, "-o", tmp_path / "out", "--to", "0.2", "--rotate", "90", *MADE)
    assert call(monkeypatch, repo, *words) == 0
    facts = facts_of(tmp_path / "out")
    assert facts["turned"] == {"by_file": 0, "by_user": 90}
    assert facts["manifest"]["settings"]["rotate"] == 90
    assert facts["input"]["height"] > facts["input"]["width"]
    assert any("turned by 90 degrees clockwise for this review" in one for one in facts["caveats"])
    told = [
        next(one for one in command.params if one.name == "rotate").to_info_dict()
        for command in (review.commands["clip"], run)
    ]
    assert told[0]["help"] == told[1]["help"]
    assert told[0]["type"] == told[1]["type"]


def test_notes_are_appended_and_shown(
    monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two notes, then the report again: both stand in it, in order."""
    words = ("review", "note", out, "Teeth change from frame to frame.", "--by", "A. R.", "--track", "1")
    assert call(monkeypatch, repo, *words, "--decision", "manipulated") == 0
    assert call(monkeypatch, repo, "review", "note", out, "Seen a second time.", "--by", "B. S.") == 0
    assert "noted by B. S." in capsys.readouterr().out
    assert call(monkeypatch, repo, "review", "report", out) == 0
    notes = facts_of(out)["notes"]
    assert [(note["by"], note["track"], note["decision"]) for note in notes] == [
        ("A. R.", 1, "manipulated"),
        ("B. S.", None, None),
    ]
    assert "Teeth change from frame to frame." in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"faces": "track"}, "makes no tests"),
        ({"faces": {"use": "table", "in": {"frame": "source", "faces": "track"}}}, "makes no tests"),
        (
            {
                "faces": "track",
                "findings": {"use": "findings", "in": {"frame": "source", "blend": "made.blend"}},
            },
            "judges no face",
        ),
    ],
)
def test_a_run_that_is_no_review_gets_no_report(
    monkeypatch: pytest.MonkeyPatch,
    repo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outputs: dict[str, Any],
    said: str,
) -> None:
    """Nothing was tested, so there is no page that says that nothing was found; run.json stays as it is."""
    shutil.copy(repo / "tests/review/made_evidence.py", tmp_path)
    nodes: dict[str, Any] = {"track": {"use": "detect.face", "in": {"frame": "source"}}}
    if "findings" in outputs:
        nodes["made"] = {"use": "./made_evidence.py", "in": {"frame": "source", "faces": "track"}}
    graph = tmp_path / "graph.yaml"
    graph.write_text(json.dumps({"version": 1, "device": "cpu", "nodes": nodes, "outputs": outputs}))
    clip = make(tmp_path / "nobody.mp4", Clip(size=(64, 48), pts=(0, 1)))
    out = tmp_path / "out"
    assert call(monkeypatch, repo, "run", graph, clip, "-o", out, "-q") == 0
    before = (out / "run.json").read_bytes()
    for words in (("report", out), (clip, "--graph", graph, "-o", tmp_path / "other")):
        assert call(monkeypatch, repo, "review", *words) == 2
        told = capsys.readouterr().err
        assert f"is no review: its graph {said}" in told
        assert "run `vidface review CLIP`" in told
    assert (out / "run.json").read_bytes() == before
    assert not (out / "report.html").exists()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("made with vidface 0.8.0; people hidden by: anonymize.faces", ['verdict.declared=["anonymised"]']),
        ("made with vidface 0.8.0", []),
    ],
)
def test_what_a_file_says_of_itself_reaches_the_verdict(
    tmp_path: Path, comment: str, told: list[str]
) -> None:
    """The comment of files in which people were hidden, which are not synthetic and have no other mark."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as box:
        box.metadata["comment"] = comment
        stream = box.add_stream("mpeg4", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        box.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        box.mux(stream.encode())
    request = Request(str(path), tmp_path / "out", (), print)
    assert list(_of_file(request)) == told


def test_a_note_on_nobody_is_refused(
    monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A face that the review does not have; a folder that is no review."""
    assert call(monkeypatch, repo, "review", "note", out, "Who?", "--track", "77") == 2
    assert "has no such face; it has 1, 2" in capsys.readouterr().err
    assert call(monkeypatch, repo, "review", "note", out.parent / "absent", "Who?") == 2
    assert not (out / "notes.jsonl").exists()


def test_a_review_with_notes_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch, repo: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--overwrite replaces a review, unless somebody wrote a note on it."""
    again = ("review", CLIP, "-o", out, "--to", "0.2", *MADE)
    assert call(monkeypatch, repo, *again) == 2
    assert "is not empty" in capsys.readouterr().err
    assert call(monkeypatch, repo, *again, "--overwrite") == 0
    assert call(monkeypatch, repo, "review", "note", out, "Mine.") == 0
    assert call(monkeypatch, repo, *again, "--overwrite") == 2
    assert "with notes is not replaced" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["absent.mp4"], 3, "absent.mp4"),
        (["README.md"], 3, "README.md"),
        ([CLIP, "--claims", "Ann"], 2, "--claims needs references"),
        ([CLIP, "--gallery", "people"], 2, "--gallery needs --claims"),
        ([CLIP, "--claims", "A", "--gallery", "g", "--references", "r"], 2, "give one of them"),
        ([CLIP, "--face", "1"], 2, "--face says which face the claim is about"),
        ([CLIP, "--references", "graphs"], 2, "no picture and no clip"),
        ([CLIP, "--references", "absent.npz"], 3, "absent.npz"),
        ([CLIP, "--claims", "Nobody", "--gallery", "absent"], 2, "absent"),
        (["report", "absent"], 2, "no such folder"),
        (["note", "absent"], 2, "TEXT"),
        ([], 2, "Usage"),
    ],
)
def test_what_cannot_be_done_is_said(
    monkeypatch: pytest.MonkeyPatch,
    repo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    sentence: str,
) -> None:
    """Exit code and one sentence; no folder is left behind by what never began."""
    more = ["-o", str(tmp_path / "out")] if words and words[0] not in ("report", "note") else []
    assert call(monkeypatch, repo, "review", *words, *more) == code
    told = capsys.readouterr()
    assert sentence in told.err + told.out
    assert "Traceback" not in told.err


def test_a_clip_that_is_called_like_a_command(
    monkeypatch: pytest.MonkeyPatch, repo: Path, tmp_path: Path
) -> None:
    """With its folder before it, `note` is a clip."""
    shutil.copy(repo / CLIP, tmp_path / "note")
    words = ("review", f"{tmp_path}/note", "-o", tmp_path / "out", "--to", "0.2", *MADE)
    assert call(monkeypatch, repo, *words) == 0
    assert facts_of(tmp_path / "out")["title"] == "note"


def test_help_names_all_forms(
    monkeypatch: pytest.MonkeyPatch, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clip's options stand in the help of `review` itself."""
    call(monkeypatch, repo, "review", "--help")
    text = capsys.readouterr().out
    for words in (
        "review CLIP",
        "review note OUT TEXT",
        "review report OUT",
        "--references",
        "--claims",
        "--face",
    ):
        assert words in text
