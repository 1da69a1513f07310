"""The shipped detector on the project's own samples: what it finds, where, and what OpenCV makes of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device, Faces, Frame
from vidface.infer import session, weights
from vidface.media.decode import open_source
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.vision.boxes import iou_matrix, nms
from vidface.vision.detection import YUNET_OUTPUTS, decode_yunet, padded_size, to_tensor

MODEL = "vidface-facedet"
STEP = 5
"""Every fifth frame of the sample is enough, and fast."""


@cache
def sampled(path: Path) -> list[tuple[Frame, dict[str, Any]]]:
    """Frames of the sample with the truth about each."""
    truth = [json.loads(line) for line in path.with_suffix(".truth.jsonl").read_text().splitlines()]
    source = open_source(path)
    try:
        pairs = zip(source.frames(), truth, strict=True)
        return [pair for i, pair in enumerate(pairs) if i % STEP == 0]
    finally:
        source.close()


@pytest.fixture(scope="module")
def clip(samples: Path) -> list[tuple[Frame, dict[str, Any]]]:
    """Two people: motion, zoom, roll, occlusion, a cut."""
    return sampled(samples / "two_people.mp4")


def detect(frames: list[Frame], **fields: Any) -> list[Faces]:
    """Faces of each frame."""
    node = DetectFace(**fields)
    node.open(Device())
    node.reset()
    try:
        return [faces for frame in frames for faces in node.process(Batch([frame]))]
    finally:
        node.close()


def truth_boxes(truth: dict[str, Any], visible: float) -> NDArray[np.float32]:
    """Boxes of the faces of which at least that share can be seen."""
    rows = [face["box"] for face in truth["faces"] if face["visible"] >= visible]
    return np.array(rows, np.float32).reshape(-1, 4)


def test_the_sample_is_found_and_nothing_else(clip: list[tuple[Frame, dict[str, Any]]]) -> None:
    """At least 92 % of the faces that are mostly visible, and 92 % of what is found is a face."""
    found = detect([frame for frame, _ in clip])
    hits = wanted = right = given = 0
    for faces, (_, truth) in zip(found, clip, strict=True):
        clear, any_face = truth_boxes(truth, 0.8), truth_boxes(truth, 0.0)
        wanted, given = wanted + len(clear), given + len(faces)
        if len(faces) and len(clear):
            hits += int((iou_matrix(clear, faces.boxes).max(1) >= 0.5).sum())
        if len(faces) and len(any_face):
            right += int((iou_matrix(faces.boxes, any_face).max(1) >= 0.5).sum())
    assert wanted > 50
    assert hits / wanted >= 0.92
    assert right / given >= 0.92


def test_convention_landmarks_of_real_faces_are_in_viewer_order(
    clip: list[tuple[Frame, dict[str, Any]]],
) -> None:
    """Of upright faces: eyes left and right of the nose, mouth corners likewise, eyes above mouth."""
    points = np.concatenate([faces.landmarks for faces in detect([frame for frame, _ in clip[:20]])])
    eyes, nose, mouth = points[:, :2], points[:, 2], points[:, 3:]
    assert len(points) >= 20
    assert np.median(eyes[:, 1, 0] - eyes[:, 0, 0]) > 0
    assert np.median(mouth[:, 1, 0] - mouth[:, 0, 0]) > 0
    between = (eyes[:, 0, 0] < nose[:, 0]) & (nose[:, 0] < eyes[:, 1, 0])
    above = (eyes[:, :, 1].max(1) < mouth[:, :, 1].min(1)) & (eyes[:, :, 1].max(1) < nose[:, 1])
    assert between.mean() > 0.9
    assert above.mean() > 0.9


def test_convention_scales_agree(clip: list[tuple[Frame, dict[str, Any]]]) -> None:
    """Half and full size put a face in the same place, to 2.5 % of its height (what is left is the network).

    That no pixel is lost on the way is proved to a hundredth with the red rectangles in test_face.py.
    """
    frames = [frame for frame, _ in clip]
    coarse, fine = detect(frames, width=384), detect(frames, width=768)
    moved = []
    for a, b in zip(coarse, fine, strict=True):
        if len(a) and len(b):
            iou = iou_matrix(a.boxes, b.boxes)
            rows = np.flatnonzero(iou.max(1) > 0.6)
            there = b.pick(iou.argmax(1)[rows])
            moved.append((a.boxes[rows] - there.boxes) / there.heights[:, None])
    shift = np.median(np.concatenate(moved), 0)
    centre = (shift[:2] + shift[2:]) / 2
    assert np.abs(centre).max() < 0.025


def test_a_picture_moved_by_whole_cells_gives_faces_moved_as_much(
    clip: list[tuple[Frame, dict[str, Any]]], frame_of: Any
) -> None:
    """32 px is a whole cell at every stride: same faces, same scores, far from the borders.

    Clear faces, and without the vote: doubtful ones lean on what is far around them, up to the canvas's
    edge, and a cell at the threshold may vote on one canvas and not on the other.
    """
    picture = clip[0][0].rgb()
    canvases = np.zeros((2, 672, 1056, 3), np.uint8)
    for canvas, (x, y) in zip(canvases, ((64, 96), (224, 160)), strict=True):
        canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    here, there = detect(
        [frame_of(canvas, i) for i, canvas in enumerate(canvases)], width=1056, vote=False, min_score=0.6
    )
    assert len(here) == len(there) >= 2
    np.testing.assert_allclose(there.boxes - here.boxes, np.tile([160, 64], (len(here), 2)), atol=0.05)
    np.testing.assert_allclose(there.scores, here.scores, atol=1e-3)


def test_equal_frames_give_equal_bits(clip: list[tuple[Frame, dict[str, Any]]]) -> None:
    """Batches of 1, 3 and 8, once more from the start: the same numbers to the last bit."""
    frames = [frame for frame, _ in clip[:9]]
    alone = detect(frames)
    node = DetectFace()
    node.open(Device())
    for size in (3, 8):
        node.reset()
        batches = [Batch(frames[i : i + size]) for i in range(0, len(frames), size)]
        together = [faces for batch in batches for faces in node.process(batch)]
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a.boxes, b.boxes)
            np.testing.assert_array_equal(a.landmarks, b.landmarks)
            np.testing.assert_array_equal(a.scores, b.scores)
    node.close()


def test_opencv_reads_the_same_faces_from_the_same_network(
    clip: list[tuple[Frame, dict[str, Any]]],
) -> None:
    """Decoding and padding equal those of cv2.FaceDetectorYN on the same weights."""
    model = session.load(MODEL, Device())
    seen = 0
    for frame, _ in clip[::10]:
        picture = frame.bgr()
        height, width = picture.shape[:2]
        reader = cv2.FaceDetectorYN.create(str(weights.find(MODEL)), "", (width, height), 0.5, 0.3, 5000)
        theirs = reader.detect(picture)[1]
        size = padded_size((width, height), 32)
        outputs = model(to_tensor([picture], size))
        order = [outputs[name] for name in YUNET_OUTPUTS]
        (found,) = decode_yunet(order, size, 0.5)
        ours = found.pick(nms(found.boxes, found.scores, 0.3))
        theirs = theirs[np.argsort(-theirs[:, 14], kind="stable")]
        assert len(ours.boxes) == len(theirs)
        np.testing.assert_allclose(ours.boxes[:, :2], theirs[:, :2], atol=0.1)
        np.testing.assert_allclose(ours.boxes[:, 2:] - ours.boxes[:, :2], theirs[:, 2:4], atol=0.1)
        np.testing.assert_allclose(ours.landmarks.reshape(-1, 10), theirs[:, 4:14], atol=0.1)
        np.testing.assert_allclose(ours.scores, theirs[:, 14], atol=1e-3)
        seen += len(theirs)
    assert seen >= 5


def test_noise_and_blank_frames_show_nobody(frame_of: Any) -> None:
    """Black, white, grey and noise."""
    rng = np.random.default_rng(11)
    pictures = [np.full((360, 640, 3), level, np.uint8) for level in (0, 128, 255)]
    pictures.append(rng.integers(0, 256, (360, 640, 3), np.uint8))
    found = detect([frame_of(picture, i) for i, picture in enumerate(pictures)])
    assert [len(faces) for faces in found] == [0, 0, 0, 0]
