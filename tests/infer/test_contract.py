"""Pixels become what the contract says, and graphs are held against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vidface.infer.contract import Port, misfits, pictures, prepare
from vidface.infer.manifest import Contract, Input, Output

PIXEL = np.array([[[[0, 128, 255]]]], np.uint8)  # one red-less, half-green, all-blue pixel


def spec(**changes: Any) -> Input:
    fields: dict[str, Any] = {"shape": ("N", 3, "H", "W"), "layout": "NCHW", "channels": "rgb"}
    return Input(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ({}, [0, 128, 255]),
        ({"channels": "bgr"}, [255, 128, 0]),
        ({"mean": (127.5,), "std": (128.0,)}, [-127.5 / 128, 0.5 / 128, 127.5 / 128]),
        ({"divide": 127.5, "mean": (1.0,)}, [-1, 128 / 127.5 - 1, 1]),
        ({"divide": 255.0}, [0, 128 / 255, 1]),
        ({"channels": "bgr", "mean": (104.0, 117.0, 123.0)}, [151, 11, -123]),
        (
            {"divide": 255.0, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
            [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225],
        ),
    ],
)
def test_pixels_are_scaled_as_stated(changes: dict[str, Any], values: list[float]) -> None:
    """(pixel / divide - mean) / std, means in the order of the model's own channels, both layouts."""
    first = prepare(spec(**changes), PIXEL)
    assert first.shape == (1, 3, 1, 1)
    np.testing.assert_allclose(first.ravel(), values, atol=2e-6)
    last = prepare(spec(**changes, layout="NHWC", shape=("N", "H", "W", 3)), PIXEL)
    assert last.shape == (1, 1, 1, 3)
    np.testing.assert_array_equal(last.ravel(), first.ravel())


def test_the_tensor_is_ready_for_the_runtime() -> None:
    """Contiguous float32, and the pictures stay as they were."""
    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    before = pictures.copy()
    tensor = prepare(spec(channels="bgr", divide=2.0), pictures)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    np.testing.assert_array_equal(tensor[1, 0], pictures[1, :, :, 2] / 2)
    np.testing.assert_array_equal(pictures, before)


@pytest.mark.parametrize(
    ("changes", "pictures", "message"),
    [
        ({}, np.zeros((4, 4, 3), np.uint8), "n x H x W x 3 uint8"),
        ({}, np.zeros((1, 4, 4, 3), np.float32), "n x H x W x 3 uint8"),
        ({"multiple": 32}, np.zeros((1, 32, 33, 3), np.uint8), "multiples of 32, but are 32 and 33"),
        ({"channels": None}, np.zeros((1, 4, 4, 3), np.uint8), "does not hold one RGB or BGR picture"),
    ],
)
def test_wrong_pictures_are_refused(changes: dict[str, Any], pictures: Any, message: str) -> None:
    """Shape, type, size and kind."""
    with pytest.raises(ValueError, match=message):
        prepare(spec(**changes), pictures)


CONTRACT = Contract(
    inputs=(spec(shape=("N", 3, 112, 112)),), outputs=(Output(shape=("N", 512), meaning="vector"),)
)
GOOD = Port("data", (None, 3, 112, 112), "float32")
VECTOR = Port("fc1", (1, 512), "float32")


@pytest.mark.parametrize(
    ("inputs", "outputs", "fault"),
    [
        ([GOOD], [VECTOR], None),
        ([Port("x", (None, 3, None, None), "float32")], [VECTOR], None),
        ([GOOD], [VECTOR, Port("norm", (1, 1), "float32")], None),
        ([Port("x", (1, 112, 112, 3), "float32")], [VECTOR], "input 'x' should be N x 3 x 112 x 112 float32"),
        ([Port("x", (1, 3, 112, 112), "uint8")], [VECTOR], "but is 1 x 3 x 112 x 112 uint8"),
        ([GOOD, GOOD], [VECTOR], "takes 1 inputs, the file has 2"),
        ([GOOD], [], "gives 1 outputs, the file has 0"),
        ([GOOD], [Port("fc1", (1, 128), "float32")], "output 'fc1' should be N x 512"),
    ],
)
def test_graphs_are_held_against_the_contract(
    inputs: list[Port], outputs: list[Port], fault: str | None
) -> None:
    """Free dimensions agree with anything; counts, ranks, fixed sizes and types must fit."""
    faults = misfits(CONTRACT, inputs, outputs)
    assert faults == [] if fault is None else fault in "; ".join(faults)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize(
    ("scaling", "limits"),
    [({}, (0, 255)), ({"divide": 255.0}, (0, 1)), ({"divide": 127.5, "mean": (1.0,)}, (-1, 1))],
)
def test_convention_pictures_come_back_as_they_went_in(
    layout: str, channels: str, scaling: dict[str, Any], limits: tuple[float, float]
) -> None:
    """`pictures` undoes `prepare`: layout, order of channels and range, whatever they are."""
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    entry = spec(layout=layout, channels=channels, shape=("N", 3, 5, 7), **scaling)
    values = prepare(entry, images)
    before = values.copy()
    back = pictures(entry, Output(meaning="picture", range=limits), values)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, images, atol=1e-3)
    np.testing.assert_array_equal(values, before)


def test_pictures_are_clipped_and_failures_stay_visible() -> None:
    """Beyond black and white there is nothing; NaN must not turn into a colour."""
    values = np.array([-1.5, 0.0, 1.5], np.float32).reshape(1, 3, 1, 1)
    result = Output(meaning="picture", range=(-1, 1))
    assert pictures(spec(), result, values).ravel().tolist() == [0, 127.5, 255]
    values[0, 1] = np.nan
    assert np.isnan(pictures(spec(), result, values)[0, 0, 0, 1])


@pytest.mark.parametrize(
    ("limits", "shape", "message"),
    [
        (None, (1, 3, 4, 4), "a stated range"),
        ((0, 1), (1, 512), "4 dimensions and 3 channels, but are"),
        ((0, 1), (1, 4, 4, 3), "3 channels"),
    ],
)
def test_what_is_no_picture_is_refused(limits: Any, shape: tuple[int, ...], message: str) -> None:
    """No range, or another shape."""
    with pytest.raises(ValueError, match=message):
        pictures(spec(), Output(meaning="x", range=limits), np.zeros(shape, np.float32))
