"""`vidface models` as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.infer.conftest import server, shipped, tiny, user
from tests.infer.loopback import Manners, Server
from tests.infer.places import put
from vidface.cli.models import models
from vidface.errors import ModelMismatchError, ModelMissingError, UsageError, VidfaceError

__all__ = ["server", "shipped", "tiny", "user"]  # fixtures

DATA = b"weights" * 1000


def run(*words: str) -> Result:
    """Run `vidface models WORDS`; errors of vidface come through, as the program's main expects them."""
    result = CliRunner().invoke(models, words)
    if isinstance(result.exception, VidfaceError):
        raise result.exception
    return result


def names(result: Result) -> list[str]:
    """First words of the lines of a table, without its head."""
    return [line.split()[0] for line in result.stdout.splitlines()[1:]]


def test_list_shows_what_comes_with_vidface(user: Path) -> None:
    """The real manifests: name, task, licence class, size, state, in columns."""
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "TASK", "LICENCE", "SIZE", "STATE"]
    row = next(line.split() for line in lines if line.startswith("scrfd_10g "))
    assert row == ["scrfd_10g", "detect", "research", "16.9", "MB", "absent"]


def test_list_filters_by_task_and_licence(user: Path) -> None:
    """Only embedders that may be used commercially."""
    found = names(run("list", "--task", "embed", "--license", "permissive"))
    assert "sface_2021dec" in found
    assert not any(name.startswith(("arcface", "adaface", "edgeface", "yunet")) for name in found)
    assert "arcface_w600k_r50" in names(run("list", "--task", "embed", "--license", "research"))


def test_list_as_json(shipped: Path) -> None:
    """Every field a program needs, one object a model."""
    put(shipped, "m", data=DATA)
    (row,) = json.loads(run("list", "--format", "json").stdout)
    assert row["name"] == "m"
    assert (row["state"], row["size"], row["licence_class"]) == ("absent", len(DATA), "permissive")


def test_list_tells_the_states_apart(shipped: Path, user: Path) -> None:
    """shipped, present, absent, mismatch and unverified."""
    for name in ("a", "b", "c", "d"):
        put(shipped, name, data=DATA)
    put(shipped, "e")
    (shipped / "a" / "model.onnx").write_bytes(DATA)
    for name, data in (("b", DATA), ("c", DATA[::-1]), ("e", DATA)):
        (user / name).mkdir(parents=True)
        (user / name / "model.onnx").write_bytes(data)
    states = {row["name"]: row["state"] for row in json.loads(run("list", "--format", "json").stdout)}
    assert states == {"a": "shipped", "b": "present", "c": "mismatch", "d": "absent", "e": "unverified"}


def test_pull_fetches_over_http(shipped: Path, user: Path, server: Server) -> None:
    """The file arrives, its digest is printed, the licence is named."""
    server.manners = Manners(DATA)
    put(shipped, "m", data=DATA, files=[{"name": "model.onnx", "urls": [server.url()]}])
    result = run("pull", "m")
    assert (user / "m" / "model.onnx").read_bytes() == DATA
    assert "licence MIT (permissive)" in result.stderr
    assert "sha256" in result.stdout


@pytest.mark.parametrize(
    ("licence", "accepted"),
    [
        ("permissive", {"permissive", "research", "any"}),
        ("research", {"research", "any"}),
        ("copyleft", {"any"}),
        ("unknown", {"any"}),
    ],
)
def test_pull_refuses_terms_that_were_not_accepted(
    shipped: Path, user: Path, server: Server, licence: str, accepted: set[str]
) -> None:
    """The sentence names licence and option; nothing is asked of the server before."""
    server.manners = Manners(DATA)
    terms = {"id": "Some-1.0", "class": licence}
    put(shipped, "m", data=DATA, licence=terms, files=[{"name": "model.onnx", "urls": [server.url()]}])
    for option in ("permissive", "research", "any"):
        if option not in accepted:
            with pytest.raises(UsageError, match=r"licence: Some-1\.0.*--license (research|any)"):
                run("pull", "m", "--license", option)
    assert server.asked == []
    for option in sorted(accepted):
        assert run("pull", "m", "--license", option, "--force").exit_code == 0


def test_pull_refuses_one_before_it_fetches_the_others(shipped: Path, user: Path, server: Server) -> None:
    """All terms are checked first."""
    server.manners = Manners(DATA)
    files = [{"name": "model.onnx", "urls": [server.url()]}]
    put(shipped, "free", data=DATA, files=files)
    put(shipped, "bound", data=DATA, licence={"id": "X", "class": "research"})
    with pytest.raises(UsageError, match="bound is not for commercial use"):
        run("pull", "free", "bound")
    assert server.asked == []


def test_pull_needs_consent_where_no_digest_is_stated(shipped: Path, user: Path, server: Server) -> None:
    """--allow-unverified fetches it, and the output says what is not known."""
    server.manners = Manners(DATA)
    put(shipped, "m", files=[{"name": "model.onnx", "urls": [server.url()]}])
    with pytest.raises(UsageError, match="--allow-unverified"):
        run("pull", "m")
    assert "unverified" in run("pull", "m", "--allow-unverified").stdout
    assert "unverified" in run("list").stdout


def test_pull_of_an_unknown_name(shipped: Path) -> None:
    """Did you mean."""
    put(shipped, "yunet_n")
    with pytest.raises(ModelMissingError, match=r"Did you mean yunet_n\?"):
        run("pull", "yunet")


def test_verify_names_what_is_wrong_and_fails(shipped: Path, user: Path) -> None:
    """Right ones are listed too; what is absent is left out unless named."""
    for name in ("good", "bad", "gone"):
        put(shipped, name, data=DATA)
    (shipped / "good" / "model.onnx").write_bytes(DATA)
    (shipped / "bad" / "model.onnx").write_bytes(DATA[::-1])
    result = CliRunner().invoke(models, ["verify"])
    assert isinstance(result.exception, ModelMismatchError)
    assert str(result.exception) == "1 of 2 models do not match: bad."
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [["bad", "WRONG"], ["good", "right"]]
    assert "good  right" in run("verify", "good").stdout
    with pytest.raises(ModelMissingError, match="gone"):
        run("verify", "gone")


def test_card_prints_the_file_or_a_short_one(shipped: Path) -> None:
    """Where a card lies beside the manifest it is printed as it is."""
    put(shipped, "m", data=DATA)
    short = run("card", "m").stdout
    assert "# m" in short
    assert "MIT (permissive)" in short
    assert "N x 3 x H x W float32, RGB, (pixel - 0) / 1" in short
    (shipped / "m" / "card.md").write_text("# The whole story\n")
    assert run("card", "m").stdout == "# The whole story\n\n"


def test_import_for_a_known_model(shipped: Path, user: Path, tiny: Path) -> None:
    """By digest, whatever the file is called."""
    put(shipped, "m", data=(tiny / "double.onnx").read_bytes())
    with pytest.raises(ModelMismatchError, match="Nothing was imported"):
        run("import", str(tiny / "pair.onnx"), "--as", "m")
    run("import", str(tiny / "double.onnx"), "--as", "m")
    assert (user / "m" / "model.onnx").is_file()


def test_import_of_ones_own(shipped: Path, user: Path, tiny: Path) -> None:
    """It shows in the list with the licence class that was given; what it takes from its family is said."""
    put(shipped, "m", defaults={"min_score": 0.5})
    words = ["--name", "mine", "--family", "double", "--license", "MIT", "--license-class", "permissive"]
    told = run("import", str(tiny / "double.onnx"), *words).stdout
    assert "as all models of its family: min_score 0.5" in told
    rows = {row["name"]: row for row in json.loads(run("list", "--format", "json").stdout)}
    assert (rows["mine"]["licence_class"], rows["mine"]["state"], rows["mine"]["own"]) == (
        "permissive",
        "present",
        True,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --as NAME"),
        (["--name", "x", "--family", "double"], "give --as NAME"),
        (["--name", "x", "--family", "double", "--license", ""], "give --as NAME"),
        (["--as", "m", "--name", "x"], "leave out --name"),
    ],
)
def test_import_says_what_it_needs(shipped: Path, tiny: Path, words: list[str], message: str) -> None:
    """Either --as, or name, family and licence."""
    put(shipped, "m")
    with pytest.raises(UsageError, match=message):
        run("import", str(tiny / "double.onnx"), *words)


def test_every_command_explains_itself() -> None:
    """Help for each, without touching any model."""
    assert isinstance(models, click.Group)
    assert sorted(models.commands) == ["card", "import", "list", "pull", "verify"]
    for name in models.commands:
        assert run(name, "--help").exit_code == 0
