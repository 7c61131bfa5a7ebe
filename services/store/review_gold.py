"""Gold items: finished cases with a known answer, shown again to reviewers who cannot tell. Measures only."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.review import LabelKind, Refused, drawn, same_answer
from services.store.audit import append_audit
from services.store.ids import new_id
from services.store.review_labels import counted_labels, given
from services.store.tables import GoldItemRow, LabelRow, ReviewItemRow


class GoldScore(NamedTuple):
    """How a reviewer met the known answers."""

    reviewer: str
    answered: int
    right: int


def mark_gold(session: Session, item_id: str, actor: str, now: datetime) -> None:
    """Make a finished item gold, its last label the known answer. Raises Refused."""
    item = session.get(ReviewItemRow, item_id)
    labels = counted_labels(session, item_id)
    if item is None or item.state != "done" or item.purpose != "live" or item.trace_id is None or not labels:
        raise Refused("only a finished, decided item with a label can become a check item")
    if session.get(GoldItemRow, item_id) is None:
        session.add(GoldItemRow(review_item_id=item_id, label_id=labels[-1].id, added_by=actor, added_at=now))
        session.flush()
        append_audit(session, actor, "gold.add", item_id, {"label": labels[-1].id}, now=now)


def seed_gold(session: Session, reviewer: str, given_today: int, share: float, now: datetime) -> str | None:
    """Return a gold item for this reviewer where the draw says so and one is left that he has not met."""
    if not drawn(f"{reviewer}:{now:%Y-%m-%d}:{given_today}", "gold", share):
        return None
    met = aliased(ReviewItemRow)
    source = session.execute(
        select(ReviewItemRow)
        .join(GoldItemRow, col(GoldItemRow.review_item_id) == col(ReviewItemRow.id))
        .where(
            col(GoldItemRow.retired_at).is_(None),
            ~exists().where(
                met.return_id == col(ReviewItemRow.return_id),  # type: ignore[arg-type]
                col(met.purpose) == "gold",
                col(met.assigned_to) == reviewer,
            ),
            ~exists().where(
                col(LabelRow.return_id) == col(ReviewItemRow.return_id), col(LabelRow.reviewer) == reviewer
            ),
        )
        .order_by(func.md5(col(ReviewItemRow.id) + reviewer))
        .limit(1)
    ).scalar_one_or_none()
    if source is None:
        return None
    copied = ("return_id", "shop_id", "order_id", "trace_id", "reason", "detail", "decision", "policy_id", "checkpoint")
    row = ReviewItemRow(
        **{name: getattr(source, name) for name in (*copied, "worst_finding", "priority")},
        id=new_id("rev", now),
        purpose="gold",
        assigned_to=reviewer,
        created_at=now,
        due_at=now + (source.due_at - source.created_at),
    )
    session.add(row)
    session.flush()
    return row.id


def known_answer(session: Session, return_id: str) -> LabelRow | None:
    """Return the label that is the known answer of a gold return."""
    found: LabelRow | None = session.execute(
        select(LabelRow)
        .join(GoldItemRow, col(GoldItemRow.label_id) == col(LabelRow.id))
        .where(col(LabelRow.return_id) == return_id)
        .limit(1)
    ).scalar_one_or_none()
    return found


def gold_scores(session: Session, reviewer: str | None = None) -> Sequence[GoldScore]:
    """Return each reviewer's answers to gold items, compared as adjudication compares: outcome and clause."""
    known = aliased(LabelRow)
    statement = (
        select(LabelRow, known)
        .join(ReviewItemRow, col(ReviewItemRow.id) == col(LabelRow.review_item_id))
        .join(known, col(known.return_id) == col(LabelRow.return_id))
        .join(GoldItemRow, col(GoldItemRow.label_id) == col(known.id))
        .where(col(ReviewItemRow.purpose) == "gold", col(LabelRow.kind) != LabelKind.SKIP.value)
    )
    if reviewer is not None:
        statement = statement.where(col(LabelRow.reviewer) == reviewer)
    tally: dict[str, list[bool]] = {}
    for said, right in session.execute(statement):
        tally.setdefault(said.reviewer, []).append(same_answer(given(said).document, given(right).document))
    return [GoldScore(name, len(hits), sum(hits)) for name, hits in sorted(tally.items())]
