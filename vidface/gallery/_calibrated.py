"""The calibration that a gallery keeps as text, read with care: it may come from somebody else's export."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from vidface.errors import InputError
from vidface.gallery._base import DATABASE
from vidface.gallery._store import Store
from vidface.gallery.calibrate import Calibration

_FORM: Final = TypeAdapter(Calibration)


def calibration_of(text: str, where: str, what_to_do: str) -> Calibration | None:
    """The text of a `Calibration` read back; None for the empty text of a gallery without one.

    Args:
        where: it stands, what_to_do: about a bad one; both for the sentence.

    Raises:
        InputError: it is no calibration.
    """
    if not text:
        return None
    try:
        return _FORM.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        what = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(f"{where}: the calibration is damaged ({what}); {what_to_do}") from error


def kept(store: Store) -> Calibration | None:
    """The calibration of a gallery.

    Raises:
        InputError: its text is damaged.
    """
    text, where = store.setting("calibration"), str(store.folder / DATABASE)
    return calibration_of(text, where, "make it anew: vidface gallery calibrate")
