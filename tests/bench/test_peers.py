"""The peers' common parts: numbers that follow faces, and ratios taken within one turn."""

from __future__ import annotations

from typing import Any

from tests.bench.peers._common import Numbers
from tests.bench.peers._list import DECODE, OURS
from tests.bench.peers._report import picture, report


def test_numbers_stay_with_their_faces() -> None:
    """Also when the order changes; a face that is away for long comes back under a new one."""
    left, right = (0, 0, 10, 10), (50, 0, 60, 10)
    numbers = Numbers()
    assert numbers.of(1, [left, right]) == [1, 2]
    assert numbers.of(2, [(51, 1, 61, 11), (1, 1, 11, 11)]) == [2, 1]
    assert numbers.of(10, [left]) == [1]
    assert numbers.of(30, [left, right]) == [3, 4]


def cost(wall: float, faces: int = 5, note: str = "") -> dict[str, Any]:
    same = {"frames": 10, "points": 478, "peak_mb": 99.6, "versions": {"p": "1"}}
    return {**same, "wall_s": wall, "cpu_s": 2 * wall, "faces": faces, "note": note}


def test_ratios_are_those_of_one_turn_and_who_is_absent_is_named() -> None:
    costs = {
        DECODE: [cost(0.5, 0), cost(2.0, 0)],
        OURS: [cost(1.0), cost(4.0)],
        "mediapipe face mesh": [cost(3.0, 3), cost(12.0, 3)],
    }
    facts = {
        "clip": "c.mp4",
        "frames": 10,
        "turns": 2,
        "machine": {"cores": 2, "processor": "P"},
        "packages": {},
        "load_average": 0.5,
        "date": "2026-01-01",
    }
    text = report(costs, {"dlib hog": "it was not installed within 10 minutes"}, facts)
    assert "against MediaPipe's face mesh | 3.00 (3.00-3.00) | 3.00 (3.00-3.00) | >= 3 |" in text
    assert "against decoding alone | 0.50 (0.50-0.50) |" in text
    assert "| dlib hog | not measured: it was not installed within 10 minutes |" in text
    assert "insightface" in text
    assert OURS in picture(costs)
