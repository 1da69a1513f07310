"""The digest of whom a gallery holds: another for anything that changes an answer, the same for any order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.gallery import Reference
from vidface.gallery.state import state_of

ROWS = np.eye(5, 8, dtype=np.float32)
NAMES = ["Ann", "Ann", "Bo", "Cy", "Cy"]


@given(st.permutations(range(5)))
def test_the_order_of_enrolment_does_not_count(order: list[int]) -> None:
    assert state_of("m@1", [NAMES[k] for k in order], ROWS[order]) == state_of("m@1", NAMES, ROWS)


def test_everything_that_changes_an_answer_does() -> None:
    nudged: NDArray[np.float32] = ROWS.copy()
    nudged[3, 7] = np.nextafter(np.float32(0), np.float32(1))
    states = [
        state_of("m@1", NAMES, ROWS),
        state_of("m@2", NAMES, ROWS),
        state_of("m@1", NAMES, nudged),
        state_of("m@1", NAMES[:4], ROWS[:4]),
        state_of("m@1", ["Ann", "Bo", "Ann", "Cy", "Cy"], ROWS),
        state_of("m@1", [*NAMES, "Cy"], np.concatenate([ROWS, ROWS[4:]])),
        state_of("m@1", [], ROWS[:0]),
    ]
    assert len(set(states)) == len(states)


def test_people_without_looks_tell_nothing() -> None:
    """Their names alone could be guessed from the digest."""
    owners = np.array([0, 0, 1, 2, 2], np.int64)
    few = Reference(ROWS, owners, ("Ann", "Bo", "Cy"), "m@1", 0.4)
    more = Reference(ROWS, owners, ("Ann", "Bo", "Cy", "Dee"), "m@1", 0.4)
    assert few.state == more.state == state_of("m@1", NAMES, ROWS)
