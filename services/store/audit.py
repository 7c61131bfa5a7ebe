"""The audit log: who did what, each row sealed with the hash of the one before. Nothing in it can be changed unseen.

The database refuses UPDATE and DELETE on the table; the chain shows what somebody did who got around that.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.canonical import digest_of
from services.store.sessions import lock_for_transaction
from services.store.tables import AuditRow

FIRST = "0" * 64
_PAGE = 1000


class AuditEntry(NamedTuple):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    previous_hash: str
    hash: str


class Broken(NamedTuple):
    """Where the chain does not hold, and how."""

    entry_id: int
    problem: str


def note(  # noqa: PLR0913 - an entry is exactly these
    session: Session, actor: str, action: str, subject: str, detail: Mapping[str, Any], *, now: datetime
) -> str:
    """Append an entry in the caller's transaction; return its hash. Entries go one after the other."""
    lock_for_transaction(session, "audit_log")
    newest = select(col(AuditRow.hash)).order_by(col(AuditRow.id).desc()).limit(1)
    previous = session.execute(newest).scalar_one_or_none() or FIRST
    row = AuditRow(
        at=now, actor=actor, action=action, subject=subject, detail=dict(detail), previous_hash=previous, hash=""
    )
    row.hash = _seal(row)
    session.add(row)
    session.flush()
    return row.hash


def entries(session: Session, after: int = 0) -> Iterator[AuditEntry]:
    """Yield the entries with an id above `after`, oldest first, a page at a time."""
    while True:
        rows = (
            session.execute(select(AuditRow).where(col(AuditRow.id) > after).order_by(col(AuditRow.id)).limit(_PAGE))
            .scalars()
            .all()
        )
        for row in rows:
            yield _entry(row)
        if len(rows) < _PAGE:
            return
        after = rows[-1].id or 0


def verify_chain(session: Session) -> Broken | None:
    """Return the first entry that was changed, or before which one is missing; None where the chain holds."""
    previous = FIRST
    for entry in entries(session):
        if entry.previous_hash != previous:
            return Broken(entry.id, "an entry before this one is missing or was changed")
        if entry.hash != _seal_of(entry):
            return Broken(entry.id, "this entry was changed after it was written")
        previous = entry.hash
    return None


def _seal(row: AuditRow) -> str:
    return _seal_of(_entry(row))


def _seal_of(entry: AuditEntry) -> str:
    at = entry.at.astimezone(UTC).isoformat()
    return digest_of([entry.previous_hash, at, entry.actor, entry.action, entry.subject, dict(entry.detail)])


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(row.id or 0, row.at, row.actor, row.action, row.subject, row.detail, row.previous_hash, row.hash)
