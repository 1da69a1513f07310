"""Standard streams that are closed, or that take no more, as services and full disks leave them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media.make_clips import Clip, make


def shell(words: str, *more: object) -> subprocess.CompletedProcess[str]:
    """`sh -c`; "$0" is Python, and what follows are "$1", "$2" and so on."""
    argv = ["sh", "-c", words, sys.executable, *map(str, more)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_run_without_standard_streams(repo: Path, tmp_path: Path, closed: str) -> None:
    """It ends as any other; its first files are not taken for stderr."""
    clip = make(tmp_path / "clip.mp4", Clip(size=(32, 32), pts=(0, 1)))
    graph = repo / "graphs" / "detect.yaml"
    out = tmp_path / "out"
    done = shell(
        f'"$0" -m vidface run "$1" "$2" -o "$3" --outputs faces --set detect.min_score=0.9 {closed}',
        graph,
        clip,
        out,
    )
    assert done.returncode == 0
    assert json.loads((out / "run.json").read_text())["status"] == "done"
    assert len((out / "faces.jsonl").read_text().splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="wants Linux's full device")
def test_a_full_disk_is_no_bug() -> None:
    done = shell('"$0" -m vidface schema > /dev/full')
    assert done.returncode == 1
    assert done.stderr == "vidface: the output cannot be written: No space left on device\n"
