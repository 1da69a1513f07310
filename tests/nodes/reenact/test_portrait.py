"""reenact.portrait on the project's own portraits, driven by made meshes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.infer.places import put
from vidface.data import Device, Faces, Frame, SourceInfo
from vidface.data.mesh import Meshes
from vidface.errors import InputError, ModelError, ModelMissingError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.nodes.reenact.portrait import Reenacted, ReenactPortrait
from vidface.sinks.motion import MotionSink
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import rotations_of

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
COLLINS = str(SAMPLES / "collins.jpg")
MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)
TEMPLATE = frame_from_rgb(np.full((96, 128, 3), 90, np.uint8), 0)


def read(path: str) -> Any:
    """BGR."""
    return cv2.imread(path)


def driver(yaw: float = 0, *, smile: float = 0, at: float = 60) -> Any:
    """478 x 3 of a made driver."""
    mesh = (MODEL.mean + smile * MODEL.expression[0]) @ rotations_of([(yaw, 0, 0)])[0].T
    return mesh * 20 + (at, 45, 0)


def run(meshes: list[Any], *, segments: tuple[int, ...] = (), **fields: Any) -> list[Reenacted]:
    """The node over frames of 25 a second, with a mesh (None for nobody) each."""
    frames: list[Frame] = []
    faces, mesh = [], []
    for index, points in enumerate(meshes):
        frames.append(replace(TEMPLATE, index=index, pts=index, time_base=Fraction(1, 25)))
        here = points is not None
        faces.append(Faces.of([(30, 20, 90, 90)], tracks=[1]) if here else Faces.none())
        mesh.append(Meshes.of(points[None]) if here else Meshes.none())
    node = ReenactPortrait(**({"source": COLLINS, "smooth_s": 0} | fields))
    rows = NodeHarness(node).run(segments=segments, frame=frames, faces=faces, mesh=mesh)
    return [Reenacted(*row) for row in rows]


def source() -> Any:
    """The picture as RGB, even sides."""
    picture = read(COLLINS)[..., ::-1]
    return picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2].astype(int)


def test_a_neutral_driver_leaves_the_picture_as_it_is() -> None:
    """Relative to the driver's own first frame nothing moves; size and time are right."""
    (out,) = run([driver()])
    assert out.frame.rgb().shape == source().shape
    assert np.abs(out.frame.rgb().astype(int) - source()).mean() < 3
    assert out.report.column("reenact_driven")[0] == 1
    assert out.motions.known.tolist() == [True]


def test_the_portrait_turns_as_the_driver_does_and_its_corner_stays() -> None:
    """20 degrees more than at rest, told in the report; the corner beside the head stays."""
    outs = run([driver(), driver(20)])
    yaw = [float(out.report.column("reenact_yaw")[0]) for out in outs]
    assert yaw[1] - yaw[0] == pytest.approx(20, abs=2)
    way = np.abs(outs[1].frame.rgb().astype(int) - outs[0].frame.rgb())
    assert way[100:200, 60:200].mean() > 6
    assert way[:20, :20].mean() < 3
    assert outs[1].frame.index == 1


def test_a_mesh_that_is_shrunk_to_a_point_does_not_drive() -> None:
    """It counts as nobody."""
    outs = run([driver(), driver() * 0 + 50], look_ahead=1)
    assert outs[1].motions.known.tolist() == [False]


def test_beyond_its_limits_a_turn_bends_and_is_told() -> None:
    """60 degrees are held within 35, with the flag for yaw."""
    outs = run([driver(), driver(60)])
    yaw = [float(out.report.column("reenact_yaw")[0]) for out in outs]
    assert 28 < yaw[1] - yaw[0] <= 35.1
    assert int(outs[1].report.column("reenact_limited")[0]) & 1


def test_regions_choose_what_moves() -> None:
    """Lips alone: mouth changes, hair does not; pose alone: turns without a smile."""
    base, moved = run([driver(), driver(20, smile=1.5)], regions=["lips"])
    way = np.abs(moved.frame.rgb().astype(int) - base.frame.rgb()).mean(axis=2)
    assert way[140:175, 90:150].mean() > 4
    assert way[20:60].mean() < 1
    turned = run([driver(), driver(20, smile=1.5)], regions=["pose"])[1]
    assert float(turned.report.column("reenact_yaw")[0]) > 15


def test_without_the_driver_it_holds_and_then_comes_to_rest() -> None:
    """0.2 s as it was, rest after 0.2 s more."""
    meshes = [driver(), *[driver(20)] * 3, *[None] * 15]
    outs = run(meshes, hold_s=0.2, ease_s=0.2, look_ahead=0)
    rest, last = outs[0].frame.rgb().astype(int), outs[-1].frame.rgb().astype(int)
    held = outs[6].frame.rgb().astype(int)
    assert np.abs(held - outs[3].frame.rgb()).mean() < 0.5
    assert np.abs(last - rest).mean() < 0.5
    assert len(outs[-1].motions) == 0


def test_the_portrait_goes_from_one_driver_to_the_next_without_a_jump() -> None:
    """Track 1 looks to one side and is gone; track 2 takes over, within 0.3 s and in small steps."""
    frames = [replace(TEMPLATE, index=i, pts=i, time_base=Fraction(1, 25)) for i in range(11)]
    tracks = [1] * 2 + [2] * 9
    node = ReenactPortrait(source=COLLINS, mode="absolute", regions=["pose"], hold_s=0, look_ahead=0)
    rows = NodeHarness(node).run(
        frame=frames,
        faces=[Faces.of([(30, 20, 90, 90)], tracks=[track]) for track in tracks],
        mesh=[Meshes.of(driver(20 if track == 1 else -20)[None]) for track in tracks],
    )
    yaws = np.array([Reenacted(*row).report.column("reenact_yaw")[0] for row in rows])
    assert yaws[1] - yaws[-1] > 30
    assert np.abs(np.diff(yaws[1:])).max() < 0.3 * (yaws[1] - yaws[-1])


def test_only_the_head_is_shown_when_not_stitched() -> None:
    """A square of the size that was asked for."""
    (out,) = run([driver()], stitch=False, size=256)
    assert out.frame.size == (256, 256)


def test_a_large_picture_is_shrunk_to_what_was_asked_for(tmp_path: Path) -> None:
    """Even sides, in proportion."""
    cv2.imwrite(str(tmp_path / "big.png"), cv2.resize(read(COLLINS), None, fx=6, fy=6))
    (out,) = run([driver()], source=str(tmp_path / "big.png"), longest=300)
    assert max(out.frame.size) == 300


def test_another_driver_may_be_chosen() -> None:
    """Track 5 drives only where it is there."""
    outs = run([driver(), driver(20)], track=5)
    assert np.isnan(outs[1].report.column("reenact_yaw")[0])


def save(outs: list[Reenacted], folder: Path) -> str:
    """The motions of a run, by the sink."""
    sink = MotionSink()
    sink.start(Target(folder, "motion", SourceInfo("c", "mp4", "h264", "yuv420p", 4, 4, Fraction(1, 25))))
    for index, out in enumerate(outs):
        frame = replace(TEMPLATE, index=index, pts=index, time_base=Fraction(1, 25))
        sink.process(frame, Faces.of([(30, 20, 90, 90)], tracks=[1]), out.motions)
    sink.finish()
    return str(folder / "motion.npz")


def test_a_saved_motion_drives_instead_of_the_clip(tmp_path: Path) -> None:
    """Nobody is in the clip, and the portrait turns as it did."""
    live = run([driver(), driver(15), driver(25)])
    again = run([None] * 3, motion=save(live, tmp_path))
    for one, other in zip(live, again, strict=True):
        assert np.abs(one.frame.rgb().astype(int) - other.frame.rgb()).mean() < 2


def test_a_saved_motion_runs_on_through_a_cut(tmp_path: Path) -> None:
    """A cut in the clip that it is laid over is no reason to begin it anew."""
    motion = save(run([driver(), driver(), driver(20), driver(30)]), tmp_path)
    whole, cut = (run([None] * 4, motion=motion, segments=segments) for segments in ((), (2,)))
    for one, other in zip(whole, cut, strict=True):
        assert np.abs(one.frame.rgb().astype(int) - other.frame.rgb()).mean() < 0.5


def test_several_faces_want_a_choice(tmp_path: Path) -> None:
    """One sentence that says which there are; with `face` the right one is taken; too high is told."""
    row = [cv2.resize(read(str(SAMPLES / name)), (256, 256)) for name in ("collins.jpg", "hopper.jpg")]
    path = str(tmp_path / "three.png")
    cv2.imwrite(path, np.hstack([*row, row[0]]))
    with pytest.raises(
        UsageError, match=r"three.png shows 3 faces, .*1 at x \d+, 2 at x \d+, 3 at x \d+; choose"
    ):
        run([driver()], source=path)
    (out,) = run([driver(10, smile=1)], source=path, face=2, mode="absolute", stitch=True)
    way = np.abs(out.frame.rgb().astype(int) - read(path)[..., ::-1]).mean(axis=2)
    assert way[:, 276:490].mean() > 5 * way[:, 540:].mean()
    with pytest.raises(UsageError, match=r"face is 4, but .* shows 3 only"):
        run([driver()], source=path, face=4)


def test_pictures_without_a_face_get_a_sentence(tmp_path: Path) -> None:
    """A plain picture, a drawn face, a missing file, no file at all."""
    drawn = np.full((240, 240, 3), 255, np.uint8)
    cv2.circle(drawn, (120, 120), 80, (0, 0, 0), 3)
    cv2.circle(drawn, (90, 100), 8, (0, 0, 0), -1)
    cv2.circle(drawn, (150, 100), 8, (0, 0, 0), -1)
    cv2.imwrite(str(tmp_path / "drawn.png"), drawn)
    with pytest.raises(InputError, match=r"reenact.portrait: (no face was found|the face) in .*drawn.png"):
        run([driver()], source=str(tmp_path / "drawn.png"))
    with pytest.raises(InputError, match=r"gone.jpg"):
        run([driver()], source=str(tmp_path / "gone.jpg"))
    with pytest.raises(UsageError, match="names no picture"):
        run([driver()], source=[])


def test_facts_say_how_it_went() -> None:
    """Frames driven, at rest and held; the limits that were met, in words."""
    node = ReenactPortrait(source=COLLINS)
    harness = NodeHarness(node)
    frames = [replace(TEMPLATE, index=i, pts=i, time_base=Fraction(1, 25)) for i in range(2)]
    faces = [Faces.of([(30, 20, 90, 90)], tracks=[1])] * 2
    mesh = [Meshes.of(driver(yaw)[None]) for yaw in (0, 70)]
    harness.run(frame=frames, faces=faces, mesh=mesh)
    said = node.facts()
    assert said["frames"] == {"driven": 2, "held": 0, "at_rest": 0}
    assert said["sources"] == [COLLINS]
    assert "yaw on 1 frames" in said["notes"][0]


def test_pictures_of_two_people_are_doubted_and_of_one_are_not(tmp_path: Path) -> None:
    """The second picture is named; a brighter and mirrored one of the same person raises no doubt."""
    again = str(tmp_path / "again.png")
    cv2.imwrite(again, np.clip(read(COLLINS)[:, ::-1].astype(int) + 12, 0, 255).astype(np.uint8))
    for other, doubted in ((str(SAMPLES / "hopper.jpg"), True), (again, False)):
        node = ReenactPortrait(source=[COLLINS, other])
        node.open(Device("cpu"))
        notes = node.facts().get("notes", [])
        assert any("hardly resembles" in note and "hopper.jpg" in note for note in notes) == doubted
        node.close()


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo: Path) -> Path:
    """The project's own models, and beside them a made network: red in the opening of the mouth."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("vidface-facedet", "vidface-facemesh", "vidface-meshmodel"):
        (folder / name).symlink_to(repo / "models" / name)
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path / "user"))
    monkeypatch.setattr(weights, "shipped_folder", lambda: folder)
    data = (Path(__file__).parent / "tiny" / "portrait.onnx").read_bytes()
    files = [{"name": "model.onnx", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
    contract = {
        "inputs": [{"shape": ["N", 3, 256, 256], "layout": "NCHW", "channels": "rgb"}],
        "outputs": [{"meaning": "as the family has it"}],
    }
    put(folder, "red", task="reenact", family="vidface-portrait", contract=contract, files=files)
    (folder / "red" / "model.onnx").write_bytes(data)
    return folder


def test_the_network_draws_what_the_picture_does_not_show(shipped: Path) -> None:
    """Its red stands in the opened mouth and nowhere else; skin is moved as without it."""
    wide: dict[str, Any] = {"lip_openness": 2.0, "source": str(SAMPLES / "hopper.jpg")}
    meshes = [driver(), driver(smile=3)]
    (_, plain), (_, drawn) = run(meshes, **wide), run(meshes, engine="network", network="red", **wide)
    apart = np.abs(drawn.frame.rgb().astype(int) - plain.frame.rgb()).max(axis=2)
    red = (drawn.frame.rgb() > np.array([150, -1, -1])).all(axis=2) & (drawn.frame.rgb()[..., 1] < 90)
    rows, columns = np.nonzero(apart > 40)
    assert 0 < len(rows) < 0.03 * apart.size
    assert red[rows, columns].mean() > 0.5
    assert np.median(apart) == 0


def test_teeth_that_the_picture_shows_are_kept(shipped: Path) -> None:
    """Collins smiles: her own teeth stand in the mouth, with the network as without, but for its soft rim."""
    meshes = [driver(), driver(smile=3)]
    (_, plain), (_, drawn) = run(meshes), run(meshes, engine="network", network="red")
    apart = np.abs(drawn.frame.rgb().astype(int) - plain.frame.rgb()).max(axis=2)
    assert (apart > 40).mean() < 0.004


def test_a_network_that_is_not_there_is_named(shipped: Path) -> None:
    """Before anything is drawn, as for every other model."""
    with pytest.raises(ModelMissingError, match="nowhere"):
        run([driver()], engine="network", network="nowhere")


def test_a_network_of_another_kind_is_refused(shipped: Path) -> None:
    """With its ports, and the ones that were wanted."""
    with pytest.raises(ModelError, match="places_right"):
        run([driver()], engine="network", network="vidface-facedet")
