"""forensics.lipsync: lips that follow the sound, lips that follow another, and what cannot be told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.graph.toys import FlatPixels
from tests.nodes.forensics.madeface import faces_of, mesh_at
from vidface.data import Faces, Frame
from vidface.data.finding import Finding
from vidface.data.mesh import Meshes
from vidface.data.sound import AHEAD, PAST, SOUND_RATE, Sound
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.lipsync import ForensicsLipsync
from vidface.vision.lipvoice import follow, lip_gap
from vidface.vision.meshtopology import LIPS_INNER

FPS = 25
LOWER = list(LIPS_INNER[11:])
"""Inner lower lip, without the corners."""


def swell(seconds: float, seed: int) -> NDArray[np.float64]:
    """A voice's level every 10 ms: syllables of irregular length and pauses."""
    random = np.random.default_rng(seed)
    level: list[NDArray[np.float64]] = []
    while sum(map(len, level)) < seconds * 100:
        length = int(random.integers(12, 35))
        level += [np.hanning(length) * random.uniform(0.4, 1), np.zeros(int(random.integers(3, 25)))]
    return np.concatenate(level)[: round(seconds * 100)]


def sounding(level: NDArray[np.float64], loud: float = 0.2) -> NDArray[np.float32]:
    """Noise of that level, 16 kHz."""
    noise = np.random.default_rng(3).normal(0, 1, len(level) * 160)
    return np.asarray(loud * noise * np.repeat(level, 160), np.float32)


def opened(points: NDArray[np.float32], amount: float) -> NDArray[np.float32]:
    """The mouth open by a share of the distance between the eyes (60 px)."""
    moved = points.copy()
    moved[LOWER, 1] += 60 * amount
    return moved


def run(
    samples: Any,
    gaps: NDArray[np.float64],
    *,
    tracks: tuple[int, ...] = (1,),
    heard: bool = True,
    **fields: Any,
) -> list[Finding]:
    """The node over as many frames as there are gaps; of two faces the second keeps its mouth shut."""
    whole = np.concatenate([np.zeros(PAST), samples, np.zeros(PAST + AHEAD)]).astype(np.float32)
    points = [mesh_at(), mesh_at((60, 60), 30.0)][: len(tracks)]
    ports: dict[str, list[Any]] = {"frame": [], "sound": [], "faces": [], "mesh": []}
    for index, gap in enumerate(gaps):
        now = index * SOUND_RATE // FPS
        ports["sound"].append(Sound(whole[now : now + PAST + AHEAD], now - PAST, now, heard))
        ports["frame"].append(Frame(index, index, Fraction(1, FPS), FlatPixels(size=(320, 240))))
        moved = [opened(one, float(gap)) for one in points[:1]] + points[1:]
        known = np.isfinite(gap) and bool(tracks)
        ports["faces"].append(faces_of(points, tracks) if known else Faces.none())
        ports["mesh"].append(Meshes.of(np.stack(moved)) if known else Meshes.none())
    with NodeHarness(ForensicsLipsync(**fields)) as harness:
        return [one for found in harness.run(**ports) for one in found]


def lips(level: NDArray[np.float64], lag_s: float = 0.0) -> NDArray[np.float64]:
    """The gap on each frame of lips that follow a level."""
    when = np.arange(len(level) * FPS // 100) / FPS
    return 0.25 * np.interp(when - lag_s, np.arange(len(level)) / 100, level)


@pytest.mark.parametrize("lag_s", [-0.2, 0.0, 0.12, 0.3])
def test_lips_that_follow_are_found_with_their_lag(lag_s: float) -> None:
    level = swell(9, 1)
    last = run(sounding(level), lips(level, lag_s))[-1]
    assert last.score > 0.85
    assert last.details["lag_s"] == pytest.approx(lag_s, abs=0.045)
    assert last.details["better"] == 0
    assert last.score > last.details["null_high"] + 0.2


def test_lips_of_another_voice_score_as_other_moments_do() -> None:
    """The best of 41 lags is above 0 even so: that is what the null is for."""
    last = run(sounding(swell(9, 1)), lips(swell(9, 2)))[-1]
    assert last.score < 0.5
    assert last.score < last.details["null_high"] + 0.15
    assert last.details["better"] > 0.02


@pytest.mark.parametrize(
    ("loud", "open_by", "heard", "said"),
    [
        (0.2, 1.0, False, "There is no sound track."),
        (1e-5, 1.0, True, "The sound track is silent here."),
        (0.2, 0.01, True, "The lips hardly move."),
    ],
)
def test_not_applicable(loud: float, open_by: float, heard: bool, said: str) -> None:
    level = swell(6, 1)
    found = run(sounding(level, loud), lips(level) * open_by, heard=heard, hop_s=2.0)
    assert found[-1].why_not == said


def test_a_hum_is_no_voice_and_a_short_track_says_so() -> None:
    level = swell(6, 1)
    hum = run(sounding(np.ones(600)), lips(level), hop_s=2.0)
    assert "as loud throughout" in hum[-1].why_not
    assert hum[0].why_not == "The face was seen for 2.0 s; lips and voice need 4 s."


def test_two_faces_one_speaks() -> None:
    """The one whose mouth stays shut is not judged; without a face there is no finding."""
    level = swell(6, 1)
    found = run(sounding(level), lips(level), tracks=(3, 8), hop_s=5.0)
    assert [one.track for one in found] == [3, 8]
    assert found[0].score > 0.85
    assert found[1].why_not == "The lips hardly move."
    assert run(sounding(level), lips(level), tracks=()) == []


def test_lost_and_found() -> None:
    """Half of the window away is told; after more than two seconds the track begins anew."""
    level = swell(12, 1)
    gaps = lips(level)
    gaps[100:140] = np.nan
    assert run(sounding(level), gaps, hop_s=3.0)[-1].applies
    gaps[100:175] = np.nan
    found = run(sounding(level), gaps, hop_s=3.0)
    assert found[-1].stretch.first == 175
    assert found[-1].why_not.startswith("The face was seen for 3.0 s")


def test_the_gap_is_in_space_and_in_shares_of_the_eyes_distance() -> None:
    """Twice the size, or turned to the side: the same."""
    one = opened(mesh_at(), 0.2)
    turned = one.copy()
    turned[:, 0], turned[:, 2] = 0.5 * one[:, 0], one[:, 0] * np.sqrt(0.75)
    assert lip_gap(2 * one) == pytest.approx(float(lip_gap(one)), rel=1e-5)
    assert lip_gap(turned) == pytest.approx(float(lip_gap(one)), rel=0.1)
    assert np.isnan(lip_gap(np.zeros((478, 3))))


def test_nothing_to_compare() -> None:
    """Still lips, a still voice, or too short a time."""
    when = np.arange(200) / 25
    assert follow((when, np.ones(200)), (when, np.sin(when))) is None
    assert follow((when, np.sin(when)), (when, np.ones(200))) is None
    assert follow((when[:30], np.sin(when[:30])), (when, np.sin(when))) is None
