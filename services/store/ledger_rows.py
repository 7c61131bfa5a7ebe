"""Rows of the tool ledger as the domain knows them. Which call may run, and running it, are `ledger`'s business."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.canonical import digest_of
from services.store.tables import ReturnRow, ToolActionRow


def action_of(row: ToolActionRow) -> ToolAction:
    return ToolAction(
        name=row.tool,
        status=ActionStatus(row.state),
        arguments=row.arguments,
        supports=tuple(row.supports),
        result=row.result,
        error=row.error,
        idempotency_key=row.idempotency_key,
        finished_at=row.finished_at,
    )


def of_return(session: Session, return_id: str) -> Sequence[ToolAction]:
    """Return the recorded actions of a return, oldest first."""
    statement = (
        select(ToolActionRow)
        .where(col(ToolActionRow.return_id) == return_id)
        .order_by(col(ToolActionRow.created_at), col(ToolActionRow.id))
    )
    return [action_of(row) for row in session.execute(statement).scalars()]


def of_order(session: Session, shop_id: str, order_id: str) -> Sequence[ToolAction]:
    """Return the recorded actions of all returns of an order, oldest first: what caps per order count."""
    statement = (
        select(ToolActionRow)
        .join(ReturnRow, col(ReturnRow.id) == col(ToolActionRow.return_id))
        .where(col(ReturnRow.shop_id) == shop_id, col(ReturnRow.order_id) == order_id)
        .order_by(col(ToolActionRow.created_at), col(ToolActionRow.id))
    )
    return [action_of(row) for row in session.execute(statement).scalars()]


def find(session: Session, return_id: str, call: ToolCall) -> ToolActionRow | None:
    """Return the row of this very call, locked until the caller's transaction ends."""
    statement = (
        select(ToolActionRow)
        .where(
            col(ToolActionRow.return_id) == return_id,
            col(ToolActionRow.tool) == call.name,
            col(ToolActionRow.args_digest) == digest_of(dict(call.arguments)),
        )
        .with_for_update()
    )
    row: ToolActionRow | None = session.execute(statement).scalar_one_or_none()
    return row
