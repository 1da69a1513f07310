"""Whom a claim is about: bystanders and strangers are not manipulated for not being the claimed person."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.forensics.madefindings import RATE, Nothing, found, like, own_fusion, steadily, verdicts
from vidface.data import Faces, Frame
from vidface.data.finding import Finding, Findings
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.verdict import ForensicsVerdict

PERSON = -1.0
LIKE_ALL = {"inner_sigmas": -2.5, "outer_sigmas": 0.5}
"""Sigmas of the parts of a stranger's face: outsides are alike, insides are not."""
SWAPPED = {"inner_sigmas": -2.8, "outer_sigmas": 2.1}
"""Another face on the body of the references' own recording."""


@pytest.fixture(autouse=True)
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_fusion(tmp_path, monkeypatch)


def differs(track: int = 1, shape: float = 4.0, seam: float = 0.0) -> list[Finding]:
    """The tests against references speak for a manipulation, the seam as told."""
    return [*steadily("geometry", shape, track=track), *steadily("blend", seam, track=track)]


def test_the_claimed_face_is_weighed_and_a_bystander_is_not() -> None:
    findings = [*like(PERSON), *differs(1), *like(4.0, track=2), *differs(2)]
    person, bystander = verdicts(*findings, tracks=(1, 2))
    assert (person.claim, person.opinion) == ("match", "manipulated")
    assert (bystander.claim, bystander.opinion) == ("other", "inconclusive")
    assert bystander.used == ("blend",)
    assert bystander.probability == pytest.approx(0.5)
    assert bystander.reasons[0].startswith(
        "This is not the face that resembles the references most: face 1, seen with it, is; the tests "
        "against the references are shown, but not weighed"
    )
    assert "geometry: shown, but not weighed: another face stands for the claim." in bystander.left_out
    assert max(one.probability for one in bystander.moments) == pytest.approx(0.5)


def test_a_bystander_whose_own_evidence_speaks_is_manipulated() -> None:
    """Two faces of which one is fake, and it is not the claimed one."""
    seams = [*steadily("blend", 3.0, track=2), *steadily("texture_noise", 3.0, track=2)]
    honest = [*like(PERSON), *differs(1, shape=-2.0, seam=-2.0)]
    person, bystander = verdicts(*honest, *like(4.0, track=2), *seams, tracks=(1, 2))
    assert (person.claim, person.opinion) == ("match", "authentic")
    assert (bystander.claim, bystander.opinion) == ("other", "manipulated")


def test_of_two_alike_only_the_nearer_is_the_claimed_one() -> None:
    findings = [*like(1.5), *differs(1), *like(0.5, track=2), *differs(2)]
    further, nearer = verdicts(*findings, tracks=(1, 2))
    assert (further.claim, nearer.claim) == ("other", "match")
    assert "face 2, seen with it" in further.reasons[0]


def test_a_claim_about_nobody_in_the_clip_does_not_hold_and_is_no_manipulation() -> None:
    for tracks in ((1,), (1, 2)):
        findings = [one for t in tracks for one in (*like(4.2, track=t), *differs(t))]
        for row in verdicts(*findings, tracks=tracks):
            assert (row.claim, row.opinion, row.used) == ("mismatch", "inconclusive", ("blend",))
            assert row.reasons[0].startswith(
                "Nobody seen here clearly resembles the references: the face is 4.2 "
            )
            assert "either another person, or a manipulation strong enough to hide" in row.reasons[0]


def test_nobody_like_the_references_with_a_plain_seam_is_manipulated() -> None:
    findings = [*like(4.2), *differs(seam=3.0), *steadily("texture_noise", 3.0)]
    row = verdicts(*findings)[0]
    assert (row.claim, row.opinion) == ("mismatch", "manipulated")
    assert row.reasons[0].startswith("Nobody seen here")


def test_one_face_that_is_the_person_is_weighed() -> None:
    assert verdicts(*like(PERSON), *differs())[0].opinion == "manipulated"
    assert verdicts(*like(PERSON), *differs(shape=-2.0, seam=-1.0))[0].opinion == "authentic"


@pytest.mark.parametrize(
    ("whole", "details", "claim"),
    [
        (2.8, SWAPPED, "match"),  # the occasion of the references, another face put in
        (2.8, {"inner_sigmas": -0.5, "outer_sigmas": -1.0}, "match"),  # the person's face on another head
        (2.8, LIKE_ALL, "unclear"),
        (4.0, LIKE_ALL, "mismatch"),
        (2.0, LIKE_ALL, "match"),
    ],
)
def test_a_swap_is_told_from_a_stranger_by_its_parts(
    whole: float, details: dict[str, float], claim: str
) -> None:
    row = verdicts(*like(whole), *steadily("inner_outer", 3.5, details=details), *differs())[0]
    assert row.claim == claim
    assert row.opinion == ("manipulated" if claim == "match" else "inconclusive")


def test_what_could_not_be_measured_is_not_clear() -> None:
    row = verdicts(*differs())[0]
    assert (row.claim, row.opinion) == ("unclear", "inconclusive")
    assert row.reasons[0].startswith("How much this face resembles the references could not be measured")


def test_without_references_there_is_no_claim() -> None:
    assert verdicts(*steadily("blend", 2.0))[0].claim == ""


def test_a_reviewer_may_name_the_face() -> None:
    findings = [*like(1.5), *differs(1), *like(0.5, track=2), *differs(2)]
    named, other = verdicts(*findings, tracks=(1, 2), faces=(1,))
    assert (named.claim, other.claim) == ("match", "other")
    assert "that a reviewer named as the claimed person's (face 1)" in other.reasons[0]


def test_a_named_face_that_is_nobody_like_the_references_is_a_mismatch() -> None:
    row = verdicts(*like(4.0), *differs(), faces=(1,))[0]
    assert (row.claim, row.opinion) == ("mismatch", "inconclusive")
    assert row.reasons[0].startswith("This face, which a reviewer named, does not resemble the references")


def test_the_same_person_after_a_cut_is_weighed_again() -> None:
    """Tracks 1 and 3 are the person, one after the other; track 2 is there all the time."""
    spans = {1: (0.0, 3.0), 3: (3.2, 6.0)}
    early = [one for one in (*like(0.5), *differs(1)) if one.stretch.last <= 75]
    late = [one for one in (*like(0.8, track=3), *differs(3)) if one.stretch.first >= 80]
    throughout = [*like(1.9, track=2), *differs(2)]
    rows = verdicts(*early, *late, *throughout, tracks=(1, 2, 3), present=spans)
    assert [one.claim for one in rows] == ["match", "other", "match"]


def test_the_choice_may_change_while_a_clip_runs() -> None:
    """At first face 2 is nearer; over all it is face 1, and that is what counts in the end."""
    turns = [found("appearance", at / 2, 1.9 if at < 4 else -1.0) for at in range(1, 13)]
    findings = [*turns, *differs(1), *like(1.0, track=2), *differs(2)]
    early = [one for one in findings if one.stretch.last <= 38]
    assert [one.claim for one in verdicts(*early, tracks=(1, 2), seconds=1.5)] == ["other", "match"]
    assert [one.claim for one in verdicts(*findings, tracks=(1, 2))] == ["match", "other"]


def test_facts_count_claims_and_tell_of_a_face_that_is_not_there() -> None:
    frames = [Frame(0, 0, Fraction(1, RATE), Nothing())]
    faces = [Faces.of([(10, 10, 60, 90)], tracks=np.array([1], np.int64))]
    identity = [Findings((found("appearance", 0.5, 4.0),))]
    with NodeHarness(ForensicsVerdict(model="made-verdict", faces=(7,))) as harness:
        harness.run(frame=frames, faces=faces, identity=identity)
        facts = harness.node.facts()
    assert facts["claims"] == {"match": 0, "mismatch": 0, "unclear": 0, "other": 1}
    assert facts["notes"] == ["forensics.verdict: face 7, named as the claimed person's, is not in the clip."]
