"""What the triage flow reads and writes: one short transaction before the checkpoint runs, one after it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from services.domain.actions import ActionStatus, ToolAction
from services.domain.jobs import JobKind, Lease
from services.domain.returns import ReturnRequest, ReturnStatus
from services.domain.review import SecondAnswerRule
from services.domain.settled import Settled
from services.domain.trace import Route, RouteName, Trace
from services.store import jobs, ledger_rows
from services.store.events import Happened, add_event, add_events
from services.store.review import Waiting, open_item
from services.store.sessions import Sessions
from services.store.tables import ReturnRow
from services.store.traces import add_trace

AT_REST = frozenset({ReturnStatus.CLOSED.value, ReturnStatus.IN_REVIEW.value})


class TriageRecords:
    """The repository of `flows.triage`. `second` says which items get a second answer to compare, by rule."""

    def __init__(self, sessions: Sessions, second: SecondAnswerRule | None = None) -> None:
        self._sessions = sessions
        self._second = second or SecondAnswerRule()

    def begin(self, leases: Sequence[Lease], now: datetime) -> Mapping[str, ReturnRequest]:
        """Mark the returns as being worked on and return them by job id.

        Left out are jobs whose lease is lost, and those whose return is at rest already, which end here.
        """
        with self._sessions() as session:
            held = jobs.held_among(session, leases)
            rows = session.execute(
                select(ReturnRow)
                .where(col(ReturnRow.id).in_([lease.subject_id for lease in leases if lease.job_id in held]))
                .order_by(col(ReturnRow.id))
                .with_for_update()
            ).scalars()
            by_id = {row.id: row for row in rows}
            found: dict[str, ReturnRequest] = {}
            for lease in leases:
                if lease.job_id not in held:
                    continue
                row = by_id.get(lease.subject_id)
                if row is None or row.status in AT_REST:
                    jobs.finish(session, lease)
                    continue
                _mark_processing(session, row, now)
                found[lease.job_id] = request_of(row)
            return found

    def actions(self, return_id: str) -> Sequence[ToolAction]:
        """Return all that the ledger holds of a return, oldest first."""
        with self._sessions() as session:
            return ledger_rows.of_return(session, return_id)

    def settle(self, lease: Lease, settled: Settled, now: datetime) -> None:
        """Store trace, outcome, events and review item, and end the job: all of it or nothing.

        Raises LeaseLost where another worker holds the job, and then nothing was stored.
        """
        with self._sessions() as session:
            jobs.finish(session, lease)
            row = _locked(session, lease.subject_id)
            trace_id = None
            if settled.trace is not None:
                trace_id = add_trace(session, request_of(row), settled.trace, attempt=lease.attempt, now=now)
                _copy_outcome(row, settled.trace, trace_id)
            item_id = _come_to_rest(session, row, settled, trace_id, now)
            decided = settled.trace is not None and settled.trace.decision is not None
            if item_id and decided and self._second.draws(item_id, settled.route.reason or ""):
                jobs.enqueue(session, JobKind.SAMPLE, item_id, row.shop_id, now)


def give_up(session: Session, lease: Lease, reason: str, error: str, now: datetime) -> None:
    """Put a return whose job ended without success before a person, in the transaction that ended the job."""
    row = _locked(session, lease.subject_id)
    if row.status not in AT_REST:
        route = Route(name=RouteName.REVIEW, reason=reason)
        _come_to_rest(session, row, Settled(trace=None, route=route, detail=error), None, now)


def request_of(row: ReturnRow) -> ReturnRequest:
    """Return the row as the domain knows it."""
    return ReturnRequest(
        id=row.id,
        shop_id=row.shop_id,
        order_id=row.order_id,
        message=row.message,
        item=row.item,
        customer_email=row.customer_email,
        received_at=row.received_at,
    )


def _mark_processing(session: Session, row: ReturnRow, now: datetime) -> None:
    if row.status == ReturnStatus.RECEIVED:
        row.status, row.updated_at = ReturnStatus.PROCESSING.value, now
        add_event(session, row.id, row.shop_id, "return.processing", {"status": row.status}, now=now)


def _locked(session: Session, return_id: str) -> ReturnRow:
    statement = select(ReturnRow).where(col(ReturnRow.id) == return_id).with_for_update()
    row: ReturnRow = session.execute(statement).scalar_one()
    return row


def _copy_outcome(row: ReturnRow, trace: Trace, trace_id: str) -> None:
    decision = trace.decision
    row.trace_id = trace_id
    row.verdict = trace.verification.verdict.value
    row.checkpoint = trace.deciding.checkpoint if trace.deciding else None
    if decision is not None:
        row.reason = decision.reason.value
        row.decision = decision.outcome.value
        row.policy_id = decision.policy_id
        row.policy_version = decision.policy_version


def _come_to_rest(
    session: Session, row: ReturnRow, settled: Settled, trace_id: str | None, now: datetime
) -> str | None:
    """Close the return or put it before people; return the id of the review item that this opened."""
    route, item_id = settled.route, None
    row.route, row.route_reason, row.updated_at = route.name.value, route.reason, now
    told = [
        Happened(
            "return.action",
            {"tool": action.name, "status": action.status.value, "arguments": dict(action.arguments)},
        )
        for action in (settled.trace.actions if settled.trace else ())
        if action.status != ActionStatus.DRY_RUN
    ]
    if route.name == RouteName.AUTO_CLOSE and settled.trace is not None:
        row.status, row.closed_at, row.closed_by = ReturnStatus.CLOSED.value, now, "desk"
        row.reply = settled.trace.reply
        kind = "return.closed"
    else:
        row.status = ReturnStatus.IN_REVIEW.value
        waiting = Waiting(row.id, row.shop_id, row.order_id, route.reason or "unrouted", settled.detail)
        item_id = open_item(session, waiting, now, settled.trace, trace_id)
        kind = "return.in_review"
    data: dict[str, str | None] = {
        "status": row.status,
        "decision": row.decision,
        "policy_id": row.policy_id,
        "policy_version": row.policy_version,
        "route": row.route,
        "route_reason": row.route_reason,
        "reply": row.reply,
    }
    add_events(session, row.id, row.shop_id, [*told, Happened(kind, data)], now=now)
    return item_id
