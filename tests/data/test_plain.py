"""Numbers for JSON: rounded, and null where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vidface.data.plain import plain


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32(np.nan)])
def test_what_is_no_number_becomes_null(value: float) -> None:
    assert plain(value) is None


def test_numbers_are_rounded_python_floats() -> None:
    found = plain(float(np.float32(0.123456)))
    assert (found, type(found)) == (0.1235, float)
    assert plain(2, 5) == 2.0
