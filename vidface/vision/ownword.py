"""A verdict where a file's own word keeps tests out of it: that may cost an opinion, and clears nobody.

Anybody can write into a file that it was restored, and nothing but vidface's own marks asks for a signature.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Verdict
from vidface.vision.trackevidence import TrackEvidence
from vidface.vision.verdictwords import PROCESSED

OUT: Final = "What the file says was done to it can trigger this test by itself."
"""Why a test is left out on the file's word."""


def doubted(declared: Collection[str]) -> frozenset[str]:
    """Tests that can be triggered by what a file says was done to it."""
    return frozenset(kind for one in declared for kind in PROCESSED.get(one, ()))


def kept_out(whole: TrackEvidence, doubtful: Collection[str]) -> tuple[str, ...]:
    """Of these tests those that found something and would be weighed."""
    weights = whole.fusion.kinds
    return tuple(
        name
        for name, record in whole.kinds.items()
        if name in doubtful and record.count and name in weights and weights[name].weighed
    )


def on_its_word(verdict: Verdict, full: Verdict, kept: Collection[str]) -> Verdict:
    """A verdict without the tests `kept` out; not authentic, and it tells what they would make of it.

    Args:
        full: the verdict with them.
    """
    if not kept or verdict.opinion == "manipulated":
        return verdict
    names = ", ".join(KINDS[name].title.lower() for name in KINDS if name in kept)
    lines = []
    if verdict.opinion == "authentic":
        lines.append(
            f"Inconclusive: {verdict.probability:.2f} is low, but the file's own word keeps tests out of it "
            f"({names}), and no file clears itself."
        )
    if full.opinion == "manipulated":
        lines.append(
            f"With the tests that the file's own word keeps out ({names}) the probability would "
            f"be {full.probability:.2f}, from {full.low:.2f} to {full.high:.2f}: manipulated."
        )
    return replace(verdict, opinion="inconclusive", reasons=(*lines, *verdict.reasons))
