"""Steady where the input stands still, at once where it moves; light, gaps, odd sizes."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.vision.stilltrack import Stillness, StillTrack, changed

SIDE = 128
CALM = np.s_[10:60, 20:110]
"""The upper half of the crop, where nothing but noise happens."""
MOUTH = np.s_[86:104, 50:78]
Float = NDArray[np.float32]


def skin() -> Float:
    """A smooth random texture around 130."""
    coarse = np.random.default_rng(3).normal(0, 25, (20, 20, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) + 130, np.float32)


def face(opened: float = 0.0, shift: float = 0.0) -> Float:
    """The texture with a dark mouth of a height, moved to the right by some pixels."""
    picture = skin()
    if opened > 0:
        cv2.ellipse(picture, (64, 95), (22, max(1, round(opened))), 0, 0, 360, (40, 20, 25), -1, cv2.LINE_AA)
    move = np.array([(1, 0, shift), (0, 1, 0)])
    return np.asarray(
        cv2.warpAffine(picture, move, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    )


def observed(clean: Float, index: int, noise: float = 2.0) -> NDArray[np.uint8]:
    """What the camera gave: blurred, with noise."""
    rng = np.random.default_rng(100 + index)
    seen = cv2.GaussianBlur(clean, (0, 0), 1.5) + rng.normal(0, noise, clean.shape)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def answer(clean: Float, index: int, flicker: float = 6.0) -> Float:
    """What a network makes of it: the clean picture with detail that is new on every frame."""
    detail = np.random.default_rng(500 + index).normal(0, 1, clean.shape).astype(np.float32)
    soft = cv2.GaussianBlur(detail, (0, 0), 2)
    return np.asarray(clean + soft * (flicker / soft.std()), np.float32)


def run(cleans: list[Float], *, fps: float = 25, flicker: float = 6.0, smooth_s: float = 0.12) -> list[Float]:
    still = StillTrack(Stillness(smooth_s))
    return [still(observed(one, i), answer(one, i, flicker), time=i / fps) for i, one in enumerate(cleans)]


def rms(values: Float) -> float:
    return math.sqrt(float((values.astype(np.float64) ** 2).mean()))


def test_flicker_of_the_network_goes() -> None:
    """Change from frame to frame falls below a third, and the answers come nearer to the truth."""
    cleans = [face()] * 16
    steady = run(cleans)
    plain = [answer(one, i) for i, one in enumerate(cleans)]
    before = np.mean([rms(b - a) for a, b in pairwise(plain[6:])])
    after = np.mean([rms(b - a) for a, b in pairwise(steady[6:])])
    assert after < before / 3
    assert rms(steady[-1] - cleans[-1]) < 0.6 * rms(plain[-1] - cleans[-1])


def test_an_opening_mouth_is_not_smeared() -> None:
    """The mouth opens from one frame to the next: it shows at once as the network drew it."""
    cleans = [face()] * 8 + [face(12)] + [face(4)] + [face()]
    steady = run(cleans, flicker=0)
    for i in (8, 9, 10):
        assert rms((steady[i] - cleans[i])[MOUTH]) < 4, i
    assert rms(cleans[8][MOUTH] - cleans[7][MOUTH]) > 60


def test_the_rest_stays_steady_while_the_mouth_moves() -> None:
    """Letting go of the mouth does not let the forehead flicker."""
    cleans = [face(6 + 6 * math.sin(i)) for i in range(16)]
    steady = run(cleans)
    plain = [answer(one, i) for i, one in enumerate(cleans)]
    before = np.mean([rms((b - a)[CALM]) for a, b in pairwise(plain[6:])])
    after = np.mean([rms((b - a)[CALM]) for a, b in pairwise(steady[6:])])
    assert after < before / 2


def test_what_drifts_is_followed() -> None:
    """A face that slides by half a pixel a frame stays sharp: its memory goes along."""
    cleans = [face(8, 0.5 * i) for i in range(16)]
    steady = run(cleans, flicker=0)
    inner = np.s_[16:112, 24:104]
    assert rms((steady[-1] - cleans[-1])[inner]) < 2
    still = rms((cleans[-1] - cleans[-4])[inner])
    assert still > 4


def test_light_does_not_lag() -> None:
    """Brightness that rises over the whole face is followed on the frame itself."""
    cleans = [face() + 3.0 * i for i in range(10)]
    steady = run(cleans, flicker=0)
    assert abs(float((steady[-1] - cleans[-1])[CALM].mean())) < 1


def test_a_turned_face_is_let_go_as_a_whole() -> None:
    """Another picture altogether: nothing of the old one is left."""
    cleans = [face()] * 8 + [np.ascontiguousarray(face()[:, ::-1])]
    steady = run(cleans, flicker=0)
    assert rms(steady[-1] - cleans[-1]) < 2


def test_a_track_that_was_away_begins_anew() -> None:
    still = StillTrack(Stillness(0.5, max_gap_s=0.3))
    for i in range(5):
        still(observed(face(), i), answer(face(), i), time=i / 25)
    back = answer(face(), 9)
    np.testing.assert_array_equal(still(observed(face(), 9), back, time=0.5), back)
    assert still.seen == 0.5


@pytest.mark.parametrize("time", [0.0, -1.0])
def test_time_that_does_not_go_forward_begins_anew(time: float) -> None:
    still = StillTrack(Stillness(0.5))
    still(observed(face(), 0), answer(face(), 0), time=0.0)
    again = answer(face(), 1)
    np.testing.assert_array_equal(still(observed(face(), 1), again, time=time), again)


def test_the_time_constant_counts_seconds_not_frames() -> None:
    """As calm at 50 frames a second as at 25 after the same time."""
    left = []
    for fps in (25, 50):
        still = StillTrack(Stillness(0.2))
        quiet = np.full((SIDE, SIDE, 3), 100, np.uint8)
        still(quiet, np.full(quiet.shape, 160, np.float32), time=0)
        for i in range(1, fps // 5 + 1):
            out = still(quiet, np.full(quiet.shape, 100, np.float32), time=i / fps)
        left.append(float(out.mean() - 100))
    assert left[0] == pytest.approx(60 / math.e, rel=0.01)
    assert left[1] == pytest.approx(left[0], rel=0.01)


def test_no_smoothing_gives_each_answer_as_it_is() -> None:
    still = StillTrack(Stillness(0))
    for i in range(3):
        made = answer(face(), i)
        np.testing.assert_array_equal(still(observed(face(), i), made, time=i / 25), made)


def test_the_result_is_the_callers_own() -> None:
    """Writing into it does not reach the memory."""
    still = StillTrack(Stillness(0.2))
    out = still(observed(face(), 0), answer(face(), 0), time=0)
    out[...] = 0
    assert still(observed(face(), 1), answer(face(), 1), time=0.04).mean() > 100


@pytest.mark.parametrize("side", [8, 16, 300])
def test_any_size_of_crop(side: int) -> None:
    still = StillTrack(Stillness())
    for i in range(3):
        crop = np.random.default_rng(i).integers(0, 256, (side, side, 3), np.uint8)
        assert np.isfinite(still(crop, crop.astype(np.float32), time=i / 25)).all()


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be restored as"):
        StillTrack(Stillness())(np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9, 3), np.float32), time=0)
    with pytest.raises(ValueError, match="max_gap_s above 0"):
        Stillness(max_gap_s=0)


def test_noise_and_light_let_nothing_go() -> None:
    """A difference that all blocks share is no motion; one block that differs is."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3, (SIDE, SIDE, 3)).astype(np.float32)
    assert changed(noise + 20).mean() < 0.2
    noise[40:56, 40:56] += 60
    moved = changed(noise)
    assert moved[44:52, 44:52].min() > 0.95
    assert moved[80:, 80:].mean() < 0.2


def test_where_half_of_the_face_changes_all_of_it_is_let_go() -> None:
    """A turned head: detail moves where plain skin shows no change."""
    difference = np.zeros((SIDE, SIDE, 3), np.float32)
    difference[:, : SIDE // 2] = np.where(np.indices((SIDE, SIDE // 2)).sum(0) // 8 % 2, 50, -50)[..., None]
    assert changed(difference)[:, 100:].min() > 0.9
