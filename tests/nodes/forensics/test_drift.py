"""forensics.drift: a face that changes who it is wanders, and one that only turns does not count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nodes.forensics.madeperson import EMBEDDER, clip, vector
from vidface.data import Embeddings
from vidface.data.finding import Finding
from vidface.data.pose import Poses
from vidface.errors import ModelError
from vidface.graph.harness import NodeHarness
from vidface.nodes.forensics.drift import ForensicsDrift


def ports(
    seconds: float, *, mixed: float = 0.0, sure: float = 0.9, model: str = EMBEDDER
) -> dict[str, list[Any]]:
    """A face that is `mixed` with somebody else in every other second."""
    given = clip(seconds)
    rows = []
    for index in range(len(given["frame"])):
        both = vector(1, index, cosine=0.98) + (mixed if (index // 25) % 2 else 0) * vector(2)
        unit = (both / np.linalg.norm(both)).astype(np.float32)[None]
        rows.append(Embeddings(unit, np.full(1, sure, np.float32), model))
    none = np.zeros((1, 3), np.float32)
    still = [Poses(none, none[:, :2], none[:, 0] + 60, none[:, 0])] * len(rows)
    return {"frame": given["frame"], "faces": given["faces"], "pose": still, "embeddings": rows}


def found(given: dict[str, list[Any]], **fields: Any) -> list[Finding]:
    with NodeHarness(ForensicsDrift(**fields)) as harness:
        return [one for each in harness.run(**given) for one in each]


def test_an_identity_that_comes_and_goes_scores_high() -> None:
    steady, changing = found(ports(5))[-1], found(ports(5, mixed=1.0))[-1]
    assert steady.score < 1
    assert changing.score > 2
    assert changing.details["degrees"] > changing.details["usual_degrees"]
    assert 0 < changing.details["worst_time"] < 5


def test_it_needs_three_half_seconds_of_a_clear_face() -> None:
    short = found(ports(1))
    assert [one.kind for one in short] == ["drift", "drift"]
    assert "drift needs 3 times 0.5 s" in short[0].why_not
    assert found(ports(2))[-1].applies
    assert "too small or blurred" in found(ports(2, sure=0.3))[-1].why_not


def test_without_pose_a_usual_turn_is_taken() -> None:
    given = ports(3)
    del given["pose"]
    assert found(given)[-1].applies


def test_lively_expressions_allow_for_more() -> None:
    """The same wander is less odd of a face whose mesh shows it moving."""
    given = ports(5, mixed=0.5)
    lively = given | {"mesh": clip(5)["mesh"]}
    rest = given | {"mesh": [clip(0)["mesh"][0]] * len(given["frame"])}
    assert found(lively)[-1].score < found(rest)[-1].score - 0.2


def test_another_embedder_is_refused() -> None:
    with pytest.raises(ModelError, match="was measured with the embedder"):
        found(ports(1, model="x@1"))
