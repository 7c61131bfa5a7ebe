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


class Happened(NamedTuple):
    """What is to be told of a return: the kind, and the data that goes with it."""

    kind: str
    data: Mapping[str, Any]


def add_events(session: Session, return_id: str, shop_id: str, happened: Sequence[Happened], *, now: datetime) -> None:
    """Append events in the caller's transaction, in order, and note them for the shop's webhooks where it has any."""
    rows = [
        EventRow(return_id=return_id, shop_id=shop_id, kind=one.kind, data=dict(one.data), at=now) for one in happened
    ]
    session.add_all(rows)
    session.flush()
    listens = exists().where(col(WebhookEndpointRow.shop_id) == shop_id, col(WebhookEndpointRow.enabled))
    if session.execute(select(listens)).scalar_one():
        for row in rows:
            announce_event(session, row.id or 0, now)


def add_event(  # noqa: PLR0913 - an event is exactly these
    session: Session, return_id: str, shop_id: str, kind: str, data: Mapping[str, Any], *, now: datetime
) -> None:
    """Append one event; see `add_events`."""
    add_events(session, return_id, shop_id, [Happened(kind, data)], now=now)


def events_after(session: Session, return_id: str, after: int = 0, limit: int = 500) -> Sequence[Event]:
    """Return the return's events with an id above `after`, oldest first."""
    rows = session.execute(
        select(EventRow)
        .where(col(EventRow.return_id) == return_id, col(EventRow.id) > after)
        .order_by(col(EventRow.id))
        .limit(limit)
    ).scalars()
    return [Event(row.id or 0, row.return_id, row.shop_id, row.kind, row.data, row.at) for row in rows]
