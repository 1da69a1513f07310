"""Motion and Motions: what they refuse, and that nobody can change them."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data.motion import Motion, Motions


def test_rest_is_the_default_and_valid() -> None:
    """A Motion of nothing is the neutral face at its rest place."""
    rest = Motion()
    assert rest.valid
    assert rest.scale == 1
    assert not np.concatenate([rest.rotation, rest.shift, rest.gaze.ravel()]).any()
    assert rest.expression.shape == (0,)


def test_arrays_are_read_only_and_not_the_caller_s() -> None:
    """A node that keeps a Motion can rely on it."""
    turn = np.array([0.1, 0, 0])
    motion = Motion(rotation=turn)
    turn[0] = 9
    assert motion.rotation[0] == np.float32(0.1)
    with pytest.raises(ValueError, match="read-only"):
        motion.rotation[0] = 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rotation": [0, 0]}, "Motion.rotation must be 3"),
        ({"shift": [0, np.nan, 0]}, "Motion.shift must be finite"),
        ({"gaze": np.zeros(4)}, "Motion.gaze must be 2 x 2"),
        ({"scale": 0.0}, "Motion.scale must be above 0"),
        ({"scale": np.nan}, "Motion.scale must be above 0"),
    ],
)
def test_broken_parts_are_refused_by_name(wrong: dict[str, object], said: str) -> None:
    """Every part that cannot be is named."""
    with pytest.raises(ValueError, match=said):
        Motion(**wrong)  # type: ignore[arg-type]


def test_rows_are_picked_in_order() -> None:
    """By numbers and by a mask, and `known` says which were measured."""
    rows = Motions((Motion(scale=1.0), Motion.none(3), Motion(scale=3.0)))
    assert rows.known.tolist() == [True, False, True]
    assert [one.scale for one in rows.pick([2, 0]).rows] == [3.0, 1.0]
    assert len(rows.pick(rows.known)) == 2
    assert rows[1].expression.shape == (3,)
    assert (len(Motions.none(2)), len(Motions.none())) == (2, 0)
