"""Reads jobs for operators, and gives one that ended without success another start. Working on them is `jobs`'."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlmodel import Session, col

from services.domain.returns import ReturnStatus
from services.store.audit import append_audit
from services.store.events import add_event
from services.store.outbox import announce_job
from services.store.tables import JobRow, LabelRow, ReturnRow, ReviewItemRow

ENDED_BADLY = ("failed", "quarantined")


class JobView(NamedTuple):
    id: str
    kind: str
    subject_id: str
    state: str
    attempt: int
    crashes: int
    worker: str | None
    last_error: str | None
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None


class NotToBeRetried(Exception):
    """The job may not start again; the message says why."""


def list_jobs(session: Session, states: Sequence[str], limit: int = 100) -> Sequence[JobView]:
    """Return the newest jobs in these states."""
    rows = session.execute(
        select(JobRow)
        .where(col(JobRow.state).in_(states))
        .order_by(col(JobRow.created_at).desc(), col(JobRow.id).desc())
        .limit(limit)
    ).scalars()
    return [JobView(*(getattr(row, name) for name in JobView._fields)) for row in rows]


def retry_job(session: Session, job_id: str, actor: str, now: datetime) -> None:
    """Give a failed or quarantined triage job a fresh start, and take its return back from the reviewers.

    In the caller's transaction. Raises NotToBeRetried: no such job, another state, or a reviewer has it already.
    """
    job = session.get(JobRow, job_id, with_for_update=True)
    if job is None:
        raise NotToBeRetried(f"there is no job {job_id!r}")
    if job.state not in ENDED_BADLY:
        raise NotToBeRetried(f"job {job_id} is {job.state}; only failed and quarantined jobs are tried again")
    row = session.get(ReturnRow, job.subject_id, with_for_update=True)
    if row is not None:
        _take_back(session, row, now)
    was = {"was": job.state, "error": job.last_error}
    job.state, job.attempt, job.crashes, job.finished_at = "ready", 0, 0, None
    job.due_at, job.poked_at = now, None
    announce_job(session, job_id, now)
    append_audit(session, actor, "job.retry", job_id, was, now=now)


def _take_back(session: Session, row: ReturnRow, now: datetime) -> None:
    items = select(ReviewItemRow).where(col(ReviewItemRow.return_id) == row.id).with_for_update()
    item = session.execute(items.where(col(ReviewItemRow.state) != "done")).scalar_one_or_none()
    labelled = select(col(LabelRow.id)).where(col(LabelRow.return_id) == row.id).limit(1)
    if item is None or item.state != "open" or session.execute(labelled).first() is not None:
        raise NotToBeRetried(f"a reviewer has return {row.id} in hand or has decided it")
    session.execute(delete(ReviewItemRow).where(col(ReviewItemRow.id) == item.id))
    row.status, row.updated_at, row.route, row.route_reason = ReturnStatus.PROCESSING.value, now, None, None
    add_event(session, row.id, row.shop_id, "return.processing", {"status": row.status}, now=now)
