"""What a shop hands in after a question to the customer, and how items that waited for it wake up.

The words are events of the return, append-only like all of its story; they change no evidence: a person reads them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.returns import ReturnStatus
from services.domain.review import Stage
from services.store.events import add_event
from services.store.review_labels import WAITING_PRIORITY
from services.store.tables import EventRow, ReturnRow, ReviewItemRow

ASKED, TOLD = "return.needs_information", "return.information"
ANSWERED_PRIORITY = 2
"""A customer who answered waits for us now."""
UNANSWERED_PRIORITY = 4
AWAKE = timedelta(hours=24)
"""By when a person looks at an item that woke up."""


class Received(NamedTuple):
    """What became of the words: the return's status; `stored` is False where the same words were there already."""

    status: str
    stored: bool


class Said(NamedTuple):
    """One turn between a reviewer and the customer."""

    at: datetime
    asked: bool
    text: str


class ReturnClosed(Exception):
    """The return has its answer; what is new belongs into a new return."""


def add_information(session: Session, shop_id: str, return_id: str, text: str, now: datetime) -> Received | None:
    """Store what the customer added, and wake the item that waits for it; None where the shop has no such return.

    The same words sent twice since the last question are one answer. Raises ReturnClosed.
    """
    row = session.get(ReturnRow, return_id, with_for_update=True)
    if row is None or row.shop_id != shop_id:
        return None
    if row.status == ReturnStatus.CLOSED.value:
        raise ReturnClosed(return_id)
    since = _since_the_question(dialogue(session, return_id))
    if any(one.text == text for one in since):
        return Received(row.status, stored=False)
    add_event(session, row.id, row.shop_id, TOLD, {"status": row.status, "text": text}, now=now)
    _wake(
        session.execute(
            select(ReviewItemRow)
            .where(
                col(ReviewItemRow.return_id) == return_id,
                col(ReviewItemRow.state) != "done",
                col(ReviewItemRow.stage) == Stage.WAITING.value,
            )
            .with_for_update()
        )
        .scalars()
        .all(),
        ANSWERED_PRIORITY,
        now,
    )
    return Received(row.status, stored=True)


def dialogue(session: Session, return_id: str) -> Sequence[Said]:
    """Return the questions to the customer and what came back, oldest first."""
    rows = session.execute(
        select(EventRow)
        .where(col(EventRow.return_id) == return_id, col(EventRow.kind).in_((ASKED, TOLD)))
        .order_by(col(EventRow.id))
    ).scalars()
    return [
        Said(row.at, row.kind == ASKED, str(row.data.get("question") or row.data.get("text") or "")) for row in rows
    ]


def wake_overdue(session: Session, now: datetime, limit: int = 500) -> int:
    """Give items back to reviewers whose customer did not answer in time; return how many.

    A waiting item's due time is when its patience ends. Rows that somebody holds are stepped over.
    """
    rows = (
        session.execute(
            select(ReviewItemRow)
            .where(
                col(ReviewItemRow.state) == "open",
                col(ReviewItemRow.priority) == WAITING_PRIORITY,
                col(ReviewItemRow.stage) == Stage.WAITING.value,
                col(ReviewItemRow.due_at) < now,
            )
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        .scalars()
        .all()
    )
    _wake(rows, UNANSWERED_PRIORITY, now)
    return len(rows)


def _wake(rows: Sequence[ReviewItemRow], priority: int, now: datetime) -> None:
    for row in rows:
        row.stage, row.priority, row.due_at = Stage.LABEL.value, priority, now + AWAKE
        if row.state == "open":  # Whoever holds it keeps the hold: the version is theirs.
            row.version += 1


def _since_the_question(said: Sequence[Said]) -> Sequence[Said]:
    last = max((number for number, one in enumerate(said) if one.asked), default=-1)
    return said[last + 1 :]
