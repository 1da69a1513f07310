"""Texts beside boxes."""

from __future__ import annotations

import pytest

from vidface.vision.captions import plain_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Zoë Müller", "Zoe Muller"), ("李 Bo", "? Bo"), ("a" * 30, "a" * 22 + ".."), ("a\nb", "a?b")],
)
def test_what_the_font_cannot_set_is_replaced(text: str, plain: str) -> None:
    assert plain_text(text) == plain
