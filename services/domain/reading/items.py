"""Finds the goods that a claim names: the refund for the lamp, your kettle has been replaced."""

from services.domain.reading.drafts import Draft, SegmentReading


def item_of(text: str, reading: SegmentReading, draft: Draft) -> str | None:
    """Return the noun phrase that names the goods of `draft`, or None."""
    return None
