"""Runs over pictures on a card, tried on torch's CPU device with a stand-in for NVDEC; and on a card."""

from __future__ import annotations

import gc
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vidface
from vidface.data import Device
from vidface.data.card import Card
from vidface.graph import oncard, run
from vidface.graph.oncard import Placement, placed
from vidface.infer import devices
from vidface.media import nvdec
from vidface.media.opening import open_input

GRAPH = {
    "version": 1,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}, "with": {"every": 2}},
        "track": {"use": "track.faces", "in": {"frame": "source", "faces": "detect"}},
        "mesh": {"use": "mesh.face", "in": {"frame": "source", "faces": "track"}},
        "embed": {"use": "recognize.embed", "in": {"frame": "source", "faces": "track"}},
    },
    "outputs": {"faces": {"use": "jsonl", "in": {"faces": "track"}}},
}
DRAWN = {
    **GRAPH,
    "nodes": {
        "detect": {"use": "detect.face", "in": {"frame": "source"}},
        "draw": {"use": "draw.boxes", "in": {"frame": "source", "faces": "detect"}},
    },
    "outputs": {"video": "draw"},
}


class StandIn(nvdec.Nvdec):
    """What NVDEC gives, made in host memory: NV12 by DLPack, on torch's CPU device."""

    def __init__(self, card: Card) -> None:
        super().__init__(card, "h264")

    def open(self, path: str | Path) -> Any:
        return open_input(path)

    def pixels(self, frame: Any, colour: Any, turn: Any) -> Any:
        from vidface.media.cardpixels import CardPixels, card_planes

        planes = card_planes(frame.reformat(format="nv12"), colour)
        return CardPixels(planes, self._card, colour=colour, turn=turn, mark=self._card.mark())


@pytest.fixture
def on_card(monkeypatch: pytest.MonkeyPatch) -> Card:
    """Every run's pictures lie on a card."""
    pytest.importorskip("torch", reason="torch is an extra")
    card = Card("cpu")

    def put(known: dict[str, Device]) -> Placement:
        return Placement({name: replace(one, card=card) for name, one in known.items()}, card, "a test")

    monkeypatch.setattr(run, "placed", put)
    monkeypatch.setattr(nvdec, "nvdec_for", lambda path, info, card: (StandIn(card), f"{card}: stand-in"))
    return card


def rows(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "faces.jsonl").read_text().splitlines()]


def test_no_picture_leaves_the_card(on_card: Card, samples: Path, tmp_path: Path) -> None:
    """Detect, track, mesh and embed: run.json counts no copy of a picture or a crop in either direction."""
    for _ in vidface.run(GRAPH, samples / "two_people.mp4", tmp_path / "o", stop=1.0):
        pass
    told = json.loads((tmp_path / "o/run.json").read_text())["acceleration"]
    assert told["decoding"] == "cpu: stand-in"
    assert told["pictures"] == "cpu"
    assert set(told["models"]) == {"detect", "track", "mesh", "embed"}
    copies = told["copies"]
    assert {kind for kind, count in copies.items() if count["copies"]} == {
        "thumbnails_to_host",
        "results_to_host",
    }
    assert copies["thumbnails_to_host"]["bytes"] < 4000 * 30


def test_the_same_faces_come_out(on_card: Card, samples: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """The whole graph: boxes within a pixel of those found in host memory, the same tracks on every frame."""
    clip = samples / "two_people.mp4"
    for _ in vidface.run(GRAPH, clip, tmp_path / "there", stop=1.0):
        pass
    monkeypatch.setattr(run, "placed", Placement)
    for _ in vidface.run(GRAPH, clip, tmp_path / "here", stop=1.0):
        pass
    for one, other in zip(rows(tmp_path / "there"), rows(tmp_path / "here"), strict=True):
        assert one["time"] == other["time"]
        assert [face["track"] for face in one["faces"]] == [face["track"] for face in other["faces"]]
        for a, b in zip(one["faces"], other["faces"], strict=True):
            assert np.abs(np.array(a["box"]) - b["box"]).max() <= 1
    assert "acceleration" not in json.loads((tmp_path / "here/run.json").read_text())


def test_what_paints_gets_the_picture_once(on_card: Card, samples: Path, tmp_path: Path) -> None:
    """What draws and encodes in host memory works as ever; each picture is copied once, and counted."""
    for _ in vidface.run(DRAWN, samples / "two_people.mp4", tmp_path / "o", stop=0.4):
        pass
    told = json.loads((tmp_path / "o/run.json").read_text())
    assert told["acceleration"]["copies"]["pictures_to_host"]["copies"] == told["ledger"]["decoded"]
    assert told["acceleration"]["copies"]["inputs_to_card"]["copies"] == 0


def test_turned_clips_come_upright(on_card: Card, samples: Path, tmp_path: Path) -> None:
    """A rotated clip: the same boxes as in host memory."""
    found = [t["faces"] for t in vidface.run(GRAPH, samples / "rotated.mp4", tmp_path / "o", stop=0.4)]
    assert any(len(faces) for faces in found)
    assert on_card.traffic.copies("pictures_to_host") == 0


@pytest.mark.parametrize(
    ("lack", "pool", "why"),
    [
        ("torch is not installed", None, "cpu: torch is not installed"),
        (None, object(), "cpu: model sessions are shared among cameras"),
    ],
)
def test_pictures_stay_in_host_memory_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, lack: Any, pool: Any, why: str
) -> None:
    """Models on a card, pictures not: run.json says why."""
    monkeypatch.setattr(devices, "torch_lack", lambda index: lack)
    made = placed({"a": Device(), "b": Device("cuda", 1, pool=pool)})
    assert made.card is None
    assert made.devices["b"].card is None

    class Info:
        extra: dict[str, Any] = {}  # noqa: RUF012

    told = made.to_json(Info(), {"video": {"encoded_on": "cpu: libx264"}, "faces": {}})  # type: ignore[arg-type]
    assert told is not None
    assert told["pictures"].startswith(why)
    assert told["decoding"].startswith(why)
    assert told["models"] == {"a": "cpu", "b": "cuda:1"}
    assert told["encoding"] == {"video": "cpu: libx264"}
    assert told["copies"] is None


def test_a_card_that_torch_cannot_open_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is busy, or somebody has it alone: models may still run there."""

    def busy(name: str) -> Card:
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCompile with ...")

    monkeypatch.setattr(devices, "torch_lack", lambda index: None)
    monkeypatch.setattr(oncard, "Card", busy)
    made = placed({"a": Device("cuda", 1)})
    assert (made.card, made.devices) == (None, {"a": Device("cuda", 1)})
    busy_words = "CUDA error: all CUDA-capable devices are busy or unavailable"
    assert made.why == f"torch cannot open cuda:1 ({busy_words})"


def test_a_run_on_the_cpu_says_nothing_of_cards() -> None:
    made = oncard.placed({"a": Device()})
    assert made.card is None
    assert made.to_json(None, {}) is None  # type: ignore[arg-type]


@pytest.mark.gpu
def test_a_file_is_decoded_and_read_on_the_card(samples: Path, tmp_path: Path) -> None:
    """NVDEC, torch and ONNX Runtime on one card: no picture is copied between decoder and networks."""
    need_card()
    for _ in vidface.run(GRAPH, samples / "two_people.mp4", tmp_path / "there", device="cuda"):
        pass
    for _ in vidface.run(GRAPH, samples / "two_people.mp4", tmp_path / "here", device="cpu"):
        pass
    told = json.loads((tmp_path / "there/run.json").read_text())["acceleration"]
    assert told["decoding"] == "cuda:0: h264 by NVDEC"
    for kind in ("pictures_to_host", "forms_to_host", "inputs_to_card"):
        assert told["copies"][kind]["copies"] == 0
    for one, other in zip(rows(tmp_path / "there"), rows(tmp_path / "here"), strict=True):
        assert (one["pts"], len(one["faces"])) == (other["pts"], len(other["faces"]))
        for a, b in zip(one["faces"], other["faces"], strict=True):
            assert np.abs(np.array(a["box"]) - b["box"]).max() <= 1


@pytest.mark.gpu
def test_memory_of_the_card_stays_flat(samples: Path) -> None:
    """The third pass over a clip leaves no more in use than the first: of torch, and of all on the card.

    FFmpeg and ONNX Runtime take memory that torch does not know of.
    """
    torch = need_card()
    held, used = [], []
    for _ in range(3):
        for _tick in vidface.run(GRAPH, samples / "two_people.mp4", device="cuda"):
            pass
        gc.collect()
        torch.cuda.synchronize()
        held.append(torch.cuda.max_memory_allocated())
        free, whole = torch.cuda.mem_get_info(0)
        used.append(whole - free)
    assert held[2] <= held[0] * 1.05
    assert used[2] <= used[0] * 1.05


def need_card() -> Any:
    """Torch; skip without a card, fail where VIDFACE_REQUIRE_CUDA=1 promises one."""
    promised = os.environ.get("VIDFACE_REQUIRE_CUDA") == "1"
    lack = devices.torch_lack()
    if lack is None and devices.resolve("auto").kind == "cuda":
        import torch

        return torch
    if promised:
        pytest.fail(f"VIDFACE_REQUIRE_CUDA=1 promises a card, but {lack or devices.resolve('auto').reason}")
    pytest.skip(lack or devices.resolve("auto").reason)
