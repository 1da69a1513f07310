"""The restorer's recipe and weights: views fit pixel by pixel, facts, golden vector, clean faces stay."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vidface.data import Device
from vidface.media.decode import open_source
from vidface.media.degrade import Degradation, spoiled
from vidface.node import Batch
from vidface.nodes.detect.face import DetectFace
from vidface.nodes.restore._network import RestoreNetwork
from vidface.vision.align import to_template
from vidface.vision.facecrop import aligned, region_of

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "models" / "training" / "restore_face"
WEIGHTS = ROOT / "models" / "vidface-restore"


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The recipe's module, which imports others by bare name as scripts do."""
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("views")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Likewise; needs torch."""
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(RECIPE))
    return importlib.import_module("pool")


def smooth(seed: int, count: int = 1) -> NDArray[np.uint8]:
    """Pictures without fine detail."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
    grown = [cv2.resize(one, (320, 320), interpolation=cv2.INTER_CUBIC) for one in coarse]
    return np.stack([cv2.GaussianBlur(one, (0, 0), 2) for one in grown]).astype(np.uint8)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, float(np.mean((a.astype(float) - b) ** 2)))))


@pytest.mark.parametrize(("scale", "least"), [(1.0, 46), (2.0, 45), (7.3, 33)])
def test_what_is_seen_lies_where_the_clean_crop_does(views: ModuleType, scale: float, least: float) -> None:
    """A shift by half a pixel would cost more."""
    for seed in range(3):
        made = views.sequence(smooth(seed), 4, np.random.default_rng(seed), Degradation(scale=scale))
        assert made.seen.shape == made.clean.shape == (4, 256, 256, 3)
        assert psnr(made.seen, made.clean) > least


def test_pieces_of_clips_keep_their_order_or_run_backwards(views: ModuleType) -> None:
    frames = np.stack([np.full((320, 320, 3), 20 * place, np.uint8) for place in range(10)])
    for seed in range(20):
        clean = views.moving(frames, 4, np.random.default_rng(seed))
        steps = set(np.diff(clean[:, 0, 0, 0].astype(int)).tolist())
        assert len(steps) == 1
        assert abs(steps.pop()) in (20, 40)


def test_a_wide_network_begins_as_the_narrow_one_that_it_grew_from(pool: ModuleType) -> None:
    """Also after a frame, when the state has been through the wide one."""
    import torch

    net = importlib.import_module("net")
    torch.manual_seed(0)
    narrow, wide = net.Restorer().eval(), net.Restorer(net.WIDE).eval()
    torch.nn.init.normal_(narrow.paint.weight, std=0.2)
    net.grow(wide, narrow.state_dict())
    assert net.size_of(wide.state_dict()) == net.WIDE
    crop, nobody = 255 * torch.rand(1, 3, 256, 256), torch.zeros(1, net.KNOWN)
    states = [net.blank(1), net.blank(1, net.WIDE)]
    with torch.no_grad():
        for _ in range(2):
            made = [one(crop, state, nobody) for one, state in zip((narrow, wide), states, strict=True)]
            states = [state for _, state in made]
            assert float((made[0][0] - made[1][0]).abs().max()) < 1e-3
    assert float((made[0][0] - crop).abs().mean()) > 1


def test_crops_are_folded_as_the_network_folds_them(pool: ModuleType, views: ModuleType) -> None:
    import torch

    crops = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    made = pool.folded(views.Sequence(crops, crops[::-1]), sharp=True)
    batch = pool.stacked([made, made])
    wanted = torch.nn.functional.pixel_unshuffle(torch.from_numpy(crops).permute(0, 3, 1, 2), 4)
    assert batch.seen.shape == (2, 2, 48, 64, 64)
    assert torch.equal(batch.seen[1], wanted)
    assert torch.equal(batch.clean[0], wanted.flip(0))


def test_a_pool_keeps_the_latest_and_gives_windows_in_order(pool: ModuleType, tmp_path: Path) -> None:
    frames = np.stack([np.full((320, 320, 3), 20 * place + 20, np.uint8) for place in range(10)])
    np.save(tmp_path / "pixels.npy", frames)
    np.savez(tmp_path / "items.npz", start=[0], length=[10], scale=[1.0], part=["train"])
    filled = pool.Pool(pool.Pack(tmp_path, "train"), np.random.default_rng(0), most=3)
    for _ in range(5):
        filled._add(1.0)
    assert (len(filled._kept), filled.made) == (3, 5)
    batch = filled.batch(2, 4)
    assert batch.seen.shape == (2, 4, 48, 64, 64)
    steps = np.sign(np.diff(batch.clean.float().mean((2, 3, 4)).numpy(), axis=1))
    assert (np.abs(steps.sum(1)) == 3).all()
    assert batch.sharp.tolist() == [True, True]


def test_drawn_degradations_are_sound(views: ModuleType) -> None:
    rng = np.random.default_rng(0)
    drawn = [views.draw(rng, 1.0) for _ in range(300)]
    assert 0.1 < np.mean([one.scale == 1 for one in drawn]) < 0.25
    assert 6 < max(one.scale for one in drawn) <= 8
    assert {one.codec for one in drawn} >= {"h264", "hevc", "mpeg4", "mjpeg", None}
    assert max(views.draw(rng, 0.0).scale for _ in range(100)) < 4.1


def test_weights_are_those_of_the_facts() -> None:
    facts = json.loads((WEIGHTS / "facts.json").read_text())
    data = (WEIGHTS / "model.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert facts["max_abs_difference_to_torch"] < 0.02
    assert facts["multiply_adds_a_frame"] < 3e9


def test_two_frames_give_the_golden_vector() -> None:
    golden = np.load(WEIGHTS / "golden.npz")
    network = RestoreNetwork("vidface-restore", Device("cpu"))
    crops = np.ascontiguousarray(golden["image"].transpose(0, 2, 3, 1))
    first = network(crops, np.stack([network.blank()] * 2), golden["known"])
    second = network(crops, first.states, golden["known"])
    wanted = np.clip(golden["restored"], 0, 255).transpose(0, 2, 3, 1)
    assert np.abs(second.crops[:, ::8, ::8] - wanted).max() < 0.1
    assert np.abs(second.states[..., ::8, ::8] - golden["next"]).max() < 0.01


def portrait() -> NDArray[np.uint8]:
    """A sharp face on the restorer's template."""
    node, source = DetectFace(), open_source(ROOT / "samples" / "collins.jpg")
    frame = next(iter(source.frames()))
    source.close()
    node.open(Device("cpu"))
    node.reset()
    (faces,) = node.process(Batch([frame]))
    node.close()
    matrix = to_template(faces.landmarks[0], "ffhq512") / 2
    region = region_of(frame, matrix, 256)
    assert region is not None
    return np.asarray(aligned(region.pixels, region.matrix(matrix), 256), np.uint8)


def test_a_sharp_portrait_stays_and_a_noisy_small_one_comes_nearer() -> None:
    """Public-domain portrait that no training saw; the middle of the crop. How much nearer: see the card."""
    network, clean = RestoreNetwork("vidface-restore", Device("cpu")), portrait()
    bad = spoiled(clean, Degradation(scale=4, blur_px=0.7, noise=6), np.random.default_rng(0))
    enlarged = np.asarray(cv2.resize(bad, (256, 256), interpolation=cv2.INTER_CUBIC), np.uint8)
    none = np.zeros((1, network.known), np.float32)
    inner = (slice(48, 224), slice(48, 208))

    def restored(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        state = network.blank()[None]
        for _ in range(4):
            made = network(crop[None], state, none)
            state = made.states
        return np.asarray(np.rint(made.crops[0])[inner], np.uint8)

    assert psnr(restored(clean), clean[inner]) > 35
    assert psnr(restored(enlarged), clean[inner]) > psnr(enlarged[inner], clean[inner])
