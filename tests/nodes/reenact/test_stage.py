"""Where a portrait is drawn: the square lies around the head, whatever size that has in its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.reenact._source import Still
from vidface.nodes.reenact._stage import stage_of
from vidface.vision.meshmodel import MeshModel
from vidface.vision.portrait import render

MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)
MIDDLE = (500, 300)


def still(face_px: float) -> Still:
    """A picture of noise and a mesh of so many pixels, brow to chin, far from its corner."""
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    mean = np.asarray(MODEL.mean, np.float32)
    mesh = (mean - mean.mean(axis=0)) * (face_px / float(np.ptp(mean[:, 1]))) + (*MIDDLE, 0)
    return Still(Path("made.png"), pixels, mesh.astype(np.float32), 1, frame_from_rgb(pixels).pixels)


@pytest.mark.parametrize("face_px", [2, 12, 24, 28, 60, 64, 120])
def test_the_square_lies_around_the_head(face_px: float) -> None:
    """Also around one whose square is under 64 pixels; a second picture shows the head as large."""
    stage = stage_of([still(face_px), still(2 * face_px)], MODEL, crop=None, longest=800)
    first, other = (look.mesh[:, :2] for look in stage.source.looks)
    middle = first.mean(axis=0) + np.array([stage.left, stage.top])
    assert np.abs(middle - MIDDLE).max() < 0.1
    assert first.min() > 0.15 * stage.source.side
    assert first.max() < 0.85 * stage.source.side
    assert np.allclose(other, first, atol=1 + 0.02 * face_px)


@pytest.mark.parametrize("face_px", [8, 24, 64])
def test_a_small_head_moves_where_it_is(face_px: float) -> None:
    stage = stage_of([still(face_px)], MODEL, crop=None, longest=800)
    target = stage.source.looks[0].mesh + np.array([face_px / 8, 0, 0])
    way = np.abs(stage.stitched(render(stage.source, target)).astype(int) - stage.still).max(axis=2)
    rows, columns = np.nonzero(way > 20)
    half = max(32, 1.3 * face_px)
    assert len(rows) > 0.5 * face_px**2
    assert np.abs(columns - MIDDLE[0]).max() <= half
    assert np.abs(rows - MIDDLE[1]).max() <= half + 0.15 * face_px
