"""The review repository: opens a transaction a call, reads cases whole, and hands writes to leases and labels."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from services.domain.actions import ActionStatus, ToolAction
from services.domain.jobs import JobKind
from services.domain.review import Answer, Hold, NewLabel, Refused, ReviewCase, Stage, Stored
from services.ports import Clock
from services.store import jobs, ledger_rows, review_gold, review_labels, review_leases
from services.store.audit import append_audit
from services.store.information import Said, dialogue
from services.store.review_leases import Taker
from services.store.sessions import Sessions
from services.store.tables import JobRow, LabelRow, ReturnRow, ReviewItemRow, ToolActionRow, TraceRow
from services.store.traces import find_trace


class Sample(NamedTuple):
    """A second answer to the same evidence."""

    trace_id: str
    checkpoint: str
    answer: Answer


class OpenCase(NamedTuple):
    """An item with everything its page shows, read in one transaction."""

    item: ReviewItemRow
    request: ReturnRow
    case: ReviewCase
    action_rows: Sequence[ToolActionRow]
    labels: Sequence[LabelRow]
    sample: Sample | None
    sample_state: str | None
    """The state of the job that draws a second answer, None where none was asked for."""
    dialogue: Sequence[Said] = ()
    """What was asked of the customer, and what came back."""
    order_actions: Sequence[ToolAction] = ()
    """The recorded actions of all returns of the order."""


class Patience(NamedTuple):
    """`lease`: how long an item is held without a sign of life. `undo`: how long a label may be taken back.

    `wait`: how long an item waits for a customer's answer.
    """

    lease: timedelta
    undo: timedelta
    wait: timedelta = review_labels.WAIT


class ReviewRecords:
    """Implements `flows.review.ReviewStore`, and what the pages need beside it."""

    def __init__(self, sessions: Sessions, clock: Clock, patience: Patience) -> None:
        self._sessions, self._clock, self.patience = sessions, clock, patience

    def settle(self, hold: Hold, label: NewLabel, *, final: bool, wanted: int) -> Stored:
        with self._sessions() as session:
            return review_labels.settle(
                session, hold, label, final=final, wanted=wanted, now=self._clock.now(), wait=self.patience.wait
            )

    def undo(self, label_id: str, actor: str, *, adjudicates: bool) -> review_labels.Undone:
        """Take a label back. Raises Refused, Conflict."""
        with self._sessions() as session:
            return review_labels.undo(
                session, label_id, actor, adjudicates=adjudicates, window=self.patience.undo, now=self._clock.now()
            )

    def take(self, item_id: str, taker: Taker) -> Hold:
        """Lease an item. Raises Conflict."""
        with self._sessions() as session:
            return review_leases.take(session, item_id, taker, self.patience.lease, self._clock.now())

    def extend(self, hold: Hold) -> datetime:
        """Keep a lease alive. Raises Conflict."""
        with self._sessions() as session:
            return review_leases.extend(session, hold, self.patience.lease, self._clock.now())

    def release(self, hold: Hold) -> None:
        """Give an item back. Raises Conflict."""
        with self._sessions() as session:
            review_leases.release(session, hold)

    def next(
        self, taker: Taker, narrowed: Sequence[ColumnElement[bool]], *, daily_cap: int | None, gold_share: float
    ) -> Hold | None:
        """Lease the next item, now and then a gold one. Raises Refused where the day's cap is reached."""
        now = self._clock.now()
        with self._sessions() as session:
            held = review_leases.held_by(session, taker.name, now)
            if held is not None:
                return review_leases.take(session, held, taker, self.patience.lease, now)
            given = labels_today(session, taker.name, now)
            if daily_cap is not None and given >= daily_cap:
                raise Refused(f"you have given {given} labels today; your cap is {daily_cap}. Thank you: rest now")
            gold = None if narrowed else review_gold.seed_gold(session, taker.name, given, gold_share, now)
            if gold is not None:
                return review_leases.take(session, gold, taker, self.patience.lease, now)
            return review_leases.next_item(session, taker, narrowed, self.patience.lease, now)

    def decline(self, action_id: str, return_id: str, actor: str, reason: str) -> None:
        """Record that a person decided against an action that awaited one. Raises Refused."""
        now = self._clock.now()
        with self._sessions() as session:
            declined = session.execute(
                update(ToolActionRow)
                .where(
                    col(ToolActionRow.id) == action_id,
                    col(ToolActionRow.return_id) == return_id,
                    col(ToolActionRow.state) == ActionStatus.AWAITING_APPROVAL.value,
                )
                .values(
                    state=ActionStatus.FAILED.value,
                    error=f"declined by {actor}: {reason}",
                    actor=f"reviewer:{actor}",
                    finished_at=now,
                )
                .returning(col(ToolActionRow.tool))
            ).scalar_one_or_none()
            if declined is None:
                raise Refused("this action does not wait for a person any more")
            append_audit(session, actor, "tool.decline", action_id, {"tool": declined, "return": return_id}, now=now)

    def note_tool_run(self, actor: str, action_id: str, detail: dict[str, object]) -> None:
        """Put on record that a person let a tool run."""
        with self._sessions() as session:
            append_audit(session, actor, "tool.run", action_id, detail, now=self._clock.now())

    def ask_for_sample(self, item_id: str) -> None:
        """Ask for a second answer to compare with. Raises Refused where there is nothing to compare."""
        now = self._clock.now()
        with self._sessions() as session:
            item = session.get(ReviewItemRow, item_id)
            if item is None or item.state == "done" or item.trace_id is None or item.purpose != "live":
                raise Refused("there is no open answer here to compare a second one with")
            jobs.enqueue(session, JobKind.SAMPLE, item.id, item.shop_id, now)

    def open(self, item_id: str) -> OpenCase | None:
        with self._sessions() as session:
            item = session.get(ReviewItemRow, item_id)
            return _open(session, item) if item is not None else None


def labels_today(session: Session, reviewer: str, now: datetime) -> int:
    """Return how many answers this person gave since midnight UTC."""
    count: int = session.execute(
        select(func.count())
        .select_from(LabelRow)
        .where(
            col(LabelRow.reviewer) == reviewer,
            col(LabelRow.created_at) >= now.replace(hour=0, minute=0, second=0, microsecond=0),
            col(LabelRow.kind).not_in(review_leases.NOTHING_SAID),
        )
    ).scalar_one()
    return count


def case_of(session: Session, item: ReviewItemRow) -> ReviewCase:
    """Return what a ruling on the item needs."""
    stored = find_trace(session, item.trace_id) if item.trace_id else None
    return ReviewCase(
        item_id=item.id,
        return_id=item.return_id,
        purpose=item.purpose,
        stage=Stage(item.stage),
        trace_id=item.trace_id,
        trace=stored.trace if stored else None,
        actions=tuple(ledger_rows.of_return(session, item.return_id)),
    )


def _open(session: Session, item: ReviewItemRow) -> OpenCase:
    request = session.get_one(ReturnRow, item.return_id)
    actions = session.execute(
        select(ToolActionRow)
        .where(col(ToolActionRow.return_id) == item.return_id)
        .order_by(col(ToolActionRow.created_at), col(ToolActionRow.id))
    )
    labels = session.execute(select(LabelRow).where(col(LabelRow.review_item_id) == item.id).order_by(col(LabelRow.id)))
    return OpenCase(
        item,
        request,
        case_of(session, item),
        actions.scalars().all(),
        labels.scalars().all(),
        _sample(session, item),
        _sample_state(session, item.id),
        dialogue(session, item.return_id),
        ledger_rows.of_order(session, item.shop_id, item.order_id),
    )


def _sample_state(session: Session, item_id: str) -> str | None:
    statement = select(col(JobRow.state)).where(
        col(JobRow.kind) == JobKind.SAMPLE.value, col(JobRow.subject_id) == item_id
    )
    found: str | None = session.execute(statement).scalar()
    return found


def _sample(session: Session, item: ReviewItemRow) -> Sample | None:
    """Return the newest second answer to the case, where one was drawn."""
    row = session.execute(
        select(TraceRow)
        .where(col(TraceRow.return_id) == item.return_id, col(TraceRow.purpose) == "sample")
        .order_by(col(TraceRow.attempt).desc())
        .limit(1)
    ).scalar_one_or_none()
    stored = find_trace(session, row.id) if row else None
    if stored is None or stored.trace.decision is None:
        return None
    answer = Answer(decision=stored.trace.decision, reply=stored.trace.reply, actions=stored.trace.actions)
    return Sample(stored.id, stored.trace.deciding.checkpoint if stored.trace.deciding else "", answer)
