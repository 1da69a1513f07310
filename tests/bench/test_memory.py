"""The memory benchmark's growth: a level run has none, a leak is told a frame, the start does not count."""

from __future__ import annotations

import math

import pytest

from tests.bench.memory import LEVEL, SAMPLED, growth_kb

START = [100.0 + 5 * n for n in range(LEVEL // SAMPLED - 1)]
"""What fills caches and queues, before the run is level."""


def test_a_level_run_does_not_grow() -> None:
    assert growth_kb([*START, *[400.0] * 40]) == pytest.approx(0, abs=1e-9)


def test_a_leak_is_told_in_kib_a_frame() -> None:
    leak = [400 + 2 * n * SAMPLED / 1024 for n in range(40)]
    assert growth_kb([*START, *leak]) == pytest.approx(2)


def test_a_run_too_short_to_be_level_tells_nothing() -> None:
    assert math.isnan(growth_kb(START))
