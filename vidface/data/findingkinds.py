"""The tests of forensics: what each one measures, in which unit, and what it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Kind:
    """One test.

    Attributes:
        name: as in `Finding.kind`.
        title: for people, a few words.
        unit: of the score.
        high: what a high score speaks for; "neither" where a score is shown but not weighed.
        references: the test wants references of the person that the clip claims to show.
        meaning: one plain sentence.
        limits: one or two plain sentences on what misleads it.
    """

    name: str
    title: str
    unit: str
    high: Literal["manipulated", "authentic", "neither"]
    references: bool
    meaning: str
    limits: str


_ALL: Final = (
    Kind(
        "blend",
        "Traces of blending",
        "log odds",
        "manipulated",
        False,
        "A network looks for the seam, colour and sharpness of a face that was put into another picture.",
        "Faces that were generated whole have no seam; strong compression, beauty filters, restoration and "
        "stabilisation can leave similar traces.",
    ),
    Kind(
        "appearance",
        "Looks like the references",
        "standard deviations",
        "manipulated",
        True,
        "How far the face's embedding lies from the references, in units of their own spread.",
        "A good swap looks like the person whose face was put in: a small distance does not prove the body "
        "to be that person's. Age, make-up and light move real faces too.",
    ),
    Kind(
        "inner_outer",
        "Inner and outer face agree",
        "standard deviations",
        "manipulated",
        True,
        "Whether the inside of the face and what stands around it (hair, ears, jaw) are those of one person.",
        "Hats, new hair and crops that hide the outside make it blind.",
    ),
    Kind(
        "geometry",
        "Shape of the face",
        "standard deviations",
        "manipulated",
        True,
        "Distances between stable points of the face, freed of pose and expression, against the references.",
        "Lenses that are very near distort; profiles and small faces are measured badly.",
    ),
    Kind(
        "motion",
        "Manner of moving",
        "standard deviations",
        "manipulated",
        True,
        "How head turns and expressions go together over three seconds, held against the references.",
        "People move otherwise when they act, read or are tired; it takes video references of some length.",
    ),
    Kind(
        "drift",
        "Identity over time",
        "standard deviations",
        "manipulated",
        False,
        "How much the face's embedding wanders within the track, against tracks of real clips of such size "
        "and pose.",
        "Changing light and covered faces wander too; a swap that is steady does not.",
    ),
    Kind(
        "texture_spectrum",
        "Fine detail of the face",
        "log ratio",
        "manipulated",
        False,
        "Fine detail of the skin against that of the head's surroundings at the same sharpness.",
        "Make-up, beauty filters, shallow focus and strong compression smooth real skin; a head that was "
        "generated whole is as smooth inside as outside.",
    ),
    Kind(
        "texture_noise",
        "Noise of the face",
        "log ratio",
        "manipulated",
        False,
        "The camera's noise in the face against that of the rest of the picture at the same brightness.",
        "Codecs take noise away unevenly, and most where little moves.",
    ),
    Kind(
        "pulse",
        "Pulse in the skin",
        "ratio",
        "authentic",
        False,
        "Whether the skin's colour beats alike in several parts of the face at the rate of a heart.",
        "It needs ten seconds of steady light and light compression; a swap can carry over the pulse of the "
        "actor beneath.",
    ),
    Kind(
        "lipsync",
        "Lips and voice",
        "correlation",
        "authentic",
        False,
        "Whether the mouth opens as the voice in the sound track swells.",
        "Another voice may speak, music hides the voice, and a film may be dubbed: low values are common in "
        "honest footage.",
    ),
)

KINDS: Final = {kind.name: kind for kind in _ALL}
"""Name -> test, in the order in which reports show them."""
