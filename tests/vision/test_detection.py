"""Decoding of detector heads, on arrays made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.vision.boxes import iou_matrix, nms
from vidface.vision.detection import (
    MOST_CANDIDATES,
    STRIDES,
    YUNET_OUTPUTS,
    Found,
    decode_retinaface,
    decode_scrfd,
    decode_yunet,
    faces_among,
    join,
    numbers_in,
    padded_size,
    to_tensor,
    vote,
)

SIZE = (128, 64)
"""Width and height: different, so that rows and columns cannot be mixed up unseen."""


def empty_heads(widths: Sequence[int], *, anchors: int = 1, pictures: int = 1) -> list[NDArray[np.float32]]:
    """Heads that say nothing, grouped by head, strides 8, 16, 32."""
    cells = [SIZE[0] // stride * (SIZE[1] // stride) * anchors for stride in STRIDES]
    return [np.zeros((pictures, n, width), np.float32) for width in widths for n in cells]


def yunet(pictures: int = 1) -> list[NDArray[np.float32]]:
    return empty_heads((1, 1, 4, 10), pictures=pictures)


def scrfd(pictures: int = 1) -> list[NDArray[np.float32]]:
    return empty_heads((1, 4, 10), anchors=2, pictures=pictures)


@pytest.mark.parametrize(("level", "stride"), list(enumerate(STRIDES)))
def test_convention_yunet_cell_to_pixels(level: int, stride: int) -> None:
    """Column 1, row 1: centre and points = (cell + delta) * stride, side = exp * stride."""
    heads = yunet()
    columns = SIZE[0] // stride
    cell = columns * (1 if stride < 32 else 0) + 1
    row = cell // columns
    heads[level][0, cell] = 0.81
    heads[3 + level][0, cell] = 1.0
    heads[6 + level][0, cell] = [0.5, 0.25, np.log(2), np.log(3)]
    heads[9 + level][0, cell] = np.arange(10) / 10
    (found,) = decode_yunet(heads, SIZE, 0.6)
    centre = np.array([1.5, row + 0.25]) * stride
    half = np.array([1.0, 1.5]) * stride
    np.testing.assert_allclose(found.boxes, [[*(centre - half), *(centre + half)]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9], rtol=1e-6)
    expected = (np.array([1, row]) + (np.arange(10) / 10).reshape(5, 2)) * stride
    np.testing.assert_allclose(found.landmarks, [expected], rtol=1e-6)


def test_scores_are_clipped_before_they_are_multiplied() -> None:
    """Two values above 1 give 1; two below 0 give 0 and not a positive product."""
    heads = yunet()
    heads[0][0, :2, 0] = (1.7, -0.9)
    heads[3][0, :2, 0] = (1.2, -0.9)
    (found,) = decode_yunet(heads, SIZE, 0.01)
    assert found.scores.tolist() == [1.0]


def test_threshold_is_inclusive_and_nan_is_nobody() -> None:
    """A score of exactly `min_score` counts; one that is not a number is told, and then left out."""
    heads = yunet()
    heads[0][0, :3, 0] = (0.25, 0.2499, np.nan)
    heads[3][0, :3, 0] = 1
    (found,) = decode_yunet(heads, SIZE, 0.5)
    assert numbers_in(found).tolist() == [True, False]
    assert faces_among(found, 0.3).scores.tolist() == [0.5]


@pytest.mark.parametrize("voting", [False, True])
@pytest.mark.parametrize("odd", range(3))
def test_what_is_no_number_hides_nobody(voting: bool, odd: int) -> None:
    """Wherever it stands: the two others are found, each where it is."""
    boxes = np.array([[10, 10, 50, 50], [200, 200, 260, 260], [400, 10, 440, 50]], np.float32)
    found = Found(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.zeros((3, 5, 2), np.float32))
    (found.boxes, found.scores, found.landmarks)[odd][odd] = (np.nan, np.inf, np.nan)[odd]
    best = faces_among(found, 0.3, voting=voting)
    np.testing.assert_array_equal(best.boxes, np.delete(boxes, odd, axis=0))
    assert np.isfinite(best.landmarks).all()


def test_each_picture_of_a_batch_gets_its_own() -> None:
    """Three pictures, faces in the first and third, at different strides."""
    heads = yunet(pictures=3)
    for level, picture in ((0, 0), (1, 2), (2, 2)):
        heads[level][picture, 0] = heads[3 + level][picture, 0] = 1
    found = decode_yunet(heads, SIZE, 0.5)
    assert [len(one.boxes) for one in found] == [1, 0, 2]
    alone = decode_yunet([head[2:] for head in heads], SIZE, 0.5)[0]
    for together, single in zip(found[2], alone, strict=True):
        np.testing.assert_array_equal(together, single)


def test_a_wild_size_stays_finite() -> None:
    """A log size of 1000 would overflow to infinity."""
    heads = yunet()
    heads[0][0, 0] = heads[3][0, 0] = 1
    heads[6][0, 0] = 1000
    (found,) = decode_yunet(heads, SIZE, 0.5)
    assert np.isfinite(found.boxes).all()


def test_translation_by_a_whole_cell_moves_the_face_and_nothing_else() -> None:
    """The same answer one column to the right lies one stride to the right."""
    here, there = yunet(), yunet()
    for heads, cell in ((here, 3), (there, 4)):
        heads[1][0, cell] = heads[4][0, cell] = 0.9
        heads[7][0, cell] = [0.1, 0.2, 0.3, 0.4]
        heads[10][0, cell] = np.linspace(-1, 1, 10)
    (a,), (b,) = decode_yunet(here, SIZE, 0.5), decode_yunet(there, SIZE, 0.5)
    np.testing.assert_allclose(b.boxes - a.boxes, [[16, 0, 16, 0]], atol=1e-5)
    np.testing.assert_allclose(b.landmarks - a.landmarks, np.tile([16.0, 0.0], (1, 5, 1)), atol=1e-5)


def test_no_more_candidates_than_a_crowd_gives() -> None:
    """Where every cell says yes, the best scores stay."""
    size = (1024, 512)
    cells = [size[0] // s * (size[1] // s) for s in STRIDES]
    heads = [np.full((1, n, w), 0.9, np.float32) for w in (1, 1, 4, 10) for n in cells]
    heads[2][...] = 1.0
    (found,) = decode_yunet(heads, size, 0.5)
    assert len(found.boxes) == MOST_CANDIDATES
    assert found.scores[0] == pytest.approx(np.sqrt(0.9))


@pytest.mark.parametrize(("level", "stride"), list(enumerate(STRIDES)))
def test_convention_scrfd_anchor_to_pixels(level: int, stride: int) -> None:
    """The second anchor of cell (1, 0): box = corner -/+ distances * stride, points likewise."""
    heads = scrfd()
    heads[level][0, 3] = 0.8
    heads[3 + level][0, 3] = [0.5, 0.25, 1.0, 2.0]
    heads[6 + level][0, 3] = np.arange(10) / 10
    (found,) = decode_scrfd(heads, SIZE, 0.5)
    np.testing.assert_allclose(found.boxes, np.array([[0.5, -0.25, 2.0, 2.0]]) * stride, rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-6)
    points = (np.array([1, 0]) + (np.arange(10) / 10).reshape(5, 2)) * stride
    np.testing.assert_allclose(found.landmarks, [points], rtol=1e-6)


def test_scrfd_exports_for_one_picture_have_no_batch_axis() -> None:
    """The public exports give cells x 1 for a single picture."""
    heads = scrfd()
    heads[0][0, 0] = 1.0
    batched = decode_scrfd(heads, SIZE, 0.5)
    flat = decode_scrfd([head[0] for head in heads], SIZE, 0.5)
    np.testing.assert_array_equal(batched[0].boxes, flat[0].boxes)
    assert len(flat) == 1


@pytest.mark.parametrize(
    ("prior", "centre", "side"),
    [(0, (4, 4), 16), (1, (4, 4), 32), (34, (12, 12), 16), (256, (8, 8), 64), (321, (16, 16), 512)],
)
def test_convention_retinaface_prior_to_pixels(prior: int, centre: tuple[int, int], side: int) -> None:
    """Priors run stride by stride, row by row, two a cell; variances 0.1 and 0.2; outputs in any order."""
    count = sum(SIZE[0] // s * (SIZE[1] // s) for s in STRIDES) * 2
    boxes, chance, points = (np.zeros((2, count, width), np.float32) for width in (4, 2, 10))
    boxes[1, prior] = [1, -1, 5 * np.log(2), 0]
    chance[1, prior] = [0.3, 0.7]
    points[1, prior] = np.arange(10)
    nobody, found = decode_retinaface([points, boxes, chance], SIZE, 0.5)
    x, y = centre[0] + 0.1 * side, centre[1] - 0.1 * side
    assert len(nobody.boxes) == 0
    np.testing.assert_allclose(found.boxes, [[x - side, y - side / 2, x + side, y + side / 2]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.7], rtol=1e-6)
    expected = np.array(centre) + np.arange(10).reshape(5, 2) * 0.1 * side
    np.testing.assert_allclose(found.landmarks, [expected], rtol=1e-5)
    with pytest.raises(ValueError, match=f"n x {count} x 2"):
        decode_retinaface([points, boxes], SIZE, 0.5)


def test_heads_that_do_not_fit_are_refused() -> None:
    """Another number of outputs, and outputs for a picture of another size."""
    with pytest.raises(ValueError, match="12 outputs, but gives 11"):
        decode_yunet(yunet()[:-1], SIZE, 0.5)
    with pytest.raises(ValueError, match="stride 8 should be n x 64 x 1"):
        decode_yunet(yunet(), (64, 64), 0.5)
    with pytest.raises(ValueError, match="9 outputs, but gives 12"):
        decode_scrfd(yunet(), SIZE, 0.5)


def test_tensor_puts_pictures_top_left_on_black() -> None:
    """Channel order kept, values 0-255, padding right and below."""
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((5, 7), (32, 64))]
    tensor = to_tensor(pictures, (64, 32))
    assert tensor.shape == (2, 3, 32, 64)
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor[0, :, :5, :7], pictures[0].transpose(2, 0, 1))
    assert not tensor[0, :, 5:].any()
    assert not tensor[0, :, :, 7:].any()
    np.testing.assert_array_equal(tensor[1], pictures[1].transpose(2, 0, 1))


def test_tensor_normalises_the_padding_like_black_pixels() -> None:
    """value = (pixel / divide - mean) / std, one mean a channel."""
    picture = np.full((2, 2, 3), (0, 51, 255), np.uint8)
    tensor = to_tensor([picture], (4, 4), divide=255, mean=(0.5, 0.4, 0.3), std=(0.5,))
    np.testing.assert_allclose(tensor[0, :, 0, 0], [-1.0, -0.4, 1.4], atol=1e-6)
    np.testing.assert_allclose(tensor[0, :, 3, 3], [-1.0, -0.8, -0.6], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "padded"), [((640, 360), (640, 384)), ((1, 1), (32, 32)), ((64, 96), (64, 96))]
)
def test_padding_goes_up_to_the_next_multiple(size: tuple[int, int], padded: tuple[int, int]) -> None:
    """Never down, and not at all where it fits."""
    assert padded_size(size, 32) == padded


def test_moving_adds_the_offset_before_scaling() -> None:
    """A tile's own pixels -> pixels of its pass -> pixels of the frame."""
    found = Found(
        np.array([[1, 2, 3, 4]], np.float32), np.ones(1, np.float32), np.ones((1, 5, 2), np.float32)
    )
    moved = found.moved((2.0, 3.0), (10.0, 20.0))
    np.testing.assert_array_equal(moved.boxes, [[22, 66, 26, 72]])
    np.testing.assert_array_equal(moved.landmarks, np.tile([22.0, 63.0], (1, 5, 1)))


def test_joining_nothing_gives_nobody() -> None:
    """Shapes hold without a single row."""
    nobody = join([])
    assert [column.shape for column in nobody] == [(0, 4), (0,), (0, 5, 2)]
    assert len(join([nobody, nobody]).boxes) == 0


def reports(seed: int, count: int) -> Found:
    """So many reports of a few faces, a little beside each other, and of nobody in particular."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 3, (count, 1)) * 60 + rng.normal(0, 3, (count, 4)) + [10, 10, 50, 60]
    points = corners[:, None, :2] + rng.uniform(0, 40, (count, 5, 2))
    scores = rng.uniform(0.1, 1, count)
    return Found(corners.astype(np.float32), scores.astype(np.float32), points.astype(np.float32))


def test_a_vote_of_two_is_the_mean_by_score_squared_and_overlap() -> None:
    """Scores 1 and 0.5, IoU 0.8: weights 1 and 0.2, so a sixth of the way."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8]], np.float32)
    points = np.zeros((2, 5, 2), np.float32)
    points[1] = 6
    both = Found(boxes, np.array([1, 0.5], np.float32), points)
    voted = vote(both.pick([0]), both)
    np.testing.assert_allclose(voted.boxes, [[0, 0, 10, 10 - 2 / 6]], rtol=1e-6)
    np.testing.assert_allclose(voted.landmarks, np.ones((1, 5, 2)), rtol=1e-6)
    np.testing.assert_array_equal(voted.scores, [1])


def test_one_face_a_person_with_or_without_a_vote() -> None:
    """The best of two that overlap and the one aside; without a vote it stays as it was reported."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [20, 20, 30, 30]], np.float32)
    found = Found(boxes, np.array([1, 0.5, 0.4], np.float32), np.zeros((3, 5, 2), np.float32))
    plain, voted = faces_among(found, 0.3, voting=False), faces_among(found, 0.3)
    np.testing.assert_array_equal(plain.boxes, boxes[[0, 2]])
    np.testing.assert_allclose(voted.boxes, [[0, 0, 10, 10 - 2 / 6], boxes[2]], rtol=1e-6)


def test_convention_names_of_a_yunet_stand_in_the_order_of_its_decoder() -> None:
    """Head by head, each from the finest stride on."""
    assert YUNET_OUTPUTS[:4] == ("cls_8", "cls_16", "cls_32", "obj_8")
    assert [name.split("_")[0] for name in YUNET_OUTPUTS[::3]] == ["cls", "obj", "bbox", "kps"]


def test_whoever_overlaps_too_little_has_no_say() -> None:
    """A neighbour at IoU 0.5 and a box without area change nothing; the latter keeps its own points."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 20, 20]], np.float32)
    points = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    found = Found(boxes, np.array([0.9, 0.8, 0.7], np.float32), points)
    voted = vote(found.pick([0, 2]), found)
    np.testing.assert_array_equal(voted.boxes, boxes[[0, 2]])
    np.testing.assert_array_equal(voted.landmarks, points[[0, 2]])


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 25))
def test_a_vote_stays_among_the_voters_in_any_order(seed: int, count: int) -> None:
    """Boxes and points lie within those that overlap; a shuffle of the candidates changes nothing."""
    candidates = reports(seed, count)
    found = candidates.pick(nms(candidates.boxes, candidates.scores, 0.3))
    voted = vote(found, candidates)
    shuffled = vote(found, candidates.pick(np.random.default_rng(seed).permutation(count)))
    for face, box in enumerate(found.boxes):
        voters = candidates.pick(iou_matrix(box[None], candidates.boxes)[0] >= 0.6)
        if len(voters.boxes) <= 1:
            np.testing.assert_array_equal(voted.boxes[face], box)
            np.testing.assert_array_equal(voted.landmarks[face], found.landmarks[face])
            continue
        for given_, mean in ((voters.boxes, voted.boxes), (voters.landmarks, voted.landmarks)):
            assert (mean[face] >= given_.min(0) - 1e-3).all()
            assert (mean[face] <= given_.max(0) + 1e-3).all()
    np.testing.assert_allclose(shuffled.boxes, voted.boxes, atol=1e-3)
    np.testing.assert_allclose(shuffled.landmarks, voted.landmarks, atol=1e-3)
    np.testing.assert_array_equal(voted.scores, found.scores)
