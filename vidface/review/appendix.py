"""The rest of a report: the file, the frames, notes, the method, the manifest."""

from __future__ import annotations

import json
from typing import Any

from vidface.data.findingkinds import KINDS
from vidface.review.html import Child, Html, el, join, pairs, plain, table
from vidface.review.part import part_of
from vidface.review.summary import CONTENTS, moment
from vidface.review.words import clock, number
from vidface.vision.verdictwords import ASSUMED, assumed

Facts = dict[str, Any]
_GIVEN = (
    *("name", "path", "bytes", "container", "codec", "pixel_format", "width", "height", "rotation", "rate"),
    *("duration", "start", "frames", "matrix", "audio", "decoder"),
)
"""Of the input's facts; all of them stand in run.json."""
_SPEAKS = {
    "manipulated": "High values speak for a manipulation.",
    "authentic": "High values speak for an authentic recording.",
    "neither": "Shown, but not weighed.",
}


def file_facts(facts: Facts) -> Html:
    """What the file says of itself."""
    declared = facts["source"].get("declared") or {}
    given = {key: facts["input"][key] for key in _GIVEN if facts["input"].get(key) not in (None, "", {}, [])}
    given |= _told_apart(facts)
    return el(
        "section",
        el("h2", CONTENTS["file"]),
        stream(facts["source"].get("stream") or {}),
        el("h3", "What it declares"),
        _declared(declared),
        el("h3", "Container and stream"),
        plain(given),
        id="file",
    )


def _told_apart(facts: Facts) -> Facts:
    """What the file says of its turn without the reviewer's own; how many streams nobody looked at."""
    turned = facts["turned"]
    told: Facts = {"rotation": f"{turned['by_file']} degrees clockwise, as the file says"}
    if turned["by_user"]:
        told["turned_for_this_review"] = f"{turned['by_user']} degrees clockwise more (--rotate)"
    extra = facts["input"].get("extra") or {}
    if "made_square" in extra:
        told["stretched_for_this_review"] = f"{extra['made_square']} (--square)"
    others = extra.get("other_video_streams")
    return told | ({"other_video_streams": f"{others}, not examined"} if others else {})


def stream(told: Facts) -> Child:
    """How the stream was coded: hints with what each can mean, then the facts."""
    if not told or told.get("unread"):
        why = told.get("unread") or "Stream facts were not read in this run."
        return [el("h3", "How the stream was coded"), el("p", str(why), class_="quiet")]
    rest = {key: value for key, value in told.items() if key not in ("lines", "hints", "c2pa", "left_out")}
    hints = [
        el("li", el("strong", str(one.get("says"))), " ", str(one.get("means")))
        for one in told.get("hints") or ()
    ]
    return [
        el("h3", "How the stream was coded"),
        el("ul", hints, class_="hints")
        if hints
        else el("p", "Nothing about the stream stands out. That does not make it untouched."),
        el("ul", [el("li", str(line)) for line in told.get("lines") or ()], class_="lines"),
        el("details", el("summary", "All stream facts"), plain(rest), class_="folded"),
    ]


def _declared(declared: Facts) -> Child:
    if not declared:
        return el("p", "The file's declarations were not read for this report.", class_="quiet")
    manifest = declared.get("manifest")
    texts = declared.get("metadata") or {}
    credentials: Child = "none in the file or beside it"
    if manifest:
        credentials = plain({key: value for key, value in manifest.items() if value})
    values: dict[str, Child] = {"Content credentials (C2PA)": credentials}
    if declared.get("mark"):
        values["Mark of vidface"] = plain(declared["mark"])
    values["Metadata"] = plain(texts) if texts else "none"
    if declared.get("unread"):
        values["Not read"] = str(declared["unread"])
    return [
        pairs(values),
        el(
            "p",
            "A file without declarations is not thereby genuine; anybody can write or remove them.",
            class_="quiet",
        ),
    ]


def frames(facts: Facts) -> Html:
    """The ledger: where every frame went."""
    ledger = facts["ledger"]
    rows: list[list[Child]] = [
        ["Decoded", ledger.get("decoded"), "Frames that came out of the decoder."],
        ["Processed", ledger.get("processed"), "Frames that went through every test."],
        ["In faces.jsonl", ledger.get("in_faces"), "Lines that were written, one a frame."],
        ["Looked at by the detector", ledger.get("looked"), "Faces between these follow from their tracks."],
    ]
    for name, count in (ledger.get("passed_through") or {}).items():
        rows.append([f"Not served by {name}", count, "The frame went on without this node's value."])
    for cause, count in (ledger.get("dropped") or {}).items():
        rows.append(["Dropped", count, cause])
    cuts, gaps = ledger.get("scene_cuts") or [], ledger.get("gaps") or []
    rows.append(["Scene cuts", len(cuts), f"first frames: {_few(cuts)}" if cuts else "none"])
    rows.append(["Gaps in time", len(gaps), f"first frames: {_few(gaps)}" if gaps else "none"])
    holes = ledger.get("holes") or []
    return el(
        "section",
        el("h2", CONTENTS["frames"]),
        table("Ledger of frames", ("What", "Frames", "Meaning"), rows),
        table("Missing or damaged", ("Near", "Frames", "Cause", "After frame"), [_hole(one) for one in holes])
        if holes
        else el("p", _none_missing(facts)),
        id="frames",
    )


def _none_missing(facts: Facts) -> str:
    part = part_of(facts["manifest"])
    if part is None:
        return "No frame is missing or damaged."
    return (
        f"No frame of the part that was reviewed is missing or damaged ({part}); the rest was not looked at."
    )


def _few(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:12])) + (" …" if len(numbers) > 12 else "")


def _hole(one: Facts) -> list[Child]:
    near = "not known" if one.get("time") is None else clock(float(one["time"]), 3)
    frames_ = "not known" if one.get("frames") is None else one["frames"]
    return [near, frames_, str(one.get("cause")), one.get("after_frame")]


def notes(facts: Facts) -> Html:
    """Reviewers' notes and decisions, oldest first."""
    rows = []
    for one in facts["notes"]:
        about = "the clip" if one.get("track") is None else f"face {one['track']}"
        rows.append(
            [
                moment(one.get("when")),
                str(one.get("by") or "not named"),
                about,
                el("strong", str(one["decision"])) if one.get("decision") else "–",
                str(one.get("text") or ""),
            ]
        )
    heads = ("When", "Who", "About", "Decision", "Note")
    return el(
        "section",
        el("h2", CONTENTS["notes"]),
        table("Notes, oldest first", heads, rows, class_="notes")
        if rows
        else el("p", "None so far. ", el("code", "vidface review note FOLDER TEXT"), " appends one."),
        id="notes",
    )


def method(facts: Facts) -> Html:
    """Every test with its meaning and limits, and how the verdict is made."""
    card = facts["method"]["verdict"]
    return el(
        "section",
        el("h2", CONTENTS["method"]),
        el(
            "p",
            "Faces are found and followed through the clip; a track is one face over time. Each test below "
            "looks at a track over windows of time and gives a score, or says why it does not apply: too "
            "small, too short, too compressed. It never guesses.",
        ),
        el("h3", "How the verdict is made"),
        el(
            "p",
            "The scores that apply are weighed by a logistic model, whose weights were fit on real clips and "
            "on manipulated ones, and whose probability was calibrated on others. Between clear evidence for "
            "and against lies “inconclusive”. The interval comes from the windows of the track: a face that "
            "is judged alike throughout gets a narrow one. It does not cover errors that all windows share.",
        ),
        _measured(card),
        el("h3", "The tests"),
        el("div", [_kind(kind) for kind in facts["method"]["kinds"]], class_="kinds"),
        id="method",
    )


def _measured(card: Facts) -> Child:
    if not card:
        return el(
            "p", "The weights that this run used are not installed here, and are not shown.", class_="quiet"
        )
    facts = card.get("facts") or {}
    opinions = (
        f"A face passes for authentic up to a probability of {number(card.get('authentic_at'))}, and counts "
        f"as manipulated from {number(card.get('manipulated_at'))}; between them, and where the interval "
        f"crosses 0.5, it is inconclusive. An opinion takes {card.get('min_kinds')} tests and "
        f"{card.get('min_windows')} windows."
    )
    told = {
        str(name).replace("_", " "): el("div", plain(text), class_="kept") for name, text in facts.items()
    }
    heads = ("Test", "Weight", "Centre", "Step", "Real clips: 5 %, middle, 95 %")
    rows = [_weight(name, one) for name, one in (card.get("kinds") or {}).items()]
    return [
        el("p", opinions),
        table("How each test is weighed", heads, rows) if rows else None,
        el("h3", "Data and measured errors of the verdict"),
        pairs({"model": join(str(card["name"]), ", SHA-256 ", el("code", str(card["sha256"]))), **told}),
    ]


def _weight(name: str, one: Facts) -> list[Child]:
    real = [number(value) if value is not None else "not known" for value in one.get("real") or ()]
    weight = number(one.get("weight")) if one.get("weight") else "not weighed"
    title = KINDS[name].title if name in KINDS else name
    note = f" ({ASSUMED})" if assumed(name) else ""
    return [
        title,
        weight,
        number(one.get("centre")),
        number(one.get("scale")),
        ", ".join(dict.fromkeys(real)) + note,
    ]


def _kind(kind: Facts) -> Html:
    wants = " Wants references of the person." if kind["references"] else ""
    return el(
        "div",
        el("h4", kind["title"]),
        el("p", kind["meaning"]),
        el("p", el("b", "Limits. "), kind["limits"]),
        el(
            "p",
            f"Unit: {kind['unit']}. {_SPEAKS[kind['high']]}{wants} ",
            el("code", kind["name"]),
            class_="quiet",
        ),
        class_="kind",
    )


def manifest(facts: Facts) -> Html:
    """The run's manifest: nodes and their cost, models, packages, and all of run.json folded."""
    told = facts["manifest"]
    nodes = [
        [
            str(row.get("name")),
            str(row.get("use")),
            row.get("frames"),
            row.get("ms_per_frame"),
            row.get("errors"),
        ]
        for row in told.get("nodes") or ()
    ]
    models = [
        [str(row.get("name")), str(row.get("licence")), el("code", str(row.get("sha256")))]
        for row in told.get("models") or ()
    ]
    return el(
        "section",
        el("h2", CONTENTS["manifest"]),
        el("p", "Command: ", el("code", " ".join(map(str, told.get("command") or ("not recorded",))))),
        table("Nodes", ("Node", "Use", "Frames", "ms per frame", "Errors"), nodes) if nodes else None,
        table("Models", ("Model", "Licence", "SHA-256"), models) if models else None,
        el(
            "details",
            el("summary", "run.json"),
            el("pre", json.dumps(told, indent=1, ensure_ascii=False), tabindex=0),
            class_="folded",
        ),
        el(
            "p",
            el("code", "vidface verify FOLDER"),
            " holds the files of this folder against their hashes, and says which was changed.",
            class_="quiet",
        ),
        id="manifest",
    )
