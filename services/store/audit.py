"""The audit log: who did what to what, each row sealed with the hash of the one before. Append-only by trigger.

A changed, removed or inserted row breaks the chain from there on. Cutting rows off the end cannot be seen from inside:
keep the latest hash elsewhere (`returns-desk audit verify` prints it) to notice that too.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.canonical import digest_of
from services.store.sessions import lock_for_transaction
from services.store.tables import AuditRow

FIRST = "0" * 64
CHUNK_ROWS = 5_000


class AuditEntry(NamedTuple):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    hash: str


class ChainState(NamedTuple):
    """The result of a verification. `broken_at` is the id of the first row that does not fit, None where all do."""

    rows: int
    last_hash: str
    broken_at: int | None
    why: str = ""


def append_audit(  # noqa: PLR0913 - an entry is exactly these
    session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any], *, now: datetime
) -> str:
    """Append an entry in the caller's transaction; return its hash. Call it last: appending goes one after the other.

    `detail` must be JSON as it is, and holds ids and choices, never what a customer wrote.
    """
    lock_for_transaction(session, "audit-log")
    previous = session.execute(select(col(AuditRow.hash)).order_by(col(AuditRow.id).desc()).limit(1)).scalar() or FIRST
    sealed = _seal(previous, now, actor, action, subject, detail)
    session.add(
        AuditRow(
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            detail=dict(detail),
            previous_hash=previous,
            hash=sealed,
        )
    )
    session.flush()
    return sealed


def verify_chain(session: Session) -> ChainState:
    """Walk the whole log and compare every seal."""
    previous, count, last_id = FIRST, 0, 0
    while rows := _rows_after(session, last_id):
        for row in rows:
            if row.previous_hash != previous:
                return ChainState(count, previous, row.id, "it does not follow the row before it: one was removed")
            if row.hash != _seal(previous, row.at, row.actor, row.action, row.subject, row.detail):
                return ChainState(count, previous, row.id, "its content is not what was sealed: it was changed")
            previous, count, last_id = row.hash, count + 1, row.id or 0
        session.expunge_all()
    return ChainState(count, previous, None)


def latest_entries(session: Session, limit: int = 100, subject: str | None = None) -> Sequence[AuditEntry]:
    """Return the newest entries, newest first."""
    statement = select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit)
    if subject is not None:
        statement = statement.where(col(AuditRow.subject) == subject)
    return [
        AuditEntry(row.id or 0, row.at, row.actor, row.action, row.subject, row.detail, row.hash)
        for row in session.execute(statement).scalars()
    ]


def all_entries(session: Session) -> Iterator[AuditEntry]:
    """Yield every entry, oldest first."""
    last_id = 0
    while rows := _rows_after(session, last_id):
        for row in rows:
            last_id = row.id or 0
            yield AuditEntry(last_id, row.at, row.actor, row.action, row.subject, row.detail, row.hash)
        session.expunge_all()


def find_hash(session: Session, wanted: str) -> bool:
    """Tell whether an entry has this seal."""
    return session.execute(select(col(AuditRow.id)).where(col(AuditRow.hash) == wanted)).scalar() is not None


def _rows_after(session: Session, last_id: int) -> Sequence[AuditRow]:
    statement = select(AuditRow).where(col(AuditRow.id) > last_id).order_by(col(AuditRow.id)).limit(CHUNK_ROWS)
    return session.execute(statement).scalars().all()


def _seal(  # noqa: PLR0913, PLR0917 - all that is sealed
    previous: str, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return digest_of([previous, moment, actor, action, subject, dict(detail)])
