"""Lineage: what came through a generating node is synthetic, what was only measured by one is not."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tests.graph.toys import Collect, plan_of
from vidface.data import Faces, Frame
from vidface.data.finding import Findings
from vidface.graph.lineage import files_of, hiders_of, makers_of, provenance_of
from vidface.graph.plan import Plan
from vidface.node import Node
from vidface.sinks.findings import FindingsSink


class Restore(Node):
    """Changes pictures."""

    generates = True

    def process(self, frame: Frame) -> Frame:
        return frame

    def models(self) -> tuple[str, ...]:
        return ("net",)


class Puppet(Node):
    """Makes pictures of a person anew."""

    generates = True
    needs_consent: ClassVar[bool] = True
    source: tuple[Path, ...] = ()
    save_motion: Path | None = None
    saved: Path | None = None
    title: str = ""

    def creates(self) -> bool:
        return True

    def process(self, frame: Frame) -> Frame:
        return frame


class Detect(Node):
    """Finds faces on any picture."""

    def process(self, frame: Frame) -> Faces:
        return Faces.none()


class Draw(Node):
    """Boxes onto a picture."""

    def process(self, frame: Frame, faces: Faces) -> Frame:
        return frame


PLAN = plan_of(
    [
        ("restore", Restore(), {"frame": "source"}),
        ("detect", Detect(), {"frame": "restore"}),
        ("puppet", Puppet(), {"frame": "source"}),
        ("on_source", Draw(), {"frame": "source", "faces": "detect"}),
        ("on_restored", Draw(), {"frame": "restore", "faces": "detect"}),
        ("on_puppet", Draw(), {"frame": "puppet", "faces": "detect"}),
    ]
)
MODELS = {"net": "ab" * 32}


def made(plan: Plan, output: str) -> dict[str, object] | None:
    """The facts of an output that a test compares."""
    outlet = next(item for item in plan.outlets if item.name == output)
    found = provenance_of(plan, outlet, MODELS)
    if found is None:
        return None
    return {
        "nodes": [node.name for node in found.nodes],
        "models": [model.name for model in found.models],
        "created": found.created,
        "labelled": found.labelled,
    }


def test_boxes_found_on_a_restored_picture_leave_the_original_real() -> None:
    """Only what pictures come through counts."""
    assert made(PLAN, "on_source") is None
    assert made(PLAN, "detect") is None


def test_a_restored_picture_is_a_changed_one() -> None:
    """Its input is a parent, no label; every node it depends on is named."""
    assert made(PLAN, "on_restored") == {
        "nodes": ["restore", "detect", "on_restored"],
        "models": ["net"],
        "created": False,
        "labelled": False,
    }


def test_a_picture_made_anew_takes_nothing_from_the_driver() -> None:
    """The frame that steers it is no part of it; the label follows from consent."""
    assert made(PLAN, "on_puppet") == {
        "nodes": ["restore", "detect", "puppet", "on_puppet"],
        "models": ["net"],
        "created": True,
        "labelled": True,
    }


class Judge(Node):
    """Looks at pictures for traces, and keeps crops of them."""

    def process(self, frame: Frame, faces: Faces) -> Findings:
        return Findings.none()


class Hide(Node):
    """Hides people."""

    hides_people = True

    def process(self, frame: Frame) -> Frame:
        return frame


def test_pictures_of_findings_are_those_that_were_looked_at() -> None:
    """Whatever frame is wired beside them; several tests may have looked at several."""
    plan = plan_of(
        [
            ("restore", Restore(), {"frame": "source"}),
            ("hide", Hide(), {"frame": "source"}),
            ("detect", Detect(), {"frame": "restore"}),
            ("fake", Judge(), {"frame": "restore", "faces": "detect"}),
            ("real", Judge(), {"frame": "source", "faces": "detect"}),
            ("hidden", Judge(), {"frame": "hide", "faces": "detect"}),
        ],
        [
            ("synthetic", FindingsSink(), {"frame": "source", "blend": "real", "texture": "fake"}),
            ("original", FindingsSink(), {"frame": "restore", "blend": "real"}),
            ("covered", FindingsSink(), {"frame": "source", "blend": "hidden"}),
        ],
    )
    found = made(plan, "synthetic")
    assert found is not None
    assert (found["models"], found["created"]) == (["net"], False)
    assert made(plan, "original") is None
    hiders = {outlet.name: hiders_of(plan, outlet) for outlet in plan.outlets}
    assert hiders == {"synthetic": (), "original": (), "covered": ("Hide",)}


def test_files_that_fields_name(tmp_path: Path) -> None:
    """Paths, also in tuples, and texts that are files; never what a node writes (`save_...`)."""
    face, text = tmp_path / "a.png", tmp_path / "b.txt"
    text.write_text("x")
    node = Puppet(source=(face, tmp_path), save_motion=tmp_path / "m.json", saved=face, title=str(text))
    plan = plan_of([("me", node, {"frame": "source"})], [("o", Collect(), {"value": "me"})])
    found = [(item.name, item.path) for item in files_of(plan.steps)]
    assert found == [("me.source", face), ("me.source", tmp_path), ("me.saved", face), ("me.title", text)]
    assert [step.name for step in makers_of(plan, plan.outlets[0])] == ["me"]
