"""The append-only story of a return. Server-sent events read it, and webhooks that a shop asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, select
from sqlmodel import Session, col

from services.store.outbox import announce_event
from services.store.tables import EventRow, WebhookEndpointRow


class Event(NamedTuple):
    id: int
    return_id: str
    shop_id: str
    kind: str
    data: Mapping[str, Any]
    at: datetime


def add_event(  # noqa: PLR0913 - an event is exactly these
    session: Session, return_id: str, shop_id: str, kind: str, data: Mapping[str, Any], *, now: datetime
) -> None:
    """Append an event in the caller's transaction, and note it for the shop's webhooks where it has any."""
    row = EventRow(return_id=return_id, shop_id=shop_id, kind=kind, data=dict(data), at=now)
    session.add(row)
    session.flush()
    listens = exists().where(col(WebhookEndpointRow.shop_id) == shop_id, col(WebhookEndpointRow.enabled))
    if row.id is not None and session.execute(select(listens)).scalar_one():
        announce_event(session, row.id, now)


def events_after(session: Session, return_id: str, after: int = 0, limit: int = 500) -> Sequence[Event]:
    """Return the return's events with an id above `after`, oldest first."""
    rows = session.execute(
        select(EventRow)
        .where(col(EventRow.return_id) == return_id, col(EventRow.id) > after)
        .order_by(col(EventRow.id))
        .limit(limit)
    ).scalars()
    return [Event(row.id or 0, row.return_id, row.shop_id, row.kind, row.data, row.at) for row in rows]
