"""`vidface eval deepfake`: manifests that are read and refused, and a report of made findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from vidface.cli import _deepfakeclip, _deepfakereport, _references_make, cli
from vidface.cli._deepfakecases import Case, claims_of, read_cases
from vidface.cli._deepfakeclip import Evidence, _finding, _plain, kept_files, person_files, review_nodes
from vidface.cli._deepfakereport import deepfake_report, judge
from vidface.data.finding import Finding, Stretch
from vidface.errors import InputError, OutputError
from vidface.eval.deepfake import OpinionScore, score_opinions
from vidface.eval.intervals import units_of
from vidface.graph.plan import load
from vidface.version import __version__
from vidface.vision.kindfusion import Fusion, KindWeight

PLAIN = KindWeight(0.0, 1.0, -4, 4, 1.0, 0.0)
FUSION = Fusion({"blend": PLAIN, "drift": PLAIN, "appearance": PLAIN}, 0.0, 0.3, 0.7)


def found(kind: str, score: float, at: int) -> Finding:
    return Finding(kind, 1, Stretch(at, at + 25, Fraction(at, 25), Fraction(at + 25, 25)), score)


def evidence(fake: float, against: float) -> Evidence:
    """Two tests that say `fake`, and one against references of "ann" that says `against`."""
    times = range(0, 75, 12)
    plain = [found(kind, fake, at) for kind in ("blend", "drift") for at in times]
    return Evidence(1, 4.0, {"": plain, "ann": [found("appearance", against, at) for at in times]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("real.mp4", "fake.mp4", "ann.npz", "bob.npz"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def manifest(folder: Path, *rows: Mapping[str, Any], name: str = "m.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"rows": list(rows)}))
    return path


ROW: dict[str, Any] = {
    "file": "real.mp4",
    "label": "real",
    "crf": 23,
    "claim": "ann",
    "references": "ann.npz",
}


def test_json_and_csv_say_the_same(folder: Path) -> None:
    table = folder / "m.csv"
    table.write_text("file,label,crf,claim,references\nreal.mp4,real,23,ann,ann.npz\n")
    one, two = read_cases(manifest(folder, ROW)), read_cases(table)
    assert one == two
    assert one[0].references == (folder / "ann.npz",)
    assert one[0].people == ("ann", "ann")
    assert claims_of(one) == {"ann": (folder / "ann.npz",)}


def test_a_claim_is_named_by_its_references_where_it_has_no_name(folder: Path) -> None:
    case = read_cases(manifest(folder, ROW | {"claim": None}))[0]
    assert case.claim == "ann"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"file": "gone.mp4"}, "row 1: there is no clip"),
        ({"file": ""}, "no clip in file"),
        ({"label": "maybe"}, "label must be real or fake, but is 'maybe'"),
        ({"references": "nobody.npz"}, "there is no reference"),
    ],
)
def test_a_row_that_is_not_sound_is_named(folder: Path, row: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_cases(manifest(folder, ROW | row))


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}', '{"rows": [1]}', "{", "[" * 9_000])
def test_a_manifest_without_rows_is_refused(folder: Path, text: str) -> None:
    path = folder / "m.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"m\.json"):
        read_cases(path)


def test_one_claim_with_two_sets_of_references_is_refused(folder: Path) -> None:
    cases = read_cases(manifest(folder, ROW, ROW | {"references": "bob.npz"}))
    with pytest.raises(InputError, match="other references than before"):
        claims_of(cases)


def test_one_clip_with_two_labels_is_refused(folder: Path) -> None:
    """The label is about the clip: a false claim about a real one is real. Both rows are named."""
    two = manifest(folder, ROW, ROW | {"claim": "bob", "references": "bob.npz", "label": "fake"})
    with pytest.raises(InputError, match=r"row 2: real\.mp4 is fake, but real in .*row 1"):
        read_cases(two)
    assert len(read_cases(manifest(folder, ROW, ROW | {"claim": "bob", "references": "bob.npz"}))) == 2


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"claim": "bob", "references": "bob.npz", "crf": 40}, "has the crf '40', but '23' in .*row 1"),
        ({"claim": "bob", "references": "bob.npz", "method": "swap"}, "has the method 'swap', but '' in "),
        ({}, r"real\.mp4 stands there with the same claim and protocol in .*row 1; each clip counts once"),
        ({"file": "../{here}/real.mp4"}, "stands there with the same claim"),
    ],
)
def test_one_clip_is_made_in_one_way_and_counts_once(folder: Path, row: dict[str, Any], says: str) -> None:
    file = str(row.get("file", "real.mp4")).format(here=folder.name)
    with pytest.raises(InputError, match=f"row 2: .*{says}"):
        read_cases(manifest(folder, ROW, ROW | row | {"file": file}))


def test_one_clip_by_two_paths_is_one_and_references_may_be_a_list(folder: Path) -> None:
    other = {"file": f"../{folder.name}/real.mp4", "claim": "bob", "references": ["bob.npz", "ann.npz"]}
    one, two = read_cases(manifest(folder, ROW, ROW | other))
    assert one.file == two.file
    assert two.references == (folder / "bob.npz", folder / "ann.npz")


@pytest.mark.parametrize("kept", ["", "{", '{"track": 1}', "[]", '{"track": 1, "seconds": 0, "findings": 3}'])
def test_findings_that_are_damaged_are_found_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """As a kill in the middle of writing once left them."""
    runs: list[str | None] = []
    told: list[Any] = []

    def run(_clip: Path, people: Mapping[str, Path], graph: Mapping[str, Any]) -> Evidence:
        runs.append("all" if "drift" in graph["nodes"] else "blend")
        whole = evidence(1 / 3, 2.0)
        wanted = [one for one in whole.findings[""] if runs[-1] in ("all", one.kind)]
        return whole._replace(findings={"": wanted})

    monkeypatch.setattr(_deepfakeclip, "_run", run)
    case = read_cases(manifest(folder, ROW))[0]
    for path in (None, *kept_files(case.file, {}, folder)):
        if path is not None:
            path.write_text(kept)
        found_ = _deepfakeclip.evidence_of(case, {}, folder)
        assert {one.kind for one in found_.findings[""]} == {"blend", "drift"}
        assert len(found_.findings[""]) == 14
        told.append([(one.kind, one.score, one.stretch) for one in found_.findings[""]])
    assert runs == ["all", "all", "blend"]
    assert told[0] == told[1] == told[2]
    assert not list(folder.glob("*.part"))


def test_findings_that_cannot_be_kept_end_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_deepfakereport, "open_fusion", lambda *_, **__: FUSION)
    monkeypatch.setattr(_deepfakeclip, "_run", lambda *_: evidence(2.0, 2.0))
    with pytest.raises(OutputError, match="could not be written"):
        deepfake_report(manifest(folder, ROW), folder / "gone", model="", resamples=0)


def test_a_person_file_serves_only_the_references_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another claim, other references, changed ones, another embedder: another file, always in the folder."""
    keep, pictures = tmp_path / "keep", [tmp_path / name for name in ("a.png", "b.png")]
    keep.mkdir()
    for path in pictures:
        path.write_bytes(b"x")
    monkeypatch.setattr(_references_make, "make", lambda *_: None)
    monkeypatch.setattr(_references_make, "write", lambda _, target: target.write_bytes(b"made"))

    def made(claim: str, path: Path) -> Path:
        files, failed = person_files({claim: [path]}, keep)
        assert not failed
        assert files[claim].parent == keep
        return files[claim]

    first = made("ann", pictures[0])
    assert made("ann", pictures[0]) == first
    others = [
        made("ann", pictures[1]),
        made("bob", pictures[0]),
        made("../out", pictures[0]),
        made("a/b", pictures[0]),
    ]
    pictures[0].write_bytes(b"another")
    others.append(made("ann", pictures[0]))
    monkeypatch.setattr(_deepfakeclip, "_hashes", lambda _: {"vidface-embed": "another"})
    others.append(made("ann", pictures[0]))
    assert len({first, *others}) == 7
    assert all(path.is_file() for path in others)


def test_another_version_finds_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither findings nor person files that an older vidface kept are taken for its own."""
    before = kept_files(folder / "real.mp4", {}, folder)
    monkeypatch.setattr(_deepfakeclip, "__version__", "9.9.9")
    assert set(before).isdisjoint(kept_files(folder / "real.mp4", {}, folder))


def test_findings_survive_being_kept() -> None:
    one = found("blend", 1 / 3, 12)
    again = _finding(json.loads(json.dumps(_plain(one))))
    assert (again.kind, again.score, again.stretch) == (one.kind, one.score, one.stretch)
    silent = Finding("drift", 1, one.stretch, why_not="Too short.")
    assert _finding(json.loads(json.dumps(_plain(silent)))).why_not == "Too short."


def test_a_case_is_judged_with_and_without_its_references() -> None:
    case = Case(Path("c.mp4"), True, "swap", "23", "body", "ann", (Path("ann.npz"),), ("ann", "bob"))
    row = judge(case, evidence(-0.5, 2.0), FUSION)
    assert row.alone.opinion == "authentic"
    assert row.against is not None
    assert row.against.opinion == "manipulated"
    assert row.against.claim == "match"
    assert row.scores == {"blend": -0.5, "drift": -0.5, "appearance": 2.0}


def test_somebody_who_is_not_claimed_is_judged_by_the_other_tests_alone() -> None:
    case = Case(Path("c.mp4"), False, "recoded", "23", "", "ann", (Path("ann.npz"),), ("bob", "bob"))
    row = judge(case, evidence(-0.5, 4.0), FUSION)
    assert row.against is not None
    assert (row.against.claim, row.against.probability) == ("mismatch", row.alone.probability)


def test_the_graph_of_the_tests_is_sound() -> None:
    """graphs/review.yaml without verdict and files, with one identity node for each claim."""
    graph = review_nodes({"ann": Path("ann.npz"), "bob": Path("bob.npz")})
    names = {step.name for step in load(graph).steps}
    assert {"identity0", "identity1", "blend", "drift", "texture"} <= names
    assert "verdict" not in names


def test_a_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakes that all tests see: AUC 1 with and without references, at the manifest's CRF."""
    rows = []
    for number in range(4):
        for label in ("real", "fake"):
            (folder / f"{label}{number}.mp4").write_bytes(b"x")
            rows.append(
                ROW
                | {"file": f"{label}{number}.mp4", "label": label, "protocol": "body", "body": f"p{number}"}
            )
    monkeypatch.setattr(_deepfakereport, "open_fusion", lambda *_, **__: FUSION)
    monkeypatch.setattr(
        _deepfakereport,
        "evidence_of",
        lambda case, *_: evidence(2.0, 2.0) if case.fake else evidence(-2.0, -2.0),
    )
    out = folder / "report.json"
    done = CliRunner().invoke(
        cli,
        ["eval", "deepfake", str(manifest(folder, *rows)), "-o", str(out), "--resamples", "20"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    report = json.loads(out.read_text())
    fused = {row["protocol"]: row for row in report["tests"] if row["test"] == "verdict"}
    assert fused["no references"]["auc"]["value"] == fused["body"]["auc"]["value"] == 1.0
    assert report["opinions"][0]["false_manipulated"]["value"] == 0.0
    assert report["opinions"][0]["found"]["value"] == 1.0
    assert report["vidface"] == __version__
    assert f"vidface {__version__}." in done.output
    assert "| verdict | body | 23 | 4 / 4 of 8 | 1.000" in done.output
    assert "| pulse | no references | 23 | 0 / 0 of 8 | -" in done.output
    assert "95 % intervals by person, 20 draws" in done.output
    assert report["opinions"][0]["false_manipulated"]["high"] == pytest.approx(1 - 0.025 ** (1 / 4))


def test_a_clip_without_a_face_counts_under_its_claim(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four clips show nobody: all count, two are inconclusive, and no risk is told beyond one half."""
    for number in range(4):
        (folder / f"c{number}.mp4").write_bytes(b"x")
    rows = [
        ROW | {"file": f"c{number}.mp4", "label": "fake" if number % 2 else "real", "protocol": "body"}
        for number in range(4)
    ]
    nobody = Evidence(-1, 0.0, {"": [], "ann": []})
    monkeypatch.setattr(_deepfakereport, "open_fusion", lambda *_, **__: FUSION)
    monkeypatch.setattr(
        _deepfakereport,
        "evidence_of",
        lambda case, *_: nobody if case.file.name >= "c2" else evidence(*[2.0 if case.fake else -2.0] * 2),
    )
    report = deepfake_report(manifest(folder, *rows), folder, model="", resamples=0)
    (claimed,) = (row for row in report["opinions"] if row["protocol"] == "body")
    assert claimed["clips"] == 4
    assert claimed["inconclusive_real"]["value"] == claimed["inconclusive_fake"]["value"] == 0.5
    (fused,) = (row for row in report["tests"] if row["test"] == "verdict" and row["protocol"] == "body")
    assert (fused["clips"], fused["risk_at"]) == (4, {"50%": 0.0})


def test_a_clip_without_a_person_is_a_person_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of nine clips names nobody: the others are still drawn by person, and the text says so."""
    rows: list[dict[str, Any]] = []
    for number, who in enumerate(["p0"] * 4 + ["p1"] * 4 + [""]):
        (folder / f"c{number}.mp4").write_bytes(b"x")
        rows.append({"file": f"c{number}.mp4", "label": "fake", "crf": 23, "body": who})
    drawn: list[Any] = []
    monkeypatch.setattr(_deepfakereport, "open_fusion", lambda *_, **__: FUSION)
    monkeypatch.setattr(_deepfakereport, "evidence_of", lambda *_: evidence(2.0, 2.0))

    def noted(*words: Any, persons: Any, **options: Any) -> OpinionScore:
        drawn.append(persons)
        return score_opinions(*words, persons=persons, **options)

    monkeypatch.setattr(_deepfakereport, "score_opinions", noted)
    words = ["eval", "deepfake", str(manifest(folder, *rows)), "--resamples", "20"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert len(np.unique(units_of(drawn[0], 9))) == 3
    assert "by person (1 clips name nobody, each stands for a person of its own), 20 draws" in done.output


def test_clips_of_one_name_are_left_out_by_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for place in ("a", "b"):
        (folder / place).mkdir()
        (folder / place / "x.mp4").write_bytes(b"x")
        rows.append({"file": f"{place}/x.mp4", "label": "real"})

    def fail(case: Case, *_: Any) -> Evidence:
        raise InputError(f"{case.file} cannot be read")

    monkeypatch.setattr(_deepfakereport, "open_fusion", lambda *_, **__: FUSION)
    monkeypatch.setattr(_deepfakereport, "evidence_of", fail)
    with pytest.raises(InputError, match=r"a/x\.mp4 cannot be read; .*b/x\.mp4 cannot be read"):
        deepfake_report(manifest(folder, *rows), folder, model="", resamples=0)


def test_a_fusion_that_is_none_is_a_model_error(folder: Path) -> None:
    done = CliRunner().invoke(
        cli, ["eval", "deepfake", str(manifest(folder, ROW)), "--model", "vidface-embed"]
    )
    assert done.exit_code != 0
    assert "must be a fusion of tests" in str(done.exception)
