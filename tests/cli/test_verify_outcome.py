"""What a re-run of `vidface verify` compares: rows of every kind; and it tells what it did not compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import vidface
from tests.cli.test_main import call
from tests.cli.verified import NODE, forge
from tests.media.make_clips import Clip, make
from vidface.cli.verify import verify
from vidface.data.digest import readable_sha256
from vidface.graph.custody import MANIFEST, add_files

TABLE = {"use": "table", "in": {"frame": "source", "faces": "walk"}}
VIDEO = {"use": "video", "in": {"frame": "source"}}


def made(folder: Path, outputs: Mapping[str, Any], **options: Any) -> Path:
    """Two seconds of the toy that remembers, in `folder/out`."""
    clip = make(folder / "clip.mp4", Clip(size=(32, 32), pts=tuple(range(8)), time_base=Fraction(1, 4)))
    (folder / "walk.py").write_text(NODE)
    graph = folder / "walk.yaml"
    nodes = {"walk": {"use": "./walk.py", "in": {"frame": "source"}}}
    graph.write_text(json.dumps({"version": 1, "device": "cpu", "nodes": nodes, "outputs": outputs}))
    for _ in vidface.run(graph, clip, folder / "out", **options):
        pass
    return folder / "out"


def reseal(run: Path, *without: str) -> None:
    """All digests anew, as somebody would who knows the form of run.json."""
    stated = json.loads((run / MANIFEST).read_text())["files_sha256"]
    names = [name for name in stated if name not in without]
    forge(run, files_sha256={name: readable_sha256(run / name) for name in names})


def verified(run: Path, *words: str) -> Result:
    return CliRunner().invoke(verify, [str(run), "--run-nodes", "--sample", "all", *words])


def rerun(run: Path) -> dict[str, tuple[str, str]]:
    """Name -> state and text of each check of the re-run."""
    checks = json.loads(verified(run, "--json").output)["checks"]
    return {one["name"]: (one["state"], one["text"]) for one in checks if one["what"] == "re-run"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_forged_table_with_fitting_digests_differs(tmp_path: Path, form: str) -> None:
    """Of a run that is not forensic, too: its rows are compared as lines of JSON are."""
    if form == "parquet":
        pytest.importorskip("pyarrow")
    run = made(tmp_path, {"rows": TABLE | {"with": {"format": form}}})
    name = f"rows.{form}"
    assert rerun(run) == {name: ("same", "8 rows, the whole run")}
    if form == "csv":
        lines = (run / name).read_text().splitlines()
        edited = [*lines[:3], lines[3].replace("0.5", "0.9"), *lines[4:]]
        (run / name).write_text("\n".join(edited) + "\n")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(run / name)
        scores = pa.array([0.5, 0.5, 0.9, *[0.5] * 5], pa.float32())
        pq.write_table(table.set_column(table.column_names.index("score"), "score", scores), run / name)
    reseal(run)
    state, text = rerun(run)[name]
    assert state == "differs"
    assert text.startswith("1 of 8 rows differ, the first is row 3: ")
    assert verified(run).exit_code == 1
    (run / name).write_bytes(b"no\x00 table")
    reseal(run)
    assert rerun(run)[name][0] == "differs"


def test_a_forged_video_is_not_called_the_same(tmp_path: Path) -> None:
    """Of a run that is not forensic nobody knows its bytes again: that is told, and nothing is promised."""
    run = made(tmp_path, {"faces": "walk", "video": VIDEO})
    (run / "video.mp4").write_bytes(b"another film")
    reseal(run)
    done = verified(run)
    assert done.exit_code == 0
    assert "not checked video.mp4: bytes are compared of --forensic runs only" in done.output
    assert done.output.endswith("what was checked is the same; not checked: re-run of video.mp4\n")


def test_a_re_run_that_compares_nothing_says_so(tmp_path: Path) -> None:
    run = made(tmp_path, {"video": VIDEO})
    done = verified(run)
    assert "not checked nothing that the run wrote could be compared" in done.output
    last = done.output.splitlines()[-1]
    assert last.startswith(
        "the folder is what run.json says, but the re-run tells nothing of it; not checked"
    )
    told = CliRunner().invoke(verify, [str(run), "--run-nodes", "--sample", "1"]).output
    assert "--sample all compares tables and lists, if there are any, with a run to the end" in told


def test_a_forensic_run_knows_a_forged_video_and_files_that_came_or_went(tmp_path: Path) -> None:
    run = made(tmp_path, {"faces": "walk", "video": VIDEO}, forensic=True)
    (run / "report.html").write_text("x")
    add_files(run, "report", ["report.html"])
    assert rerun(run)["video.mp4"] == ("same", "")
    assert rerun(run)["report.html"] == ("unchecked", "it was made after the run, and no run makes it again")
    (run / "video.mp4").write_bytes(b"another film")
    (run / "tracks.jsonl").unlink()
    reseal(run, "tracks.jsonl")
    found = rerun(run)
    assert found["video.mp4"] == ("differs", "other bytes came out")
    assert found["tracks.jsonl"] == ("differs", "the graph writes it, but run.json names no such file")
    assert found["faces.jsonl"][0] == "same"


def test_outputs_that_were_left_out_are_no_files_that_were_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`vidface run --outputs faces` says so in run.json; of a run.json that does not, nobody knows."""
    made(tmp_path, {"faces": "walk", "rows": TABLE})
    run = tmp_path / "chosen"
    words = (tmp_path / "walk.yaml", tmp_path / "clip.mp4", "-o", run, "--outputs", "faces", "-q")
    assert call(monkeypatch, tmp_path, "run", *words) == 0
    assert set(rerun(run)) == {"faces.jsonl", "tracks.jsonl"}
    forge(run, settings=json.loads((run / MANIFEST).read_text())["settings"] | {"outputs": None})
    assert rerun(run)["rows.csv"][0] == "unchecked"


def test_a_part_of_a_forensic_run_says_what_it_left_out(tmp_path: Path) -> None:
    """A run that ended early: its rows are compared, its video is not."""
    run = made(tmp_path, {"faces": "walk", "rows": TABLE, "video": VIDEO}, forensic=True)
    forge(run, status="stopped")
    found = rerun(run)
    assert found["rows.csv"] == ("same", "8 rows, its 8 frames")
    assert found["video.mp4"][0] == "unchecked"
    assert "--sample all" in found["video.mp4"][1]


def test_many_files_that_were_not_compared_stand_in_one_line() -> None:
    from vidface.cli.verify import _lines, _sum
    from vidface.graph.verify import Check

    checks = [Check("re-run", f"{number}.jpg", "unchecked", "why") for number in range(40)]
    assert list(_lines(checks)) == [
        "re-run     not checked 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg and 35 more: why"
    ]
    assert _sum(checks).endswith("re-run of 4.jpg and 35 more")
