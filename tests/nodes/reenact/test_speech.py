"""reenact.speech on a made face and made sound: what opens, what stays, what comes in time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.graph.toys import FlatPixels
from vidface.data import Device, Faces, Frame
from vidface.data.mesh import Meshes
from vidface.data.motion import Motions
from vidface.data.sound import AHEAD, PAST, SOUND_RATE, Sound
from vidface.errors import ModelError
from vidface.graph.harness import NodeHarness
from vidface.infer import weights
from vidface.nodes.reenact.speech import ReenactSpeech
from vidface.vision.meshmodel import MeshModel
from vidface.vision.motionfit import Person, matrix_of
from vidface.vision.mouthshape import Mouth
from vidface.vision.rigid import Similarity, rotations_of

MODEL = MeshModel.load(weights.verify("vidface-meshmodel").path)
MOUTH = Mouth(MODEL)
RATE = 25


def syllables(seconds: float) -> NDArray[np.float32]:
    """Something like a voice: harmonics of 130 Hz under two formants, four syllables a second."""
    time = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    out = np.zeros_like(time)
    for harmonic in range(1, 30):
        hz = 130.0 * harmonic
        level = np.exp(-(((hz - 700) / 300) ** 2)) + 0.6 * np.exp(-(((hz - 1300) / 300) ** 2)) + 0.02
        out += level * np.sin(2 * np.pi * hz * time + harmonic)
    swell = np.clip(np.sin(2 * np.pi * 4 * time), 0, None) ** 0.5
    return np.asarray(0.1 * out * swell, np.float32)


def mesh_of(expression: Any = None, *, yaw: float = 0.0) -> Any:
    """1 x 478 x 3: a face in the picture."""
    shape = MODEL.shapes(None, None if expression is None else np.asarray(expression)[None])[0]
    return Similarity(rotations_of((yaw, 0, 0)), np.array([60.0]), np.array([(320.0, 240.0, 0)])).apply(shape)


def smile() -> NDArray[np.float64]:
    """An expression with an open mouth."""
    expression = np.zeros(len(MODEL.expression))
    expression[:3] = 0.8, 0.5, 0.2
    return expression


def run(
    samples: Any, frames: int, *, points: Any = None, heard: bool = True, **parameters: Any
) -> tuple[list[Motions], ReenactSpeech]:
    """The node over `frames` frames; sample 0 of `samples` sounds with frame 0."""
    whole = np.concatenate([np.zeros(PAST), samples, np.zeros(PAST + AHEAD)]).astype(np.float32)
    mesh = Meshes.of(mesh_of() if points is None else points)
    box = np.concatenate([mesh.points[0, :, :2].min(0), mesh.points[0, :, :2].max(0)])
    faces = Faces.of(np.tile(box, (len(mesh), 1)), tracks=np.arange(1, len(mesh) + 1))
    sounds, pictures = [], []
    for index in range(frames):
        now = index * SOUND_RATE // RATE
        sounds.append(Sound(whole[now : now + PAST + AHEAD], now - PAST, now, heard))
        pictures.append(Frame(index, index, Fraction(1, RATE), FlatPixels()))
    with NodeHarness(ReenactSpeech(**parameters)) as harness:
        found = harness.run(frame=pictures, sound=sounds, faces=[faces] * frames, mesh=[mesh] * frames)
        return found, harness.node


def gaps(motions: list[Motions]) -> NDArray[np.float64]:
    return np.array([float(MOUTH.gap(item[0].expression)) for item in motions])


def still(**parameters: Any) -> dict[str, Any]:
    return {"head": 0.0, "blinks": False, **parameters}


def test_a_voice_opens_the_mouth_and_silence_shuts_it() -> None:
    samples = np.concatenate([np.zeros(2 * SOUND_RATE), syllables(2), np.zeros(2 * SOUND_RATE)])
    found, node = run(samples, 6 * RATE, **still())
    opening = gaps(found)
    assert opening[:40].max() < 0.02
    assert opening[115:].max() < 0.02
    assert opening[55:95].max() > 0.06
    facts = node.facts()
    assert facts["frames"] == 150
    assert 50 <= facts["frames_with_a_voice"] <= 65
    assert "notes" not in facts


def test_the_report_measures_the_lag_of_the_mouth() -> None:
    """Of a voice that comes and goes irregularly, the mouth is within a tenth of a second."""
    rng = np.random.default_rng(2)
    parts: list[NDArray[np.float32]] = []
    for _ in range(9):
        parts += [
            syllables(float(rng.uniform(0.3, 0.7))),
            np.zeros(round(rng.uniform(0.3, 0.6) * SOUND_RATE), np.float32),
        ]
    samples = np.concatenate(parts)
    _, node = run(samples, len(samples) * RATE // SOUND_RATE, **still())
    facts = node.facts()
    assert abs(facts["mouth_behind_voice_s"]) <= 0.12
    assert facts["correlation_with_voice"] > 0.5


@pytest.mark.parametrize("heard", [True, False])
def test_without_sound_the_mouth_is_shut_and_the_face_lives(heard: bool) -> None:
    found, node = run(np.zeros(10 * SOUND_RATE), 10 * RATE, points=mesh_of(smile()), heard=heard, head=1.0)
    assert gaps(found).max() < 0.03
    turns = np.array([item[0].rotation for item in found])
    assert 0.002 < np.ptp(turns, axis=0).max() < 0.1
    (note,) = node.facts()["notes"]
    assert ("no sound" in note) is not heard
    lids = np.array([MODEL.shapes(None, item[0].expression[None])[0][[145, 159], 1] for item in found])
    opening = lids[:, 0] - lids[:, 1]
    assert opening.min() < 0.4 * np.median(opening)


def test_without_head_and_blinks_all_above_the_mouth_stays() -> None:
    """Pose, gaze, brows and lids are the face's own, as its mesh is read frame after frame."""
    points = mesh_of(smile(), yaw=15)
    found, _ = run(syllables(2), 2 * RATE, points=points, **still())
    person = Person(MODEL)
    own = [person.read(Meshes.of(points).points[0]) for _ in found]
    for item, read in zip(found, own, strict=True):
        assert np.allclose(matrix_of(item[0].rotation), read.skull.rotation, atol=1e-5)
        assert np.allclose(item[0].gaze, read.gaze, atol=1e-5)
        assert not item[0].shift.any()
        assert item[0].scale == 1
    changed = np.stack([item[0].expression - read.expression for item, read in zip(found, own, strict=True)])
    change = MODEL.shapes(None, changed) - MODEL.mean
    above = np.sqrt((change[:, MOUTH.weights == 0] ** 2).sum(-1).mean())
    lips = np.sqrt((change[:, MOUTH.weights == 1] ** 2).sum(-1).mean())
    assert above < 0.15 * lips


def test_a_smile_stays_a_smile() -> None:
    """The corners of the mouth keep most of their own place; only the opening goes."""
    quiet, _ = run(np.zeros(SOUND_RATE), 10, points=mesh_of(smile()), **still())
    wide = MODEL.shapes(None, np.stack([quiet[0][0].expression.astype(float), smile(), np.zeros(30)]))
    width = np.linalg.norm(wide[:, 291] - wide[:, 61], axis=-1)
    assert abs(width[0] - width[1]) < 0.6 * abs(width[1] - width[2]) + 0.02
    assert gaps(quiet).max() < 0.03


@pytest.mark.parametrize(("seen", "remembered"), [([1, 1], True), ([1, 0, 1], False)])
def test_who_is_in_every_frame_of_a_time_lapse_is_remembered(seen: list[int], remembered: bool) -> None:
    """Three seconds a frame: the mouth at rest goes on from where it was; away for one, it begins anew."""
    meshes = [Meshes.of(mesh_of()), *[Meshes.of(mesh_of(smile()))] * (len(seen) - 1)]
    box = np.array([[200.0, 140, 440, 340]])
    faces = [Faces.of(box[:count], tracks=np.ones(count, np.int32)) for count in seen]
    meshes = [mesh if count else Meshes.none(0) for mesh, count in zip(meshes, seen, strict=True)]
    sound = Sound(np.zeros(PAST + AHEAD, np.float32), -PAST, 0, False)
    frames = [Frame(at, at, Fraction(3), FlatPixels()) for at in range(len(seen))]
    with NodeHarness(ReenactSpeech(**still())) as harness:
        found = harness.run(frame=frames, sound=[sound] * len(seen), faces=faces, mesh=meshes)
    anew = run(np.zeros(SOUND_RATE), 1, points=mesh_of(smile()), heard=False, **still())[0]
    same = np.allclose(found[-1][0].expression, anew[0][0].expression, atol=1e-4)
    assert same is not remembered


def test_strength_scales_what_is_said() -> None:
    half, full = (gaps(run(syllables(2), 2 * RATE, **still(strength=s))[0]) for s in (0.5, 1.0))
    none = gaps(run(syllables(2), 2 * RATE, **still(strength=0.0))[0])
    assert np.ptp(none) < 1e-3
    assert np.ptp(half) == pytest.approx(0.5 * np.ptp(full), rel=0.05)


def test_smoothing_steadies_and_does_not_delay() -> None:
    rough, smooth = (gaps(run(syllables(3), 3 * RATE, **still(smoothing_s=s))[0]) for s in (0.0, 0.05))
    assert np.abs(np.diff(smooth, 2)).mean() < np.abs(np.diff(rough, 2)).mean()
    lags = [np.corrcoef(rough[10 + lag : 60 + lag], smooth[10:60])[0, 1] for lag in (-2, -1, 0, 1, 2)]
    assert int(np.argmax(lags)) == 2


def test_the_same_run_gives_the_same_motions_and_another_seed_others() -> None:
    one, two, other = (
        np.array([item[0].rotation for item in run(syllables(2), 50, seed=seed)[0]]) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_faces_without_a_mesh_have_no_motion() -> None:
    points = np.concatenate([mesh_of(), np.full((1, 478, 3), np.nan)])
    found, _ = run(syllables(1), 10, points=points)
    assert [item.known.tolist() for item in found] == [[True, False]] * 10


def test_it_asks_for_consent_and_for_both_models() -> None:
    assert ReenactSpeech.needs_consent
    assert ReenactSpeech().models() == ("vidface-speechmotion", "vidface-meshmodel")


def test_models_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match="must be a mesh model"):
        ReenactSpeech(mesh_model="vidface-meshstab").open(Device())
    with pytest.raises(ModelError, match=r"must take mel .* but its mel is missing"):
        ReenactSpeech(model="vidface-meshstab").open(Device())


def test_the_golden_vector(repo: Path) -> None:
    """The weights give what they gave when they were made; processors add up float32 in another order.

    Values reach 0.8: the order costs 1e-7, weights of any one layer that are off by a percent over 1e-4.
    """
    from vidface.infer import session

    golden = np.load(repo / "models" / "vidface-speechmotion" / "golden.npz")
    model = session.load("vidface-speechmotion", Device())
    found = model(golden["mel"])["expression"]
    assert found == pytest.approx(golden["expression"], abs=1e-4)
