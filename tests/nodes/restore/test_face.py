"""restore.face with made networks: what changes and what must not, states, guard, size, bad rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Faces, Frame
from vidface.data.mesh import Meshes
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer.embedder import Looks
from vidface.media.pixels import frame_from_rgb
from vidface.nodes.restore import face
from vidface.nodes.restore._network import Restored
from vidface.nodes.restore._report import RestoredFaces
from vidface.nodes.restore.face import RestoreFace

FIVE = np.array([(45, 50), (75, 50), (60, 66), (48, 82), (72, 82)], np.float32)
CHECKS = np.where(np.indices((256, 256)).sum(0) // 8 % 2, 20.0, -20.0).astype(np.float32)[..., None]


class Made:
    """Adds a chequered pattern, stronger by the frames that the state has counted."""

    size, known = 256, 8
    amount = 1.0
    seen: list[list[float]]

    def __init__(self, *_args: Any, **_named: Any) -> None:
        type(self).seen = []

    def blank(self) -> NDArray[np.float32]:
        return np.zeros((1, 1, 1), np.float32)

    def __call__(self, crops: Any, states: Any, known: Any) -> Restored:
        self.seen.append(states[:, 0, 0, 0].tolist())
        return Restored(np.clip(crops + self.amount * CHECKS, 0, 255).astype(np.float32), states + 1)

    def close(self) -> None:
        pass


class Nothing(Made):
    """Gives back what it gets."""

    amount = 0.0


class Contrast:
    """An embedder that sees a plain face as one person and a chequered one as another."""

    template, size, dimension, fingerprint = "arcface112", 112, 2, "made@1"

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def __call__(self, crops: NDArray[np.uint8]) -> Looks:
        rough = crops.reshape(len(crops), -1).std(1) > 11
        vectors = np.stack([~rough, rough], 1).astype(np.float32)
        return Looks(vectors, np.full(len(crops), 0.8, np.float32))

    def close(self) -> None:
        pass


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "RestoreNetwork", Made)
    monkeypatch.setattr(face, "Embedder", Contrast)


def frame(index: int = 0, size: tuple[int, int] = (160, 120), *, rate: int = 25) -> Frame:
    pixels = np.full((size[1], size[0], 3), (120, 110, 100), np.uint8)
    return frame_from_rgb(pixels, index, Fraction(index, rate))


def one(track: int = 1, landmarks: Any = FIVE, box: Any = (30, 20, 90, 105)) -> Faces:
    return Faces.of([box], landmarks=[landmarks], tracks=[track])


def run(
    frames: list[Frame], found: list[Faces], *, cut: int | None = None, **fields: Any
) -> list[RestoredFaces]:
    ports: dict[str, Any] = {}
    if "mesh" in fields:
        ports["mesh"] = fields.pop("mesh")
    with NodeHarness(RestoreFace(**({"guard": False, "grain": 0, "fidelity": 1} | fields))) as harness:
        segments = () if cut is None else (cut,)
        return [
            RestoredFaces(*row) for row in harness.run(segments=segments, frame=frames, faces=found, **ports)
        ]


def changed(before: Frame, after: Frame) -> NDArray[np.int64]:
    return np.asarray(np.abs(after.planes().luma.astype(np.int64) - before.planes().luma))


@pytest.mark.usefixtures("made")
def test_only_the_face_changes() -> None:
    (got,) = run([frame()], [one()])
    difference = changed(frame(), got.frame)
    assert difference[50:80, 50:70].max() >= 10
    assert not difference[:, 135:].any()
    assert not difference[:, :5].any()
    assert got.crops.known.tolist() == [True]
    assert got.report.column("restore_share").tolist() == [1]
    assert 10 < got.report.column("restore_change")[0] <= 20


def test_what_needs_nothing_comes_back_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "RestoreNetwork", Nothing)
    rng = np.random.default_rng(0)
    noisy = frame_from_rgb(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    (got,) = run([noisy], [one()])
    assert not changed(noisy, got.frame).any()
    assert got.report.column("restore_change")[0] == pytest.approx(0, abs=0.6)


@pytest.mark.usefixtures("made")
def test_the_head_is_more_than_the_face() -> None:
    (head,), (inner,) = run([frame()], [one()]), run([frame()], [one()], area="face")
    whole, part = changed(frame(), head.frame) > 0, changed(frame(), inner.frame) > 0
    assert whole.sum() > 1.3 * part.sum()
    assert not (part & ~whole).any()


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("fidelity", [0.0, 0.5])
def test_fidelity_scales_the_change(fidelity: float) -> None:
    (whole,), (part,) = run([frame()], [one()]), run([frame()], [one()], fidelity=fidelity)
    most = changed(frame(), whole.frame).max()
    assert changed(frame(), part.frame).max() == pytest.approx(fidelity * most, abs=1.1)


@pytest.mark.usefixtures("made")
def test_the_state_goes_with_the_track() -> None:
    """Two faces change rows; a third comes in."""
    left, right = one(1), one(2, FIVE + np.array((50, 0)), (80, 20, 140, 105))
    both = Faces.of(
        np.concatenate([right.boxes, left.boxes]),
        landmarks=np.concatenate([right.landmarks, left.landmarks]),
        tracks=[2, 1],
    )
    run([frame(i) for i in range(4)], [left, left, both, both])
    assert Made.seen == [[0], [1], [0, 2], [1, 3]]


@pytest.mark.usefixtures("made")
def test_a_face_that_was_away_begins_anew() -> None:
    none = Faces.none()
    run([frame(i, rate=5) for i in range(6)], [one(), none, one(), none, none, one()], hold_s=0.45)
    assert Made.seen == [[0], [1], [0]]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("rate", "hold_s"), [(1, 0.5), (25, 0.0)])
def test_a_face_on_every_frame_was_never_away(rate: int, hold_s: float) -> None:
    """Frames that lie farther apart than `hold_s` are no absence: state and guard go on."""
    found, frames = [one()] * 8, [frame(i, rate=rate) for i in range(8)]
    got = run(frames, found, guard=True, guard_every_s=0, hold_s=hold_s)
    judged = [bool(np.isfinite(item.report.column("restore_cosine_before")[0])) for item in got]
    assert judged == [False] * 3 + [True] * 5
    assert Made.seen == [[i] for i in range(8)]


@pytest.mark.usefixtures("made")
def test_a_cut_forgets() -> None:
    run([frame(i) for i in range(3)], [one()] * 3, cut=2)
    assert Made.seen == [[0], [1], [0]]


@pytest.mark.usefixtures("made")
def test_the_picture_grows_and_the_change_with_it() -> None:
    (plain,), (got,) = run([frame()], [one()]), run([frame()], [one()], scale=3)
    assert got.frame.size == (480, 360)
    assert got.frame.pts == frame().pts
    ys, xs = np.nonzero(got.frame.planes().luma != np.median(got.frame.planes().luma))
    yp, xp = np.nonzero(changed(frame(), plain.frame))
    assert np.allclose([xs.min() / 3, xs.max() / 3, ys.min() / 3, ys.max() / 3],
                       [xp.min(), xp.max(), yp.min(), yp.max()], atol=3)  # fmt: skip
    (none,) = run([frame()], [Faces.none()], scale=2)
    assert none.frame.size == (320, 240)


@pytest.mark.usefixtures("made")
def test_the_guard_takes_back_what_changes_the_person() -> None:
    frames, found = [frame(i) for i in range(75)], [one()] * 75
    with NodeHarness(RestoreFace(grain=0, fidelity=1)) as harness:
        got = [RestoredFaces(*row) for row in harness.run(frame=frames, faces=found)]
        facts = harness.node.facts()
    shares = np.array([item.report.column("restore_share")[0] for item in got])
    assert shares[0] == 1
    assert shares[-1] < 0.02
    assert np.abs(np.diff(shares)).max() < 0.12
    assert got[-1].report.column("restore_cosine_before")[0] == pytest.approx(1)
    assert got[-1].report.column("restore_cosine_after")[0] == pytest.approx(0)
    assert facts["notes"][0].startswith("the identity guard held restoration back: track 1 on")
    assert changed(frames[-1], got[-1].frame).max() <= 1


@pytest.mark.usefixtures("made")
def test_consistent_pulls_back_to_what_was_observed() -> None:
    """The pattern is coarser than the pixels of the frame, which are sharp, so the frame contradicts it."""
    large = np.array([(60, 100), (180, 100), (120, 160), (75, 220), (165, 220)], np.float32)
    found = one(1, large, (20, 20, 220, 300))
    sharp = np.random.default_rng(0).integers(60, 190, (40, 40, 3), dtype=np.uint8)
    picture = frame_from_rgb(np.kron(sharp, np.ones((8, 8, 1), np.uint8)))
    free = run([picture], [found])[0].report
    held = run([picture], [found], consistent=True, tolerance=1)[0].report
    assert free.column("restore_residual")[0] > 15
    assert held.column("restore_residual")[0] < 0.5 * free.column("restore_residual")[0]
    assert held.column("restore_change")[0] < free.column("restore_change")[0]


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    "found",
    [
        Faces.of([(30, 20, 90, 105)]),
        one(landmarks=np.full((5, 2), 40.0)),
        one(box=(30, 20, 36, 28)),
        one(landmarks=FIVE + 5000),
        Faces.none(),
    ],
    ids=["no landmarks", "landmarks coincide", "tiny", "outside the frame", "nobody"],
)
def test_rows_that_cannot_be_restored_stay(found: Faces) -> None:
    (got,) = run([frame()], [found])
    assert not changed(frame(), got.frame).any()
    assert len(got.report) == len(got.crops) == len(found)
    assert np.isnan(got.report.values).all()


@pytest.mark.usefixtures("made")
def test_only_the_asked_track() -> None:
    (got,) = run([frame()], [one(3)], track=4)
    assert not changed(frame(), got.frame).any()


@pytest.mark.usefixtures("made")
def test_half_outside_and_odd_sizes() -> None:
    (got,) = run([frame(size=(81, 61))], [one()])
    assert got.frame.size == (81, 61)
    assert changed(frame(size=(81, 61)), got.frame).any()


@pytest.mark.usefixtures("made")
def test_a_mesh_of_other_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="mesh has 2 rows for 1 faces"):
        run([frame()], [one()], mesh=[Meshes.none(2)])


@pytest.mark.usefixtures("made")
def test_a_face_behind_another_is_counted_as_covered_and_reported_as_nothing() -> None:
    """The small face lies wholly inside the large one: nothing of it shows, so nothing of it is claimed."""
    small = (FIVE - 60) * 0.25 + (60, 66)
    both = Faces.of(
        [(30, 20, 90, 105), (52, 56, 68, 78)], landmarks=[FIVE, small.astype(np.float32)], tracks=[1, 2]
    )
    with NodeHarness(RestoreFace(guard=False, grain=0, min_face_px=8)) as harness:
        (row,) = harness.run(frame=[frame()], faces=[both])
        facts = harness.node.facts()
    got = RestoredFaces(*row)
    assert np.isnan(got.report.values[1]).all()
    assert got.report.column("restore_share")[0] == 0.5
    assert (facts["restored"], facts["covered"]) == (1, 1)


@pytest.mark.usefixtures("made")
def test_faces_without_a_track_are_told() -> None:
    with NodeHarness(RestoreFace(guard=False, grain=0)) as harness:
        harness.run(frame=[frame()], faces=[one(-1)])
        assert "wire track.faces" in harness.node.facts()["notes"][0]
    with NodeHarness(RestoreFace(guard=False, grain=0)) as harness:
        harness.run(frame=[frame()], faces=[one(1)])
        assert "notes" not in harness.node.facts()


@pytest.mark.usefixtures("made")
def test_restoration_comes_and_goes_smoothly_with_the_size_of_the_face() -> None:
    """Nothing at four fifths of `min_face_px`, all of it at its whole, in proportion between."""
    heights = [60, 80, 85, 90, 99, 101, 110, 85, 70]
    found = [one(box=(30, 20, 90, 20 + height)) for height in heights]
    got = run([frame(n) for n in range(len(found))], found, min_face_px=100)
    shares = np.nan_to_num([row.report.column("restore_share")[0] for row in got])
    assert np.allclose(shares, np.array([0, 0, 0.25, 0.5, 0.95, 1, 1, 0.25, 0]), atol=1e-6)
    assert not changed(frame(0), got[0].frame).any()
    assert changed(frame(2), got[2].frame).any()
