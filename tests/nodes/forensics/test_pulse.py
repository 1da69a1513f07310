"""forensics.pulse on a made face: a beat that is there is found, and none where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nodes.forensics.madeface import SIZE, Paint, face_mask, faces_of, mesh_at, stream
from vidface.data import Faces
from vidface.data.finding import Finding, Findings
from vidface.data.mesh import Meshes
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.pulse import ForensicsPulse

POINTS = mesh_at()
SKIN = np.array([190.0, 140.0, 120.0], np.float32)
BEAT = np.array([0.35, 0.8, 0.5], np.float32)
"""How strongly red, green and blue follow the blood (de Haan and van Leest 2014, about)."""


def skin(bpm: float, depth: float = 0.006, *, noise: float = 2.0, seed: int = 1, dark: float = 1.0) -> Paint:
    """A face whose colour beats, in light that sways slowly, with the noise of a camera."""
    grain = np.random.default_rng(seed).normal(0, noise, (2 * SIZE[1], 2 * SIZE[0], 3)).astype(np.float32)
    where = face_mask(POINTS)

    def paint(index: int, time: float) -> Any:
        picture = np.full((*SIZE[::-1], 3), 90.0, np.float32)
        beat = depth * np.sin(2 * np.pi * bpm / 60 * time)
        picture[where] = SKIN * dark * (1 + beat * BEAT)
        picture *= np.float32(1 + 0.02 * np.sin(2 * np.pi * 0.2 * time))
        down, across = (index * 97) % SIZE[1], (index * 61) % SIZE[0]
        return picture + grain[down : down + SIZE[1], across : across + SIZE[0]]

    return paint


def items(found: list[Findings]) -> list[Finding]:
    return [one for each in found for one in each]


def run(ports: dict[str, list[Any]], **fields: Any) -> list[Finding]:
    with NodeHarness(ForensicsPulse(**fields)) as harness:
        return items(harness.run(**ports))


def test_a_beat_of_72_is_found_and_none_in_noise() -> None:
    """The same face without a beat scores as chance does."""
    ports = stream(12, skin(72), points=[POINTS], fps=15)
    last = run(ports, hop_s=4.0)[-1]
    assert last.details["bpm"] == pytest.approx(72, abs=1.5)
    assert last.score > 0.5
    assert last.details["snr_db"] > 3
    assert last.score > 1.3 * last.details["chance"]
    none = run(stream(12, skin(72, 0.0), points=[POINTS], fps=15), hop_s=4.0)[-1]
    assert none.score < none.details["chance"] + 0.1
    assert none.score < 0.25


def test_findings_come_every_hop_and_say_when_it_is_too_short() -> None:
    """First after one hop; with less than 8 s each says how long the face was seen."""
    found = run(stream(3, skin(72), points=[POINTS]))
    assert len(found) == 6
    assert [float(one.stretch.end) for one in found] == pytest.approx([0.5, 1, 1.5, 2, 2.5, 3], abs=0.021)
    assert {one.kind for one in found} == {"pulse"}
    assert found[-1].why_not == "The face was seen for 3.0 s; a pulse needs 8 s."


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"dark": 0.15}, "too dark"),
        ({"dark": 1.5, "noise": 0.5}, "burnt out"),
        ({"noise": 0.0, "depth": 0.0}, "does not change at all"),
    ],
)
def test_bad_light_is_not_applicable(how: dict[str, Any], said: str) -> None:
    """Dark, burnt out, and a still picture."""
    paint = skin(72, **how)
    if said.startswith("does not"):
        still = paint(0, 0.0)
        found = run(stream(9, lambda index, time: still, points=[POINTS], fps=15), hop_s=4.0)
    else:
        found = run(stream(9, paint, points=[POINTS], fps=15), hop_s=4.0)
    assert said in found[-1].why_not


def test_small_faces_and_slow_clips_are_not_applicable() -> None:
    small = mesh_at(eyes_px=25)
    (one,) = run(stream(4, skin(72), points=[small], fps=12), hop_s=4.0)
    assert "px tall; a pulse needs 80 px" in one.why_not
    slow = run(stream(9, skin(72), points=[POINTS], fps=8), hop_s=4.0)[-1]
    assert slow.why_not == "The face was seen 8.0 times a second; a pulse needs 12."


def test_no_face_no_finding_and_two_faces_two() -> None:
    assert run(stream(1, skin(72), points=[], tracks=[])) == []
    both = run(stream(1, skin(72), points=[POINTS, mesh_at((90, 120), 30)], tracks=[4, 9]))
    assert [one.track for one in both] == [4, 9, 4, 9]


def test_lost_and_found() -> None:
    """A second away is told; after more than two the track begins anew."""
    ports = stream(14, skin(72), points=[POINTS], fps=15)
    for index in range(60, 82):
        ports["faces"][index], ports["mesh"][index] = Faces.none(), Meshes.none()
    assert "not measured for up to 1.5 s" in run(ports, hop_s=2.0)[-1].why_not
    for index in range(60, 100):
        ports["faces"][index], ports["mesh"][index] = Faces.none(), Meshes.none()
    found = run(ports, hop_s=2.0)
    assert found[-1].why_not == "The face was seen for 6.0 s; a pulse needs 8 s."
    assert found[-1].stretch.first == 100


def test_rows_that_nobody_saw_are_not_measured() -> None:
    """A guessed place is no skin."""
    ports = stream(1, skin(72), points=[POINTS])
    ports["faces"] = [faces_of([POINTS], [1], interpolated=True)] * len(ports["faces"])
    assert [one.why_not for one in run(ports)] == ["No mesh was found on the face."] * 2


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e8])
def test_wild_meshes_give_findings_without_scores(scale: float) -> None:
    """Shrunk to a point or larger than any picture: a sentence, no failure."""
    still = np.full((*SIZE[::-1], 3), 128, np.float32)
    ports = stream(9, lambda index, time: still, points=[POINTS], fps=12)
    wild = ((POINTS - (160, 120, 0)) * scale + (160, 120, 0)).astype(np.float32)
    ports["mesh"] = [Meshes.of(wild)] * len(ports["mesh"])
    assert all(one.why_not for one in run(ports, hop_s=8.5))
