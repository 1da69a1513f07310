"""restore.onnx with made networks: bad models, what changes and what must not, flicker, lips, cuts."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.infer.places import put, restorer
from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.errors import ModelError, ModelMismatchError, ModelMissingError, NodeError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.restore.onnx import RestoredPicture, RestoreOnnx
from vidface.vision.align import TEMPLATES

TINY = Path(__file__).resolve().parents[2] / "infer" / "tiny"
SIZE = (200, 160)
FIVE = (TEMPLATES["ffhq512"].points * 0.25 + (36, 10)).astype(np.float32)
"""The face at a quarter of the template: 128 pixels a side."""
BOX = (68, 40, 132, 120)
INSIDE = np.s_[65:100, 85:115]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of manifests, empty, and no user's folder."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path / "user"))
    monkeypatch.setattr(weights, "shipped_folder", lambda: folder)
    return folder


def give(shipped: Path, name: str, **changes: Any) -> None:
    """Put the tiny model of that name where models lie."""
    restorer(shipped, name, (TINY / f"{name}.onnx").read_bytes(), **changes)


def picture(index: int = 0, *, light: float = 0, mouth: float = 0, noise: float = 1.0) -> NDArray[np.uint8]:
    """A face that is a smooth texture, with a dark mouth of a height and noise of its own on each frame."""
    coarse = np.random.default_rng(1).normal(0, 22, (16, 20, 3)).astype(np.float32)
    skin = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC) + 110 + light
    if mouth > 0:
        cv2.ellipse(skin, (100, 103), (14, round(mouth)), 0, 0, 360, (30, 15, 20), -1, cv2.LINE_AA)
    grain = np.random.default_rng(50 + index).normal(0, noise, skin.shape)
    return np.clip(np.rint(skin + grain), 0, 255).astype(np.uint8)


def frame(index: int = 0, pixels: NDArray[np.uint8] | None = None) -> Frame:
    return frame_from_rgb(picture(index) if pixels is None else pixels, index, Fraction(index, 25))


def one(track: int = 1, landmarks: Any = FIVE, box: Any = BOX) -> Faces:
    return Faces.of([box], landmarks=[landmarks], tracks=[track])


def run(
    frames: list[Frame], found: list[Faces], *, segments: tuple[int, ...] = (), **fields: Any
) -> tuple[list[RestoredPicture], dict[str, Any]]:
    """What came out, and the node's facts."""
    ports = {"mesh": fields.pop("mesh")} if "mesh" in fields else {}
    node = RestoreOnnx(**({"grain": 0} | fields))
    with NodeHarness(node) as harness:
        rows = harness.run(segments=segments, frame=frames, faces=found, **ports)
    return [RestoredPicture(*row) for row in rows], node.facts()


def luma(one: Frame) -> NDArray[np.float64]:
    return one.planes().luma.astype(np.float64)


def changed(before: Frame, after: Frame) -> NDArray[np.float64]:
    return np.asarray(np.abs(luma(after) - luma(before)))


def test_a_network_that_changes_nothing_changes_nothing(shipped: Path) -> None:
    """Bit by bit on all planes, smoothing or not."""
    give(shipped, "same")
    frames = [frame(i, picture(0)) for i in range(3)]
    got, facts = run(frames, [one()] * 3, model="same")
    for before, after in zip(frames, got, strict=True):
        for name in ("luma", "u", "v"):
            old, new = getattr(before.planes(), name), getattr(after.frame.planes(), name)
            np.testing.assert_array_equal(old, new)
        assert after.crops.known.tolist() == [True]
        assert (after.crops.side, after.crops.template) == (512, "ffhq512")
    assert facts == {"restored": 3, "failed": 0, "left": 0}


def test_only_the_face_changes(shipped: Path) -> None:
    give(shipped, "nervous")
    (got,), _ = run([frame()], [one()], model="nervous")
    difference = changed(frame(), got.frame)
    assert difference[INSIDE].max() > 3
    assert not difference[:, :60].any()
    assert not difference[:, 140:].any()
    assert not difference[:20].any()


def test_weight_reaches_the_network_and_fidelity_the_picture(shipped: Path) -> None:
    """At weight 1 the made network gives the input back, at 0 its inverse; fidelity 0.5 shows half."""
    give(shipped, "weighted")
    shows = {}
    for weight, fidelity in ((1.0, 1.0), (0.0, 1.0), (0.0, 0.5)):
        (got,), _ = run([frame()], [one()], model="weighted", weight=weight, fidelity=fidelity)
        shows[weight, fidelity] = float(changed(frame(), got.frame)[INSIDE].mean())
    # The network's crop is half as fine as the face, which alone must change nothing.
    assert shows[1.0, 1.0] < 0.05
    assert shows[0.0, 1.0] > 5
    assert shows[0.0, 0.5] == pytest.approx(shows[0.0, 1.0] / 2, rel=0.05)


def test_fidelity_0_leaves_the_frame(shipped: Path) -> None:
    give(shipped, "nervous")
    given = frame()
    (got,), facts = run([given], [one()], model="nervous", fidelity=0)
    assert got.frame is given
    assert facts["left"] == 1


def test_faces_about_as_tall_as_the_least_do_not_flicker(shipped: Path) -> None:
    """A detector's box trembles: what is shown follows its height smoothly, down to four fifths."""
    give(shipped, "weighted")
    fields: dict[str, Any] = {"model": "weighted", "weight": 0, "smooth_s": 0}
    frames = [frame(i, picture(0)) for i in range(6)]
    boxes = [one(box=(68, 40, 132, 119.6 + 0.8 * (i % 2))) for i in range(6)]
    got, _ = run(frames, boxes, min_face_px=80, **fields)
    shown = [float(changed(a, b.frame)[INSIDE].mean()) for a, b in zip(frames, got, strict=True)]
    assert min(shown) > 3
    assert max(shown) < 1.15 * min(shown)
    (small,), facts = run([frame()], [one()], min_face_px=100, **fields)
    assert not changed(frame(), small.frame).any()
    assert facts["left"] == 1


def test_a_wide_cast_of_colour_is_taken_off(shipped: Path) -> None:
    """A network that is always too bright: the manifest's range says so, the face does not show it."""
    made = restorer(shipped, "first", (TINY / "same.onnx").read_bytes())
    contract = made.contract.model_dump(mode="json")
    contract["outputs"][0]["range"] = [-1.3, 1.3]
    contract["inputs"][0]["shape"] = ["N", 3, 256, 256]
    give(shipped, "same", contract=contract)
    plain = frame(0, np.full((SIZE[1], SIZE[0], 3), 60, np.uint8))
    (got,), _ = run([plain], [one()], model="same")
    assert changed(plain, got.frame).max() <= 2


def flicker(frames: list[RestoredPicture]) -> float:
    """Mean change of the face from frame to frame."""
    views = [luma(one.frame)[INSIDE] for one in frames]
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(views)]))


def test_flicker_goes(shipped: Path) -> None:
    """The network's stripes jump with the least change of light; smoothed, the face is calmer by half."""
    give(shipped, "nervous")
    lights = np.random.default_rng(2).uniform(-0.7, 0.7, 14)
    frames, found = [frame(i, picture(i, light=light)) for i, light in enumerate(lights)], [one()] * 14
    plain, _ = run(frames, found, model="nervous", smooth_s=0)
    steady, _ = run(frames, found, model="nervous")
    assert flicker(plain) > 3
    assert flicker(steady[4:]) < 0.5 * flicker(plain[4:])


def test_a_moving_mouth_is_not_smeared(shipped: Path) -> None:
    """The mouth opens on one frame: there it is as dark as without smoothing."""
    give(shipped, "same")
    frames = [frame(i, picture(i, mouth=9 if i == 6 else 0)) for i in range(8)]
    place = np.s_[99:107, 94:106]
    plain, _ = run(frames, [one()] * 8, model="same", smooth_s=0)
    steady, _ = run(frames, [one()] * 8, model="same", smooth_s=0.5)
    for i in (6, 7):
        assert abs(luma(steady[i].frame)[place].mean() - luma(plain[i].frame)[place].mean()) < 3
    assert luma(plain[7].frame)[place].mean() - luma(plain[6].frame)[place].mean() > 50


@pytest.mark.parametrize("how", ["cut", "another track", "away", "no track"])
def test_nothing_is_kept_beyond_a_track(shipped: Path, how: str) -> None:
    """The frame after the break is what the network gives for it alone."""
    give(shipped, "nervous")
    frames = [frame(i) for i in range(7)]
    track = -1 if how == "no track" else 1
    found = [one(track)] * 6 + [one(2 if how == "another track" else track)]
    if how == "away":
        frames, found = [*frames, frame(30)], [*found[:-1], Faces.none(), one()]
    cut = (6,) if how == "cut" else ()
    got, _ = run(frames, found, segments=cut, model="nervous", look_ahead=0)
    (alone,), _ = run(frames[-1:], found[-1:], model="nervous")
    np.testing.assert_array_equal(luma(got[-1].frame), luma(alone.frame))


def test_a_face_of_the_same_track_is_smoothed(shipped: Path) -> None:
    """The counterpart: without a break the memory shows."""
    give(shipped, "nervous")
    frames = [frame(i) for i in range(7)]
    got, _ = run(frames, [one()] * 7, model="nervous", look_ahead=0)
    (alone,), _ = run(frames[-1:], [one()], model="nervous")
    assert changed(got[-1].frame, alone.frame).max() > 1


def test_a_face_on_frames_far_apart_was_not_away(shipped: Path) -> None:
    """A second between frames, half a second of `hold_s`: the memory shows none the less."""
    give(shipped, "nervous")
    frames = [frame(25 * i) for i in range(4)]
    got, _ = run(frames, [one()] * 4, model="nervous", look_ahead=0, smooth_s=5)
    (alone,), _ = run(frames[-1:], [one()], model="nervous")
    assert changed(got[-1].frame, alone.frame).max() > 1


def test_tracks_that_are_gone_are_forgotten(shipped: Path) -> None:
    """Memory is bounded by the faces in view."""
    give(shipped, "weighted")
    node = RestoreOnnx(model="weighted", hold_s=0.2)
    with NodeHarness(node) as harness:
        harness.run(frame=[frame(i) for i in range(60)], faces=[one(1 + i // 10) for i in range(60)])
        assert len(node._stills) <= 2


def test_rows_that_cannot_or_should_not_be_restored_stay(shipped: Path) -> None:
    """Small, without landmarks, mirrored, in one point, outside the frame."""
    give(shipped, "nervous")
    point, unknown = np.full((5, 2), 80, np.float32), np.full((5, 2), np.nan, np.float32)
    rows = [FIVE, unknown, point, FIVE[[1, 0, 2, 4, 3]] * (1, 1), FIVE + 5000]
    boxes = [(60, 60, 70, 72), BOX, BOX, BOX, BOX]
    found = Faces.of(boxes, landmarks=np.stack(rows).astype(np.float32), tracks=[1, 2, 3, 4, 5])
    given = frame()
    (got,), facts = run([given], [found.pick([0, 1, 2, 4])], model="nervous")
    assert not changed(given, got.frame).any()
    assert facts["left"] == 4
    assert got.crops.known.tolist() == [False] * 4
    (_,), _ = run([given], [found.pick([3])], model="nervous")
    (nobody,), _ = run([given], [Faces.none()], model="nervous")
    assert nobody.frame is given
    assert len(nobody.crops) == 0


def test_one_track_can_be_chosen(shipped: Path) -> None:
    give(shipped, "nervous")
    marks = np.stack([FIVE - (50, 0), FIVE - (-40, 0)]).astype(np.float32)
    found = Faces.of([(20, 40, 80, 120), (110, 40, 170, 120)], landmarks=marks, tracks=[1, 2])
    (both,), _ = run([frame()], [found], model="nervous")
    (right,), facts = run([frame()], [found], model="nervous", track=2)
    assert both.crops.known.tolist() == [True, True]
    assert right.crops.known.tolist() == [False, True]
    assert facts == {"restored": 1, "failed": 0, "left": 1}
    assert not changed(frame(), right.frame)[:, :70].any()
    assert changed(frame(), both.frame)[:, :70].any()


def test_a_face_half_outside_the_frame(shipped: Path) -> None:
    """Restored where it is seen."""
    give(shipped, "nervous")
    (got,), facts = run([frame()], [one(landmarks=FIVE - (95, 0), box=(-30, 40, 34, 120))], model="nervous")
    assert facts["restored"] == 1
    assert not changed(frame(), got.frame)[:, 60:].any()


def test_a_network_without_numbers_leaves_the_face_and_says_so(shipped: Path) -> None:
    """NaN for bright crops only: those stay, with a sentence, and the rest goes on."""
    give(shipped, "broken")
    frames = [frame(i, picture(i, light=100 if i == 1 else -60)) for i in range(3)]
    got, facts = run(frames, [one()] * 3, model="broken")
    assert (facts["restored"], facts["failed"]) == (2, 1)
    assert "broken gave no numbers for 1 crops" in facts["notes"][0]
    assert not changed(frames[1], got[1].frame).any()


def test_a_weight_without_effect_is_said(shipped: Path) -> None:
    give(shipped, "same")
    _, facts = run([frame()], [one()], model="same", weight=0.3)
    assert facts["notes"] == ["weight had no effect: same takes none"]
    give(shipped, "weighted")
    _, facts = run([frame()], [one()], model="weighted", weight=0.3)
    assert "notes" not in facts


def test_models_that_do_not_serve_are_refused(shipped: Path) -> None:
    """Missing, of another task, of another size out than in, without a known template."""
    put(shipped, "absent", task="restore")
    with pytest.raises(ModelMissingError, match="weights of absent"):
        run([frame()], [one()], model="absent")
    give(shipped, "nervous", task="embed")
    with pytest.raises(ModelError, match="an image restorer is wanted"):
        run([frame()], [one()], model="nervous")
    made = restorer(shipped, "first", (TINY / "same.onnx").read_bytes())
    contract = made.contract.model_dump(mode="json")
    contract["inputs"][0]["template"] = "wide999"
    give(shipped, "same", contract=contract)
    with pytest.raises(ModelError, match="template 'wide999' is not known; known are arcface112"):
        run([frame()], [one()], model="same")


def test_another_size_out_than_in_ends_the_run(shipped: Path) -> None:
    give(shipped, "half")
    with pytest.raises((ModelMismatchError, NodeError), match="like those given"):
        run([frame()], [one()], model="half")


def test_a_mesh_of_other_faces_is_refused(shipped: Path) -> None:
    give(shipped, "same")
    with pytest.raises((UsageError, NodeError), match="mesh has 3 rows for 1 faces"):
        run([frame()], [one()], model="same", mesh=[Meshes.none(3)])


def test_what_a_generative_network_draws_is_marked() -> None:
    """Files written from its graph must say that they are synthetic."""
    assert RestoreOnnx.generates
