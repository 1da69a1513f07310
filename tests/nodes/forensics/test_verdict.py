"""forensics.verdict on made findings: opinions, reasons, what is left out, and what is refused."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.nodes.forensics.madefindings import (
    RATE,
    Nothing,
    found,
    like,
    own_fusion,
    steadily,
    verdicts,
)
from vidface.data import Faces, Frame
from vidface.data.finding import Finding, Findings, Stretch
from vidface.errors import ModelError
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.verdict import ForensicsVerdict


@pytest.fixture(autouse=True)
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fusion named `made-verdict` in the user's model folder."""
    return own_fusion(tmp_path, monkeypatch)


def test_tests_that_agree_make_an_opinion_with_reasons() -> None:
    geometry = steadily(
        "geometry", 3.1, details={"references": 14.0, "sigmas_nose_to_chin": -3.4, "sigmas_eyes": 1.0}
    )
    row = verdicts(*steadily("blend", 2.0), *geometry, *like())[0]
    assert row.opinion == "manipulated"
    assert row.probability == pytest.approx(1 / (1 + np.exp(-5.1)))
    assert 0.5 <= row.low <= row.probability <= row.high
    assert row.used == ("blend", "geometry")
    assert row.reasons[0].startswith(
        "For a manipulation: the shape of the face differs from the 14 references by 3.1 standard deviations "
        "more than is usual for one person (nose to chin most: 3.4)"
    )
    assert "blending gives log odds of 2.0" in row.reasons[1]
    assert (
        "(track 1, mean of 12 windows); nine in ten real clips lie between -1.00 and 1.00." in row.reasons[1]
    )


def test_evidence_against_makes_authentic() -> None:
    row = verdicts(*steadily("blend", -2.0), *steadily("geometry", -1.0), *like())[0]
    assert row.opinion == "authentic"
    assert all(reason.startswith("Against a manipulation") for reason in row.reasons)
    assert "by 1.0 standard deviations less than is usual" in row.reasons[1]


def test_a_high_score_of_pulse_speaks_against() -> None:
    row = verdicts(*steadily("pulse", 0.8), *steadily("blend", 0.0))[0]
    assert row.probability == pytest.approx(1 / (1 + np.exp(1.5)))
    assert row.reasons[0].startswith("Against a manipulation: a pulse in the skin")


def test_what_does_not_apply_counts_for_nothing_and_says_why() -> None:
    short = Finding("pulse", 1, Stretch(0, 5, Fraction(0), Fraction(1, 5)), why_not="The track is too short.")
    with_it = verdicts(*steadily("blend", 2.0), *steadily("geometry", 2.0), *like(), short)[0]
    without = verdicts(*steadily("blend", 2.0), *steadily("geometry", 2.0), *like())[0]
    assert with_it.probability == without.probability
    assert "pulse: The track is too short." in with_it.left_out
    assert "pulse: The test was not made in this run." in without.left_out


def test_without_references_it_says_so() -> None:
    row = verdicts(*steadily("blend", 2.0), *steadily("texture_noise", 2.0))[0]
    assert "geometry: No references of a claimed person were given." in row.left_out
    assert row.opinion == "manipulated"


def test_one_test_alone_is_inconclusive() -> None:
    row = verdicts(*steadily("blend", 4.0))[0]
    assert row.opinion == "inconclusive"
    assert row.reasons[0] == "Inconclusive: 1 test applied, and 2 are wanted."
    assert row.probability > 0.9


def test_few_windows_are_inconclusive() -> None:
    row = verdicts(found("blend", 0.5, 4.0), found("geometry", 0.5, 4.0), *like())[0]
    assert row.opinion == "inconclusive"
    assert row.reasons[0].startswith("Inconclusive: the tests cover 1 window of half a second")


def test_no_test_is_inconclusive_without_a_probability() -> None:
    row = verdicts(ports=["blend"])[0]
    assert np.isnan(row.probability)
    assert row.reasons == ("Inconclusive: no test applies.",)


def test_windows_that_contradict_each_other_are_inconclusive() -> None:
    mixed = [
        found(kind, at / 2, 4.0 if at < 9 else -3.9) for kind in ("blend", "geometry") for at in range(1, 13)
    ]
    row = verdicts(*mixed, *like())[0]
    assert row.probability > 0.8
    assert row.low < 0.5
    assert row.opinion == "inconclusive"
    assert "its interval begins at" in row.reasons[0]


def test_in_between_is_inconclusive() -> None:
    row = verdicts(*steadily("blend", 0.5), *steadily("geometry", 0.0), *like())[0]
    assert row.opinion == "inconclusive"
    assert "lies between 0.20" in row.reasons[0]


def test_moments_show_where() -> None:
    """Only the second half is manipulated: the curve says so."""
    half = [found("blend", at / 2, 3.0 if at > 6 else -3.0) for at in range(1, 13)]
    row = verdicts(*half, *steadily("geometry", 0.0), *like())[0]
    assert row.moments[0].probability < 0.1
    assert row.moments[-1].probability > 0.9
    assert float(row.moments[-1].end) == 6.0
    assert any("alone the probability reaches 0.95" in reason for reason in row.reasons)


def test_each_track_has_its_own_verdict() -> None:
    """Two faces, one of them manipulated."""
    pairs = [
        *steadily("blend", 3.0, track=2),
        *steadily("texture_noise", 2.0, track=2),
        *steadily("blend", -3.0),
        *steadily("texture_noise", -2.0),
    ]
    first, second = verdicts(*pairs, tracks=(1, 2))
    assert (first.opinion, second.opinion) == ("authentic", "manipulated")
    assert "track 2" in second.reasons[0]


def test_a_face_without_a_track_has_none() -> None:
    row = verdicts(*steadily("blend", 3.0), tracks=(-1,))[0]
    assert row.opinion == "inconclusive"


def test_declared_restoration_leaves_out_what_it_triggers() -> None:
    findings = [*steadily("blend", 4.0), *steadily("texture_noise", 4.0)]
    findings += [*steadily("geometry", 0.0), *like()]
    assert verdicts(*findings)[0].opinion == "manipulated"
    row = verdicts(*findings, declared=("restored",))[0]
    assert row.opinion == "inconclusive"
    assert row.used == ("geometry",)
    assert any("such processing can trigger tests by itself" in reason for reason in row.reasons)
    assert any(line.startswith("blend: What the file says was done to it") for line in row.left_out)


def test_a_file_cannot_clear_itself() -> None:
    """What it says keeps tests out that spoke against a manipulation, too: no opinion, and the reason why."""
    findings = [*steadily("blend", -1.0), *steadily("pulse", 1.0), *steadily("geometry", -2.0), *like()]
    assert verdicts(*findings)[0].opinion == "authentic"
    row = verdicts(*findings, declared=("stabilised",))[0]
    assert row.opinion == "inconclusive"
    assert row.reasons[0].startswith("Inconclusive: 0.0")
    assert "the file's own word keeps tests out of it (traces of blending)" in row.reasons[0]
    assert not any("would be" in reason for reason in row.reasons)
    assert row.used == ("geometry", "pulse")


def test_a_file_that_keeps_a_manipulation_out_is_told() -> None:
    """All tests together call it manipulated: with the file's word it is not authentic, and it is told."""
    findings = [*steadily("blend", 4.0), *steadily("texture_noise", 4.0)]
    findings += [*steadily("geometry", -2.0), *steadily("pulse", 0.7), *like()]
    full = verdicts(*findings)[0]
    assert full.opinion == "manipulated"
    row = verdicts(*findings, declared=("anonymised",))[0]
    assert row.opinion == "inconclusive"
    assert row.probability < 0.2
    assert f"the probability would be {full.probability:.2f}, from {full.low:.2f} to" in row.reasons[1]


def test_a_file_whose_word_keeps_nothing_out_may_be_authentic() -> None:
    """None of the doubtful tests found anything, or would be weighed."""
    findings = [*steadily("pulse", 1.0), *steadily("geometry", -2.0), *like()]
    without = verdicts(*findings)[0]
    assert without.opinion == "authentic"
    row = verdicts(*findings, *steadily("drift", 2.0), declared=("anonymised",))[0]
    assert (row.opinion, row.probability) == ("authentic", without.probability)
    assert not any("own word" in reason for reason in row.reasons)


def test_a_file_that_says_it_was_generated_is_quoted() -> None:
    row = verdicts(*steadily("blend", 1.0), *steadily("geometry", 1.0), declared=("generated",))[0]
    assert any(reason.startswith("The file itself says") for reason in row.reasons)


def test_a_test_without_a_weight_is_shown_but_not_weighed() -> None:
    row = verdicts(*steadily("blend", 2.0), *steadily("geometry", 2.0), *like(), *steadily("lipsync", -3.0))[
        0
    ]
    assert "lipsync" not in row.used
    assert any(line.startswith("lipsync: shown, but not weighed") for line in row.left_out)


def test_results_do_not_depend_on_the_chunk() -> None:
    rows = []
    for chunk in (1, 7):
        frames = [Frame(i, i, Fraction(1, RATE), Nothing()) for i in range(60)]
        faces = [Faces.of([(10, 10, 60, 90)], tracks=np.array([1], np.int64))] * 60
        blend = [Findings((found("blend", i / RATE, i / 30),) if i % 12 == 11 else ()) for i in range(60)]
        with NodeHarness(ForensicsVerdict(model="made-verdict"), chunk=chunk) as harness:
            rows.append(
                [one.rows[0].full_row() for one in harness.run(frame=frames, faces=faces, blend=blend)]
            )
    assert rows[0] == rows[1]


def test_missing_altered_and_broken_weights_are_model_errors(own_model: Path) -> None:
    node = ForensicsVerdict(model="nobody")
    with pytest.raises(ModelError, match="no model named"), NodeHarness(node) as harness:
        harness.run(frame=[], faces=[])
    file = own_model / "fusion.json"
    text = file.read_text()
    file.write_text(text + " ")
    with pytest.raises(ModelError, match="is not the made-verdict"):
        verdicts(*steadily("blend", 1.0))
    for broken in ("{", json.dumps({"kinds": {}})):
        _put(own_model, broken)
        with pytest.raises(ModelError, match="holds no fusion of tests"):
            verdicts(*steadily("blend", 1.0))
    file.unlink()
    with pytest.raises(ModelError, match="not on this machine"):
        verdicts(*steadily("blend", 1.0))


def test_another_kind_of_model_is_refused() -> None:
    node = ForensicsVerdict(model="vidface-meshmodel")
    with pytest.raises(ModelError, match="must be a fusion of tests"), NodeHarness(node) as harness:
        harness.run(frame=[], faces=[])


def test_the_shipped_fusion_can_be_read() -> None:
    with NodeHarness(ForensicsVerdict()) as harness:
        harness.run(frame=[], faces=[])
        assert 0 < harness.node.facts()["authentic_at"] < harness.node.facts()["manipulated_at"] < 1


def _put(folder: Path, text: str) -> None:
    """Another content with a manifest that fits it."""
    (folder / "fusion.json").write_text(text)
    lines = (folder / "manifest.yaml").read_text().splitlines()
    digest = hashlib.sha256(text.encode()).hexdigest()
    kept = [f"  size: {len(text)}" if line.startswith("  size:") else line for line in lines]
    kept = [f"  sha256: {digest}" if line.startswith("  sha256:") else line for line in kept]
    (folder / "manifest.yaml").write_text("\n".join(kept) + "\n")
