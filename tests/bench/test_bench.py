"""`vidface bench`: what is reported is what the runs gave, and every frame is accounted for."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from vidface.bench import work
from vidface.bench.job import Begin, Case, Job, RunCost, Spread
from vidface.bench.measure import Request, Result, _jobs, in_process
from vidface.bench.plot import Bar, bars
from vidface.bench.text import dearest, report
from vidface.bench.work import added, decode_case, graph_case
from vidface.data import Device
from vidface.data.card import Card
from vidface.errors import UsageError
from vidface.graph.oncard import Placement
from vidface.graph.plan import load
from vidface.media.benchclip import bench_clip, decoded_frames
from vidface.media.decode import open_source
from vidface.media.probe import probe

FACES: dict[str, Any] = {
    "version": 1,
    "device": "cpu",
    "nodes": {"detect": {"use": "detect.face", "in": "source", "with": {"every": 10, "width": 160}}},
    "outputs": {"faces": "detect"},
}


def row(use: str, name: str, cpu: float) -> dict[str, Any]:
    return {"use": use, "name": name, "cpu_ms_per_frame": cpu, "ms_per_frame": 2 * cpu}


def case(name: str, *walls: float, nodes: tuple[dict[str, Any], ...] = (), lost: int = 0) -> Case:
    runs = tuple(RunCost(100, 100 - lost, wall, wall / 2, nodes=nodes) for wall in walls)
    return Case(name, "graph", runs, 123.4)


def test_a_spread_is_the_median_with_its_ends() -> None:
    assert Spread.of([3.0, 1.0, 10.0]) == (3.0, 1.0, 10.0)
    assert case("a", 1.0, 2.0, 4.0).rate() == (50.0, 25.0, 100.0)
    assert case("a", 1.0, 2.0, 4.0).cpu_ms().median == 10.0


def test_jobs_and_cases_come_back_from_json_as_they_went() -> None:
    job = Job("graph", "x", "clip.mp4", FACES, ("a.b=1",), ("faces",), seconds=0.1)
    assert Job.of(json.loads(json.dumps(job.to_json()))) == job
    one = case("a", 1.0, nodes=(row("detect.face", "detect", 1.0),))
    plain = json.loads(json.dumps(one.to_json()))
    assert plain["frames_per_second"]["median"] == 100.0
    assert Case.of({key: plain[key] for key in Case.__slots__ if key in plain}) == one


def test_a_node_stands_where_it_costs_most_and_outputs_of_its_name_are_not_mixed_in() -> None:
    nodes = (row("mesh.measures", "measures", 2.0), row("table", "measures", 9.0))
    found = dearest(
        [case("cheap", 1.0, nodes=(row("mesh.measures", "m", 1.0),)), case("dear", 1.0, nodes=nodes)]
    )
    assert {use: (where.name, name) for use, (where, name) in found.items()} == {
        "mesh.measures": ("dear", "measures"),
        "table": ("dear", "measures"),
    }
    assert found["mesh.measures"][0].node("mesh.measures", "measures", "cpu_ms_per_frame").median == 2.0


def facts() -> dict[str, Any]:
    clip = {"name": "c.mp4", "size": [1920, 1080], "codec": "h264", "bytes": 1_000_000}
    return {
        "clip": clip,
        "machine": {"cores": 2, "processor": "P"},
        "packages": {"av": "18"},
        "card": None,
        "device": "cpu",
        "date": "2026-01-01",
        "runs": 2,
        "seconds_a_run": 1.5,
        "load_average": {"before": [0.1], "after": [1.2]},
    }


def test_the_report_shows_losses_and_what_could_not_be_measured() -> None:
    cases = (
        case("decode only", 1.0),
        case("lossy", 2.0, 2.0, lost=3),
        Case("absent", "graph", why_not="wav2lip is not here."),
        replace(case("large", 2.0), peak_mb=613.4),
    )
    text = report(Result(facts(), cases, (Begin("vidface --help", (0.2,), (0.1,)),), ("a.node",)))
    assert "| lossy | 48.5 (48.5-48.5) | 0.48 |" in text
    assert "| 123 | 100, 97 | 6 |" in text
    assert "| absent | not measured: wav2lip is not here. |" in text
    assert "Not measured: a.node." in text
    assert "Peak above 600 MB, the aim at 1080p on a CPU: large (613)." in text
    small = Result(facts(), cases[:2], (Begin("vidface --help", (0.2,), (0.1,)),), ())
    assert "Peak above 600 MB, the aim at 1080p on a CPU: none." in report(small)
    assert "| vidface --help | 0.20 (0.20-0.20) | 0.10 (0.10-0.10) |" in text


def test_a_card_is_given_nvdec_and_several_streams() -> None:
    """On a CPU the cases are those of old."""
    jobs = {job.name: job for job in _jobs(Request(device="cuda:1"), ["graphs/a.yaml"], "clip.mp4")}
    assert list(jobs) == ["decode only", "decode only, NVDEC", "a", "a, 4 at once"]
    assert [job.device for job in jobs.values()] == [None, "cuda:1", "cuda:1", "cuda:1"]
    assert jobs["a, 4 at once"].streams == 4
    for device in (None, "cpu"):
        cases = [job.name for job in _jobs(Request(device=device), ["graphs/a.yaml"], "clip.mp4")]
        assert cases == ["decode only", "a"]


def test_runs_at_once_are_added_up_and_the_report_shows_the_card() -> None:
    copied = {"pictures_to_host": {"copies": 50, "bytes": 100_000_000}}
    one = RunCost(100, 100, 2.0, 1.0, card_mb=900.0, copies=copied)
    both = added([one, replace(one, card_mb=1000.0)], 2.5, 2.0)
    assert (both.processed, both.wall_s, both.card_mb) == (200, 2.5, 1000.0)
    assert both.copies == {"pictures_to_host": {"copies": 100, "bytes": 200_000_000}}
    cases = (case("decode only", 1.0), Case("track, 2 at once", "graph", (both,)))
    text = report(Result(facts(), cases, (), ()))
    assert "| track, 2 at once | 80.0 (80.0-80.0) | 0.80 |" in text
    assert "| track, 2 at once | 1000 | 1.000 (0.50) | - |" in text
    assert "On the card" not in report(Result(facts(), cases[:1], (), ()))


def test_bars_are_as_long_as_their_logarithm() -> None:
    svg = ET.fromstring(bars("T & t", "fps", [Bar(n, Spread(v, v, v)) for n, v in (("a<b", 10), ("c", 100))]))
    ns = "{http://www.w3.org/2000/svg}"
    wide = [float(item.attrib["width"]) for item in svg.findall(f"{ns}rect")[1:]]
    assert wide[1] > wide[0]
    assert "a<b" in [item.text for item in svg.findall(f"{ns}text")]
    with pytest.raises(ValueError, match="above 0"):
        bars("t", "fps", [Bar("a", Spread(0, 0, 0))])


@pytest.fixture(scope="module")
def clip(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "clip.mp4"
    return bench_clip(samples / "two_people.mp4", path, times=2, size=(160, 96))


def test_the_clip_is_the_sample_so_many_times_over(clip: Path, samples: Path) -> None:
    """Frames at an even rate, no hole where the copies meet, and sound as long as the picture."""
    info, once = probe(clip), probe(samples / "two_people.mp4")
    assert (info.width, info.height) == (160, 96)
    assert info.audio[0]["codec"] == "aac"
    source = open_source(clip)
    times = [frame.time for frame in source.frames()]
    assert times == [Fraction(n, 25) for n in range(2 * (once.frames or 0))]
    assert source.holes() == ()
    assert decoded_frames(clip) == len(times)
    assert not list(clip.parent.glob("*.once.*"))


def test_a_case_runs_in_a_process_of_its_own_and_accounts_for_its_frames(clip: Path) -> None:
    found = in_process(Job("graph", "faces", str(clip), FACES, runs=2, seconds=0.01, least=30))
    assert found.why_not == ""
    assert [(run.decoded, run.processed, run.missing) for run in found.runs] == [(30, 30, 0)] * 2
    assert found.lost == 0
    assert found.peak_all_mb >= found.peak_mb > 10
    assert found.peak_all_mb >= found.runs[0].rss_mb > 10
    assert {row["use"] for row in found.runs[0].nodes} == {"pyav", "detect.face", "jsonl"}
    assert found.node("detect.face", "detect", "cpu_ms_per_frame").least > 0
    assert found.devices == {"detect": "cpu"}


def test_decoding_alone_takes_as_many_frames_each_time(clip: Path) -> None:
    found = in_process(Job("decode", "decode only", str(clip), runs=2, seconds=0.001, least=40))
    assert [run.processed for run in found.runs] == [40, 40]


def test_streams_run_at_once_and_all_their_frames_count(clip: Path) -> None:
    job = Job("graph", "two", str(clip), FACES, runs=1, seconds=0.01, least=30, streams=2)
    run = graph_case(job).runs[0]
    assert (run.decoded, run.processed, run.missing) == (60, 60, 0)
    assert (run.card_mb, run.copies) == (None, None)


def test_decoding_on_a_card_is_never_that_of_the_cpu(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the card does not decode there is a sentence; where it does, its frames are counted."""
    pytest.importorskip("torch", reason="torch is an extra")
    here = Placement({}, Card("cpu"), "a test")
    monkeypatch.setattr(work, "resolve", lambda text: Device("cuda"))
    monkeypatch.setattr(work, "placed", lambda devices: here)
    monkeypatch.setattr(work, "card_memory_mb", lambda index: 700.0)
    job = Job("decode", "decode only, NVDEC", str(clip), device="cuda", runs=1, seconds=0.001, least=20)
    monkeypatch.setattr("vidface.media.nvdec.nvdec_for", lambda *_: (None, "cpu: no NVDEC"))
    with pytest.raises(UsageError, match=r"NVDEC does not decode clip\.mp4: cpu: no NVDEC"):
        decode_case(job)
    monkeypatch.setattr("vidface.media.nvdec.nvdec_for", lambda *_: (None, "cuda:0: h264 by NVDEC"))
    run = decode_case(job).runs[0]
    assert (run.processed, run.card_mb) == (20, 700.0)


def test_what_cannot_run_is_a_case_with_the_reason(clip: Path) -> None:
    graph = {
        **FACES,
        "nodes": {"detect": {"use": "detect.face", "in": "source", "with": {"model": "nobody"}}},
    }
    found = in_process(Job("graph", "x", str(clip), graph, runs=1))
    assert found.runs == ()
    assert "nobody" in found.why_not


def test_every_node_that_ships_is_measured_or_known_not_to_be() -> None:
    """The graphs for nodes that no shipped graph has are sound."""
    from vidface.bench.extras import EXTRAS
    from vidface.graph.load_node import shipped as shipped_nodes
    from vidface.infer.shipped import shipped

    plans = [load(path, check_models=False) for path in shipped("graphs").glob("*.yaml")]
    plans += [load(graph, check_models=False) for graph in EXTRAS.values()]
    used = {step.use for plan in plans for step in plan.steps}
    assert set(shipped_nodes("vidface.nodes")) <= used
