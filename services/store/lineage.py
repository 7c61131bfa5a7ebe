"""Where a checkpoint came from, and where a label went: label, snapshot, checkpoint, release. Reads only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.releases import Release
from services.store import nightly, releases
from services.store.nightly import Checkpoint, Dataset, StoredReport
from services.store.tables import LabelRow, LabelUseRow, ReviewItemRow

LONGEST_ANCESTRY = 20


class UsedLabel(NamedTuple):
    """A label with the item it answers."""

    id: str
    reviewer: str
    kind: str
    item_id: str
    order_id: str
    created_at: datetime


class Learned(NamedTuple):
    """A checkpoint with what the gate said of it and the moves that released it, the newest first."""

    checkpoint: Checkpoint
    reports: Sequence[StoredReport]
    moves: Sequence[Release]


class LabelStory(NamedTuple):
    """All that became of a label: each dataset it entered, with the checkpoints that learned from it."""

    label: UsedLabel
    datasets: Sequence[tuple[Dataset, Sequence[Learned]]]


def labels_in(session: Session, dataset: str, limit: int = 100, after: str = "") -> Sequence[UsedLabel]:
    """Return labels of a dataset by id, those after `after`."""
    statement = (
        select(LabelRow, col(ReviewItemRow.order_id))
        .join(LabelUseRow, col(LabelUseRow.label_id) == col(LabelRow.id))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(col(LabelUseRow.dataset_digest) == dataset, col(LabelRow.id) > after)
        .order_by(col(LabelRow.id))
        .limit(limit)
    )
    return [_used(label, order_id) for label, order_id in session.execute(statement)]


def learned_from(session: Session, dataset: str) -> Sequence[Learned]:
    """Return the checkpoints that were trained on a dataset."""
    return [learned(session, one) for one in nightly.checkpoints(session, dataset_digest=dataset)]


def learned(session: Session, checkpoint: Checkpoint) -> Learned:
    return Learned(
        checkpoint,
        nightly.gate_reports(session, candidate=checkpoint.digest),
        releases.releases_of(session, checkpoint.digest),
    )


def label_story(session: Session, label_id: str) -> LabelStory | None:
    """Return what became of a label; None where there is no such label."""
    row = session.execute(
        select(LabelRow, col(ReviewItemRow.order_id))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .where(col(LabelRow.id) == label_id)
    ).one_or_none()
    if row is None:
        return None
    found = nightly.datasets_of_label(session, label_id)
    return LabelStory(_used(row[0], row[1]), [(one, learned_from(session, one.digest)) for one in found])


def ancestry(session: Session, checkpoint: Checkpoint) -> Sequence[Checkpoint]:
    """Return the checkpoint's parents as far as this desk made them, the nearest first."""
    found: list[Checkpoint] = []
    parent = nightly.checkpoint(session, checkpoint.parent) if checkpoint.parent else None
    while parent is not None and len(found) < LONGEST_ANCESTRY:
        found.append(parent)
        parent = nightly.checkpoint(session, parent.parent) if parent.parent else None
    return found


def items_of(session: Session, return_ids: Sequence[str]) -> Mapping[str, str]:
    """Return the newest review item of each of the returns."""
    rows = session.execute(
        select(col(ReviewItemRow.return_id), col(ReviewItemRow.id))
        .where(col(ReviewItemRow.return_id).in_(return_ids), col(ReviewItemRow.purpose) == "live")
        .order_by(col(ReviewItemRow.created_at))
    )
    return {return_id: item_id for return_id, item_id in rows}  # noqa: C416 - rows are no pairs to the type checker


def _used(label: LabelRow, order_id: str) -> UsedLabel:
    return UsedLabel(label.id, label.reviewer, label.kind, label.review_item_id, order_id, label.created_at)
