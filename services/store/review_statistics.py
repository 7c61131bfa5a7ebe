"""Figures over labels: what was done on each day, who agrees with whom, who learned from whose labels. Reads only."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Date, cast, exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.agreement import Agreement, Rating, agreement_of
from services.store.review_labels import given
from services.store.review_leases import NOTHING_SAID
from services.store.review_views import midnight_of
from services.store.tables import CheckpointDatasetRow, LabelRow, LabelUseRow, ReviewItemRow

DAYS = 14
RATED_AT_MOST = 20_000


class DayCount(NamedTuple):
    day: date
    mine: int
    everyone: int


class ReviewerFigures(NamedTuple):
    """A reviewer's labels: all, those that corrected or rejected, those taken back."""

    reviewer: str
    labels: int
    changed: int
    undone: int
    last_at: datetime | None


class Learner(NamedTuple):
    """A checkpoint that was trained on labels of a person."""

    checkpoint: str
    labels: int
    datasets: int


def days(session: Session, reviewer: str, now: datetime, offset: timedelta = timedelta(0)) -> Sequence[DayCount]:
    """Return the answers of each of the last days, oldest first, days without any included.

    `offset` is how far the reader's clock is ahead of UTC: days begin at their midnight.
    """
    first = midnight_of(now - timedelta(days=DAYS - 1), offset)
    day = cast(func.timezone("UTC", col(LabelRow.created_at) + offset), Date)
    found = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            select(day, func.count().filter(col(LabelRow.reviewer) == reviewer), func.count())
            .where(col(LabelRow.created_at) >= first, col(LabelRow.kind).not_in(NOTHING_SAID))
            .group_by(day)
        )
    }
    wanted = [(first + offset + timedelta(days=number)).date() for number in range(DAYS)]
    return [DayCount(one, *found.get(one, (0, 0))) for one in wanted]


def reviewer_figures(session: Session) -> Sequence[ReviewerFigures]:
    undo = aliased(LabelRow)
    undone = exists().where(col(undo.undoes) == col(LabelRow.id))
    statement = (
        select(
            col(LabelRow.reviewer),
            func.count(),
            func.count().filter(col(LabelRow.kind).in_(("correct", "reject"))),
            func.count().filter(undone),
            func.max(col(LabelRow.created_at)),
        )
        .where(col(LabelRow.kind).not_in(NOTHING_SAID))
        .group_by(col(LabelRow.reviewer))
        .order_by(col(LabelRow.reviewer))
    )
    return [ReviewerFigures(*row) for row in session.execute(statement)]


def ratings(session: Session, since: datetime) -> Sequence[Rating]:
    """Return what reviewers said of items that more than one answered: outcome and clause, as one word."""
    undo = aliased(LabelRow)
    several = (
        select(col(LabelRow.review_item_id))
        .where(col(LabelRow.created_at) >= since, col(LabelRow.kind).not_in(NOTHING_SAID))
        .group_by(col(LabelRow.review_item_id))
        .having(func.count(col(LabelRow.reviewer).distinct()) > 1)
        .limit(RATED_AT_MOST)
    )
    rows = session.execute(
        select(LabelRow)
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(
            col(LabelRow.review_item_id).in_(several),
            col(LabelRow.kind).not_in(NOTHING_SAID),
            col(ReviewItemRow.purpose) == "live",
            ~exists().where(col(undo.undoes) == col(LabelRow.id)),
        )
        .order_by(col(LabelRow.id))
    ).scalars()
    return [Rating(row.review_item_id, row.reviewer, _word(row)) for row in rows]


def agreement(session: Session, since: datetime) -> Agreement:
    return agreement_of(ratings(session, since))


def learners(session: Session, reviewer: str) -> Sequence[Learner]:
    """Return which checkpoints were trained on this person's labels."""
    statement = (
        select(
            col(CheckpointDatasetRow.checkpoint),
            func.count(col(LabelRow.id).distinct()),
            func.count(col(CheckpointDatasetRow.dataset_digest).distinct()),
        )
        .join(LabelUseRow, col(LabelUseRow.dataset_digest) == col(CheckpointDatasetRow.dataset_digest))
        .join(LabelRow, col(LabelRow.id) == col(LabelUseRow.label_id))
        .where(col(LabelRow.reviewer) == reviewer)
        .group_by(col(CheckpointDatasetRow.checkpoint))
        .order_by(col(CheckpointDatasetRow.checkpoint))
    )
    return [Learner(*row) for row in session.execute(statement)]


def _word(row: LabelRow) -> str:
    document = given(row).document
    clause = document.answer.decision.policy_id if document.answer else None
    return f"{document.outcome.value if document.outcome else 'none'} {clause or ''}".strip()
