"""Irises found in drawn eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.vision.facecrop import aligned
from vidface.vision.irisfind import with_irises
from vidface.vision.meshmodel import MeshModel
from vidface.vision.meshtopology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT
from vidface.vision.motionfit import gaze_of

MODEL = MeshModel.load(Path(__file__).resolve().parents[2] / "models/vidface-meshmodel/model.npz")
SCALE = 120


def mesh() -> Any:
    return (MODEL.mean * SCALE + (250, 220, 0)).astype(np.float32)


def drawn(look: float, *, dark: int = 60) -> Any:
    """Skin, white between the lids, and a disk in each eye, `look` eye widths right of the middle."""
    picture = np.full((520, 500, 3), (190, 150, 130), np.uint8)
    for ring in (EYE_RIGHT, EYE_LEFT):
        lids, eye = mesh()[list(ring), :2], np.zeros((520, 500), np.uint8)
        cv2.fillPoly(eye, [np.rint(lids).astype(np.int32)], (1,))
        ends = lids[[0, 8]]
        width = float(np.linalg.norm(ends[0] - ends[1]))
        middle = ends.mean(axis=0) + np.array([look, -0.03]) * width
        disk = np.zeros_like(eye)
        cv2.circle(disk, (round(float(middle[0])), round(float(middle[1]))), round(0.195 * width), (1,), -1)
        picture[eye > 0] = (225, 220, 215)
        picture[(eye & disk) > 0] = dark
    return picture


def cut_of(picture: Any) -> Any:
    def cut(matrix: Any, size: tuple[int, int]) -> Any:
        return aligned(picture, matrix, max(size))[: size[1], : size[0]]

    return cut


@pytest.mark.parametrize("look", [-0.2, -0.1, 0.0, 0.15])
def test_both_irises_are_found_where_they_were_drawn(look: float) -> None:
    """Within 4 % of the eye's width, whatever the mesh said; all four edge points go along."""
    found = with_irises(mesh(), cut_of(drawn(look)))
    assert found is not None
    assert gaze_of(found)[:, 0] == pytest.approx([look, look], abs=0.04)
    for iris in (IRIS_RIGHT, IRIS_LEFT):
        way = (found - mesh())[list(iris), :2]
        assert np.abs(way - way[0]).max() < 1e-3
    assert (found[:468] == mesh()[:468]).all()


def test_without_an_iris_nothing_is_claimed() -> None:
    """A plain eye, shut lids, an eye of a few pixels."""
    assert with_irises(mesh(), cut_of(drawn(0, dark=215))) is None
    shut = mesh()
    for ring in (EYE_RIGHT, EYE_LEFT):
        shut[list(ring[1:8]), 1] = shut[list(ring[:8:-1]), 1] - 1
    assert with_irises(shut, cut_of(drawn(0))) is None
    assert with_irises(mesh() * 0.05, cut_of(drawn(0))) is None
