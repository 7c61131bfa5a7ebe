"""Sessions over an engine that someone else made. Opens nothing at import."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlmodel import Session

Sessions = Callable[[], AbstractContextManager[Session]]
"""Opens one transaction: committed when the block ends, rolled back when it raises."""


def sessions(engine: Engine) -> Sessions:
    """Return an opener of transactions on `engine`."""

    @contextmanager
    def transaction() -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    return transaction


def database_now(session: Session) -> datetime:
    """Return the database's clock: leases are compared with one clock only, whatever machine a worker runs on."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def lock_for_transaction(session: Session, *names: str) -> None:
    """Make transactions that lock the same names go one after the other."""
    key = func.hashtextextended("\x1f".join(names), 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))
