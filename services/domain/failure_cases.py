"""Cases for the failure router: from a stored trace with its label, or from a line of JSON. Routing is `failures`'.

A line may be a whole trace, a line of `decide` or of `verify`, or an `eval` case beside its output: whatever it holds
is used, and only a line that says nothing at all is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from policies import PolicyVersion
from services.domain.backtest import by_rule, cures
from services.domain.decision import Outcome
from services.domain.evidence import Evidence
from services.domain.failures import Cure, FailedCase, FindingSeen, Overturned
from services.domain.reading import LexicalClaimReader
from services.domain.review import Answer, GivenLabel, LabelKind
from services.domain.trace import Trace
from services.domain.verdict import FailureOwner
from services.domain.verify import recorded_action, verify_reply


class BadFailure(ValueError):
    """A line cannot be read; the message names the field and the remedy."""


class Located(NamedTuple):
    """A case to route, with its evidence where it is known: what a clause version is tried on."""

    case: FailedCase
    evidence: Evidence | None
    policy_id: str | None
    expected: Outcome | None


def of_trace(case_id: str, trace: Trace, label: GivenLabel | None = None) -> Located:
    """Return the case of a stored trace, and of what a person said of it."""
    decision, deciding = trace.decision, trace.deciding
    overturned = _overturned(trace, label) if label is not None else None
    case = FailedCase(
        id=case_id,
        decided=decision.outcome if decision else None,
        policy_id=decision.policy_id if decision else None,
        retrieved=tuple(policy.policy_id for policy in trace.evidence.policies),
        findings=tuple(
            FindingSeen(check=one.check, passed=one.passed, detail=one.detail) for one in trace.verification.findings
        ),
        verdict=trace.verification.verdict,
        route_reason=trace.route.reason,
        error=deciding.error if deciding else None,
        ttft_ms=deciding.ttft_ms if deciding else None,
        overturned=overturned,
    )
    return Located(case, trace.evidence, *_right_answer(trace, overturned))


def of_row(row: Any, number: int) -> Located:
    """Return the case of a line. Raises BadFailure."""
    if not isinstance(row, Mapping):
        raise BadFailure("a failure must be a JSON object")
    case_id = str(row.get("id") or row.get("trace_id") or number)
    if "verification" in row and "evidence" in row and not isinstance(row["evidence"], str):
        try:
            known = {name: row[name] for name in Trace.model_fields if name in row}
            return of_trace(case_id, Trace.model_validate(known))
        except ValidationError as error:
            raise BadFailure(_first(error)) from error
    try:
        case = _case_of_row(case_id, row)
    except ValidationError as error:
        raise BadFailure(_first(error)) from error
    return Located(case, None, case.policy_id, case.overturned.expected if case.overturned else None)


def cure_among(located: Located, versions: Iterable[PolicyVersion]) -> Cure | None:
    """Return the first clause version on which the rule gives the right answer, where the one in force does not."""
    evidence, expected = located.evidence, located.expected
    if evidence is None or expected is None:
        return None
    for version in versions:
        known = evidence.policy(version.policy_id)
        if known is None or known.digest == version.digest or _older(version, known):
            continue
        if cures(evidence, located.policy_id, expected, version):
            return Cure(f"{version.policy_id}@{version.version}", ("the rule",))
    return None


def _right_answer(trace: Trace, overturned: Overturned | None) -> tuple[str | None, Outcome | None]:
    """Return the governing clause and the right outcome, as far as a person or the clause's own rule says."""
    decision = trace.decision
    policy_id = decision.policy_id if decision else None
    if overturned is not None and overturned.expected is not None:
        return overturned.policy_id or policy_id, overturned.expected
    if decision is None or policy_id is None:
        return policy_id, None
    stands = by_rule(trace.evidence.policy(policy_id), trace.evidence)
    unruled = any(f.check == "no_rule_applied" and not f.passed for f in trace.verification.findings)
    return policy_id, decision.outcome if unruled else stands


def _overturned(trace: Trace, label: GivenLabel) -> Overturned | None:
    """Return what the label says against the trace; None where it agrees."""
    document, decision = label.document, trace.decision
    if label.kind is LabelKind.REJECT:
        return Overturned(expected=document.expected, owner=document.owner)
    answer = document.answer
    if answer is None or label.kind is LabelKind.APPROVE:
        return None
    said = Overturned(
        expected=answer.decision.outcome,
        policy_id=answer.decision.policy_id,
        clause_differs=decision is not None and decision.policy_id != answer.decision.policy_id,
        reason_differs=decision is not None and decision.reason is not answer.decision.reason,
        reply_differs=answer.reply.strip() != trace.reply.strip(),
    )
    return said if _differs(answer, trace) else None


def _differs(answer: Answer, trace: Trace) -> bool:
    return answer.decision != trace.decision or answer.reply.strip() != trace.reply.strip()


def with_words(located: Located, said: str | None) -> Located:
    """Return the case with the reviewer's own words."""
    overturned = located.case.overturned
    if not said or overturned is None:
        return located
    worded = overturned.model_copy(update={"said": said})
    return located._replace(case=located.case.model_copy(update={"overturned": worded}))


def _case_of_row(case_id: str, row: Mapping[str, Any]) -> FailedCase:
    findings = [FindingSeen.model_validate(one) for one in _list(row, "findings")]
    findings += _claim_findings(row) if not findings else []
    retrieved = row.get("policies", row.get("retrieved"))
    clauses = None if retrieved is None else tuple(_policy_id(one) for one in retrieved)
    overturned = _overturned_of_row(row)
    case = FailedCase(
        id=case_id,
        decided=row.get("decision"),
        policy_id=row.get("policy_id"),
        retrieved=clauses,
        findings=tuple(findings),
        verdict=row.get("verdict"),
        route_reason=row.get("route_reason"),
        error=row.get("error"),
        ttft_ms=row.get("ttft_ms"),
        overturned=overturned,
        worse_than_before=row.get("worse_than_before", False),
    )
    if not (findings or overturned or case.verdict or case.error or case.ttft_ms or case.worse_than_before):
        raise BadFailure(
            "nothing to route by: give findings, a verdict, an error, claims, expected_decision or reviewer_reason"
        )
    return case


def _overturned_of_row(row: Mapping[str, Any]) -> Overturned | None:
    given = row.get("label")
    label: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    said = row.get("reviewer_reason") or label.get("reason") or ""
    expected = row.get("expected_decision") or label.get("expected")
    owner = row.get("reviewer_owner") or label.get("owner")
    policy_id = row.get("expected_policy_id")
    decided = row.get("decision")
    differs = bool(policy_id) and decided is not None and str(policy_id) != str(row.get("policy_id"))
    reason = row.get("expected_reason")
    reason_differs = bool(reason) and row.get("reason") is not None and reason != row.get("reason")
    if not (said or owner or (expected and expected != decided) or differs or reason_differs):
        return None
    return Overturned(
        expected=expected,
        policy_id=None if policy_id is None else str(policy_id),
        clause_differs=differs,
        reason_differs=reason_differs,
        owner=None if owner is None else FailureOwner(owner) if owner in set(FailureOwner) else None,
        said=str(said),
    )


def _claim_findings(row: Mapping[str, Any]) -> list[FindingSeen]:
    """Read findings out of `verify`'s output, or judge the reply where only that and the record are given."""
    if row.get("claims"):
        return [
            FindingSeen(
                check="claims_supported",
                passed=claim.get("supported_by") is not None,
                detail=f'"{claim.get("text", "")}" claims {claim.get("effect", "an effect")}',
            )
            for claim in _list(row, "claims")
        ]
    if row.get("reply") and row.get("recorded_actions") is not None:
        try:
            actions = [recorded_action(one) for one in _list(row, "recorded_actions")]
        except ValueError as error:
            raise BadFailure(f"field recorded_actions: {error}") from error
        judged = verify_reply(str(row["reply"]), actions, LexicalClaimReader())
        return [FindingSeen(check=f.check, passed=f.passed, detail=f.detail) for f in judged.findings]
    return []


def _list(row: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = row.get(name) or []
    if not isinstance(found, list):
        raise BadFailure(f"field {name}: give a list")
    return found


def _policy_id(one: Any) -> str:
    return str(one.get("policy_id")) if isinstance(one, Mapping) else str(one)


def _older(version: PolicyVersion, known: PolicyVersion) -> bool:
    return (
        version.effective_from is not None
        and known.effective_from is not None
        and version.effective_from < known.effective_from
    )


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"field {'.'.join(map(str, first['loc'])) or 'line'}: {first['msg'].lower()}"
