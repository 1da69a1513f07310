"""One section for each face: verdict, reasons, curves, windows, heat maps."""

from __future__ import annotations

from typing import Any, Final

from vidface.data.findingkinds import KINDS
from vidface.review.claimed import WORDS
from vidface.review.curves import Axis, Drawn, likelihood, plot, range_of, time_axis
from vidface.review.evidence import speaks
from vidface.review.html import Child, Html, el, join, pairs, plain, table
from vidface.review.pictures import overlay_uri, picture_uri, strongest_place
from vidface.review.reading import Material
from vidface.review.summary import opinion
from vidface.review.words import clock, number, share, span, spans
from vidface.vision.trackevidence import HOP_S
from vidface.vision.verdictwords import usual_words

Facts = dict[str, Any]
Usual = dict[str, tuple[float, float]]
"""Kind -> the 5th and the 95th percentile of its score over real clips."""
_SHOT_PX: Final = 144
_MAP_PX: Final = 160
_FULL: Final = 24
"""Faces that get all their pictures; of a crowd's others only what is measured."""


def faces(facts: Facts, run: Material, axis: Axis) -> Html:
    """The section with all faces."""
    card = facts["method"]["verdict"].get("kinds") or {}
    usual: Usual = {
        kind: (float(one["real"][0]), float(one["real"][2]))
        for kind, one in card.items()
        if None not in one.get("real", (None,))
    }
    return el(
        "section",
        el("h2", "Faces and evidence"),
        el("p", "No face was found, so there is no evidence to show.") if not facts["tracks"] else None,
        [face(one, run, axis, usual, pictured=n < _FULL) for n, one in enumerate(facts["tracks"])],
        id="faces",
    )


def face(one: Facts, run: Material, axis: Axis, usual: Usual, *, pictured: bool) -> Html:
    """All that is known of one track."""
    verdict, track = one["verdict"], one["track"]
    return el(
        "article",
        el("h3", f"Face {track}: ", opinion(verdict["opinion"]), id=f"face-{track}-title"),
        el(
            "div",
            _shots(one, run) if pictured else None,
            el("div", _verdict(one), _reasons(verdict), class_="said"),
            class_="top",
        ),
        _curves(one, axis, usual),
        _maps(one, run) if pictured else None,
        _windows(one),
        class_="face",
        id=f"face-{track}",
        aria_labelledby=f"face-{track}-title",
    )


def _shots(one: Facts, run: Material) -> Html:
    figures = []
    for shot in one["shots"]:
        uri = picture_uri(run.folder, shot["file"], _SHOT_PX)
        if uri is not None:
            when = float(shot["time"])
            told = f"Face {one['track']} at {clock(when)}"
            figures.append(
                el(
                    "figure",
                    el("img", src=uri, alt=told, width=_SHOT_PX, height=_SHOT_PX),
                    el("figcaption", _seek(when, clock(when))),
                )
            )
    return el("div", figures or el("p", "No shot of this face was kept.", class_="quiet"), class_="shots")


def _verdict(one: Facts) -> list[Child]:
    verdict, known = one["verdict"], one["verdict"]["probability"] is not None
    facts: dict[str, Child] = {}
    if known:
        interval = f"(95 % interval {share(verdict['low'])} to {share(verdict['high'])})"
        facts["Probability of a manipulation"] = f"{share(verdict['probability'])} {interval}"
    if verdict["claim"]:
        facts["Claim"] = WORDS.get(verdict["claim"], verdict["claim"])
    coarse = f" ({_coarse(one)})" if _coarse(one) else None
    facts["Seconds in question"] = [*_buttons(one["likely"]), coarse] if one["likely"] else "none"
    facts["Seen"] = f"{spans(one['spans'], 4)} ({one['frames']} frames{_found(one)})"
    facts["Mean height"] = f"{float(one['height_px'] or 0):.0f} px"
    if one["quality"] is not None:
        facts["Mean quality"] = number(one["quality"])
    if one["identity"] is not None:
        facts["Who (gallery)"] = _who(one["identity"])
    scale = (
        likelihood(verdict["probability"], verdict["low"], verdict["high"], verdict["opinion"])
        if known
        else None
    )
    return [scale, pairs(facts)]


def _coarse(one: Facts) -> str | None:
    """How long the windows of the probability are, where longer than a reader would take them to be."""
    length = one["moment_s"]
    return f"in windows of {length:.3g} s" if length is not None and length > float(HOP_S) else None


def _found(one: Facts) -> str:
    """How often a detector saw the face; elsewhere its place follows from its track, or its mesh."""
    if not one["looked"]:
        return ""
    return f"; found on {one['found']} of the {one['looked']} on which the detector looked"


def _who(identity: Facts) -> str:
    score = number(identity.get("score"))
    if identity.get("state") == "known":
        return (
            f"{identity.get('name')} (similarity {score}, {number(identity.get('margin'))} ahead of the next)"
        )
    near = f"; nearest is {identity['nearest']} with {score}" if identity.get("nearest") else ""
    return f"{identity.get('state')}{near}"


def _reasons(verdict: Facts) -> list[Child]:
    titles = {kind.name: kind.title for kind in KINDS.values()}
    left = [text.partition(": ") for text in verdict["left_out"]]
    return [
        el("h4", "Reasons, strongest first") if verdict["reasons"] else None,
        el("ol", [el("li", text) for text in verdict["reasons"]], class_="reasons")
        if verdict["reasons"]
        else None,
        el("h4", "Not applicable, or not weighed, here") if left else None,
        el(
            "ul",
            [el("li", el("b", titles.get(kind, kind)), ": ", why or kind) for kind, _, why in left],
            class_="quiet",
        )
        if left
        else None,
    ]


def _curves(one: Facts, axis: Axis, usual: Usual) -> Child:
    verdict, stack = one["verdict"], []
    if verdict["moments"]:
        rows = [row | {"score": row["probability"]} for row in verdict["moments"]]
        values = range_of("probability", [])
        coarse = _coarse(one)
        text = f"At or above 0.5: {spans(one['likely']) or 'never'}{f', {coarse}' if coarse else ''}."
        name = f"Probability of a manipulation over time, face {one['track']}"
        label = [el("h4", "Probability of a manipulation"), el("p", text, class_="quiet")]
        drawn = plot(Drawn(name, text, rows, one["spans"]), axis, values)
        stack.append(el("div", el("div", label), drawn, class_="strip"))
    said = {text.partition(": ")[0] for text in verdict["left_out"]}
    for test in one["tests"]:
        if test["applied"]:
            stack.append(_strip(test, one["spans"], axis, usual.get(test["kind"])))
        elif test["kind"] not in said:
            stack.append(_silent(test))
    if not stack:
        return el("p", "No test was made on this face.", class_="quiet")
    return el("div", stack, el("div", el("div"), time_axis(axis), class_="strip last"), class_="strips")


def _silent(test: Facts) -> Html:
    """A test that did not apply to any window, and that the verdict does not tell of."""
    title = KINDS[test["kind"]].title if test["kind"] in KINDS else test["kind"]
    label = [el("h4", title), el("p", f"Not applicable: {test['last_why_not']}", class_="quiet")]
    return el("div", el("div", label, class_="wide"), class_="strip none")


def _strip(test: Facts, seen: list[list[float]], axis: Axis, usual: tuple[float, float] | None) -> Html:
    kind, top = KINDS.get(test["kind"]), test["strongest"]
    title, unit = (kind.title, kind.unit) if kind is not None else (test["kind"], "")
    most = "lowest" if kind is not None and kind.high == "authentic" else "highest"
    told = (
        f"median {number(test['median'])}, {most} {number(top['score'])} at {span(top['start'], top['end'])}"
    )
    high = "" if kind is None or kind.high == "neither" else f", up is {kind.high}"
    label = [
        el("h4", title),
        el("p", f"{unit}{high}"),
        el(
            "p",
            f"median {number(test['median'])}, {most} {number(top['score'])} at ",
            _seek(top["start"], span(top["start"], top["end"])),
        ),
        el("p", f"shaded: {usual_words(test['kind'])}, {number(usual[0])} to {number(usual[1])}")
        if usual
        else None,
    ]
    scores = [float(row["score"]) for row in test["points"] if row["score"] is not None]
    described = f"{title} in {unit}: {told}; {test['silent']} windows not applicable."
    drawn = Drawn(title, described, test["points"], seen, usual)
    return el("div", el("div", label), plot(drawn, axis, range_of(unit, scores)), class_="strip")


def _maps(one: Facts, run: Material) -> Child:
    figures = []
    for row in one["maps"]:
        over = overlay_uri(run.folder, row["heat"], row["face"], _MAP_PX)
        crop = picture_uri(run.folder, row["face"], _MAP_PX) if row["face"] else None
        if over is None:
            continue
        place = strongest_place(run.folder, row["heat"]) or "nowhere"
        title = KINDS[row["kind"]].title if row["kind"] in KINDS else row["kind"]
        start, end = float(row["start"]), float(row["end"])
        figures.append(
            el(
                "figure",
                el("img", src=crop, alt=f"Face {one['track']}, frame {row['heat_frame']}") if crop else None,
                el("img", src=over, alt=f"{title}, heat map: strongest in the {place}"),
                el(
                    "figcaption",
                    _seek(start, span(start, end)),
                    f" {title} {number(row['score'])}, frame {row['heat_frame']}; strongest: {place}",
                ),
            )
        )
    if not figures:
        return None
    told = "Outlined: where the evidence is at least 60 % of its strongest. Left and right as seen."
    return join(
        el("h4", "Heat maps of the strongest windows"),
        el("p", told, class_="quiet"),
        el("div", figures, class_="maps"),
    )


def _windows(one: Facts) -> Child:
    table_rows, kinds = one["windows"], [test["kind"] for test in one["tests"]]
    if not table_rows:
        return None
    best = {test["kind"]: test["strongest"] and test["strongest"]["score"] for test in one["tests"]}
    heads = ["Window", "Probability", *(KINDS[kind].title if kind in KINDS else kind for kind in kinds)]
    rows = [
        [
            _seek(row["start"], span(row["start"], row["end"])),
            number(row["probability"]) if row["probability"] is not None else "–",
            *(_cell(row["scores"], kind, best[kind]) for kind in kinds),
        ]
        for row in table_rows
    ]
    told = (
        "The same as the curves, in numbers. Of several windows that end in a row, the one that speaks most "
        "for a manipulation; the strongest of all is marked ▸. n/a: did not apply. –: none ended here. All "
        "windows stand in findings.jsonl."
    )
    caption = f"Evidence per window, face {one['track']}"
    return el(
        "details",
        el("summary", "Evidence per window, in numbers"),
        el("p", told, class_="quiet"),
        table(caption, heads, rows, class_="windows"),
        open=len(rows) <= 12,
    )


def _cell(scores: Facts, kind: str, best: float | None) -> Child:
    if kind not in scores:
        return "–"
    score = scores[kind]
    if score is None:
        return el("span", "n/a", class_="quiet")
    is_top = best is not None and speaks(kind, {"score": score}) >= speaks(kind, {"score": best})
    return el("b", "▸ ", number(score)) if is_top else number(score)


def _buttons(some: list[list[float]]) -> list[Child]:
    shown: list[Child] = []
    for start, end in some[:6]:
        shown += [_seek(start, span(start, end)), " "]
    return [*shown, f"and {len(some) - 6} more" if len(some) > 6 else None]


def _seek(seconds: float, text: str) -> Html:
    """A time that the video goes to."""
    return el("button", text, type="button", class_="time", data_seek=f"{seconds:.3f}")


def other(tests: list[Facts]) -> Child:
    """Findings on the whole file."""
    return [
        plain({"test": test["kind"], "strongest": test["strongest"], "why_not": test["why_not"]})
        for test in tests
    ]
