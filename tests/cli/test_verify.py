"""`vidface verify`: what was changed is named, exactly and alone; a run gives the same again."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vidface
from tests.cli.verified import copy_of, forge, keys, make_run
from vidface.cli import main
from vidface.cli.verify import verify as verify_command
from vidface.errors import InputError, OutputExistsError, UsageError
from vidface.graph.custody import CHAIN, MANIFEST, NOTES, SIGNATURE, add_files, comparable
from vidface.graph.notes import add_note


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("verified"))


@pytest.fixture
def moved(run: Path, tmp_path: Path) -> Path:
    return copy_of(run, tmp_path)


class Verify:
    """Calls `vidface verify --json`; what was bad, by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capsys = monkeypatch, capsys
        self.code = -1
        self.checks: list[dict[str, str]] = []

    def __call__(self, *words: object, sample: object = 0) -> dict[str, str]:
        """With `--run-nodes`: the run at hand has a node of its own."""
        out = self.text("verify", "--json", "--run-nodes", "--sample", sample, *words)
        self.checks = json.loads(out)["checks"]
        bad = {one["name"]: one["text"] for one in self.checks if one["state"] in _BAD}
        assert self.code == (1 if bad else 0)
        return bad

    def text(self, *words: object) -> str:
        self._patch.setattr(sys, "argv", ["vidface", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        self.code = int(caught.value.code or 0)
        found = self._capsys.readouterr()
        return found.out or found.err

    def states(self, what: str) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.checks if one["what"] == what}


_BAD = ("changed", "missing", "extra", "differs")


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    return Verify(monkeypatch, capsys)


def test_a_run_that_nobody_touched_is_the_same_again(run: Path, verify: Verify) -> None:
    """Every file, also the video, and the decoded frames."""
    assert verify(run, sample="all") == {}
    assert verify.states("re-run") == {
        "decoded stretches": "same",
        "faces.jsonl": "same",
        "tracks.jsonl": "same",
        "video.mp4": "same",
    }
    assert set(verify.states("file")) == {"faces.jsonl", "tracks.jsonl", "video.mp4", CHAIN}


def test_a_folder_that_was_moved_verifies(moved: Path, verify: Verify) -> None:
    assert verify(moved) == {}
    text = verify.text("verify", moved, "--sample", 0)
    assert text.endswith("everything is the same\n")


def test_the_input_may_be_gone(moved: Path, verify: Verify, tmp_path: Path) -> None:
    """It is told; it is an error only for who asks for a re-run."""
    forge(moved, input=json.loads((moved / MANIFEST).read_text())["input"] | {"path": "gone.mp4"})
    assert verify(moved) == {}
    assert verify.states("input") == {"gone.mp4": "unchecked"}
    text = verify.text("verify", moved)
    assert verify.code == 0
    assert "what was checked is the same; not checked: gone.mp4, re-run" in text
    assert "gone.mp4: it is not here" in verify(moved, sample=1)[""]
    verify.text("verify", moved, "--input", tmp_path / "none.mp4")
    assert verify.code == 3


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize("name", ["faces.jsonl", "tracks.jsonl", "video.mp4", CHAIN])
def test_an_edited_file_is_named_alone(moved: Path, verify: Verify, name: str) -> None:
    append(moved / name)
    assert list(verify(moved)) == [name]


@pytest.mark.parametrize("name", ["faces.jsonl", "tracks.jsonl", "video.mp4", CHAIN])
def test_a_missing_file_is_named_alone(moved: Path, verify: Verify, name: str) -> None:
    (moved / name).unlink()
    assert list(verify(moved)) == [name]
    assert verify.states("file")[name] == "missing"


def test_a_file_that_was_put_in_is_named(moved: Path, verify: Verify) -> None:
    (moved / "more").mkdir()
    (moved / "more" / "evidence.png").write_bytes(b"x")
    assert list(verify(moved)) == ["more/evidence.png"]
    assert verify.states("file")["more/evidence.png"] == "extra"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [*rows[:69], rows[69].replace(b"0.5", b"0.9"), *rows[70:]], "rows 65 to 100 changed"),
        (lambda rows: rows[:80], "rows 65 to 100 changed, 20 rows fewer than before"),
        (lambda rows: [*rows[:20], *rows[21:]], "rows 1 to 64 changed, 1 row fewer than before"),
        (lambda rows: [*rows, rows[-1]], "1 row added behind row 100"),
        (lambda rows: [*rows[:-1], rows[-1][:30]], "rows 65 to 100 changed"),
        (lambda rows: [], "rows 1 to 100 changed, 100 rows fewer than before"),
    ],
)
def test_changed_rows_are_located(
    moved: Path, verify: Verify, change: Callable[[list[bytes]], list[bytes]], said: str
) -> None:
    path = moved / "faces.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert verify(moved) == {"faces.jsonl": said}


def test_rows_and_chain_changed_together_are_both_named(moved: Path, verify: Verify) -> None:
    append(moved / "faces.jsonl")
    append(moved / CHAIN)
    found = verify(moved)
    assert set(found) == {"faces.jsonl", CHAIN}
    assert "damaged" in found[CHAIN]
    assert found["faces.jsonl"] == f"which rows cannot be told, for {CHAIN} does not fit either"


def test_an_edited_run_json_is_named(moved: Path, verify: Verify) -> None:
    path = moved / MANIFEST
    path.write_text(path.read_text().replace('"status": "done"', '"status": "Done"'))
    assert verify(moved) == {MANIFEST: "it is not what its own digest says"}


def test_a_run_json_without_its_digest_is_not_the_same(moved: Path, verify: Verify) -> None:
    facts = json.loads((moved / MANIFEST).read_text())
    (moved / MANIFEST).write_text(json.dumps({k: v for k, v in facts.items() if k != "manifest_sha256"}))
    assert "no digest of itself" in verify(moved)[MANIFEST]


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_run_json_is_one_sentence(moved: Path, verify: Verify, text: str) -> None:
    (moved / MANIFEST).write_text(text)
    assert verify.text("verify", moved).count("\n") == 1
    assert verify.code == 3


def test_a_run_json_that_lost_its_sense_still_ends_in_words(moved: Path, verify: Verify) -> None:
    (moved / MANIFEST).write_text('{"manifest_sha256": "x", "input": 3, "files_sha256": {}, "settings": []}')
    assert MANIFEST in verify(moved, sample=1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_run_json_says_verify_ends_in_words(run: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Any of its values replaced by anything: run.json is named, and there is no traceback."""
    facts = json.loads((run / MANIFEST).read_text())
    key = data.draw(st.sampled_from(sorted(facts)))
    changed = facts | {key: data.draw(JSON.filter(lambda value: value != facts[key]))}
    shutil.rmtree(tmp_path / "moved", ignore_errors=True)
    moved = copy_of(run, tmp_path)
    (moved / MANIFEST).write_text(json.dumps(changed))
    done = CliRunner().invoke(verify_command, [str(moved), "--sample", "0"])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1
    assert "run.json" in done.output.splitlines()[-1]


def test_a_killed_run_was_never_sealed(moved: Path, verify: Verify) -> None:
    forge(moved, status="running")
    assert "did not end" in verify(moved)[MANIFEST]


def edited_graph(run: Path) -> dict[str, Any]:
    """Another parameter in the graph's text, with every digest made to fit."""
    graph = json.loads((run / MANIFEST).read_text())["graph"]
    text = graph["text"].replace("0.25", "0.26")
    return {**graph, "text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_a_re_run_finds_an_edited_graph(moved: Path, verify: Verify) -> None:
    """Nothing but running it again can: all hashes were made anew."""
    forge(moved, graph=edited_graph(moved))
    assert verify(moved) == {}
    found = verify(moved, sample="all")
    assert list(found) == ["faces.jsonl"]
    assert found["faces.jsonl"].startswith("100 of 100 rows differ, the first is row 1: faces[0].box[2] was ")
    assert verify(moved, "--tolerance", 1000, sample="all") == {}


def test_an_edited_graph_alone_is_named(moved: Path, verify: Verify) -> None:
    graph = edited_graph(moved) | {"sha256": "00"}
    forge(moved, graph=graph)
    assert verify(moved) == {MANIFEST: "the text of the graph is not the one that was run"}


@pytest.mark.parametrize("sample", ["1", "2"])
def test_a_sample_is_run_from_the_beginning(moved: Path, verify: Verify, sample: str) -> None:
    """Nodes remember: rows up to the end of the sampled stretch are compared, and no later ones."""
    assert verify(moved, sample=sample) == {}
    told = {one["name"]: one["text"] for one in verify.checks if one["what"] == "re-run"}
    rows = int(told["faces.jsonl"].split()[0])
    assert rows in (40, 80, 100)


def test_a_sample_of_the_first_stretch_alone(moved: Path, verify: Verify) -> None:
    """A forged row behind it is not seen by the re-run, one within is."""
    from vidface.graph.rerun import check_rerun

    facts = json.loads((moved / MANIFEST).read_text())
    clip = Path(facts["input"]["path"])
    for frame, wanted in ((90, {"same"}), (5, {"differs"})):
        rows = (moved / "faces.jsonl").read_bytes().splitlines(keepends=True)
        rows[frame] = rows[frame].replace(b'"score":0.5', b'"score":0.6')
        (moved / "faces.jsonl").write_bytes(b"".join(rows))
        short = facts | {"status": "stopped"}
        (moved / "short").mkdir(exist_ok=True)
        (moved / "short" / "faces.jsonl").write_bytes(b"".join(rows[:40] if wanted == {"same"} else rows))
        found = list(check_rerun(moved / "short", short, clip, sample="all", run_nodes=True))
        assert {one.state for one in found if one.name == "faces.jsonl"} == wanted


@pytest.mark.parametrize("frames", [[70, 3], [0]])
def test_rows_of_a_few_frames_do_not_say_how_far_a_run_went(moved: Path, frames: list[int]) -> None:
    """An index of pictures that is told first: all rows are compared, not as many as it has."""
    from vidface.graph.rerun import check_rerun

    facts = json.loads((moved / MANIFEST).read_text())
    (moved / "shots").mkdir()
    lines = [json.dumps({"track": 1, "frame": frame, "time": f"{frame / 4:.6f}"}) for frame in frames]
    (moved / "shots" / "index.jsonl").write_text("\n".join(lines))
    facts |= {"status": "stopped", "chains": {"shots/index.jsonl": {}} | facts["chains"]}
    clip = Path(facts["input"]["path"])
    found = list(check_rerun(moved, facts, clip, sample="all", run_nodes=True))
    assert [one.text for one in found if one.name == "faces.jsonl"] == ["100 rows, its 100 frames"]


def test_a_changed_input_is_located(run: Path, moved: Path, verify: Verify, tmp_path: Path) -> None:
    clip = tmp_path / "other.mp4"
    clip.write_bytes((run.parent / "clip.mp4").read_bytes() + b"x")
    found = verify(moved, "--input", clip, sample=1)
    (text,) = [text for name, text in found.items() if name.endswith("clip.mp4")]
    assert text.startswith("bytes 0 to 8388607 differ; it has ")
    assert "is not the one that was run" in found[""]


def test_a_changed_node_is_named(tmp_path: Path, verify: Verify) -> None:
    run = make_run(tmp_path, stop=1.0)
    append(tmp_path / "walk.py")
    assert list(verify(run)) == [str(tmp_path / "walk.py")]


FORGED = """
from pathlib import Path
Path({marker!r}).touch()
"""


@pytest.mark.parametrize("section", ["nodes", "outputs"])
@pytest.mark.parametrize("wanted", [[], ["--sample", "all"]])
def test_code_of_a_stranger_is_not_run_unasked(
    tmp_path: Path, verify: Verify, section: str, wanted: list[str]
) -> None:
    """run.json names a node or a sink in a file, with every hash in order: no line of it runs."""
    run = make_run(tmp_path, stop=1.0)
    marker = tmp_path / "marker"
    evil = tmp_path / "evil.py"
    evil.write_text(FORGED.format(marker=str(marker)))
    graph = json.loads((run / MANIFEST).read_text())["graph"]
    spec = json.loads(graph["text"])
    spec["nodes"]["walk"] = {"use": "detect.face", "in": {"frame": "source"}}
    spec[section]["walk" if section == "nodes" else "video"]["use"] = "./evil.py"
    text = json.dumps(spec)
    files = {"./evil.py": hashlib.sha256(evil.read_bytes()).hexdigest()}
    forge(
        run,
        graph=graph
        | {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest(), "node_files": files},
    )
    told = verify.text("verify", run, *wanted)
    assert "it would run code that the graph names, ./evil.py; --run-nodes allows it" in told
    assert verify.code == (1 if wanted else 0)
    assert not marker.exists()
    verify.text("verify", run, "--run-nodes", *wanted)
    assert marker.exists()


def test_a_missing_model_is_told(moved: Path, verify: Verify) -> None:
    """The folder is the same; a re-run cannot be made."""
    forge(moved, models=[{"name": "no-such-net", "sha256": "ab" * 32}])
    assert verify(moved) == {}
    assert verify.states("model") == {"no-such-net": "other"}
    assert "the model no-such-net is not the same here" in verify(moved, sample=1)[""]


def test_another_model_is_told(moved: Path, verify: Verify) -> None:
    files = {"model.onnx": "ab" * 32}
    forge(moved, models=[{"name": "vidface-facedet", "sha256": "ab" * 32, "files": files}])
    assert verify(moved) == {}
    assert verify.states("model") == {"vidface-facedet": "other"}
    assert "model.onnx: not the same as then" in verify.text("verify", moved, "--sample", 0)


def test_a_run_that_was_left_early(tmp_path: Path, verify: Verify) -> None:
    """What it wrote is sealed, and its frames come out the same."""
    make_run(tmp_path, stop=1.0)
    with vidface.run(tmp_path / "walk.yaml", tmp_path / "clip.mp4", tmp_path / "left") as work:
        for tick in work:
            if tick.index == 50:
                break
    assert verify(tmp_path / "left", sample="all") == {}
    assert verify.states("re-run")["faces.jsonl"] == "same"
    (tmp_path / "left" / "video.mp4").unlink()
    assert list(verify(tmp_path / "left")) == ["video.mp4"]


def test_a_folder_with_notes_is_never_overwritten(moved: Path) -> None:
    add_note(moved, "Seen.", by="Ada")
    before = (moved / NOTES).read_bytes()
    facts = json.loads((moved / MANIFEST).read_text())
    with pytest.raises(OutputExistsError, match="holds a reviewer's notes"):
        vidface.run(facts["graph"]["file"], facts["input"]["path"], moved, overwrite=True)
    assert (moved / NOTES).read_bytes() == before


def test_other_packages_are_told(moved: Path, verify: Verify) -> None:
    packages = json.loads((moved / MANIFEST).read_text())["packages"] | {"numpy": "1.0"}
    forge(moved, packages=packages)
    assert verify(moved) == {}
    assert verify.states("package")["numpy"] == "other"


def test_notes_are_followed(moved: Path, verify: Verify) -> None:
    add_note(moved, "Looks right.", by="Ada", decision="authentic")
    add_note(moved, "To me as well.", by="Bob")
    assert verify(moved) == {}
    path = moved / NOTES
    path.write_text(path.read_text().replace("authentic", "manipulated"))
    assert verify(moved) == {NOTES: "line 1 was changed after it was written"}


def test_notes_of_another_run_are_not_this_ones(moved: Path, verify: Verify) -> None:
    add_note(moved, "Looks right.", by="Ada")
    forge(moved, consent={"statement": "made up", "given_in": "graph"})
    assert verify(moved)[NOTES].startswith("line 1 does not belong to this run.json")


def test_a_report_comes_under_the_seal(moved: Path, verify: Verify) -> None:
    """Added, written again after a note, and then edited."""
    report = moved / "report.html"
    report.write_text("first")
    assert list(verify(moved)) == ["report.html"]
    add_files(moved, "report", ["report.html"])
    assert verify(moved) == {}
    add_note(moved, "Seen.", by="Ada")
    report.write_text("second")
    add_files(moved, "report", ["report.html"])
    assert verify(moved) == {}
    report.write_text("third")
    assert list(verify(moved)) == ["report.html"]
    assert (moved / MANIFEST).stat().st_mode & 0o077 == 0


def test_a_file_of_the_run_gets_no_second_seal(moved: Path, verify: Verify) -> None:
    """Neither by adding it, nor by a run.json that was made so, whatever the second digest says."""
    append(moved / "faces.jsonl")
    with pytest.raises(UsageError, match=r"the run itself wrote faces\.jsonl"):
        add_files(moved, "report", ["report.html", "faces.jsonl"])
    edited = hashlib.sha256((moved / "faces.jsonl").read_bytes()).hexdigest()
    forge(moved, added={"report": {"faces.jsonl": edited}})
    assert list(verify(moved)) == ["faces.jsonl"]
    assert verify.states("file")["faces.jsonl"] == "changed"


def test_nothing_is_added_to_a_changed_run(moved: Path) -> None:
    path = moved / MANIFEST
    path.write_text(path.read_text().replace('"status": "done"', '"status": "Done"'))
    with pytest.raises(UsageError, match="was changed after the run"):
        add_files(moved, "report", ["faces.jsonl"])


def test_a_signed_run(tmp_path: Path, verify: Verify) -> None:
    """The right key, another one, a manifest changed with all its digests, a signature taken away."""
    own, public = keys(tmp_path, "own")
    _, other = keys(tmp_path, "other")
    run = make_run(tmp_path, stop=1.0, sign_key=own)
    assert (run / SIGNATURE).stat().st_mode & 0o077 == 0
    assert verify(run) == {}
    assert verify(run, "--key", public) == {}
    assert verify(run, "--key", other) == {SIGNATURE: f"it was made with another key than {other}"}
    verify.text("verify", run, "--key", run / MANIFEST)
    assert verify.code == 2
    with pytest.raises(UsageError, match="wants the key"):
        add_files(run, "report", ["faces.jsonl"])
    forge(run, fps=1000)
    changed = "run.json is not the one that was signed: it was changed since"
    assert verify(run, "--key", public) == {SIGNATURE: changed}
    (run / SIGNATURE).unlink()
    assert verify(run) == {SIGNATURE: "run.json says that it is signed"}


def test_a_signed_review(repo: Path, tmp_path: Path, verify: Verify) -> None:
    """The report is under the signature, and is not written anew without the key."""
    own, public = keys(tmp_path, "own")
    out = tmp_path / "review"
    words = ["--graph", repo / "tests/review/made.yaml", "--to", "0.4", "-q", "--sign-key", own]
    verify.text("review", repo / "samples" / "two_people.mp4", "-o", out, *words)
    assert verify(out, "--key", public) == {}
    assert "report.html" in verify.states("file")
    add_note(out, "Seen.", by="Ada")
    before = (out / "report.html").read_bytes()
    assert "--sign-key FILE signs the new one" in verify.text("review", "report", out)
    assert (out / "report.html").read_bytes() == before
    verify.text("review", "report", out, "--sign-key", own)
    assert b"Seen." in (out / "report.html").read_bytes()
    assert verify(out, "--key", public) == {}


def test_a_key_wants_a_signature(moved: Path, verify: Verify, tmp_path: Path) -> None:
    _, public = keys(tmp_path, "own")
    assert verify(moved, "--key", public) == {SIGNATURE: f"{public} never signed this run"}


@pytest.mark.parametrize(
    ("name", "before", "said"),
    [
        (MANIFEST, '"input"', "it can be read in two ways: it names 'input' twice"),
        (SIGNATURE, '"text"', "it is damaged (it names 'text' twice)"),
        (CHAIN, '"file"', "chain.jsonl is damaged (it names 'file' twice)"),
        (NOTES, '"text"', "line 1 was changed after it was written"),
    ],
)
def test_a_key_that_is_named_twice_is_a_change(
    tmp_path: Path, verify: Verify, name: str, before: str, said: str
) -> None:
    """Python takes the last value, and digests hold for that; a person reads the first one."""
    own, public = keys(tmp_path, "own")
    run = make_run(tmp_path, stop=0.5, sign_key=own)
    add_note(run, "Looks right.", by="Ada", decision="authentic")
    path = run / name
    path.write_text(path.read_text().replace(before, f'{before}: "something else", {before}', 1))
    for more in ([], ["--key", public]):
        bad = verify(run, *more)
        assert list(bad) == [name]
        assert bad[name].endswith(said)
        assert verify.code == 1
    if name == MANIFEST:
        with pytest.raises(InputError, match="names 'input' twice"):
            add_files(run, "report", ["more.html"])


def test_two_forensic_runs_say_the_same(run: Path, tmp_path: Path) -> None:
    """run.json as well, but for the fields that UNEQUAL lists, and where the clip lies."""
    again = make_run(tmp_path)
    facts = []
    for folder in (run, again):
        text = (folder / MANIFEST).read_text().replace(str(folder.parent), "HERE")
        facts.append(comparable(json.loads(text)))
    # Somebody may edit vidface's own code while its tests run.
    facts[0]["machine"]["code_sha256"] = facts[1]["machine"]["code_sha256"]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("words", [["--sample", "some"], ["--tolerance", "-1"], []])
def test_wrong_usage_is_2(run: Path, verify: Verify, words: list[str]) -> None:
    verify.text("verify", run if words else run / "none", *words)
    assert verify.code == 2
