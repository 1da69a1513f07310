"""reenact.onnx with made networks of Wav2Lip's and LivePortrait's layout: ports, order, what may change."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.infer.places import put
from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.data.sound import AHEAD, PAST, Sound
from vidface.errors import InputError, ModelError, ModelMismatchError, NodeError, UsageError, VidfaceError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.media.stills import still_frame
from vidface.nodes.reenact._source import StillReader
from vidface.nodes.reenact.onnx import ReenactOnnx
from vidface.vision.align import TEMPLATES

TINY = Path(__file__).resolve().parent / "tiny"
FIVE = (TEMPLATES["ffhq512"].points * 0.25 + (36, 10)).astype(np.float32)
BOX = (60, 40, 140, 130)
MOUTH = np.s_[104:116, 92:108]
KINDS = ("appearance", "motion", "warping", "stitching")


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Path) -> Path:
    """A folder of manifests with the made networks, and the project's own for faces."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("vidface-facedet", "vidface-facemesh"):
        (folder / name).symlink_to(repo / "models" / name)
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path / "user"))
    monkeypatch.setattr(weights, "shipped_folder", lambda: folder)
    give(folder, "lips", "wav2lip", LIPS, task="lipsync")
    for kind in KINDS:
        give(folder, kind, f"liveportrait-{kind}", LIVING, task="reenact")
    return folder


LIPS: dict[str, Any] = {
    "inputs": [
        {"shape": ["N", 1, 80, 16]},
        {"shape": ["N", 6, 96, 96], "layout": "NCHW", "channels": "bgr+bgr", "divide": 255.0},
    ],
    "outputs": [{"shape": ["N", 3, 96, 96], "meaning": "the face"}],
}
LIVING: dict[str, Any] = {
    "inputs": [{"shape": [1, 3, 64, 64], "layout": "NCHW", "channels": "rgb", "divide": 255.0}],
    "outputs": [{"meaning": "as the family has it"}],
}


def give(folder: Path, name: str, family: str, contract: dict[str, Any], *, task: str) -> None:
    """Put a tiny model under a manifest of its own."""
    data = (TINY / f"{name}.onnx").read_bytes()
    files = [{"name": "model.onnx", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
    put(folder, name, task=task, family=family, contract=contract, files=files)
    (folder / name / "model.onnx").write_bytes(data)


def picture(red: int = 150, green: int = 120) -> NDArray[np.uint8]:
    """Flat skin."""
    skin = np.zeros((160, 200, 3), np.uint8)
    skin[:] = (red, green, 100)
    return skin


def frame(index: int = 0, **colours: int) -> Frame:
    return frame_from_rgb(picture(**colours), index, Fraction(index, 25))


def sound(loud: float, *, heard: bool = True) -> Sound:
    """White noise."""
    noise = np.random.default_rng(0).normal(0, 1, PAST + AHEAD).astype(np.float32)
    return Sound(np.clip(noise * loud, -1, 1).astype(np.float32), -PAST, 0, heard)


def one(**changes: Any) -> Faces:
    return Faces.of([changes.get("box", BOX)], landmarks=[changes.get("five", FIVE)], tracks=[1])


def run(frames: list[Frame], found: list[Faces], **given: Any) -> tuple[list[Frame], dict[str, Any]]:
    """What came out, and the node's facts; ports beside fields."""
    ports = {name: given.pop(name) for name in ("mesh", "sound") if name in given}
    segments = given.pop("segments", ())
    node = ReenactOnnx(**given)
    with NodeHarness(node) as harness:
        rows = harness.run(segments=segments, frame=frames, faces=found, **ports)
    return rows, node.facts()


def rgb(one: Frame) -> NDArray[np.float64]:
    return one.rgb().astype(np.float64)


def test_loud_sound_gives_the_face_back_with_the_networks_tint(shipped: Path) -> None:
    """Channels are blue, green, red as the manifest says: the third one, halved, is red."""
    given = frame()
    (got,), facts = run([given], [one()], sound=[sound(1.0)], model="lips")
    left = (rgb(got) / rgb(given))[MOUTH].mean((0, 1))
    assert left[0] == pytest.approx(0.5 * left[1], abs=0.05)
    assert left[2] == pytest.approx(left[1], abs=0.05)
    assert left[1] > 0.5
    assert facts == {"drawn": 1, "failed": 0, "left": 0, "held": 0}


def test_silence_reaches_the_network_as_its_least_sound(shipped: Path) -> None:
    """All -4: of what was masked nothing comes back, so the mouth is black."""
    (got,), _ = run([frame()], [one()], sound=[sound(0.0)], model="lips")
    assert rgb(got)[MOUTH].mean() < 12


def test_only_the_lower_half_inside_the_face_changes(shipped: Path) -> None:
    """Bit by bit on the planes above the middle of the box, beside and below it."""
    given = frame()
    (got,), _ = run([given], [one()], sound=[sound(0.0)], model="lips")
    for name in ("luma", "u", "v"):
        before, after = getattr(given.planes(), name), getattr(got.planes(), name)
        step = 160 // before.shape[0]
        changed = np.argwhere(before != after) * step
        assert len(changed)
        assert changed.min(0)[0] >= 70
        assert changed.max(0)[0] <= 136
        assert changed.min(0)[1] >= 58
        assert changed.max(0)[1] <= 142


def test_without_a_track_the_frame_stays(shipped: Path) -> None:
    given = frame()
    (got,), facts = run([given], [one()], sound=[sound(0, heard=False)], model="lips")
    assert got is given
    assert facts["left"] == 1
    assert facts["notes"] == ["1 frames had no sound track; their faces stayed"]


def test_lips_want_a_wire_of_sound(shipped: Path) -> None:
    with pytest.raises((UsageError, NodeError), match="wire sound: source"):
        run([frame()], [one()], model="lips")


def test_faces_that_cannot_be_drawn_stay(shipped: Path) -> None:
    """Small, without landmarks, outside, without an extent; no face at all."""
    given = frame()
    nowhere = np.full((5, 2), np.nan, np.float32)
    rows = [
        one(box=(60, 60, 70, 70)),
        one(five=nowhere),
        one(box=(900, 900, 990, 999), five=FIVE + 900),
        one(box=(60, 40, 60, 130)),
    ]
    for found in (*rows, Faces.none()):
        (got,), facts = run([given], [found], sound=[sound(1)], model="lips")
        np.testing.assert_array_equal(got.planes().luma, given.planes().luma)
        assert facts["left"] == len(found)


def test_one_track_can_be_chosen(shipped: Path) -> None:
    (got,), facts = run([frame()], [one()], sound=[sound(0)], model="lips", track=2)
    np.testing.assert_array_equal(rgb(got), rgb(frame()))
    assert facts["left"] == 1


def test_a_network_without_numbers_leaves_the_face_and_says_so(shipped: Path) -> None:
    give(shipped, "silly", "wav2lip", LIPS, task="lipsync")
    (got,), facts = run([frame()], [one()], sound=[sound(1)], model="silly")
    np.testing.assert_array_equal(rgb(got), rgb(frame()))
    assert facts["failed"] == 1
    assert facts["notes"] == ["silly gave no numbers for 1 faces, which stayed"]


@pytest.fixture(scope="module")
def driver(samples: Path) -> tuple[Frame, Faces, Meshes]:
    """A picture with a face, and its mesh."""
    still = still_frame(samples / "hopper.jpg")
    reader = StillReader("a test", "vidface-facedet", "vidface-facemesh", Device("cpu"))
    meshes = Meshes.of(reader.read(samples / "hopper.jpg", None).mesh)
    reader.close()
    low, high = meshes.points[0].min(0), meshes.points[0].max(0)
    return still, Faces.of([(*low[:2], *high[:2])], tracks=[1]), meshes


def driven(driver: tuple[Frame, Faces, Meshes], *changes: tuple[int, int]) -> dict[str, Any]:
    """Frames of the driver with red and green raised by so much: what the made network takes for motion."""
    still, found, mesh = driver
    base = np.clip(still.rgb().astype(int), 0, 200)
    pixels = [np.clip(base + np.array([red, green, 0]), 0, 255).astype(np.uint8) for red, green in changes]
    frames = [frame_from_rgb(one, place, Fraction(place, 25)) for place, one in enumerate(pixels)]
    return {"frames": frames, "found": [found] * len(frames), "mesh": [mesh] * len(frames)}


def face_of(one: Frame) -> float:
    """Brightness of the middle of the picture."""
    wide, high = one.size
    return float(rgb(one)[high // 3 : high // 2, wide // 3 : wide // 2].mean())


def test_the_still_moves_as_the_driver_and_is_the_output(
    shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]
) -> None:
    """The first frame shows the still. Green up by 45 of 255 is an expression, which shows as so much more
    light; red up is a way to the right alone, one coordinate of three. Times are the driver's."""
    given = driven(driver, (0, 0), (0, 45), (45, 0))
    got, facts = run(**given, model="warping", appearance="appearance", motion="motion",
                     source=samples / "hopper.jpg")  # fmt: skip
    still = still_frame(samples / "hopper.jpg")
    assert [one.size for one in got] == [still.size] * 3
    assert [one.time for one in got] == [one.time for one in given["frames"]]
    base = face_of(got[0])
    assert base == pytest.approx(face_of(still), abs=3)
    assert face_of(got[1]) - base == pytest.approx(45, abs=6)
    assert face_of(got[2]) - base == pytest.approx(15, abs=4)
    assert facts["drawn"] == 3


def test_absolute_motion_counts_from_nothing(
    shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]
) -> None:
    """The driver is greener than the source from the first frame on: relative motion does not see that."""
    given = driven(driver, (0, 40), (0, 40))
    names: dict[str, Any] = {"model": "warping", "appearance": "appearance", "motion": "motion"}
    relative, _ = run(**given, **names, source=samples / "hopper.jpg")
    absolute, _ = run(**given, **names, source=samples / "hopper.jpg", relative=False)
    assert face_of(absolute[1]) > face_of(relative[1]) + 20


def test_lips_alone_take_over_six_points(
    shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]
) -> None:
    given = driven(driver, (0, 0), (45, 45))
    got, _ = run(**given, model="warping", appearance="appearance", motion="motion",
                 source=samples / "hopper.jpg", region="lips")  # fmt: skip
    assert face_of(got[1]) - face_of(got[0]) == pytest.approx(45 * 6 / 21, abs=3)


def test_stitching_moves_all_points(
    shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]
) -> None:
    """0.3 to the right for all is a third of 0.3 more light."""
    given = driven(driver, (0, 0))
    names: dict[str, Any] = {"model": "warping", "appearance": "appearance", "motion": "motion"}
    (plain,), _ = run(**given, **names, source=samples / "hopper.jpg")
    (got,), _ = run(**given, **names, source=samples / "hopper.jpg", stitching="stitching")
    assert face_of(got) - face_of(plain) == pytest.approx(25.5, abs=4)


def test_frames_without_a_driver_hold_and_a_cut_begins_anew(
    shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]
) -> None:
    """The still rests before the first face; then the last picture is held; a cut counts motion anew."""
    given = driven(driver, (0, 0), (0, 0), (0, 45), (0, 45), (0, 45))
    nobody = Faces.none()
    given["found"] = [nobody, given["found"][0], given["found"][0], nobody, given["found"][0]]
    given["mesh"] = [Meshes.none() if found is nobody else given["mesh"][1] for found in given["found"]]
    got, facts = run(**given, segments=(4,), model="warping", appearance="appearance", motion="motion",
                     source=samples / "hopper.jpg")  # fmt: skip
    lights = [face_of(one) for one in got]
    assert lights[3] == lights[2] > lights[1] + 30
    assert lights[0] == pytest.approx(lights[1], abs=3)
    assert lights[4] == pytest.approx(lights[1], abs=3)
    assert (facts["drawn"], facts["held"]) == (3, 2)
    assert facts["notes"] == ["2 frames had no driving face; the last picture was held"]


def test_a_large_source_is_shrunk(shipped: Path, samples: Path, driver: tuple[Frame, Faces, Meshes]) -> None:
    given = driven(driver, (0, 0))
    (got,), _ = run(**given, model="warping", appearance="appearance", motion="motion",
                    source=samples / "hopper.jpg", largest_px=128)  # fmt: skip
    assert got.size == (128, 126)


def test_what_does_not_serve_is_refused(shipped: Path, samples: Path, tmp_path: Path) -> None:
    """One sentence each, before any frame."""
    give(shipped, "narrow", "wav2lip", LIPS, task="lipsync")
    wall = tmp_path / "wall.png"
    cv2.imwrite(str(wall), np.full((64, 64, 3), 90, np.uint8))
    hopper, couple = samples / "hopper.jpg", tmp_path / "couple.png"
    pair = cv2.imread(str(hopper))
    assert pair is not None
    cv2.imwrite(str(couple), np.hstack([pair, pair]))
    living = {"model": "warping", "appearance": "appearance", "motion": "motion"}
    cases: list[tuple[dict[str, Any], type[VidfaceError], str]] = [
        ({"model": "lips", "source": hopper}, UsageError, "leave out source"),
        ({"model": "warping"}, UsageError, "name it as source: PICTURE"),
        ({"model": "motion", "source": hopper}, ModelError, "wav2lip or liveportrait-warping is wanted"),
        ({"model": "narrow"}, ModelMismatchError, "it should take N x 1 x 80 x 16 and N x 6 x S x S"),
        (living | {"source": wall}, InputError, "no face was found"),
        (living | {"source": tmp_path / "gone.png"}, InputError, "gone.png"),
        (living | {"source": couple}, UsageError, "shows 2 faces.*choose one with `face`"),
        (living | {"source": hopper, "motion": "appearance"}, ModelError, "liveportrait-motion is wanted"),
    ]
    for fields, kind, text in cases:
        with pytest.raises((kind, NodeError), match=text):
            run([frame()], [one()], sound=[sound(1)], **fields)


def test_a_motion_network_with_other_outputs_is_refused(shipped: Path, samples: Path) -> None:
    """The appearance network's file under the motion family."""
    data = (TINY / "appearance.onnx").read_bytes()
    files = [{"name": "model.onnx", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
    put(shipped, "odd", task="reenact", family="liveportrait-motion", contract=LIVING, files=files)
    (shipped / "odd" / "model.onnx").write_bytes(data)
    with pytest.raises((ModelMismatchError, NodeError), match="no three angles"):
        run([frame()], [one()], model="warping", appearance="appearance", motion="odd",
            source=samples / "hopper.jpg")  # fmt: skip


def test_all_models_are_checked_before_anything_is_decoded(shipped: Path) -> None:
    node = ReenactOnnx(model="warping", appearance="appearance", motion="motion", stitching="stitching")
    assert node.models() == (
        *("warping", "appearance", "motion", "stitching"),
        *("vidface-facedet", "vidface-facemesh"),
    )
    assert ReenactOnnx(model="lips").models() == ("lips",)


def test_what_it_draws_is_marked_and_wants_consent() -> None:
    assert ReenactOnnx.generates
    assert ReenactOnnx.needs_consent


def test_the_terms_of_the_weights_are_told() -> None:
    """A user reads them where the node is explained."""
    text = ReenactOnnx.__doc__ or ""
    for word in ("LRS2", "non-commercial", "InsightFace", "Nothing is ever downloaded"):
        assert word in text
