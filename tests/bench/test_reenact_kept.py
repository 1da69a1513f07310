"""Figures of reenactment that are kept are those of the same protocol, judges and weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bench import reenact
from vidface.cli._reenactscore import TRUTH


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Methods of each report that was made; their figure counts the reports."""
    made: list[tuple[str, ...]] = []

    def report(clips: list[str], options: Any) -> dict[str, Any]:
        made.append(options.methods)
        results = {name: {"l1": float(len(made))} for name in (*options.methods, TRUTH)}
        return {"pairs": [{"pair": clips[0], "results": results}], "judges": {}}

    monkeypatch.setattr(reenact, "reenact_report", report)
    monkeypatch.setattr(reenact, "judge_stamps", lambda options: {"csim": f"{options.embedder}@1"})
    monkeypatch.setattr(reenact, "method_stamp", lambda name: "" if name == "warp" else "network@1")
    return made


def test_figures_are_kept_for_the_same_protocol_judges_and_weights_alone(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other frames, steps or judges: all anew; other weights: that method; back again: nothing."""
    keep, both = tmp_path / "kept.json", ("warp", "network")
    options: dict[str, Any] = {"frames": 48, "every": 2, "independent": None, "methods": both}

    def go(**other: Any) -> reenact.Report:
        return reenact.scored([("a.mp4", None)], options | other, keep)

    go()
    go()
    assert asked == [both]
    go(frames=24)
    go(every=1)
    assert asked == [both] * 3
    assert go().rows[0]["results"]["warp"]["l1"] == 1
    monkeypatch.setattr(reenact, "method_stamp", lambda name: "" if name == "warp" else "network@2")
    results = go().rows[0]["results"]
    assert asked[3:] == [("network",)]
    assert (results["warp"]["l1"], results["network"]["l1"]) == (1, 4)
    monkeypatch.setattr(reenact, "judge_stamps", lambda options: {"csim": "other@1"})
    assert go().judges == {"csim": "other@1"}
    assert asked[4:] == [both]
