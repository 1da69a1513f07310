"""Times as people write them become the nearest number of seconds."""

from __future__ import annotations

import random

import click
import pytest

from vidface.cli.times import SECONDS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12.5", 12.5),
        ("7:32.84", 452.84),
        ("1:02.25", 62.25),
        ("01:02:03.5", 3723.5),
        ("0:00:00.1", 0.1),
        ("-1.5", -1.5),
        ("1e2", 100.0),
    ],
)
def test_a_time_is_the_nearest_number(text: str, seconds: float) -> None:
    """452.84 and not 452.84000000000003, behind which a frame at 452.84 would lie."""
    assert SECONDS.convert(text, None, None) == seconds


def test_minutes_and_seconds_lose_nothing() -> None:
    """Whatever the hundredth, MM:SS.ss says what SSSS.ss says."""
    draw = random.Random(1)
    for _ in range(500):
        hundredths = draw.randrange(0, 24 * 360_000)
        minutes, rest = divmod(hundredths, 6000)
        text = f"{minutes // 60}:{minutes % 60:02}:{rest / 100:05.2f}"
        assert SECONDS.convert(text, None, None) == float(f"{hundredths // 100}.{hundredths % 100:02}")


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "1:-2", "nan", "inf", "1:nan", "1e999", "1/2"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        SECONDS.convert(text, None, None)
