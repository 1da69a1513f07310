"""`vidface eval restore` as a user meets it, with a made embedder and baselines."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from vidface.cli import _looks, _restore, _restorereport, main
from vidface.cli._restoreclip import CROP, BadClip, FaceTrack, Making, make_bad, rescaled
from vidface.cli._restorejudge import OWN, FileEmbedder, Seen, placed
from vidface.cli._restoremethods import METHODS, Method, bicubic, plan_of
from vidface.cli._restorescore import _owners, spreads
from vidface.cli._restoretext import restore_text
from vidface.errors import ModelError
from vidface.infer.embedder import Looks
from vidface.media.declared import declared
from vidface.media.degrade import LEVELS, Degradation
from vidface.media.pixels import frame_from_rgb
from vidface.vision.align import TEMPLATES

Call = Callable[..., int]
Tell = pytest.CaptureFixture[str]

GROW = '''
import cv2
import numpy as np
from pydantic import Field
from vidface.data import Frame
from vidface.media.pixels import frame_from_rgb
from vidface.node import Node

class Grow(Node):
    """Enlarges the frame by bicubic interpolation."""
    scale: float = Field(1, ge=1, le=4, description="Factor.")

    def process(self, frame: Frame) -> Frame:
        width, height = (round(side * self.scale) for side in frame.size)
        large = cv2.resize(np.asarray(frame.rgb()), (width, height), interpolation=cv2.INTER_CUBIC)
        return frame_from_rgb(large, frame.index, frame.time)
'''


class Greys:
    """An embedder that sees the brightness of each sixteenth of a crop."""

    template, size, dimension, fingerprint = "arcface112", 112, 16, "greys@000000000000"

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        parts = crops.reshape(len(crops), 4, 28, 4, 28, 3).mean(axis=(2, 4, 5)).reshape(len(crops), 16) - 100
        parts = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-9)
        return Looks(parts.astype(np.float32), np.full(len(crops), np.nan, np.float32))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `vidface eval restore WORDS` in this process; gives the exit code."""
    monkeypatch.setattr(_looks, "open_embedder", lambda name: Greys())

    def run(*words: object) -> int:
        monkeypatch.setattr(sys, "argv", ["vidface", "eval", "restore", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    return run


@pytest.fixture
def portrait(samples: Path, tmp_path: Path) -> Path:
    """A clip of four frames: a portrait that moves by a pixel each time."""
    folder = tmp_path / "people" / "portrait"
    folder.mkdir(parents=True)
    picture = cv2.imread(str(samples / "hopper.jpg"))
    assert picture is not None
    for place in range(4):
        cv2.imwrite(str(folder / f"{place}.png"), np.roll(picture, place, axis=1))
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A clip in which nobody is."""
    folder = tmp_path / "empty" / "wall"
    folder.mkdir(parents=True)
    for place in range(3):
        cv2.imwrite(str(folder / f"{place}.png"), np.full((64, 64, 3), 90 + place, np.uint8))
    return folder


def by_hand(scale: int = 4) -> BadClip:
    """A clip whose red and green grow with x and y, shrunk; its face turned a little, partly outside."""
    y, x = np.mgrid[0:200, 0:240] + 0.5
    clean = np.stack([x, y, np.full_like(x, 100)], axis=-1)
    small = clean.reshape(200 // scale, scale, 240 // scale, scale, 3).mean((1, 3))
    turn = np.array([(1.2, 0.2, 5.0), (-0.2, 1.2, 30.0)])
    track = FaceTrack(
        np.array([0]), turn[None], np.zeros((1, 5, 2)), np.zeros((1, 4)),
        np.zeros((1, CROP, CROP, 3), np.uint8), np.ones((1, CROP, CROP), bool),
    )  # fmt: skip
    return BadClip("made", (240, 200), [np.rint(small).astype(np.uint8)], scale, Fraction(25), (track,), {})


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_baselines_put_every_pixel_where_it_was(method: Method) -> None:
    """Where colours are coordinates the crop shows where each pixel lies: half a small one would be 2."""
    bad = by_hand()
    bad.__dict__["in_video"] = bad.frames  # colours that are coordinates must not be rounded on the way
    crop = method(bad)[0][0].astype(float)
    turn = bad.tracks[0].matrices[0]
    y, x = np.mgrid[80:180, 80:180] + 0.5
    at = (np.stack([x, y], -1) - turn[:, 2]) @ np.linalg.inv(turn[:, :2]).T
    away = crop[80:180, 80:180, :2] - at
    assert np.abs(away.mean((0, 1))).max() < 0.6
    assert np.abs(away).max() < 4


def test_what_graphs_are_compared_with_went_through_the_colours_of_video() -> None:
    """A graph that changes nothing must come out where the bicubic baseline does."""
    bad = by_hand()
    again = frame_from_rgb(bad.frames[0]).painted(lambda _planes: None).rgb()
    assert (bad.in_video[0] == again).all()


def test_a_clip_that_is_hardly_made_bad_keeps_its_shade(portrait: Path) -> None:
    """Input and truth go the same ways between YUV and RGB, of which each rounds."""
    bad = make_bad(str(portrait), Making(Degradation(codec="h264", crf=2), frames=4))
    cut = bicubic(bad)[0].astype(float)
    track = bad.tracks[0]
    assert np.abs((cut - track.clean)[track.masks].mean(0)).max() < 0.4


def test_a_matrix_follows_the_size_of_the_frame() -> None:
    """The same place at half the width and a third of the height."""
    matrix = np.array([(2.0, 0.5, 3), (-0.5, 2, 1)])
    point = np.array([20.0, 30, 1])
    assert rescaled(matrix, (240, 300), (120, 100)) @ (10, 10, 1) == pytest.approx(matrix @ point)


def test_a_clip_is_cut_and_made_bad(portrait: Path) -> None:
    """One face followed over all frames; eyes and mouth lie on the template; small faces are left out."""
    bad = make_bad(str(portrait), Making(LEVELS["medium"], least_px=100))
    (track,) = bad.tracks
    assert track.frames.tolist() == [0, 1, 2, 3]
    assert track.clean.shape == (4, CROP, CROP, 3)
    assert np.abs(track.marks - TEMPLATES["ffhq512"].points / 2).max() < 10
    assert not track.clean[~track.masks].any()
    assert 0.5 < track.masks.mean() <= 1
    assert bad.size == (262, 256)
    assert [frame.shape for frame in bad.frames] == [(64, 66, 3)] * 4
    none = make_bad(str(portrait), Making(LEVELS["medium"], least_px=1000))
    assert (none.tracks, none.frames, none.left_out) == ((), [], {"too small": 1})
    short = make_bad(str(portrait), Making(LEVELS["medium"], frames=2, least_px=100))
    assert short.left_out == {"too short": 1}


def test_faces_larger_than_their_crop_are_shrunk_first(portrait: Path) -> None:
    """With `fit` a clip of twice the size is degraded as the clip itself; without it its size is kept."""
    for path in portrait.iterdir():
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    bad = make_bad(str(portrait), Making(Degradation(scale=4), fit=True))
    assert max(bad.size) < 400
    linear = bad.tracks[0].matrices[:, :, :2]
    assert np.sqrt(np.abs(np.linalg.det(linear))).mean() == pytest.approx(1, abs=0.05)
    assert bad.crop_px == pytest.approx(64, rel=0.05)
    kept = make_bad(str(portrait), Making(Degradation(scale=4)))
    assert kept.size == (524, 512)
    assert kept.crop_px == pytest.approx(bad.crop_px * 524 / bad.size[0], rel=0.02)


def test_the_noise_is_that_of_seed_and_clip(portrait: Path) -> None:
    making = Making(LEVELS["mild"], seed=3, least_px=100)
    first, again = make_bad(str(portrait), making), make_bad(str(portrait), making)
    other = make_bad(str(portrait), Making(LEVELS["mild"], seed=4, least_px=100))
    assert all((a == b).all() for a, b in zip(first.frames, again.frames, strict=True))
    assert any((a != b).any() for a, b in zip(first.frames, other.frames, strict=True))


def test_a_reference_of_somebody_else_belongs_to_no_track() -> None:
    """Two tracks; cosines .9, .5 and .3 to the first: the last is a stranger's, and nobody's here."""
    nothing = np.zeros((2, 1, 1, 3), np.uint8), np.zeros((2, 478, 2))
    first, second = (
        Seen(nothing[0], {OWN: np.tile(np.eye(3, dtype=np.float32)[n], (2, 1))}, nothing[1]) for n in (0, 1)
    )
    first.vectors[OWN][1] = 0  # a crop that could not be embedded has no say
    likes = np.array([0.9, 0.5, 0.3])
    references = np.stack([likes, 0 * likes, np.sqrt(1 - likes**2)], axis=1).astype(np.float32)
    owners, nobody = _owners(references, [first, second])
    assert list(owners) == [0]
    assert owners[0] == pytest.approx(references[:2].sum(axis=0))
    assert nobody == 1


def test_the_table_has_baselines_graph_and_the_clean_clip(
    call: Call, portrait: Path, plain: Path, tmp_path: Path, samples: Path, capsys: Tell
) -> None:
    """A graph that enlarges by bicubic interpolation comes out as the baseline; faceless clips are told."""
    (tmp_path / "grow.py").write_text(GROW)
    nodes = {"grow": {"use": "./grow.py", "in": {"frame": "source"}}}
    graph = tmp_path / "grow.yaml"
    graph.write_text(yaml.safe_dump({"version": 1, "nodes": nodes, "outputs": {"video": "grow"}}))
    out = tmp_path / "result.json"
    words = (portrait, plain, "--least-px", 100, "--graph", graph, "--reference", samples / "hopper.jpg")
    assert call(*words, "--independent", "other", "-o", out, "--pictures", tmp_path / "see") == 0
    text = capsys.readouterr().out
    assert "wall: no face that could be followed; it does not count" in text
    assert "people, 1 clips" in text
    assert "empty, 0 of 1 clips" in text
    assert "all, 1 of 2 clips" in text
    assert "to none where the mean cosine to the clean crops is below 0.4" in text
    report = json.loads(out.read_text())
    assert list(report["overall"]) == [*METHODS, "vidface", "clean"]
    assert report["clips"][0]["references of nobody"] == 0
    other = {**report, "clips": [{**report["clips"][0], "references of nobody": 2}]}
    assert any(line.endswith("; 2 reference pictures show nobody here") for line in restore_text(other))
    rows = report["clips"][0]["results"]
    assert rows["vidface"]["psnr_db"] == pytest.approx(rows["bicubic"]["psnr_db"], abs=0.4)
    assert rows["vidface"]["ssim"] == pytest.approx(rows["bicubic"]["ssim"], abs=0.02)
    assert rows["bicubic"]["guard_share"] == 0
    assert rows["clean"]["flicker"] == 0
    assert rows["clean"]["lost"] == 0
    assert "psnr_db" not in rows["clean"]
    assert 15 < rows["bicubic"]["psnr_db"] < 40
    assert rows["bicubic"]["ids"] == rows["bicubic"]["ids_independent"] > 0.5
    assert report["clips"][1]["results"] == {}
    assert report["graph"]["overrides"] == ["grow.scale=4"]
    sheet = cv2.imread(str(tmp_path / "see" / "people-portrait.png"))
    assert sheet is not None
    assert sheet.shape == (3 * CROP, 5 * CROP, 3)
    assert (tmp_path / "see" / "people-portrait.png").stat().st_mode & 0o777 == 0o600
    assert declared(tmp_path / "see" / "people-portrait.png").source_types == ()
    assert report["groups"]["empty"] == {}
    gain = rows["vidface"]["ids"] - rows["bicubic"]["ids"]
    assert report["overall"]["vidface"]["ids_least_gain"] == pytest.approx(gain)
    assert report["embedders"] == dict.fromkeys(("ids", "ids_independent"), "greys@000000000000")


def test_clips_of_one_name_have_their_own_groups_and_sheets(
    monkeypatch: pytest.MonkeyPatch, plain: Path, tmp_path: Path
) -> None:
    """Folders of one name are two groups, and their clips of one name two pictures."""
    clips = [str(plain)]
    for place in ("a", "b"):
        clips.append(str(shutil.copytree(plain, tmp_path / place / "clips" / "x")))
    told: list[tuple[str, str]] = []

    def score(*_: Any, group: str, name: str) -> dict[str, Any]:
        told.append((group, name))
        return {"group": group, "results": {"bicubic": {}}}

    monkeypatch.setattr(_looks, "open_embedder", lambda name: Greys())
    monkeypatch.setattr(_restorereport, "score_clip", score)
    report = _restorereport.restore_report(clips, _restorereport.RestoreOptions(methods=("bicubic",)))
    assert told == [("empty", "empty-wall"), ("a-clips", "a-clips-x"), ("b-clips", "b-clips-x")]
    assert list(report["groups"]) == ["empty", "a-clips", "b-clips"]


def test_a_csv_has_a_line_for_each_clip_group_and_method(
    call: Call, portrait: Path, tmp_path: Path, capsys: Tell
) -> None:
    out = tmp_path / "result.csv"
    words = (portrait, "--least-px", 100, "--method", "bicubic", "-o", out)
    assert call(*words) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(row["clip"] != "", row["group"], row["method"]) for row in rows] == [
        (True, "people", "bicubic"), (True, "people", "clean"),
        (False, "people", "bicubic"), (False, "people", "clean"),
        (False, "all", "bicubic"), (False, "all", "clean"),
    ]  # fmt: skip
    assert float(rows[0]["psnr_db"]) > 15
    assert rows[0]["guard_share"] == rows[1]["psnr_db"] == ""
    assert call(*words) == 2
    assert "is there already" in capsys.readouterr().err


def test_what_does_not_serve_gets_one_sentence(
    call: Call, portrait: Path, plain: Path, tmp_path: Path, repo: Path, capsys: Tell
) -> None:
    """Before any work: the right exit code, the thing by its name, no traceback."""
    stranger = tmp_path / "net.onnx"
    stranger.write_bytes(b"something")
    base = (portrait, "--method", "bicubic")
    cases: list[tuple[tuple[Any, ...], int, str]] = [
        ((tmp_path / "gone.mp4", "--method", "bicubic"), 3, "gone.mp4"),
        ((*base, portrait), 2, "is given twice; each clip counts once"),
        ((plain,), 3, "wall, so nothing was measured"),
        ((portrait, "--least-px", 9999, "--method", "bicubic"), 3, "left out: 1 too small (see --least-px)"),
        ((*base, "-o", tmp_path / "out.txt"), 2, "ends in .json or .csv"),
        ((*base, "-o", tmp_path / "no" / "out.csv"), 2, "there is no"),
        ((*base, "--independent", stranger), 4, "described by no manifest"),
        ((*base, "--independent", tmp_path / "gone.onnx"), 4, "is no file"),
        ((*base, "--reference", tmp_path / "gone.png"), 3, "gone.png is no file"),
        ((*base, "--reference", plain / "0.png"), 3, "no face found"),
        ((portrait, "--graph", repo / "graphs" / "mesh.yaml", "--level", "blurred"), 2, "blurred"),
        ((portrait, "--graph", tmp_path / "gone.yaml"), 2, "gone.yaml"),
        ((*base, "--set", "restore.fidelity=1"), 2, "Add `--method vidface`, or leave --set away"),
    ]
    for words, code, text in cases:
        assert (call(*words), words) == (code, words)
        err = capsys.readouterr().err
        assert text in err
        assert "Traceback" not in err


def test_a_graph_without_video_is_refused(call: Call, portrait: Path, tmp_path: Path, capsys: Tell) -> None:
    nodes = {"detect": {"use": "detect.face", "in": {"frame": "source"}}}
    graph = tmp_path / "faces.yaml"
    graph.write_text(yaml.safe_dump({"version": 1, "nodes": nodes, "outputs": {"faces": "detect"}}))
    assert call(portrait, "--graph", graph) == 2
    assert "wanted an output of the kind video, but found jsonl" in capsys.readouterr().err


def test_scale_goes_to_the_nodes_before_the_video_within_their_bounds(tmp_path: Path) -> None:
    """A shrink factor of 6 becomes 4, which the node takes; the user's own word goes last."""
    (tmp_path / "grow.py").write_text(GROW)
    nodes = {name: {"use": "./grow.py", "in": {"frame": "source"}} for name in ("one", "two")}
    outputs = {"video": "one", "other": "two"}
    graph = tmp_path / "two.yaml"
    graph.write_text(yaml.safe_dump({"version": 1, "nodes": nodes, "outputs": outputs}))
    plan = plan_of(str(graph), 6.0)
    assert [(step.name, step.node.model_dump()) for step in plan.steps] == [("one", {"scale": 4})]
    plan = plan_of(str(graph), 6.0, ("one.scale=2",))
    assert plan.steps[0].node.model_dump() == {"scale": 2}


def test_levels_of_the_command_are_those_of_the_model() -> None:
    assert tuple(LEVELS) == _restore.LEVELS


def test_embedders_of_other_templates_get_their_own_crop() -> None:
    """Columns 8 to 104 of the ArcFace crop at 128 px: its corners come from there. Others are refused."""

    class Other(Greys):
        template, size = "arcface112 columns 8..104 resized to 128", 128

    class Unknown(Greys):
        template = "box x 2.7"

    points = TEMPLATES["arcface112"].points
    matrix = placed(Other(), points)
    assert matrix @ (8, 0, 1) == pytest.approx((0, 0), abs=1e-9)
    assert matrix @ (104, 112, 1) == pytest.approx((128, 128))
    assert placed(Greys(), points * 2 + 3) @ (3, 3, 1) == pytest.approx((0, 0), abs=1e-9)
    with pytest.raises(ModelError, match=r"box x 2\.7"):
        placed(Unknown(), points)


def test_an_onnx_file_is_read_by_the_manifest_beside_it(repo: Path, tmp_path: Path) -> None:
    """The project's own embedder as a file: the same vectors as by name. A changed file is nobody's."""
    shipped = repo / "models" / "vidface-embed"
    for name in ("manifest.yaml", "model.onnx"):
        shutil.copy(shipped / name, tmp_path / name)
    embedder = FileEmbedder(tmp_path / "model.onnx")
    crops = np.random.default_rng(0).integers(0, 256, (2, embedder.size, embedder.size, 3)).astype(np.uint8)
    wanted = _looks.open_embedder("vidface-embed")
    assert embedder.fingerprint == wanted.fingerprint
    assert np.abs(embedder(crops).vectors - wanted(crops).vectors).max() < 1e-4
    with (tmp_path / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="described by no manifest"):
        FileEmbedder(tmp_path / "model.onnx")


def test_what_is_written_of_synthetic_pictures_says_so(call: Call, portrait: Path, tmp_path: Path) -> None:
    """A graph that generates: its column is named, mark and manifest tell it, and the file is private."""
    pytest.importorskip("c2pa")
    (tmp_path / "grow.py").write_text(GROW.replace("    scale:", "    generates = True\n    scale:"))
    nodes = {"grow": {"use": "./grow.py", "in": {"frame": "source"}}}
    graph = tmp_path / "grow.yaml"
    graph.write_text(yaml.safe_dump({"version": 1, "nodes": nodes, "outputs": {"video": "grow"}}))
    words = ("--least-px", 100, "--graph", graph, "--method", "vidface", "--pictures", tmp_path / "see")
    assert call(portrait, *words) == 0
    path = tmp_path / "see" / "people-portrait.png"
    told = declared(path)
    assert told.source_types == ("compositeSynthetic",)
    assert told.manifest is not None
    assert (told.manifest.place, told.manifest.problems) == ("embedded", ())
    assert told.mark is not None
    assert path.stat().st_mode & 0o777 == 0o600
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape == (24 + 3 * CROP, 3 * CROP, 3)


def test_the_spread_of_likeness_is_that_of_the_video() -> None:
    """Two people, each alike throughout: .9 and .3 are .3 to either side of their mean."""

    def seen(cosine: float) -> Seen:
        row = np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)
        return Seen(np.zeros((10, 4, 4, 3), np.uint8), {OWN: np.tile(row, (10, 1))}, np.zeros((10, 478, 2)))

    found = spreads([seen(0.9), seen(0.3)], [seen(1), seen(1)])
    assert found == {"ids_sigma": pytest.approx(0.3, abs=1e-6)}
