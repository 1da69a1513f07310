"""Chaos: a clip played as a camera that misbehaves, the same way each time.

    chaos:clip.mp4?drop=1%&freeze=5s&jump=30s&corrupt=0.1%

    drop=P      each packet is lost with this probability
    corrupt=P   bytes of each packet are overwritten with this probability
    freeze=S    the camera falls silent for S seconds; what it would have sent is lost
    jump=S      its clock leaps by S seconds, for good; jump=-30s leaps back
    cut=S       the connection ends, and is refused for S seconds
    every=S     seconds between two of freeze, jump and cut, which take turns in the order written; 10
    loops=N     how often the clip is played; 1, and `loops=forever`
    speed=X     times real time; 1
    seed=N      other packets are hit; 0

P is written 1% or 0.01; S is written 5s or 5. Faults depend on the seed and on the place in the clip only,
so a run can be repeated. A camera that is left for a while has gone on in the meantime.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from vidface.errors import UsageError

CHAOS = "chaos:"
_DAMAGED_BYTES = 24
_HEAD_BYTES = 48  # damage lies behind: a header that is lost is what `drop` stands for


@dataclass(frozen=True, slots=True)
class Chaos:
    """A clip and its faults; see the module. A clip without faults is simply played in real time.

    Attributes:
        clip: path.
        drop, corrupt: probabilities.
        turns: names of what takes turns, in order.
        freeze, jump, cut, every: seconds.
        loops: 0 plays for ever.
        speed: times real time.
    """

    clip: str
    drop: float = 0.0
    corrupt: float = 0.0
    turns: tuple[str, ...] = ()
    freeze: float = 0.0
    jump: float = 0.0
    cut: float = 0.0
    every: float = 10.0
    loops: int = 1
    speed: float = 1.0
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Chaos:
        """From an address.

        Raises:
            UsageError: an unknown key or a value that cannot be.
        """
        clip, _, query = text.removeprefix(CHAOS).partition("?")
        readers: dict[str, Callable[[str], Any]] = {
            "drop": _share, "corrupt": _share, "freeze": _seconds, "jump": _signed, "cut": _seconds,
            "every": _seconds, "loops": _loops, "speed": _seconds, "seed": int,
        }  # fmt: skip
        values: dict[str, Any] = {}
        for item in filter(None, query.split("&")):
            key, _, value = item.partition("=")
            if key not in readers:
                raise UsageError(f"{text}: chaos knows {', '.join(readers)}, but got {key!r}")
            try:
                values[key] = readers[key](value)
            except ValueError:
                raise UsageError(f"{text}: {key} cannot be {value!r}; see `chaos:` in the manual") from None
        turns = tuple(key for key in values if key in ("freeze", "jump", "cut"))
        return cls(clip, turns=turns, **values)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `of` reads them."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Chaos:
        """Back from `to_json`."""
        return cls(**{**values, "turns": tuple(values["turns"])})

    def turn(self, time: float) -> tuple[str, float] | None:
        """What has the turn at `time` seconds of playing, and how many seconds ago it began."""
        number = int(time / self.every)
        if not self.turns or number < 1:
            return None
        return self.turns[(number - 1) % len(self.turns)], time - number * self.every

    def silent(self, time: float) -> bool:
        """Frozen at this time."""
        turn = self.turn(time)
        return turn is not None and turn[0] == "freeze" and turn[1] < self.freeze

    def cut_for(self, time: float) -> float:
        """Seconds for which connections are still refused; 0 where they are not."""
        turn = self.turn(time)
        return max(0.0, self.cut - turn[1]) if turn is not None and turn[0] == "cut" else 0.0

    def leapt(self, time: float) -> float:
        """Seconds by which the clock is off at this time."""
        if "jump" not in self.turns:
            return 0.0
        rounds, rest = divmod(int(time / self.every), len(self.turns))
        return self.jump * (rounds + (self.turns.index("jump") < rest))

    def hits(self, place: str) -> tuple[bool, bool]:
        """Is the packet at this place lost, and is it damaged."""
        dice = random.Random(f"{self.seed} {place}")
        return dice.random() < self.drop, dice.random() < self.corrupt

    def damaged(self, data: bytes, place: str) -> bytes:
        """The packet with some bytes overwritten, the same ones each time."""
        if len(data) <= _HEAD_BYTES:
            return data
        dice = random.Random(f"{self.seed} {place} bytes")
        worn = bytearray(data)
        for _ in range(_DAMAGED_BYTES):
            worn[dice.randrange(_HEAD_BYTES, len(worn))] = dice.randrange(256)
        return bytes(worn)


def _share(text: str) -> float:
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= value <= 1:
        raise ValueError
    return value


def _signed(text: str) -> float:
    return float(text.removesuffix("s"))


def _seconds(text: str) -> float:
    value = _signed(text)
    if not value > 0:
        raise ValueError
    return value


def _loops(text: str) -> int:
    value = 0 if text == "forever" else int(text)
    if value < 0 or text == "0":
        raise ValueError
    return value
