"""The job ledger: the database owns every job, and Celery only says that there may be something to do.

Claims, heartbeats, retries, sweeps and quarantine, each in a short transaction of its own. What a job does is not
known here.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.sql import ColumnElement
from sqlmodel import Session, col

from services.domain.jobs import JobKind, Lease, LeaseLost, Patience
from services.store.jobs import end, held_by
from services.store.sessions import Sessions, database_now
from services.store.tables import JobRow

GiveUp = Callable[[Session, Lease, str, str, datetime], None]
"""Called in the transaction that ends a job without success: (session, lease, reason, error, now)."""

LONGEST_ERROR = 2000


class Swept(NamedTuple):
    requeued: Sequence[str]
    quarantined: Sequence[str]


class Poke(NamedTuple):
    kind: JobKind
    job_id: str


def _nobody_knows(_: str) -> bool:
    return False


class JobLedger:
    """Claims, extends, retries and ends jobs, each in a short transaction of its own.

    `is_dead` says of a worker whether its process is surely gone, so that its jobs need not wait for their lease.
    """

    def __init__(
        self,
        sessions: Sessions,
        lease: timedelta,
        patience: Patience | None = None,
        give_up: Mapping[JobKind, GiveUp] | None = None,
        is_dead: Callable[[str], bool] = _nobody_knows,
    ) -> None:
        self._sessions = sessions
        self._lease = lease
        self._patience = patience or Patience()
        self._give_up = dict(give_up or {})
        self._is_dead = is_dead

    def claim(self, kind: JobKind, worker: str, prefer: str | None = None, limit: int = 1) -> list[Lease]:
        """Take up to `limit` ready jobs, the preferred one first; an empty list means there is nothing to do.

        A job that took a worker down before is taken alone, so that it cannot take others down with it again.
        """
        with self._sessions() as session:
            taken: list[Lease] = []
            if prefer is not None:
                chosen = select(col(JobRow.id)).where(col(JobRow.id) == prefer, *_ready(kind))
                taken = self._take(session, chosen.with_for_update(skip_locked=True), worker)
            if len(taken) < limit and not any(lease.crashes for lease in taken):
                others = (
                    select(col(JobRow.id))
                    .where(*_ready(kind), col(JobRow.crashes) == 0)
                    .order_by(col(JobRow.due_at))
                    .limit(limit - len(taken))
                    .with_for_update(skip_locked=True)
                )
                taken += self._take(session, others, worker)
            if not taken:
                suspect = select(col(JobRow.id)).where(*_ready(kind)).order_by(col(JobRow.due_at)).limit(1)
                taken = self._take(session, suspect.with_for_update(skip_locked=True), worker)
            return taken

    def _take(self, session: Session, chosen: Select[str], worker: str) -> list[Lease]:
        token = secrets.token_hex(16)
        rows = session.execute(
            update(JobRow)
            .where(col(JobRow.id).in_(chosen.scalar_subquery()))
            .values(
                state="running",
                lease_token=token,
                lease_until=func.clock_timestamp() + self._lease,
                heartbeat_at=func.clock_timestamp(),
                attempt=col(JobRow.attempt) + 1,
                worker=worker,
            )
            .returning(JobRow)
            .execution_options(synchronize_session=False)
        ).scalars()
        return [_lease(row) for row in sorted(rows, key=lambda row: (row.due_at, row.id))]

    def extend(self, leases: Sequence[Lease]) -> set[str]:
        """Extend the leases that still hold; return the ids of their jobs."""
        if not leases:
            return set()
        with self._sessions() as session:
            kept = session.execute(
                update(JobRow)
                .where(
                    col(JobRow.id).in_([lease.job_id for lease in leases]),
                    col(JobRow.lease_token).in_({lease.token for lease in leases}),
                    col(JobRow.state) == "running",
                )
                .values(lease_until=func.clock_timestamp() + self._lease, heartbeat_at=func.clock_timestamp())
                .returning(col(JobRow.id))
            ).scalars()
            return set(kept)

    def retry(self, lease: Lease, error: str, *, outage: bool = False) -> bool:
        """Give the job back for a later attempt, or to a person when patience has ended; True where it is tried again.

        Raises LeaseLost.
        """
        failures = lease.attempt - lease.crashes
        most = self._patience.outage_attempts if outage else self._patience.attempts
        with self._sessions() as session:
            if failures >= most:
                self._abandon(session, lease, "failed", "processing_failed", error)
                return False
            self._requeue(session, lease, error, self._patience.delay(failures))
            return True

    def release(self, lease: Lease, error: str) -> None:
        """Give the job back at once and do not count this start against it. Raises LeaseLost."""
        with self._sessions() as session:
            self._requeue(session, lease, error, timedelta(0), attempt=lease.attempt - 1)

    def _requeue(
        self, session: Session, lease: Lease, error: str, delay: timedelta, attempt: int | None = None
    ) -> None:
        values = {"attempt": attempt} if attempt is not None else {}
        requeued = session.execute(
            update(JobRow)
            .where(*held_by(lease))
            .values(
                state="ready",
                lease_token=None,
                lease_until=None,
                last_error=error[:LONGEST_ERROR],
                due_at=func.clock_timestamp() + delay,
                poked_at=None,
                **values,
            )
            .returning(col(JobRow.id))
        ).scalar_one_or_none()
        if requeued is None:
            raise LeaseLost(lease.job_id)

    def _abandon(self, session: Session, lease: Lease, state: str, reason: str, error: str) -> None:
        end(session, lease, state, error[:LONGEST_ERROR])
        tell = self._give_up.get(lease.kind)
        if tell is not None:
            tell(session, lease, reason, error[:LONGEST_ERROR], database_now(session))

    def sweep(self, limit: int = 500) -> Swept:
        """Take back jobs whose lease ran out or whose worker is gone; quarantine those that came to it too often.

        Several sweepers at once do no harm: each row is handled by one of them.
        """
        requeued, quarantined = [], []
        with self._sessions() as session:
            for row in self._abandoned(session, limit):
                row.crashes += 1
                session.flush()
                lease = _lease(row)
                error = f"worker {row.worker or '?'} stopped without a word in attempt {row.attempt}"
                if row.crashes >= self._patience.crashes:
                    self._abandon(session, lease, "quarantined", "quarantined", error)
                    quarantined.append(row.id)
                else:
                    self._requeue(session, lease, error, timedelta(0))
                    requeued.append(row.id)
        return Swept(requeued, quarantined)

    def _abandoned(self, session: Session, limit: int) -> Sequence[JobRow]:
        """Return running jobs that nobody works on any more, locked until the caller's transaction ends."""
        workers = session.execute(select(col(JobRow.worker)).where(col(JobRow.state) == "running").distinct())
        dead = [name for name in workers.scalars() if name is not None and self._is_dead(name)]
        rows = session.execute(
            select(JobRow)
            .where(
                col(JobRow.state) == "running",
                or_(col(JobRow.lease_until) < func.clock_timestamp(), col(JobRow.worker).in_(dead)),
            )
            .order_by(col(JobRow.lease_until))
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
        return rows.all()

    def to_poke(self, quiet: timedelta, limit: int = 200) -> list[Poke]:
        """Return ready jobs that nobody was told of for `quiet`, and note that they are being told now."""
        with self._sessions() as session:
            waiting = (
                select(col(JobRow.id))
                .where(
                    col(JobRow.state) == "ready",
                    col(JobRow.due_at) <= func.clock_timestamp(),
                    func.coalesce(col(JobRow.poked_at), col(JobRow.due_at)) <= func.clock_timestamp() - quiet,
                )
                .order_by(col(JobRow.due_at))
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = session.execute(
                update(JobRow)
                .where(col(JobRow.id).in_(waiting.scalar_subquery()))
                .values(poked_at=func.clock_timestamp())
                .returning(col(JobRow.kind), col(JobRow.id))
            ).all()
            return [Poke(JobKind(kind), job_id) for kind, job_id in rows]


def _ready(kind: JobKind) -> tuple[ColumnElement[bool], ...]:
    return (
        col(JobRow.kind) == kind.value,
        col(JobRow.state) == "ready",
        col(JobRow.due_at) <= func.clock_timestamp(),
    )


def _lease(row: JobRow) -> Lease:
    return Lease(row.id, JobKind(row.kind), row.subject_id, row.lease_token or "", row.attempt, row.crashes)
