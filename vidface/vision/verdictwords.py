"""A verdict in words: which tests speak for a manipulation, which against it, how strongly, and where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from vidface.data.finding import Finding
from vidface.data.findingkinds import KINDS
from vidface.data.verdict import Moment, Opinion, Verdict
from vidface.vision.claim import Standing, standing_of, why_unweighed
from vidface.vision.kindfusion import Fusion, KindWeight
from vidface.vision.trackevidence import KindRecord, TrackEvidence

PROCESSED: Final = {
    "restored": ("blend", "texture_spectrum", "texture_noise"),
    "stabilised": ("blend", "texture_spectrum", "texture_noise"),
    "anonymised": ("blend", "texture_spectrum", "texture_noise", "drift"),
}
"""What a file may say was done to it -> tests that this can trigger by itself."""
GENERATED: Final = "generated"
"""The file says that it was made by a machine."""

_SIGMAS: Final = "sigmas_"
"""Details so named say how far one part is off."""
_RUN_S: Final = 2
_LEAST_SAID: Final = 0.1
"""Log odds below which a test is not worth a sentence."""
_SAYS: Final[Mapping[str, str]] = {
    "blend": "the search for traces of blending gives log odds of {score:.1f}",
    "appearance": "the face looks {size:.1f} standard deviations {less} like {references} than is usual for "
    "one person",
    # The score is an absolute value: small ones are no surplus of agreement.
    "inner_outer": "the inside and the outside of the face differ by {score:.1f} standard deviations of what "
    "is usual for one person",
    "geometry": "the shape of the face differs from {references} by {size:.1f} standard deviations {more} "
    "than is usual for one person",
    "motion": "the manner of moving differs from the references' own by {size:.1f} standard deviations "
    "{more} than is usual for one person",
    "drift": "the face's identity wanders {size:.1f} standard deviations {more} than in real tracks",
    "texture_spectrum": "the face's fine detail against its surroundings has a log ratio of {score:.2f}",
    "texture_noise": "the face's noise against the rest of the picture has a log ratio of {score:.2f}",
    "pulse": "a pulse in the skin has a coherence of {score:.2f}",
    "lipsync": "the mouth's opening and the voice correlate with {score:.2f}",
}


ASSUMED: Final = "assumed for references of another day"
"""Of tests against references: references and clips at hand are of one day, so nobody measured this."""


def assumed(name: str) -> bool:
    """The usual range of this test was not measured; see `ASSUMED`."""
    return name in KINDS and KINDS[name].references


def usual_words(name: str) -> str:
    """Of what the usual range of a test tells."""
    return f"{ASSUMED}: nine in ten real clips" if assumed(name) else "nine in ten real clips"


class Answer(NamedTuple):
    """An opinion and, where there is none, why."""

    opinion: Opinion
    why: str = ""


def verdict_of(
    evidence: TrackEvidence,
    track: int,
    *,
    declared: tuple[str, ...] = (),
    absent: Mapping[str, str] | None = None,
    seed: int = 0,
    standing: Standing | None = None,
) -> Verdict:
    """What all that was found of a track comes to.

    Args:
        declared: what the file says was done to it, of `PROCESSED` and `GENERATED`.
        absent: test -> why it was not made at all.
        seed: of the draws behind the interval.
        standing: what the face is to the claim; by itself, as the only face, where not given.
    """
    standing = standing or standing_of(evidence.resemblance)
    unweighed = why_unweighed(standing)
    shown, evidence = evidence, evidence.without(unweighed)
    fusion, steps = evidence.fusion, evidence.steps()
    used = tuple(fusion.parts(steps))
    probability = fusion.probability(steps)
    low, high = evidence.interval(seed) if used else (math.nan, math.nan)
    low, high = min(low, probability), max(high, probability)
    answer = opinion_of(probability, (low, high), fusion=fusion, kinds=len(used), windows=evidence.windows)
    lines = [line for line in (standing.sentence, answer.why) if line]
    moments = tuple(evidence.moments())
    if answer.opinion != "manipulated":
        lines += standing_out(moments, fusion.manipulated_at)
    lines += declared_reasons(declared) + reasons_of(evidence, track)
    return Verdict(
        answer.opinion,
        probability,
        low,
        high,
        tuple(lines),
        used,
        tuple(left_out(shown, absent or {}, unweighed)),
        moments,
        standing.claim,
    )


def opinion_of(
    probability: float, interval: tuple[float, float], *, fusion: Fusion, kinds: int, windows: int
) -> Answer:
    """What a probability comes to.

    Args:
        interval: its 95 % interval. kinds: weighed tests that apply. windows: in which one does.
    """
    low, high = interval
    if math.isnan(probability):
        return Answer("inconclusive", "Inconclusive: no test applies.")
    if kinds < fusion.min_kinds:
        return Answer(
            "inconclusive",
            f"Inconclusive: {_counted(kinds, 'test')} applied, and {fusion.min_kinds} are wanted.",
        )
    if windows < fusion.min_windows:
        return Answer(
            "inconclusive",
            f"Inconclusive: the tests cover {_counted(windows, 'window')} of half a second, and "
            f"{fusion.min_windows} are wanted.",
        )
    if probability >= fusion.manipulated_at:
        if low >= 0.5:
            return Answer("manipulated")
        return Answer(
            "inconclusive", f"Inconclusive: {probability:.2f} is high, but its interval begins at {low:.2f}."
        )
    if probability <= fusion.authentic_at:
        if high <= 0.5:
            return Answer("authentic")
        return Answer(
            "inconclusive", f"Inconclusive: {probability:.2f} is low, but its interval ends at {high:.2f}."
        )
    return Answer(
        "inconclusive",
        f"Inconclusive: {probability:.2f} lies between {fusion.authentic_at:.2f}, up to which a face passes "
        f"for authentic, and {fusion.manipulated_at:.2f}, from which it counts as manipulated.",
    )


def standing_out(moments: Sequence[Moment], bar: float) -> list[str]:
    """Where a part of a track reaches the bar though the whole does not: two seconds at least."""
    runs: list[list[Moment]] = [[]]
    for one in moments:
        if one.probability < bar or (runs[-1] and one.start > runs[-1][-1].end):
            runs.append([])
        if one.probability >= bar:
            runs[-1].append(one)
    longest = max(runs, key=lambda run: float(run[-1].end - run[0].start) if run else 0.0)
    if not longest or longest[-1].end - longest[0].start < _RUN_S:
        return []
    most = max(one.probability for one in longest)
    return [
        f"From {float(longest[0].start):.1f} to {float(longest[-1].end):.1f} s alone the probability reaches "
        f"{most:.2f}, though the track as a whole does not: look there."
    ]


def reasons_of(evidence: TrackEvidence, track: int) -> list[str]:
    """A sentence for each test that counted, the strongest first, with numbers and seconds."""
    parts = evidence.fusion.parts(evidence.steps())
    order = sorted(parts, key=lambda name: -abs(parts[name]))
    return [
        _sentence(name, parts[name], evidence.kinds[name], evidence.fusion.kinds[name], track)
        for name in order
        if abs(parts[name]) >= _LEAST_SAID
    ]


def declared_reasons(declared: tuple[str, ...]) -> list[str]:
    """What follows from what a file says of itself."""
    said = [one for one in declared if one in PROCESSED]
    lines = []
    if GENERATED in declared:
        lines.append("The file itself says that its pictures were generated or changed by a program.")
    if said:
        lines.append(
            f"The file says that it was {' and '.join(said)}: such processing can trigger tests by itself, "
            "so those that look for its traces are not weighed."
        )
    return lines


def _sentence(name: str, part: float, record: KindRecord, weight: KindWeight, track: int) -> str:
    peak = record.strongest if part > 0 else record.weakest
    details: Mapping[str, float] = {} if peak is None else peak.details
    says = _SAYS[name].format(
        score=record.mean,
        size=abs(record.mean),
        less="less" if record.mean > 0 else "more",
        more="more" if record.mean > 0 else "less",
        references=_references(details),
    )
    way = "For a manipulation" if part > 0 else "Against a manipulation"
    return f"{way}: {says}{_most(details)}{_where(peak, record.count, track)}{_usual(name, weight)}."


def _references(details: Mapping[str, float]) -> str:
    count = details.get("references", math.nan)
    return f"the {count:.0f} references" if math.isfinite(count) and count >= 2 else "the references"


def _most(details: Mapping[str, float]) -> str:
    """The part of the face that differs most, of details named `sigmas_...`."""
    places = {
        name: abs(value)
        for name, value in details.items()
        if name.startswith(_SIGMAS) and math.isfinite(value)
    }
    if not places:
        return ""
    name = max(places, key=lambda one: places[one])
    return f" ({name.removeprefix(_SIGMAS).replace('_', ' ')} most: {places[name]:.1f})"


def _where(peak: Finding | None, count: int, track: int) -> str:
    if peak is None:
        return f" (track {track})"
    span = f"{float(peak.stretch.start):.1f} to {float(peak.stretch.end):.1f} s"
    if count == 1:
        return f", {span} (track {track})"
    return f", most clearly {peak.score:.2f} at {span} (track {track}, mean of {count} windows)"


def _usual(name: str, weight: KindWeight) -> str:
    low, _, high = weight.real
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    lie = "" if assumed(name) else " lie"
    return f"; {usual_words(name)}{lie} between {low:.2f} and {high:.2f}"


def left_out(
    evidence: TrackEvidence, absent: Mapping[str, str], unweighed: Mapping[str, str] | None = None
) -> list[str]:
    """`kind: why` for each test that has no say.

    Args:
        absent: test -> why it was not made at all. unweighed: test -> why it is not weighed for this face.
    """
    lines = []
    for name in KINDS:
        record, weight = evidence.kinds.get(name), evidence.fusion.kinds.get(name)
        if record is not None and record.count and unweighed and name in unweighed:
            lines.append(f"{name}: {unweighed[name]}")
        elif record is not None and record.count and (weight is None or not weight.weighed):
            lines.append(
                f"{name}: shown, but not weighed: clips of known origin did not teach how much it says."
            )
        elif record is not None and record.count:
            continue
        elif record is not None and record.why_not:
            lines.append(f"{name}: {record.why_not}")
        elif name in absent:
            lines.append(f"{name}: {absent[name]}")
    return lines


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count or 'no'} {thing}s"
