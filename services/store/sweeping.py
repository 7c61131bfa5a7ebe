"""Housekeeping that any number of sweepers may do at once. When to sweep is the periodic process's business."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlmodel import col

from services.store.outbox import forget_sent
from services.store.processes import forget_memory, forget_silent
from services.store.sessions import Sessions
from services.store.tables import IdempotencyKeyRow

OUTBOX_MEMORY = timedelta(days=7)
PROCESS_MEMORY = timedelta(days=1)
SAMPLE_MEMORY = timedelta(days=31)


def forget_expired(sessions: Sessions, limit: int = 5000) -> int:
    """Delete expired idempotency keys and outbox messages long sent, return how many; forget silent processes."""
    with sessions() as session:
        old = (
            select(col(IdempotencyKeyRow.shop_id), col(IdempotencyKeyRow.route), col(IdempotencyKeyRow.key))
            .where(col(IdempotencyKeyRow.expires_at) < func.clock_timestamp())
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).subquery()
        keys = session.execute(
            delete(IdempotencyKeyRow).where(
                col(IdempotencyKeyRow.shop_id) == old.c.shop_id,
                col(IdempotencyKeyRow.route) == old.c.route,
                col(IdempotencyKeyRow.key) == old.c.key,
            )
        )
        forget_silent(session, PROCESS_MEMORY)
        forget_memory(session, SAMPLE_MEMORY)
        return int(keys.rowcount or 0) + forget_sent(session, OUTBOX_MEMORY, limit)  # type: ignore[attr-defined]
