"""Whether the faces of a clip are the claimed person's, in words: apart from any manipulation of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

WORDS: Final = {
    "match": "resembles the references",
    "mismatch": "does not resemble the references",
    "unclear": "not clear",
    "other": "another face stands for the claim",
}
"""Of `Verdict.claim`."""
SHORT: Final = {"match": "match", "mismatch": "mismatch", "unclear": "not clear", "other": "other"}
"""The same for a table."""
_ABSENT: Final = re.compile(
    r"forensics\.verdict: face (\d+), named as the claimed person's, is not in the clip\."
)
"""A note of `forensics.verdict`."""
_TELLS: Final = (
    "either another person, or a manipulation strong enough to hide the person; references cannot tell "
    "which, and are not weighed"
)


def judged(tracks: Sequence[dict[str, Any]]) -> bool:
    """The verdicts say what each face is to the claim; those of other nodes, and older ones, do not."""
    return any(one["verdict"].get("claim") for one in tracks)


def absent(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Faces that were named as the claimed person's (`--face`) and are not in the clip, by run.json."""
    notes = ((manifest.get("node_facts") or {}).get("verdict") or {}).get("notes") or ()
    return tuple(int(found[1]) for note in notes if (found := _ABSENT.fullmatch(str(note))))


def absent_sentence(numbers: Sequence[int]) -> str:
    """That they are not there; "" where all are."""
    if not numbers:
        return ""
    verb = "is" if len(numbers) == 1 else "are"
    return f"The claimed {listed(numbers).replace('Face', 'face')} {verb} not in this clip."


def claim_sentence(tracks: Sequence[dict[str, Any]], who: str, missing: Sequence[int] = ()) -> str:
    """What the faces are to the claim.

    Args:
        who: name of the person, or words for it.
        missing: faces that were named as that person's and are not there; see `absent_sentence`.
    """
    by = {name: [one["track"] for one in tracks if one["verdict"].get("claim") == name] for name in WORDS}
    if by["match"]:
        faces = listed(by["match"])
        if len(tracks) == 1:
            return f"It resembles {who}, and so the tests against the references are weighed."
        verb, it = ("resembles", "it") if len(by["match"]) == 1 else ("resemble", "them")
        return f"{faces} {verb} {who}; the tests against the references are weighed for {it} alone."
    if by["unclear"]:
        some = listed(by["unclear"]).replace("Face", "face")
        return f"Nobody in the clip clearly resembles {who} ({some}: not clear): {_TELLS}."
    if by["mismatch"]:
        return f"Nobody in the clip resembles {who}: {_TELLS}."
    if missing:
        return "No face is held against the references."
    return (
        "The face that was named as the claimed person's is not in the clip, so no face is held against it."
    )


def listed(numbers: Sequence[int]) -> str:
    """Face 1; Faces 1, 2."""
    names = ", ".join(map(str, numbers[:8])) + (" and others" if len(numbers) > 8 else "")
    return f"Face{'' if len(numbers) == 1 else 's'} {names}"
