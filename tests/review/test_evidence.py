"""Findings summed up: on made rows, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from vidface.review.curves import Axis, range_of
from vidface.review.evidence import maps_of, moment_length, stretches, summed, windows_of, within
from vidface.review.part import length_words, part_of
from vidface.review.source import done_to, tools_in
from vidface.review.words import clock, share, span, spans, ticks


def row(kind: str, end: float, score: float | None, **more: Any) -> dict[str, Any]:
    """A row of findings.jsonl over the two seconds before `end`."""
    why = None if score is not None else f"Not at {end}."
    return {
        "kind": kind,
        "start": f"{end - 2:.6f}",
        "end": f"{end:.6f}",
        "score": score,
        "why_not": why,
        **more,
    }


def test_the_strongest_window_goes_by_what_high_means() -> None:
    """High speaks against a face in blend, and for it in lipsync; the order is that of KINDS."""
    rows = [row("lipsync", 2, 0.5), row("lipsync", 3, -0.1), row("blend", 2, 1.0), row("blend", 3, 4.0)]
    blend, lipsync = summed(rows)
    assert (blend["kind"], blend["strongest"]["score"], blend["median"]) == ("blend", 4.0, 2.5)
    assert lipsync["median"] == pytest.approx(0.2)
    assert (lipsync["kind"], lipsync["strongest"]["score"], lipsync["strongest"]["end"]) == (
        "lipsync",
        -0.1,
        3.0,
    )


def test_windows_that_do_not_apply_are_counted() -> None:
    """With their sentences, the last one by itself."""
    (test,) = summed([row("pulse", 2, None), row("pulse", 3, None), row("pulse", 12, 0.4)])
    assert (test["applied"], test["silent"]) == (1, 2)
    assert test["why_not"] == {"Not at 2.": 1, "Not at 3.": 1}
    assert test["last_why_not"].startswith("Not at 3")


def test_a_long_track_is_thinned_and_loses_no_peak() -> None:
    """Two hours of windows: no more points than a curve shows, the highest among them, in order of time."""
    rows = [row("blend", 0.5 * n + 2, 9.0 if n == 7001 else 0.0) for n in range(14400)]
    (test,) = summed(rows)
    assert len(test["points"]) <= 600
    assert max(point["score"] for point in test["points"]) == 9.0
    ends = [point["end"] for point in test["points"]]
    assert ends == sorted(ends)
    table = windows_of(rows, [])
    assert len(table) <= 41
    assert max(line["scores"]["blend"] for line in table) == 9.0


def test_the_table_has_a_row_for_every_end() -> None:
    """A kind that ended nowhere is missing, one that did not apply is null."""
    rows = [row("blend", 2, 1.0), row("pulse", 3, None)]
    moments = [{"start": "0", "end": "2.000000", "probability": 0.7}]
    first, second = windows_of(rows, moments)
    assert (first["scores"], first["probability"]) == ({"blend": 1.0}, 0.7)
    assert (second["scores"], second["probability"]) == ({"pulse": None}, None)
    assert windows_of([], []) == []
    close = windows_of([row("blend", 2, 1.0), row("drift", 2.04, 2.0), row("blend", 3, 0.0)], [])
    assert [line["scores"] for line in close] == [{"blend": 1.0, "drift": 2.0}, {"blend": 0.0}]


def test_maps_are_the_strongest_and_stand_apart() -> None:
    """A map is shown once, windows that overlap by half count as one, and order is that of time."""
    rows = [
        row("blend", 2 + n / 2, float(n), heat=f"heat/{n // 2}.png", face=None, heat_frame=n)
        for n in range(9)
    ]
    shown = maps_of(rows)
    assert [one["score"] for one in shown] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert maps_of([row("pulse", 2, None, heat="heat/0.png")]) == []


def test_seconds_in_question_are_joined() -> None:
    """Overlapping windows become one stretch; what lies below stays out."""
    given = [(0, 2, 0.9), (1, 3, 0.6), (3, 5, 0.4), (4, 6, 0.5), (7, 8, None)]
    moments = [{"start": str(a), "end": str(b), "probability": p} for a, b, p in given]
    assert stretches(moments, 0.5) == [[0.0, 3.0], [4.0, 6.0]]


def test_moments_of_older_runs_end_with_their_track() -> None:
    """They were told on a grid; how long its windows are is known from those within."""
    given = [(5, 5.5, 0.9), (5.5, 6, 0.6), (6, 6.5, 0.7), (7, 7.5, None)]
    moments = [{"start": f"{a:.6f}", "end": f"{b:.6f}", "probability": p} for a, b, p in given]
    kept = within(moments, 5.04, 6.1)
    assert [(one["start"], one["end"]) for one in kept[:3]] == [
        ("5.040000", "5.500000"),
        ("5.500000", "6.000000"),
        ("6.000000", "6.100000"),
    ]
    assert [one["probability"] for one in kept] == [0.9, 0.6, 0.7, None]
    assert stretches(kept, 0.5) == [[5.04, 6.1]]
    assert moment_length(moments) == 0.5
    assert moment_length([]) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.96, "1:00.0"), (92.25, "1:32.2"), (3725.5, "1:02:05.5"), (-1.5, "-1.5 s")],
)
def test_times_are_told(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_words() -> None:
    """Spans share their unit; nothing is certain."""
    assert span(3, 4.5) == "3.0–4.5 s"
    assert span(59, 61) == "59.0 s–1:01.0"
    assert spans([[0, 1], [2, 3], [4, 5]], most=2) == "0.0–1.0 s, 2.0–3.0 s and 1 more"
    assert [share(value).replace("\u202f", " ") for value in (0.001, 0.5, 0.9999)] == [
        "below 1 %",
        "50 %",
        "above 99 %",
    ]


def test_axes() -> None:
    """Ticks are few, round and inside; values beyond a unit's usual span widen it."""
    assert ticks(0, 12.4) == [0, 2, 4, 6, 8, 10, 12]
    assert len(ticks(1.4, 2.1)) <= 9
    assert len(ticks(0, 36000)) <= 9
    assert Axis(2, 4).at(3) == 50
    assert Axis(2, 4).at(9) == 100
    wide = range_of("standard deviations", [9.0])
    assert (wide.low, wide.high) == (0, 9)
    assert range_of("log odds", [-3.2]).at(0) == 50
    assert range_of("standard deviations", [-2.9]).marks == (-3, 0, 4)


def test_tools_are_named_from_what_the_file_says() -> None:
    """Texts of the container, the manifest's generator and actions, and vidface's own mark."""
    declared = {
        "metadata": {"encoder": "HandBrake 1.9.0", "comment": "made with vidface 0.5.0"},
        "manifest": {"generator": "Adobe Premiere Pro 25", "actions": [{"software": "CapCut 5"}]},
    }
    assert tools_in(declared) == ["vidface", "Adobe Premiere", "CapCut", "HandBrake"]
    assert tools_in({"metadata": {"handler_name": "VideoHandler"}}) == []
    assert tools_in({"mark": {"nodes": []}}) == ["vidface"]


def test_what_was_done_is_known_from_vidface_alone() -> None:
    """Names of its nodes, in the mark or in its assertion; what another tool did is not guessed."""
    marked = {"mark": {"nodes": ["restore.face", "draw.boxes"]}}
    signed = {"manifest": {"provenance": {"nodes": [{"use": "stabilize.camera"}, {"use": "reenact.face"}]}}}
    assert done_to(marked) == ("restored",)
    assert done_to(signed) == ("stabilised", "generated")
    assert done_to({"metadata": {"encoder": "Topaz Video AI"}}) == ()
    hidden = "made with vidface 0.6.0; people hidden by: anonymize.faces"
    assert done_to({"metadata": {"comment": hidden}}) == ("anonymised",)


@pytest.mark.parametrize("nodes", [5, "x", [1], None, {"use": "restore.face"}, [{"use": 5}, [], None]])
def test_an_assertion_of_any_form_is_read(nodes: Any) -> None:
    """Anybody can sign one under vidface's label: what has not its form names nothing."""
    assert done_to({"manifest": {"provenance": {"nodes": nodes}}}) == ()
    assert done_to({"manifest": {"provenance": nodes}}) == ()


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"input": {"duration": "10", "start": "0"}, "from": None, "to": None}, None),
        ({"input": {"duration": "10", "start": "1/2"}, "from": 0.5, "to": 10.5}, None),
        ({"input": {"duration": "10"}, "from": 0.0, "to": 60.0}, None),
        ({"input": {"duration": "10"}, "from": 2.5, "to": None}, "2.5–10.0 s of 10.0 s"),
        ({"input": {"duration": "10"}, "to": 1.0}, "0.0–1.0 s of 10.0 s"),
        ({"input": {}, "from": 2.5}, "from 2.5 s"),
        ({"input": {"duration": "1.3", "start": "5"}, "to": 5.6}, "5.0–5.6 s of 5.0–6.3 s"),
        ({"input": {"duration": "1.3", "start": "1/25"}, "to": 0.6}, "0.0–0.6 s of 1.3 s"),
        ({"input": {"duration": None}, "from": 2.5, "to": 70.0}, "2.5 s–1:10.0"),
        ({"input": {"duration": "1/0"}, "from": "x", "to": []}, None),
    ],
)
def test_the_part_that_was_reviewed(manifest: dict[str, Any], said: str | None) -> None:
    """What run.json says of where the run was to begin and end, against what the file says of its length."""
    part = part_of(manifest)
    assert (None if part is None else str(part)) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"duration": "1.3", "start": "5"}, "1.3 s; its clock runs over 5.0–6.3 s"),
        ({"duration": "1.3", "start": "0"}, "1.3 s"),
        ({"duration": "1.3", "start": None}, "1.3 s"),
        ({"start": "5"}, None),
    ],
)
def test_the_length_of_a_clip_that_begins_late(given: dict[str, Any], said: str | None) -> None:
    assert length_words(given) == said


@pytest.mark.parametrize(
    ("state", "done"),
    [("trusted", ("restored",)), ("untrusted", ("restored",)), ("tampered", ()), ("invalid", ())],
)
def test_a_manifest_that_does_not_hold_declares_nothing(state: str, done: tuple[str, ...]) -> None:
    """It may be that of another file."""
    manifest = {"state": state, "provenance": {"nodes": [{"use": "restore.face"}]}}
    assert done_to({"manifest": manifest}) == done
