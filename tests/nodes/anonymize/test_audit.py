"""anonymize.audit: what it calls open, covered and kept."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vidface.data import Faces, Frame
from vidface.data.measures import Measures
from vidface.errors import UsageError
from vidface.graph.harness import NodeHarness
from vidface.nodes.anonymize.audit import AnonymizeAudit
from vidface.nodes.anonymize.faces import KINDS

COVER = np.array([100, 100, 200, 220], np.float32)


def report(*hidden: float) -> Measures:
    return Measures(KINDS, np.array([(value, 0) for value in hidden], np.float32))


def audit(
    found: list[Faces], covers: Faces, told: Measures | None, node: AnonymizeAudit | None = None
) -> tuple[list[Faces], dict[str, Any]]:
    pixels: Any = None
    frames = [Frame(i, i, Fraction(1, 25), pixels) for i in range(len(found))]
    node = node or AnonymizeAudit()
    more: dict[str, Any] = {} if told is None else {"report": [told] * len(found)}
    with NodeHarness(node) as harness:
        left = harness.run(frame=frames, faces=found, covers=[covers] * len(found), **more)
    return left, node.facts()


def test_a_face_that_nobody_hid_comes_out_and_is_listed() -> None:
    away = Faces.of([(300, 50, 340, 100)], scores=[0.75])
    left, facts = audit([Faces.none(), away], Faces.of([COVER]), report(1))
    assert [len(one) for one in left] == [0, 1]
    assert (facts["open"], facts["open_frames"]) == (1, 1)
    assert facts["first_open"] == [
        {"frame": 1, "time": "0.040000", "box": [300.0, 50.0, 340.0, 100.0], "score": 0.75}
    ]
    assert "the first on frame 1 at 0.040000 s" in facts["notes"][0]


def test_a_blurred_face_that_still_looks_like_one_is_covered() -> None:
    left, facts = audit([Faces.of([(110, 110, 190, 230)])], Faces.of([COVER]), None)
    assert not len(left[0])
    assert facts["covered"] == 1
    assert "no open face was found on 1 frames" in facts["notes"][0]


def test_half_under_a_cover_is_open() -> None:
    left, _ = audit([Faces.of([(160, 110, 240, 210)])], Faces.of([COVER]), None)
    assert len(left[0]) == 1


@pytest.mark.parametrize(("shape", "found"), [("oval", 1), ("box", 0)])
@pytest.mark.parametrize("box", [(0, 0, 40, 40), (-20, -20, 60, 60), (236, 240, 278, 280)])
def test_a_face_beside_the_oval_is_open_although_it_lies_in_the_box(
    box: tuple[int, ...], shape: Any, found: int
) -> None:
    """An oval leaves a fifth of its box uncovered: room for a whole face."""
    cover = Faces.of([(0, 0, 280, 280)])
    node = AnonymizeAudit(shape=shape, under=0.5)
    assert audit([Faces.of([box])], cover, report(1), node)[1]["open"] == found


def test_what_two_covers_hide_together_is_covered() -> None:
    """Each of two people side by side hides half of a face that the check finds between them."""
    covers = (0, 0, 100, 140), (60, 0, 160, 140)
    found = [Faces.of([(10, 40, 150, 100)])]
    for one in covers:
        assert audit(found, Faces.of([one]), report(1), AnonymizeAudit(under=0.8))[1]["open"] == 1
    assert audit(found, Faces.of(covers), report(1, 1), AnonymizeAudit(under=0.8))[1]["covered"] == 1


def test_who_was_kept_is_not_open_but_only_where_the_report_says_so() -> None:
    found = [Faces.of([(105, 105, 195, 215)])]
    assert audit(found, Faces.of([COVER]), report(0))[1]["kept"] == 1
    assert audit(found, Faces.of([COVER]), report(1))[1]["kept"] == 0


def test_frames_that_nobody_looked_at_are_told() -> None:
    _, facts = audit([Faces.none(looked=False)], Faces.none(), None)
    assert facts["not_looked_at"] == 1
    assert "1 frames were not looked at" in facts["notes"][0]


def test_no_more_than_twenty_are_listed() -> None:
    many = Faces.of([(i * 20, 0, i * 20 + 10, 10) for i in range(30)])
    _, facts = audit([many], Faces.none(), None)
    assert facts["open"] == 30
    assert len(facts["first_open"]) == 20


def test_a_report_of_other_covers_is_refused() -> None:
    with pytest.raises(UsageError, match="report has 2 rows for 1 faces"):
        audit([Faces.none()], Faces.of([COVER]), report(1, 1))


def test_measures_that_do_not_say_what_is_hidden_are_refused_by_name() -> None:
    """Any measures go into the port; only a report of anonymize.faces says it."""
    with pytest.raises(UsageError, match=r"the port report needs .* 'hidden', but gets unseen_s: wire it to"):
        audit([Faces.none()], Faces.of([COVER]), Measures.none(KINDS[1:], 1))
