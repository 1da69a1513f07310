"""How far `Frame.rgb` is off, as its docstring says: beside arithmetic in float64."""

from __future__ import annotations

import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.bench.rgb import COLOURS, WAYS, errors
from vidface.media.pixels import AvPixels


@pytest.mark.parametrize(("matrix", "full"), COLOURS)
def test_the_quick_way_darkens_and_the_exact_one_rounds(matrix: str, full: bool) -> None:
    quick = errors(matrix, full=full, way="quick")
    assert np.abs(quick).max() < (2 if full else 3)
    assert (quick.mean(0) < -0.4).all()
    assert (quick.mean(0) > (-1.1 if full else -1.6)).all()
    assert np.abs(errors(matrix, full=full, way="exact")).max() < 0.52


def test_a_frame_is_read_the_quick_way() -> None:
    """What is measured here is what `Frame.rgb` gives."""
    frame = VideoFrame.from_ndarray(np.random.default_rng(0).integers(0, 256, (96, 64), np.uint8), "yuv420p")
    frame.colorspace, frame.color_range = 5, 1
    wanted = frame.reformat(format="rgb24", interpolation=WAYS["quick"], dst_color_range=2).to_ndarray()
    assert np.array_equal(AvPixels(frame).rgb(), wanted)
