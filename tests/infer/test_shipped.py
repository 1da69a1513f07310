"""Graphs and models are found beside the package in a checkout, and inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from vidface.infer import shipped as place
from vidface.infer.shipped import shipped


def test_a_checkout_has_them_beside_the_package(repo: Path) -> None:
    assert shipped("graphs") == repo / "graphs"
    assert shipped("models") == repo / "models"


def test_a_wheel_has_them_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "vidface"
    (package / "_shipped" / "graphs").mkdir(parents=True)
    monkeypatch.setattr(place, "__file__", str(package / "infer" / "shipped.py"))
    assert shipped("graphs") == package / "_shipped" / "graphs"
