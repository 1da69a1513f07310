"""Unused: what of options and input a run leaves out of account, in sentences: somebody may count on it."""

from __future__ import annotations

from collections.abc import Iterator

from vidface.data.source import SourceInfo
from vidface.graph.plan import Plan
from vidface.graph.settings import Settings

_PICTURES = "images"
"""Container of a folder of pictures, and of one picture."""


def unused(plan: Plan, info: SourceInfo, settings: Settings) -> tuple[str, ...]:
    """A sentence for each option that has nothing to work on, and one for pixels that are not square."""
    return (*_of_input(info, settings), *_of_graph(plan, info, settings), *_of_pixels(info))


def _of_pixels(info: SourceInfo) -> Iterator[str]:
    """Nodes measure in pixels: what is stretched is measured, and recognised, as a stretched face."""
    ratio = info.extra.get("sample_aspect_ratio")
    if ratio:
        yield (
            f"{info.name} has pixels of {ratio} (wide to high), and faces are measured and recognised as it "
            "stores them, stretched: for numbers to rely on run it with --square"
        )


def _of_input(info: SourceInfo, settings: Settings) -> Iterator[str]:
    if settings.rate is not None and info.container != _PICTURES:
        yield f"--rate {settings.rate:g} is for folders of pictures; {info.name} has times of its own"
    if settings.square and "made_square" not in info.extra:
        yield f"--square has nothing to do: pixels of {info.name} are square, as far as it says"
    if info.live:
        return
    plain = Settings()
    names = {"retry": "--retry", "staleness": "--staleness", "rtsp_transport": "--rtsp-transport"}
    for field, option in names.items():
        value = getattr(settings, field)
        if value != getattr(plain, field):
            yield f"{option} {value} is for cameras; {info.name} is none"


def _of_graph(plan: Plan, info: SourceInfo, settings: Settings) -> Iterator[str]:
    if settings.consent is not None and not any(step.node.needs_consent for step in plan.steps):
        yield "--consent is not needed by any node of the graph; run.json keeps the statement"
    sounds = any("audio" in type(outlet.sink).model_fields for outlet in plan.outlets)
    if settings.audio is not None and not (sounds or plan.hears or info.container == _PICTURES):
        yield "--audio is heard by no node of the graph, and no output of it has sound"
