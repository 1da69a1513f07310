"""Camera: what a run over a live source needs to know, and what it has to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidface.data.source import Live, Source
from vidface.errors import UsageError
from vidface.graph.report import RunReport
from vidface.graph.settings import Settings

if TYPE_CHECKING:
    from vidface.media.live.options import LiveOptions


def live_options(settings: Settings) -> LiveOptions:
    """How a camera is watched.

    Raises:
        UsageError: `retry` is none of never, a number, forever.
    """
    from vidface.media.live.options import LiveOptions, silent
    from vidface.media.live.retry import retry_limit

    return LiveOptions(
        retry=retry_limit(settings.retry),
        transport=settings.rtsp_transport,
        staleness_s=settings.staleness,
        rotate=settings.rotate,
        tell=settings.tell or silent,
    )


def check_live(source: Source, settings: Settings) -> None:
    """Refuse what makes no sense for a camera.

    Raises:
        UsageError: a forensic run, which promises the same bytes again.
    """
    if source.info.live and settings.forensic:
        source.close()
        raise UsageError(
            f"--forensic promises the same bytes a second time, but {source.info.name} is live: record it "
            "first, then run over the file"
        )


def live_facts(source: Source, report: RunReport | None) -> dict[str, Any] | None:
    """For run.json; None where the source is a file."""
    if not isinstance(source, Live):
        return None
    latency = None if report is None else report.latency.to_json()
    ladder = None if report is None else report.ladder
    return {**source.facts(), "latency_ms": latency, "ladder": ladder}


def finish(source: Source) -> bool:
    """Let a live source come to its end; False where the source is a file, which has one."""
    if not isinstance(source, Live):
        return False
    source.finish()
    return True
