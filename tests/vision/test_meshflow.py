"""The field between two meshes of one face: places, what was seen, what stays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.meshflow import MeshField, mesh_field, visible
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, IRIS_LEFT
from vidface.vision.rigid import rotations_of

MODEL = MeshModel.load(Path(__file__).resolve().parents[2] / "models/vidface-meshmodel/model.npz")
SIDE, UNIT = 256, 45.0


def head(*angles: float, shape: Any = None, shift: tuple[float, float] = (0, 0)) -> Any:
    """The mean face turned by yaw, pitch, roll degrees, in the middle of the picture."""
    mesh = (MODEL.mean if shape is None else shape) @ rotations_of([angles or (0, 0, 0)])[0].T
    return (mesh * UNIT + np.array([SIDE / 2 + shift[0], 120 + shift[1], 0])).astype(np.float32)


def field(source: Any, target: Any) -> MeshField:
    return mesh_field(source, target, model=MODEL, size=(SIDE, SIDE))


def own_places() -> Any:
    return np.dstack(np.meshgrid(np.arange(SIDE), np.arange(SIDE))) + 0.5


def at(maps: Any, point: Any) -> Any:
    """The map's value at the pixel that holds a point."""
    return maps[int(point[1]), int(point[0])]


def test_same_mesh_leaves_every_pixel_in_place() -> None:
    """A source that is its own target is not moved, not by a twentieth of a pixel, anywhere."""
    found = field(head(20, 10, 5), head(20, 10, 5))
    assert np.abs(found.places - own_places()).max() < 0.05


@pytest.mark.parametrize("angles", [(25, 0, 0), (-25, 0, 0), (0, 15, 0), (10, -10, 20)])
def test_points_of_the_target_come_from_those_of_the_source(angles: tuple[float, ...]) -> None:
    """Under a known turn each well-seen mesh point leads back to where it was."""
    source, target = head(), head(*angles, shift=(6, -3))
    found = field(source, target)
    clear = (visible(target, MODEL) > 0.6) & (np.arange(478) < 468)
    clear &= np.isin(np.arange(478), MODEL.triangles)
    x, y = target[clear, :2].T.reshape(2, -1, 1) - 0.5
    places = cv2.remap(found.places, x, y, cv2.INTER_LINEAR)[:, 0]
    away = np.hypot(*(places - source[clear, :2]).T)
    assert np.median(away) < 0.3
    assert np.quantile(away, 0.97) < 2


def test_the_point_on_the_mean_face_is_told() -> None:
    """`code` of a mesh point's pixel is that point of the mean face, whatever the pose; 0 outside."""
    target = head(15, 5, 10)
    found = field(head(), target)
    for point in (4, 10, 152, 50, 280):
        assert at(found.code, target[point]) == pytest.approx(MODEL.mean[point], abs=0.06)
    assert not found.code[found.inside == 0].any()


def test_the_side_that_the_nose_hid_was_not_seen() -> None:
    """From a source turned to the right, what lies beyond the nose has seen 0, the near cheek has 1."""
    source, target = head(50, 0, 0), head()
    found = field(source, target)
    near, far = (234, 93, 123), (454, 323, 361)
    assert min(at(found.seen, target[50] + (0, k, 0)) for k in (-2, 0, 2)) > 0.6
    assert max(at(found.seen, target[i] + (-3, 0, 0)) for i in far) < 0.3
    assert visible(head(-50, 0, 0), MODEL)[[*near]].max() < 0.3
    assert not found.seen[found.inside == 0].any()


def test_the_border_and_the_shoulders_stay_and_the_hair_follows() -> None:
    """Only the head moves: 10 pixels to the right at the hair, nothing at the border."""
    found = field(head(), head(shift=(10, 0)))
    way = found.places - own_places()
    for edge in (way[0], way[-1], way[:, 0], way[:, -1]):
        assert np.abs(edge).max() < 1
    assert way[60, SIDE // 2 + 10, 0] == pytest.approx(-10, abs=1)
    assert np.abs(way[253]).max() < 1


def test_nothing_tears_at_the_outline() -> None:
    """Across the outline of a moderately turned face places change without a jump."""
    found = field(head(), head(12, 5, 5, shift=(4, 2)))
    steps = np.abs(np.diff(found.places, axis=1)).max(axis=2)
    assert np.quantile(steps, 0.999) < 5


def test_an_opened_mouth_is_no_part_of_the_face() -> None:
    """The opening has inside 0 and mouth 1; its places lie on the closed lips of the source."""
    shape = MODEL.mean + 1.6 * MODEL.expression[0]
    target = head(shape=shape)
    found = field(head(), target)
    middle = (target[13] + target[14]) / 2
    assert at(found.inside, middle) == 0
    assert at(found.mouth, middle) == 1
    assert at(found.places, middle)[1] == pytest.approx(head()[13][1], abs=3)


def test_a_look_aside_moves_the_iris_and_not_the_lids() -> None:
    """The iris' middle leads to that of the source; corners stay."""
    source, target = head(), head()
    target[list(IRIS_LEFT), 0] += 4
    found = field(source, target)
    assert at(found.places, target[473]) == pytest.approx(source[473, :2], abs=0.8)
    corner = target[EYE_LEFT[8]]
    assert at(found.places, corner) == pytest.approx(corner[:2], abs=1)


def test_a_lid_slides_over_the_eyeball() -> None:
    """Half closed, the eye shows the same part of the iris where it did, not a squeezed iris."""
    source, target = head(), head()
    upper = list(EYE_LEFT[1:8])
    target[upper, 1] += 0.5 * (target[374, 1] - target[386, 1])
    found = field(source, target)
    spot = target[374] - (0, 1.5, 0)
    assert at(found.places, spot)[1] == pytest.approx(spot[1], abs=1)


@pytest.mark.parametrize("wrong", [np.zeros((5, 3)), np.full((478, 3), np.nan), np.zeros((478, 3))])
def test_a_broken_mesh_is_refused(wrong: Any) -> None:
    """Neither part is guessed at."""
    with pytest.raises(ValueError, match="the target mesh"):
        field(head(), wrong)


def test_a_face_outside_of_the_picture_moves_nothing() -> None:
    """There is a field all the same."""
    found = field(head(shift=(2000, 0)), head(shift=(2010, 0)))
    assert np.isfinite(found.places).all()
    assert not found.inside.any()


def test_a_field_takes_few_milliseconds() -> None:
    """256 x 256 on one core: under 15 ms by design; the bound here leaves room for a slow machine."""
    source, target = head(), head(20, 5, 5)
    field(source, target)
    spent = []
    for _ in range(5):
        start = time.thread_time()
        field(source, target)
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.06
