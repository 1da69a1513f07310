"""A whole run on the sample clips: the Python API, run.json, independence of chunks, the same bytes twice."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

import vidface
from tests.media.make_clips import Clip, make
from vidface.errors import InputError, OutputExistsError, UsageError
from vidface.graph.custody import read_manifest
from vidface.graph.facts import package_facts
from vidface.graph.plan import load
from vidface.graph.rerun import check_rerun
from vidface.graph.verify import check_folder

TRACK: dict[str, Any] = {
    "version": 1,
    "device": "cpu",
    "nodes": {
        "detect": {"use": "detect.face", "in": "source", "with": {"every": 3}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "draw": {"use": "draw.boxes", "in": {"frame": "source", "faces": "track"}},
    },
    "outputs": {"video": "draw", "faces": "track"},
}
FACES = {**TRACK, "outputs": {"faces": "track"}}


def lines(run: vidface.Run) -> list[str]:
    """What faces.jsonl would hold, without the files."""
    return [json.dumps([tick.index, str(tick.time), list(tick["faces"].rows())]) for tick in run]


def test_the_python_api_yields_every_frame_with_its_time(samples: Path) -> None:
    run = vidface.run(FACES, samples / "walk_vfr.mkv")
    times = [tick.time for tick in run]
    truth = [json.loads(line) for line in (samples / "walk_vfr.truth.jsonl").read_text().splitlines()]
    assert [f"{float(time):.3f}" for time in times] == [f"{float(row['time']):.3f}" for row in truth]
    assert run.report.ledger.processed == len(truth)
    assert "detect.face" in run.report.table()


@pytest.mark.parametrize("chunk", [1, 5, 32])
def test_values_do_not_depend_on_the_chunk_size(samples: Path, chunk: int) -> None:
    """Bit for bit, with a real detector, tracker and scene cut: 2.4 seconds around the cut."""
    clip = samples / "two_people.mp4"
    wanted = lines(vidface.run(FACES, clip, start=6.6, stop=9.0, chunk=8))
    assert lines(vidface.run(FACES, clip, start=6.6, stop=9.0, chunk=chunk)) == wanted
    assert len(wanted) == 60


def test_the_cut_is_found_and_tracks_begin_anew(samples: Path) -> None:
    run = vidface.run(FACES, samples / "two_people.mp4", start=7.0, stop=8.6)
    before: set[int] = set()
    after: set[int] = set()
    for tick in run:
        (before if tick.time < 7.8 else after).update(tick["faces"].tracks.tolist())
    assert run.report.ledger.cuts == [20]
    assert before
    assert after
    assert not before & after


def test_two_forensic_runs_give_the_same_bytes(samples: Path, tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        for _ in vidface.run(TRACK, samples / "two_people.mp4", tmp_path / name, stop=1.5, forensic=True):
            pass
        hashes.append(json.loads((tmp_path / name / "run.json").read_text())["files_sha256"])
    assert hashes[0] == hashes[1]
    assert set(hashes[0]) == {"video.mp4", "faces.jsonl", "tracks.jsonl", "chain.jsonl"}
    assert all(len(value) == 64 for value in hashes[0].values())


def test_forensic_refuses_another_decoder_or_device(samples: Path) -> None:
    with pytest.raises(UsageError, match="runs on the CPU with PyAV"):
        vidface.run(FACES, samples / "rotated.mp4", forensic=True, device="cuda")


def test_a_part_without_a_frame_is_no_success(samples: Path) -> None:
    """Also for who calls from Python; a part that begins in time is."""
    with pytest.raises(InputError, match="there is no frame from --from 100 s on"):
        list(vidface.run(FACES, samples / "rotated.mp4", start=100.0))
    with pytest.raises(InputError, match="there is no frame before --to -1 s"):
        list(vidface.run(FACES, samples / "rotated.mp4", stop=-1.0))
    assert len(list(vidface.run(FACES, samples / "rotated.mp4", start=0.2, stop=0.24))) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stop": "x"}, "--to wants seconds, but found 'x'"),
        ({"start": float("nan")}, "--from wants seconds, but found nan"),
        ({"rate": "25"}, "--rate wants frames a second above 0, but found '25'"),
        ({"chunk": 1.5}, "--chunk wants a number of frames from 1, but found 1.5"),
        ({"outputs": "faces"}, "--outputs wants several texts, as in .'faces',., but found one: 'faces'"),
        ({"overrides": "detect.every=2"}, "--set wants several texts"),
    ],
)
def test_a_value_of_another_kind_is_named(samples: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        vidface.run(FACES, samples / "rotated.mp4", **options)


def test_a_graph_is_a_path_or_a_mapping() -> None:
    with pytest.raises(UsageError, match="the path of a file, or the same as a mapping, but found None"):
        load(None)  # type: ignore[arg-type]


def test_a_run_that_nobody_holds_any_more_has_stopped(samples: Path, tmp_path: Path) -> None:
    """Never iterated, never closed: run.json does not say for ever that it runs."""
    run = vidface.run(FACES, samples / "rotated.mp4", tmp_path / "o")
    del run
    gc.collect()
    assert json.loads((tmp_path / "o" / "run.json").read_text())["status"] == "stopped"


def test_run_json_stands_there_from_the_beginning(samples: Path, tmp_path: Path) -> None:
    """A killed run shows as "running"; one that was left early as "stopped", with what was done."""
    run = vidface.run(FACES, samples / "rotated.mp4", tmp_path / "o")
    assert json.loads((tmp_path / "o" / "run.json").read_text())["status"] == "running"
    with run:
        for tick in run:
            if tick.index == 10:
                break
    report = json.loads((tmp_path / "o" / "run.json").read_text())
    assert report["status"] == "stopped"
    assert report["ledger"]["written"]["faces"] == len(
        (tmp_path / "o" / "faces.jsonl").read_text().splitlines()
    )


@pytest.mark.parametrize("faces", ["track", "detect"])
def test_a_clip_of_nobody_has_a_list_of_tracks_where_they_were_looked_for(tmp_path: Path, faces: str) -> None:
    """An empty file behind a tracker; sealed, and the same again."""
    clip = make(tmp_path / "nobody.mp4", Clip(size=(64, 48), pts=(0, 1)))
    out = tmp_path / "out"
    for _ in vidface.run({**FACES, "outputs": {"faces": faces}}, clip, out):
        pass
    assert (out / "tracks.jsonl").exists() == (faces == "track")
    facts = read_manifest(out)
    assert [one for one in check_folder(out, facts) if one.bad] == []
    found = {one.name: one.state for one in check_rerun(out, facts, clip, sample="all")}
    assert found == dict.fromkeys(["faces.jsonl", *(["tracks.jsonl"] if faces == "track" else [])], "same")


def test_outputs_are_private_and_not_mixed(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    for _ in vidface.run(FACES, samples / "rotated.mp4", out, stop=0.2):
        pass
    assert out.stat().st_mode & 0o077 == 0
    assert (out / "faces.jsonl").stat().st_mode & 0o077 == 0
    with pytest.raises(OutputExistsError):
        vidface.run(FACES, samples / "rotated.mp4", out)
    (out / "tracks.jsonl").write_text("stale")
    for _ in vidface.run(TRACK, samples / "rotated.mp4", out, stop=0.2, overwrite=True, outputs=("video",)):
        pass
    assert {path.name for path in out.iterdir()} == {"video.mp4", "run.json"}


def test_a_trace_is_json_that_perfetto_reads(samples: Path, tmp_path: Path) -> None:
    for _ in vidface.run(FACES, samples / "rotated.mp4", stop=0.4, trace=tmp_path / "t.json"):
        pass
    events = json.loads((tmp_path / "t.json").read_text())
    calls = [event for event in events if event["ph"] == "X"]
    threads = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    assert {event["name"] for event in calls} >= {"decode", "detect", "track"}
    assert all(event["dur"] >= 0 and event["tid"] in threads for event in calls)
    assert "decode" in threads.values()


@pytest.mark.parametrize(
    "graph", sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_shipped_graph_runs(graph: Path, samples: Path, tmp_path: Path) -> None:
    if "norfair" in graph.stem:
        pytest.importorskip("norfair")
    consent = "The project drew or chose everybody in its samples itself."
    run = vidface.run(graph, samples / "rotated.mp4", tmp_path / "o", stop=0.4, consent=consent)
    assert len(list(run)) == 10
    assert all(count == 10 for count in run.report.ledger.written.values())


@pytest.mark.parametrize(
    "graph", sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_shipped_trackers_wait_for_the_next_look(graph: Path) -> None:
    """A face that is not sure is believed at the second look, and given from the first one on only if the
    window still holds that: every graph waits for it, but the one for cameras, which waits for nothing."""
    plan = load(graph, check_models=False)
    nodes = {step.name: step.node for step in plan.steps}
    for step in plan.steps:
        if step.use.startswith("track.") and graph.stem != "watch":
            every = getattr(nodes[step.wires["faces"]], "every", 1)
            assert getattr(step.node, "look_ahead", every) >= every


def test_a_node_of_the_users_own_runs_from_a_file(samples: Path, tmp_path: Path) -> None:
    """The node and the graph of the README."""
    readme = (samples.parent / "README.md").read_text()
    code = readme.split("```python\n")[1].split("```")[0]
    (tmp_path / "big.py").write_text(code)
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        "version: 1\nnodes:\n"
        "  detect: {use: detect.face, in: source}\n"
        "  big: {use: ./big.py, in: detect, with: {min_height_px: 100}}\n"
        "outputs: {faces: big, all: detect}\n"
    )
    for tick in vidface.run(graph, samples / "two_people.mp4", stop=0.2):
        assert len(tick["faces"]) < len(tick["all"])


def test_the_graph_of_the_readme_is_sound(samples: Path, tmp_path: Path) -> None:
    readme = (samples.parent / "README.md").read_text()
    path = tmp_path / "readme.yaml"
    path.write_text(readme.split("```yaml\n")[1].split("```")[0])
    assert len(vidface.load(path).steps) == 3


def test_the_version_of_vidface_is_that_of_the_code_that_runs() -> None:
    """A checkout's metadata are those of the day it was installed."""
    assert package_facts()["vidface"] == vidface.__version__
