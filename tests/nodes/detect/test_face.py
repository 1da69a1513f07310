"""detect.face with a network that finds red rectangles exactly: geometry, cadence, tiles, batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vidface.data import Device, Faces
from vidface.errors import FrameError, ModelError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer import session
from vidface.node import FOREVER, Batch
from vidface.nodes.detect.face import DetectFace

SAME_FIXTURES = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same(a: Faces, b: Faces) -> bool:
    """Equal to the last bit."""
    columns = ("boxes", "scores", "landmarks", "tracks")
    return a.looked == b.looked and all(np.array_equal(getattr(a, c), getattr(b, c)) for c in columns)


@pytest.mark.parametrize(
    "size", [(640, 384), (1280, 720), (1920, 1080), (1080, 1920), (854, 480), (3840, 2160)]
)
def test_convention_boxes_carry_no_shift_and_no_scale(detect: Any, make_frame: Any, size: Any) -> None:
    """A rectangle drawn from pixel edge to pixel edge comes back with those edges, at any frame size."""
    width, height = size
    box = (width // 3, height // 4, width // 3 + width // 6, height // 4 + height // 3)
    (faces,) = detect([make_frame(width, height, [box])], vote=False)
    tolerance = 0.02 * max(size) / 640
    np.testing.assert_allclose(faces.boxes, [box], atol=max(tolerance, 0.02))


def test_convention_landmarks_are_in_viewer_order(detect: Any, make_frame: Any) -> None:
    """Left eye at the smaller x, eyes above nose above mouth, in pixels of the full frame."""
    (faces,) = detect([make_frame(1280, 720, [(400, 200, 600, 400)])])
    expected = [[460, 280], [540, 280], [500, 320], [470, 360], [530, 360]]
    np.testing.assert_allclose(faces.landmarks, [expected], atol=0.1)


def test_the_network_gets_bgr_at_the_asked_width(detect: Any, make_frame: Any, network: Any) -> None:
    """Blue is no face (channels are not swapped); the canvas is the next multiple of 32."""
    red = make_frame(1920, 1080, [(600, 300, 900, 600)])
    blue = make_frame(1920, 1080, [(600, 300, 900, 600)], colour=(0, 0, 255))
    assert [len(faces) for faces in detect([red, blue], width=600)] == [1, 0]
    assert network.shapes == [(1, 3, 352, 608)] * 2
    assert network.closed


@pytest.mark.parametrize("shift", [32, 64, 320])
def test_translation_moves_boxes_by_as_much(detect: Any, make_frame: Any, shift: int) -> None:
    """At one to one, 32 px further is 32 px further."""
    a, b = detect([make_frame(640, 360, [(40 + dx, 50, 120 + dx, 150)]) for dx in (0, shift)])
    np.testing.assert_allclose(b.boxes - a.boxes, [[shift, 0, shift, 0]], atol=1e-3)
    np.testing.assert_array_equal(a.scores, b.scores)


def test_padding_changes_nothing(detect: Any, make_frame: Any) -> None:
    """The same picture with more black below and right at the same scale gives the same face."""
    a, b = detect([make_frame(640, h, [(40, 50, 120, 150)]) for h in (330, 384)])
    np.testing.assert_array_equal(a.boxes, b.boxes)


def test_one_face_reported_by_two_cells_is_one_face(detect: Any, make_frame: Any) -> None:
    """Suppression works, and a limit of overlap near 1 would let both through."""
    frame = make_frame(640, 360, [(40, 50, 120, 150)])
    assert len(detect([frame])[0]) == 1
    assert len(detect([frame], nms_iou=0.99)[0]) == 2


def test_a_vote_lets_the_weaker_cell_have_its_say(detect: Any, make_frame: Any) -> None:
    """The second cell is a pixel beside with 0.8 of the score: weights 1 and 0.64 times the overlap."""
    frame = make_frame(640, 360, [(40, 50, 120, 150)])
    alone, voted = detect([frame], vote=False)[0], detect([frame])[0]
    overlap = 79 * 99 / (2 * 80 * 100 - 79 * 99)
    share = 0.64 * overlap / (1 + 0.64 * overlap)
    np.testing.assert_allclose(voted.boxes - alone.boxes, np.full((1, 4), share), atol=1e-3)
    np.testing.assert_allclose(voted.landmarks, alone.landmarks, atol=1e-3)
    np.testing.assert_array_equal(voted.scores, alone.scores)


def test_scores_fall_from_first_to_last_and_stay_in_range(detect: Any, make_frame: Any) -> None:
    """Best first; `min_score` and `max_faces` cut from the end; the model's own threshold is the default."""
    frame = make_frame(640, 360, [(40, 50, 120, 150)])
    image = frame.rgb().copy()
    image[50:150, 200:280, 0] = 200
    image[50:150, 400:480, 0] = 120
    frame = replace(frame, pixels=type(frame.pixels)(image))
    (faces,) = detect([frame], min_score=0.1)
    np.testing.assert_allclose(faces.scores, [1, 200 / 255, 120 / 255], atol=1e-5)
    assert len(detect([frame])[0]) == 2
    assert len(detect([frame], min_score=0.9)[0]) == 1
    (two,) = detect([frame], min_score=0.1, max_faces=2)
    np.testing.assert_array_equal(two.boxes, faces.boxes[:2])


def test_small_faces_are_left_out_in_pixels_of_the_full_frame(detect: Any, make_frame: Any) -> None:
    """60 and 120 px tall in a 1920 wide frame, 20 and 40 for the network."""
    frame = make_frame(1920, 1080, [(100, 100, 160, 160), (600, 300, 720, 420)])
    assert len(detect([frame])[0]) == 2
    assert len(detect([frame], min_face_px=59)[0]) == 2
    assert len(detect([frame], min_face_px=61)[0]) == 1


@pytest.mark.parametrize("every", [1, 2, 3, 7])
@pytest.mark.parametrize("chunk", [1, 4, 20])
def test_cadence_looks_at_one_frame_in_n(detect: Any, make_frame: Any, every: int, chunk: int) -> None:
    """Whatever the chunk; passed-over frames say that nobody looked."""
    frames = [make_frame(64, 64, [(8, 8, 40, 40)], index=i) for i in range(20)]
    found = detect(frames, every=every, chunk=chunk)
    assert [faces.looked for faces in found] == [i % every == 0 for i in range(20)]
    assert [len(faces) for faces in found] == [int(i % every == 0) for i in range(20)]


def test_cadence_begins_anew_at_a_reset(network: Any, make_frame: Any) -> None:
    """The first frame after a scene cut is always looked at."""
    node = DetectFace(every=5)
    node.open(Device())
    node.reset()
    looked = []
    for i in range(8):
        if i == 3:
            node.reset()
        looked += [faces.looked for faces in node.process(Batch([make_frame(64, 64, index=i)]))]
    assert looked == [True, False, False, True, False, False, False, False]
    assert node.memory == FOREVER


@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_the_engine_serves_it_alike_in_any_chunk(network: Any, make_frame: Any, chunk: int) -> None:
    """Ports, batches and resets as in a run: a cut at 5 is looked at, a bad frame is skipped, not fatal."""
    frames = [make_frame(64, 64, [(8, 8, 40, 40)], index=i) for i in range(10)]
    frames[8] = make_frame(0, 0, index=8)
    harness = NodeHarness(DetectFace(every=3), on_error="skip", chunk=chunk)
    found = harness.run(frame=frames, segments=(5,))
    assert [faces.looked for faces in found if len(faces)] == [True] * 3
    assert [i for i, faces in enumerate(found) if len(faces)] == [0, 3, 5]


def test_cadence_counts_frames_that_were_dropped(network: Any, make_frame: Any) -> None:
    """Where a live link lost frames, the next one due is looked at, however the indices fall."""
    node = DetectFace(every=3)
    node.open(Device())
    node.reset()
    frames = [make_frame(64, 64, index=i) for i in (0, 1, 4, 5, 7)]
    assert [f.looked for f in node.process(Batch(frames))] == [True, False, True, False, True]


def test_results_do_not_depend_on_the_batch(detect: Any, make_frame: Any) -> None:
    """Frames of three sizes, tiles on, in batches of 1, 3 and 8: equal to the last bit."""
    rng = np.random.default_rng(5)
    sizes = [(1920, 1080), (640, 480), (300, 900)]
    frames = []
    for i in range(9):
        width, height = sizes[i % 3]
        x, y, side = rng.integers(0, width - 150), rng.integers(0, height - 150), rng.integers(20, 150)
        frames.append(make_frame(width, height, [(x, y, x + side, y + side)], index=i))
    for fields in ({}, {"tiles": "auto"}, {"tiles": 2, "every": 2}):
        alone, *others = [detect(frames, chunk=chunk, **fields) for chunk in (1, 3, 8)]
        for other in others:
            assert all(same(a, b) for a, b in zip(alone, other, strict=True))


def test_cuda_batches_are_of_one_length_whatever_comes(detect: Any, make_frame: Any, network: Any) -> None:
    """Fixed shapes keep kernels, and so results, the same; the spare places are black and give nobody."""
    frames = [make_frame(640, 360, [(40, 50, 120, 150)], index=i) for i in range(10)]
    found = detect(frames, chunk=10, device=Device("cuda"))
    assert network.shapes == [(8, 3, 384, 640)] * 2
    assert [len(faces) for faces in found] == [1] * 10
    assert all(same(a, b) for a, b in zip(found, detect(frames, chunk=3, device=Device("cuda")), strict=True))


def test_a_tiny_face_needs_tiles(detect: Any, make_frame: Any) -> None:
    """16 px in 4K are 3 px for the first pass: only tiles find them, with exact edges."""
    frame = make_frame(3840, 2160, [(3001, 1007, 3017, 1023), (500, 300, 1100, 1000)])
    assert len(detect([frame])[0]) == 1
    (faces,) = detect([frame], tiles="auto")
    boxes = faces.boxes[np.argsort(faces.boxes[:, 0])]
    np.testing.assert_allclose(boxes[0], (500, 300, 1100, 1000), atol=3)
    np.testing.assert_allclose(boxes[1], (3001, 1007, 3017, 1023), atol=0.5)


@SAME_FIXTURES
@given(x=st.integers(0, 1600), y=st.integers(0, 900), side=st.integers(16, 170))
def test_tiles_find_a_face_once_wherever_it_is(
    detect: Any, make_frame: Any, x: int, y: int, side: int
) -> None:
    """Across tile borders too: one face, whole."""
    (faces,) = detect([make_frame(1920, 1080, [(x, y, x + side, y + side)])], tiles="auto")
    np.testing.assert_allclose(faces.boxes, [(x, y, x + side, y + side)], atol=1.2)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (4000, 2), (2, 4000), (31, 33), (10_000, 10), (1, 9000)])
@pytest.mark.parametrize("tiles", ["off", "auto", 3])
def test_odd_frames_give_nobody_and_no_error(
    detect: Any, make_frame: Any, network: Any, size: Any, tiles: Any
) -> None:
    """1 x 1, needles and crumbs: served, at no more than the cost of a usual frame."""
    (faces,) = detect([make_frame(*size)], tiles=tiles)
    assert len(faces) == 0
    assert faces.looked
    assert all(h * w <= 640 * 640 for _, _, h, w in network.shapes)


def test_small_frames_are_doubled_not_more(detect: Any, make_frame: Any, network: Any) -> None:
    """176 x 144 is seen at 352 x 288; boxes come back in its own pixels."""
    (faces,) = detect([make_frame(176, 144, [(50, 40, 58, 48)])])
    assert network.shapes == [(1, 3, 288, 352)]
    np.testing.assert_allclose(faces.boxes, [(50, 40, 58, 48)], atol=0.2)


def test_a_frame_without_pixels_is_a_frame_error_in_its_place(detect: Any, make_frame: Any) -> None:
    """It names the frame; its neighbours in the batch get their faces all the same."""
    box = [(40, 50, 120, 150)]
    frames = [make_frame(640, 360, box), make_frame(0, 0, index=1), make_frame(640, 360, box, index=2)]
    found = detect(frames)
    assert isinstance(found[1], FrameError)
    assert "frame 1 has no pixels" in str(found[1])
    assert [len(found[0]), len(found[2])] == [1, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"min_score": 0},
        {"min_score": 1.5},
        {"width": 32},
        {"every": 0},
        {"tiles": 1},
        {"tiles": "some"},
        {"nms_iou": 1},
        {"max_faces": 0},
        {"treshold": 0.5},
    ],
)
def test_parameters_out_of_bounds_are_refused(fields: dict[str, Any]) -> None:
    """Before anything is loaded."""
    with pytest.raises(ValidationError):
        DetectFace(**fields)


def test_a_bare_off_in_yaml_means_off() -> None:
    """YAML 1.1 reads it as false."""
    assert DetectFace.model_validate({"tiles": False}).tiles == "off"


def test_a_model_of_another_family_is_refused(network: Any) -> None:
    """So is one whose outputs are not the family's."""
    network.manifest = network.manifest.model_copy(update={"family": "arcface"})
    with pytest.raises(ModelError, match="yunet, scrfd, retinaface, but red-rectangles is of arcface"):
        DetectFace().open(Device())
    network.manifest = network.manifest.model_copy(update={"family": "yunet"})
    network.outputs = network.outputs[1:]
    with pytest.raises(ModelError, match="wrong family"):
        DetectFace().open(Device())


class Confused:
    """A network that says NaN in one cell, and else what another one says."""

    def __init__(self, network: Any, head: str) -> None:
        self._network, self._head = network, head
        self.name, self.manifest = network.name, network.manifest
        self.inputs, self.outputs, self.close = network.inputs, network.outputs, network.close

    def __call__(self, tensor: Any) -> Any:
        outputs = self._network(tensor)
        outputs["cls_8"][0, 7] = outputs["obj_8"][0, 7] = 1
        outputs[self._head][0, 7] = np.nan
        return outputs


@pytest.mark.parametrize("head", ["cls_8", "obj_8", "bbox_8", "kps_8"])
def test_a_network_that_says_nan_is_told_of_and_hides_nobody(
    detect: Any, make_frame: Any, network: Any, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    """Before, one such detection took every face of the picture with it, and nobody was told."""
    frame = make_frame(1280, 720, [(400, 200, 600, 400)])
    (wanted,) = detect([frame])
    monkeypatch.setattr(session, "load", lambda name, device, *, threads=1: Confused(network, head))
    node = DetectFace()
    node.open(Device())
    assert node.facts() == {}
    assert same(node.process(Batch([frame]))[0], wanted)
    assert node.facts()["no_numbers"] == 1
    assert "were no numbers" in node.facts()["notes"][0]


def test_a_model_of_fixed_size_gets_exactly_that(detect: Any, make_frame: Any, network: Any) -> None:
    """Pictures are padded to it; a width beyond it is refused with the width that fits."""
    network.inputs = (replace(network.inputs[0], shape=(1, 3, 640, 640)),)
    (faces,) = detect([make_frame(1280, 720, [(400, 200, 600, 400)])], device=Device("cuda"), vote=False)
    np.testing.assert_allclose(faces.boxes, [(400, 200, 600, 400)], atol=0.05)
    assert network.shapes == [(1, 3, 640, 640)]
    with pytest.raises(UsageError, match="set width to 640 or less"):
        DetectFace(width=960).open(Device())


def test_the_model_is_announced_before_it_is_loaded() -> None:
    """So that a missing one is known before anything is decoded."""
    assert DetectFace().models() == ("vidface-facedet",)
    assert DetectFace(model="other").models() == ("other",)
