"""Times for people: an exact moment for machines and screen readers, a short span for the eye. Reads no clock."""

from datetime import UTC, datetime, timedelta


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %H:%M} UTC"


def short(moment: datetime) -> str:
    """Return day and time without a year, the time left out at midnight: enough in a list of intervals."""
    at = moment.astimezone(UTC)
    return f"{at:%d %b}" if (at.hour, at.minute) == (0, 0) else f"{at:%d %b %H:%M}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago, or in how long, such as `3 h ago` or `in 20 min`."""
    gap = now - moment
    return f"{span(gap)} ago" if gap >= timedelta(0) else f"in {span(-gap)}"


def span(gap: timedelta) -> str:
    """Return a length of time in its largest unit that says enough."""
    seconds = int(abs(gap.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3_600} h"
    return f"{seconds // 86_400} d"
