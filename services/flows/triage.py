"""Triage of returns: gather evidence, run the product loop on it, settle the outcome.

Not responsible for who claims a job and when it is tried again (the worker and the job ledger are), nor for any rule of
deciding (`pipeline`). No transaction is open while the checkpoint generates.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple, Protocol

from policies import PolicyVersion
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.jobs import Lease, LeaseLost
from services.domain.returns import ReturnRequest
from services.domain.settled import Settled
from services.domain.trace import Route, RouteName, Trace
from services.flows.pipeline import Pipeline
from services.ports import (
    Clock,
    Decider,
    DeciderUnavailable,
    ItemNotInOrder,
    ItemNotNamed,
    OrderNotFound,
    OrderSource,
    OrderSourceUnavailable,
    ToolUnavailable,
)

ORDER_NOT_FOUND = "order_not_found"
ITEM_NOT_IN_ORDER = "item_not_in_order"
ITEM_NOT_NAMED = "item_not_named"
NOT_DELIVERED = "not_delivered"
NO_POLICY_IN_FORCE = "no_policy_in_force"
EARLIER_ACTIONS = "actions_of_an_earlier_attempt"


class Failed(NamedTuple):
    """A job to be tried again. `outage`: a system is down, which says nothing about this return."""

    error: str
    outage: bool


class TriageStore(Protocol):
    """What triage reads and writes; each call is one short transaction, fenced by the lease."""

    def begin(self, leases: Sequence[Lease], now: datetime) -> Mapping[str, ReturnRequest]:
        """Mark the returns as being worked on and return them by job id.

        Left out are jobs whose lease is lost, and those whose return is at rest already, which end here.
        """

    def actions(self, return_id: str) -> Sequence[ToolAction]:
        """Return all actions that the ledger holds of the return."""

    def settle(self, lease: Lease, settled: Settled, now: datetime) -> None:
        """Store the outcome and end the job, or raise LeaseLost and store nothing."""


class PolicyLibrary(Protocol):
    """The policies of a shop."""

    def relevant(self, shop_id: str, message: str, facts: OrderFacts, on: date) -> Sequence[PolicyVersion]:
        """Return versions in force on `on` that may govern the case, the most relevant first."""


class CaseTools(Protocol):
    """Runs a decision's calls through the ledger."""

    def run(
        self, lease: Lease, request: ReturnRequest, evidence: Evidence, decision: Decision, call: ToolCall
    ) -> ToolAction:
        """Run the call at most once if the governing clause grants it; record it in any case.

        Raises LeaseLost, ToolUnavailable (outcome unknown; to be repeated).
        """


class Beside(Protocol):
    """A candidate at work beside the champion: a canary that answers some returns, a shadow that looks at others."""

    def canary(self, return_ids: Sequence[str]) -> Mapping[str, Decider]:
        """Return the decider that answers in the champion's place, for those returns that have one."""

    def decided(self, return_ids: Sequence[str]) -> None:
        """Take note of returns that the champion has decided, for a candidate in the shadow to decide too."""


class NoCandidate:
    """The champion alone."""

    def canary(self, return_ids: Sequence[str]) -> Mapping[str, Decider]:
        del return_ids
        return {}

    def decided(self, return_ids: Sequence[str]) -> None:
        del return_ids


@dataclass
class _Case:
    lease: Lease
    request: ReturnRequest
    evidence: Evidence
    outage: str | None = None
    lost: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Triage:
    """The parts of triage, and its one verb."""

    store: TriageStore
    orders: OrderSource
    library: PolicyLibrary
    tools: CaseTools
    pipeline: Pipeline
    clock: Clock
    beside: Beside = field(default_factory=NoCandidate)

    def run(self, leases: Sequence[Lease]) -> dict[str, Failed]:
        """Triage the returns of these jobs as one batch; return the failures by job id, of those to be tried again.

        Jobs that are not in the answer have ended, or belong to another worker by now.
        """
        failures: dict[str, Failed] = {}
        requests = self.store.begin(leases, self.clock.now())
        opened = [(lease, requests[lease.job_id]) for lease in leases if lease.job_id in requests]
        cases = [case for lease, request in opened if (case := self._open(lease, request, failures)) is not None]
        canaries = self.beside.canary([case.request.id for case in cases]) if cases else {}
        for decider, batch in _by_decider(cases, canaries):
            pipeline = self.pipeline if decider is None else replace(self.pipeline, decider=decider)
            try:
                traces = self._traces(batch, pipeline)
            except DeciderUnavailable as error:
                failures |= {case.lease.job_id: Failed(str(error), outage=True) for case in batch}
                continue
            for case, trace in zip(batch, traces, strict=True):
                self._close(case, trace, failures)
        champions = [case.request.id for case in cases if case.closed and case.request.id not in canaries]
        if champions:
            self.beside.decided(champions)
        return failures

    def _open(self, lease: Lease, request: ReturnRequest, failures: dict[str, Failed]) -> _Case | None:
        """Gather the evidence of one job; None where it ends here, with an outcome of its own or a failure."""
        try:
            found = self._gather(request)
            if isinstance(found, Evidence):
                return _Case(lease, request, found)
            self.store.settle(lease, found, self.clock.now())
        except LeaseLost:
            return None
        except OrderSourceUnavailable as error:
            failures[lease.job_id] = Failed(str(error), outage=True)
        return None

    def _gather(self, request: ReturnRequest) -> Evidence | Settled:
        """Return all that the checkpoint may see, or the outcome where there is nothing to decide on.

        The day of the request governs: its facts, and the policy versions in force on it.
        """
        on = request.received_at.date()
        try:
            facts = self.orders.facts(request.shop_id, request.order_id, request.item, on)
        except OrderNotFound as error:
            return _to_person(ORDER_NOT_FOUND, str(error))
        except ItemNotNamed as error:
            return _to_person(ITEM_NOT_NAMED, str(error))
        except ItemNotInOrder as error:
            return _to_person(ITEM_NOT_IN_ORDER, str(error))
        if facts["delivered"] is False and not facts.integer("days_late") and facts["recalled"] is not True:
            return _to_person(NOT_DELIVERED, f"order {request.order_id} is not delivered and is not late")
        policies = tuple(self.library.relevant(request.shop_id, request.message, facts, on))
        if not policies:
            return _to_person(NO_POLICY_IN_FORCE, f"no policy is in force on {on.isoformat()}")
        return Evidence(message=request.message, facts=facts, policies=policies, asked_on=on)

    def _traces(self, cases: Sequence[_Case], pipeline: Pipeline) -> list[Trace]:
        # Two cases may hold equal evidence, so a case is found by the identity of its evidence.
        by_evidence = {id(case.evidence): case for case in cases}

        def run_tool(evidence: Evidence, decision: Decision, call: ToolCall) -> ToolAction:
            return self._tool(by_evidence[id(evidence)], decision, call)

        draws = [audit_draw(case.request.id) for case in cases]
        return pipeline.run_batch([case.evidence for case in cases], run_tool, draws)

    def _tool(self, case: _Case, decision: Decision, call: ToolCall) -> ToolAction:
        """Run one call; a case that cannot go on is marked, and takes no other case of the batch with it."""
        if case.outage is None and not case.lost:
            try:
                return self.tools.run(case.lease, case.request, case.evidence, decision, call)
            except ToolUnavailable as error:
                case.outage = f"{call.name}: {error}"
            except LeaseLost:
                case.lost = True
        return ToolAction(name=call.name, status=ActionStatus.PENDING, arguments=call.arguments, error=case.outage)

    def _close(self, case: _Case, trace: Trace, failures: dict[str, Failed]) -> None:
        if case.lost:
            return
        if case.outage is not None:
            failures[case.lease.job_id] = Failed(case.outage, outage=True)
            return
        settled = Settled(trace, trace.route)
        left = _left_over(self.store.actions(case.request.id), trace)
        if left:
            names = ", ".join(action.name for action in left)
            settled = Settled(
                trace.model_copy(update={"route": Route(name=RouteName.REVIEW, reason=EARLIER_ACTIONS)}),
                Route(name=RouteName.REVIEW, reason=EARLIER_ACTIONS),
                f"an earlier attempt already ran {names}, which this decision does not ask for",
            )
        try:
            self.store.settle(case.lease, settled, self.clock.now())
        except LeaseLost:
            return
        case.closed = True


def audit_draw(return_id: str) -> float:
    """Return a number in [0, 1) that is fixed for a return, so that a retry draws the same."""
    return int.from_bytes(hashlib.sha256(b"audit:" + return_id.encode()).digest()[:6]) / 2**48


def _by_decider(
    cases: Sequence[_Case], canaries: Mapping[str, Decider]
) -> list[tuple[Decider | None, Sequence[_Case]]]:
    """Return the batch in parts, one a decider; None is the champion."""
    parts: dict[int, tuple[Decider | None, list[_Case]]] = {}
    for case in cases:
        decider = canaries.get(case.request.id)
        parts.setdefault(id(decider), (decider, []))[1].append(case)
    return list(parts.values())


def _to_person(reason: str, detail: str) -> Settled:
    return Settled(None, Route(name=RouteName.REVIEW, reason=reason), detail)


def _left_over(recorded: Sequence[ToolAction], trace: Trace) -> list[ToolAction]:
    """Return actions that had, or may have had, an effect and that this trace knows nothing of."""
    known = {action.idempotency_key for action in trace.actions}
    effective = {ActionStatus.SUCCEEDED, ActionStatus.PENDING}
    return [action for action in recorded if action.status in effective and action.idempotency_key not in known]
