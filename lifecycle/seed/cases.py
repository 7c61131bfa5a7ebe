"""Makes one training case: clauses, facts and a message, and the decision that reading them gives.

The truth follows contracts.md: facts beat the message, an unknown deciding fact goes to a person, a failed window
decides whatever else is unknown, a ban beats a change of mind but collides with the shop's own fault.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from lifecycle.seed import bank, worlds
from lifecycle.seed.bank import ClauseTemplate, Split, Test
from policies import PolicyVersion, Reason, ToolGrant, ToolName
from services.domain.actions import ToolCall
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome, Truth
from services.domain.evidence import Evidence
from services.domain.facts import OPPOSITES, FactValue, OrderFacts, contradictions
from services.inference.answer import arguments_for
from services.inference.grammar import flag_test, number_test

_FAULTS = frozenset(Reason) - {Reason.CHANGE_OF_MIND, Reason.UNCLEAR, Reason.LATE_DELIVERY}
_TOOL_OF = {
    "return": ToolName.CREATE_RETURN_LABEL,
    "refund": ToolName.ISSUE_REFUND,
    "replacement": ToolName.SEND_REPLACEMENT,
    "store_credit": ToolName.ISSUE_STORE_CREDIT,
}
_COMMON_DAYS = (3, 5, 7, 10, 14, 14, 20, 21, 28, 30, 30, 30, 45, 60, 90, 100, 120, 180, 365)
_ID_STYLES = ("P-{}", "P-{}", "P-{}", "R{}", "RET-{}", "{}.1", "POL-{}", "C{}", "returns-{}", "T-{}", "§{}")


class Filled(NamedTuple):
    """A clause template with its numbers drawn, and the policy version it became."""

    template: ClauseTemplate
    numbers: Mapping[str, int]
    policy: PolicyVersion


class SeedCase(NamedTuple):
    """A case with its truth and where it comes from."""

    evidence: Evidence
    decision: Decision
    conflict: bool
    lang: str
    provenance: Mapping[str, str | int | list[str]]


def make_case(rng: random.Random, split: Split) -> SeedCase:
    """Draw one case. The scenario is drawn first, so that rare ones (collisions, unknown facts) are frequent enough."""
    scenario = rng.choices(
        ["single", "several", "fallthrough", "ban", "none", "conflict"], weights=[24, 38, 8, 14, 11, 5]
    )[0]
    message = rng.choice(_messages_of(rng, split, scenario))
    templates = _templates(rng, split, scenario, message.reason)
    filled = [_fill(template, rng) for template in templates]
    ids = rng.sample(range(1, 40), len(filled))
    style = rng.choice(_ID_STYLES)
    filled = [
        f._replace(policy=f.policy.model_copy(update={"policy_id": style.format(i)})) for f, i in zip(filled, ids)
    ]
    item = rng.choice(bank.items())
    renamed = worlds.rename(templates, rng)
    facts = _facts(rng, scenario, filled, item, renamed)
    rng.shuffle(filled)
    evidence = Evidence(
        message=message.text.replace("{item}", item.item),
        facts=OrderFacts(values=facts),
        policies=tuple(f.policy for f in filled),
        asked_on=date(2025, 1, 1) + timedelta(days=rng.randrange(700)),
    )
    decision = decide(evidence, filled, message.reason, renamed)
    sources = [f.template.id for f in filled]
    provenance = {"scenario": scenario, "clauses": sources, "message": message.id, "author": message.author}
    return SeedCase(evidence, decision, bool(evidence.contradictions), message.lang, provenance)


def _messages_of(rng: random.Random, split: Split, scenario: str) -> Sequence[bank.MessageTemplate]:
    """Return the messages of one reason, so that frequent reasons in the bank do not crowd out rare ones."""
    pool = bank.messages(split)
    if scenario == "none" and rng.random() < 0.5:
        wanted = Reason.UNCLEAR
    else:
        wanted = rng.choice([reason for reason in Reason if reason is not Reason.UNCLEAR])
    return [message for message in pool if message.reason is wanted]


def _templates(rng: random.Random, split: Split, scenario: str, reason: Reason) -> list[ClauseTemplate]:
    """Draw the clauses of a case: what fits the reason, and distractors that do not."""
    pool = bank.clauses(split)
    grants = [c for c in pool if c.kind == "grant" and reason in c.reasons]
    bans = [c for c in pool if c.kind == "exclude" and reason in c.reasons]
    others = [c for c in pool if reason not in c.reasons or c.kind == "info"]
    if scenario == "single" and grants:
        return [rng.choice(grants)]
    distractors = rng.sample(others, min(len(others), rng.choice([1, 2, 2, 3, 4, 5])))
    if scenario == "none" or not grants:
        return distractors
    chosen = rng.sample(grants, min(len(grants), 2 if scenario == "fallthrough" else 1))
    if scenario == "ban" and bans:
        chosen.append(rng.choice(bans))
    return chosen + distractors[: max(0, 7 - len(chosen))]


def _fill(template: ClauseTemplate, rng: random.Random) -> Filled:
    numbers: dict[str, int] = {}
    for slot, (low, high) in (("N", template.n), ("M", template.m)):
        common = [n for n in _COMMON_DAYS if low <= n <= high]
        numbers[slot] = rng.choice(common) if common and rng.random() < 0.5 else rng.randint(low, high)
    if numbers["M"] == numbers["N"]:
        numbers["M"] += 1
    text = template.text.replace("{N}", str(numbers["N"])).replace("{M}", str(numbers["M"]))
    policy = PolicyVersion(
        policy_id="?",
        version=rng.choice(["1", "2", "2025-01", "2024-11", "v3"]),
        tools=tuple(ToolGrant(name=tool) for tool in plain_text_tools(text)),
        closes_without_rule=True,
        text=text,
    )
    return Filled(template, numbers, policy)


_GRANTING_WORDS = {
    ToolName.ISSUE_REFUND: (
        "refund",
        "money back",
        "reimburs",
        "erstatt",
        "rembours",
        "rimbors",
        "reembols",
        "terugbeta",
    ),
    ToolName.SEND_REPLACEMENT: ("replace", "exchange", "ersatz", "remplac", "sostitu", "reempla", "cambio", "vervang"),
    ToolName.ISSUE_STORE_CREDIT: ("store credit", "shop credit", "voucher", "gift card", "gutschein", "bon d'achat"),
}


def plain_text_tools(text: str) -> tuple[ToolName, ...]:
    """Return the tools that a clause without a header allows: labels, photos and mail, and what its text grants."""
    lowered = text.lower()
    granted = [tool for tool, words in _GRANTING_WORDS.items() if any(word in lowered for word in words)]
    return (ToolName.CREATE_RETURN_LABEL, *granted, ToolName.REQUEST_PHOTOS, ToolName.SEND_EMAIL)


def _facts(
    rng: random.Random, scenario: str, filled: Sequence[Filled], item: bank.Item, renamed: Mapping[str, str]
) -> dict[str, FactValue]:
    """Set each clause's facts to a drawn truth, the first clause last, so that it has the final word."""
    order_id = rng.choice(["A{}", "#{}", "{}", "W{}", "ORD-{}"]).format(rng.randint(1000, 99999))
    facts = worlds.base_facts(item, order_id, rng)
    for index in range(len(filled) - 1, -1, -1):
        entry = filled[index]
        if entry.template.kind == "info":
            continue
        weights = {Truth.YES: 44, Truth.NO: 34, Truth.UNKNOWN: 22}
        if index == 0 and scenario == "fallthrough":
            weights = {Truth.YES: 10, Truth.NO: 80, Truth.UNKNOWN: 10}
        target = rng.choices(list(weights), list(weights.values()))[0]
        _make_true(rng, facts, entry, target, renamed)
    if scenario == "conflict":
        _contradict(rng, facts)
    else:
        _reconcile(facts, {renamed.get(t.fact, t.fact) for t in _tests(filled[0].template)})
    return worlds.shuffled(facts, rng)


def _tests(template: ClauseTemplate) -> list[Test]:
    return [test for alternatives in template.conditions for test in alternatives]


def _make_true(
    rng: random.Random, facts: dict[str, FactValue], entry: Filled, target: Truth, renamed: Mapping[str, str]
) -> None:
    """Write facts under which the clause's conditions come to `target` (as far as facts shared by two allow)."""
    truths = worlds.wanted_truths(len(entry.template.conditions), target, rng)
    for alternatives, truth in zip(entry.template.conditions, truths, strict=True):
        holder = rng.randrange(len(alternatives))
        for index, test in enumerate(alternatives):
            name = renamed.get(test.fact, test.fact)
            if truth is Truth.UNKNOWN:
                facts[name] = None
                # Absent is as unknown as null; alternatives are dropped together, or the other one would decide.
                if rng.random() < 0.35 and name != "category":
                    del facts[name]
                continue
            holds = truth is Truth.YES and (index == holder or rng.random() < 0.3)
            facts[name] = worlds.value_for(test, holds, _limit(test, entry.numbers), rng)


def _limit(test: Test, numbers: Mapping[str, int]) -> int | None:
    """Return the number a test compares with, or None where it compares a flag or a text."""
    if test.relation not in ("<=", ">=", "<", ">"):
        return None
    wanted = test.wanted.strip("{}")
    factor = 1
    if "*" in wanted:
        wanted, _, times = wanted.partition("*")
        factor = int(times)
    return (numbers[wanted] if wanted in numbers else int(wanted)) * factor


def _contradict(rng: random.Random, facts: dict[str, FactValue]) -> None:
    """Plant one contradiction of the kinds that code finds."""
    asked = date(2025, 6, 1) + timedelta(days=rng.randrange(300))
    kind = rng.choice(["dates", "flags", "after"])
    if kind == "flags":
        state = rng.random() < 0.5
        facts |= {"unopened": state, "opened": state}
        return
    stated = facts.get("days_since_delivery")
    days = stated if isinstance(stated, int) else 10
    facts["days_since_delivery"] = days
    shift = -rng.randint(1, 9) if kind == "after" else days + rng.choice([-1, 1]) * rng.randint(3, 40)
    facts["requested_on"] = asked.isoformat()
    facts["delivered_on"] = (asked - timedelta(days=shift)).isoformat()


def _reconcile(facts: dict[str, FactValue], keep: set[str]) -> None:
    """Drop drawn flags that happen to contradict what the governing clause asks for."""
    if not contradictions(OrderFacts(values=facts)):
        return
    for name, _, other, _ in OPPOSITES:
        if name in facts and other in facts:
            facts.pop(other if name in keep else name, None)


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
    )


def _fact_test(
    test: Test, numbers: Mapping[str, int], facts: Mapping[str, FactValue], renamed: Mapping[str, str]
) -> FactTest:
    name = renamed.get(test.fact, test.fact)
    if name not in facts:
        return FactTest(fact=None, relation="is", wanted=None, actual=None, result=Truth.UNKNOWN)
    actual, limit = facts[name], _limit(test, numbers)
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
    """Return the right decision for the case, with the readings that lead to it."""
    facts = evidence.facts.values
    fitting = [entry for entry in filled if reason in entry.template.reasons]
    grants = [
        (e, read(e, facts, renamed)) for e in fitting if e.template.kind == "grant" and _in_scope(e, facts, renamed)
    ]
    bans = [(e, read(e, facts, renamed)) for e in fitting if e.template.kind == "exclude"]
    bans = [(e, r) for e, r in bans if r.result is not Truth.YES and _stated(r)]
    if not grants and not any(r.result is Truth.NO for _, r in bans):
        return Decision(reason=reason, policy_id=None, policy_version=None, evidence="", outcome=Outcome.REVIEW)
    grants.sort(key=lambda pair: pair[1].result is Truth.YES)
    outcome, governing = _weigh(grants, bans, reason)
    if evidence.contradictions:
        outcome = Outcome.REVIEW
    readings = tuple(reading for _, reading in [*grants, *bans][:3])
    entry = governing[0]
    return Decision(
        reason=reason,
        policy_id=entry.policy.policy_id,
        policy_version=entry.policy.version,
        evidence=governing[1].evidence,
        outcome=outcome,
        tool_calls=_tools(entry, governing[1], outcome, reason, evidence),
        readings=readings,
    )


def _in_scope(entry: Filled, facts: Mapping[str, FactValue], renamed: Mapping[str, str]) -> bool:
    """Tell whether the clause speaks of this kind of item at all: a clause on electronics says nothing of a lamp."""
    for alternatives in entry.template.conditions:
        for test in alternatives:
            is_text = test.relation == "is" and test.wanted not in ("true", "false")
            if is_text and len(alternatives) == 1 and test.fact == "category":
                actual = facts.get(renamed.get(test.fact, test.fact))
                if actual is not None and str(actual) != test.wanted:
                    return False
    return True


def _stated(reading: ClauseReading) -> bool:
    """Tell whether the facts mention what the ban asks about; a ban on what nobody records decides nothing."""
    return any(test.fact is not None for condition in reading.conditions for test in condition.any_of)


Weighed = tuple[Filled, ClauseReading]


def _weigh(grants: Sequence[Weighed], bans: Sequence[Weighed], reason: Reason) -> tuple[Outcome, Weighed]:
    """Weigh what grants against what forbids; the second value is the clause that governs."""
    granted = next((pair for pair in grants if pair[1].result is Truth.YES), None)
    unsure = next((pair for pair in grants if pair[1].result is Truth.UNKNOWN), None)
    banned = next((pair for pair in bans if pair[1].result is Truth.NO), None)
    if banned:
        if reason in _FAULTS and (granted or unsure):
            return Outcome.REVIEW, granted or unsure or banned
        return Outcome.NOT_ELIGIBLE, banned
    if granted:
        return (Outcome.REVIEW, bans[0]) if bans else (Outcome.ELIGIBLE, granted)
    if unsure:
        return Outcome.REVIEW, unsure
    return Outcome.NOT_ELIGIBLE, grants[0]


def _tools(
    entry: Filled, reading: ClauseReading, outcome: Outcome, reason: Reason, evidence: Evidence
) -> tuple[ToolCall, ...]:
    """Return what a good desk does: what the clause gives, or photos where only the proof of a fault is missing."""
    if outcome is Outcome.ELIGIBLE:
        tool = _TOOL_OF.get(entry.template.gives, ToolName.CREATE_RETURN_LABEL)
        if entry.policy.grant(tool) is None:
            tool = ToolName.CREATE_RETURN_LABEL
    elif (
        outcome is Outcome.REVIEW
        and reason in _FAULTS
        and reading.result is Truth.UNKNOWN
        and not evidence.contradictions
    ):
        tool = ToolName.REQUEST_PHOTOS
    else:
        return ()
    return (ToolCall(name=tool, arguments=arguments_for(tool, evidence)),)
