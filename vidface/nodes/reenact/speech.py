"""reenact.speech: how a face would move if it said what is heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vidface.data import Device
from vidface.data.faces import NOT_TRACKED, Faces
from vidface.data.frame import Frame
from vidface.data.mesh import Meshes
from vidface.data.motion import Motion, Motions
from vidface.data.sound import SOUND_RATE, Sound
from vidface.node import FOREVER, Node
from vidface.nodes.mesh._model import open_mesh_model, usable
from vidface.nodes.reenact._voice import SpeechNetwork, Voice, voice_of
from vidface.vision.away import Away
from vidface.vision.liveliness import Blinks, wander
from vidface.vision.meshmodel import MeshModel
from vidface.vision.motionfit import Person, Reading, matrix_of, motion_of, vector_of
from vidface.vision.mouthshape import Mouth
from vidface.vision.speech import WINDOW, envelope, lip_sync

Array = NDArray[np.float64]

_CLOSED: Final = 0.01
"""Gap of the lips' inner edges, inter-ocular distances, when a mouth is shut: lips are no lines."""
_REST_S: Final = 2.0
"""Time in which the idea of a person's mouth at rest follows the picture."""
_SWING: Final = np.array([0.022, 0.030, 0.016, 0.012, 0.010])
"""Of a speaking head: turns about x, y, z in radians, then ways right and down in inter-ocular distances."""
_IDLE: Final = 0.35
"""Share of that when nobody speaks."""
_NOD: Final = 0.035
"""Radians by which the head goes down where the voice is loudest."""
_CALM_S: Final = 0.25
_AWAY_S: Final = 2.0
"""A face that was away for longer begins anew; who was in the frame before was not away."""
_HALF: Final = SOUND_RATE // 2
_ENOUGH: Final = 50
"""Frames from which the lag of the mouth can be told."""
_MOST_S: Final = 60
"""Seconds from which the lag of the mouth is measured."""


@dataclass(slots=True)
class _Speaker:
    """What is known of one track."""

    person: Person
    blinks: Blinks
    rest: Array | None = None
    drive: float = 0.0
    seen: float = 0.0


class ReenactSpeech(Node):
    """Lips, jaw, blinks and small movements of the head that go with the sound, for every face.

    A network hears from 0.4 s before a frame to 0.25 s behind it and says how lips and jaw stand against a
    closed mouth; that goes on top of each face's own mouth at rest, so a smile stays a smile. What the face
    itself does with its mouth is left out. Above the nose it keeps its own expression, and blinks where
    `blinks` is on: at random times, rather in pauses than within words. With `head` the head sways a little,
    more while it speaks, and nods with the loud syllables. All of this follows from the sound, the time and
    `seed`: the same run gives the same motions.

    In silence (softer than -50 dB of full scale for a quarter of a second to both sides), or without a
    track, the mouth is closed; sway and blinks go on. Every face in the picture speaks: choose one with the
    node that uses the motions. The report gives the lag of the mouth behind the voice over the first minute.

    The motions are those of the picture's own face: poses stand beside its own pose, and shifts are zero
    where it is. Rows without a mesh are not valid.
    """

    model: str = Field("vidface-speechmotion", description="A model that reads expressions from sound.")
    mesh_model: str = Field("vidface-meshmodel", description="The mesh model whose expression it gives.")
    strength: float = Field(1.0, ge=0, le=2, description="0 keeps the mouth closed, 1 is as heard.")
    head: float = Field(0.5, ge=0, le=1, description="Movements of the head; 0 keeps its own pose.")
    blinks: bool = Field(True, description="Blink now and then, on top of what the eyes do themselves.")
    seed: int = Field(0, ge=0, description="Another seed, other blinks and another sway.")
    smoothing_s: float = Field(
        0.025, ge=0, le=0.05, description="Width of the Gaussian over which mouths are averaged; seconds."
    )

    memory = FOREVER
    needs_consent: ClassVar[bool] = True

    _model: MeshModel
    _mouth: Mouth
    _shut: Array
    _network: SpeechNetwork
    _speakers: dict[int, _Speaker]
    _away: Away
    _log: _Log

    def models(self) -> tuple[str, ...]:
        return self.model, self.mesh_model

    def open(self, device: Device) -> None:
        """Load both models.

        Raises:
            ModelError: one is missing or altered, or they do not fit each other.
        """
        self._model = open_mesh_model(self.mesh_model, node="reenact.speech")
        self._mouth = Mouth(self._model)
        self._shut = self._mouth.lids_shut()
        self._network = SpeechNetwork(self.model, device, self._model)
        self._log = _Log()

    def close(self) -> None:
        self._network.close()

    def reset(self) -> None:
        """Forget everybody."""
        self._speakers, self._away = {}, Away(_AWAY_S)
        self._log.cut()

    def facts(self) -> dict[str, Any]:
        """Frames with a voice and without, and how the mouth keeps time with it."""
        return self._log.facts()

    def process(self, frame: Frame, sound: Sound, faces: Faces, mesh: Meshes) -> Motions:
        """The motions of a frame, row by row those of `faces`."""
        voice = voice_of(sound)
        way = self.strength * voice.speech * (self._mouth.lower @ self._network(sound, self.smoothing_s))
        self._log.take(frame, sound, voice, max(0.0, float(self._mouth.gap(way) - self._mouth.gap(0 * way))))
        time, rows = float(frame.time), []
        self._speakers = self._away.without(self._speakers, time)
        for row, known in enumerate(usable(mesh, self._model)):
            if not known:
                rows.append(Motion.none(len(self._model.expression)))
                continue
            track = int(faces.tracks[row])
            speaker = self._speaker(track if track != NOT_TRACKED else -1 - row, time)
            rows.append(self._motion(speaker, mesh.points[row], way, voice, time))
        return Motions(tuple(rows))

    def _speaker(self, key: int, time: float) -> _Speaker:
        if key not in self._speakers:
            blinks = Blinks((self.seed, abs(key), int(key < 0)), time)
            self._speakers[key] = _Speaker(Person(self._model), blinks, seen=time)
        return self._speakers[key]

    def _motion(self, speaker: _Speaker, points: Any, way: Array, voice: Voice, time: float) -> Motion:
        # As reenact.face does it, so that both mean the same face when they say expression.
        read = speaker.person.read(points)
        passed = max(0.0, time - speaker.seen)
        speaker.seen = time
        wanted = max(voice.speech * voice.loudness, 0.0)
        speaker.drive += (wanted - speaker.drive) * (1 - np.exp(-passed / _CALM_S))
        lower = self._mouth.lower
        at_rest = lower @ self._mouth.closed(read.expression, gap=_CLOSED)
        if speaker.rest is None:
            speaker.rest = at_rest
        speaker.rest = speaker.rest + (at_rest - speaker.rest) * (1 - np.exp(-passed / _REST_S))
        expression = read.expression - lower @ read.expression + speaker.rest + way
        if self._mouth.gap(expression) < 0:
            expression = self._mouth.closed(expression)
        if self.blinks:
            shut = speaker.blinks(time, voice.loudness * voice.speech)
            expression = expression + shut * (self._shut - self._eyes_part(read))
        moved = motion_of(read, read.skull)
        return self._swayed(replace(moved, expression=expression.astype(np.float32)), speaker, voice, time)

    def _eyes_part(self, read: Reading) -> Array:
        """How far the eyes are shut already, along the way that shuts them."""
        along = self._shut / float(self._shut @ self._shut)
        return self._shut * float(np.clip(read.expression @ along, -0.5, 1.0))

    def _swayed(self, motion: Motion, speaker: _Speaker, voice: Voice, time: float) -> Motion:
        if not self.head:
            return motion
        size = self.head * (_IDLE + (1 - _IDLE) * voice.speech)
        sway = size * _SWING * np.clip(wander(self.seed, len(_SWING), time), -2.5, 2.5)
        sway[0] += self.head * _NOD * speaker.drive
        turn = matrix_of(motion.rotation) @ matrix_of(sway[:3])
        shift = motion.shift + np.array([*sway[3:], 0.0])
        return replace(
            motion,
            rotation=vector_of(turn).astype(np.float32),
            shift=shift.astype(np.float32),
        )


class _Log:
    """The first minute of mouth and voice, for the report."""

    def __init__(self) -> None:
        self._frames = self._spoken = self._unheard = 0
        self._times: list[float] = []
        self._gaps: list[float] = []
        self._sound: list[NDArray[np.float32]] = []
        self._begin = self._end = 0
        self._full = False

    def cut(self) -> None:
        """Where a stream breaks, what was noted so far is kept if it is long enough, else begun anew."""
        if len(self._times) >= _ENOUGH:
            self._full = True
        elif self._times:
            self._times, self._gaps, self._sound = [], [], []

    def take(self, frame: Frame, sound: Sound, voice: Voice, gap: float) -> None:
        """Note a frame."""
        self._frames += 1
        self._spoken += voice.speech > 0
        self._unheard += not sound.heard
        if self._full:
            return
        if self._times and not self._end - _HALF < sound.now <= self._end + SOUND_RATE:
            self._full = True
            return
        if not self._times:
            self._begin = self._end = sound.now - SOUND_RATE
        self._times.append(float(frame.time))
        self._gaps.append(gap)
        end = sound.now + _HALF
        self._sound.append(sound.part(self._end, end - self._end))
        self._end = end
        self._full = self._end - self._begin > _MOST_S * SOUND_RATE

    def facts(self) -> dict[str, Any]:
        """For run.json."""
        said: dict[str, Any] = {"frames": self._frames, "frames_with_a_voice": self._spoken}
        if self._unheard:
            said["notes"] = ["there is no sound to speak to: the mouth was kept closed"]
        elif not self._spoken and self._frames:
            said["notes"] = ["the sound is silent throughout: the mouth was kept closed"]
        if not self._sound:
            return said
        start = (self._begin + WINDOW / 2) / SOUND_RATE
        found = lip_sync(self._times, self._gaps, envelope(np.concatenate(self._sound)), voice_start=start)
        if found is not None:
            said["mouth_behind_voice_s"] = round(found.lag_s, 3)
            said["correlation_with_voice"] = round(found.correlation, 3)
            said["sync_confidence"] = round(found.confidence, 3)
        return said
