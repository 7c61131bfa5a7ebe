"""Human review as use cases: judge an answer, label an item, run a tool. Each verb is one decision with its own rules.

Not responsible for who is logged in, for pages, or for how labels and leases are stored (protocols below).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.domain import checks
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision, Outcome
from services.domain.permissions import Permission, Ruling, permit
from services.domain.review import (
    Answer,
    Hold,
    LabelDocument,
    LabelKind,
    NewLabel,
    Refused,
    ReviewCase,
    Stored,
    drawn,
    sending,
)
from services.domain.verdict import FailureOwner, Verdict, Verification
from services.domain.verify import VerifyOptions, verify
from services.ports import ClaimReader

SHORTEST_REASON_CHARACTERS = 10


class ReviewStore(Protocol):
    """Where labels go; the whole of each call is stored or nothing."""

    def settle(self, hold: Hold, label: NewLabel, *, final: bool, wanted: int) -> Stored:
        """Store a label and all it causes. Raises Conflict."""


class Sitting(NamedTuple):
    """One person at one item. `final`: an adjudicator's answer ends the matter, whatever others said."""

    hold: Hold
    case: ReviewCase
    guideline_version: str
    final: bool = False
    seconds: float | None = None
    """How long the person looked at it."""


class Other(NamedTuple):
    """A second answer to the same evidence, and the trace that holds it."""

    trace_id: str
    answer: Answer


@dataclass(frozen=True)
class Review:
    """The verbs of review. `overlap_share` in [0, 1] of the items is answered by a second person, blind."""

    store: ReviewStore
    reader: ClaimReader
    options: VerifyOptions = field(default_factory=VerifyOptions)
    overlap_share: float = 0.1

    def judge(self, case: ReviewCase, decision: Decision, reply: str) -> Verification:
        """Judge an answer to the case against what the ledger holds now. Raises Refused where there is no evidence."""
        if case.trace is None:
            raise Refused("nothing was decided here, so there is no answer to judge: no evidence was gathered")
        claims = self.reader.read(reply) if reply else ()
        verification = verify(case.trace.evidence, decision, effective_actions(case), reply, claims, self.options)
        return _with_approvals(verification, case, decision)

    def wanted(self, item_id: str) -> int:
        """Return how many reviewers answer this item, blind to each other."""
        return 2 if drawn(item_id, "overlap", self.overlap_share) else 1

    def approve(self, sitting: Sitting, reason: str) -> Stored:
        """Send the model's answer as it stands, and train on it. Raises Refused, Conflict."""
        answer = model_answer(sitting.case)
        if answer is None:
            raise Refused("there is no answer of the model to approve")
        verification = self._sendable(sitting.case, answer, reason)
        return self._settle(
            sitting, LabelKind.APPROVE, reason, LabelDocument(answer=answer, verdict=verification.verdict)
        )

    def correct(self, sitting: Sitting, decision: Decision, reply: str, reason: str) -> Stored:
        """Send the reviewer's answer; train on it, and against the model's. Raises Refused, Conflict."""
        case = sitting.case
        answer = Answer(decision=decision, reply=reply, actions=case.actions)
        before = model_answer(case)
        if before is not None and before.decision == decision and before.reply == reply:
            raise Refused("nothing was changed: approve it instead, or change what is wrong")
        verification = self._sendable(case, answer, reason)
        document = LabelDocument(answer=answer, rejected=before, verdict=verification.verdict)
        return self._settle(sitting, LabelKind.CORRECT, reason, document)

    def prefer(self, sitting: Sitting, other: Other, reason: str, *, other_is_better: bool) -> Stored:
        """Of two answers to the case send the better one, and train on the pair. Raises Refused, Conflict."""
        case = sitting.case
        first = model_answer(case)
        if first is None:
            raise Refused("there is no answer of the model to compare with")
        chosen, rejected = (other.answer, first) if other_is_better else (first, other.answer)
        verification = self._sendable(case, chosen, reason)
        document = LabelDocument(
            answer=chosen.model_copy(update={"actions": case.actions}),
            rejected=rejected,
            verdict=verification.verdict,
            other_trace_id=other.trace_id,
        )
        return self._settle(sitting, LabelKind.PREFER, reason, document)

    def reject(self, sitting: Sitting, reason: str, owner: FailureOwner, expected: Outcome) -> Stored:
        """Send nothing of ours: an evaluation case with an owner; the shop answers by hand. Raises Refused."""
        _require_reason(reason, "say what is wrong: it becomes an evaluation case")
        document = LabelDocument(rejected=model_answer(sitting.case), owner=owner, expected=expected)
        return self._settle(sitting, LabelKind.REJECT, reason, document)

    def pass_on(self, sitting: Sitting, kind: LabelKind, reason: str) -> Stored:
        """Skip or escalate. Raises Refused, Conflict."""
        if kind is LabelKind.ESCALATE:
            _require_reason(reason, "say what the adjudicator should look at")
        return self._settle(sitting, kind, reason, LabelDocument())

    def ask_customer(self, sitting: Sitting, question: str) -> Stored:
        """Put a question to the customer through the shop; the item waits. Raises Refused where it claims effects."""
        _require_reason(question, "write the question the customer should answer")
        claims = self.reader.read(question)
        if claims:
            raise Refused(f'the question claims that something was done: "{claims[0].text}"')
        return self._settle(sitting, LabelKind.NEEDS_INFORMATION, "", LabelDocument(question=question))

    def _sendable(self, case: ReviewCase, answer: Answer, reason: str) -> Verification:
        missing = calls_not_run(case, answer.decision)
        if missing:
            raise Refused(
                f"the decision asks for {missing[0].name}, which has not run: run or decline it below, or take it out "
                "of the decision"
            )
        verification = self.judge(case, answer.decision, answer.reply)
        ruling = sending(verification)
        if not ruling.allowed:
            raise Refused("the verifier blocks this answer, and a block is not overridden", ruling.stops, verification)
        if ruling.needs_reason and len(reason.strip()) < SHORTEST_REASON_CHARACTERS:
            raise Refused(
                f"the verifier is in doubt: send it only with a written reason of at least "
                f"{SHORTEST_REASON_CHARACTERS} characters",
                ruling.stops,
                verification,
            )
        return verification

    def _settle(self, sitting: Sitting, kind: LabelKind, reason: str, document: LabelDocument) -> Stored:
        timed = document.model_copy(update={"seconds": sitting.seconds})
        label = NewLabel(kind, reason.strip() or None, timed, sitting.guideline_version)
        return self.store.settle(sitting.hold, label, final=sitting.final, wanted=self.wanted(sitting.hold.item_id))


def model_answer(case: ReviewCase) -> Answer | None:
    """Return the answer under review, with the actions as the ledger holds them now."""
    if case.trace is None or case.trace.decision is None:
        return None
    return Answer(decision=case.trace.decision, reply=case.trace.reply, actions=case.actions)


def calls_not_run(case: ReviewCase, decision: Decision) -> Sequence[ToolCall]:
    """Return the decision's calls whose outcome the ledger does not know yet. A decision for review runs none."""
    if decision.outcome is Outcome.REVIEW:
        return ()
    ended = {
        action.idempotency_key
        for action in case.actions
        if action.status in {ActionStatus.SUCCEEDED, ActionStatus.FAILED}
    }
    return [call for call in decision.tool_calls if call.idempotency_key(case.return_id) not in ended]


def effective_actions(case: ReviewCase) -> tuple[ToolAction, ...]:
    """Return what had, or may have had, an effect: what was declined or refused judges no answer."""
    return tuple(a for a in case.actions if a.status in {ActionStatus.SUCCEEDED, ActionStatus.PENDING})


def _with_approvals(verification: Verification, case: ReviewCase, decision: Decision) -> Verification:
    """Take what only a person may let run as settled where it succeeded: the ledger runs none of it without one.

    What the decision itself asks for stays judged: a call outside its clause would train the checkpoint to ask for it.
    """
    if case.trace is None:
        return verification
    succeeded = {action.idempotency_key for action in case.actions if action.status is ActionStatus.SUCCEEDED}
    settled = set()
    if all(call.idempotency_key(case.return_id) in succeeded for call in decision.tool_calls):
        settled.add(checks.amounts_within_grant.__name__)
    asked_alone = checks.Case(case.trace.evidence, decision, (), VerifyOptions().answer)
    if checks.tools_allowed(asked_alone).passed:
        settled.add(checks.tools_allowed.__name__)
    findings = tuple(
        finding.model_copy(update={"passed": True, "detail": f"{finding.detail}; a person approved it"})
        if finding.check in settled and not finding.passed
        else finding
        for finding in verification.findings
    )
    severities = {finding.severity for finding in findings if not finding.passed}
    verdict = next((one for one in (Verdict.BLOCK, Verdict.AMBIGUOUS) if one in severities), Verdict.PASS)
    return verification.model_copy(update={"findings": findings, "verdict": verdict})


def tool_permission(
    case: ReviewCase, call: ToolCall, earlier: Sequence[ToolAction], *, limit_cents: int | None, adjudicates: bool
) -> Permission:
    """Rule on a call that a reviewer wants to run: what the clause would hold for a person, this person may let run.

    `earlier` are the recorded actions of the order, from all of its returns. Above `limit_cents` (hundredths of the
    order's currency) it takes an adjudicator. Never more than was paid, in parts or at once; never for another order.
    """
    if case.trace is None:
        return Permission(ruling=Ruling.NOT_ALLOWED, reason="no order facts were gathered, so no amount can be checked")
    evidence, decision = case.trace.evidence, case.trace.decision
    key = call.idempotency_key(case.return_id)
    ruling = permit(
        call,
        evidence.policy(decision.policy_id) if decision else None,
        evidence.facts,
        earlier=earlier,
        idempotency_key=key,
    )
    amount = call.arguments.get("amount_cents")
    if isinstance(amount, int) and amount > (left := _left_to_give(evidence.facts.price_cents, earlier, key)):
        reason = f"with what was given back before, this is more than was paid: {left / 100:.2f} is left"
        return Permission(ruling=Ruling.NOT_ALLOWED, reason=reason)
    too_much = limit_cents is not None and isinstance(amount, int) and amount > limit_cents and not adjudicates
    if ruling.ruling is not Ruling.NOT_ALLOWED and too_much:
        return Permission(
            ruling=Ruling.NOT_ALLOWED, reason="the amount is above your limit: escalate to an adjudicator"
        )
    return ruling


def _left_to_give(price_cents: int | None, earlier: Sequence[ToolAction], key: str) -> int:
    """Return how much of the price was not given back yet, in money of any form; 0 where the price is unknown."""
    given = [
        action.arguments.get("amount_cents")
        for action in earlier
        if action.status in {ActionStatus.SUCCEEDED, ActionStatus.PENDING} and action.idempotency_key != key
    ]
    return max(0, (price_cents or 0) - sum(cents for cents in given if isinstance(cents, int)))


def _require_reason(reason: str, remedy: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON_CHARACTERS:
        raise Refused(f"{remedy} (at least {SHORTEST_REASON_CHARACTERS} characters)")
