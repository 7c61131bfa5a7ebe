"""What is right for a seed case: how its clauses read on its facts, and the decision that follows.

The truth follows contracts.md: facts beat the message, an unknown deciding fact goes to a person, a failed window
decides whatever else is unknown, a ban beats a change of mind but collides with the shop's own fault.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lifecycle.seed.bank import ClauseTemplate, Test
from lifecycle.seed.scope import scope_of
from policies import PolicyVersion, Reason, ToolName
from services.domain.actions import ToolCall
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome, Truth
from services.domain.evidence import Evidence
from services.domain.facts import FactValue
from services.domain.weighing import FAULTS, weigh
from services.inference.answer import arguments_for
from services.inference.sheet import flag_test, number_test

MAX_GRANTS = 2
_TOOL_OF = {
    "return": ToolName.CREATE_RETURN_LABEL,
    "refund": ToolName.ISSUE_REFUND,
    "replacement": ToolName.SEND_REPLACEMENT,
    "store_credit": ToolName.ISSUE_STORE_CREDIT,
}


class Filled(NamedTuple):
    """A clause template with its numbers drawn, and the policy version it became."""

    template: ClauseTemplate
    numbers: Mapping[str, int]
    policy: PolicyVersion
    yields: bool = False
    """Whether another clause says that this one is not applied here."""

    def variants(self) -> "tuple[Filled, ...]":
        """Return the clause as it reads for each of the groups of reasons it speaks of."""
        return tuple(self._replace(template=template) for template in self.template.variants())


def limit_of(test: Test, numbers: Mapping[str, int]) -> int | None:
    """Return the number a test compares with, or None where it compares a flag or a text."""
    if test.relation not in ("<=", ">=", "<", ">"):
        return None
    wanted = test.wanted.strip("{}")
    factor = 1
    if "*" in wanted:
        wanted, _, times = wanted.partition("*")
        factor = int(times)
    return (numbers[wanted] if wanted in numbers else int(wanted)) * factor


def goods_of(entry: Filled) -> frozenset[str]:
    """Return the categories that the deciding sentence restricts itself to; empty means any goods."""
    return scope_of(entry.policy.sentences[entry.template.key])


def read(entry: Filled, facts: Mapping[str, FactValue], renamed: Mapping[str, str]) -> ClauseReading:
    """Return how the clause reads on these facts: the teacher's scratch line."""
    conditions = []
    for alternatives in entry.template.conditions:
        tests = [_fact_test(test, entry.numbers, facts, renamed) for test in alternatives]
        stated = [test for test in tests if test.fact is not None]
        conditions.append(Condition(any_of=tuple(stated or tests[:1])))
    return ClauseReading(
        policy_id=entry.policy.policy_id,
        evidence=entry.policy.sentences[entry.template.key],
        conditions=tuple(conditions),
        forbids=entry.template.kind == "exclude",
    )


def _fact_test(
    test: Test, numbers: Mapping[str, int], facts: Mapping[str, FactValue], renamed: Mapping[str, str]
) -> FactTest:
    name = renamed.get(test.fact, test.fact)
    if name not in facts:
        return FactTest(fact=None, relation="is", wanted=None, actual=None, result=Truth.UNKNOWN)
    actual, limit = facts[name], limit_of(test, numbers)
    if limit is not None:
        return number_test(name, test.relation, limit, actual)
    if test.wanted in ("true", "false"):
        return flag_test(name, test.wanted == "true", actual)
    if actual is None:
        result = Truth.UNKNOWN
    else:
        result = Truth.YES if (str(actual) == test.wanted) == (test.relation == "is") else Truth.NO
    return FactTest(fact=name, relation="fits", wanted=None, actual=actual, result=result)


def decide(evidence: Evidence, filled: Sequence[Filled], reason: Reason, renamed: Mapping[str, str]) -> Decision:
    """Return the right decision for the case: the clauses that speak of it, read and weighed.

    At most two grants, in the prompt's order, then one ban on which the facts have something to say.
    """
    facts = evidence.facts.values
    readings = [variant for entry in filled for variant in entry.variants()]
    fitting = [e for e in readings if reason in e.template.reasons and _in_scope(e, facts)]
    grants = [(e, read(e, facts, renamed)) for e in fitting if e.template.kind == "grant" and not e.yields][:MAX_GRANTS]
    bans = [(e, read(e, facts, renamed)) for e in fitting if e.template.kind == "exclude" and not e.yields]
    bans = [(e, r) for e, r in bans if _stated(r)][:1]
    chosen = [*grants, *bans]
    outcome, governing = weigh([r for _, r in chosen], reason)
    if governing is None:
        # A ban that does not bite grants nothing: no clause fits, and a person looks.
        return Decision(reason=reason, policy_id=None, policy_version=None, evidence="", outcome=Outcome.REVIEW)
    entry = next(e for e, r in chosen if r is governing)
    if evidence.contradictions:
        outcome = Outcome.REVIEW
    return Decision(
        reason=reason,
        policy_id=entry.policy.policy_id,
        policy_version=entry.policy.version,
        evidence=governing.evidence,
        outcome=outcome,
        tool_calls=_tools(entry, governing, outcome, reason, evidence),
        readings=tuple(reading for _, reading in chosen),
    )


def _in_scope(entry: Filled, facts: Mapping[str, FactValue]) -> bool:
    """Tell whether the clause speaks of this kind of goods at all."""
    actual = facts.get("category")
    if actual is None:
        return True
    for alternatives in entry.template.conditions:
        wanted = {t.wanted for t in alternatives if t.fact == "category" and t.relation == "is"}
        if wanted:
            return str(actual) in wanted or len(alternatives) > len(wanted)
    kinds = goods_of(entry)
    return not kinds or str(actual) in kinds


def _stated(reading: ClauseReading) -> bool:
    """Tell whether the facts mention what the ban asks about; a ban on what nobody records decides nothing."""
    return any(test.fact is not None for condition in reading.conditions for test in condition.any_of)


def tool_of(entry: Filled) -> str:
    """Return what the clause gives once it is met: the tool of its template, where its own words grant it."""
    if entry.template.kind != "grant":
        return "none"
    tool = _TOOL_OF.get(entry.template.gives, ToolName.CREATE_RETURN_LABEL)
    return (tool if entry.policy.grant(tool) is not None else ToolName.CREATE_RETURN_LABEL).value


def _tools(
    entry: Filled, reading: ClauseReading, outcome: Outcome, reason: Reason, evidence: Evidence
) -> tuple[ToolCall, ...]:
    """Return what a good desk does: what the clause gives, or photos where only the proof of a fault is missing."""
    if outcome is Outcome.ELIGIBLE:
        tool = ToolName(tool_of(entry))
    elif (
        outcome is Outcome.REVIEW
        and reason in FAULTS
        and reading.result is Truth.UNKNOWN
        and not evidence.contradictions
    ):
        tool = ToolName.REQUEST_PHOTOS
    else:
        return ()
    return (ToolCall(name=tool, arguments=arguments_for(tool, evidence)),)
