"""draw.boxes: what it paints, where, and what it leaves alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from vidface.data import Faces, Frame, Planes
from vidface.data.identity import Identities, Identity
from vidface.data.planes import Matrix
from vidface.errors import UsageError
from vidface.nodes.draw._colours import PALETTE, colour_of
from vidface.nodes.draw.boxes import DrawBoxes
from vidface.vision.paint import Rgb, ink_codes

SHAPE = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)], np.float32)

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency" (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protan": np.array(
        [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)]
    ),
    "deutan": np.array(
        [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)]
    ),
    "tritan": np.array(
        [(1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)]
    ),
}


class Plain:
    """Pixels that are planes and nothing else."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes

    @property
    def size(self) -> tuple[int, int]:
        return self._planes.size

    def planes(self) -> Planes:
        return self._planes

    def painted(self, paint: Callable[[Planes], None]) -> Plain:
        p = self._planes
        fresh = Planes(p.luma.copy(), p.u.copy(), p.v.copy(), p.bits, p.matrix, p.full_range)
        paint(fresh)
        return Plain(fresh)

    def remade(self, size: tuple[int, int], paint: Callable[[Planes], None]) -> Plain:
        raise AssertionError("drawing keeps the size")

    def rgb(self, width: int | None = None) -> NDArray[np.uint8]:
        raise AssertionError("drawing must not go through RGB")

    bgr = luma = rgb

    def crop(self, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.uint8]:
        raise AssertionError("drawing must not go through RGB")


def picture(
    width: int = 320,
    height: int = 240,
    *,
    bits: int = 8,
    step: tuple[int, int] = (2, 2),
    matrix: Matrix = "bt709",
    time: Fraction = Fraction(0),
) -> Frame:
    """A frame of mid grey with a little noise."""
    rng = np.random.default_rng(width + height)
    kind = np.uint8 if bits == 8 else np.uint16
    chroma = (-(-height // step[1]), -(-width // step[0]))
    middle = 1 << (bits - 1)
    planes = Planes(
        rng.integers(middle - 20, middle + 20, (height, width)).astype(kind),
        np.full(chroma, middle, kind),
        np.full(chroma, middle, kind),
        bits,
        matrix,
    )
    return Frame(0, int(time * 600), Fraction(1, 600), Plain(planes))


def people(*boxes: tuple[float, float, float, float], **columns: Any) -> Faces:
    """Faces with landmarks in their usual places and tracks 1, 2, 3 ..."""
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    marks = rows[:, None, :2] + SHAPE * (rows[:, None, 2:] - rows[:, None, :2])
    columns.setdefault("tracks", np.arange(1, len(rows) + 1))
    return Faces.of(rows, landmarks=marks, scores=np.full(len(rows), 0.9), **columns)


def node(**fields: Any) -> DrawBoxes:
    """A node, ready to run."""
    made = DrawBoxes(**fields)
    made.reset()
    return made


def changed(before: Frame, after: Frame) -> list[NDArray[np.bool_]]:
    """Which samples differ, per plane."""
    a, b = before.planes(), after.planes()
    return [x != y for x, y in ((a.luma, b.luma), (a.u, b.u), (a.v, b.v))]


def near(planes: Planes, colour: Rgb, tolerance: float = 3) -> int:
    """How many luma samples have this colour's code."""
    return int((np.abs(planes.luma - np.float32(ink_codes(planes, colour)[0])) <= tolerance).sum())


def test_nothing_to_draw_passes_the_same_frame_on() -> None:
    """No faces: not a copy, the very object, so the encoder gets the decoder's memory."""
    frame = picture()
    assert node().process(frame, Faces.none()) is frame
    assert node().process(frame, Faces.none(looked=False)) is frame


@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_box_is_painted_in_its_colour_and_the_rest_is_bit_identical(
    bits: int, step: tuple[int, int]
) -> None:
    """In every depth and subsampling: the line has the track's colour, samples away from it do not change."""
    frame = picture(bits=bits, step=step)
    drawn = node(label="none", landmarks=False, scale=3).process(frame, people((100, 60, 180, 160)))
    luma, u, v = changed(frame, drawn)
    assert near(drawn.planes(), colour_of(1), 3 << (bits - 8)) > 200
    assert luma.sum() > 700
    assert u.any()
    assert v.any()
    margin = 7
    for plane, sx, sy in ((luma, 1, 1), (u, *step), (v, *step)):
        y, x = (np.argwhere(plane).T * np.array([[sy], [sx]])).astype(float)
        assert ((x > 100 - margin) & (x < 180 + margin) & (y > 60 - margin) & (y < 160 + margin)).all()
        inner = (x > 100 + margin) & (x < 180 - margin) & (y > 60 + margin) & (y < 160 - margin)
        assert not inner.any()
    assert drawn.planes().luma.max() < 1 << bits


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_the_colour_is_the_same_in_every_coding(matrix: Matrix) -> None:
    """Decoded with its own matrix, the tag of the label has the palette's RGB, whatever the clip's coding."""
    frame = picture(640, 480, matrix=matrix)
    planes = node(landmarks=False).process(frame, people((200, 200, 400, 440))).planes()
    codes = ink_codes(planes, PALETTE[0])
    exact = [
        np.abs(p - np.float32(c)) <= 0.5
        for p, c in zip((planes.luma, planes.u, planes.v), codes, strict=True)
    ]
    assert exact[0].sum() > 200
    assert (exact[1] & exact[2] & exact[0][::2, ::2]).sum() > 50


@pytest.mark.parametrize(
    "corner",
    [*itertools.product((-40.0, 130.0, 280.0), (-50.0, 80.0, 190.0)), (-5000.0, 80.0), (1e30, -1e30)],
)
def test_boxes_at_and_over_every_edge(corner: tuple[float, float]) -> None:
    """Inside, over each edge and corner, and far outside: drawn as far as it can be seen, label in full."""
    frame = picture()
    x, y = corner
    faces = people((x, y, x + 80, y + 100)) if abs(x) < 1e9 else people((x, y, x * 1.01, y * 0.99))
    plain, labelled = (node(label=kind).process(frame, faces) for kind in ("none", "id+score"))
    label = changed(plain, labelled)[0]
    assert label.any()
    rows, columns = np.flatnonzero(label.any(axis=1)), np.flatnonzero(label.any(axis=0))
    assert np.ptp(rows) + 1 >= 13
    assert np.ptp(columns) + 1 >= 40


def test_text_is_never_below_nine_pixels() -> None:
    """At 240p and for a tiny face, the label's tag still holds digits nine pixels high."""
    frame = picture(426, 240)
    faces = people((200, 100, 214, 118))
    plain, labelled = (node(label=kind).process(frame, faces) for kind in ("none", "id"))
    dark = labelled.planes().luma < 40
    rows = np.flatnonzero((dark & changed(plain, labelled)[0]).any(axis=1))
    assert np.ptp(rows) + 1 >= 8


def test_sizes_grow_with_the_picture() -> None:
    """The same scene at 4K gets thicker lines and larger text than at 720p (else it were a third)."""
    counts = []
    for height in (720, 2160):
        factor = height / 720
        frame = picture(round(1280 * factor), height)
        faces = people(tuple(v * factor for v in (500, 200, 700, 450)))  # type: ignore[arg-type]
        counts.append(changed(frame, node().process(frame, faces))[0].mean())
    assert 0.5 < counts[1] / counts[0] < 1.6


@pytest.mark.parametrize("step", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (1, 7), (17, 9), (33, 31)])
def test_tiny_and_odd_frames(size: tuple[int, int], step: tuple[int, int]) -> None:
    """Frames too small for a label, of odd size, down to one pixel, do not fail."""
    step = (step[0] if size[0] > 1 else 1, step[1] if size[1] > 1 else 1)
    frame = picture(*size, step=step)
    drawn = node().process(frame, people((0, 0, size[0], size[1]), (-3, -3, 40, 40)))
    assert drawn.size == size


def test_boxes_without_size_or_turned_inside_out() -> None:
    """A detector's nonsense is survived: no area, negative sides."""
    frame = picture()
    node().process(frame, people((50, 50, 50, 50), (90, 90, 60, 40), (10, 10, 200, 10)))


def test_landmarks_are_dots_and_unknown_ones_are_left_out() -> None:
    """Each of five points gets a dot in place; NaN landmarks and `landmarks: false` give none."""
    frame = picture(640, 480)
    faces = people((200, 100, 400, 360))
    with_dots, without = (node(label="none", landmarks=on).process(frame, faces) for on in (True, False))
    dots = changed(with_dots, without)[0]
    for x, y in faces.landmarks[0]:
        assert dots[round(float(y) - 0.5), round(float(x) - 0.5)]
    assert dots.sum() < 5 * 100
    unknown = Faces.of(faces.boxes, tracks=faces.tracks)
    plain = node(label="none").process(frame, unknown)
    assert not changed(plain, without)[0].any()


def test_interpolated_faces_look_fainter() -> None:
    """Nobody saw a face there: the box is dashed, so less of it is painted."""
    frame = picture(640, 480)
    seen, guessed = (
        np.abs(
            node(label="none", landmarks=False)
            .process(frame, people((200, 100, 400, 360), interpolated=[interpolated]))
            .planes()
            .luma
            - frame.planes().luma.astype(float)
        ).sum()
        for interpolated in (False, True)
    )
    assert 0.15 < guessed / seen < 0.65


def test_labels_say_what_was_asked_for() -> None:
    """ "none" paints less than "id", "id" less than "id+score"; a face without a track has only a score."""
    frame = picture(640, 480)
    faces = people((200, 200, 400, 440))
    none, name, both = (
        int(changed(frame, node(label=kind).process(frame, faces))[0].sum())
        for kind in ("none", "id", "id+score")
    )
    assert none < name < both
    untracked = faces.with_tracks([-1])
    plain, silent = (node(label=kind).process(frame, untracked) for kind in ("none", "id"))
    assert not changed(plain, silent)[0].any()


def test_a_label_says_who_it_is() -> None:
    """Known: the name instead of the number; unknown and undecided look different from both."""
    frame, faces = picture(640, 480), people((200, 200, 400, 440))
    who = [Identity("known", "Zoë", 0.7), Identity("known", "Bob", 0.7), Identity("unknown"), Identity()]
    drawn = [node().process(frame, faces, Identities((one,))) for one in who]
    for i, first in enumerate(drawn):
        for second in drawn[i + 1 :]:
            assert changed(first, second)[0].any()
    assert not changed(drawn[3], node().process(frame, faces))[0].any()
    with pytest.raises(UsageError, match="identity has 2 rows"):
        node().process(frame, faces, Identities((who[0], who[1])))


def moving(seconds: float, rate: int, *, speed: float = 120) -> Iterator[tuple[Frame, Faces]]:
    """A face going right at `speed` pixels a second."""
    for i in range(round(seconds * rate) + 1):
        x = 40 + speed * i / rate
        yield picture(640, 240, time=Fraction(i, rate)), people((x, 80, x + 60, 160))


def trail_length(rate: int, trail_s: float) -> float:
    """Pixels that the trail reaches back from the box after two seconds."""
    painter, plain = (node(label="none", trail_s=s) for s in (trail_s, 0))
    for frame, faces in moving(2, rate):
        drawn, bare = painter.process(frame, faces), plain.process(frame, faces)
    columns = np.flatnonzero(changed(drawn, bare)[0].any(axis=0))
    return float(columns[-1] - columns[0])


def test_the_trail_follows_time_not_frames() -> None:
    """One second of way is as long at 10 frames a second as at 50; half the time, half the trail."""
    slow, fast = trail_length(10, 1.0), trail_length(50, 1.0)
    assert slow == pytest.approx(fast, abs=15)
    assert fast == pytest.approx(120, abs=20)
    assert trail_length(50, 0.5) == pytest.approx(60, abs=15)


def test_a_still_face_has_no_trail_and_reset_forgets() -> None:
    """A face that keeps its place is not scribbled on; after a cut the way before it is gone."""
    still, bare = node(label="none"), node(label="none", trail_s=0)
    for frame, faces in moving(1, 20, speed=0):
        assert not changed(still.process(frame, faces), bare.process(frame, faces))[0].any()
    painter = node(label="none")
    for frame, faces in moving(2, 20):
        painter.process(frame, faces)
    painter.reset()
    assert not changed(painter.process(frame, faces), bare.process(frame, faces))[0].any()


def test_ended_trails_are_forgotten() -> None:
    """Memory does not grow with the number of tracks that ever were."""
    painter = node()
    for i in range(500):
        painter.process(picture(64, 48, time=Fraction(i, 10)), people((5, 5, 40, 40), tracks=[i + 1]))
    assert len(painter._trails) <= 11


def test_the_same_input_gives_the_same_bytes() -> None:
    """Two nodes, one stream: bit-identical."""
    first, second = node(), node()
    for frame, faces in moving(1, 20):
        a, b = first.process(frame, faces), second.process(frame, faces)
        assert not any(plane.any() for plane in changed(a, b))


def test_an_input_frame_is_never_changed() -> None:
    """The planes that other nodes share stay as they were."""
    frame = picture()
    before = frame.planes().luma.copy()
    node().process(frame, people((100, 60, 180, 160)))
    np.testing.assert_array_equal(frame.planes().luma, before)


def lab(rgb: Rgb, sight: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of an sRGB colour as an observer sees it."""
    value = np.array(rgb) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    seen = np.clip(sight @ linear, 0, 1)
    to_xyz = np.array(
        [
            (0.4124564, 0.3575761, 0.1804375),
            (0.2126729, 0.7151522, 0.0721750),
            (0.0193339, 0.119192, 0.9503041),
        ]
    )
    xyz = to_xyz @ seen / (0.95047, 1, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("observer", SIGHT)
def test_colours_can_be_told_apart_by_everybody(observer: str) -> None:
    """Any two colours of the palette differ by 29 or more in CIELAB, also to colour-blind people."""
    seen = [lab(colour, SIGHT[observer]) for colour in PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 29


def test_black_text_is_readable_on_every_colour() -> None:
    """Contrast of at least 4.5 (WCAG 2 AA) between text and tag, for the first hundred tracks."""
    for track in range(1, 101):
        value = np.array(colour_of(track)) / 255
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        assert (linear @ (0.2126, 0.7152, 0.0722) + 0.05) / 0.05 >= 4.5, track


def test_a_colour_belongs_to_a_track() -> None:
    """Stable, different for the next seven tracks, different again a turn later."""
    colours = [colour_of(track) for track in range(1, 25)]
    assert colours == [colour_of(track) for track in range(1, 25)]
    assert len(set(colours)) == 24


def test_parameters_are_bounded() -> None:
    """Nonsense is refused when the graph is loaded."""
    for wrong in ({"trail_s": -1}, {"scale": 0}, {"label": "name"}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            DrawBoxes(**wrong)
