"""Review items: what waits for a person, and why. Labels and leases of reviewers are the review desk's business."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from services.domain.trace import Trace
from services.domain.verdict import Verdict
from services.store.ids import new_id
from services.store.tables import ReviewItemRow

PROCESSING_FAILED = "processing_failed"
QUARANTINED = "quarantined"
AUDIT = "audit"

_PRIORITY = {PROCESSING_FAILED: 1, QUARANTINED: 1, AUDIT: 8}
_OF_VERDICT = {Verdict.BLOCK: 3, Verdict.AMBIGUOUS: 5, Verdict.PASS: 6}
_DUE = ((1, timedelta(hours=4)), (3, timedelta(hours=8)), (6, timedelta(hours=24)), (9, timedelta(hours=72)))


class Waiting(NamedTuple):
    """Whose return waits, and why."""

    return_id: str
    shop_id: str
    order_id: str
    reason: str
    detail: str = ""


def open_item(
    session: Session, waiting: Waiting, now: datetime, trace: Trace | None = None, trace_id: str | None = None
) -> str | None:
    """Put a return before people in the caller's transaction; None where it already waits."""
    worst = trace.verification.worst if trace else None
    decision = trace.decision if trace else None
    priority = _priority(waiting.reason, trace)
    values = ReviewItemRow(
        id=new_id("rev", now),
        return_id=waiting.return_id,
        shop_id=waiting.shop_id,
        order_id=waiting.order_id,
        trace_id=trace_id,
        reason=waiting.reason,
        detail=waiting.detail or (worst.detail if worst else ""),
        decision=decision.outcome.value if decision else None,
        policy_id=decision.policy_id if decision else None,
        checkpoint=trace.deciding.checkpoint if trace and trace.deciding else None,
        worst_finding=worst.check if worst else None,
        priority=priority,
        due_at=now + next(patience for most, patience in _DUE if priority <= most),
        created_at=now,
    ).model_dump()
    added: str | None = session.execute(
        insert(ReviewItemRow).values(**values).on_conflict_do_nothing().returning(col(ReviewItemRow.id))
    ).scalar_one_or_none()
    return added


def _priority(reason: str, trace: Trace | None) -> int:
    known = _PRIORITY.get(reason)
    if known is not None:
        return known
    return _OF_VERDICT[trace.verification.verdict] if trace else 4
