"""Finds what may be a failure among live traces and labels, the oldest first, each once. Others route it.

A caller that goes on names the newest moment it has seen; what committed late is looked for a little before that.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import exists, or_, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import GivenLabel, LabelKind
from services.domain.trace import Trace
from services.domain.verdict import Verdict
from services.store.review_labels import given
from services.store.tables import FailureRow, LabelRow, ReviewItemRow, TraceRow

PAGE_ROWS = 200
LATE = timedelta(minutes=10)
"""How far behind the newest seen to look again: a transaction may commit after one that began later."""
_OVERTURNING = (LabelKind.CORRECT.value, LabelKind.PREFER.value, LabelKind.REJECT.value)


class Found(NamedTuple):
    """A trace that may be a failure, and the label that says so, if one does."""

    trace_id: str
    return_id: str
    checkpoint: str
    trace: Trace
    label: GivenLabel | None
    said: str | None
    at: datetime


def failed_traces(session: Session, since: datetime | None) -> Iterator[Found]:
    """Yield live traces that no check let pass and that are not on record yet, the oldest first."""
    statement = select(TraceRow).where(
        col(TraceRow.purpose) == "live",
        or_(
            col(TraceRow.verdict) != Verdict.PASS.value,
            col(TraceRow.decision).is_(None),
            col(TraceRow.route_reason) == "action_not_succeeded",
        ),
        ~exists().where(col(FailureRow.trace_id) == col(TraceRow.id)),
    )
    last = since - LATE if since is not None else None
    after: tuple[datetime, str] | None = (last, "") if last is not None else None
    while True:
        page = statement.order_by(col(TraceRow.created_at), col(TraceRow.id)).limit(PAGE_ROWS)
        if after is not None:
            page = page.where(tuple_(col(TraceRow.created_at), col(TraceRow.id)) > after)
        rows = session.execute(page).scalars().all()
        for row in rows:
            trace = Trace.model_validate(row.document)
            yield Found(row.id, row.return_id, row.checkpoint, trace, None, None, row.created_at)
        if len(rows) < PAGE_ROWS:
            return
        after = (rows[-1].created_at, rows[-1].id)


def overturning_labels(session: Session, since: datetime | None) -> Iterator[Found]:
    """Yield standing labels that may overturn their trace and that are not on record yet, the oldest first."""
    undo = aliased(LabelRow)
    statement = (
        select(LabelRow, TraceRow)
        .join(TraceRow, col(TraceRow.id) == col(LabelRow.trace_id))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(
            col(LabelRow.kind).in_(_OVERTURNING),
            col(ReviewItemRow.purpose) == "live",
            ~exists().where(col(undo.undoes) == col(LabelRow.id)),
            ~exists().where(
                col(FailureRow.trace_id) == col(LabelRow.trace_id),
                or_(col(FailureRow.label_id) >= col(LabelRow.id), col(FailureRow.status) != "open"),
            ),
        )
    )
    after: tuple[datetime, str] | None = (since - LATE, "") if since is not None else None
    while True:
        page = statement.order_by(col(LabelRow.created_at), col(LabelRow.id)).limit(PAGE_ROWS)
        if after is not None:
            page = page.where(tuple_(col(LabelRow.created_at), col(LabelRow.id)) > after)
        rows = session.execute(page).all()
        for label, row in rows:
            trace = Trace.model_validate(row.document)
            yield Found(row.id, row.return_id, row.checkpoint, trace, given(label), label.reason, label.created_at)
        if len(rows) < PAGE_ROWS:
            return
        after = (rows[-1][0].created_at, rows[-1][0].id)
