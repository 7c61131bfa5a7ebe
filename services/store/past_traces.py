"""Past live traces whose evidence held a clause, the newest first: what a back-test replays. Reads only."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.trace import Trace
from services.store.tables import TraceRow
from services.store.traces import StoredTrace

CHUNK_ROWS = 100


def traces_with(session: Session, policy_id: str, since: datetime | None, limit: int) -> Iterator[StoredTrace]:
    """Yield up to `limit` live traces whose evidence holds the policy, the newest first."""
    statement = (
        select(TraceRow)
        .where(
            col(TraceRow.purpose) == "live",
            col(TraceRow.document)["evidence"]["policies"].contains([{"policy_id": policy_id}]),
        )
        .order_by(col(TraceRow.created_at).desc(), col(TraceRow.id).desc())
    )
    if since is not None:
        statement = statement.where(col(TraceRow.created_at) >= since)
    found = session.execute(statement.limit(limit).execution_options(yield_per=CHUNK_ROWS)).scalars()
    for row in found:
        yield StoredTrace(row.id, row.return_id, row.purpose, row.created_at, Trace.model_validate(row.document))
