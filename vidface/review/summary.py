"""The head of a report: what was reviewed, what came out, and what to know before relying on it."""

from __future__ import annotations

from typing import Any

from vidface.review.claimed import SHORT, judged
from vidface.review.curves import Axis, presence, swatch, time_axis
from vidface.review.html import Child, Html, data, el, join, pairs, plain, table
from vidface.review.part import length_words, part_of
from vidface.review.pictures import picture_uri
from vidface.review.reading import Material
from vidface.review.words import clock, number, share, spans

Facts = dict[str, Any]
_FACE_PX = 72

CONTENTS = {
    "summary": "Summary",
    "faces": "Faces and evidence",
    "file": "The file",
    "frames": "Frames",
    "notes": "Reviewers’ notes",
    "method": "Method and its limits",
    "manifest": "Manifest",
}
"""Sections of a report, in order: id and heading."""


def head(facts: Facts) -> Html:
    """Title, conclusion, what was reviewed, contents."""
    given = facts["input"]
    rate = plain(given.get("rate"))
    told = {
        **_length(facts),
        "Picture": f"{given.get('width')} × {given.get('height')} px, {given.get('codec')}, {rate} frames/s",
        "Sound": _sound(given),
        "SHA-256": el("code", str(given.get("sha256") or "not known")),
        "Reviewed": f"{moment(facts['run'].get('started'))}, with vidface {facts['run'].get('version')}",
    }
    return el(
        "header",
        el("p", "Forensic review of a clip", class_="kicker"),
        el("h1", facts["title"]),
        el("p", facts["conclusion"], class_="conclusion"),
        pairs(told),
        el(
            "nav",
            el("ol", [el("li", el("a", text, href=f"#{name}")) for name, text in CONTENTS.items()]),
            aria_label="Contents",
        ),
    )


def _length(facts: Facts) -> dict[str, Child]:
    """How long the clip is, and what of it was reviewed."""
    lasts, part = length_words(facts["input"]), part_of(facts["manifest"])
    if lasts is None and part is None:
        lasts = clock(facts["time"]["last"] - facts["time"]["first"])
    if "times_set_back" in (facts["input"].get("extra") or {}):
        lasts = f"{lasts} by the file's own clock, which is set back within it"
    told: dict[str, Child] = {"Length": lasts or "not known"}
    return told if part is None else told | {"Reviewed part": str(part)}


def player(facts: Facts, axis: Axis) -> Html:
    """The video, a slider, and where each face is seen."""
    preview = facts["preview"]
    rows = [
        el(
            "li",
            el("a", f"Face {one['track']}", href=f"#face-{one['track']}"),
            presence(
                f"Face {one['track']}, {one['verdict']['opinion']}: seen {spans(one['spans'], 3)}",
                one["spans"],
                axis,
                one["verdict"]["opinion"],
            ),
        )
        for one in facts["tracks"][:12]
    ]
    more = len(facts["tracks"]) - len(rows)
    return el(
        "aside",
        _video(facts)
        if preview
        else el("p", "There is no preview of this clip in the folder.", class_="quiet"),
        el("ol", rows, class_="presence") if rows else None,
        el("p", f"{more} more faces are listed in the summary.", class_="quiet") if more > 0 else None,
        el("div", time_axis(axis), class_="presence-axis") if rows else None,
        el(
            "p",
            *(
                join(el("span", swatch(name), name, class_="key"), " ")
                for name in ("manipulated", "inconclusive", "authentic")
            ),
            class_="legend",
        ),
        class_="player",
        aria_label="Video and timeline",
    )


def _video(facts: Facts) -> Html:
    preview = facts["preview"]
    time = facts["time"]
    return join(
        el(
            "div",
            el("video", src=preview["source"], preload="auto", playsinline=True, tabindex=-1),
            el("div", class_="boxes", aria_hidden="true"),
            class_="screen",
        ),
        el(
            "p",
            "The video cannot be played here: ",
            el("code", preview["file"]),
            " must lie beside this report. Curves and tables below are complete without it.",
            class_="lost",
            hidden=True,
        ),
        el(
            "div",
            el("button", "Play", type="button", id="play"),
            el("label", "Time", for_="seek", class_="unseen"),
            el(
                "input",
                type="range",
                id="seek",
                min=f"{time['first']:.3f}",
                max=f"{time['last']:.3f}",
                step="0.01",
                value=f"{time['first']:.3f}",
            ),
            el("output", clock(time["first"], 2), for_="seek", id="now"),
            class_="controls",
        ),
        el(
            "p",
            el("label", el("input", type="checkbox", id="mark", checked=True), " mark faces"),
            el("span", "Keys: space plays, ← → one frame, Shift one second.", class_="quiet"),
            class_="options",
        ),
        data(_places(facts), "data"),
    )


def _places(facts: Facts) -> Facts:
    """What the script needs: where the video starts, and where faces are."""
    return {
        # A late start is an empty edit in the file, and players keep it; none shows times before zero.
        "first": min(0.0, facts["preview"]["first_time"]),
        "rate": _rate(facts["input"].get("rate")),
        "tracks": [
            {"track": one["track"], "opinion": one["verdict"]["opinion"], **one["path"]}
            for one in facts["tracks"]
            if one["path"]
        ],
    }


def _rate(text: Any) -> float:
    top, _, below = str(text or 25).partition("/")
    try:
        return float(top) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return 25.0


def summary(facts: Facts, run: Material) -> Html:
    """A row for each face, the claim, and the caveats."""
    claim = facts["claim"]
    held = claim is not None and judged(facts["tracks"])
    rows = [_row(one, run, compared=claim is not None, held=held) for one in facts["tracks"]]
    heads = [
        "Face",
        "Seen",
        "Verdict",
        "Manipulated, probability",
        "95 % interval",
        "Seconds in question",
    ]
    if claim is not None:
        who = claim["person"] or "the references"
        heads.insert(2, f"Off {who}, SD{', claim' if held else ''}")
    caveats = facts["caveats"]
    return el(
        "section",
        el("h2", CONTENTS["summary"]),
        el("p", facts["conclusion"]),
        table("Verdict for each face", heads, rows, class_="verdicts") if rows else None,
        _claim(facts["claim"]),
        el("h3", "Before you rely on this") if caveats else None,
        el("ul", [el("li", text) for text in caveats], class_="caveats") if caveats else None,
        el(
            "p",
            "A verdict is evidence for a person to weigh, not a proof. Each test can be misled; how, stands "
            "under ",
            el("a", CONTENTS["method"], href="#method"),
            ". “Inconclusive” is an answer: the evidence does not decide.",
            class_="quiet",
        ),
        id="summary",
    )


def _row(one: Facts, run: Material, *, compared: bool, held: bool) -> list[Child]:
    verdict, name = one["verdict"], f"Face {one['track']}"
    shot = picture_uri(run.folder, one["shots"][0]["file"], _FACE_PX) if one["shots"] else None
    likely = verdict["probability"] is not None
    row: list[Child] = [
        join(
            el("img", src=shot, alt=f"Best shot of face {one['track']}", width=_FACE_PX, height=_FACE_PX)
            if shot
            else None,
            el("a", name, href=f"#face-{one['track']}"),
        ),
        spans(one["spans"], 3) or "not known",
        opinion(verdict["opinion"]),
        share(verdict["probability"]),
        f"{share(verdict['low'])} to {share(verdict['high'])}" if likely else "not known",
        spans(one["likely"]) if one["likely"] else "none",
    ]
    if compared:
        stands = SHORT.get(str(verdict["claim"]), "not compared")
        row.insert(2, f"{_off(one)}, {stands}" if held else _off(one))
    return row


def _off(one: Facts) -> str:
    """How far a face's looks lie from the references."""
    median = next((test["median"] for test in one["tests"] if test["kind"] == "appearance"), None)
    return "not measured" if median is None else number(median)


def opinion(name: str) -> Html:
    """A verdict's word beside its pattern."""
    return el("span", swatch(name), el("strong", name), class_="opinion")


def _claim(claim: Facts | None) -> Child:
    if claim is None:
        return None
    who: Child = [" of ", el("strong", str(claim["person"])), ","] if claim["person"] else " of the person"
    files = [join(str(one["name"]), ", SHA-256 ", el("code", str(one["sha256"]))) for one in claim["files"]]
    told: dict[str, Child] = {
        str(key).replace("_", " "): plain(value) for key, value in claim["said"].items()
    }
    if files:
        told["file"] = files
    return [
        el("h3", "Claim and references"),
        el("p", "Every face was held against references", who, " whom the clip claims to show."),
        pairs(told),
        el("ul", [el("li", str(note)) for note in claim["notes"]], class_="caveats")
        if claim["notes"]
        else None,
    ]


def moment(text: str | None) -> str:
    """2026-11-21T15:54:52+00:00 -> 2026-11-21 15:54 UTC."""
    if text is None:
        return "not known"
    day, _, time = text.partition("T")
    return f"{day} {time[:5]} UTC" if time.endswith("+00:00") else text


def _sound(given: Facts) -> str:
    audio = given.get("audio") or ()
    if not audio:
        return "none"
    first = audio[0]
    return f"{first.get('codec')}, {first.get('rate_hz')} Hz, {first.get('channels')} channels"
