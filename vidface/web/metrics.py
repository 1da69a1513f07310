"""/metrics: the board's numbers in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from vidface.version import __version__
from vidface.web.board import Board, CameraView, Measure
from vidface.web.projector import Projector

_QUANTILES: Final = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}


class Meter:
    """Collects when it is asked; also tells memory, processor time and open files of the process."""

    def __init__(self, board: Board, projector: Projector) -> None:
        self._board = board
        self._projector = projector
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(namespace="", registry=self._registry)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        health = self._board.health()
        yield _one("build", "The program.", [({"version": __version__}, 1.0)])
        yield _one("start_time_seconds", "When it began, since 1970.", [({}, health.since_utc_s)])
        yield _one("failing", "1 where it does not do its work.", [({}, float(health.failing))])
        yield _one("page_views", "Pairs of a viewer and a camera.", [({}, float(self._projector.viewers))])
        yield _one(
            "page_pictures",
            "Pictures encoded for the live page.",
            [({}, float(self._projector.encoded))],
            rises=True,
        )
        yield from _cameras(self._board.cameras())
        yield from _grouped(self._board.metrics())


def _cameras(views: Iterable[CameraView]) -> Iterator[Metric]:
    some = [({"camera": one.name}, one) for one in views]
    yield _one("camera_up", "1 while pictures come.", [(on, one.status == "watched") for on, one in some])
    yield _one("camera_since_seconds", "When its status began.", [(on, one.since_utc_s) for on, one in some])
    yield _one("camera_faces", "In the newest picture.", [(on, one.faces) for on, one in some])
    rates = [(on, one.rate or 0) for on, one in some]
    yield _one("camera_rate", "Pictures a second that were looked at lately.", rates)
    yield _one("camera_steps", "Steps of the ladder in force.", [(on, len(one.steps)) for on, one in some])
    yield _one("camera_frames", "Pictures looked at.", [(on, one.frames) for on, one in some], rises=True)
    yield _one(
        "camera_connections", "Connections made.", [(on, one.connections) for on, one in some], rises=True
    )
    causes = [(on | {"cause": why}, count) for on, one in some for why, count in one.dropped.items()]
    yield _one("camera_dropped_frames", "Pictures not looked at.", causes, rises=True)
    waits = [
        (on | {"quantile": _QUANTILES[name]}, value / 1000)
        for on, one in some
        for name, value in one.latency_ms.items()
        if name in _QUANTILES
    ]
    yield _one("camera_latency_seconds", "From a picture's arrival to the last output.", waits)


def _grouped(measures: Iterable[Measure]) -> Iterator[Metric]:
    families: dict[str, list[Measure]] = {}
    for measure in measures:
        families.setdefault(measure.name, []).append(measure)
    for name, some in families.items():
        values = [(dict(one.labels), one.value) for one in some]
        yield _one(name, some[0].told, values, rises=some[0].kind == "counter")


def _one(
    name: str, told: str, values: Iterable[tuple[dict[str, str], float]], *, rises: bool = False
) -> Metric:
    rows = list(values)
    labels = list(rows[0][0]) if rows else []
    kind = CounterMetricFamily if rises else GaugeMetricFamily
    family = kind(f"vidface_{name}", told, labels=labels)
    for on, value in rows:
        family.add_metric([on.get(key, "") for key in labels], float(value))
    return family
