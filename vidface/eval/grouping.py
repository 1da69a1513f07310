"""Grouping: are the members of a group one person, and the members of a person one group?"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray


class BCubed(NamedTuple):
    """Precision and recall, 0..1."""

    precision: float
    recall: float

    def f(self, beta: float = 1.0) -> float:
        """Weighted harmonic mean; with `beta` below 1 precision counts more."""
        weight = beta**2
        return (1 + weight) * self.precision * self.recall / (weight * self.precision + self.recall)


def b_cubed(groups: NDArray[Any], people: NDArray[Any]) -> BCubed:
    """B-cubed precision and recall (Amigo et al. 2009): means over the members, each counted with itself.

    Args:
        groups: (n,) labels of the groups that were made.
        people: (n,) labels of the groups that are true.

    Raises:
        ValueError: there are no members, or not as many labels of both kinds.
    """
    if groups.ndim != 1 or groups.shape != people.shape or not len(groups):
        raise ValueError(f"wanted two equal rows of labels, but got shapes {groups.shape} and {people.shape}")
    same, alike = groups[:, None] == groups, people[:, None] == people
    both = (same & alike).sum(1)
    return BCubed(float((both / same.sum(1)).mean()), float((both / alike.sum(1)).mean()))
