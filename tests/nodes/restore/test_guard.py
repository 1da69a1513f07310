"""The identity guard: lets pass what keeps the person, fades what does not, without jumps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.nodes.restore import _parts
from vidface.nodes.restore._guard import Guard, Rules
from vidface.nodes.restore._parts import Held, told_of

RULES = Rules(margin=0.1, known=0.1, span=0.2, ease_s=0.4)


def at(degrees: float) -> NDArray[np.float32]:
    """A unit vector in the plane."""
    angle = math.radians(degrees)
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def shares(guard: Guard, was: float, now: float, seconds: float) -> list[float]:
    """25 frames a second, judged at each."""
    out = []
    for frame in range(round(25 * seconds)):
        guard.judge(at(was), at(now), 0.8, frame)
        out.append(guard.step(frame / 25).share)
    return out


def test_the_same_person_passes() -> None:
    assert min(shares(Guard(RULES, at(0)), 10, 5, 2)) == 1


def test_another_person_fades_out_and_comes_back_smoothly() -> None:
    guard = Guard(RULES, at(0))
    fading = shares(guard, 0, 90, 3)
    assert fading[-1] < 0.01
    assert max(np.abs(np.diff(fading))) < 0.12
    later = [guard.step(3 + frame / 25).share for frame in range(5)]
    assert later[-1] <= fading[-1]
    guard.judge(at(0), at(0), 0.8, 99)
    assert guard.step(6).share > 0.9


def test_between_margin_and_span_part_of_it_shows() -> None:
    drop = 0.2
    degrees = math.degrees(math.acos(1 - drop))
    assert shares(Guard(RULES, at(0)), 0, degrees, 5)[-1] == pytest.approx(0.5, abs=0.01)


def test_the_track_s_own_looks_say_who_it_is() -> None:
    """Nothing is held back before three of them; a restored face that leaves them is."""
    guard = Guard(RULES, None)
    first = shares(guard, 20, 110, 0.12)
    assert min(first) == 1
    best = guard.best
    assert best is not None
    assert float(best @ at(20)) > 0.99
    assert shares(guard, 20, 110, 3)[-1] < 0.05


def test_looks_that_are_not_recognisable_say_nothing() -> None:
    guard = Guard(RULES, None)
    for frame in range(10):
        guard.judge(at(0), at(90), 0.0, frame)
    assert guard.best is None
    assert guard.step(1).share == 1


def test_an_embedder_that_tells_no_recognisability_is_believed_all_the_same() -> None:
    guard = Guard(RULES, None)
    for frame in range(60):
        guard.judge(at(20), at(110), math.nan, frame)
        verdict = guard.step(frame / 25)
    assert verdict.share < 0.05
    assert verdict.before > 0.99
    assert verdict.after < 0.1


def test_a_known_person_is_held_to_more_strictly_than_the_track_s_own_looks() -> None:
    rules = Rules(margin=0.3, known=0.0, span=0.1)
    free, strict = Guard(rules), Guard(rules, at(0))
    degrees = math.degrees(math.acos(0.8))
    assert shares(free, 0, degrees, 2)[-1] == 1
    assert shares(strict, 0, degrees, 3)[-1] < 0.02
    strict.know(None)
    assert shares(strict, 0, degrees, 3)[-1] == pytest.approx(1, abs=0.02)


def test_a_new_track_is_looked_at_at_once_but_not_for_ever() -> None:
    """Looks that say nothing are not asked for again and again; who is known from elsewhere needs none."""
    guard = Guard(RULES)
    asked = 0
    while guard.young:
        guard.judge(at(0), at(5), 0.0, asked)
        asked += 1
    assert asked == 4
    assert not Guard(RULES, at(0)).young


def test_a_long_film_s_note_names_the_tracks_held_longest_and_sums_up_the_rest() -> None:
    assert told_of({2: 5, 1: 5, 3: 9}) == "track 3 on 9 frames, track 1 on 5 frames, track 2 on 5 frames"
    long = told_of({track: track for track in range(1, 51)})
    assert long.startswith("track 50 on 50 frames, track 49 on 49 frames")
    assert long.endswith(f"track 45 on 45 frames, 44 more tracks on {sum(range(1, 45))} frames")


def test_before_a_camera_only_so_many_tracks_are_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those held back least go into a sum, and every frame is told."""
    monkeypatch.setattr(_parts, "_MOST_HELD", 10)
    held = Held()
    for track in range(1, 101):
        for _ in range(3 if track % 20 == 0 else 1):
            held.add(track)
    assert len(held._frames) == 10
    assert held.told().startswith("track 20 on 3 frames, track 40 on 3 frames, track 60 on 3 frames")
    assert held.told().endswith("94 more tracks on 94 frames")


def test_faces_without_a_track_are_no_track_that_was_held_back() -> None:
    held = Held()
    held.add(-1)
    assert not held
    held.add(3)
    assert held.told() == "track 3 on 1 frames"


def test_the_first_say_counts_at_once_and_later_ones_smoothly() -> None:
    """A track begins with what the guard says of its first frame, not with all of the restored face."""
    guard = Guard(RULES, at(0))
    guard.judge(at(0), at(90), 0.8, 0)
    assert guard.step(0).share == 0
    guard.judge(at(0), at(0), 0.8, 1)
    assert 0 < guard.step(0.04).share < 0.2
