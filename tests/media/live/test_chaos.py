"""Chaos: its syntax, and faults that are the same each time."""

from __future__ import annotations

import pytest

from vidface.errors import UsageError
from vidface.media.live.chaos import Chaos


def test_the_address_of_the_manual() -> None:
    """Percent and seconds, in any order."""
    chaos = Chaos.parse("chaos:a/clip.mp4?drop=1%&freeze=5s&jump=30s&corrupt=0.1%")
    assert (chaos.clip, chaos.drop, chaos.corrupt) == ("a/clip.mp4", 0.01, 0.001)
    assert (chaos.freeze, chaos.jump, chaos.turns) == (5, 30, ("freeze", "jump"))
    assert Chaos.of(chaos.to_json()) == chaos


@pytest.mark.parametrize("query", ["drop=2", "drop=x", "freeze=-1", "loops=0", "every=0s", "smoke=1", "drop"])
def test_what_cannot_be_is_refused(query: str) -> None:
    """With the key that is wrong."""
    with pytest.raises(UsageError, match=query.partition("=")[0]):
        Chaos.parse(f"chaos:clip.mp4?{query}")


def test_faults_take_turns() -> None:
    """Freeze at 10 s, jump at 20 s, freeze at 30 s; the leap stays."""
    chaos = Chaos.parse("chaos:clip.mp4?freeze=5s&jump=-30s")
    assert [chaos.silent(t) for t in (9.9, 10.1, 14.9, 15.1, 21, 31)] == [
        False,
        True,
        True,
        False,
        False,
        True,
    ]
    assert [chaos.leapt(t) for t in (19.9, 20.1, 39.9, 40.1)] == [0, -30, -30, -60]


def test_a_cut_says_how_long_it_lasts() -> None:
    """Seconds left."""
    chaos = Chaos.parse("chaos:clip.mp4?cut=4s&every=5s")
    assert [round(chaos.cut_for(t), 3) for t in (4, 5, 8, 9.5, 11)] == [0, 4, 1, 0, 3]


def test_the_same_seed_hits_the_same_packets() -> None:
    """About one in ten, the same ones again, others with another seed."""
    hits = {seed: [Chaos("c", drop=0.1, seed=seed).hits(str(i))[0] for i in range(1000)] for seed in (0, 1)}
    assert hits[0] == [Chaos("c", drop=0.1).hits(str(i))[0] for i in range(1000)]
    assert hits[0] != hits[1]
    assert 70 < sum(hits[0]) < 130


def test_damage_is_repeatable_and_spares_the_head() -> None:
    """Some bytes behind the head differ, the length stays; tiny packets are left."""
    chaos, data = Chaos("c"), bytes(range(256)) * 4
    worn = chaos.damaged(data, "0:1:1")
    assert worn == chaos.damaged(data, "0:1:1") != data
    assert worn[:48] == data[:48]
    assert len(worn) == len(data)
    assert chaos.damaged(b"tiny", "0:1:1") == b"tiny"
