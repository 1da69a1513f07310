"""Words in captions that are no names: of sounds and of anybody, English ones."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARTICLES: Final = _words("da de del den der di du el la le of the van von bin al")
"""Words within names that are written small."""

NO_SPEAKER: Final = _words(
    """all both he i it she they we you man woman men women boy girl boys girls child kid voice voices crowd
    everyone others narrator announcer reporter operator guard officer cop soldier driver waiter waitress
    nurse doctor clerk music song singing sings plays playing laughs laughing laughter laugh chuckles
    chuckling giggles giggling sighs sighing gasps gasping groans groaning grunts grunting cries crying
    sobs sobbing screams screaming shouts shouting yells yelling whispers whispering coughs coughing
    sniffs clears door phone doorbell bell rings ringing beeps beeping engine gunshot gunshots gunfire
    applause cheering cheers silence footsteps thunder static chatter barking dog wind birds theme note
    warning"""
)
"""Labels in captions with one of these are not of somebody."""

NO_NAMES: Final = _words(
    """i i'm i'll i've i'd mr mrs ms miss dr sir god jesus lord ok okay mom mum dad mama papa
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december christmas easter english french german spanish american
    british america england tv dvd"""
)
"""Capitalised words that are not of somebody."""
