"""What a run was made from, looked at again later: the statement of consent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import vidface
from tests.cli.verified import make_run
from tests.graph.marked import run_json, write_graph
from tests.media.make_clips import Clip, make
from vidface.cli.verify import verify
from vidface.graph.origins import check_consent
from vidface.graph.rerun import check_rerun
from vidface.graph.verify import Check


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, given_in: str) -> dict[str, Any]:
    """run.json of a run whose consent stands in letter.txt, named in the graph or on the command line."""
    (folder / "letter.txt").write_text("Ann Lee agreed on the phone.")
    in_graph = given_in == "graph"
    graph = write_graph(folder, consent="letter.txt" if in_graph else None)
    clip = make(folder / "clip.mp4", Clip(size=(64, 48), pts=tuple(range(6))))
    monkeypatch.chdir(folder)
    consent = None if in_graph else "letter.txt"
    for _ in vidface.run(graph, clip, folder / "out", forensic=True, consent=consent):
        pass
    return run_json(folder / "out")


@pytest.mark.parametrize("given_in", ["graph", "command line"])
def test_the_statement_of_consent_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_in: str
) -> None:
    """The same, changed, and not here any more, which alone is no fault."""
    facts = made(tmp_path, monkeypatch, given_in)
    letter = tmp_path / "letter.txt"
    name = str(letter) if given_in == "graph" else "letter.txt"
    assert list(check_consent(facts)) == [Check("consent", name, "same")]
    letter.write_text("Ann Lee agreed to everything.")
    assert list(check_consent(facts)) == [Check("consent", name, "changed")]
    letter.unlink()
    assert list(check_consent(facts)) == [Check("consent", name, "unchecked", "it is not here")]


@pytest.mark.parametrize("given_in", ["graph", "command line"])
def test_a_run_comes_out_again_without_the_statement_of_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_in: str
) -> None:
    """What was stated then stands in run.json; that the file is gone is no tampering."""
    facts = made(tmp_path, monkeypatch, given_in)
    (tmp_path / "letter.txt").unlink()
    found = list(check_rerun(tmp_path / "out", facts, tmp_path / "clip.mp4", sample="all", run_nodes=True))
    states = {one.name: one.state for one in found}
    assert states == {"decoded stretches": "same", "video.mp4": "unchecked"}  # signed, so never the same
    done = CliRunner().invoke(verify, [str(tmp_path / "out"), "--run-nodes", "--sample", "all"])
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].startswith("what was checked is the same; not checked: ")


def test_a_statement_in_words_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = made(tmp_path, monkeypatch, "graph")
    assert (
        list(check_consent(facts | {"consent": {"statement": "I agreed to it", "given_in": "graph"}})) == []
    )
    assert list(check_consent(facts | {"consent": None})) == []


def test_a_statement_that_begins_like_a_home_that_is_nobodys(tmp_path: Path) -> None:
    """A sentence, not a bug: there is no such user."""
    said = "~nosuchuser agreed to it"
    out = make_run(tmp_path, stop=0.5, consent=said)
    assert run_json(out)["consent"]["statement"] == said
