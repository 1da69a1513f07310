"""B-cubed figures of groupings whose answer can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.eval.grouping import BCubed, b_cubed


def test_a_perfect_grouping_has_both() -> None:
    """Whatever the labels are called."""
    found = b_cubed(np.array([3, 3, 0, 7]), np.array(["a", "a", "b", "c"]))
    assert found == BCubed(1.0, 1.0)
    assert found.f(0.5) == 1.0


def test_one_mixed_group_costs_precision_and_one_split_person_recall() -> None:
    """a a b | a: precisions 2/3, 2/3, 1/3, 1; recalls 2/3, 2/3, 1, 1/3."""
    found = b_cubed(np.array([0, 0, 0, 1]), np.array(["a", "a", "b", "a"]))
    assert found.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found.recall == pytest.approx((2 / 3 + 2 / 3 + 1 + 1 / 3) / 4)


def test_below_one_beta_leans_to_precision() -> None:
    assert BCubed(1.0, 0.5).f(0.5) > BCubed(1.0, 0.5).f() > BCubed(1.0, 0.5).f(2)
    assert BCubed(1.0, 0.5).f() == pytest.approx(2 / 3)


@pytest.mark.parametrize(("groups", "people"), [((), ()), ((1, 2), (1,)), (((1, 2),), ((1, 2),))])
def test_labels_that_do_not_fit_are_a_sentence(
    groups: tuple[object, ...], people: tuple[object, ...]
) -> None:
    with pytest.raises(ValueError, match="equal rows"):
        b_cubed(np.array(groups), np.array(people))
