"""What the trainings share: rates by the clock, averaging, checkpoints that go on, the log."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
TRAINING = Path(__file__).parents[2] / "models" / "training"


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TRAINING))
    return importlib.import_module("loop")


def run_in(loop: ModuleType, folder: Path, *, minutes: float = 1.0, counted: str = "views") -> Any:
    """A small student with a norm, of which Muon takes the second layer."""
    torch.manual_seed(0)
    student = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 2))
    pace = loop.Pace(adam=1e-2, muon=1e-2, warm_up=4, floor=0.01, clip=1.0, decay=0.9)
    args = argparse.Namespace(out=folder, minutes=minutes, save_every=10, check_every=10)
    return loop.Run(args, student, [student[2].weight], pace, counted)


def step(run: Any, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 4, generator=generator)
    run.student.train()
    loss = (run.student(x) - x[:, :2]).square().mean()
    run.learn(loss, len(x))
    return float(loss.detach())


def test_rates_rise_and_fall_to_the_floor(loop: ModuleType) -> None:
    pace = loop.Pace(adam=1, muon=1, warm_up=10, floor=0.02, clip=1, decay=0.9)
    assert pace.share(4, 0.0) == pytest.approx(0.5)
    assert pace.share(100, 0.5) == pytest.approx(0.51)
    assert pace.share(100, 1.0) == pytest.approx(0.02)


def test_a_training_that_was_cut_goes_on_as_if_it_had_not_been(loop: ModuleType, tmp_path: Path) -> None:
    """Weights, average and the optimisers' memory are those of a run without the cut."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole, part = run_in(loop, tmp_path / "whole"), run_in(loop, tmp_path / "cut")
    for seed in range(4):
        step(whole, seed)
    for seed in range(2):
        step(part, seed)
    part.save()
    part = run_in(loop, tmp_path / "cut")
    assert (part.step, part.seen) == (2, 32)
    for seed in range(2, 4):
        step(part, seed)
    for one, other in ((whole.student, part.student), (whole.kept, part.kept)):
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(a, b)


def test_convention_keys_of_a_checkpoint(loop: ModuleType, tmp_path: Path) -> None:
    """As earlier trainings left them: the counter by its recipe's own name."""
    run = run_in(loop, tmp_path, counted="frames")
    step(run, 0)
    run.save()
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    assert set(state) == {"student", "average", "optimisers", "step", "frames", "spent"}
    assert not (tmp_path / "last.pt.part").exists()


def test_optimisers_that_were_not_kept_begin_anew(loop: ModuleType, tmp_path: Path) -> None:
    run = run_in(loop, tmp_path)
    step(run, 0)
    run.save()
    state = torch.load(tmp_path / "last.pt", weights_only=True)
    torch.save(state | {"optimisers": None}, tmp_path / "last.pt")
    fresh = run_in(loop, tmp_path)
    assert fresh.step == 1
    assert not fresh.optimisers[0].state_dict()["state"]


def test_the_average_follows_weights_and_norms_and_counts_along(loop: ModuleType, tmp_path: Path) -> None:
    run = run_in(loop, tmp_path)
    before = run.kept[0].weight.clone()
    step(run, 0)
    wanted = before + (run.student[0].weight - before) * 0.9
    assert torch.allclose(run.kept[0].weight, wanted, atol=1e-6)
    assert run.kept[1].num_batches_tracked == 1
    assert not torch.equal(run.kept[1].running_mean, torch.zeros(6))


def test_a_process_learns_until_its_time_is_over_and_tells(
    loop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone in its group: a line in the log every two steps and a last one; a checkpoint.

    A step takes a second of the process's own time; the clock on the wall, which other work runs on too,
    counts for nothing.
    """
    now = [100.0]
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: 0.0, process_time=lambda: now[0]))
    run = run_in(loop, tmp_path, minutes=4.5 / 60)
    run.args.meet, run.args.processes = tmp_path / "meet", 1

    def tell(means: np.ndarray[Any, Any]) -> dict[str, object]:
        return {"loss": float(means[0])}

    def learn() -> list[float]:
        now[0] += 1
        return [step(run, run.step)]

    with loop.joined(0, run.args):
        loop.follow(run, 0, learn, every=2, tell=tell, check=lambda: [{"check": {"good": 1}}])
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 5]
    assert rows[0]["views"] == 32
    assert rows[0]["loss"] > 0
    assert rows[-1] == {"step": run.step, "views": run.seen, "done": True, "check": {"good": 1}}
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == run.step
