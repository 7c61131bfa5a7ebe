"""The tool ledger: a row before the outward call, its result after it, and one effect whatever is retried.

The row is unique a return, tool and arguments. A row left `pending` by a crash is resolved by calling the provider
again with the same idempotency key. Whether a call may run is ruled by `services.domain.permissions`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import col

from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.canonical import digest_of
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.jobs import Lease
from services.domain.permissions import OrderCaps, Permission, held, permit
from services.domain.returns import ReturnRequest
from services.ports import Clock, ToolCase, ToolProvider, ToolRefused, ToolUnavailable
from services.store import jobs, ledger_rows
from services.store.ids import new_id
from services.store.sessions import Sessions, lock_for_transaction
from services.store.tables import ReturnRow, ToolActionRow

DESK = "desk"


class ActionUnknown(Exception):
    """No recorded action has this id."""


class NotAwaitingApproval(Exception):
    """The action has run, failed or was refused; there is nothing to approve. The message names its state."""


class _Started(NamedTuple):
    """What the ledger says before the outward call. `action` is set where there is no call to make."""

    row_id: str
    action: ToolAction | None


class ToolLedger:
    """Runs tool calls through a provider and records them. Implements `flows.triage.CaseTools`."""

    def __init__(
        self, sessions: Sessions, provider: ToolProvider, clock: Clock, *, name: str, caps: OrderCaps | None = None
    ) -> None:
        self._sessions = sessions
        self._provider = provider
        self._clock = clock
        self._name = name
        self._caps = caps

    def run(
        self, lease: Lease, request: ReturnRequest, evidence: Evidence, decision: Decision, call: ToolCall
    ) -> ToolAction:
        """Run the call at most once if the governing clause grants it; record it in any case.

        Raises LeaseLost, ToolUnavailable (outcome unknown; to be repeated with the same arguments).
        """
        started = self._start(lease, request, evidence, decision, call)
        if started.action is not None:
            return started.action
        return self._execute(started.row_id, call, request.id, request.shop_id, request.customer_email)

    def _start(
        self, lease: Lease, request: ReturnRequest, evidence: Evidence, decision: Decision, call: ToolCall
    ) -> _Started:
        """Insert the row, or find it. Calls for one order go one after the other, so that caps cannot be outrun."""
        now = self._clock.now()
        key = call.idempotency_key(request.id)
        with self._sessions() as session:
            jobs.hold(session, lease)
            lock_for_transaction(session, "order", request.shop_id, request.order_id)
            row = ledger_rows.find(session, request.id, call)
            if row is not None:
                settled = row.state != ActionStatus.PENDING
                return _Started(row.id, ledger_rows.action_of(row) if settled else None)
            earlier = ledger_rows.of_order(session, request.shop_id, request.order_id)
            permission = permit(
                call,
                evidence.policy(decision.policy_id),
                evidence.facts,
                earlier=earlier,
                caps=self._caps,
                idempotency_key=key,
            )
            row = self._row(request.id, call, now)
            stopped = _held_action(call, permission, key)
            if stopped is not None:
                row.state, row.error = stopped.status.value, stopped.error
                row.finished_at = now if stopped.status == ActionStatus.FAILED else None
            session.add(row)
            return _Started(row.id, ledger_rows.action_of(row) if stopped else None)

    def approve(self, action_id: str, reviewer: str) -> ToolAction:
        """Run an action that awaited a person, in that person's name; a second click finds the first one's result.

        Raises ActionUnknown, NotAwaitingApproval, ToolUnavailable (outcome unknown; the same call resumes it).
        """
        with self._sessions() as session:
            row = session.get(ToolActionRow, action_id, with_for_update=True)
            if row is None:
                raise ActionUnknown(action_id)
            if row.state == ActionStatus.SUCCEEDED:
                return ledger_rows.action_of(row)
            if row.state == ActionStatus.FAILED:
                raise NotAwaitingApproval(row.state)
            row.state, row.actor, row.error = ActionStatus.PENDING.value, f"reviewer:{reviewer}", None
            owner = session.get_one(ReturnRow, row.return_id)
            call = ToolCall(name=row.tool, arguments=row.arguments)
            case = (owner.id, owner.shop_id, owner.customer_email)
        return self._execute(action_id, call, *case)

    def run_for_reviewer(
        self,
        request: ReturnRequest,
        call: ToolCall,
        reviewer: str,
        check: Callable[[Sequence[ToolAction]], None] = lambda _: None,
    ) -> ToolAction:
        """Run a call that a reviewer asked for; once, like any other.

        `check` is given the order's recorded actions while no other call for the order can start, and raises what
        stands against the call. Raises that, ToolUnavailable.
        """
        now = self._clock.now()
        with self._sessions() as session:
            lock_for_transaction(session, "order", request.shop_id, request.order_id)
            row = ledger_rows.find(session, request.id, call)
            if row is None or row.state == ActionStatus.AWAITING_APPROVAL:
                check(ledger_rows.of_order(session, request.shop_id, request.order_id))
            if row is None:
                row = self._row(request.id, call, now)
                session.add(row)
            if row.state in {ActionStatus.SUCCEEDED, ActionStatus.FAILED}:
                return ledger_rows.action_of(row)
            row.state, row.actor, row.error = ActionStatus.PENDING.value, f"reviewer:{reviewer}", None
            row_id = row.id
        return self._execute(row_id, call, request.id, request.shop_id, request.customer_email)

    def _row(self, return_id: str, call: ToolCall, now: datetime) -> ToolActionRow:
        return ToolActionRow(
            id=new_id("act", now),
            return_id=return_id,
            tool=call.name,
            args_digest=digest_of(dict(call.arguments)),
            idempotency_key=call.idempotency_key(return_id),
            state=ActionStatus.PENDING.value,
            arguments=dict(call.arguments),
            result={},
            supports=[],
            provider=self._name,
            attempts=0,
            actor=DESK,
            created_at=now,
        )

    def _execute(self, row_id: str, call: ToolCall, return_id: str, shop_id: str, email: str | None) -> ToolAction:
        """Call the provider, with no transaction open, and record how it ended."""
        key = call.idempotency_key(return_id)
        try:
            result = self._provider.execute(call, key, ToolCase(return_id, shop_id, email))
        except ToolRefused as refusal:
            return self._record(row_id, ActionStatus.FAILED, {}, str(refusal))
        except ToolUnavailable as error:
            self._record(row_id, ActionStatus.PENDING, {}, str(error))
            raise
        return self._record(row_id, ActionStatus.SUCCEEDED, result, None)

    def _record(self, row_id: str, status: ActionStatus, result: Mapping[str, Any], error: str | None) -> ToolAction:
        """Write the end of a call. What has succeeded stays so, whoever reports later."""
        finished = None if status == ActionStatus.PENDING else self._clock.now()
        with self._sessions() as session:
            row = session.execute(
                update(ToolActionRow)
                .where(col(ToolActionRow.id) == row_id, col(ToolActionRow.state) == ActionStatus.PENDING.value)
                .values(
                    state=status.value,
                    result=dict(result),
                    error=error,
                    finished_at=finished,
                    attempts=col(ToolActionRow.attempts) + 1,
                )
                .returning(ToolActionRow)
            ).scalar_one_or_none()
            return ledger_rows.action_of(row or session.get_one(ToolActionRow, row_id))


def _held_action(call: ToolCall, permission: Permission, key: str) -> ToolAction | None:
    """Return what to record instead of running, None for a call that may run."""
    try:
        return held(call, permission, key)
    except ValueError:
        return None
