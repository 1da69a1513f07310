"""forensics.blend with a made network that takes red for blending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nodes.forensics.madeface import SIZE, Paint, face_mask, mesh_at, stream
from vidface.data import Device
from vidface.data.finding import Finding
from vidface.data.mesh import Meshes
from vidface.errors import ModelError
from vidface.graph.harness import NodeHarness
from vidface.infer import session
from vidface.infer.blendreader import BlendReader
from vidface.nodes.forensics.blend import ForensicsBlend

TINY = Path(__file__).resolve().parent / "tiny_blend" / "model.onnx"
CPU = Device("cpu")
POINTS = mesh_at()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is the tiny one."""
    monkeypatch.setattr(session, "load", lambda _name, device, threads: session.open_file(TINY, device))


def red(*frames: int, points: Any = POINTS) -> Paint:
    """A grey picture; the face is red on the given frames."""
    where = face_mask(points)

    def paint(index: int, _time: float) -> Any:
        picture = np.full((*SIZE[::-1], 3), 90.0, np.float32)
        if index in frames:
            picture[where] = (230, 40, 40)
        return picture

    return paint


def run(ports: dict[str, list[Any]], **fields: Any) -> list[Finding]:
    with NodeHarness(ForensicsBlend(**fields)) as harness:
        return [one for each in harness.run(**ports) for one in each]


@pytest.mark.usefixtures("tiny")
def test_the_score_is_the_mean_over_the_frames_that_were_looked_at() -> None:
    """Frames 0, 5 and 10 are looked at; frame 5 alone is red, frame 7 is red where nobody looks."""
    (found,) = run(stream(0.5, red(5, 7), points=[POINTS], fps=25), hop_s=0.48)
    assert found.applies
    assert (found.kind, found.track, found.frame) == ("blend", 1, 5)
    assert (found.stretch.first, found.stretch.last) == (0, 12)
    assert found.details["frames"] == 3
    assert found.details["share"] == pytest.approx(1 / 3)
    assert found.details["worst"] > 1
    assert found.score == pytest.approx(found.details["worst"] / 3, rel=1e-4)


@pytest.mark.usefixtures("tiny")
def test_the_heat_map_is_of_the_worst_frame_and_marks_the_face() -> None:
    (found,) = run(stream(0.4, red(5), points=[POINTS], fps=25), hop_s=0.4)
    assert found.heat is not None
    assert found.heat.shape == (4, 4)
    assert found.picture is not None
    assert found.picture.shape == (32, 32, 3)
    assert found.picture[16, 16].tolist() == [230, 40, 40]
    middle, corner = int(found.heat[1:3, 1:3].min()), int(found.heat[0, 0])
    assert middle > 200
    assert corner < 100


@pytest.mark.usefixtures("tiny")
def test_a_window_forgets_what_is_older() -> None:
    last = run(stream(2.0, red(0, 5), points=[POINTS], fps=25), window_s=1.0)[-1]
    assert last.score == pytest.approx(0)
    assert last.stretch.first == 25


@pytest.mark.usefixtures("tiny")
def test_each_track_has_its_own_findings() -> None:
    other = mesh_at((40, 40), 22)
    ports = stream(0.4, red(0, 5, 10), points=[POINTS, other], tracks=(4, 9), fps=25)
    first, second = run(ports, hop_s=0.4, min_face_px=16)
    assert (first.track, second.track) == (4, 9)
    assert first.score > 1
    assert abs(second.score) < 0.2


@pytest.mark.usefixtures("tiny")
def test_a_small_face_says_so() -> None:
    small = mesh_at(eyes_px=14)
    (found,) = run(stream(0.4, red(), points=[small], fps=25), hop_s=0.4)
    assert not found.applies
    assert found.heat is None
    assert found.why_not.endswith("px large; traces of blending need 48 px.")


@pytest.mark.usefixtures("tiny")
def test_a_face_at_the_edge_says_so() -> None:
    cut = mesh_at((5, 120))
    (found,) = run(stream(0.4, red(), points=[cut], fps=25), hop_s=0.4)
    assert found.why_not == "The face is cut off by the edge of the picture."


@pytest.mark.usefixtures("tiny")
def test_no_mesh_no_guess() -> None:
    ports = stream(0.4, red(0, 5), points=[POINTS], fps=25)
    ports["mesh"] = [Meshes.none(1)] * len(ports["mesh"])
    (found,) = run(ports, hop_s=0.4)
    assert found.why_not == "No mesh was found on the face on the frames that were looked at."


@pytest.mark.usefixtures("tiny")
def test_the_same_clip_gives_the_same_findings() -> None:
    one, two = (run(stream(1.0, red(5, 10), points=[POINTS], fps=25)) for _ in range(2))
    assert [item.row() for item in one] == [item.row() for item in two]


@pytest.mark.usefixtures("tiny")
def test_more_crops_than_a_batch_keep_their_order() -> None:
    reader = BlendReader("tiny", CPU)
    assert reader.size == 32
    crops = np.zeros((11, 32, 32, 3), np.uint8)
    crops[:, :, :, 0] = 16 * np.arange(11, dtype=np.uint8)[:, None, None]
    found = reader(crops)
    assert np.allclose(found.log_odds, np.arange(11) / 2, atol=1e-5)
    assert found.heat.shape == (11, 4, 4)
    assert np.allclose(found.heat[:, 0, 0], 16 * np.arange(11) / 255, atol=1e-5)


def test_models_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match="looks for blending takes image"):
        BlendReader("vidface-embed", CPU)
