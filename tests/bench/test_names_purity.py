"""How right groups of tracks are, where the truth of a track is not clear."""

from __future__ import annotations

from tests.bench.names import purity


def test_tracks_without_a_clear_truth_are_nobody_else() -> None:
    """Two in one group are not right together, and two groups have not torn one person apart."""
    groups = [
        {"group": 1, "tracks": [{"track": 1}, {"track": 2}]},
        {"group": 2, "tracks": [{"track": 3}, {"track": 4}]},
    ]
    right, count = purity(groups, {1: "anna", 2: "anna", 3: "", 4: ""})
    assert count == 4
    assert right == (0.75, 1.0)
    right, _ = purity(groups, {1: "anna", 2: "", 3: "bert"})
    assert right == (0.5, 1.0)
