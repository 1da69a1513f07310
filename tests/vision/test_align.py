"""Templates are the published numbers, and the similarity is the least-squares one, never a mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.align import TEMPLATES, five_of_68, similarity, to_template, turn_between

Points = NDArray[np.float64]
PUBLISHED = {
    "arcface112": (
        112,
        [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)],
    ),
    "arcface128": (
        128,
        [(46.2946, 51.6963), (81.5318, 51.5014), (64.0252, 71.7366), (49.5493, 92.3655), (78.7299, 92.2041)],
    ),
    "arcface112 columns 8..104 resized to 128": (
        128,
        [
            ((x - 8) * 4 / 3, y * 8 / 7)
            for x, y in (
                (38.2946, 51.6963),
                (73.5318, 51.5014),
                (56.0252, 71.7366),
                (41.5493, 92.3655),
                (70.7299, 92.2041),
            )
        ],
    ),
    "ffhq512": (
        512,
        [
            (192.98138, 239.94708),
            (318.90277, 240.1936),
            (256.63416, 314.01935),
            (201.26117, 371.41043),
            (313.08905, 371.15118),
        ],
    ),
}


def apply(matrix: Points, points: Points) -> Points:
    """n x 2 points through a 2 x 3 matrix."""
    moved: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


def by_svd(source: Points, target: Points) -> Points:
    """Umeyama's equations 40-42 with the singular value decomposition, as the paper states them."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = u @ np.diag(sign) @ vt
    scale = (d * sign).sum() / (a**2).sum() * len(a)
    return np.column_stack([scale * turn, target.mean(0) - scale * turn @ source.mean(0)])


def test_convention_templates_are_pinned() -> None:
    """Name, size and every coordinate, so that nobody moves them by accident."""
    assert set(TEMPLATES) == set(PUBLISHED)
    for name, (size, points) in PUBLISHED.items():
        assert (TEMPLATES[name].name, TEMPLATES[name].size) == (name, size)
        np.testing.assert_allclose(TEMPLATES[name].points, points, rtol=0, atol=1e-9)


def test_templates_cannot_be_changed() -> None:
    """They are shared by the whole program."""
    with pytest.raises(ValueError, match="read-only"):
        TEMPLATES["arcface112"].points[0, 0] = 0
    with pytest.raises(TypeError):
        TEMPLATES["mine"] = TEMPLATES["arcface112"]  # type: ignore[index]


def test_convention_five_of_68() -> None:
    """Eyes are means of 36..41 and 42..47, nose 30, mouth corners 48 and 54."""
    marks = np.column_stack([np.arange(68.0), np.arange(68.0) * 2])
    expected = [(38.5, 77), (44.5, 89), (30, 60), (48, 96), (54, 108)]
    np.testing.assert_allclose(five_of_68(marks), expected)


@given(
    scale=st.floats(0.05, 20),
    angle=st.floats(-np.pi, np.pi),
    shift=st.tuples(st.floats(-5000, 5000), st.floats(-5000, 5000)),
)
def test_a_known_similarity_is_recovered(scale: float, angle: float, shift: tuple[float, float]) -> None:
    """Any turn, scale and shift of the template comes back exactly, to rounding."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    truth = np.array([(c, -s, shift[0]), (s, c, shift[1])])
    points = TEMPLATES["arcface112"].points
    found = similarity(points, apply(truth, points))
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-7 * (1 + scale))


@given(seed=st.integers(0, 10_000))
def test_noisy_points_give_umeyamas_answer(seed: int) -> None:
    """With noise, the closed form for the plane and the paper's SVD agree: the least-squares optimum."""
    rng = np.random.default_rng(seed)
    source = TEMPLATES["ffhq512"].points
    target = source * rng.uniform(0.2, 2) + rng.normal(0, 20, (5, 2)) + rng.uniform(-300, 300, 2)
    np.testing.assert_allclose(similarity(source, target), by_svd(source, target), rtol=1e-8, atol=1e-6)


@given(seed=st.integers(0, 10_000))
def test_no_reflection_ever_comes_out(seed: int) -> None:
    """Whatever the points, the matrix keeps left and right: its determinant is above 0."""
    rng = np.random.default_rng(seed)
    matrix = similarity(rng.normal(0, 50, (5, 2)), rng.normal(0, 50, (5, 2)))
    assert np.linalg.det(matrix[:, :2]) > 0
    assert matrix[0, 0] == matrix[1, 1]
    assert matrix[0, 1] == -matrix[1, 0]


def test_a_mirrored_square_is_refused() -> None:
    """No turn brings a square onto its mirror image better than any other: that is said, not guessed."""
    square = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)])
    with pytest.raises(ValueError, match="mirrored"):
        similarity(square, square[[1, 0, 3, 2]])


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.zeros((5, 2)), np.ones((5, 2)), "coincide"),
        (np.full((5, 2), 4e6), np.eye(5, 2), "coincide"),
        (np.full((5, 2), np.nan), np.ones((5, 2)), "finite"),
        (np.zeros((5, 2)), np.ones((4, 2)), r"\(4, 2\)"),
        (np.zeros((1, 2)), np.ones((1, 2)), "two n x 2"),
    ],
)
def test_points_that_fix_nothing_are_refused(source: Any, target: Any, message: str) -> None:
    """Each bad input gets a sentence that says what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        similarity(source, target)


def test_to_template_puts_the_landmarks_on_the_template() -> None:
    """A face that is the template, scaled and shifted, lands on it."""
    landmarks = TEMPLATES["ffhq512"].points * 0.25 + (100, 40)
    matrix = to_template(landmarks, "ffhq512")
    np.testing.assert_allclose(apply(matrix, landmarks), TEMPLATES["ffhq512"].points, atol=1e-9)


def test_to_template_stretches_where_the_template_does() -> None:
    """The middle 96 columns of the ArcFace crop become 128, its 112 rows too; the turn comes first."""
    name = "arcface112 columns 8..104 resized to 128"
    landmarks = TEMPLATES["arcface112"].points @ [(0.6, -0.8), (0.8, 0.6)] * 2 + (100, 40)
    crop = apply(to_template(landmarks, "arcface112"), landmarks)
    narrow = apply(to_template(landmarks, name), landmarks)
    np.testing.assert_allclose(narrow, (crop - (8, 0)) * (128 / 96, 128 / 112), atol=1e-9)
    np.testing.assert_allclose(narrow, TEMPLATES[name].points, atol=1e-9)


@pytest.mark.parametrize(("first", "second"), [(0, 25), (25, 0), (-10, 15), (170, -165), (-165, 170)])
def test_the_angle_between_two_faces_has_no_sign(first: float, second: float) -> None:
    """25 degrees whichever face is named first and whichever way it leans, also across 180."""
    five = TEMPLATES["arcface112"].points
    turned = []
    for degrees in (first, second):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned.append(five @ [(c, s), (-s, c)] * (2 if degrees == first else 0.5) + (300, 40))
    assert turn_between(*turned) == pytest.approx(25, abs=1e-9)
