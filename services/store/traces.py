"""Traces: stored whole, with the columns that lists filter by beside the document. Never changed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.returns import ReturnRequest
from services.domain.trace import Trace
from services.store.ids import new_id
from services.store.tables import TraceRow

NOTHING_RAN = "none"


class StoredTrace(NamedTuple):
    id: str
    return_id: str
    purpose: str
    created_at: datetime
    trace: Trace


def add_trace(  # noqa: PLR0913 - whose, which and when
    session: Session, request: ReturnRequest, trace: Trace, *, attempt: int, now: datetime, purpose: str = "live"
) -> str:
    """Store a trace in the caller's transaction; return its id."""
    decision, deciding = trace.decision, trace.deciding
    policy = trace.evidence.policy(decision.policy_id) if decision else None
    runs = [run for run in (trace.deciding, trace.replying) if run is not None]
    row = TraceRow(
        id=new_id("trc", now),
        return_id=request.id,
        shop_id=request.shop_id,
        purpose=purpose,
        attempt=attempt,
        schema_version=trace.schema_version,
        checkpoint=deciding.checkpoint if deciding else NOTHING_RAN,
        decision=decision.outcome.value if decision else None,
        policy_id=decision.policy_id if decision else None,
        policy_version=decision.policy_version if decision else None,
        policy_digest=policy.digest if policy else None,
        evidence_digest=trace.evidence.digest,
        prompt_digest=deciding.prompt_digest if deciding else NOTHING_RAN,
        verdict=trace.verification.verdict.value,
        route=trace.route.name.value,
        route_reason=trace.route.reason,
        ttft_ms=deciding.ttft_ms if deciding else 0.0,
        latency_ms=sum(run.latency_ms for run in runs),
        document=trace.model_dump(mode="json"),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row.id


def find_trace(session: Session, trace_id: str) -> StoredTrace | None:
    """Return a trace by its id, read into the domain type again so that it can be judged again."""
    row = session.get(TraceRow, trace_id)
    return _stored(row) if row else None


def latest_trace(session: Session, return_id: str) -> StoredTrace | None:
    """Return the newest trace that decided the return."""
    row = session.execute(
        select(TraceRow)
        .where(col(TraceRow.return_id) == return_id, col(TraceRow.purpose) == "live")
        .order_by(col(TraceRow.attempt).desc())
        .limit(1)
    ).scalar_one_or_none()
    return _stored(row) if row else None


def _stored(row: TraceRow) -> StoredTrace:
    return StoredTrace(row.id, row.return_id, row.purpose, row.created_at, Trace.model_validate(row.document))
