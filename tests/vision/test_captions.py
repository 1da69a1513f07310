"""Texts beside boxes."""

from __future__ import annotations

import pytest

from vidface.vision.captions import plain_text, text_mask


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Zoë Müller", "Zoe Muller"), ("李 Bo", "? Bo"), ("a" * 30, "a" * 22 + ".."), ("a\nb", "a?b")],
)
def test_what_the_font_cannot_set_is_replaced(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@pytest.mark.parametrize("cap", [9, 14, 30])
def test_with_tails_nothing_that_hangs_below_the_line_is_cut_off(cap: int) -> None:
    """The ink of g, j, p, q ends inside the mask; without tails it is cut at the line."""
    whole, cut = text_mask("gjpqyQ", cap, tails=True), text_mask("gjpqyQ", cap)
    assert cut.shape[0] == cap + 2
    assert not whole[[0, -1]].any()
    assert whole[whole.shape[0] // 2 + cap // 2 + 2 :].any()
