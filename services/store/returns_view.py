"""Reads returns as a shop sees them: one with its outcome, a page of many, the trace that decided. Writes nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select, tuple_
from sqlmodel import Session, col

from services.store.tables import ReturnRow, ReviewItemRow, ToolActionRow, TraceRow


class Place(NamedTuple):
    """Where a page ended: the next one starts after this row."""

    received_at: datetime
    id: str


class Filters(NamedTuple):
    """What a page is narrowed to; None does not narrow. Times are aware, `received_until` is exclusive."""

    order_id: str | None = None
    status: str | None = None
    decision: str | None = None
    route: str | None = None
    received_from: datetime | None = None
    received_until: datetime | None = None


class Page(NamedTuple):
    rows: Sequence[ReturnRow]
    last: Place | None
    """None on the last page."""


def return_document(session: Session, shop_id: str, return_id: str) -> dict[str, Any] | None:
    """Return the return with outcome, evidence, findings, actions and review reason; None where the shop has none."""
    row = session.get(ReturnRow, return_id)
    if row is None or row.shop_id != shop_id:
        return None
    actions = session.execute(
        select(ToolActionRow).where(col(ToolActionRow.return_id) == return_id).order_by(col(ToolActionRow.created_at))
    ).scalars()
    return row.model_dump() | {
        **_of_review(session, return_id),
        **_of_trace(session, row.trace_id),
        "actions": [_action(action) for action in actions],
    }


def _of_review(session: Session, return_id: str) -> dict[str, Any]:
    found = session.execute(
        select(col(ReviewItemRow.reason), col(ReviewItemRow.detail))
        .where(col(ReviewItemRow.return_id) == return_id)
        .order_by(col(ReviewItemRow.created_at).desc())
        .limit(1)
    ).first()
    reason, detail = found or (None, None)
    return {"review_reason": reason, "review_detail": detail}


def _of_trace(session: Session, trace_id: str | None) -> dict[str, Any]:
    document = col(TraceRow.document)
    found = session.execute(
        select(document["decision"]["evidence"].as_string(), document["verification"]["findings"]).where(
            col(TraceRow.id) == trace_id
        )
    ).first()
    evidence, findings = found or (None, None)
    return {"evidence": evidence, "findings": findings or []}


def _action(row: ToolActionRow) -> dict[str, Any]:
    return {
        "name": row.tool,
        "status": row.state,
        "arguments": row.arguments,
        "result": row.result,
        "error": row.error,
        "finished_at": row.finished_at,
    }


def page(session: Session, shop_id: str, filters: Filters, after: Place | None, limit: int) -> Page:
    """Return up to `limit` returns of the shop, newest first, that come after `after`."""
    received, identity = col(ReturnRow.received_at), col(ReturnRow.id)
    statement = _narrowed(select(ReturnRow).where(col(ReturnRow.shop_id) == shop_id), filters)
    if after is not None:
        statement = statement.where(tuple_(received, identity) < tuple_(after.received_at, after.id))
    rows = session.execute(statement.order_by(received.desc(), identity.desc()).limit(limit + 1)).scalars().all()
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(shown, Place(shown[-1].received_at, shown[-1].id) if more else None)


def _narrowed(statement: Select[Any], filters: Filters) -> Select[Any]:
    for name in ("order_id", "status", "decision", "route"):
        wanted = getattr(filters, name)
        if wanted is not None:
            statement = statement.where(col(getattr(ReturnRow, name)) == wanted)
    if filters.received_from is not None:
        statement = statement.where(col(ReturnRow.received_at) >= filters.received_from)
    if filters.received_until is not None:
        statement = statement.where(col(ReturnRow.received_at) < filters.received_until)
    return statement


def deciding_trace(session: Session, shop_id: str, return_id: str) -> TraceRow | None:
    """Return the newest trace that decided the return; None where nothing has, or the return is not the shop's."""
    return session.execute(
        select(TraceRow)
        .where(col(TraceRow.return_id) == return_id, col(TraceRow.shop_id) == shop_id, col(TraceRow.purpose) == "live")
        .order_by(col(TraceRow.attempt).desc())
        .limit(1)
    ).scalar_one_or_none()


def status_of(session: Session, shop_id: str, return_id: str) -> str | None:
    """Return the return's status, None where the shop has no such return."""
    return session.execute(
        select(col(ReturnRow.status)).where(col(ReturnRow.id) == return_id, col(ReturnRow.shop_id) == shop_id)
    ).scalar_one_or_none()
