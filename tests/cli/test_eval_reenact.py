"""`vidface eval reenact` as a user meets it: baselines, cross pairs, sheets and films that are marked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.test_eval_restore import Greys
from vidface.cli import _looks, _reenact, _reenactmethods, _reenactreport, _reenactscore, main
from vidface.cli._reenactclip import SIDE, Head, Part, read_head, read_source
from vidface.cli._reenactjudge import Judges, Seen
from vidface.cli._reenactmethods import METHODS, Source, affine, at_hand, static, warp
from vidface.cli._reenactscore import Pair, _counted, _figures, _first, _picked, _shapes, score_pair
from vidface.cli._reenacttargets import DRIVES, targets
from vidface.errors import ModelMissingError
from vidface.eval.reenact import shown
from vidface.infer import weights
from vidface.vision.meshmodel import MeshModel
from vidface.vision.rigid import rotations_of

Call = Callable[..., int]
Tell = pytest.CaptureFixture[str]
COUNT = 12


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `vidface eval reenact WORDS` in this process; gives the exit code."""
    monkeypatch.setattr(_looks, "open_embedder", lambda name: Greys())

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["vidface", "eval", "reenact", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


@pytest.fixture(scope="module")
def model(repo: Path) -> MeshModel:
    return MeshModel.load(repo / "models" / "vidface-meshmodel" / "model.npz")


@pytest.fixture(scope="module")
def moving(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a portrait that goes 4 pixels to the right three times, and back."""
    folder = tmp_path_factory.mktemp("moving")
    picture = cv2.imread(str(samples / "hopper.jpg"))
    assert picture is not None
    for place in range(COUNT):
        cv2.imwrite(str(folder / f"{place:02}.png"), np.roll(picture, 4 * (place % 4), axis=1))
    return folder


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which nobody is."""
    folder = tmp_path_factory.mktemp("wall")
    for place in range(COUNT):
        cv2.imwrite(str(folder / f"{place:02}.png"), np.full((64, 64, 3), 90 + place, np.uint8))
    return folder


def face(model: MeshModel, *, angles: Any = (0, 0, 0), who: float = 0.0, at: float = 128) -> NDArray[Any]:
    """One mesh of 40 px between the eyes."""
    identity = np.zeros((1, len(model.identity)))
    identity[0, 0] = who * model.identity_std[0]
    turned = model.shapes(identity)[0] @ rotations_of([angles])[0].T
    return np.asarray(40 * turned + (at, 128, 0), np.float32)


def test_a_head_is_read_with_its_meshes(moving: Path) -> None:
    """One frame of two; the mesh moves with the picture, as much as this moved."""
    head = read_head(str(moving), Part(0, 100, 1))
    assert head.frames.shape == (COUNT, SIDE, SIDE, 3)
    ways = head.meshes[1:4, :, 0].mean(1) - head.meshes[0, :, 0].mean()
    assert ways / head.scale == pytest.approx([4, 8, 12], abs=1.5)
    assert (head.missed, head.voice) == (0, None)
    some = read_head(str(moving), Part(1, 5, 2))
    assert some.numbers == (1, 3, 5, 7, 9)


def test_a_picture_is_a_source(samples: Path, moving: Path) -> None:
    """The same picture alone and as a clip: the same square but for its size over the clip."""
    still, clip = read_source(str(samples / "hopper.jpg")), read_source(str(moving))
    assert (len(still), len(clip)) == (1, 1)
    assert np.abs(still.meshes - clip.meshes).mean() < 2


def test_static_stays_and_affine_follows(model: MeshModel) -> None:
    """A shift of the mesh by (10, -4): the affine picture is the shifted one; the static is the same."""
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8), (9, 9), 3
    )
    source = Source(np.asarray(picture), face(model), model)
    target = source.mesh + np.array([10, -4, 0], np.float32)
    assert static(source)(target) is source.picture
    moved = affine(source)(target).astype(int)
    wanted = np.roll(picture, (-4, 10), axis=(0, 1)).astype(int)
    inner = np.s_[20:-20, 20:-20]
    assert np.abs(moved[inner] - wanted[inner]).max() <= 2


def test_another_face_takes_the_motion_and_keeps_its_own_shape(model: MeshModel) -> None:
    """Turn as the driver's, way against its first frame, size and identity of the source."""
    source = Source(np.zeros((SIDE, SIDE, 3), np.uint8), face(model, who=2, at=128), model)
    driver = np.stack([face(model, who=-2, at=at, angles=(yaw, 0, 0)) for at, yaw in ((90, 0), (110, 15))])
    made = targets(source, driver, "absolute")
    seen = shown(made, model)
    assert np.abs(seen.angles - [(0, 0, 0), (15, 0, 0)]).max() < 1.5
    middle = made[:, model.stable, 0].mean(1)
    assert middle[0] == pytest.approx(source.mesh[model.stable, 0].mean(), abs=1)
    wanted = face(model, who=2, at=148, angles=(15, 0, 0))
    leaked = driver[1] + np.array([38, 0, 0])
    assert np.abs(made[1] - wanted).mean() < 0.25 * np.abs(leaked - wanted).mean()
    np.testing.assert_array_equal(targets(source, driver, "mesh"), driver)


def test_a_relative_drive_begins_with_the_source_as_it_is(model: MeshModel) -> None:
    """The driver looks aside at first and turns by 12 degrees more: so does the source."""
    source = Source(np.zeros((SIDE, SIDE, 3), np.uint8), face(model, who=2, angles=(-5, 0, 0)), model)
    driver = np.stack([face(model, who=-2, angles=(yaw, 0, 0)) for yaw in (10, 22)])
    made = targets(source, driver, "relative")
    assert np.abs(made[0] - source.mesh).max() < 0.5
    assert shown(made, model).angles[:, 0] == pytest.approx([-5, 7], abs=1.5)


def seen(points: NDArray[Any], model: MeshModel) -> Seen:
    """What a judge of meshes alone sees."""
    return Seen(points.astype(float), {}, shown(points, model))


def course(model: MeshModel, who: float) -> NDArray[Any]:
    """Somebody who smiles at rest, talks and turns for 24 frames, and at last is as at first."""
    rng = np.random.default_rng(7)
    said = rng.normal(0, 0.6, (24, len(model.expression))) * model.expression_std
    said[[0, -1]] = 0.5 * who * model.expression_std
    identity = np.full((1, len(model.identity)), who) * model.identity_std
    turns = rotations_of([(12 * np.sin(k / 4), 5 * np.sin(k / 3) * (0 < k < 23), 0) for k in range(24)])
    turns[-1] = turns[0]
    shapes = [model.shapes(identity, one[None])[0] @ turn.T for one, turn in zip(said, turns, strict=True)]
    return np.asarray(40 * np.stack(shapes) + (128, 128, 0), np.float32)


def test_a_driver_back_at_its_first_frame_leaves_the_source_at_rest(model: MeshModel) -> None:
    source = Source(np.zeros((SIDE, SIDE, 3), np.uint8), face(model, who=2), model)
    made = targets(source, course(model, -1), "relative")
    assert np.linalg.norm((made[-1] - source.mesh)[:, :2], axis=1).max() < 0.1


def test_pose_and_expression_of_a_relative_drive_count_from_rest(model: MeshModel) -> None:
    """Another person who does the very same scores nearly nothing, one who stands still all of it."""
    driver, judges, rows = course(model, -1), Judges({}, model), {}
    goal = _counted(seen(driver, model), driver[0].astype(float), judges)
    rest = course(model, 1)[0]
    source = Source(np.zeros((SIDE, SIDE, 3), np.uint8), rest, model)
    for name, made in (("targets", targets(source, driver, "relative")), ("static", np.stack([rest] * 24))):
        rows[name] = _shapes(_counted(seen(made, model), rest.astype(float), judges), goal)
    for figure in ("expression_pct", "pose_deg"):
        assert rows["targets"][figure] < 0.25 * rows["static"][figure], figure


def test_the_driving_frames_themselves_have_no_error_of_pose(model: MeshModel) -> None:
    """The rest is taken from the same fit, not from one of the first frame alone."""
    driver, judges = course(model, -1), Judges({}, model)
    counted = _counted(seen(driver, model), driver[0].astype(float), judges)
    row = _shapes(counted, _counted(seen(driver, model), _first(seen(driver, model)), judges))
    assert (row["pose_deg"], row["expression_pct"]) == (0, 0)
    assert np.abs(counted.angles[0]).max() < 1e-6


def test_self_reenactment_has_the_truth(
    call: Call, moving: Path, wall: Path, tmp_path: Path, capsys: Tell
) -> None:
    """The affine baseline follows a picture that only moves aside; the static one does not."""
    out = tmp_path / "result.json"
    assert call(moving, wall, "-o", out, "--pictures", tmp_path / "see", "--videos", tmp_path / "see") == 0
    text = capsys.readouterr().out
    assert "| static |" in text
    assert "no face was found from frame 0 on" in text
    report = json.loads(out.read_text())
    rows = report["overall"]
    assert list(rows) == [*at_hand(), "driver"]
    assert rows["affine"]["akd_px"] < 0.4 * rows["static"]["akd_px"]
    assert rows["affine"]["l1"] < rows["static"]["l1"]
    assert rows["static"]["csim"] == pytest.approx(1, abs=1e-3)
    assert rows["static"]["lost"] == 0
    assert "akd_px" not in rows["driver"]
    assert "sync_r" not in rows["static"]
    (name,) = {path.stem for path in (tmp_path / "see").iterdir()}
    sheet = cv2.imread(str(tmp_path / "see" / f"{name}.png"))
    assert sheet is not None
    assert sheet.shape == (24 + 4 * SIDE, (2 + len(at_hand())) * SIDE, 3)
    with av.open(str(tmp_path / "see" / f"{name}.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == COUNT
        assert film.metadata["comment"].startswith("synthetic: generated by vidface")


def test_the_sources_own_frame_does_not_count_for_the_person(model: MeshModel) -> None:
    """A result that is the source at first and then somebody else has a CSIM of 0."""
    one, other = np.eye(2, dtype=np.float32)
    looks = Seen(course(model, 1), {"csim": np.stack([one, *[other] * 23])}, shown(course(model, 1), model))
    blank, count = np.zeros((24, SIDE, SIDE, 3), np.uint8), tuple(range(5, 29))
    head = Head(
        "a.mp4",
        blank,
        course(model, 1),
        np.ones((SIDE, SIDE), bool),
        count,
        np.arange(24.0),
        Fraction(25),
        0,
        1.0,
    )
    face = replace(looks, vectors={"csim": one[None]})
    pair = Pair(head.first(), head, own=True)
    assert pair.counted.tolist() == list(range(1, 24))
    assert _figures(pair, looks, face, looks)["csim"] == 0
    across = Pair(head.first(), head, own=False)
    assert _figures(across, looks, face, looks)["csim"] == pytest.approx(1 / 24)


def test_the_sources_own_frame_does_not_count_for_pose_and_expression(
    model: MeshModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of 23 frames, and not the nothing of the first beside them."""
    driver = course(model, 1)
    mask = np.ones((SIDE, SIDE), bool)
    blank, count = np.zeros((24, SIDE, SIDE, 3), np.uint8), tuple(range(24))
    head = Head("a.mp4", blank, driver, mask, count, np.arange(24.0), Fraction(25), 0, 1.0)
    looks = [seen(one, model) for one in (driver[:1], driver, np.stack([driver[0]] * 24))]
    monkeypatch.setattr(_reenactscore, "look", lambda *_: looks.pop(0))
    rows = score_pair(Pair(head.first(), head, own=True), {"static": METHODS["static"]}, Judges({}, model))[0]
    rest = driver[0].astype(float)
    still, goal = (
        _counted(seen(one, model), rest, Judges({}, model)) for one in (np.stack([driver[0]] * 24), driver)
    )
    wanted = _shapes(_picked(still, np.arange(1, 24)), _picked(goal, np.arange(1, 24)))
    assert rows["results"]["static"]["pose_deg"] == pytest.approx(wanted["pose_deg"])
    assert rows["results"]["static"]["pose_deg"] > _shapes(still, goal)["pose_deg"]


def test_clips_of_one_name_have_their_own_sheets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """x.mpg in two folders: named by them, in the report and on disk."""
    written: list[str] = []
    monkeypatch.setattr(_reenactreport, "read_head", lambda clip, _: SimpleNamespace(first=lambda: None))
    monkeypatch.setattr(_reenactreport, "score_pair", lambda pair, *_, **__: ({"pair": pair.name}, None))
    monkeypatch.setattr(_reenactreport, "write_sheet", lambda _, path: written.append(path.name))
    options = _reenactreport.ReenactOptions(methods=("static",), sheets=tmp_path)
    clips = ["/a/x.mpg", "/b/x.mpg", "/b/y.mpg"]
    rows, _ = _reenactreport._scored(clips, options, Judges({}, None))  # type: ignore[arg-type]
    assert [row["pair"] for row in rows] == ["a-x", "b-x", "y"]
    assert written == ["a-x.png", "b-x.png", "y.png"]


def test_what_is_written_to_look_at_is_signed(call: Call, moving: Path, tmp_path: Path) -> None:
    """Both the sheet and the film carry a C2PA manifest."""
    c2pa = pytest.importorskip("c2pa")
    assert call(moving, "--method", "static", "--pictures", tmp_path, "--videos", tmp_path) == 0
    for ending, kind in (("png", "image/png"), ("mp4", "video/mp4")):
        (path,) = tmp_path.glob(f"*.{ending}")
        with path.open("rb") as file, c2pa.Reader(kind, file) as reader:
            assert "digitalSourceType" in reader.json()


def test_cross_reenactment_has_no_truth_but_both_people(
    call: Call, moving: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "result.md"
    assert call(moving, "--source", samples / "hopper.jpg", "-o", out) == 0
    text = out.read_text()
    assert "CSIM to driver" in text
    assert "PSNR dB |" not in text
    assert "Cross-reenactment: the source is frame 0 or the first after it with a face of hopper.jpg" in text


def test_what_does_not_serve_gets_one_sentence(
    call: Call, moving: Path, wall: Path, tmp_path: Path, capsys: Tell
) -> None:
    cases: list[tuple[tuple[Any, ...], int, str]] = [
        ((tmp_path / "gone.mp4",), 3, "gone.mp4"),
        ((wall,), 3, "no face was found"),
        ((moving, moving), 2, "is given twice; each clip counts once"),
        ((moving, "--source", tmp_path / "gone.png"), 3, "gone.png"),
        ((moving, "--source", wall / "00.png"), 3, "no face was found"),
        ((moving, "--source-frame", 99), 3, "no face was found from frame 99 on"),
        ((moving, "--source-frame", 5), 3, "10 frames or more from frame 5 on"),
        ((moving, "-o", tmp_path / "out.txt"), 2, "ends in .md or .json"),
        ((moving, "-o", tmp_path / "no" / "out.md"), 2, "there is no"),
        ((moving, "--method", "magic"), 2, "magic"),
        ((moving, "--source", wall, "--drive", "mesh"), 2, "take relative or absolute"),
        ((moving, "--independent", tmp_path / "gone.onnx"), 4, "is no file"),
    ]
    for words, code, text in cases:
        assert (call(*words), words) == (code, words)
        err = capsys.readouterr().err
        assert text in err
        assert "Traceback" not in err
    out = tmp_path / "there.md"
    out.write_text("x")
    assert call(moving, "-o", out) == 2
    assert "is there already" in capsys.readouterr().err


def test_methods_of_the_command_are_those_of_the_module() -> None:
    assert tuple(METHODS) == _reenact.METHODS
    assert tuple(DRIVES) == _reenact.DRIVES


def test_what_needs_no_weights_is_always_at_hand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: MeshModel
) -> None:
    """Without any model the network is left out, and asked for it says what is missing."""
    monkeypatch.setenv("VIDFACE_MODELS", str(tmp_path))
    monkeypatch.setattr(weights, "shipped_folder", lambda: tmp_path)
    assert at_hand() == ("static", "affine", "warp")
    with pytest.raises(ModelMissingError, match="vidface-portrait"):
        METHODS["network"].open(Source(np.zeros((SIDE, SIDE, 3), np.uint8), face(model), model))


def test_the_network_gets_places_and_six_guides(monkeypatch: pytest.MonkeyPatch, model: MeshModel) -> None:
    """In the order of its training: inside, seen, mouth, then the point on the mean face."""
    seen: list[NDArray[np.float32]] = []

    class Drawer:
        size = SIDE

        def __init__(self, name: str, device: object, *, threads: int) -> None:
            assert (name, threads) == ("vidface-portrait", 2)

        def __call__(self, source: Any, places: Any, guides: Any) -> tuple[Any, Any, Any]:
            seen.extend((places, guides))
            trust = np.zeros((SIDE, SIDE), np.float32)
            return places, trust, np.full((SIDE, SIDE, 3), 77, np.float32)

    monkeypatch.setattr(_reenactmethods, "PortraitNetwork", Drawer)
    source = Source(np.zeros((SIDE, SIDE, 3), np.uint8), face(model), model)
    assert (METHODS["network"].open(source)(source.mesh) == 77).all()
    places, guides = seen
    assert (places.shape, guides.shape) == ((SIDE, SIDE, 2), (SIDE, SIDE, 6))
    assert guides.dtype == np.float32
    assert set(np.unique(guides[..., 0])) == set(np.unique(guides[..., 2])) | {1} == {0, 1}
    middle = places[128, 128] - 128.5
    assert np.abs(middle).max() < 0.5


def test_the_warp_leaves_the_picture_where_the_mesh_is_its_own(samples: Path, model: MeshModel) -> None:
    """And moves the face where the mesh moves: its brightest change lies there."""
    head = read_source(str(samples / "hopper.jpg"))
    render = warp(Source(head.frames[0], head.meshes[0], model))
    same = render(head.meshes[0]).astype(int)
    assert np.abs(same - head.frames[0]).mean() < 3
    turned = head.meshes[0] + np.array([6, 0, 0], np.float32)
    moved = render(turned).astype(int)
    inner = np.s_[110:150, 110:150]
    wanted = np.roll(head.frames[0], 6, axis=1)[inner].astype(int)
    assert np.abs(moved[inner] - wanted).mean() < 0.4 * np.abs(same[inner] - wanted).mean()
