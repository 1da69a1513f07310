"""What the reports of `vidface eval` say beside their tables."""

from __future__ import annotations

import math

from vidface.cli._report import failures_note, known_note

TITLES = {"psnr": "PSNR dB", "akd": "AKD px", "sync": "sync r"}


def test_a_mean_of_fewer_than_all_says_so() -> None:
    """PSNR is known of all, AKD of one less by one method, sync of one clip by one method."""
    one = {"a": {"psnr": 1.0, "akd": 2.0, "sync": 0.1}, "b": {"psnr": 1.0, "akd": math.nan}, "clean": {}}
    two = {"a": {"psnr": 1.0, "akd": 2.0}, "b": {"psnr": 1.0, "akd": 3.0}, "clean": {}}
    assert list(known_note([one, two], TITLES, "clips")) == [
        "AKD px: known in 2 (a), 1 (b) of 2 clips",
        "sync r: known in 1 of 2 clips",
    ]
    assert not list(known_note([two, two], TITLES, "clips"))


def test_the_first_failures_are_named() -> None:
    assert not list(failures_note({}))
    lines = list(failures_note({f"{place}.png": "no face found" for place in range(12)}))
    assert lines[0] == "- 0.png: no face found"
    assert lines[10:] == ["- and 2 more, which --json names"]
