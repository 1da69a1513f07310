"""Portraits drawn with another mesh by moving pictures: what stays, what moves, what is made up."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.headsquare import square_around
from vidface.vision.meshmodel import MeshModel
from vidface.vision.portrait import Look, PortraitSource, look_of, render
from vidface.vision.rigid import rotations_of

MODEL = MeshModel.load(Path(__file__).resolve().parents[2] / "models/vidface-meshmodel/model.npz")


def head(side: int = 256, *, angles: Any = (0, 0, 0), smile: float = 0.0) -> Any:
    """A mesh in a square; `smile` opens the mouth."""
    mesh = (MODEL.mean + smile * MODEL.expression[0]) @ rotations_of([angles])[0].T
    return ((mesh * 45 + (128, 118, 0)) * (side / 256)).astype(np.float32)


def texture(side: int = 256) -> Any:
    """Skin colour with soft noise that is told apart everywhere."""
    noise = np.random.default_rng(1).normal(0, 40, (side // 4, side // 4, 3)).astype(np.float32)
    grown = cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(grown + np.array([170, 130, 110]), 0, 255).astype(np.uint8)


def source(*looks: Look) -> PortraitSource:
    return PortraitSource(looks or (Look(texture(), head()),), MODEL)


def test_its_own_mesh_gives_the_picture_back() -> None:
    """At rest a portrait is the picture, at the size of the field and at twice that."""
    for side in (256, 512):
        drawn = render(source(Look(texture(side), head(side))), head(side))
        apart = np.abs(drawn.picture.astype(int) - texture(side))
        assert np.median(apart) <= 1
        assert np.quantile(apart, 0.99) <= 6


def test_alpha_falls_to_nothing_at_the_border_where_nothing_moved() -> None:
    """What is pasted back meets the picture without a seam."""
    drawn = render(source(), head(angles=(15, 5, 0)))
    assert drawn.alpha[128, 128] == 1
    assert max(drawn.alpha[0].max(), drawn.alpha[:, -1].max()) < 0.02
    rim = drawn.alpha < 0.05
    assert np.abs(drawn.picture.astype(int) - texture())[rim].mean() < 6


def test_a_mark_on_the_face_goes_where_the_mesh_goes() -> None:
    """A green spot on the forehead is found at the target mesh's forehead."""
    picture = texture()
    spot = head()[151, :2]
    cv2.circle(picture, (int(spot[0]), int(spot[1])), 4, (0, 255, 0), -1)
    target = head(angles=(20, 0, 8))
    drawn = render(source(Look(picture, head())), target).picture.astype(int)
    green = (drawn[..., 1] - drawn[..., [0, 2]].max(axis=2)) > 150
    assert np.argwhere(green).mean(axis=0)[::-1] + 0.5 == pytest.approx(target[151, :2], abs=2)


def test_a_shut_mouth_that_opens_is_dark_inside() -> None:
    """No lip is stretched over the opening."""
    target = head(smile=1.6)
    drawn = render(source(), target)
    x, y = ((target[13] + target[14]) / 2)[:2].astype(int)
    assert drawn.picture[y, x].mean() < 60


def test_teeth_come_from_the_look_that_shows_them() -> None:
    """Of two pictures the one with the open mouth lends what is in it."""
    opened, shown = head(smile=1.6), texture()
    inner = (opened[13] + opened[14]) / 2
    cv2.circle(shown, (int(inner[0]), int(inner[1])), 12, (250, 250, 250), -1)
    both = source(Look(texture(), head()), Look(shown, opened))
    assert both.mouth == 1
    x, y = inner[:2].astype(int)
    assert render(both, opened).picture[y, x].min() > 180


def test_a_look_from_the_side_shows_what_the_first_one_hides() -> None:
    """The cheek of a face that turns comes from the picture that was taken from there."""
    side_on, marked = head(angles=(40, 0, 0)), texture()
    spot = side_on[205, :2].astype(int)
    cv2.circle(marked, (int(spot[0]), int(spot[1])), 6, (0, 0, 250), -1)
    both = source(Look(texture(), head()), Look(marked, side_on))
    x, y = (target := head(angles=(38, 0, 0)))[205, :2].astype(int)
    blue = [render(one, target).picture[y, x].astype(int) for one in (both, source())]
    assert blue[0][2] - blue[0][0] > 100
    assert blue[1][2] - blue[1][0] < 100


@pytest.mark.parametrize("yaws", [(0, 24), (0, 14, 30)])
def test_other_looks_take_over_without_a_jump(yaws: tuple[int, ...]) -> None:
    """From one look's turn to the other's in steps of a fifth of a degree around each changeover."""
    plain = np.full((256, 256, 3), 140, np.uint8)
    noise = np.random.default_rng(0)
    looks = [Look(plain, head())]
    for yaw in yaws[1:]:
        marks = cv2.GaussianBlur(noise.normal(0, 1, (256, 256, 1)).astype(np.float32), (0, 0), 3)[..., None]
        grey = np.clip(140 + 25 * (marks - marks.mean()) / marks.std(), 0, 255)
        looks.append(Look(np.repeat(grey, 3, axis=2).astype(np.uint8), head(angles=(yaw, 0, 0))))
    both = source(*looks)
    for start in (sum(pair) / 2 for pair in pairwise(yaws)):
        drawn = [
            render(both, head(angles=(start + 0.2 * step, 0, 0))).picture.astype(int)
            for step in range(-3, 12)
        ]
        assert max(np.abs(b - a)[80:180, 80:180].mean() for a, b in pairwise(drawn)) < 1
    last = render(both, head(angles=(yaws[-1], 0, 0))).picture
    assert last[100:150, 110:150].std() > 15


def test_a_look_that_is_turned_alike_is_not_mixed_in() -> None:
    """A second picture from the same side lends its teeth; skin stays that of the first one."""
    both = source(Look(np.full((256, 256, 3), 140, np.uint8), head()), Look(texture(), head(smile=0.2)))
    for yaw in (0, 10):
        assert render(both, head(angles=(yaw, 0, 0))).picture[60:110, 110:150].std() < 1


def test_a_square_around_a_head_and_the_look_in_it() -> None:
    """A large picture is cut out and shrunk; the mesh goes along."""
    mesh = head() * np.float32(3)
    matrix = square_around(mesh, 256)
    look = look_of(texture(768), mesh, matrix, 256)
    assert look.picture.shape == (256, 256, 3)
    height = float(np.ptp(look.mesh[:, 1]))
    assert height == pytest.approx(256 / 2.3, rel=0.02)
    assert np.ptp(look.mesh[:, 2]) / height == pytest.approx(
        np.ptp(mesh[:, 2]) / np.ptp(mesh[:, 1]), rel=0.02
    )


def test_nothing_is_drawn_in_from_beyond_the_picture() -> None:
    """Where the square reaches below the picture, the picture's own lower edge stays in its place."""
    picture, bounds = texture(), (0.0, 0.0, 256.0, 215.0)
    picture[215:] = 0
    raised = head() - np.array([0, 12, 0], np.float32)
    dark = [
        (render(source(look), raised).picture[195:212].max(axis=2) < 30).mean()
        for look in (Look(picture, head()), Look(picture, head(), bounds))
    ]
    assert dark[0] > 0.02
    assert dark[1] < 0.25 * dark[0]


def test_pictures_of_several_sizes_are_refused() -> None:
    """With the sizes that were found."""
    with pytest.raises(ValueError, match="one size"):
        source(Look(texture(), head()), Look(texture(512), head(512)))
    with pytest.raises(ValueError, match="one size"):
        PortraitSource((), MODEL)


def test_eight_portraits_a_second_with_room_to_spare() -> None:
    """256 pixels on one core: 16 ms by design."""
    one, target = source(), head(angles=(15, 5, 3), smile=0.8)
    render(one, target)
    spent = []
    for _ in range(5):
        start = time.thread_time()
        render(one, target)
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.08


def test_a_painter_that_trusts_the_field_gives_the_moved_picture() -> None:
    """And the picture keeps its sharpness at twice the size at which the painter works."""
    for side in (256, 512):
        mesh = head(side, angles=(12, 4, 0))
        plain = render(source(Look(texture(side), head(side))), mesh)
        painted = render(source(Look(texture(side), head(side))), mesh, trusting)
        outside = np.s_[: side // 8]
        assert np.abs(plain.picture[outside].astype(int) - painted.picture[outside]).max() <= 1


def test_a_painters_change_is_added_and_fine_detail_stays() -> None:
    """All red, in a picture of twice the painter's size: the other colours keep every pixel."""

    def red(picture: Any, places: Any, guides: Any) -> tuple[Any, Any, Any]:
        change = np.zeros((256, 256, 3), np.float32) + np.array([255, 0, 0], np.float32)
        return places + 9, np.zeros((256, 256), np.float32), change

    mesh = head(512, angles=(5, 0, 0))
    plain = render(source(Look(texture(512), head(512))), mesh, trusting).picture
    drawn = render(source(Look(texture(512), head(512))), mesh, red)
    assert (drawn.picture[..., 0] == 255).all()
    assert np.abs(drawn.picture[..., 1:].astype(int) - plain[..., 1:]).max() <= 1
    assert drawn.alpha[0].max() < 0.02


def test_a_painter_sees_each_look_at_the_size_it_knows() -> None:
    """256 pixels, six guides, whatever the portrait's size; the nearer look as well as the first."""
    seen: list[Any] = []

    def spy(picture: Any, places: Any, guides: Any) -> tuple[Any, Any, Any]:
        seen.append((picture.shape, guides.shape, guides.dtype))
        return trusting(picture, places, guides)

    looks = (Look(texture(512), head(512)), Look(texture(512), head(512, angles=(30, 0, 0))))
    render(source(*looks), head(512, angles=(28, 0, 0)), spy)
    assert seen == [((256, 256, 3), (256, 256, 6), np.float32)] * 2


def trusting(picture: Any, places: Any, guides: Any) -> tuple[Any, Any, Any]:
    """A painter that changes nothing."""
    return places, np.ones((256, 256), np.float32), np.zeros((256, 256, 3), np.float32)
