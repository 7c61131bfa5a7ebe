"""Labels that may train: standing, old enough, of people not in quarantine, one an item. Redacting is the caller's.

The choice is made here once, so that snapshots and exports cannot differ in it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import LabelKind, LabelledCase, Role
from services.domain.trace import Trace
from services.store.quarantine import not_quarantined
from services.store.review_labels import given
from services.store.review_leases import NOTHING_SAID
from services.store.tables import (
    AccountRow,
    CheckpointDatasetRow,
    LabelRow,
    LabelUseRow,
    ReturnRow,
    ReviewItemRow,
    TraceRow,
)

CHUNK_ROWS = 200
TRAINING_KINDS = (LabelKind.APPROVE.value, LabelKind.CORRECT.value, LabelKind.PREFER.value)


class Choice(NamedTuple):
    """Which labels are wanted. `older_than`: the undo window, counted back from `now`.

    `most_per_reviewer` bounds one person's weight by number, since a poisoned share is measured in examples, not in
    percent. `agreed_only` takes what two people said alike, or an adjudicator.
    """

    now: datetime
    older_than: timedelta
    most_per_reviewer: int | None = None
    agreed_only: bool = False
    since: datetime | None = None


class TrainingLabel(NamedTuple):
    """A label with its case, and what of the customer must not leave: known personal values."""

    label_id: str
    reviewer: str
    created_at: datetime
    labelled: LabelledCase
    personal: Sequence[str]


def training_labels(session: Session, choice: Choice) -> Iterator[TrainingLabel]:
    """Yield the labels by id, oldest first. The same choice yields the same labels, whatever came later."""
    chosen = _chosen(choice).subquery()
    last = ""
    while True:
        statement = (
            select(LabelRow, TraceRow, col(ReturnRow.customer_email))
            .join(chosen, chosen.c.id == col(LabelRow.id))
            .join(TraceRow, col(TraceRow.id) == col(LabelRow.trace_id))
            .join(ReturnRow, col(ReturnRow.id) == col(LabelRow.return_id))
            .where(col(LabelRow.id) > last)
            .order_by(col(LabelRow.id))
            .limit(CHUNK_ROWS)
        )
        if choice.most_per_reviewer is not None:
            statement = statement.where(chosen.c.place <= choice.most_per_reviewer)
        rows = session.execute(statement).all()
        for label, trace, email in rows:
            found = _training_label(label, trace, email)
            if found is not None:
                yield found
        if len(rows) < CHUNK_ROWS:
            return
        last = rows[-1][0].id
        session.expunge_all()


def note_use(session: Session, dataset_digest: str, label_ids: Sequence[str], now: datetime) -> None:
    """Put on record that labels entered a dataset: from then on they can be taken back no more."""
    for start in range(0, len(label_ids), 1_000):
        rows = [
            {"dataset_digest": dataset_digest, "label_id": one, "at": now} for one in label_ids[start : start + 1_000]
        ]
        session.execute(insert(LabelUseRow).values(rows).on_conflict_do_nothing())


def note_training(session: Session, checkpoint: str, dataset_digest: str, now: datetime) -> None:
    """Put on record that a checkpoint was trained on a dataset, so that what it learned from whom can be asked."""
    values = {"checkpoint": checkpoint, "dataset_digest": dataset_digest, "at": now}
    session.execute(insert(CheckpointDatasetRow).values(values).on_conflict_do_nothing())


def _chosen(choice: Choice) -> Select[tuple[str, int]]:
    """Select the last standing answer of each finished item, with its place among its reviewer's by a fixed shuffle."""
    undo, later, later_undo = aliased(LabelRow), aliased(LabelRow), aliased(LabelRow)
    superseded = exists().where(
        col(later.review_item_id) == col(LabelRow.review_item_id),
        col(later.id) > col(LabelRow.id),
        col(later.kind).not_in(NOTHING_SAID),
        ~exists().where(col(later_undo.undoes) == col(later.id)),
    )
    place = func.row_number().over(partition_by=col(LabelRow.reviewer), order_by=func.md5(col(LabelRow.id)))
    statement = (
        select(col(LabelRow.id).label("id"), place.label("place"))
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .outerjoin(AccountRow, col(AccountRow.name) == col(LabelRow.reviewer))
        .where(
            col(LabelRow.kind).in_(TRAINING_KINDS),
            col(LabelRow.trace_id).is_not(None),
            col(LabelRow.created_at) < choice.now - choice.older_than,
            col(ReviewItemRow.purpose) == "live",
            col(ReviewItemRow.state) == "done",
            ~exists().where(col(undo.undoes) == col(LabelRow.id)),
            ~superseded,
            not_quarantined(),
        )
    )
    if choice.since is not None:
        statement = statement.where(col(LabelRow.created_at) >= choice.since)
    if choice.agreed_only:
        adjudicated = and_(
            col(AccountRow.role).in_((Role.ADJUDICATOR.value, Role.ADMIN.value)), col(AccountRow.disabled_at).is_(None)
        )
        statement = statement.where(or_(col(ReviewItemRow.given_labels) > 1, adjudicated))
    return statement


def _training_label(label: LabelRow, row: TraceRow, email: str | None) -> TrainingLabel | None:
    document = given(label).document
    if document.answer is None:
        return None
    evidence = Trace.model_validate(row.document).evidence
    policy = evidence.policy(document.answer.decision.policy_id)
    lineage = {
        "label": label.id,
        "kind": label.kind,
        "outcome": document.answer.decision.outcome.value,
        "return": label.return_id,
        "trace": label.trace_id,
        "clause": f"{policy.policy_id}@{policy.version}" if policy else None,
        "clause_digest": policy.digest if policy else None,
        "facts_digest": evidence.facts.digest,
        "evidence_digest": evidence.digest,
        "checkpoint": row.checkpoint,
        "reviewer": label.reviewer,
        "guideline": label.guideline_version,
    }
    labelled = LabelledCase(evidence, document.answer, document.rejected, LabelKind(label.kind), lineage)
    return TrainingLabel(label.id, label.reviewer, label.created_at, labelled, [email] if email else [])
