"""graphs/talking-head.yaml and graphs/dub.yaml on the project's own pictures and made sound."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import vidface
from tests.media.make_clips import read, times
from tests.media.sounds import tone, write_sound
from vidface.errors import GraphError

CONSENT = "Nobody is hurt: a picture in the public domain, in a test."
SILENT_S, SPOKEN_S = 0.6, 1.0


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Silence, then four syllables of a hum with its harmonics."""
    hum = sum((tone(SPOKEN_S, hz=130.0 * n, level=0.3 / n) for n in range(1, 12)), np.zeros(1, np.float32))
    swell = np.abs(np.sin(np.arange(len(hum)) / 16_000 * 4 * np.pi))
    quiet = np.zeros(round(SILENT_S * 16_000), np.float32)
    return write_sound(tmp_path / "speech.wav", [(0, np.concatenate([quiet, hum * swell]))])


def pictures(path: Path) -> NDArray[np.float32]:
    return np.stack([frame.rgb().astype(np.float32) for frame in read(path)])


def run(graph: Path, clip: Path, out: Path, **options: Any) -> dict[str, Any]:
    for _ in vidface.run(graph, clip, out, consent=CONSENT, **options):
        pass
    facts: dict[str, Any] = json.loads((out / "run.json").read_text())
    return facts


def test_a_portrait_talks_as_long_as_the_sound(
    repo: Path, samples: Path, tmp_path: Path, speech: Path
) -> None:
    """Frames for 1.6 s, the sound beside them, a mouth that moves and a cap that does not."""
    still = ("speech.head=0", "speech.blinks=false")
    graph = repo / "graphs" / "talking-head.yaml"
    facts = run(graph, samples / "hopper.jpg", tmp_path / "o", audio=speech, overrides=still)
    film = pictures(tmp_path / "o" / "video.mp4")
    assert len(film) == 40
    with av.open(str(tmp_path / "o" / "video.mp4")) as container:
        assert len(container.streams.audio) == 1
    said = facts["node_facts"]
    assert said["talk"]["faces"]["redriven"] > 20
    assert 25 <= said["speech"]["frames_with_a_voice"] <= 34
    assert facts["audio"]["path"] == str(speech)
    mouth, cap = film[20:, 140:175, 110:160], film[20:, 5:30, 110:160]
    assert mouth.std(0).mean() > 2 * cap.std(0).mean()


def test_a_dubbed_clip_keeps_its_frames_and_gets_the_other_sound(
    repo: Path, samples: Path, tmp_path: Path, speech: Path
) -> None:
    """Same times, other lips, another track of sound."""
    clip, out = samples / "two_people.mp4", tmp_path / "o"
    facts = run(repo / "graphs" / "dub.yaml", clip, out, audio=speech, stop=1.2)
    wanted = [time for time in times(read(clip)) if time < Fraction(6, 5)]
    assert times(read(out / "video.mp4")) == wanted
    assert facts["outputs"]["video"]["audio"] == "copied 1 stream"
    assert facts["node_facts"]["dub"]["faces"]["redriven"] > 0
    rows = [json.loads(line) for line in (out / "faces.jsonl").read_text().splitlines()]
    changes = [face["measures"]["reenact_change"] for row in rows for face in row["faces"]]
    assert max(value for value in changes if value is not None) > 0.005


@pytest.mark.parametrize("name", ["talking-head", "dub"])
def test_nobody_is_made_to_speak_without_consent(repo: Path, samples: Path, speech: Path, name: str) -> None:
    with pytest.raises(GraphError, match="nothing says who agreed"):
        vidface.run(repo / "graphs" / f"{name}.yaml", samples / "hopper.jpg", audio=speech)
