"""The verifier: runs every check on a case, matches every claim with the ledger, and says pass, block or ambiguous.

Blocked by default: a check that cannot run is a failed finding. Reading claims out of text is the reader's job,
routing the outcome is `routing`'s. Nothing here reads a clock, a file or a database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from policies.vocabulary import Truth
from services.domain import checks, language_checks, record_checks, reply_checks
from services.domain.actions import ActionStatus, ToolAction
from services.domain.checks import Case, RuleAnswer, failed, passed
from services.domain.claims import Claim, Effect
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.matching import Match, explains, match
from services.domain.reading import LexicalClaimReader, Reading
from services.domain.reading.doubt import DEFAULT_DOUBT, SecondOpinion, doubts
from services.domain.reading.folding import fold
from services.domain.statements import unsupported_statements
from services.domain.verdict import FailureOwner, Finding, Verdict, Verification

DEFAULT_THRESHOLD = 0.7
"""Certainty from which an unsupported claim blocks; below it the reply is ambiguous. Trade-off: docs/verifier.md."""


def _evaluate_rule(source: str, facts: Any) -> Truth:
    # The CEL evaluator takes most of a second to import, and the claim check alone never needs it.
    from policies.rules import evaluate  # noqa: PLC0415

    return evaluate(source, facts)


@dataclass(frozen=True)
class VerifyOptions:
    """`threshold` and `doubt` in [0, 1]; `require_rule` sends every decision without a machine rule to a person."""

    threshold: float = DEFAULT_THRESHOLD
    doubt: float = DEFAULT_DOUBT
    """Probability from which a sentence that no rule explains makes the reply ambiguous; above 1 switches that off."""
    require_rule: bool = False
    answer: RuleAnswer = _evaluate_rule
    second: SecondOpinion | None = None
    """Weighs in on doubted sentences; None: the traits of a sentence alone."""
    languages: frozenset[str] | None = None
    """Languages in which a reply may leave without a person; None: any."""


def verify(  # noqa: PLR0913, PLR0917 - all that the judge sees
    evidence: Evidence,
    decision: Decision | None,
    actions: Sequence[ToolAction],
    reply: str | None,
    claims: Sequence[Claim],
    options: VerifyOptions,
) -> Verification:
    """Judge one case. `reply` None: before the tools ran, when there is only a decision to judge."""
    case = Case(evidence, decision, tuple(actions), options.answer, options.require_rule)
    findings = [checks.decision_present(case)]
    if decision is not None:
        findings.extend(_guarded(check.__name__, check, case) for check in checks.DECISION_CHECKS)
    judged: tuple[Claim, ...] = ()
    if reply is not None:
        claim_findings, judged = judge_claims(claims, actions, options.threshold)
        reading = LexicalClaimReader().read_all(reply)
        findings.extend(_reply_findings(reply, decision, evidence))
        if options.languages is not None:
            findings.append(language_checks.trusted_language(reply, options.languages))
        findings.extend(claim_findings)
        findings.extend(_record_findings(reply, reading, actions))
        findings.append(_doubt_finding(reply, reading, actions, options.doubt, options.second))
        findings.extend(_statement_findings(reply, reading, evidence.facts))
    return _verification(findings, judged)


def verify_reply(  # noqa: PLR0913, PLR0917 - all that the judge of a reply sees
    reply: str,
    actions: Sequence[ToolAction],
    reader: LexicalClaimReader,
    facts: OrderFacts | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    doubt: float = DEFAULT_DOUBT,
    second: SecondOpinion | None = None,
) -> Verification:
    """Judge only a reply's claims against recorded actions; statements of past state too where `facts` are given."""
    reading = reader.read_all(reply)
    findings, judged = judge_claims(reading.claims, actions, threshold)
    findings[:0] = [reply_checks.readable(reply), language_checks.sensible(reply)]
    findings.extend(_record_findings(reply, reading, actions))
    findings.append(_doubt_finding(reply, reading, actions, doubt, second))
    if facts is not None:
        findings.extend(_statement_findings(reply, reading, facts))
    return _verification(findings, judged)


def recorded_action(entry: Any) -> ToolAction:
    """Return the action that one entry of `recorded_actions` records. Raises ValueError with field and remedy.

    A bare name is a success whose arguments were not kept: it vouches for its own effect. An object without a status
    comes from a source that keeps successes only; a status we do not know supports nothing.
    """
    if isinstance(entry, str):
        if not entry:
            raise ValueError("the name is empty")
        return ToolAction(name=entry, status=ActionStatus.SUCCEEDED, supports=(entry,))
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise ValueError("give a name, or an object with name, status and arguments")  # noqa: TRY004 - the caller reports one kind of bad input
    stated = entry.get("status", ActionStatus.SUCCEEDED)
    if not isinstance(stated, str):
        raise ValueError(f"status must be a word, one of {', '.join(ActionStatus)}")  # noqa: TRY004 - the caller reports one kind of bad input
    # A status that we do not know is not a success.
    status = ActionStatus(stated) if stated in set(ActionStatus) else ActionStatus.FAILED
    arguments = {} if entry.get("arguments") is None else entry["arguments"]
    supports = () if entry.get("supports") is None else entry["supports"]
    if not isinstance(arguments, dict):
        raise ValueError("arguments must be an object")  # noqa: TRY004 - the caller reports one kind of bad input
    if not isinstance(supports, list | tuple) or not all(isinstance(name, str) for name in supports):
        raise ValueError("supports must be a list of effects")
    return ToolAction(name=entry["name"], status=status, arguments=arguments, supports=tuple(supports))


def judge_claims(
    claims: Sequence[Claim], actions: Sequence[ToolAction], threshold: float
) -> tuple[list[Finding], tuple[Claim, ...]]:
    """Return one finding a claim, and the claims with the action that supports each."""
    if not claims:
        return [passed("claims_supported", "the reply claims no side effect")], ()
    findings, judged = [], []
    for claim, result in zip(claims, match(claims, actions), strict=True):
        judged.append(claim.model_copy(update={"supported_by": result.action}))
        findings.append(_claim_finding(claim, result, threshold))
    return findings, tuple(judged)


def _claim_finding(claim: Claim, result: Match, threshold: float) -> Finding:
    span = (claim.start, claim.end)
    what = f'"{claim.text}" claims {_words(claim.effect)}'
    if result.action is not None:
        return Finding(check="claims_supported", passed=True, detail=f"{what}: {result.why}", span=span)
    unsure = claim.certainty < threshold
    return failed(
        "claims_supported",
        f"{what}{', by a wording that could not be settled' if unsure else ''}: {result.why}",
        owner=FailureOwner.PREFERENCE_DATA,
        remedy="take the claim out of the reply, or run the action and let it succeed first",
        severity=Verdict.AMBIGUOUS if unsure else Verdict.BLOCK,
        span=span,
    )


def _words(effect: Effect) -> str:
    return "that all is done" if effect is Effect.UNSPECIFIED else effect.value.replace("_", " ")


def _reply_findings(reply: str, decision: Decision | None, evidence: Evidence) -> list[Finding]:
    findings = [
        reply_checks.reply_present(reply),
        reply_checks.reply_length(reply),
        reply_checks.no_leftovers(reply),
        reply_checks.readable(reply),
        language_checks.sensible(reply),
        language_checks.same_language(reply, evidence.message),
        language_checks.known_words(reply, evidence),
        language_checks.own_order(reply, evidence.facts.order_id),
    ]
    if decision is not None:
        findings.append(reply_checks.agrees_with_outcome(reply, decision.outcome))
        retrieved = [policy.policy_id for policy in evidence.policies]
        findings.append(reply_checks.cites_governing(reply, decision.policy_id, retrieved))
    return findings


def _doubt_finding(
    reply: str, reading: Reading, actions: Sequence[ToolAction], threshold: float, second: SecondOpinion | None
) -> Finding:
    name = "nothing_in_doubt"
    found = doubts(reading, lambda passage, opinion: explains(passage, actions, opinion), threshold, second)
    if not found:
        return passed(name, "no sentence without a read claim looks as if it claimed an effect")
    worst = max(found, key=lambda doubt: doubt.probability)
    start, end = fold(reply).span(worst.start, worst.end)
    return failed(
        name,
        f'"{reply[start:end].strip()}" may claim an effect, in words that no rule settles ({worst.probability:.2f})',
        owner=FailureOwner.PREFERENCE_DATA,
        remedy="let a person read the sentence, or say it in plain words",
        severity=Verdict.AMBIGUOUS,
        span=(start, end),
    )


def _record_findings(reply: str, reading: Reading, actions: Sequence[ToolAction]) -> list[Finding]:
    return [
        record_checks.goods_agree(reply, reading, actions),
        record_checks.sums_agree(reply, reading, actions),
        record_checks.orders_agree(reply, actions),
    ]


def _statement_findings(reply: str, reading: Reading, facts: OrderFacts) -> list[Finding]:
    problems = unsupported_statements(reply, reading.reports, facts)
    if not problems:
        return [passed("past_state_supported", "no statement about the order goes beyond the trusted facts")]
    return [
        failed(
            "past_state_supported",
            problem.why,
            owner=FailureOwner.PREFERENCE_DATA,
            remedy="state only what the order's record shows",
            severity=Verdict.BLOCK if problem.contradicted else Verdict.AMBIGUOUS,
            span=(problem.start, problem.end),
        )
        for problem in problems
    ]


def _guarded(name: str, check: Callable[[Case], Finding], case: Case) -> Finding:
    """Run a check; one that cannot run counts as failed, whatever stopped it."""
    try:
        return check(case)
    except (ValueError, TypeError, KeyError, ArithmeticError, RuntimeError, ImportError) as error:
        return failed(
            name,
            f"the check could not run: {type(error).__name__}: {error}",
            owner=FailureOwner.SERVING,
            remedy="mend what the check needs; until then a person decides",
        )


def _verification(findings: Sequence[Finding], claims: tuple[Claim, ...]) -> Verification:
    severities = {finding.severity for finding in findings if not finding.passed}
    verdict = next((v for v in (Verdict.BLOCK, Verdict.AMBIGUOUS) if v in severities), Verdict.PASS)
    return Verification(verdict=verdict, findings=tuple(findings), claims=claims)
