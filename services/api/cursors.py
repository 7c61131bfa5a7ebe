"""Page cursors: opaque to clients, a time and an id to us. Nothing secret is in them."""

import base64
import binascii
from datetime import datetime

from services.api.problems import field_problem
from services.store.returns_view import Place


def write_cursor(place: Place) -> str:
    text = f"{place.received_at.isoformat()}|{place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> Place | None:
    """Return the place a cursor names, None without one. Raises Problem bad-parameter."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        at, _, identity = text.partition("|")
        place = Place(datetime.fromisoformat(at), identity)
    except (ValueError, binascii.Error) as error:
        raise _unusable() from error
    if place.received_at.tzinfo is None or not identity.isprintable():
        raise _unusable()
    return place


def _unusable() -> Exception:
    return field_problem(
        "bad-parameter", "cursor", "is not one of ours", "Follow `next` as it was given, or leave it out."
    )
