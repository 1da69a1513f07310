"""The sink of skull motions: a line a frame, null where there was no mesh."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vidface.data import Faces
from vidface.data.transform import Transforms
from vidface.errors import UsageError
from vidface.media.pixels import frame_from_rgb
from vidface.sinks.transforms import TransformsSink

FRAME = frame_from_rgb(np.zeros((4, 4, 3), np.uint8), 7)


def sink(target: Path) -> TransformsSink:
    """A started sink that writes NAME.jsonl into the folder."""
    from vidface.data.source import SourceInfo
    from vidface.node import Target

    info = SourceInfo.__new__(SourceInfo)
    one = TransformsSink()
    one.start(Target(target, "transforms", info))
    return one


def test_a_line_has_matrix_and_scale_or_null(tmp_path: Path) -> None:
    """A similarity of scale 2, and a row without a motion; the file is for the owner only."""
    matrices = np.stack([np.diag([2.0, 2, 2, 1]), np.full((4, 4), np.nan)])
    one = sink(tmp_path)
    one.process(FRAME, Faces.of([(0, 0, 1, 1)] * 2, tracks=[3, -1]), Transforms.of(matrices))
    assert one.finish() == {"files": ["transforms.jsonl"], "rows": 1, "transforms": 1}
    one.close()
    path = tmp_path / "transforms.jsonl"
    line = json.loads(path.read_text())
    assert (line["frame"], line["time"]) == (7, "0.000000")
    assert line["faces"][0] == {"track": 3, "matrix": np.diag([2.0, 2, 2, 1]).tolist(), "scale": 2.0}
    assert line["faces"][1] == {"track": None, "matrix": None, "scale": None}
    assert path.stat().st_mode & 0o777 == 0o600


def test_rows_must_fit(tmp_path: Path) -> None:
    """Transforms of other faces are refused by name."""
    one = sink(tmp_path)
    with pytest.raises(UsageError, match="transforms has 1 rows for 2 faces"):
        one.process(FRAME, Faces.of([(0, 0, 1, 1)] * 2), Transforms.none(1))
    one.close()
    one.close()


def test_transforms_without_rows_say_nothing_of_any_face(tmp_path: Path) -> None:
    """A node that skipped the frame measured nobody: each face gets its line, without a motion."""
    one = sink(tmp_path)
    one.process(FRAME, Faces.of([(0, 0, 1, 1)] * 2, tracks=[3, -1]), Transforms.none())
    assert one.finish()["transforms"] == 0
    one.close()
    line = json.loads((tmp_path / "transforms.jsonl").read_text())
    nothing = {"matrix": None, "scale": None}
    assert line["faces"] == [{"track": 3, **nothing}, {"track": None, **nothing}]
