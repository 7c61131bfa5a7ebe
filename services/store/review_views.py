"""What pages show beside the queue: saved views, a reviewer's day, the last label, the history of labels."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import LabelKind
from services.store.ids import new_id
from services.store.review_leases import NOTHING_SAID
from services.store.tables import LabelRow, ReviewItemRow, SavedViewRow


class Day(NamedTuple):
    """A reviewer's day so far, from their own midnight, and the whole desk's since then."""

    mine: int
    skipped: int
    everyone: int
    finished: int
    median_seconds: float | None


class LabelBar(NamedTuple):
    """A label just given: what the bar above the next item says of it."""

    id: str
    kind: str
    order_id: str
    item_id: str
    item_state: str
    stage: str
    purpose: str
    undo_until: datetime
    undoable: bool


class HistoryRow(NamedTuple):
    label: LabelRow
    item: ReviewItemRow
    undone: bool


def views_of(session: Session, account: str) -> Sequence[SavedViewRow]:
    statement = select(SavedViewRow).where(col(SavedViewRow.account) == account).order_by(col(SavedViewRow.name))
    return session.execute(statement).scalars().all()


def save_view(session: Session, account: str, name: str, query: str, now: datetime) -> None:
    """Keep a view; one of the same name is replaced."""
    session.execute(
        insert(SavedViewRow)
        .values(id=new_id("view", now), account=account, name=name, query=query, created_at=now)
        .on_conflict_do_update(index_elements=["account", "name"], set_={"query": query})
    )


def delete_view(session: Session, account: str, view_id: str) -> None:
    session.execute(delete(SavedViewRow).where(col(SavedViewRow.id) == view_id, col(SavedViewRow.account) == account))


def midnight_of(now: datetime, offset: timedelta) -> datetime:
    """Return the moment the day of `now` began for somebody whose clock is `offset` ahead of UTC."""
    return (now + offset).replace(hour=0, minute=0, second=0, microsecond=0) - offset


def day_of(session: Session, reviewer: str, now: datetime, offset: timedelta = timedelta(0)) -> Day:
    """Return how the day went so far; `offset` is how far the reader's clock is ahead of UTC."""
    midnight = midnight_of(now, offset)
    mine = col(LabelRow.reviewer) == reviewer
    answers = col(LabelRow.kind).not_in(NOTHING_SAID)
    seconds = LabelRow.document["seconds"].as_float()
    labels = session.execute(
        select(
            func.count().filter(and_(mine, answers)),
            func.count().filter(and_(mine, col(LabelRow.kind) == LabelKind.SKIP.value)),
            func.count().filter(answers),
            func.percentile_cont(0.5).within_group(seconds).filter(and_(mine, answers)),
        ).where(col(LabelRow.created_at) >= midnight)
    ).one()
    finished = session.execute(
        select(func.count())
        .select_from(ReviewItemRow)
        .where(col(ReviewItemRow.state) == "done", col(ReviewItemRow.done_at) >= midnight)
    ).scalar_one()
    return Day(labels[0], labels[1], labels[2], finished, labels[3])


def label_bar(session: Session, label_id: str, window: timedelta, now: datetime) -> LabelBar | None:
    """Return what to say of a label just given; None where there is no such label."""
    undo = aliased(LabelRow)
    found = session.execute(
        select(LabelRow, ReviewItemRow, exists().where(col(undo.undoes) == col(LabelRow.id)))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(col(LabelRow.id) == label_id)
    ).first()
    if found is None:
        return None
    label, item, undone = found
    until = label.created_at + window
    undoable = until > now and not undone and item.purpose == "live" and label.kind != LabelKind.UNDO.value
    return LabelBar(label.id, label.kind, item.order_id, item.id, item.state, item.stage, item.purpose, until, undoable)


def history(session: Session, reviewer: str | None, before: str | None, limit: int) -> Sequence[HistoryRow]:
    """Return labels, newest first, of one reviewer or of all; undo rows are told by what they took back."""
    undo = aliased(LabelRow)
    statement = (
        select(LabelRow, ReviewItemRow, exists().where(col(undo.undoes) == col(LabelRow.id)))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(col(LabelRow.kind) != LabelKind.UNDO.value)
        .order_by(col(LabelRow.created_at).desc(), col(LabelRow.id).desc())
        .limit(limit)
    )
    if reviewer is not None:
        statement = statement.where(col(LabelRow.reviewer) == reviewer)
    if before is not None:
        statement = statement.where(col(LabelRow.id) < before)
    return [HistoryRow(*row) for row in session.execute(statement)]
