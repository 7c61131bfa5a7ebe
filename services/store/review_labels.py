"""Labels: stored with all they cause in one transaction, and taken back within their window. Append-only.

Whether an answer may go out is the flow's ruling; here it is written: label, item, return, events and audit entry
together or not at all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from services.domain.returns import ReturnStatus
from services.domain.review import (
    Conflict,
    Ending,
    GivenLabel,
    Hold,
    LabelDocument,
    LabelKind,
    NewLabel,
    Refused,
    Stage,
    Stored,
    ending_of,
)
from services.store.audit import append_audit
from services.store.events import add_event
from services.store.ids import new_id
from services.store.review_leases import NOTHING_SAID, held, reopen
from services.store.tables import LabelRow, LabelUseRow, ReturnRow, ReviewItemRow

ESCALATED_PRIORITY = 0
WAITING_PRIORITY = 9
PLAIN_PRIORITY = 4
WAIT = timedelta(hours=72)
"""How long an item waits for a customer's answer where nothing else is set."""


class Undone(NamedTuple):
    item_id: str
    reopened: bool
    """The return had been closed by this label and is with people again."""


def settle(  # noqa: PLR0913 - whose label, its weight, when
    session: Session, hold: Hold, label: NewLabel, *, final: bool, wanted: int, now: datetime, wait: timedelta = WAIT
) -> Stored:
    """Store a label with all it causes. `final`: an adjudicator's; `wanted`: labels asked for if this is the first.

    `wait`: how long the item waits for the customer where the label asks something.

    Raises Conflict, and then nothing was stored.
    """
    item = held(session, hold)
    earlier = counted_labels(session, item.id)
    item.wanted_labels = max(item.wanted_labels, wanted)
    ending = (
        Ending.GOLD
        if item.purpose == "gold" and label.kind is not LabelKind.SKIP
        else ending_of(label.kind, label.document, earlier, item.wanted_labels, final=final)
    )
    row = LabelRow(
        id=new_id("lab", now),
        review_item_id=item.id,
        return_id=item.return_id,
        trace_id=item.trace_id,
        reviewer=hold.reviewer,
        kind=label.kind.value,
        reason=label.reason,
        guideline_version=label.guideline_version,
        document=label.document.model_dump(mode="json"),
        created_at=now,
    )
    session.add(row)
    item.given_labels = len(earlier) + (label.kind.value not in NOTHING_SAID)
    _move(item, ending, now, wait)
    _tell(session, item, label, ending, now)
    session.flush()
    detail = {"item": item.id, "return": item.return_id, "kind": label.kind.value, "ending": ending.value}
    append_audit(session, hold.reviewer, "label.add", row.id, detail, now=now)
    return Stored(row.id, ending)


def undo(  # noqa: PLR0913 - whose label, who asks, how long, when
    session: Session, label_id: str, actor: str, *, adjudicates: bool, window: timedelta, now: datetime
) -> Undone:
    """Take a label back: it trains nothing, and its item waits again. Raises Refused with the reason why not."""
    label = session.get(LabelRow, label_id)
    if label is None or label.kind == LabelKind.UNDO.value:
        raise Refused("there is no such label")
    if label.reviewer != actor and not adjudicates:
        raise Refused("only its reviewer or an adjudicator can take a label back")
    item = session.get_one(ReviewItemRow, label.review_item_id, with_for_update=True)
    _refuse_undo(session, label, item, window, now)
    session.add(
        LabelRow(
            id=new_id("lab", now),
            review_item_id=item.id,
            return_id=item.return_id,
            trace_id=item.trace_id,
            reviewer=actor,
            kind=LabelKind.UNDO.value,
            undoes=label_id,
            created_at=now,
        )
    )
    session.flush()
    reopened = item.state == "done"
    item.given_labels = len(counted_labels(session, item.id))
    item.stage, item.done_at = Stage.LABEL.value, None
    if item.priority in {ESCALATED_PRIORITY, WAITING_PRIORITY}:
        item.priority = PLAIN_PRIORITY
    reopen(item)
    if reopened:
        _reopen_return(session, item, now)
    session.flush()
    append_audit(session, actor, "label.undo", label_id, {"item": item.id, "reopened": reopened}, now=now)
    return Undone(item.id, reopened)


def counted_labels(session: Session, item_id: str) -> Sequence[GivenLabel]:
    """Return the answers to an item that stand, oldest first."""
    undoing = aliased(LabelRow)
    rows = session.execute(
        select(LabelRow)
        .where(
            col(LabelRow.review_item_id) == item_id,
            col(LabelRow.kind).not_in(NOTHING_SAID),
            ~exists().where(col(undoing.undoes) == col(LabelRow.id)),
        )
        .order_by(col(LabelRow.created_at), col(LabelRow.id))
    ).scalars()
    return [given(row) for row in rows]


def given(row: LabelRow) -> GivenLabel:
    document = LabelDocument.model_validate(_whole(row.document))
    return GivenLabel(row.id, row.reviewer, LabelKind(row.kind), document, row.created_at)


def _whole(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored document with the nulls of its decisions: the first labels were stored without them."""
    found = dict(stored)
    for part in ("answer", "rejected"):
        if found.get(part):
            decision = {"policy_id": None, "policy_version": None, **found[part]["decision"]}
            found[part] = {**found[part], "decision": decision}
    return found


def _refuse_undo(session: Session, label: LabelRow, item: ReviewItemRow, window: timedelta, now: datetime) -> None:
    if item.purpose == "gold":
        raise Refused("this was a check item; its answer is not taken back")
    if now - label.created_at > window:
        raise Refused(f"the {int(window.total_seconds() // 60)} minutes for taking a label back are over")
    if session.execute(select(exists().where(col(LabelRow.undoes) == label.id))).scalar_one():
        raise Refused("this label is taken back already")
    if session.execute(select(exists().where(col(LabelUseRow.label_id) == label.id))).scalar_one():
        raise Refused("a dataset already holds this label")
    later = select(
        exists().where(
            col(LabelRow.review_item_id) == item.id,
            col(LabelRow.kind) != LabelKind.UNDO.value,
            col(LabelRow.id) > label.id,
        )
    )
    if session.execute(later).scalar_one():
        raise Refused("the item has a later label; take that one back first")
    if item.state == "leased" and item.lease_until is not None and item.lease_until > now:
        raise Conflict(f"{item.leased_by} is answering this item right now")


def _move(item: ReviewItemRow, ending: Ending, now: datetime, wait: timedelta) -> None:
    if ending in {Ending.SEND, Ending.BY_HAND, Ending.GOLD}:
        item.state, item.done_at = "done", now
        item.lease_token, item.leased_by, item.lease_until = None, None, None
        item.version += 1
        return
    if ending is Ending.ADJUDICATE:
        item.stage, item.priority = Stage.ADJUDICATE.value, ESCALATED_PRIORITY
    elif ending is Ending.WAIT:
        item.stage, item.priority, item.due_at = Stage.WAITING.value, WAITING_PRIORITY, now + wait
    reopen(item)


def _tell(session: Session, item: ReviewItemRow, label: NewLabel, ending: Ending, now: datetime) -> None:
    """Change the return as the ending says, and tell the shop."""
    if ending is Ending.WAIT:
        data: dict[str, Any] = {"status": ReturnStatus.IN_REVIEW.value, "question": label.document.question}
        add_event(session, item.return_id, item.shop_id, "return.needs_information", data, now=now)
        return
    if ending not in {Ending.SEND, Ending.BY_HAND}:
        return
    row = session.get_one(ReturnRow, item.return_id, with_for_update=True)
    row.status, row.closed_at, row.closed_by, row.updated_at = ReturnStatus.CLOSED.value, now, "reviewer", now
    answer = label.document.answer if ending is Ending.SEND else None
    row.reply = answer.reply if answer else None
    row.decision = label.document.outcome.value if label.document.outcome else None
    if answer:
        row.reason, row.policy_id = answer.decision.reason.value, answer.decision.policy_id
        row.policy_version = answer.decision.policy_version
    told = {
        "status": row.status,
        "decision": row.decision,
        "policy_id": row.policy_id,
        "policy_version": row.policy_version,
        "route": row.route,
        "route_reason": row.route_reason,
        "reply": row.reply,
        "closed_by": "reviewer",
        "answer_by_hand": answer is None,
    }
    add_event(session, row.id, row.shop_id, "return.closed", told, now=now)


def _reopen_return(session: Session, item: ReviewItemRow, now: datetime) -> None:
    row = session.get_one(ReturnRow, item.return_id, with_for_update=True)
    row.status, row.closed_at, row.closed_by, row.updated_at = ReturnStatus.IN_REVIEW.value, None, None, now
    add_event(session, row.id, row.shop_id, "return.reopened", {"status": row.status}, now=now)
