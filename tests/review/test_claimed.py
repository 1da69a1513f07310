"""What a report says of the claim, apart from manipulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vidface.data import Device
from vidface.nodes.forensics.verdict import ForensicsVerdict
from vidface.review.claimed import absent, listed
from vidface.review.facts import conclusion
from vidface.review.write import write_report

CLAIM = {"person": "Ann Lee"}


def faces(*said: tuple[str, str | None]) -> list[dict[str, Any]]:
    """(opinion, claim) of each face."""
    return [
        {"track": number, "verdict": {"opinion": opinion, "claim": claim}}
        for number, (opinion, claim) in enumerate(said, 1)
    ]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            [("inconclusive", "mismatch"), ("inconclusive", "mismatch")],
            "2 faces were followed. Nobody in the clip resembles Ann Lee: either another person, or a "
            "manipulation strong enough to hide the person; references cannot tell which, and are not "
            "weighed. The evidence does not decide: inconclusive.",
        ),
        (
            [("manipulated", "match"), ("inconclusive", "other")],
            "2 faces were followed. Face 1 resembles Ann Lee; the tests against the references are weighed "
            "for it alone. Verdict: face 1 is manipulated; face 2 is inconclusive.",
        ),
        (
            [("authentic", "match")],
            "One face was followed. It resembles Ann Lee, and so the tests against the references are "
            "weighed. Verdict: the face is authentic.",
        ),
        (
            [("inconclusive", "unclear"), ("inconclusive", "mismatch")],
            "2 faces were followed. Nobody in the clip clearly resembles Ann Lee (face 1: not clear): either "
            "another person, or a manipulation strong enough to hide the person; references cannot tell "
            "which, and are not weighed. The evidence does not decide: inconclusive.",
        ),
        (
            [("inconclusive", "other")],
            "One face was followed. The face that was named as the claimed person's is not in the clip, so "
            "no face is held against it. The evidence does not decide: inconclusive.",
        ),
    ],
)
def test_the_conclusion_tells_a_claim_that_fails_from_a_manipulation(
    said: list[tuple[str, str | None]], text: str
) -> None:
    assert conclusion(faces(*said), CLAIM) == text


@pytest.mark.parametrize(
    ("said", "missing", "text"),
    [
        ([], [9], "so there is nothing to judge. The claimed face 9 is not in this clip."),
        (
            [("authentic", "match")],
            [7, 9],
            "weighed. The claimed faces 7, 9 are not in this clip. Verdict: ",
        ),
        (
            [("inconclusive", "other")],
            [9],
            "the references. The claimed face 9 is not in this clip.",
        ),
        (
            [("authentic", None)],
            [9],
            "was followed. The claimed face 9 is not in this clip. Verdict",
        ),
    ],
)
def test_a_claimed_face_that_is_not_there_is_told(
    said: list[tuple[str, str | None]], missing: list[int], text: str
) -> None:
    """Whatever the others are: by its number, as --face named it."""
    assert text in conclusion(faces(*said), CLAIM, missing)


def test_the_node_s_own_words_are_known_again() -> None:
    """A node that saw nobody, and was told to look at two faces."""
    node = ForensicsVerdict(faces=(7, 9))
    node.open(Device("cpu"))
    told = {"node_facts": {"verdict": node.facts()}}
    assert absent(told) == (7, 9)
    assert absent({}) == ()


def test_without_a_claim_none_is_told_of() -> None:
    text = conclusion(faces(("manipulated", None), ("authentic", None)))
    assert text == "2 faces were followed. Verdict: face 1 is manipulated; face 2 is authentic."


def test_many_faces_are_not_all_listed() -> None:
    assert listed(range(1, 12)) == "Faces 1, 2, 3, 4, 5, 6, 7, 8 and others"


def test_the_report_tells_each_face_s_claim(folder: Path) -> None:
    """In the table, at the face, in the caveats with the way to name another face, and in report.json."""
    rows = [json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines()]
    for row, claim in zip(rows, ("match", "other"), strict=False):
        row["verdict"]["claim"] = claim
    (folder / "tracks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = json.loads((folder / "run.json").read_text())
    lost = "forensics.verdict: face 7, named as the claimed person's, is not in the clip."
    run["node_facts"] |= {"identity": {"references": 3}, "verdict": {"notes": [lost]}}
    (folder / "run.json").write_text(json.dumps(run))
    page, facts = write_report(folder)
    text, found = page.read_text(), json.loads(facts.read_text())
    assert {one["track"]: one["verdict"]["claim"] for one in found["tracks"]} == {1: "match", 2: "other"}
    assert "Face 1 resembles the person of the references" in found["conclusion"]
    assert any("vidface review --face N" in line for line in found["caveats"])
    assert "Face 7, named as the claimed person's, is not in the clip." in found["caveats"]
    assert "The claimed face 7 is not in this clip." in found["conclusion"]
    assert "another face stands for the claim" in text
    assert ", other</td>" in text
