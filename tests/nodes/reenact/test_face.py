"""reenact.face on one of the project's own portraits, driven by made motions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.data import Device, Faces, Frame, SourceInfo
from vidface.data.mesh import Meshes
from vidface.data.motion import Motion, Motions
from vidface.errors import InputError, UsageError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.media.pixels import frame_from_rgb
from vidface.node import Target
from vidface.nodes.reenact import face
from vidface.nodes.reenact._source import StillReader
from vidface.nodes.reenact.face import Redriven, ReenactFace
from vidface.sinks.motion import MotionSink
from vidface.vision.meshmodel import MeshModel
from vidface.vision.motionfit import Person, motion_of

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)


@cache
def still() -> tuple[Frame, Any]:
    """Hopper in a larger picture, and her mesh: a face with a shut mouth."""
    reader = StillReader("test", "vidface-facedet", "vidface-facemesh", Device())
    read = reader.read(SAMPLES / "hopper.jpg", None)
    reader.close()
    border = cv2.copyMakeBorder(read.pixels, 60, 60, 80, 80 + read.pixels.shape[1] % 2, cv2.BORDER_REFLECT)
    border = border[: border.shape[0] // 2 * 2]
    return frame_from_rgb(np.asarray(border, np.uint8), 0), read.mesh + np.array([80, 60, 0])


def own_motion() -> Motion:
    """What reenact.speech would begin with: the face as it is."""
    read = Person(MODEL).read(still()[1])
    return motion_of(read, read.skull)


def opened(size: float = 1.5) -> Motion:
    """The mouth wide open, else as it is."""
    motion = own_motion()
    expression = motion.expression.copy()
    expression[0] += size
    return replace(motion, expression=expression)


def run(motions: list[Motion | None], *, segments: tuple[int, ...] = (), **fields: Any) -> list[Redriven]:
    """The node over copies of the still."""
    frame, mesh = still()
    frames = [replace(frame, index=i, pts=i, time_base=Fraction(1, 25)) for i in range(len(motions))]
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    faces = [Faces.of([(*low, *high)], tracks=[1])] * len(motions)
    rows = NodeHarness(ReenactFace(**fields)).run(
        segments=segments,
        frame=frames,
        faces=faces,
        mesh=[Meshes.of(mesh[None])] * len(motions),
        motions=[Motions((one or Motion.none(),)) for one in motions],
    )
    return [Redriven(*row) for row in rows]


def change(out: Redriven) -> Any:
    """h x w: how far the luma is from that of the still."""
    return np.abs(out.frame.planes().luma.astype(int) - still()[0].planes().luma)


def test_a_face_that_does_what_it_does_anyway_stays_bit_by_bit() -> None:
    """And one of which no motion speaks."""
    for motion in (own_motion(), None):
        (out,) = run([motion])
        for here, there in zip(
            (out.frame.planes().luma, out.frame.planes().u),
            (still()[0].planes().luma, still()[0].planes().u),
            strict=True,
        ):
            assert (here == there).all()


def test_lips_open_and_all_else_stays() -> None:
    """The mouth is dark inside; forehead and corners of the picture do not change at all."""
    mesh = still()[1]
    (out,) = run([opened()])
    x, y = ((mesh[13] + mesh[14]) / 2)[:2].astype(int)
    assert change(out)[y - 8 : y + 16, x - 8 : x + 8].max() > 50
    brow = int(mesh[[105, 334], 1].min())
    assert change(out)[: brow - 5].max() <= 3
    assert change(out)[:, :40].max() == 0
    assert out.report.column("reenact_change")[0] > 0.01


def test_all_regions_turn_the_head() -> None:
    """The turn of the motion is taken; the limit is told."""
    turn = replace(own_motion(), rotation=own_motion().rotation + np.array([0, -0.7, 0], np.float32))
    (out,) = run([turn], regions=["all"], max_yaw=15)
    assert change(out).mean() > 2
    assert int(out.report.column("reenact_limited")[0]) & 1


def test_a_saved_motion_runs_on_through_a_cut(tmp_path: Path) -> None:
    """A cut in the clip that it is laid over is no reason to begin it anew."""
    sink = MotionSink()
    sink.start(Target(tmp_path, "motion", SourceInfo("c", "mp4", "h264", "yuv420p", 4, 4, Fraction(1, 25))))
    for index, size in enumerate((0.0, 0.0, 1.5, 1.5)):
        frame = replace(still()[0], index=index, pts=index, time_base=Fraction(1, 25))
        sink.process(frame, Faces.of([(30, 20, 90, 90)], tracks=[1]), Motions((opened(size),)))
    sink.finish()
    motion = str(tmp_path / "motion.npz")
    whole, cut = (run([None] * 4, motion=motion, segments=segments) for segments in ((), (2,)))
    ways = [[float(out.report.column("reenact_change")[0]) for out in outs] for outs in (whole, cut)]
    assert ways[0][2] > ways[0][1] + 0.005
    assert ways[1] == pytest.approx(ways[0], abs=0.005)


def test_a_face_on_every_frame_was_never_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who it is goes on from frame to frame, also with `hold_s: 0`."""
    known = []

    def person(model: MeshModel) -> Person:
        known.append(Person(model))
        return known[-1]

    monkeypatch.setattr(face, "Person", person)
    run([own_motion()] * 3, hold_s=0)
    assert len(known) == 1


def test_only_the_chosen_track_moves() -> None:
    """Track 2 is not there."""
    (out,) = run([opened()], track=2)
    assert change(out).max() == 0


def test_faces_that_are_too_small_stay() -> None:
    """And the facts say that nobody moved."""
    (out,) = run([opened()], min_face_px=4000)
    assert change(out).max() == 0
    node = ReenactFace(min_face_px=4000)
    NodeHarness(node).run(frame=[still()[0]], faces=[Faces.none()], mesh=[Meshes.none()], motions=[Motions()])
    assert "no face was moved" in node.facts()["notes"][0]


def test_teeth_are_remembered_from_earlier_frames() -> None:
    """A shut mouth that opens shows what the same track showed before."""
    frame, mesh = still()
    shape = mesh.copy()
    lower = [95, 88, 178, 87, 14, 317, 402, 318, 324]
    shape[lower, 1] += 9
    picture = frame.rgb().copy()
    middle = ((shape[13] + shape[14]) / 2)[:2]
    cv2.ellipse(picture, (int(middle[0]), int(middle[1])), (14, 5), 0, 0, 360, (250, 250, 250), -1)
    frames = [frame_from_rgb(picture, 0), frame]
    frames = [replace(one, index=i, pts=i, time_base=Fraction(1, 25)) for i, one in enumerate(frames)]
    faces = [Faces.of([(100, 100, 250, 280)], tracks=[1])] * 2
    rows = NodeHarness(ReenactFace(regions=["lips"])).run(
        frame=frames,
        faces=faces,
        mesh=[Meshes.of(shape[None]), Meshes.of(mesh[None])],
        motions=[Motions((Motion.none(),)), Motions((opened(),))],
    )
    alone = run([opened()])[0].frame.rgb()
    x, y = ((mesh[13] + mesh[14]) / 2)[:2].astype(int)
    patch = np.s_[y - 2 : y + 10, x - 8 : x + 8]
    assert rows[1][0].rgb()[patch].max() > alone[patch].max() + 30


def test_rows_that_do_not_fit_are_refused() -> None:
    """With the name of the port."""
    frame, mesh = still()
    with pytest.raises(UsageError, match="motions has 2 rows for 1 faces"):
        NodeHarness(ReenactFace()).run(
            frame=[frame],
            faces=[Faces.of([(10, 10, 90, 90)])],
            mesh=[Meshes.of(mesh[None])],
            motions=[Motions.none(2)],
        )


def test_a_missing_motion_file_is_told_before_anything_is_drawn() -> None:
    """In one sentence."""
    with pytest.raises(InputError, match=r"reenact.face: gone.npz cannot be read"):
        run([None], motion="gone.npz")
