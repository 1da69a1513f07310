"""Framing: what the frame shows of a face, by boxes and by where the face lies."""

from __future__ import annotations

import numpy as np
import pytest

from vidface.vision.faceframing import framing_of, shown_of


def test_framing_sees_the_frame_and_larger_faces() -> None:
    """Half outside is a half, a quarter behind a larger box takes a quarter; the larger one keeps all."""
    boxes = np.array(
        [(-20, 10, 20, 50), (100, 100, 200, 200), (180, 100, 220, 140), (300, 300, 310, 310)], np.float32
    )
    values = framing_of(boxes, (240, 240))
    np.testing.assert_allclose(values, [0.5, 1, 0.5, 0])
    assert framing_of(boxes[:0], (240, 240)).shape == (0,)


def test_what_the_frame_shows_of_a_face_goes_by_where_the_face_lies() -> None:
    """A half cut off by the left edge, all of it inside, nothing of it, and no face on the crop at all."""
    side, face = 100, np.zeros((100, 100), np.bool_)
    face[20:80, 20:80] = True
    for left, share in ((-50, 0.5), (0, 1), (100, 1), (-200, 0)):
        shift = np.array([(1.0, 0, -left), (0, 1.0, 0)])  # the crop begins at x = left
        assert shown_of(shift, face, (200, 100)) == pytest.approx(share)
    assert np.isnan(shown_of(shift, np.zeros((side, side), np.bool_), (200, 100)))
