"""Who holds which review item, for how long: taking, keeping alive, giving back, taking over. One holder at a time.

Every change of an item raises its version and every write names token and version, so a lease that was lost is seen
as a conflict and never as a lost label. Which item comes next is decided here too, under a row lock.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import Conflict, Hold, LabelKind, Stage
from services.store.audit import append_audit
from services.store.tables import LabelRow, ReviewItemRow

NOTHING_SAID = (LabelKind.UNDO.value, LabelKind.SKIP.value, LabelKind.ESCALATE.value, LabelKind.NEEDS_INFORMATION.value)
"""Kinds of label that do not count as an answer to the case."""


class Taker(NamedTuple):
    """Who asks for work: `adjudicates` opens disputed items, `force` takes a live lease from its holder."""

    name: str
    adjudicates: bool = False
    force: bool = False


def take(session: Session, item_id: str, taker: Taker, patience: timedelta, now: datetime) -> Hold:
    """Lease one item to the taker; the holder renews. Raises Conflict, saying who holds it or what it became."""
    row = session.get(ReviewItemRow, item_id, with_for_update=True)
    if row is None or (row.purpose == "gold" and row.assigned_to != taker.name):
        raise Conflict("there is no such item")
    if row.state == "done":
        raise Conflict("this item is finished; its labels are shown below")
    if row.stage == Stage.ADJUDICATE.value and not taker.adjudicates:
        raise Conflict("reviewers disagree on this item, or one escalated it: it waits for an adjudicator")
    if not taker.adjudicates and _answered(session, item_id, taker.name):
        raise Conflict("you have answered this item; it waits for a second reviewer")
    other = row.leased_by if row.state == "leased" and row.leased_by != taker.name else None
    if other is not None:
        if row.lease_until is not None and row.lease_until > now and not taker.force:
            raise Conflict(f"{other} holds this item until {row.lease_until:%H:%M} UTC")
        detail = {"from": other, "lease_until": row.lease_until.isoformat() if row.lease_until else None}
        hold = _lease(session, row, taker.name, patience, now)
        append_audit(session, taker.name, "review.take_over", item_id, detail, now=now)
        return hold
    return _lease(session, row, taker.name, patience, now)


def extend(session: Session, hold: Hold, patience: timedelta, now: datetime) -> datetime:
    """Keep a lease alive without changing the item's version; return its new end. Raises Conflict."""
    row = held(session, hold)
    row.lease_until = now + patience
    return row.lease_until


def release(session: Session, hold: Hold) -> None:
    """Give the item back unanswered. Raises Conflict."""
    row = held(session, hold)
    reopen(row)


def held(session: Session, hold: Hold) -> ReviewItemRow:
    """Return the item, locked, if the hold still stands. Raises Conflict with what happened instead."""
    row = session.get(ReviewItemRow, hold.item_id, with_for_update=True)
    if row is None:
        raise Conflict("there is no such item")
    if row.state == "leased" and row.lease_token == hold.token and row.version == hold.version:
        return row
    if row.state == "done":
        raise Conflict("this item was finished meanwhile; nothing of yours was stored")
    if row.state == "leased" and row.leased_by != hold.reviewer:
        raise Conflict(f"{row.leased_by} took this item over after your hold ran out; nothing of yours was stored")
    raise Conflict("your hold on this item ended; nothing was stored. Take it again: your words are kept below")


def reopen(row: ReviewItemRow) -> None:
    row.state, row.lease_token, row.leased_by, row.lease_until = "open", None, None, None
    row.version += 1


def held_by(session: Session, reviewer: str, now: datetime) -> str | None:
    """Return the item this reviewer holds, if any."""
    found: str | None = session.execute(
        select(col(ReviewItemRow.id))
        .where(col(ReviewItemRow.leased_by) == reviewer, _UNFINISHED, col(ReviewItemRow.lease_until) > now)
        .order_by(col(ReviewItemRow.lease_until).desc())
        .limit(1)
    ).scalar()
    return found


def next_item(
    session: Session,
    taker: Taker,
    narrowed: Sequence[ColumnElement[bool]],
    patience: timedelta,
    now: datetime,
) -> Hold | None:
    """Lease the most urgent item that this reviewer may answer; None where there is none.

    Items he skipped come last. Rows that another transaction is taking are stepped over, so nobody waits.
    """
    for skipped_too in (False, True):
        statement = (
            select(ReviewItemRow)
            .where(*_takeable(taker, now), *narrowed)
            .order_by(col(ReviewItemRow.priority), col(ReviewItemRow.due_at), col(ReviewItemRow.id))
            .limit(1)
            .with_for_update(skip_locked=True, of=ReviewItemRow)
        )
        if not skipped_too:
            statement = statement.where(~_has_label(taker.name, (LabelKind.SKIP.value,)))
        row = session.execute(statement).scalars().first()
        if row is not None:
            return _lease(session, row, taker.name, patience, now)
    return None


_UNFINISHED = col(ReviewItemRow.state) != "done"


def _takeable(taker: Taker, now: datetime) -> list[ColumnElement[bool]]:
    stages = [Stage.LABEL.value, Stage.ADJUDICATE.value] if taker.adjudicates else [Stage.LABEL.value]
    conditions = [
        _UNFINISHED,
        or_(col(ReviewItemRow.state) == "open", col(ReviewItemRow.lease_until) < now),
        col(ReviewItemRow.stage).in_(stages),
        or_(col(ReviewItemRow.purpose) == "live", col(ReviewItemRow.assigned_to) == taker.name),
    ]
    if not taker.adjudicates:
        conditions.append(or_(col(ReviewItemRow.given_labels) == 0, ~_has_answer(taker.name)))
    return conditions


def _has_answer(reviewer: str) -> ColumnElement[bool]:
    undo = aliased(LabelRow)
    return exists().where(
        col(LabelRow.review_item_id) == col(ReviewItemRow.id),
        col(LabelRow.reviewer) == reviewer,
        col(LabelRow.kind).not_in(NOTHING_SAID),
        ~exists().where(col(undo.undoes) == col(LabelRow.id)),
    )


def _has_label(reviewer: str, kinds: Sequence[str]) -> ColumnElement[bool]:
    return exists().where(
        col(LabelRow.review_item_id) == col(ReviewItemRow.id),
        col(LabelRow.reviewer) == reviewer,
        col(LabelRow.kind).in_(kinds),
    )


def _answered(session: Session, item_id: str, reviewer: str) -> bool:
    statement = select(func.count()).select_from(ReviewItemRow).where(col(ReviewItemRow.id) == item_id)
    return bool(session.execute(statement.where(_has_answer(reviewer))).scalar_one())


def _lease(session: Session, row: ReviewItemRow, name: str, patience: timedelta, now: datetime) -> Hold:
    renewing = row.state == "leased" and row.leased_by == name and row.lease_token is not None
    if not renewing:
        row.state, row.leased_by, row.lease_token = "leased", name, secrets.token_hex(16)
        row.version += 1
    row.lease_until = now + patience
    session.flush()
    return Hold(row.id, name, row.lease_token or "", row.version)
