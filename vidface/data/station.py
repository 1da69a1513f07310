"""Station: what a program that watches cameras offers to the outputs of one camera's graph."""

from __future__ import annotations

from typing import Protocol

from vidface.data.event import EventPost
from vidface.data.frame import Frame


class Station(EventPost, Protocol):
    """One camera's place among those that are watched."""

    @property
    def camera(self) -> str:
        """Its name, as the user chose it."""

    @property
    def session(self) -> str:
        """Differs each time the camera's graph begins anew; makes track numbers unique."""

    def show(self, frame: Frame, comment: str = "") -> None:
        """The newest picture for whoever looks at the live page; costs next to nothing if nobody does.

        Args:
            comment: what it says of itself (`Target.comment`).
        """
