"""Writes to jobs inside a caller's transaction: add one, prove that its lease holds, end it.

A job is `ready`, or `running` under a lease, or at rest (`done`, `failed`, `quarantined`). Every write of a worker
names its lease, so one that was thought dead changes nothing. Who may work on what is `job_ledger`'s business.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session, col

from services.domain.jobs import JobKind, Lease, LeaseLost
from services.store.ids import new_id
from services.store.outbox import announce_job
from services.store.tables import JobRow


def enqueue(session: Session, kind: JobKind, subject_id: str, shop_id: str | None, now: datetime) -> str | None:
    """Add a job in the caller's transaction, to be announced after it commits; None where the subject has one."""
    job_id = new_id("job", now)
    added = session.execute(
        insert(JobRow)
        .values(
            id=job_id,
            kind=kind.value,
            subject_id=subject_id,
            shop_id=shop_id,
            state="ready",
            attempt=0,
            crashes=0,
            due_at=now,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["kind", "subject_id"])
        .returning(col(JobRow.id))
    ).scalar_one_or_none()
    if added is not None:
        announce_job(session, added, now)
    return added


def hold(session: Session, lease: Lease) -> None:
    """Prove in the caller's transaction that the lease still holds, and keep it so until the commit.

    Raises LeaseLost.
    """
    statement = select(col(JobRow.id)).where(*held_by(lease)).with_for_update(key_share=True)
    if session.execute(statement).scalar_one_or_none() is None:
        raise LeaseLost(lease.job_id)


def held_among(session: Session, leases: Sequence[Lease]) -> set[str]:
    """Return the jobs whose lease still holds, kept so until the caller's transaction ends."""
    rows = session.execute(
        select(col(JobRow.id), col(JobRow.lease_token))
        .where(col(JobRow.id).in_([lease.job_id for lease in leases]), col(JobRow.state) == "running")
        .order_by(col(JobRow.id))
        .with_for_update(key_share=True)
    ).all()
    tokens = {lease.job_id: lease.token for lease in leases}
    return {job_id for job_id, token in rows if tokens[job_id] == token}


def ready_among(session: Session, job_ids: Sequence[str]) -> dict[str, str]:
    """Return the kind of each of these jobs that is still ready."""
    rows = session.execute(
        select(col(JobRow.id), col(JobRow.kind)).where(col(JobRow.id).in_(job_ids), col(JobRow.state) == "ready")
    ).all()
    return dict(tuple(row) for row in rows)


def finish(session: Session, lease: Lease) -> None:
    """Mark the job done in the caller's transaction. Raises LeaseLost, which must roll that transaction back."""
    end(session, lease, "done", None)


def end(session: Session, lease: Lease, state: str, error: str | None) -> None:
    """End the job in the caller's transaction. Raises LeaseLost, which must roll that transaction back."""
    ended = session.execute(
        update(JobRow)
        .where(*held_by(lease))
        .values(state=state, lease_token=None, lease_until=None, last_error=error, finished_at=func.clock_timestamp())
        .returning(col(JobRow.id))
    ).scalar_one_or_none()
    if ended is None:
        raise LeaseLost(lease.job_id)


def held_by(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on a job's row that only the holder of the lease meets."""
    return (col(JobRow.id) == lease.job_id, col(JobRow.state) == "running", col(JobRow.lease_token) == lease.token)
