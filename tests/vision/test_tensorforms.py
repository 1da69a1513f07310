"""Forms of pictures made by torch against those made by swscale and OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.detection import to_tensor
from vidface.vision.resize import resize

torch = pytest.importorskip("torch", reason="torch is an extra")


@pytest.fixture(scope="module")
def geometry() -> Any:
    from vidface.vision import tensorwarp

    return tensorwarp


@pytest.fixture(scope="module")
def forms() -> Any:
    from vidface.vision import tensorforms

    return tensorforms


def natural(high: int, wide: int) -> Any:
    """A picture with edges, shades and colours, H x W x 3 uint8."""
    ys, xs = np.mgrid[:high, :wide].astype(np.float32)
    shades = np.stack([xs / wide, ys / high, (xs + ys) / (wide + high)], axis=-1) * 200 + 20
    waves = 30 * np.sin(xs / 7)[..., None] * np.cos(ys / 11)[..., None]
    picture = np.clip(shades + waves, 0, 255).astype(np.uint8)
    cv2.circle(picture, (wide // 2, high // 3), high // 5, (220, 150, 110), -1, cv2.LINE_AA)
    cv2.rectangle(picture, (wide // 5, high // 2), (wide // 3, high - 9), (20, 60, 190), -1)
    return picture


def tensor(picture: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


@pytest.mark.parametrize("size", [(96, 54), (100, 37), (640, 360), (200, 100), (333, 500)])
def test_scaling_is_that_of_resize(geometry: Any, size: tuple[int, int]) -> None:
    """Shrinking, growing, and one of each: within a level of what OpenCV gives."""
    picture = natural(180, 320)
    scaled = geometry.scaled(tensor(picture).to(torch.float32), size).permute(1, 2, 0).numpy()
    assert np.abs(scaled - resize(picture.astype(np.float32), size)).max() < 0.6


def test_averages_of_whole_blocks(geometry: Any) -> None:
    """A whole factor: exact means, the rest cut off."""
    picture = natural(50, 71)
    mean = picture[:48, :69].reshape(16, 3, 23, 3, 3).mean(axis=(1, 3))
    made = geometry.averaged(tensor(picture), 3).permute(1, 2, 0).numpy()
    assert made.shape == (16, 23, 3)
    assert np.abs(made - mean).max() <= 0.5 + 1e-4


@pytest.mark.parametrize(("angle", "scale", "shift"), [(0, 1.0, 0.0), (20, 0.8, 3.3), (-75, 1.7, -40.0)])
def test_warps_are_those_of_opencv(geometry: Any, angle: float, scale: float, shift: float) -> None:
    """Linear, black outside; OpenCV rounds places to 1/32 of a pixel."""
    picture = natural(120, 160)
    matrix = cv2.getRotationMatrix2D((80, 60), angle, scale)
    matrix = matrix + np.array([[0, 0, shift]] * 2)
    size = (112, 96)
    want = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    made = geometry.warped(tensor(picture), matrix, size).permute(1, 2, 0).numpy()
    assert psnr(made, want) >= 45


def test_cubic_sampling_is_that_of_opencv(geometry: Any) -> None:
    """The same kernel (a = -0.75), the border going on."""
    sheet = natural(90, 90)[..., 0].astype(np.float32)
    matrix = np.array([[1.31, 0.2, -9.0], [-0.2, 1.31, 14.0]])
    want = cv2.warpAffine(sheet, matrix, (128, 128), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    made = geometry.sampled(torch.from_numpy(sheet)[None], matrix, (128, 128), how="bicubic", beyond="border")
    assert psnr(made[0].numpy(), want) >= 45


@pytest.mark.parametrize(("divide", "mean"), [(1.0, (0.0,)), (127.5, (1.0, 0.9, 1.1))])
def test_a_batch_holds_the_numbers_of_the_network(
    geometry: Any, divide: float, mean: tuple[float, ...]
) -> None:
    """As `to_tensor` makes them: corner, padding, scaling; and filled up to a length."""
    pictures = [natural(40, 64), natural(30, 50)]
    want = to_tensor(pictures, (64, 48), divide=divide, mean=mean)
    made = geometry.batch_of([tensor(one) for one in pictures], (64, 48), divide=divide, mean=mean, length=3)
    assert made.shape == (3, 3, 48, 64)
    assert made.is_contiguous()
    np.testing.assert_allclose(made[:2].numpy(), want, atol=1e-5)
    np.testing.assert_allclose(made[2].numpy(), np.broadcast_to(want[0, :, 47:, :1], (3, 48, 64)), atol=1e-5)


def test_planes_that_do_not_fit_are_refused(forms: Any) -> None:
    """Odd sides, chroma of another size, another dtype."""
    luma, chroma = torch.zeros((4, 6), dtype=torch.uint8), torch.zeros((2, 3, 2), dtype=torch.uint8)
    assert forms.CardPlanes(luma, chroma).size == (6, 4)
    for wrong in ((luma[:3], chroma), (luma, chroma[:1]), (luma.to(torch.int16), chroma)):
        with pytest.raises(ValueError, match="CardPlanes want even"):
            forms.CardPlanes(*wrong)
    with pytest.raises(ValueError, match="CardPlanes want even"):
        forms.CardPlanes(luma, chroma, bits=10)
    with pytest.raises(ValueError, match="must be one of bt601"):
        forms.CardPlanes(luma, chroma, matrix="bt470")


def psnr(one: Any, other: Any) -> float:
    error = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
