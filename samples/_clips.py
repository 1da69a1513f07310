"""The three clips: who moves where and when, and the frames' times."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from _backdrops import city, grass, hills, lamp_post, street
from _portraits import COLLINS, HOPPER, Cutout, cut_out
from _scene import Actor, Key, Shot
from _sound import voices
from _write import BT601, BT709, Encoding


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A file to make. A frame shows the shots at its time less `start_s`."""

    name: str
    shots: tuple[Shot, ...]
    encoding: Encoding
    start_s: Fraction = Fraction(0)


def daylight(t: float) -> tuple[float, float, float]:
    """A cloud passes: a slow swing of brightness, warm when bright."""
    swing = float(np.sin(0.9 * t))
    return (0.97 + 0.13 * swing, 0.95 + 0.10 * swing, 0.95 + 0.06 * swing)


def streetlight(t: float) -> tuple[float, float, float]:
    """Night: dim and cool, with a warm light passing by every two seconds."""
    warm = float(np.exp(-((((t + 0.2) % 2.0) - 1.0) ** 2) / 0.08))
    return (0.76 + 0.36 * warm, 0.78 + 0.24 * warm, 0.90 + 0.06 * warm)


def _evening(collins: Cutout, hopper: Cutout) -> Shot:
    """She comes from far and grows, is passed by the other, leaves on the right and comes back."""
    walks_up = (
        Key(0.0, 205, 262, 30), Key(1.0, 215, 252, 44, -12), Key(2.0, 235, 232, 72, 14),
        Key(3.0, 315, 205, 108, 20), Key(3.8, 470, 195, 116, -12), Key(4.5, 660, 200, 120, 8),
        Key(5.0, 850, 200, 122, 0), Key(6.45, 850, 190, 104, 0), Key(6.95, 690, 195, 106, -16),
        Key(7.8, 540, 200, 112, 22),
    )  # fmt: skip
    crosses = (
        Key(0.0, 560, 190, 104), Key(1.2, 590, 186, 120, 10), Key(2.2, 560, 190, 134, -8),
        Key(3.0, 450, 196, 142, 4), Key(3.8, 270, 192, 138, -6), Key(4.8, 180, 196, 116, 12),
        Key(5.8, 240, 202, 100, -18), Key(7.8, 300, 190, 128, 6),
    )  # fmt: skip
    actors = (Actor(collins, walks_up, 4.0, 1.7, daylight), Actor(hopper, crosses, 3.0, 1.3, daylight))
    return Shot(7.8, hills, grass, actors)


def _night(collins: Cutout, hopper: Cutout) -> Shot:
    """After the cut: one goes away while the other comes near; a lamp post passes before both."""
    goes_off = (
        Key(0.0, 205, 205, 170), Key(1.0, 190, 200, 166, -12), Key(2.2, 180, 205, 104, -25),
        Key(3.4, 215, 218, 62, 10), Key(4.6, 190, 226, 40),
    )  # fmt: skip
    comes_near = (
        Key(0.0, 590, 220, 66), Key(0.9, 560, 210, 98, 25), Key(1.8, 580, 205, 126, 0),
        Key(2.7, 560, 200, 148, -24), Key(3.6, 510, 205, 160, -8), Key(4.6, 500, 208, 168, 14),
    )  # fmt: skip
    far = Actor(hopper, goes_off, 2.0, 1.1, streetlight)
    near = Actor(collins, comes_near, 2.5, 1.4, streetlight)
    return Shot(4.6, city, lamp_post, (far, near))


def _walk(collins: Cutout, hopper: Cutout) -> Shot:
    """Two walk along a street; one overtakes the other behind her back."""
    leads = (
        Key(0.0, 330, 150, 96, 4), Key(1.6, 380, 152, 100, -6), Key(3.2, 320, 150, 92, 6),
        Key(5.2, 190, 158, 84, -4),
    )  # fmt: skip
    follows = (
        Key(0.0, 110, 168, 60), Key(1.5, 200, 166, 64, 8), Key(3.0, 400, 164, 70, -8),
        Key(5.2, 520, 160, 82, 5),
    )  # fmt: skip
    actors = (Actor(collins, follows, 7.0, 1.9, daylight), Actor(hopper, leads, 5.0, 1.6, daylight))
    return Shot(5.2, street, grass, actors)


def _phone(collins: Cutout) -> Shot:
    """An upright phone picture of one person."""
    keys = (
        Key(0.0, 170, 300, 120, -6), Key(0.7, 200, 290, 138, 8), Key(1.4, 165, 296, 150, -10),
        Key(2.0, 180, 300, 140, 0),
    )  # fmt: skip
    return Shot(2.0, hills, grass, (Actor(collins, keys, 3.0, 1.5, daylight),))


def uneven_times(duration_s: float, start: Fraction) -> tuple[Fraction, ...]:
    """Frame times in whole ms: stretches of different rates, single late frames, and jitter in between."""
    rng = np.random.default_rng(5)
    now, times, stretch = 0, [], (33, 33, 42, 17, 67, 25, 100)
    while now < duration_s * 1000:
        times.append(start + Fraction(now, 1000))
        base = stretch[(now // 740) % len(stretch)]
        late = 133 if rng.uniform() < 0.04 else 0
        now += base + late + int(rng.integers(-4, 5))
    return tuple(times)


def all_clips() -> tuple[Clip, ...]:
    """The clips of this folder; needs scikit-image and matplotlib for the portraits."""
    collins, hopper = cut_out(COLLINS), cut_out(HOPPER)
    pal = Fraction(1, 25)
    main = (_evening(collins, hopper), _night(collins, hopper))
    length = sum(shot.duration_s for shot in main)
    steady = tuple(i * pal for i in range(round(length * 25)))
    offset = Fraction(373, 1000)
    return (
        Clip("two_people.mp4", main, Encoding((768, 432), steady, pal, 23, BT709, audio=voices(length))),
        Clip(
            "walk_vfr.mkv",
            (_walk(collins, hopper),),
            Encoding((640, 360), uneven_times(5.2, offset), Fraction(1, 1000), 25, BT601),
            offset,
        ),
        Clip(
            "rotated.mp4",
            (_phone(collins),),
            Encoding((360, 640), steady[:50], pal, 25, BT709, rotation=-90),
        ),
    )
