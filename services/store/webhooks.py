"""Webhook endpoints of shops, deliveries and their attempts. Sending is `adapters.webhooks`, timing is the worker's."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.store.ids import new_id
from services.store.outbox import RETURN_EVENT, mark_sent, unsent
from services.store.sessions import database_now
from services.store.tables import EventRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow

OLD_SECRET_KEPT = timedelta(hours=24)
"""How long a rotated-out secret still signs beside the new one."""


MOST_OF_ONE = 4
"""Deliveries in flight to one endpoint."""


class Due(NamedTuple):
    """A delivery that is this worker's until its lease ends: all that an attempt needs."""

    id: str
    endpoint_id: str
    url: str
    secrets: Sequence[str]
    payload: dict[str, object]
    attempts: int


class Tried(NamedTuple):
    """How an attempt went, and when to try again: `next_at` None means never."""

    at: datetime
    took_ms: float
    delivered: bool
    gone: bool
    status: int | None
    error: str | None
    next_at: datetime | None


def add_endpoint(  # noqa: PLR0913 - the parts of one row
    session: Session, shop_id: str, url: str, kinds: Sequence[str], *, secret: str, now: datetime
) -> WebhookEndpointRow:
    row = WebhookEndpointRow(
        id=new_id("whe", now), shop_id=shop_id, url=url, secret=secret, kinds=list(kinds), created_at=now
    )
    session.add(row)
    session.flush()
    return row


def list_endpoints(session: Session, shop_id: str) -> Sequence[WebhookEndpointRow]:
    statement = select(WebhookEndpointRow).where(col(WebhookEndpointRow.shop_id) == shop_id)
    return session.execute(statement.order_by(col(WebhookEndpointRow.created_at))).scalars().all()


def find_endpoint(
    session: Session, shop_id: str, endpoint_id: str, *, for_change: bool = False
) -> WebhookEndpointRow | None:
    """Return the shop's endpoint, locked where it is about to change; None also for another shop's."""
    row = session.get(WebhookEndpointRow, endpoint_id, with_for_update=for_change)
    return row if row is not None and row.shop_id == shop_id else None


def rotate_secret(endpoint: WebhookEndpointRow, secret: str, now: datetime) -> None:
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + OLD_SECRET_KEPT
    endpoint.secret = secret


def remove_endpoint(session: Session, endpoint: WebhookEndpointRow) -> None:
    """Remove an endpoint with its deliveries and their attempts."""
    deliveries = select(col(WebhookDeliveryRow.id)).where(col(WebhookDeliveryRow.endpoint_id) == endpoint.id)
    session.execute(delete(WebhookAttemptRow).where(col(WebhookAttemptRow.delivery_id).in_(deliveries)))
    session.execute(delete(WebhookDeliveryRow).where(col(WebhookDeliveryRow.endpoint_id) == endpoint.id))
    session.delete(endpoint)


def list_deliveries(
    session: Session, endpoint_id: str, state: str | None, before: str | None, limit: int
) -> Sequence[WebhookDeliveryRow]:
    """Return deliveries of an endpoint, newest first, with ids below `before` (ids sort by time)."""
    statement = select(WebhookDeliveryRow).where(col(WebhookDeliveryRow.endpoint_id) == endpoint_id)
    if state is not None:
        statement = statement.where(col(WebhookDeliveryRow.state) == state)
    if before is not None:
        statement = statement.where(col(WebhookDeliveryRow.id) < before)
    return session.execute(statement.order_by(col(WebhookDeliveryRow.id).desc()).limit(limit)).scalars().all()


def find_delivery(session: Session, shop_id: str, delivery_id: str) -> WebhookDeliveryRow | None:
    row = session.get(WebhookDeliveryRow, delivery_id, with_for_update=True)
    return row if row is not None and row.shop_id == shop_id else None


def list_attempts(session: Session, delivery_id: str) -> Sequence[WebhookAttemptRow]:
    statement = select(WebhookAttemptRow).where(col(WebhookAttemptRow.delivery_id) == delivery_id)
    return session.execute(statement.order_by(col(WebhookAttemptRow.id))).scalars().all()


def replay(delivery: WebhookDeliveryRow, now: datetime) -> None:
    """Make a delivery due now, with fresh patience. It keeps its id, so a receiver can tell it came before."""
    delivery.state, delivery.attempts, delivery.next_at = "pending", 0, now
    delivery.delivered_at = delivery.last_error = delivery.last_status = delivery.lease_until = None


def fan_out(session: Session, now: datetime, limit: int = 200) -> int:
    """Turn events that shops want to hear of into deliveries, in the caller's transaction; return how many events."""
    messages = unsent(session, RETURN_EVENT, limit)
    if not messages:
        return 0
    events = session.execute(select(EventRow).where(col(EventRow.id).in_([int(m.subject_id) for m in messages])))
    for event in events.scalars():
        endpoints = select(WebhookEndpointRow).where(
            col(WebhookEndpointRow.shop_id) == event.shop_id, col(WebhookEndpointRow.enabled)
        )
        for endpoint in session.execute(endpoints).scalars():
            if not endpoint.kinds or event.kind in endpoint.kinds:
                _add_delivery(session, endpoint.id, event, now)
    mark_sent(session, [message.id for message in messages])
    return len(messages)


def _add_delivery(session: Session, endpoint_id: str, event: EventRow, now: datetime) -> None:
    payload = {
        "type": event.kind,
        "timestamp": event.at.isoformat(),
        "data": {"return_id": event.return_id, "event_id": event.id, **event.data},
    }
    values = WebhookDeliveryRow(
        id=new_id("whd", now),
        endpoint_id=endpoint_id,
        event_id=event.id or 0,
        shop_id=event.shop_id,
        payload=payload,
        next_at=now,
        created_at=now,
    ).model_dump()
    session.execute(insert(WebhookDeliveryRow).values(**values).on_conflict_do_nothing())


def claim_due(session: Session, lease: timedelta, limit: int) -> Sequence[Due]:
    """Take deliveries that are due, in the caller's transaction; nobody else gets them before the lease ends.

    At most MOST_OF_ONE of an endpoint are in flight, so that a slow receiver does not hold up the others.
    """
    now = func.clock_timestamp()
    waits, leased_until = col(WebhookDeliveryRow.next_at), col(WebhookDeliveryRow.lease_until)
    held = func.coalesce(leased_until > now, False)
    ranked = (
        select(
            col(WebhookDeliveryRow.id),
            held.label("held"),
            func.row_number()
            .over(partition_by=col(WebhookDeliveryRow.endpoint_id), order_by=(held.desc(), waits))
            .label("place"),
        )
        .join(WebhookEndpointRow, col(WebhookEndpointRow.id) == col(WebhookDeliveryRow.endpoint_id))
        .where(col(WebhookDeliveryRow.state) == "pending", waits <= now, col(WebhookEndpointRow.enabled))
        .subquery()
    )
    due = (
        select(col(WebhookDeliveryRow.id))
        .where(
            col(WebhookDeliveryRow.id).in_(select(ranked.c.id).where(ranked.c.place <= MOST_OF_ONE, ~ranked.c.held)),
            # Asked again under the lock: another worker may have taken it since the ranking.
            col(WebhookDeliveryRow.state) == "pending",
            or_(leased_until.is_(None), leased_until <= now),
        )
        .order_by(waits)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = session.execute(
        update(WebhookDeliveryRow)
        .where(col(WebhookDeliveryRow.id).in_(due.scalar_subquery()))
        .values(lease_until=now + lease)
        .returning(WebhookDeliveryRow)
        .execution_options(synchronize_session=False)
    ).scalars()
    return [_due(session, row) for row in claimed.all()]


def _due(session: Session, row: WebhookDeliveryRow) -> Due:
    endpoint = session.get_one(WebhookEndpointRow, row.endpoint_id)
    secrets = [endpoint.secret]
    until = endpoint.previous_until
    if endpoint.previous_secret and until is not None and database_now(session) < until:
        secrets.append(endpoint.previous_secret)
    return Due(row.id, endpoint.id, endpoint.url, secrets, row.payload, row.attempts)


def record(session: Session, due: Due, tried: Tried) -> None:
    """Add the attempt's row and move the delivery on, in the caller's transaction. 410 ends the endpoint too."""
    number = due.attempts + 1
    session.add(
        WebhookAttemptRow(
            delivery_id=due.id,
            number=number,
            at=tried.at,
            status=tried.status,
            error=tried.error,
            took_ms=tried.took_ms,
        )
    )
    ended = tried.gone or tried.next_at is None
    state = "delivered" if tried.delivered else "failed" if ended else "pending"
    session.execute(
        update(WebhookDeliveryRow)
        .where(col(WebhookDeliveryRow.id) == due.id, col(WebhookDeliveryRow.attempts) == due.attempts)
        .values(
            state=state,
            attempts=number,
            lease_until=None,
            last_status=tried.status,
            last_error=tried.error,
            next_at=tried.next_at or tried.at,
            delivered_at=tried.at if tried.delivered else None,
        )
    )
    if tried.gone:
        disable(session, due.endpoint_id, f"the receiver answered 410 Gone on {tried.at:%Y-%m-%d %H:%M} UTC")


def disable(session: Session, endpoint_id: str, reason: str) -> None:
    session.execute(
        update(WebhookEndpointRow)
        .where(col(WebhookEndpointRow.id) == endpoint_id)
        .values(enabled=False, disabled_reason=reason)
    )
