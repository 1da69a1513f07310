"""Motions over time: smoothing, limits, holding and easing."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.data.motion import Motion
from vidface.vision.motionfit import matrix_of, vector_of
from vidface.vision.motionpath import Limits, Presence, Smoother, between, bounds_in, limited
from vidface.vision.rigid import angles_of, rotations_of


def turned(yaw: float, pitch: float = 0.0) -> Motion:
    return Motion(vector_of(rotations_of([(yaw, pitch, 0)])[0]).astype(np.float32))


def yaw_of(motion: Motion) -> float:
    return float(angles_of(matrix_of(motion.rotation)[None])[0, 0])


def test_a_small_turn_passes_and_a_large_one_bends() -> None:
    """Below seven tenths as it is; beyond held within the limit and told; never backwards."""
    rest, limits = Motion(), Limits(yaw=30)
    assert limited(turned(20), rest, limits).motion.rotation == pytest.approx(turned(20).rotation)
    far = [limited(turned(yaw), rest, limits) for yaw in (25, 31, 45, 80)]
    angles = [yaw_of(one.motion) for one in far]
    assert angles == sorted(angles)
    assert angles[-1] <= 30.01
    assert [one.beyond for one in far] == [0, 1, 1, 1]


def test_limits_are_around_the_rest_of_the_face() -> None:
    """A picture taken from the side may be turned as far from there."""
    found = limited(turned(-60), turned(-40), Limits(yaw=30))
    assert found.beyond == 0
    assert yaw_of(found.motion) == pytest.approx(-60, abs=0.1)


def test_each_limit_has_its_flag() -> None:
    """yaw 1, pitch 2, roll 4, shift 8, scale 16."""
    far = Motion(shift=np.array([3, 0, 0], np.float32), scale=2.0)
    found = limited(far, Motion(), Limits())
    assert found.beyond == 24
    assert found.motion.shift[0] <= 0.8
    assert found.motion.scale <= 1.35
    assert limited(turned(0, 40), Motion(), Limits()).beyond == 2
    assert bounds_in(found.beyond) == ("shift", "size")
    assert bounds_in(7) == ("yaw", "pitch", "roll")


def test_size_bends_as_turns_do() -> None:
    """From seven tenths of the limit on, without a step where the limit is."""
    sizes = [
        limited(Motion(scale=size), Motion(), Limits()).motion.scale for size in (1.2, 1.3, 1.349, 1.351)
    ]
    assert sizes[0] == pytest.approx(1.2)
    assert sizes[1] < 1.3
    assert 0 < sizes[3] - sizes[2] < 0.003
    assert limited(Motion(scale=1.349), Motion(), Limits()).beyond == 0


def test_smoothing_calms_noise_and_follows_a_blink() -> None:
    """Noise at rest falls to less than half; a blink of 0.2 s keeps most of its depth."""
    rng, smoother, out = np.random.default_rng(2), Smoother(0.08), []
    noise = rng.normal(0, 0.004, 200)
    for i, value in enumerate(noise):
        out.append(float(smoother(Motion(expression=np.array([value], np.float32)), i / 25).expression[0]))
    assert np.std(out[20:]) < 0.6 * np.std(noise)
    depth = 0.0
    for i, value in enumerate((0.1, 0.25, 0.3, 0.2, 0.05)):
        got = smoother(Motion(expression=np.array([value], np.float32)), 8 + i / 25)
        depth = max(depth, float(got.expression[0]))
    assert depth > 0.22


def test_without_a_driver_a_face_holds_then_eases_to_rest_and_back() -> None:
    """0.4 s as it was, half a second on the way, then at rest; back without a jump."""
    presence, rest, seen = Presence(0.4, 0.5), Motion(), []
    for i in range(50):
        driven = turned(20) if i < 10 or i >= 40 else None
        motion, share = presence(driven, rest, i / 25)
        seen.append((yaw_of(motion), share))
    yaws = [one for one, _ in seen]
    assert yaws[9:19] == pytest.approx([20.0] * 10, abs=0.01)
    assert 0 < yaws[25] < 20
    assert yaws[36] == 0
    assert np.abs(np.diff(yaws)).max() < 5
    assert seen[36][1] == 0
    assert yaws[-1] == pytest.approx(20, abs=0.01)


def test_nobody_ever_there_leaves_the_face_at_rest() -> None:
    """And the first one who comes is eased in."""
    presence, rest = Presence(0.4, 0.5), Motion()
    assert presence(None, rest, 0.0) == (rest, 0.0)
    assert yaw_of(presence(turned(20), rest, 0.04)[0]) < 5


@pytest.mark.parametrize("away_s", [0.2, 0.32, 0.56, 0.8])
def test_who_comes_back_takes_over_without_a_jump(away_s: float) -> None:
    """From 25 to -20 degrees: within a third of a second, no frame more than a quarter of the way."""
    presence, yaws, away = Presence(0.5, 1.0), [], round(25 * away_s)
    for i in range(25 + away + 15):
        driven = turned(25) if i < 25 else turned(-20) if i >= 25 + away else None
        yaws.append(yaw_of(presence(driven, Motion(), i / 25)[0]))
    assert np.abs(np.diff(yaws)).max() < 45 / 4
    assert yaws[25 + away + 8] == pytest.approx(-20, abs=0.5)


def test_another_driver_takes_over_without_a_jump() -> None:
    """From one frame to the next, and from the middle of another's way."""
    presence, yaws = Presence(0.5, 1.0), []
    for i in range(40):
        driven = turned(25) if i < 10 else turned(-20) if i < 14 else turned(30)
        yaws.append(yaw_of(presence(driven, Motion(), i / 25, anew=i in (10, 14))[0]))
    assert np.abs(np.diff(yaws)).max() < 45 / 4
    assert yaws[-1] == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize("every", [2, 7])
def test_frames_that_were_missed_do_not_slow_the_motion(every: int) -> None:
    """50 degrees a second, with every second and every seventh frame missed: less than 0.04 s behind."""
    presence, behind = Presence(0.5, 1.0), []
    for i in range(50):
        driven = turned(2.0 * i - 50) if i % every else None
        yaw = yaw_of(presence(driven, Motion(), i / 25)[0])
        behind += [2.0 * i - 50 - yaw] if driven is not None and i > 1 else []
    assert max(behind) < 2.0


def test_a_missed_frame_on_the_way_is_no_jump_either() -> None:
    """Somebody who has just come back is missed now and then: the way goes on where it was."""
    presence, yaws = Presence(0.5, 1.0), []
    for i in range(60):
        driven = turned(25) if i < 10 else turned(-20) if i >= 20 and i % 2 else None
        yaws.append(yaw_of(presence(driven, Motion(), i / 25)[0]))
    assert np.abs(np.diff(yaws)).max() < 45 / 4
    assert yaws[40] == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_coming_back_is_no_jump_however_short_the_hold_and_the_ease(fps: int) -> None:
    """Away at any time and for as long as it likes: no frame back takes more than 0.3 s allow, easing."""
    rng = np.random.default_rng(fps)
    most = 1.35 * 45 * 1.5 / (0.3 * fps)  # the steepest of the ease; a third for ways that are interrupted
    for hold_s in (0.0, 0.3 / fps, 0.05, 0.2):
        for ease_s in (0.0, 0.3 / fps, 1.5 / fps, 0.1, 0.3):
            presence, before = Presence(hold_s, ease_s), 0.0
            for i in range(80):
                away = i and rng.random() < 0.3
                now = yaw_of(presence(None if away else turned(45), Motion(), i / fps)[0])
                assert away or not i or now - before <= max(most, 1e-3), (hold_s, ease_s, i)
                before = now


@pytest.mark.parametrize("fps", [1, 3, 10, 25, 100])
def test_the_way_to_rest_is_that_of_the_clock_at_any_frame_rate(fps: int) -> None:
    """Hold and ease count from the last frame with a driver, not in whole frames."""
    presence = Presence(0.5, 2.0)
    presence(turned(20), Motion(), 0.0)
    for i in range(1, 3 * fps):
        left = min(1.0, max(0.0, 1 - (i / fps - 0.5) / 2))
        yaw = yaw_of(presence(None, Motion(), i / fps)[0])
        assert yaw == pytest.approx(20 * left**2 * (3 - 2 * left), abs=0.01)


def test_halfway_between_two_motions() -> None:
    """Turns on the arc, sizes as factors, expressions of unequal length padded."""
    one, other = turned(-20), Motion(turned(40).rotation, scale=4.0, expression=np.ones(2, np.float32))
    half = between(one, other, 0.5)
    assert yaw_of(half) == pytest.approx(10, abs=0.1)
    assert half.scale == pytest.approx(2)
    assert half.expression == pytest.approx([0.5, 0.5])
