"""Ids that sort by time and cannot be guessed, so that pages and indexes follow the order of events."""

import secrets
from datetime import datetime


def new_id(prefix: str, now: datetime) -> str:
    """Return `prefix_` and 32 hex digits: 48 bits of milliseconds, then 80 random bits."""
    number = (int(now.timestamp() * 1000) << 80) | secrets.randbits(80)
    return f"{prefix}_{number:032x}"
