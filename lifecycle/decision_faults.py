"""Decisions that are wrong in a known way: a clause misread, another one chosen, another reason heard.

What follows from a misreading is computed, as at serving, so that the wrong outcome is one the model could reach.
"""

import random
from collections.abc import Iterator, Sequence

from lifecycle.examples import ExampleCase, World
from policies import PolicyVersion, Reason, ToolName
from policies.numbers import numbers_in
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome
from services.domain.evidence import Evidence
from services.inference.answer import settle
from services.inference.prompt import CaseView
from services.inference.sheet import flag_test, number_test, sheet_facts, tool_of, tool_options

MOST_READ = 3


def wrong_decisions(world: World, case: ExampleCase, rng: random.Random) -> list[tuple[str, Decision]]:
    """Return (fault, decision) for every way that fits, in random order; the faults are those of `preferences`."""
    evidence = world.evidence(case)
    found = [*_misread(evidence, case.decision, rng), *_chosen_wrongly(evidence, case.decision, rng)]
    rng.shuffle(found)
    return [(_named(fault, case.decision, decision), decision) for fault, decision in found]


def _named(fault: str, right: Decision, wrong: Decision) -> str:
    """Name the dangerous error first: an approval that is none."""
    if wrong.outcome is Outcome.ELIGIBLE and right.outcome is not Outcome.ELIGIBLE:
        return "wrong_approval"
    return fault


def _misread(evidence: Evidence, right: Decision, rng: random.Random) -> Iterator[tuple[str, Decision]]:
    """Misread one of the clauses that were read; only what changes the outcome or the evidence is a fault."""
    view = CaseView(evidence)
    for place, reading in enumerate(right.readings):
        policy = evidence.policy(reading.policy_id)
        if policy is None:
            continue
        for wrong in _misreadings(view, policy, reading, rng):
            readings = [*right.readings[:place], wrong, *right.readings[place + 1 :]]
            decision = _settled(evidence, right, readings)
            if decision.outcome is not right.outcome:
                yield "wrong_outcome", decision
            elif decision.evidence != right.evidence:
                yield "wrong_evidence", decision


def _misreadings(
    view: CaseView, policy: PolicyVersion, reading: ClauseReading, rng: random.Random
) -> Iterator[ClauseReading]:
    """Forget a condition, turn one around, take another number, ask for what the clause does not, quote elsewhere."""
    conditions = list(reading.conditions)
    for place, condition in enumerate(conditions):
        rest = [*conditions[:place], *conditions[place + 1 :]]
        yield _with(reading, rest)
        for turned in _turned(condition, policy):
            yield _with(reading, [*conditions[:place], turned, *conditions[place + 1 :]])
    asked = {test.fact for condition in conditions for test in condition.any_of}
    flags = [(n, v) for n, v in sheet_facts(policy, view.facts).items() if isinstance(v, bool) and n not in asked]
    if flags:
        name, value = rng.choice(flags)
        yield _with(reading, [*conditions, Condition(any_of=(flag_test(name, not value, value),))])
    others = [sentence for sentence in policy.sentences if sentence != reading.evidence]
    if others:
        yield reading.model_copy(update={"evidence": rng.choice(others)})


def _turned(condition: Condition, policy: PolicyVersion) -> Iterator[Condition]:
    """Yield the condition with its first test turned around, or held against another number of the clause."""
    first, *others = condition.any_of
    for test in _wrong_tests(first, policy):
        yield Condition(any_of=(test, *others))


def _wrong_tests(test: FactTest, policy: PolicyVersion) -> Iterator[FactTest]:
    if test.fact is None:
        return
    if test.relation == "is" and isinstance(test.wanted, bool):
        yield flag_test(test.fact, not test.wanted, test.actual)
    elif test.relation in ("<=", ">=", "<", ">") and isinstance(test.wanted, int | float):
        opposite = {"<=": ">", ">": "<=", ">=": "<", "<": ">="}[test.relation]
        yield number_test(test.fact, opposite, test.wanted, test.actual)
        for number in numbers_in(policy.text):
            if number != test.wanted:
                yield number_test(test.fact, test.relation, number, test.actual)


def _with(reading: ClauseReading, conditions: Sequence[Condition]) -> ClauseReading:
    return reading.model_copy(update={"conditions": tuple(conditions)})


def _chosen_wrongly(evidence: Evidence, right: Decision, rng: random.Random) -> Iterator[tuple[str, Decision]]:
    """Read another clause than the one that concerns the case, leave out a ban, or hear another reason."""
    read = {reading.policy_id for reading in right.readings}
    others = [policy for policy in evidence.policies[:8] if policy.policy_id not in read]
    bans = [reading for reading in right.readings if reading.forbids]
    if bans:
        yield "wrong_outcome", _settled(evidence, right, [r for r in right.readings if not r.forbids])
    if others:
        policy = rng.choice(others)
        reading = ClauseReading(policy_id=policy.policy_id, evidence=policy.sentences[0], conditions=())
        yield "other_clause", _settled(evidence, right, [reading, *bans][:MOST_READ])
    if right.readings:
        yield "other_clause", _settled(evidence, right, [])
    reason = rng.choice([one for one in Reason if one is not right.reason])
    yield "wrong_reason", right.model_copy(update={"reason": reason})


def _settled(evidence: Evidence, right: Decision, readings: Sequence[ClauseReading]) -> Decision:
    """Return what follows from the readings; a clause that is met only by misreading gives its first tool."""
    return settle(evidence, right.reason, [(reading, _tool(evidence, right, reading)) for reading in readings])


def _tool(evidence: Evidence, right: Decision, reading: ClauseReading) -> str | None:
    policy = evidence.policy(reading.policy_id)
    if (known := tool_of(right, reading)) in set(ToolName):
        return known
    options = [tool for tool in tool_options(policy) if tool in set(ToolName)] if policy else []
    return options[0] if options else None
