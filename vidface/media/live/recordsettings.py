"""RecordSettings: what of a camera is recorded, and for how long it is kept."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from vidface.data.event import EventKind


class RecordSettings(BaseModel):
    """Recording without coding anew: segments of what the camera sent, cut at key frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: Literal["always", "events", "off"] = Field(
        "off", description="always; around events, with what was before them; or off."
    )
    segment_s: float = Field(
        60.0, ge=1, le=3600, description="A segment ends at the first key frame after this."
    )
    before_s: float = Field(
        10.0, ge=0, le=300, description="What is kept from before an event; held in memory, up to 64 MiB."
    )
    after_s: float = Field(20.0, ge=0, le=3600, description="How long it goes on after an event.")
    on: tuple[EventKind, ...] = Field(
        ("track_started", "track_identified", "track_left", "unknown_lingering", "camera_lost"),
        description="Events that are recorded. A face is recorded from its coming to its leaving.",
    )
    sound: bool = Field(
        False, description="Record the sound as well, as it comes; in many places that needs consent."
    )
    keep_h: float | None = Field(24.0, gt=0, description="Older segments are deleted; null keeps them.")
    keep_gb: float | None = Field(
        20.0, gt=0, description="Of each camera (10^9 bytes); the oldest segments beyond are deleted."
    )
    free_gb: float = Field(1.0, ge=0, description="Recording stops where the disk has less room than this.")

    @field_validator("when", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        """YAML reads a bare `off` as false."""
        return "off" if value is False else value
