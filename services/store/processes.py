"""Processes that say they live: what runs, with which checkpoint, and when it was last heard of."""

from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.store.tables import ProcessRow, ProcessSampleRow


def say_alive(session: Session, name: str, kind: str, checkpoint: str | None) -> None:
    """Note in the caller's transaction that the process lives, by the database's clock."""
    now = func.clock_timestamp()
    statement = insert(ProcessRow).values(name=name, kind=kind, checkpoint=checkpoint, started_at=now, seen_at=now)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"kind": kind, "checkpoint": checkpoint, "seen_at": now}
        )
    )


def note_memory(session: Session, name: str, kind: str, resident: int, cache: int | None) -> None:
    """Note what a process holds in memory, in bytes; `cache` is None where its decider keeps none."""
    at = func.clock_timestamp()
    values = {"process": name, "at": at, "kind": kind, "resident_bytes": resident, "cache_bytes": cache}
    session.execute(insert(ProcessSampleRow).values(**values))


def forget_memory(session: Session, older: timedelta) -> None:
    """Forget notes of memory that are older."""
    session.execute(delete(ProcessSampleRow).where(col(ProcessSampleRow.at) < func.clock_timestamp() - older))


def say_gone(session: Session, name: str) -> None:
    """Forget a process that ends in order."""
    session.execute(delete(ProcessRow).where(col(ProcessRow.name) == name))


def forget_silent(session: Session, silent: timedelta) -> None:
    """Forget processes not heard of for that long."""
    session.execute(delete(ProcessRow).where(col(ProcessRow.seen_at) < func.clock_timestamp() - silent))
