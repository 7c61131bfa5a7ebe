"""The queue as pages show it: filtered, paged by key so that item 100,000 costs what item 1 does, counted, searched.

Reads only. Taking items is `review_leases`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, or_, select, text, tuple_, union_all
from sqlmodel import Session, col

from services.store.tables import LabelRow, ReturnRow, ReviewItemRow

SEARCHED_AT_MOST = 5_000
COUNTED_AT_MOST = 10_000
_SIMPLE = text("'simple'::regconfig")
"""Written out as the index writes it: the planner compares expressions, not meanings."""
SNIPPET_CHARACTERS = 140
FACETS = ("reason", "policy_id", "worst_finding", "checkpoint", "decision", "stage")


class QueueFilter(NamedTuple):
    """What the queue is narrowed to; None does not narrow. `older_than_hours` counts from the item's creation."""

    state: str = "open"
    """`open` is everything unfinished, `mine` what the reader holds, `done` what is finished."""
    reason: str | None = None
    policy_id: str | None = None
    worst_finding: str | None = None
    checkpoint: str | None = None
    decision: str | None = None
    stage: str | None = None
    reviewer: str | None = None
    older_than_hours: int | None = None
    text: str | None = None


class QueueRow(NamedTuple):
    item: ReviewItemRow
    snippet: str
    item_name: str | None
    last_reviewer: str | None


class QueuePage(NamedTuple):
    """`after` names the last row of this page where there are more."""

    rows: Sequence[QueueRow]
    after: str | None


def conditions(wanted: QueueFilter, reader: str, now: datetime) -> list[ColumnElement[bool]]:
    """Return the filter as conditions on items. Gold items of others are never shown, and one's own look like any."""
    item = ReviewItemRow
    found = [or_(col(item.purpose) == "live", col(item.assigned_to) == reader)]
    found.append(col(item.state) == "done" if wanted.state == "done" else col(item.state) != "done")
    if wanted.state == "mine":
        found.append(col(item.leased_by) == reader)
    for name in FACETS:
        value = getattr(wanted, name)
        if value is not None:
            found.append(col(getattr(item, name)) == value)
    if wanted.reviewer is not None:
        labelled = select(col(LabelRow.review_item_id)).where(col(LabelRow.reviewer) == wanted.reviewer)
        found.append(or_(col(item.leased_by) == wanted.reviewer, col(item.id).in_(labelled)))
    if wanted.older_than_hours is not None:
        found.append(col(item.created_at) < now - timedelta(hours=wanted.older_than_hours))
    if wanted.text:
        found.append(_matches(wanted.text))
    return found


def queue_page(
    session: Session, narrowed: Sequence[ColumnElement[bool]], *, done: bool, after: str | None, limit: int
) -> QueuePage:
    """Return up to `limit` items: unfinished ones by urgency, finished ones newest first."""
    statement = select(
        ReviewItemRow,
        func.left(col(ReturnRow.message), SNIPPET_CHARACTERS),
        col(ReturnRow.item),
        _last_reviewer() if done else literal(None, Text()),
    ).join(ReturnRow, col(ReturnRow.id) == col(ReviewItemRow.return_id))
    statement = _ordered(statement.where(*narrowed), session, after, done=done)
    found = session.execute(statement.limit(limit + 1)).all()
    rows = [QueueRow(*row) for row in found[:limit]]
    return QueuePage(rows, rows[-1].item.id if len(found) > limit else None)


def _ordered(
    statement: Select[tuple[object, ...]], session: Session, after: str | None, *, done: bool
) -> Select[tuple[object, ...]]:
    item = ReviewItemRow
    last = session.get(item, after) if after else None
    if done:
        key = tuple_(col(item.done_at), col(item.id))
        if last is not None:
            statement = statement.where(key < tuple_(literal(last.done_at), literal(last.id)))
        return statement.order_by(col(item.done_at).desc(), col(item.id).desc())
    key = tuple_(col(item.priority), col(item.due_at), col(item.id))
    if last is not None:
        statement = statement.where(key > tuple_(literal(last.priority), literal(last.due_at), literal(last.id)))
    return statement.order_by(col(item.priority), col(item.due_at), col(item.id))


def neighbours(
    session: Session, narrowed: Sequence[ColumnElement[bool]], item: ReviewItemRow
) -> tuple[str | None, str | None]:
    """Return the ids before and after an unfinished item in the order of the queue."""
    key = tuple_(col(ReviewItemRow.priority), col(ReviewItemRow.due_at), col(ReviewItemRow.id))
    here = tuple_(literal(item.priority), literal(item.due_at), literal(item.id))
    columns = (col(ReviewItemRow.priority), col(ReviewItemRow.due_at), col(ReviewItemRow.id))
    base = select(col(ReviewItemRow.id)).where(*narrowed).limit(1)
    before = session.execute(base.where(key < here).order_by(*(column.desc() for column in columns))).scalar()
    after = session.execute(base.where(key > here).order_by(*columns)).scalar()
    return before, after


def count_up_to(session: Session, narrowed: Sequence[ColumnElement[bool]]) -> int:
    """Return how many items there are, counting no further than `COUNTED_AT_MOST` + 1."""
    inner = select(col(ReviewItemRow.id)).where(*narrowed).limit(COUNTED_AT_MOST + 1).subquery()
    count: int = session.execute(select(func.count()).select_from(inner)).scalar_one()
    return count


def facet_counts(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Return how many unfinished items there are by each value of each facet, in one pass over them."""
    columns = [col(getattr(ReviewItemRow, name)) for name in FACETS]
    statement = (
        select(*columns, func.count(), func.count().filter(col(ReviewItemRow.due_at) < func.now()))
        .where(col(ReviewItemRow.state) != "done", col(ReviewItemRow.purpose) == "live")
        .group_by(*columns)
    )
    counts: dict[str, dict[str, int]] = {name: {} for name in FACETS} | {"all": {"open": 0, "overdue": 0}}
    for *values, number, overdue in session.execute(statement):
        for name, value in zip(FACETS, values, strict=True):
            if value is not None:
                counts[name][value] = counts[name].get(value, 0) + number
        counts["all"]["open"] += number
        counts["all"]["overdue"] += overdue
    return counts


def similar_decided(session: Session, item: ReviewItemRow, limit: int = 5) -> Sequence[tuple[ReviewItemRow, str, str]]:
    """Return finished items that people answered on the same clause and route reason: (item, reply kind, snippet)."""
    statement = (
        select(ReviewItemRow, col(LabelRow.kind), func.left(col(ReturnRow.message), SNIPPET_CHARACTERS))
        .join(LabelRow, col(LabelRow.review_item_id) == col(ReviewItemRow.id))
        .join(ReturnRow, col(ReturnRow.id) == col(ReviewItemRow.return_id))
        .where(
            col(ReviewItemRow.state) == "done",
            col(ReviewItemRow.purpose) == "live",
            col(ReviewItemRow.id) != item.id,
            col(ReviewItemRow.policy_id) == item.policy_id,
            col(ReviewItemRow.reason) == item.reason,
            col(LabelRow.kind).in_(("approve", "correct", "prefer", "reject")),
        )
        .order_by(col(ReviewItemRow.done_at).desc())
        .limit(limit)
    )
    return [(row, kind, snippet) for row, kind, snippet in session.execute(statement)]


def _matches(asked: str) -> ColumnElement[bool]:
    """Words in the customer's message, or an order number."""
    words = func.websearch_to_tsquery(_SIMPLE, asked)
    told = func.to_tsvector(_SIMPLE, cast(col(ReturnRow.message), Text)).op("@@")(words)
    by_words = select(col(ReturnRow.id)).where(told).limit(SEARCHED_AT_MOST)
    # Two questions, each with an index of its own: joined by OR, neither index would be used.
    by_order = select(col(ReviewItemRow.return_id)).where(col(ReviewItemRow.order_id) == asked.strip())
    found = union_all(by_words, by_order.limit(SEARCHED_AT_MOST))
    return col(ReviewItemRow.return_id).in_(found)


def _last_reviewer() -> ColumnElement[str]:
    return (
        select(col(LabelRow.reviewer))
        .where(col(LabelRow.review_item_id) == col(ReviewItemRow.id))
        .order_by(col(LabelRow.id).desc())
        .limit(1)
        .correlate(ReviewItemRow)
        .scalar_subquery()
    )
