"""Numbers for JSON: rounded, and null where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.data.plain import plain, significant


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32(np.nan)])
def test_what_is_no_number_becomes_null(value: float) -> None:
    assert plain(value) is None


def test_numbers_are_rounded_python_floats() -> None:
    found = plain(float(np.float32(0.123456)))
    assert (found, type(found)) == (0.1235, float)
    assert plain(2, 5) == 2.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (0.0123456, "0.0123"),
        (0.00123456, "0.001235"),
        (-3.14159e-7, "-3.142e-07"),
        (0, "0.0"),
    ],
)
def test_small_numbers_keep_four_digits(value: float, text: str) -> None:
    assert str(significant(value)) == text


def test_what_is_no_number_has_no_digits() -> None:
    assert [significant(value) for value in (math.nan, math.inf, -math.inf)] == [None] * 3
