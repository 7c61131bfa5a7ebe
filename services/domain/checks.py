"""The checks on a decision and its actions: one small pure function each, in one list.

A check gets the whole case and returns its findings, passed or not. Checks on the reply's text are `reply_checks`;
the verdict over all findings is `verify`'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from policies import PolicyVersion, ToolName
from policies.vocabulary import MONEY_TOOLS, Truth
from services.domain.actions import ActionStatus, ToolAction
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.sureness import sureness_finding
from services.domain.verdict import FailureOwner, Finding, Verdict

RuleAnswer = Callable[[str, Any], Truth]
"""Evaluates a CEL rule (its source) on facts by name; raises where the rule cannot be run."""


@dataclass(frozen=True)
class Case:
    """What the checks see. `answer` evaluates a clause's rule."""

    evidence: Evidence
    decision: Decision | None
    actions: Sequence[ToolAction]
    answer: RuleAnswer
    require_rule: bool = False

    @property
    def clause(self) -> PolicyVersion | None:
        return self.evidence.policy(self.decision.policy_id) if self.decision else None


def passed(check: str, detail: str) -> Finding:
    return Finding(check=check, passed=True, detail=detail)


def failed(  # noqa: PLR0913 - a finding's fields
    check: str,
    detail: str,
    *,
    owner: FailureOwner,
    remedy: str,
    severity: Verdict = Verdict.BLOCK,
    span: tuple[int, int] | None = None,
) -> Finding:
    return Finding(check=check, passed=False, detail=detail, severity=severity, remedy=remedy, owner=owner, span=span)


def decision_present(case: Case) -> Finding:
    if case.decision is not None:
        return passed("decision_present", "the checkpoint gave a well-formed decision")
    return failed(
        "decision_present",
        "there is no decision: the generation failed",
        owner=FailureOwner.SERVING,
        remedy="decide by hand, and look at the trace's generation error",
    )


def clause_in_force(case: Case) -> Finding:
    name = "clause_in_force"
    decision = _decided(case)
    if decision.policy_id is None:
        if decision.outcome is Outcome.REVIEW:
            return passed(name, "no clause governs, and the case goes to a person")
        return failed(
            name,
            f"the decision is {decision.outcome.value}, but it names no clause",
            owner=FailureOwner.SFT_DATA,
            remedy="name the governing clause, or decide for review",
        )
    clause = case.clause
    if clause is None:
        return failed(
            name,
            f"clause {decision.policy_id} was not among those retrieved",
            owner=FailureOwner.RETRIEVAL,
            remedy="check which clauses retrieval finds for this message",
        )
    if decision.policy_version != clause.version:
        return failed(
            name,
            f"version {decision.policy_version} of {clause.policy_id} is cited, {clause.version} is in force",
            owner=FailureOwner.SFT_DATA,
            remedy=f"cite version {clause.version}",
        )
    asked = case.evidence.asked_on
    early = clause.effective_from is not None and clause.effective_from > asked
    late = clause.effective_to is not None and clause.effective_to < asked
    if early or late:
        return failed(
            name,
            f"{clause.policy_id} {clause.version} is not in force on {asked}",
            owner=FailureOwner.RETRIEVAL,
            remedy="retrieve only versions in force on the day of the request",
        )
    return passed(name, f"{clause.policy_id} {clause.version} is in force on {asked}")


def evidence_verbatim(case: Case) -> Finding:
    name = "evidence_verbatim"
    decision, clause = _decided(case), case.clause
    if clause is None:
        if not decision.evidence:
            return passed(name, "no clause governs and none is quoted")
        detail = "a sentence is quoted, but no retrieved clause is cited"
    elif decision.evidence and decision.evidence in clause.text:
        return passed(name, f"the quoted evidence stands word for word in {clause.policy_id} {clause.version}")
    elif not decision.evidence.strip():
        detail = f"no sentence of {clause.policy_id} is quoted"
    else:
        detail = f"the quoted evidence does not stand in {clause.policy_id} {clause.version}"
    return failed(name, detail, owner=FailureOwner.SERVING, remedy="quote a sentence of the governing clause")


_OUTCOME_OF = {Truth.YES: Outcome.ELIGIBLE, Truth.NO: Outcome.NOT_ELIGIBLE, Truth.UNKNOWN: Outcome.REVIEW}


def rule_agrees(case: Case) -> Finding:
    decision, clause = _decided(case), case.clause
    if decision.outcome is Outcome.REVIEW:
        return passed("rule_agrees", "the decision leaves the case to a person")
    if clause is None or clause.rule is None:
        return _no_rule(case, clause)
    answer = case.answer(clause.rule, dict(case.evidence.facts.values))
    if _OUTCOME_OF[answer] is decision.outcome:
        return passed("rule_agrees", f"the rule of {clause.policy_id} gives {decision.outcome.value} on the facts")
    return failed(
        "rule_agrees",
        f"the decision is {decision.outcome.value}, the rule of {clause.policy_id} "
        f"gives {_OUTCOME_OF[answer].value} on the trusted facts",
        owner=FailureOwner.SFT_DATA,
        remedy=f"decide {_OUTCOME_OF[answer].value}, or mend the rule if it misreads the clause",
    )


def _no_rule(case: Case, clause: PolicyVersion | None) -> Finding:
    if clause is not None and clause.closes_without_rule and not case.require_rule:
        return passed("no_rule_applied", f"{clause.policy_id} has no machine rule and may close without one")
    what = f"{clause.policy_id} has no machine rule" if clause else "no clause governs"
    return failed(
        "no_rule_applied",
        f"{what}, so nothing but the checkpoint says {_decided(case).outcome.value}",
        owner=FailureOwner.POLICY,
        remedy="let a person decide, give the clause a rule, or mark it closes_without_rule",
        severity=Verdict.AMBIGUOUS,
    )


def no_other_clause_grants(case: Case) -> Finding:
    name = "no_other_clause_grants"
    decision = _decided(case)
    if decision.outcome is not Outcome.NOT_ELIGIBLE:
        return passed(name, "the decision refuses nothing")
    facts = dict(case.evidence.facts.values)
    for clause in case.evidence.policies:
        about = decision.reason in clause.reasons
        if (
            clause.policy_id != decision.policy_id
            and about
            and clause.rule
            and case.answer(clause.rule, facts) is Truth.YES
        ):
            return failed(
                name,
                f"{clause.policy_id} {clause.version} grants the return for this reason, the decision refuses it",
                owner=FailureOwner.SFT_DATA,
                remedy=f"see whether {clause.policy_id} governs",
                severity=Verdict.AMBIGUOUS,
            )
    return passed(name, "no other retrieved clause for this reason grants the return by its rule")


def facts_consistent(case: Case) -> Finding:
    name = "facts_consistent"
    found = case.evidence.contradictions
    if not found:
        return passed(name, "the trusted facts do not contradict each other")
    if case.decision is not None and case.decision.outcome is Outcome.REVIEW:
        return passed(name, f"the facts contradict each other and the case goes to a person: {found[0]}")
    return failed(name, "; ".join(found), owner=FailureOwner.RETRIEVAL, remedy="correct the order's record")


def readings_agree(case: Case) -> Finding:
    name = "readings_agree"
    decision = _decided(case)
    if not decision.readings or decision.outcome is Outcome.REVIEW:
        return passed(name, "there is no reading that the decision could contradict")
    results = {reading.policy_id: reading.result for reading in decision.readings}
    own = results.get(decision.policy_id or "")
    said = f"its own reading of {decision.policy_id} is {own.value if own else 'missing'}"
    if decision.outcome is Outcome.ELIGIBLE and own is not Truth.YES:
        detail = f"the decision is eligible, {said}"
    elif decision.outcome is Outcome.NOT_ELIGIBLE and Truth.YES in results.values() and not _banned(decision):
        detail = "the decision is not eligible, but it read a clause as met"
    elif decision.outcome is Outcome.NOT_ELIGIBLE and own is not Truth.NO:
        detail = f"the decision is not eligible, {said}"
    else:
        return passed(name, "the decision follows from its own readings")
    return failed(name, detail, owner=FailureOwner.SFT_DATA, remedy="decide as the readings say, or read again")


def sure_enough(case: Case) -> Finding:
    return sureness_finding(_decided(case), case.clause)


def _banned(decision: Decision) -> bool:
    """Tell whether the clause that governs was read after the one that was met: what forbids is read last."""
    last = decision.readings[-1]
    return last.policy_id == decision.policy_id and last.result is Truth.NO


def tools_allowed(case: Case) -> Finding:
    name = "tools_allowed"
    decision, clause = _decided(case), case.clause
    asked = [call.name for call in decision.tool_calls] + [action.name for action in case.actions]
    for tool in dict.fromkeys(asked):
        if tool not in set(ToolName):
            return _tool_failed(f"there is no tool named {tool}")
        if clause is None or clause.grant(ToolName(tool)) is None:
            return _tool_failed(f"{clause.policy_id if clause else 'no clause'} does not grant {tool}")
        if decision.outcome is not Outcome.ELIGIBLE and tool in MONEY_TOOLS | {ToolName.SEND_REPLACEMENT}:
            return _tool_failed(f"{tool} is asked for, but the decision is {decision.outcome.value}")
    return passed(name, "the clause grants every tool asked for" if asked else "no tool is asked for")


def _tool_failed(detail: str) -> Finding:
    return failed("tools_allowed", detail, owner=FailureOwner.SFT_DATA, remedy="ask only for tools the clause grants")


def amounts_within_grant(case: Case) -> Finding:
    name = "amounts_within_grant"
    clause, decision = case.clause, _decided(case)
    given = 0
    calls = [(c.name, c.arguments) for c in decision.tool_calls]
    ran = [(a.name, a.arguments) for a in case.actions if a.status is ActionStatus.SUCCEEDED]
    for tool, arguments in ran or calls:
        if tool not in MONEY_TOOLS:
            continue
        amount = arguments.get("amount_cents")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
            return _amount_failed(f"{tool} has no amount_cents above 0")
        given += amount
        grant = clause.grant(ToolName(tool)) if clause else None
        if grant is None or grant.max_amount_cents is None:
            return _amount_failed(f"no clause names an amount up to which {tool} runs without a person")
        if given > grant.max_amount_cents:
            return _amount_failed(f"{given} cents are over the grant of {grant.max_amount_cents}")
        price = case.evidence.facts.price_cents
        if price is not None and given > price:
            return _amount_failed(f"{given} cents are more than the {price} that were paid")
        currency = case.evidence.facts.currency
        if currency is not None and arguments.get("currency") not in {None, currency}:
            return _amount_failed(f"{tool} is in {arguments.get('currency')}, the order was paid in {currency}")
    return passed(name, "every amount is within the clause's grant and the price paid")


def _amount_failed(detail: str) -> Finding:
    return failed("amounts_within_grant", detail, owner=FailureOwner.SFT_DATA, remedy="let a person approve the amount")


def actions_of_this_case(case: Case) -> Finding:
    name = "actions_of_this_case"
    order = case.evidence.facts.order_id
    for action in case.actions:
        stated = action.arguments.get("order_id")
        if order is not None and stated is not None and stated != order:
            return failed(
                name,
                f"{action.name} was recorded for order {stated}, the case is order {order}",
                owner=FailureOwner.SERVING,
                remedy="look at how the call's arguments were filled",
            )
    return passed(name, "every action is on the order of this case")


def _decided(case: Case) -> Decision:
    if case.decision is None:
        raise ValueError("no decision")
    return case.decision


DECISION_CHECKS: tuple[Callable[[Case], Finding], ...] = (
    clause_in_force,
    evidence_verbatim,
    rule_agrees,
    no_other_clause_grants,
    facts_consistent,
    readings_agree,
    sure_enough,
    tools_allowed,
    amounts_within_grant,
    actions_of_this_case,
)
"""Run only where there is a decision; `decision_present` fails the case where there is none."""
