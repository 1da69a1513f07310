"""Fixtures that many tests share."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, which says nothing of the code: how long an example takes is never what fails.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# On CI the same examples each time: a new one is for the desk, where somebody can look at it.
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """What was promised must not be skipped."""
    if os.environ.get("VIDFACE_REQUIRE_CUDA") == "1" and find_spec("torch") is None:
        raise pytest.UsageError("VIDFACE_REQUIRE_CUDA=1 promises a card, but torch is not installed")


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def samples(repo: Path) -> Path:
    """The clips that the project makes itself."""
    return repo / "samples"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Clips and pictures that are not part of the project; tests that want them skip without them."""
    folder = Path(os.environ.get("VIDFACE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder with extra clips: set VIDFACE_DATA to run this test")
    return folder
