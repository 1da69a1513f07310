"""images: the best crops of each track, few crops made, little memory held."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vidface.data import Faces, Frame, SourceInfo
from vidface.data.measures import Measure, Measures
from vidface.errors import OutputError, UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.sinks._shots import Shot, Shots
from vidface.sinks.images import AWAY_S, Images
from vidface.vision.align import TEMPLATES

BOX = (40.0, 30.0, 120.0, 130.0)
SHAPE = TEMPLATES["arcface112"].points / 112 * 80 + (40, 40)


@dataclass
class Counting:
    """Pixels that count how often they are cropped."""

    inner: Any
    crops: list[tuple[int, int]] = field(default_factory=list)

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        self.crops.append(size)
        cut: NDArray[np.uint8] = self.inner.crop(matrix, size)
        return cut

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def scene(index: int, *, blur: float = 0, time: Fraction | None = None) -> Frame:
    """A frame of 200 x 160 with a red field, a blue one and four dark dots; `blur` is a sigma in pixels."""
    picture = np.zeros((160, 200, 3), np.uint8)
    picture[:, :80] = (200, 60, 60)
    picture[:, 80:] = (60, 60, 200)
    for x, y in SHAPE:
        cv2.circle(picture, (round(x), round(y)), 5, (20, 20, 20), -1, cv2.LINE_AA)
    if blur:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
    frame = frame_from_rgb(picture, index, Fraction(index, 10) if time is None else time)
    return frame.with_pixels(Counting(frame.pixels))


def face(score: float = 0.9, track: int = 3, box: tuple[float, ...] = BOX, **columns: Any) -> Faces:
    """One frontal face in the middle of the scene."""
    columns.setdefault("landmarks", [SHAPE])
    return Faces.of([box], scores=[score], tracks=[track], **columns)


def write(folder: Path, values: list[tuple[Frame, Faces]], **fields: Any) -> dict[str, Any]:
    """Run the sink over some frames."""
    sink = begin(folder, **fields)
    for frame, faces in values:
        sink.process(frame, faces)
    facts = sink.finish()
    sink.close()
    return facts


def begin(folder: Path, **fields: Any) -> Images:
    """A sink that has been started."""
    sink = Images(**fields)
    info = SourceInfo("c.mp4", "mp4", "h264", "yuv420p", 200, 160, Fraction(1, 90000))
    sink.start(Target(folder, "best", info))
    return sink


def index(folder: Path) -> list[dict[str, Any]]:
    """The lines of index.jsonl."""
    return [json.loads(line) for line in (folder / "best" / "index.jsonl").read_text().splitlines()]


def test_the_best_of_each_track_is_kept(tmp_path: Path) -> None:
    """Of blurred, unsure and interpolated shots and a good one, the good one; one file a track."""
    values = [
        (scene(0, blur=4), face()),
        (scene(1), face(0.5)),
        (scene(2), face(0.8)),
        (scene(3, blur=4), face(0.9)),
        (scene(4), face(0.99, interpolated=[True])),
        (scene(5), face(0.7, track=11)),
        (scene(6), face(track=-1)),
    ]
    facts = write(tmp_path, values)
    third, eleventh = index(tmp_path)
    assert (third["track"], third["frame"], third["file"]) == (3, 2, "track_0003.jpg")
    assert (eleventh["track"], eleventh["frame"], eleventh["time"]) == (11, 5, "0.500000")
    product = np.prod([third["parts"][name] for name in ("size", "score", "frontal", "inside", "sharp")])
    assert third["quality"] == pytest.approx(product, abs=2e-3)
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "index.jsonl",
        "track_0003.jpg",
        "track_0011.jpg",
    ]
    files = ["best/index.jsonl", "best/track_0003.jpg", "best/track_0011.jpg"]
    assert facts == {"files": files, "rows": 2, "tracks": 2, "untracked": 1, "ranked_by": "proxy"}


def test_pictures_of_another_run_are_not_listed(tmp_path: Path) -> None:
    """What a run that was killed left in the folder is none of the files of this one."""
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "track_0009.jpg").write_bytes(b"of somebody else")
    facts = write(tmp_path, [(scene(0), face()), (scene(20), face(score=0.95))], per_track=2, spacing_s=1)
    assert facts["files"] == ["best/index.jsonl", "best/track_0003_1.jpg", "best/track_0003_2.jpg"]


def test_a_box_crop_is_square_unscaled_and_rgb_the_right_way_round(tmp_path: Path) -> None:
    """1.4 times the longer side at native resolution, left part red as in the clip; shrunk above max_px."""
    write(tmp_path, [(scene(0), face())], format="png")
    picture = cv2.imread(str(tmp_path / "best" / "track_0003.png"))
    assert picture is not None
    assert picture.shape == (140, 140, 3)
    blue, green, red = picture[70, 20].tolist()
    assert red > 150
    assert max(blue, green) < 100
    (tmp_path / "small").mkdir()
    write(tmp_path / "small", [(scene(0), face())], max_px=64)
    small = cv2.imread(str(tmp_path / "small" / "best" / "track_0003.jpg"))
    assert small is not None
    assert small.shape == (64, 64, 3)


@pytest.mark.parametrize("name", ["arcface112", "ffhq512"])
def test_aligned_crops_put_the_landmarks_on_the_template(tmp_path: Path, name: Any) -> None:
    """The dark dots drawn at the landmarks appear at the template's points."""
    write(tmp_path, [(scene(0), face())], crop=name, format="png")
    picture = cv2.imread(str(tmp_path / "best" / "track_0003.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (TEMPLATES[name].size,) * 2
    for x, y in TEMPLATES[name].points:
        assert picture[int(y), int(x)] < 50
    assert index(tmp_path)[0]["crop"] == name


@pytest.mark.parametrize(
    "landmarks", [np.full((1, 5, 2), np.nan), np.ones((1, 5, 2)), SHAPE[[1, 0, 2, 4, 3]][None]]
)
def test_faces_that_cannot_be_aligned(tmp_path: Path, landmarks: NDArray[np.float64]) -> None:
    """Unknown or coinciding landmarks, and mirrored ones, give no broken crop and no failure."""
    facts = write(tmp_path, [(scene(0), face(landmarks=landmarks))], crop="arcface112")
    assert facts["rows"] in (0, 1)
    assert facts["rows"] == 0 or not np.isnan(landmarks).any()


def test_a_crop_is_made_only_when_it_could_win(tmp_path: Path) -> None:
    """After the best shot, a clearly worse one is not even looked at, a blurred one only at 128 px."""
    best, worse, blurred = scene(0), scene(1), scene(2, blur=5)
    write(tmp_path, [(best, face(0.95)), (worse, face(0.2)), (blurred, face(0.99))])
    sizes = [frame.pixels.crops for frame in (best, worse, blurred)]  # type: ignore[attr-defined]
    assert sizes == [[(128, 128), (140, 140)], [], [(128, 128)]]


def test_several_shots_are_apart_in_time(tmp_path: Path) -> None:
    """Three pictures of one track, at least a second between any two, best first in the index."""
    values = [(scene(i), face(0.5 + 0.4 * abs(np.sin(i / 3)))) for i in range(60)]
    write(tmp_path, values, per_track=3, spacing_s=1.0)
    rows = index(tmp_path)
    assert len(rows) == 3
    assert {row["file"] for row in rows} == {f"track_0003_{n}.jpg" for n in (1, 2, 3)}
    times = sorted(float(row["time"]) for row in rows)
    assert min(np.diff(times)) >= 1.0
    qualities = [row["quality"] for row in rows]
    assert qualities == sorted(qualities, reverse=True)


def judged(quality: float, other: float = 0.5) -> Measures:
    """What recognize.quality would say of the one face."""
    kinds = (Measure("quality_size", "ratio", "Size."), Measure("quality", "ratio", "All of it."))
    return Measures(kinds, np.array([(other, quality)], np.float32))


def test_the_best_shots_follow_a_wired_quality(tmp_path: Path) -> None:
    """A blurred small score wins over a sharp one where the measures say so; the index says by what."""
    sink = begin(tmp_path)
    for i, quality in enumerate((0.4, 0.9, 0.7)):
        sink.process(scene(i, blur=4 if i == 1 else 0), face(0.3 if i == 1 else 0.9), judged(quality))
    facts = sink.finish()
    (row,) = index(tmp_path)
    assert (row["frame"], row["quality"], row["ranked_by"], row["parts"]) == (
        1,
        0.9,
        "quality",
        {"quality_size": 0.5},
    )
    assert facts["ranked_by"] == "quality"


def test_what_was_not_measured_is_no_shot(tmp_path: Path) -> None:
    """A row of unknown quality, a skipped frame and an interpolated row lose against any measured one."""
    sink = begin(tmp_path)
    sink.process(scene(0), face(), judged(float("nan")))
    sink.process(scene(1), face(), Measures.none(judged(0).kinds))
    sink.process(scene(2), face(interpolated=[True]), judged(0.9))
    sink.process(scene(3), face(), judged(0.1, other=float("nan")))
    sink.finish()
    (row,) = index(tmp_path)
    assert (row["frame"], row["parts"]) == (3, {})


def test_measures_without_a_quality_are_refused(tmp_path: Path) -> None:
    """Wired to some other measures, the sink says which column it wants; a wrong number of rows is named."""
    sink = begin(tmp_path)
    other = Measures((Measure("smile", "ratio", "A smile."),), np.zeros((1, 1), np.float32))
    with pytest.raises(UsageError, match="a column 'quality', but gets smile"):
        sink.process(scene(0), face(), other)
    two = Measures(judged(0).kinds, np.zeros((2, 2), np.float32))
    with pytest.raises(UsageError, match="quality has 2 rows for 1 faces"):
        sink.process(scene(0), face(), two)
    sink.close()


def test_ended_tracks_are_written_at_once_and_may_come_back(tmp_path: Path) -> None:
    """A track out of sight frees its memory; when it returns with a better shot, the file is replaced."""
    sink = begin(tmp_path, format="png")
    sink.process(scene(0), face(0.5))
    path = tmp_path / "best" / "track_0003.png"
    assert not path.exists()
    sink.process(scene(1, time=Fraction(AWAY_S) + 1), Faces.none())
    first = path.read_bytes()
    assert all(shot.image is None for shots in sink._tracks.values() for shot in shots.kept)
    assert sink._active == {}
    sink.process(scene(2, blur=1, time=Fraction(AWAY_S) + 2), face(0.3))
    sink.process(scene(3, time=Fraction(AWAY_S) + 3), face(0.9, box=(44, 30, 124, 130)))
    sink.finish()
    sink.close()
    assert path.read_bytes() != first
    assert index(tmp_path)[0]["frame"] == 3


def test_no_frame_is_held(tmp_path: Path) -> None:
    """What is kept is a copy of the crop, not a view of the frame."""
    sink = begin(tmp_path)
    sink.process(scene(0), face())
    (shot,) = sink._tracks[3].kept
    assert shot.image is not None
    assert shot.image.base is None
    sink.close()


def test_folder_and_files_are_private(tmp_path: Path) -> None:
    """Pictures of faces: 0700 for the folder, 0600 for every file in it."""
    write(tmp_path, [(scene(0), face())])
    assert stat.S_IMODE((tmp_path / "best").stat().st_mode) == 0o700
    for path in (tmp_path / "best").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_is_an_output_error_and_leaves_no_broken_picture(tmp_path: Path) -> None:
    """One sentence with path and cause."""
    sink = begin(tmp_path)
    sink.process(scene(0), face())
    path = tmp_path / "best" / "track_0003.jpg"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match=r"track_0003\.jpg could not be written: No space left"):
        sink.finish()
    sink.close()
    assert not path.exists()


def test_an_empty_clip_gives_an_empty_index(tmp_path: Path) -> None:
    """No faces is a result, too."""
    assert write(tmp_path, [(scene(0), Faces.none())])["rows"] == 0
    assert index(tmp_path) == []


def shot(quality: float, time: Fraction) -> Shot:
    """A shot of nothing."""
    return Shot(0, time, quality, {}, (0, 0, 1, 1), None)


def offers(shots: Shots, values: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Offer (quality, tenths of a second) one after the other; the slots freed by each that is kept."""
    for quality, tenths in values:
        if shots.losers(quality, Fraction(tenths, 10)) is not None:
            yield shots.keep(shot(quality, Fraction(tenths, 10)))


@given(
    values=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 80)), max_size=40),
    room=st.integers(1, 4),
    spacing=st.integers(0, 20),
)
def test_kept_shots_keep_their_promises(values: list[tuple[int, int]], room: int, spacing: int) -> None:
    """Whatever comes: never too many, never too close, the best of all is there, slots are all different."""
    shots = Shots(room, Fraction(spacing, 10))
    freed = list(offers(shots, values))
    assert len(shots.kept) <= room
    times = sorted(kept.time for kept in shots.kept)
    assert all(b - a >= Fraction(spacing, 10) for a, b in pairwise(times))
    slots = [kept.slot for kept in shots.kept]
    assert len(set(slots)) == len(slots)
    assert all(0 <= slot < room for slot in slots)
    assert not (set(freed[-1]) if freed else set()) & set(slots)
    if values:
        assert max(kept.quality for kept in shots.kept) == max(quality for quality, _ in values)
