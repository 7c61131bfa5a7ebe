"""Nights and their jobs: which night runs next, who may run it, what becomes of one that was given up.

A night is a job of the kind `nightly` like any other; what it puts on record while it runs is `night_records`'.
"""

from datetime import date, datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from services.domain.jobs import JobKind, Lease
from services.domain.nights import NightStatus
from services.store import jobs
from services.store.jobs_view import ENDED_BADLY, retry_job
from services.store.night_records import end_night
from services.store.tables import JobRow, NightRow


def give_up_night(session: Session, lease: Lease, reason: str, error: str, now: datetime) -> None:
    """End the night whose job ended without success: `job_ledger.GiveUp` for the kind `nightly`."""
    end_night(session, lease.subject_id, NightStatus.FAILED, f"{reason}: {error}", now)


def at_work(session: Session, but: str) -> str | None:
    """Return another night whose job runs, None where none does: two at once would only slow each other down."""
    statement = (
        select(col(NightRow.id))
        .join(JobRow, col(JobRow.subject_id) == col(NightRow.id))
        .where(
            col(JobRow.kind) == JobKind.NIGHTLY.value,
            col(JobRow.state) == "running",
            col(NightRow.status) == NightStatus.RUNNING.value,
            col(NightRow.id) != but,
        )
        .limit(1)
    )
    found: str | None = session.execute(statement).scalar_one_or_none()
    return found


def night_to_run(session: Session, on: date) -> str:
    """Return the id for a run that somebody asks for: the latest night where it is unfinished, else a new one's.

    A day's own id, without a number, is left to beat.
    """
    latest = session.execute(
        select(NightRow).order_by(col(NightRow.started_at).desc(), col(NightRow.id).desc()).limit(1)
    ).scalar_one_or_none()
    if latest is not None and latest.status in {NightStatus.RUNNING.value, NightStatus.FAILED.value}:
        return str(latest.id)
    day = on.isoformat()
    taken = session.execute(select(func.count()).where(col(JobRow.subject_id).startswith(f"{day}."))).scalar_one()
    return f"{day}.{int(taken) + 1}"


def take_up(session: Session, night_id: str, actor: str, now: datetime) -> str:
    """Make the night's job ready, whatever became of it before; return its id."""
    added = jobs.enqueue(session, JobKind.NIGHTLY, night_id, None, now)
    if added is not None:
        return added
    job = session.execute(
        select(JobRow).where(col(JobRow.kind) == JobKind.NIGHTLY.value, col(JobRow.subject_id) == night_id)
    ).scalar_one()
    if job.state in ENDED_BADLY:
        retry_job(session, job.id, actor, now)
    elif job.state == "ready":
        job.due_at = now
    return str(job.id)


def state_of(session: Session, night_id: str) -> str | None:
    """Return the state of the night's job, None where it has none."""
    statement = select(col(JobRow.state)).where(
        col(JobRow.kind) == JobKind.NIGHTLY.value, col(JobRow.subject_id) == night_id
    )
    found: str | None = session.execute(statement).scalar_one_or_none()
    return found
