"""vidface beside its peers: same clip, same task, each in an environment of its own, taking turns.

    python -m tests.bench.peers --envs ~/peers --out tests/bench/results

Makes the environments in the folder that you name (with pip, from the index that pip is set up for), then
runs everybody once to warm up and then in turn. Boxes, points and numbers of every frame go to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench._cases import ROOT
from tests.bench.peers._list import PEERS, Peer
from tests.bench.peers._report import picture, report
from vidface.bench.measure import own_clip
from vidface.graph.facts import machine_facts, package_facts

INSTALL_S = 600
RUN_S = 600


def main() -> None:
    """Install, run, report."""
    options = _options()
    chosen = [peer for peer in PEERS if not options.only or peer.name in options.only]
    places = {peer.name: environment(peer, options.envs) for peer in chosen}
    pythons = {name: place for name, place in places.items() if isinstance(place, Path)}
    absent = {name: place for name, place in places.items() if isinstance(place, str)}
    with tempfile.TemporaryDirectory(prefix="vidface-peers-") as folder:
        clip = options.clip or own_clip(Path(folder), _tell)
        costs: dict[str, list[dict[str, Any]]] = {name: [] for name in pythons}
        for turn in range(options.repeat + 1):
            for peer in chosen:
                if peer.name in pythons:
                    _tell(f"{peer.name}, {f'turn {turn}' if turn else 'warming up'}")
                    cost = run(peer, pythons[peer.name], clip, (Path(folder), options.frames))
                    costs[peer.name] += [cost] if turn else []
    facts = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "clip": clip.name,
        "frames": options.frames,
        "turns": options.repeat,
        "machine": {key: value for key, value in machine_facts().items() if key != "code_sha256"},
        "packages": package_facts(),
        "load_average": round(os.getloadavg()[1], 2),
    }
    text = report(costs, absent, facts)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        plain = {"facts": facts, "costs": costs, "absent": absent}
        (options.out / "peers.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
        (options.out / "peers.md").write_text(text, encoding="utf-8")
        (options.out / "peers.svg").write_text(picture(costs), encoding="utf-8")


def environment(peer: Peer, folder: Path) -> Path | str:
    """The Python of a peer's environment, made where it is not there yet; or why there is none."""
    if not peer.requirements:
        return Path(sys.executable)
    home = folder / peer.module
    python = home / "bin" / "python"
    done = home / ".installed"
    wanted = "\n".join(peer.requirements)
    if done.is_file() and done.read_text(encoding="utf-8") == wanted:
        return python
    _tell(f"installing {', '.join(peer.requirements)}")
    venv.create(home, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What is built from source with these options takes the tools from the environment.
    steps = [[*pip, "setuptools", "wheel"]] if peer.options else []
    for step in [*steps, [*pip, *peer.options, *peer.requirements]]:
        try:
            said = subprocess.run(step, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            return f"it was not installed within {INSTALL_S // 60} minutes"
        if said.returncode:
            return f"pip could not install it: {(said.stderr.strip().splitlines() or ['no reason'])[-1]}"
    done.write_text(wanted, encoding="utf-8")
    return python


def run(peer: Peer, python: Path, clip: Path, how: tuple[Path, int]) -> dict[str, Any]:
    """One run in a process of its own.

    Raises:
        RuntimeError: it failed or took more than ten minutes; its last words are in the message.
    """
    folder, frames = how
    out = folder / f"{peer.module}.jsonl"
    words = [str(python), "-m", f"tests.bench.peers.{peer.module}", str(clip), str(out), str(frames)]
    done = subprocess.run(
        [*words, *peer.arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=RUN_S
    )
    if done.returncode:
        raise RuntimeError(f"{peer.name} failed: {done.stderr.strip()[-2000:]}")
    cost: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return cost


def _tell(text: str) -> None:
    print(f"peers: {text}", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--envs", type=Path, required=True, help="folder for the peers' environments")
    parser.add_argument("--clip", type=Path, help="25 frames a second [the project's own, at 1080p]")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[peer.name for peer in PEERS])
    parser.add_argument("--out", type=Path, help="folder for peers.md, peers.json and peers.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main()
