"""Model cards: each is what its recipe makes of the committed figures, and templates are filled whole."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from vidface.vision.kindfusion import Fusion

MODELS = Path(__file__).resolve().parents[2] / "models"
RECIPES = {
    "vidface-blend": "blend_face",
    "vidface-embed": "embed_face",
    "vidface-facedet": "detect_face",
    "vidface-facemesh": "mesh_face",
    "vidface-restore": "restore_face",
    "vidface-speechmotion": "speech_motion",
}


def recipe(folder: str, name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a script, run as its folder's own (not as a main program)."""
    monkeypatch.syspath_prepend(str(MODELS / "training"))
    monkeypatch.syspath_prepend(str(MODELS / "training" / folder))
    monkeypatch.delitem(sys.modules, "card", raising=False)
    return runpy.run_path(str(MODELS / "training" / folder / name))


def written(model: str) -> str:
    return (MODELS / model / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", RECIPES)
def test_a_card_is_what_its_recipe_makes_of_the_figures(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipe(RECIPES[model], "card.py", monkeypatch)["card"](MODELS / model) == written(model)


def test_the_card_of_the_network_in_integers_stands_beside_the_one_in_floats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = recipe("embed_face", "card_int8.py", monkeypatch)["card"]
    assert card(MODELS / "vidface-embed-int8", MODELS / "vidface-embed") == written("vidface-embed-int8")


def test_the_verdict_s_card_is_made_of_its_fusion(monkeypatch: pytest.MonkeyPatch) -> None:
    card = recipe("verdict", "card.py", monkeypatch)["card"]
    fusion = Fusion.of(json.loads((MODELS / "vidface-verdict" / "fusion.json").read_text(encoding="utf-8")))
    assert card(fusion) == written("vidface-verdict")


def test_a_template_is_filled_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = recipe(".", "cards.py", monkeypatch)["filled"]
    template = tmp_path / "t.md"
    template.write_text("a @ONE@ b @TWO@ c@d.e @ONE@")
    assert filled(template, {"ONE": "@TWO@", "TWO": "2"}) == "a @TWO@ b 2 c@d.e @TWO@"
    with pytest.raises(ValueError, match=r"without a part: \['TWO'\]"):
        filled(template, {"ONE": "1"})
    with pytest.raises(ValueError, match=r"without a place: \['MORE'\]"):
        filled(template, {"ONE": "1", "TWO": "2", "MORE": "3"})
