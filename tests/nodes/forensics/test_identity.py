"""forensics.identity: made people against made references, and every reason why a test does not apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nodes.forensics.madeperson import EMBEDDER, clip, person, saved, vector
from vidface.data import Embeddings, Faces
from vidface.data.finding import Finding
from vidface.errors import InputError, UsageError
from vidface.gallery import Gallery, Look
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.identity import ForensicsIdentity

KINDS = ["appearance", "inner_outer", "geometry", "motion"]


def found(ports: dict[str, list[Any]], **fields: Any) -> list[Finding]:
    with NodeHarness(ForensicsIdentity(**fields), chunk=16) as harness:
        return [one for each in harness.run(**ports) for one in each]


def last(findings: list[Finding]) -> dict[str, Finding]:
    return {one.kind: one for one in findings}


def test_the_person_scores_low_and_a_stranger_high(tmp_path: Path) -> None:
    """By looks and by movement; a finding of each kind every half second, over the window so far."""
    path = saved(tmp_path, person(4, seconds=8))
    own = found(clip(6), references=path)
    assert [one.kind for one in own[:4]] == KINDS
    assert len(own) == 4 * 12
    ends = [float(one.stretch.end) for one in own[::4]]
    assert ends == pytest.approx([n / 2 for n in range(1, 13)], abs=0.03)
    assert float(own[-1].stretch.end - own[-1].stretch.start) == pytest.approx(5.0)
    mine, other = last(own), last(found(clip(6, who=2), references=path))
    assert mine["appearance"].score < 1.5
    assert other["appearance"].score > mine["appearance"].score + 3
    assert mine["motion"].score < 1
    assert other["motion"].score > mine["motion"].score + 1
    assert abs(mine["geometry"].score) < 4
    assert mine["appearance"].details["references"] == 4


def test_somebody_elses_manner_under_the_right_face_is_told(tmp_path: Path) -> None:
    """A swap: looks pass, movement does not."""
    path = saved(tmp_path, person(4, seconds=8))
    swap = last(found(clip(6, habits=2), references=path))
    assert swap["appearance"].score < 1.5
    assert swap["motion"].score > 1


def test_a_mixed_inside_and_outside_are_read_from_the_picture(tmp_path: Path) -> None:
    """Parts are embedded every so many frames, where a mesh is wired in."""
    path = saved(tmp_path, person(2))
    parts = last(found(clip(2), references=path, every=10))["inner_outer"]
    assert parts.applies
    assert parts.score >= 0
    assert 5 <= parts.details["samples"] <= 6
    ports = clip(1)
    del ports["mesh"], ports["pose"], ports["measures"]
    bare = last(found(ports, references=path))
    assert bare["appearance"].applies
    assert "no mesh in" in bare["inner_outer"].why_not
    assert "No frame shows the face" in bare["geometry"].why_not


def test_without_references_nothing_applies() -> None:
    with NodeHarness(ForensicsIdentity()) as harness:
        findings = [one for each in harness.run(**clip(1)) for one in each]
        assert "No references" in harness.node.facts()["notes"][0]
    assert {one.why_not for one in findings} == {"No references of the person were given."}
    assert {one.kind for one in findings} == set(KINDS)


def test_one_reference_is_said_to_be_one(tmp_path: Path) -> None:
    """A single picture: the spread is the prior's, and there is no manner of moving."""
    path = saved(tmp_path, person(1))
    with NodeHarness(ForensicsIdentity(references=path)) as harness:
        findings = last([one for each in harness.run(**clip(4)) for one in each])
        assert "one reference only" in harness.node.facts()["notes"][0]
    assert findings["appearance"].details["references"] == 1
    assert findings["appearance"].details["own_spread"] == 0
    assert "0 windows of motion" in findings["motion"].why_not


def test_a_claim_about_nobody_in_the_clip_is_said_plainly(tmp_path: Path) -> None:
    """Two faces, neither the person's: high scores on both, and a note at the end."""
    path = saved(tmp_path, person(6))
    ports = clip(2, who=2)
    two = [faces_twice(one) for one in ports["faces"]]
    looks = [Embeddings(np.stack([vector(2, n), vector(3, n)]), np.full(2, 0.9), EMBEDDER) for n in range(51)]
    with NodeHarness(ForensicsIdentity(references=path)) as harness:
        findings = [
            one
            for each in harness.run(frame=ports["frame"], faces=two, embeddings=looks)
            for one in each
            if one.kind == "appearance"
        ]
        notes = harness.node.facts()["notes"]
    assert {one.track for one in findings} == {1, 2}
    assert min(one.score for one in findings) > 3
    assert any("no face in the clip looks like the references" in note for note in notes)


def faces_twice(faces: Faces) -> Faces:
    return replace(faces.pick([0, 0]), tracks=np.array([1, 2]))


def test_short_and_blurred_and_hidden_faces_are_not_judged(tmp_path: Path) -> None:
    path = saved(tmp_path, person(4, seconds=8))
    short = last(found(clip(2), references=path))
    assert short["motion"].why_not == "The track is 2.0 s long here; a manner of moving needs 3 s."
    blurred = last(found(clip(1, sure=0.05), references=path))
    assert "recognisability 0.05" in blurred["appearance"].why_not
    ports = clip(1)
    ports["embeddings"] = [Embeddings.none(256, 1, EMBEDDER)] * len(ports["frame"])
    assert "could be embedded" in last(found(ports, references=path))["appearance"].why_not
    assert found({name: rows[:10] for name, rows in clip(1).items()}, references=path) == []


def test_the_frame_rate_does_not_matter(tmp_path: Path) -> None:
    path = saved(tmp_path, person(4, seconds=8))
    slow, fast = (last(found(clip(6, fps=fps), references=path)) for fps in (15, 30))
    assert slow["motion"].score == pytest.approx(fast["motion"].score, abs=0.4)


def test_a_cut_begins_a_track_anew(tmp_path: Path) -> None:
    path = saved(tmp_path, person(2))
    with NodeHarness(ForensicsIdentity(references=path)) as harness:
        findings = [one for each in harness.run(segments=[30], **clip(2)) for one in each]
    assert min(one.stretch.first for one in findings if one.stretch.last >= 42) == 30


def test_references_of_other_models_and_broken_ones_are_refused(tmp_path: Path) -> None:
    for changed in (
        replace(person(2), embedder="other@1"),
        replace(person(2), mesh_model="other@1"),
    ):
        path = saved(tmp_path, changed, "other.npz")
        with pytest.raises(UsageError, match="other@1"):
            found(clip(1), references=path)
    whole = Path(saved(tmp_path, person(2))).read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        found(clip(1), references=str(tmp_path / "half.npz"))
    ports = clip(1)
    ports["embeddings"] = [Embeddings(e.vectors, e.recognisability, "x@1") for e in ports["embeddings"]]
    with pytest.raises(UsageError, match="same model"):
        found(ports, references=saved(tmp_path, person(2)))


def test_a_gallery_serves_for_appearance(tmp_path: Path) -> None:
    """And says of the other tests that a gallery does not hold what they need."""
    folder = tmp_path / "gallery"
    with Gallery.create(folder, fingerprint=EMBEDDER, dimension=256) as book:
        book.add("Ann", [Look(vector(1, n), 0.9, source=f"{n}.jpg") for n in range(4)])
        book.add("Bob", [Look(vector(2, 0), 0.9)])
    own, other = (
        last(found(clip(2, who=who), gallery=str(folder), person="Ann"))["appearance"] for who in (1, 2)
    )
    assert own.score < 1.5
    assert other.score > 3  # from there on it counts as somebody else
    assert own.details["references"] == 4
    with Gallery.open(folder) as book:
        (*_, entry) = (row for row in book.audit(10) if row.action == "review")
    assert (entry.people, entry.detail) == (("Ann",), {"clip": "harness", "looks": 4})
    rest = last(found(clip(4), gallery=str(folder), person="Ann"))
    assert all(not rest[kind].applies for kind in KINDS[1:])
    with pytest.raises(UsageError, match="Cid"):
        found(clip(1), gallery=str(folder), person="Cid")


@pytest.mark.parametrize("wrong", [{"gallery": "x"}, {"person": "x"}, {"references": "x", "gallery": "y"}])
def test_references_come_from_one_place(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="gallery and person"):
        ForensicsIdentity(**wrong)
