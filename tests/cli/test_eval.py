"""`vidface eval` as a user meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vidface.cli import main
from vidface.cli._meshrows import load_meshes
from vidface.errors import InputError


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run `vidface eval WORDS` in this process; gives the exit code."""
    monkeypatch.setattr(sys, "argv", ["vidface", "eval", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def line(number: int, *, key: str, box: tuple[float, ...], **more: object) -> str:
    """A frame with one face of number 1."""
    return json.dumps({"frame": number, "faces": [{key: 1, "box": box, **more}]})


def test_track_compares_lines_of_faces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A face found in one of two frames, and one that cannot be seen in the third: recall one half."""
    truth, result = tmp_path / "a.truth.jsonl", tmp_path / "faces.jsonl"
    rows = [line(i, key="id", box=(0, 0, 10, 10), visible=float(i < 2)) for i in range(3)]
    truth.write_text("\n".join(rows))
    found = [line(0, key="track", box=(0, 0, 10, 10)), '{"frame":1,"faces":[]}', '{"frame":2,"faces":[]}']
    result.write_text("\n".join(found))
    assert call(monkeypatch, "track", truth, result, "--json") == 0
    row = json.loads(capsys.readouterr().out)[str(result)]
    assert (row["mota"], row["misses"], row["truth"]) == (0.5, 1, 2)


def test_rows_without_a_track_are_no_one_track(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A detector's output over four frames: found everywhere, but one box of four is all that agrees."""
    truth, result = tmp_path / "a.truth.jsonl", tmp_path / "faces.jsonl"
    truth.write_text("\n".join(line(i, key="id", box=(0, 0, 10, 10)) for i in range(4)))
    bare = [{"frame": i, "faces": [{"track": None, "box": (0, 0, 10, 10)}]} for i in range(4)]
    result.write_text("\n".join(map(json.dumps, bare)))
    assert call(monkeypatch, "track", truth, result, "--json") == 0
    row = json.loads(capsys.readouterr().out)[str(result)]
    assert (row["idf1"], row["misses"], row["switches"], row["fragmentation"]) == (0.25, 0, 3, 4)


def test_files_that_do_not_fit_get_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other lengths are a usage error, other formats an input error, by name and without a traceback."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text(line(0, key="id", box=(0, 0, 1, 1)))
    two.write_text("\n".join(line(i, key="track", box=(0, 0, 1, 1)) for i in range(2)))
    assert call(monkeypatch, "track", one, two) == 2
    assert "has 1 frames, but" in capsys.readouterr().err
    assert call(monkeypatch, "track", two, two) == 3
    assert "cannot be read as lines of faces" in capsys.readouterr().err
    assert call(monkeypatch, "mesh", one, two) == 3
    err = capsys.readouterr().err
    assert "one.jsonl cannot be read as a file of meshes" in err
    assert "Traceback" not in err


def test_mesh_pairs_rows_by_frame(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same meshes moved by a pixel: two percent at 50 px between the eyes; a lost frame is counted."""
    points = np.random.default_rng(0).uniform(0, 100, (3, 478, 3))
    points[:, [33, 133], :2], points[:, [362, 263], :2] = (25, 40), (75, 40)
    np.savez(tmp_path / "a.npz", points=points, frame=np.arange(3), track=np.ones(3, int))
    np.savez(
        tmp_path / "b.npz", points=points[:2] + np.array((1, 0, 0)), frame=np.arange(2), track=np.ones(2)
    )
    assert call(monkeypatch, "mesh", tmp_path / "a.npz", tmp_path / "b.npz", "--json") == 0
    row = json.loads(capsys.readouterr().out)[str(tmp_path / "b.npz")]
    assert row["error, % of the inter-ocular distance, all"] == pytest.approx(2.0)
    assert (row["meshes compared"], row["meshes of the reference without one"]) == (2, 1)


def broken(folder: Path, what: str) -> Path:
    """A file of meshes that is none any more."""
    path = folder / "broken.npz"
    rows: dict[str, Any] = {"points": np.zeros((3, 478, 3)), "frame": np.arange(3), "track": np.ones(3, int)}
    if what == "68 points":
        rows["points"] = rows["points"][:, :68]
    elif what == "half frames":
        rows["frame"] = rows["frame"] + 0.5
    elif what == "two frames":
        rows["frame"] = rows["frame"][:2]
    elif what == "no frames":
        del rows["frame"]
    np.savez(path, **rows)
    data = bytearray(path.read_bytes())
    if what == "cut off":
        data = data[: len(data) // 2]
    elif what == "a byte flipped":
        data[200] ^= 255
    elif what == "empty":
        data.clear()
    path.write_bytes(data)
    if what == "a single array":
        with path.open("wb") as file:
            np.save(file, rows["points"])
    return path


@pytest.mark.parametrize(
    "what",
    [
        *("68 points", "half frames", "two frames", "no frames"),
        *("cut off", "a byte flipped", "empty", "a single array"),
    ],
)
def test_a_file_that_holds_no_meshes_gets_one_sentence(what: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"broken\.npz"):
        load_meshes(broken(tmp_path, what))


def test_faces_without_tracks_have_jitter_only_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two motionless faces that change rows have no jitter at all, and that is said; one face has its own."""
    points = np.random.default_rng(0).uniform(0, 100, (478, 3))
    two = [points, points + np.array((400, 0, 0))]
    swapped = [face for number in range(6) for face in (two if number % 2 else two[::-1])]
    for name, faces, count in (("one", [points] * 6, 1), ("two", swapped, 2)):
        frames = np.repeat(np.arange(6), count)
        np.savez(tmp_path / f"{name}.npz", points=faces, frame=frames, track=np.full(len(frames), -1))
    assert call(monkeypatch, "mesh", tmp_path / "one.npz", tmp_path / "two.npz", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out).values()
    assert (row["jitter, %, reference"], row["jitter, %, result"]) == (0, None)
    left = [key for key in row if "left out" in key]
    assert left == ["meshes left out of it (several faces, no tracks), result"]
    assert row[left[0]] == 12


def test_track_pairs_lines_by_their_frame(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines of a moving face in any order, with a BOM and a blank line, are those of its clip."""
    truth, result = tmp_path / "a.truth.jsonl", tmp_path / "faces.jsonl"
    boxes = [(20 * number, 0, 20 * number + 10, 10) for number in range(4)]
    truth.write_text("\n".join(line(i, key="id", box=box) for i, box in enumerate(boxes)))
    found = [line(i, key="track", box=box) for i, box in enumerate(boxes)]
    result.write_text("\ufeff" + "\n".join(found[::-1]) + "\n\n", encoding="utf-8")
    assert call(monkeypatch, "track", truth, result, "--json") == 0
    row = json.loads(capsys.readouterr().out)[str(result)]
    assert (row["mota"], row["false_alarms"], row["fragments"]) == (1, 0, 1)
    errors = row["misses"] + row["false_alarms"] + row["switches"]
    assert row["mota"] == 1 - errors / row["truth"]


def test_track_tells_of_boxes_that_were_filled_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, result = tmp_path / "a.truth.jsonl", tmp_path / "faces.jsonl"
    truth.write_text("\n".join(line(i, key="id", box=(0, 0, 10, 10)) for i in range(2)))
    filled = line(1, key="track", box=(0, 0, 10, 8), interpolated=True)
    result.write_text(line(0, key="track", box=(0, 0, 10, 10)) + "\n" + filled)
    assert call(monkeypatch, "track", truth, result, "--json") == 0
    row = json.loads(capsys.readouterr().out)[str(result)]
    assert (row["filled"], row["filled_iou"]) == (1, pytest.approx(0.8))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [line(1, key="track", box=(0, 0, 1, 1)), line(2, key="track", box=(0, 0, 1, 1))],
            "has a frame 0, but",
        ),
        ([line(0, key="track", box=(0, 0, 1, 1))] * 2, "line 2: frame 0 is there twice"),
        ([line(0, key="track", box=(0, 0, 1, 1)), '{"faces": []}'], "with and without frame"),
        (['{"frame": 0.5, "faces": []}'], "line 1: frame must be a whole number"),
        (['{"frame": 0, "faces": [{"box": [0, 0, 9, 9], "track": 1.5}]}'], "track must be a whole number"),
        (
            ['{"frame": 0, "faces": [{"box": [0, 0, 9, 9], "track": 1, "interpolated": "false"}]}'],
            "interpolated must be true or false",
        ),
        (['{"frame": 0, "faces": [{"box": [0, 0, 9, 9], "track": true}]}'], "track must be a whole number"),
        (
            ['{"frame": 0, "faces": [{"box": [0, 0, 9, 9], "track": 3}, {"box": [9, 0, 9, 9], "track": 3}]}'],
            "track 3 is there twice",
        ),
        (["[" * 200_000], "line 1"),
        (["", "{"], "faces with 'track': line 2: "),
        (['{"frame": 0, "faces": [{"track": 1e400, "box": [0, 0, 1, 1]}]}'], "line 1 cannot be read"),
        ([f'{{"frame": 0, "faces": [{{"track": {2**63}, "box": [0, 0, 1, 1]}}]}}'], "line 1 cannot be read"),
    ],
)
def test_lines_of_other_frames_are_refused(
    lines: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    truth, result = tmp_path / "a.truth.jsonl", tmp_path / "faces.jsonl"
    truth.write_text("\n".join(line(i, key="id", box=(0, 0, 1, 1)) for i in range(2)))
    result.write_text("\n".join(lines))
    assert call(monkeypatch, "track", truth, result) in (2, 3)
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_stabilize_measures_a_folder_of_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture cut out at another place each time: still against itself, moved against the whole."""
    coarse = np.random.default_rng(1).integers(0, 256, (20, 26), np.uint8)
    whole = np.kron(coarse, np.ones((10, 10), np.uint8))
    for name, step in (("steady", 0), ("shaky", 3)):
        (tmp_path / name).mkdir()
        for number in range(12):
            x = 10 + step * (number % 2)
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), whole[10:190, x : x + 240])
    steady, shaky = tmp_path / "steady", tmp_path / "shaky"
    words = ("stabilize", shaky, steady, "--baseline", shaky, "--no-faces", "--json")
    assert call(monkeypatch, *words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[str(steady)]["cropping_min"] == pytest.approx(1, abs=0.01)
    assert rows[str(steady)]["stability_min"] == 1
    assert rows[str(shaky)]["missing"] == rows[str(shaky)]["lost_steps"] == 0
    (steady / "12.png").write_bytes((steady / "11.png").read_bytes())
    assert call(monkeypatch, *words) == 2
    assert "ends after 12 frames, but the other goes on" in capsys.readouterr().err
