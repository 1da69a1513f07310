"""The report: the same facts in both files, nothing from outside, readable by everybody."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import Edit
from vidface.data.digest import readable_sha256
from vidface.data.findingkinds import KINDS
from vidface.errors import UsageError
from vidface.graph.notes import add_note
from vidface.review.write import write_report

HOSTILE = '<script>alert("x")</script><img src=http://example.com/x onerror=alert(1)>'


class Page(HTMLParser):
    """The elements of a page in order: name, attributes, text up to the next one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def made(folder: Path) -> tuple[Page, dict[str, Any]]:
    """The report of a folder: its page, and its facts."""
    page, facts = write_report(folder)
    return Page(page.read_text()), json.loads(facts.read_text())


def caveats(facts: dict[str, Any]) -> list[str]:
    """The caveats but the first one: the run at hand was told to end after four seconds."""
    told: list[str] = facts["caveats"]
    assert told[0].startswith("Only a part was reviewed")
    return told[1:]


def test_it_is_private_and_the_same_each_time(folder: Path) -> None:
    """Nothing of the clock or of the folder's place goes in."""
    paths = write_report(folder)
    before = [path.read_bytes() for path in paths]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    moved = folder.rename(folder.with_name("moved elsewhere"))
    assert [path.read_bytes() for path in write_report(moved)] == before


def test_both_files_say_the_same(folder: Path) -> None:
    """Verdict, probability, reasons and kinds of report.json stand in the page."""
    page, facts = made(folder)
    text = " ".join("".join(page.texts).split())
    assert facts["conclusion"] in text
    top = facts["tracks"][0]
    assert top["verdict"]["opinion"] == "manipulated"
    assert all(reason in text for reason in top["verdict"]["reasons"])
    assert "93 % (95 % interval 81 % to 98 %)" in text
    assert facts["manifest"]["input"]["sha256"] in text
    assert all(kind.limits in text for kind in KINDS.values())
    assert {test["kind"] for test in top["tests"]} == set(KINDS)


def test_a_test_that_does_not_apply_says_why(folder: Path) -> None:
    """The pulse needs ten seconds, and the face is seen for four."""
    page, facts = made(folder)
    pulse = next(one for one in facts["tracks"][0]["tests"] if one["kind"] == "pulse")
    assert (pulse["applied"], pulse["strongest"], pulse["median"]) == (0, None, None)
    assert "Not applicable, or not weighed, here" in page.texts
    assert f"Pulse in the skin: {pulse['last_why_not'].capitalize()}".lower() in "".join(page.texts).lower()


def test_what_is_usual_is_called_assumed_where_nobody_measured_it(
    folder: Path, repo: Path, change: Callable[[Edit], None]
) -> None:
    """Ranges of tests against references are those of another day, which no clip at hand shows."""
    shipped = readable_sha256(repo / "models" / "vidface-verdict" / "fusion.json")
    model = {"name": "vidface-verdict", "file": "fusion.json", "sha256": shipped}
    change(lambda manifest: manifest.update(models=[model]))
    page, facts = made(folder)
    shaded = [text for text in page.texts if text.startswith("shaded: ")]
    wanted = [
        test["kind"]
        for one in facts["tracks"]
        for test in one["tests"]
        if test["applied"] and test["kind"] in KINDS
    ]
    assumed = [text for text in shaded if "assumed for references of another day: nine in ten" in text]
    known = facts["method"]["verdict"]["kinds"]
    assert len(assumed) == sum(KINDS[kind].references for kind in wanted if kind in known) > 0
    assert len(shaded) > len(assumed)
    assert any(text.endswith(" (assumed for references of another day)") for text in page.texts)


def test_nothing_comes_from_outside(folder: Path) -> None:
    """Addresses in the page are its own parts, data, or the file beside it; a policy holds it to that."""
    page, _ = made(folder)
    for _, attributes in page.elements:
        for name in ("src", "href", "poster", "data", "srcset", "action"):
            value = attributes.get(name)
            assert value is None or re.match(r"#|data:image/jpeg|\./preview\.mp4$", value), value
    assert "http" not in (folder / "report.html").read_text().partition("<body>")[0].replace("http-equiv", "")
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not [
        value for _, one in page.elements for value in one if value.startswith("on") or value == "style"
    ]


def test_names_from_outside_stay_text(folder: Path, change: Callable[[Edit], None]) -> None:
    """File name, command, metadata, notes, reasons, track files: none of them becomes an element."""
    before, _ = made(folder)

    def edit(facts: dict[str, Any]) -> None:
        facts["input"]["name"] = facts["input"]["path"] = HOSTILE
        facts["command"] = ["vidface", HOSTILE, "</script><b>"]
        facts["error"] = HOSTILE
        facts["node_facts"]["identity"] = {"references": 1, "person": HOSTILE, "notes": [HOSTILE]}

    change(edit)
    add_note(folder, HOSTILE, by=HOSTILE, track=1, decision=HOSTILE)
    (folder / "about.json").write_text(json.dumps({"declared": {"metadata": {HOSTILE: HOSTILE}}}))
    rows = [json.loads(line) for line in (folder / "tracks.jsonl").read_text().splitlines()]
    rows[0]["verdict"]["reasons"] = [HOSTILE]
    rows[0]["verdict"]["left_out"] = [f"{HOSTILE}: {HOSTILE}"]
    (folder / "tracks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    after, facts = made(folder)
    assert len(after.all("script")) == len(before.all("script")) == 2
    assert len(after.all("img")) == len(before.all("img"))
    assert "".join(after.texts).count('<script>alert("x")</script>') > 6
    assert facts["title"] != ""


def test_pictures_come_from_the_folder_only(folder: Path) -> None:
    """A name that leads out of the folder, or to no picture, shows nothing."""
    write_report(folder)
    outside = folder.parent / "secret.jpg"
    shutil.copy(next((folder / "shots").glob("*.jpg")), outside)
    rows = [json.loads(line) for line in (folder / "shots" / "index.jsonl").read_text().splitlines()]
    for row in rows:
        row["file"] = "../../secret.jpg" if row["track"] == 1 else "index.jsonl"
    (folder / "shots" / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page, _ = made(folder)
    assert not [one for one in page.all("img") if (one.get("alt") or "").startswith("Best shot")]


def test_a_screen_reader_finds_its_way(folder: Path) -> None:
    """One h1, no level left out, landmarks, heads of tables with a scope, names for pictures and drawings."""
    page, _ = made(folder)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))
    for landmark in ("header", "main", "nav", "aside", "footer"):
        assert len(page.all(landmark)) == 1
    assert all(one.get("scope") in ("row", "col") for one in page.all("th"))
    assert all(one.get("alt") for one in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    drawings = [one for one in page.all("svg") if one.get("role") == "img"]
    assert len(page.all("title")) == len(drawings) + 1
    names = [one["id"] for _, one in page.elements if "id" in one]
    assert len(names) == len(set(names))
    linked = {(one.get("href") or "")[1:] for one in page.all("a")}
    assert linked <= set(names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(repo: Path, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text, on paper and on panels; the verdicts' colours as well."""
    style = (repo / "vidface" / "review" / "report.css").read_text()
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    colours = dict(
        re.findall(r"--([a-z]+): (#[0-9a-f]{6})", light if scheme == "light" else dark.split("* {")[0])
    )
    for below in ("paper", "panel"):
        for text in ("ink", "quiet", "link", "against", "for", "unsure"):
            assert contrast(colours[text], colours[below]) >= 4.5, (text, below)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_clip_without_faces(folder: Path) -> None:
    """Nothing to judge is said in one sentence; the page is whole."""
    for name in ("tracks.jsonl", "findings.jsonl", "shots/index.jsonl"):
        (folder / name).unlink()
    rows = [json.loads(line) | {"faces": []} for line in (folder / "faces.jsonl").read_text().splitlines()]
    (folder / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page, facts = made(folder)
    assert facts["tracks"] == []
    assert "No face was found in this clip, so there is nothing to judge." in "".join(page.texts)


def test_what_was_missing_is_said_first(folder: Path, change: Callable[[Edit], None]) -> None:
    """No sound, two seconds, no references, holes, a run that failed: each is a caveat."""

    def edit(facts: dict[str, Any]) -> None:
        facts |= {"status": "failed", "error": "the disk is full"}
        facts["input"]["audio"] = []
        facts["ledger"]["holes"] = [
            {"cause": "input ends early", "frames": None, "after_frame": 9, "time": None}
        ]

    change(edit)
    lines = (folder / "faces.jsonl").read_text().splitlines()[:50]
    (folder / "faces.jsonl").write_text("\n".join(lines) + '\n{"frame":50,"ti')
    page, facts = made(folder)
    told = " ".join(facts["caveats"])
    for words in (
        "no sound",
        "2.0 s long",
        "No references",
        "missing or damaged",
        "the disk is full",
        "faces.jsonl",
    ):
        assert words in told
    assert all(text in "".join(page.texts) for text in facts["caveats"])


def test_of_a_part_it_is_said_that_it_is_one(folder: Path, change: Callable[[Edit], None]) -> None:
    """Length is that of the clip; the first caveat tells what was looked at. Of all of it there is none."""
    page, facts = made(folder)
    assert facts["caveats"][0] == (
        "Only a part was reviewed: 0.0–4.0 s of 12.4 s. Nothing is said of the rest of the clip."
    )
    told = [text for text in page.texts if text.strip()]
    assert told[told.index("Length") + 1] == "12.4 s"
    assert told[told.index("Reviewed part") + 1] == "0.0–4.0 s of 12.4 s"
    change(lambda manifest: manifest.update(to=None))
    page, facts = made(folder)
    assert not [text for text in facts["caveats"] if "part" in text]
    assert "Reviewed part" not in page.texts


def test_frames_that_no_detector_looked_at_are_not_called_detected(folder: Path) -> None:
    """On every second frame it looks, and on every fourth it finds nobody."""
    rows = [json.loads(line) for line in (folder / "faces.jsonl").read_text().splitlines()][:40]
    for n, row in enumerate(rows):
        row["looked"] = n % 2 == 0
        row["faces"] = [face | {"interpolated": n % 4 == 2} for face in row["faces"] if face["track"] == 1]
    (folder / "faces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page, facts = made(folder)
    one = next(one for one in facts["tracks"] if one["track"] == 1)
    assert (one["looked"], one["found"]) == (20, 10)
    assert "found on 10 of the 20 on which the detector looked" in "".join(page.texts)
    assert " detected" not in "".join(page.texts)


def test_a_run_that_was_cut_off(folder: Path) -> None:
    """Without tracks.jsonl, faces and verdicts come from faces.jsonl."""
    (folder / "tracks.jsonl").unlink()
    _, facts = made(folder)
    assert {one["track"] for one in facts["tracks"]} == {1, 2}
    assert facts["tracks"][0]["verdict"]["opinion"] == "manipulated"


def test_processed_footage_is_named(folder: Path) -> None:
    """Restored or stabilised by vidface, cut in an editor: processing itself can trigger tests."""
    declared = {"metadata": {"comment": "made with vidface 0.5.0", "encoder": "Lavf61.7.100"}, "mark": None}
    (folder / "about.json").write_text(json.dumps({"declared": declared}))
    _, facts = made(folder)
    assert caveats(facts)[0].startswith("The file's own data name vidface and FFmpeg")
    assert "Processing alone" in caveats(facts)[0]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    """Says what is missing and what to name instead."""
    with pytest.raises(UsageError, match=r"holds no run\.json"):
        write_report(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        write_report(tmp_path / "absent")
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(UsageError, match="is no manifest of a run"):
        write_report(tmp_path)


def test_the_preview_can_stand_in_the_page(folder: Path) -> None:
    """With `embed` the page plays by itself; without a preview it says so."""
    page, _ = write_report(folder, embed=True)
    (video,) = Page(page.read_text()).all("video")
    assert (video["src"] or "").startswith("data:video/mp4;base64,")


def test_notes_stand_in_the_report(folder: Path) -> None:
    """In order, with the face and the decision; a note that was changed is a caveat."""
    add_note(
        folder, "The mouth does not close on b and p.", by="A. Reviewer", track=1, decision="manipulated"
    )
    page, facts = made(folder)
    assert [note["text"] for note in facts["notes"]] == ["The mouth does not close on b and p."]
    assert "A. Reviewer" in "".join(page.texts)
    assert caveats(facts)[0].startswith("No references")
    path = folder / "notes.jsonl"
    path.write_text(path.read_text().replace("does not close", "closes well"))
    _, facts = made(folder)
    assert caveats(facts)[0] == "The reviewers' notes were changed: line 1 was changed after it was written."


def test_a_manifest_that_was_edited_is_said(folder: Path, change: Callable[[Edit], None]) -> None:
    """The report of an edited run.json says so before all else."""

    def edit(facts: dict[str, Any]) -> None:
        facts["started"] = "2001-01-01T00:00:00+00:00"

    change(edit)
    _, facts = made(folder)
    assert caveats(facts)[0].startswith("run.json was changed after the run")


def test_the_person_of_the_references_is_named(folder: Path, change: Callable[[Edit], None]) -> None:
    """Whom the faces were held against, how many references, and what the node has to say of them."""
    note = "forensics.identity: no face in the clip looks like the references."

    def edit(facts: dict[str, Any]) -> None:
        facts["node_facts"]["identity"] = {"person": "Ann Lee", "references": 14, "notes": [note]}

    change(edit)
    page, facts = made(folder)
    text = "".join(page.texts)
    assert facts["claim"]["person"] == "Ann Lee"
    assert "references of Ann Lee, whom the clip claims to show" in text
    assert "No face in the clip looks like the references." in text
    assert "Off Ann Lee, SD" in text
    assert facts["conclusion"].endswith("claimed to be Ann Lee: others differ from the references anyway.")
    assert any(line.startswith("References say something of one person only") for line in facts["caveats"])
    assert not [line for line in facts["caveats"] if line.startswith("No references")]
