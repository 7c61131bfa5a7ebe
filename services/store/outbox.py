"""The outbox: what must be told to the world once a transaction has committed. Telling it is the relay's work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from services.store.tables import OutboxRow

JOB_READY = "job.ready"
RETURN_EVENT = "return.event"


class Message(NamedTuple):
    id: int
    topic: str
    subject_id: str


def announce_job(session: Session, job_id: str, now: datetime) -> None:
    """Note, in the caller's transaction, that the broker should hear of a job."""
    session.add(OutboxRow(topic=JOB_READY, subject_id=job_id, created_at=now))


def announce_event(session: Session, event_id: int, now: datetime) -> None:
    """Note, in the caller's transaction, that the shop's webhooks should hear of an event."""
    session.add(OutboxRow(topic=RETURN_EVENT, subject_id=str(event_id), created_at=now))


def unsent(session: Session, topic: str, limit: int = 200) -> Sequence[Message]:
    """Return the oldest unsent messages and keep other relays from them until the caller's transaction ends."""
    rows = session.execute(
        select(col(OutboxRow.id), col(OutboxRow.topic), col(OutboxRow.subject_id))
        .where(col(OutboxRow.sent_at).is_(None), col(OutboxRow.topic) == topic)
        .order_by(col(OutboxRow.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    return [Message(*row) for row in rows]


def mark_sent(session: Session, ids: Sequence[int]) -> None:
    if ids:
        session.execute(update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(sent_at=func.clock_timestamp()))


def forget_sent(session: Session, older_than: timedelta, limit: int = 5000) -> int:
    """Delete messages sent longer ago than that; return how many. Events and jobs themselves stay."""
    old = (
        select(col(OutboxRow.id))
        .where(col(OutboxRow.sent_at) < func.clock_timestamp() - older_than)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    result = session.execute(delete(OutboxRow).where(col(OutboxRow.id).in_(old.scalar_subquery())))
    return int(result.rowcount or 0)  # type: ignore[attr-defined]
