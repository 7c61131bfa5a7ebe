"""Makes one training case: clauses, facts and a message, and the decision that reading them gives.

What is right for it is `truth`'s business; this module only draws clauses, facts and messages.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from lifecycle.examples import SheetExample
from lifecycle.seed import bank, compose, phrases, worlds
from lifecycle.seed.bank import ClauseTemplate, Split, Test
from lifecycle.seed.truth import Filled, decide, goods_of, limit_of, read, tool_of
from policies import Reason
from policies.plain_text import plain_text_version
from services.domain.decision import Decision, Truth
from services.domain.evidence import Evidence
from services.domain.facts import OPPOSITES, FactValue, OrderFacts, contradictions
from services.inference.prompt import MAX_CLAUSES
from services.inference.relevance import most_relevant

_COMMON_DAYS = (3, 5, 7, 10, 14, 14, 20, 21, 28, 30, 30, 30, 45, 60, 90, 100, 120, 180, 365)
_DRAWN = 0.5
_NO_REASON = 0.15
"""Share of messages that give no reason, where a clause takes any."""
_KINDS = 0.38
"""Share of written grants and bans drawn from `clauses_kinds.jsonl` and `clauses_any_reason.jsonl`."""
_FEWER_NONE = 1.0
_INFO_SHEETS = 0.3
_SEVERAL_ITEMS = 0.05
_ID_STYLES = ("P-{}", "P-{}", "P-{}", "R{}", "RET-{}", "{}.1", "POL-{}", "C{}", "returns-{}", "T-{}", "§{}")


class SeedCase(NamedTuple):
    """A case with its truth and where it comes from."""

    evidence: Evidence
    decision: Decision
    conflict: bool
    lang: str
    provenance: Mapping[str, Any]


class SeedWorld(NamedTuple):
    """Cases that share clauses and facts, and how each of those clauses reads."""

    cases: tuple[SeedCase, ...]
    sheets: tuple[SheetExample, ...]


_SCENARIOS = {
    "single": 24,
    "several": 40,
    "fallthrough": 8,
    "ban": 14,
    "none": 4,
    "conflict": 2,
    "precedence": 7,
}


def make_world(rng: random.Random, split: Split, messages: int) -> SeedWorld:
    """Draw one set of clauses and facts, and `messages` customers who write about it.

    The cases share all of the prompt but the message, so that training reads the shared part once, and so that only
    the message tells them apart. The scenario is drawn first, so that rare ones are frequent enough.
    """
    scenario = rng.choices(list(_SCENARIOS), list(_SCENARIOS.values()))[0]
    reasons = rng.sample([reason for reason in Reason if reason is not Reason.UNCLEAR], 3)
    templates = [compose.enriched(one, split, rng) for one in _templates(rng, split, scenario, reasons)]
    renamed = worlds.rename([variant for template in templates for variant in template.variants()], rng)
    filled = _named([_fill(template, rng) for template in templates], rng)
    if scenario == "precedence":
        filled = compose.with_precedence(filled, rng)
    item = _item_for(filled[0], rng)
    facts = OrderFacts(values=_facts(rng, scenario, filled, item, renamed))
    asked_on = date(2025, 1, 1) + timedelta(days=rng.randrange(700))
    drawn = _messages(rng, split, scenario, filled, 1)
    shown = _shown(filled, drawn[0].text.replace("{item}", item.item), facts, rng)
    drawn += _messages(rng, split, scenario, shown, messages)[1:]
    cases: list[SeedCase] = []
    for message in drawn:
        evidence = Evidence(
            message=message.text.replace("{item}", item.item),
            facts=facts,
            policies=tuple(f.policy for f in shown),
            asked_on=asked_on,
        )
        # Who asks something else, or threatens, is owed no clause, whatever reasons it takes.
        meant = shown if message.reason is not Reason.UNCLEAR or message.wish else []
        decision = decide(evidence, meant, message.reason, renamed)
        if cases and decision.policy_id is None and message.reason is not Reason.UNCLEAR and rng.random() < _FEWER_NONE:
            continue
        provenance = {
            "scenario": scenario,
            "clauses": [f.template.id for f in shown],
            "message": message.id,
            "author": message.author,
        }
        cases.append(SeedCase(evidence, decision, bool(evidence.contradictions), message.lang, provenance))
    read_ones = [f for f in shown if f.template.kind != "info" or rng.random() < _INFO_SHEETS]
    sheets = [_sheet(one, entry, facts.values, renamed, rng) for entry in read_ones for one in entry.variants()]
    return SeedWorld(tuple(cases), tuple(sheets))


def _shown(filled: list[Filled], message: str, facts: OrderFacts, rng: random.Random) -> list[Filled]:
    """Return the clauses the checkpoint is shown: of many the most relevant, as serving chooses them."""
    if len(filled) <= MAX_CLAUSES:
        return rng.sample(filled, len(filled))
    by_policy = {id(f.policy): f for f in filled}
    ranked = most_relevant([f.policy for f in filled], message, facts.values)[:MAX_CLAUSES]
    return [by_policy[id(policy)] for policy in ranked]


def _sheet(
    entry: Filled, whole: Filled, facts: Mapping[str, FactValue], renamed: Mapping[str, str], rng: random.Random
) -> SheetExample:
    """Return how one variant of the clause `whole` reads; what its other variants ask for stands by as not asked."""
    reason = rng.choice(entry.template.reasons or tuple(Reason))
    reading = read(entry, facts, renamed)
    asked = {test.fact for condition in reading.conditions for test in condition.any_of}
    # Other clauses' facts are many in a drawn world; a few of them teach as much as all.
    others = [name for name in facts if name not in asked]
    asked |= set(entry.template.mentions)
    asked |= {renamed.get(test.fact, test.fact) for one in whole.template.variants() for test in _tests(one)}
    kept = asked | set(rng.sample(others, min(len(others), rng.randint(2, 6))))
    names = tuple(name for name in facts if name in kept)
    return SheetExample(reason=reason, reading=reading, tool=tool_of(entry), facts=names)


def _item_for(first: Filled, rng: random.Random) -> bank.Item:
    """Draw an item that the first clause speaks of, where it restricts itself to some goods."""
    wanted = {t.wanted for t in _tests(first.template) if t.fact == "category" and t.relation == "is"}
    kinds = wanted or goods_of(first)
    return rng.choice([item for item in bank.items() if item.category in kinds] or bank.items())


def make_case(rng: random.Random, split: Split) -> SeedCase:
    """Draw one case that shares nothing with any other."""
    return make_world(rng, split, 1).cases[0]


def _named(filled: list[Filled], rng: random.Random) -> list[Filled]:
    """Give every clause an id in one style, as one shop would."""
    style = rng.choice(_ID_STYLES)
    numbers = rng.sample(range(1, 40), len(filled))
    return [
        f._replace(policy=f.policy.model_copy(update={"policy_id": style.format(number)}))
        for f, number in zip(filled, numbers, strict=True)
    ]


def _messages(
    rng: random.Random, split: Split, scenario: str, filled: Sequence[Filled], count: int
) -> list[bank.MessageTemplate]:
    """Draw messages, most of them on what the clauses are about, the last of several often on something else."""
    deciding = [variant for f in filled if f.template.kind != "info" for variant in f.template.variants()]
    spoken = [reason for template in deciding for reason in template.reasons]
    chosen: list[bank.MessageTemplate] = []
    for index in range(count):
        other = scenario == "none" if count == 1 else index == count - 1 and rng.random() < 0.4
        if other or not spoken:
            absent = [reason for reason in Reason if reason not in spoken] or [Reason.UNCLEAR]
            wanted = Reason.UNCLEAR if rng.random() < 0.7 else rng.choice(absent)
        else:
            anything = Reason.UNCLEAR in spoken and rng.random() < _NO_REASON
            wanted = Reason.UNCLEAR if anything else rng.choice(spoken)
        pool = [m for m in bank.messages(split) if m.reason is wanted and m not in chosen]
        if not other and wanted is Reason.UNCLEAR:
            pool = [m for m in pool if m.wish] or pool
        message = rng.choice(pool or bank.messages(split))
        chosen.append(compose.several_items(message, split, rng) if rng.random() < _SEVERAL_ITEMS else message)
    return chosen


def _templates(rng: random.Random, split: Split, scenario: str, reasons: Sequence[Reason]) -> list[ClauseTemplate]:
    """Draw the clauses of a world. The first is the one whose truth is set last, and so holds as drawn."""
    pool = [c for c in bank.clauses(split) if _readable(c)]
    first = reasons[0]
    chosen = [_grant(rng, split, first)]
    if scenario == "single":
        return chosen
    chosen += [_grant(rng, split, first)] if scenario == "fallthrough" else []
    chosen += [_grant(rng, split, reason) for reason in reasons[1 : rng.choice([1, 2, 3])]]
    bans = [c for c in pool if c.kind == "exclude" and (first in c.reasons or rng.random() < 0.3)]
    if bans and (scenario in ("ban", "precedence") or rng.random() < 0.15):
        own = [c for c in bans if first in c.reasons]
        drawn = phrases.ban(rng, split, first) if rng.random() < _DRAWN else None
        chosen.append(drawn or rng.choice(_weighted(own if own and scenario == "precedence" else bans, rng)))
    others = [c for c in pool if c.kind == "info" or all(first not in variant.reasons for variant in c.variants())]
    chosen += rng.sample(others, rng.choice([0, 1, 2, 3, 4, 5]) if len(chosen) > 1 else rng.choice([1, 2, 3, 5]))
    return list({c.text: c for c in chosen}.values())[:8]


def _readable(template: ClauseTemplate) -> bool:
    """Tell whether a sheet can say what the clause asks: once of each fact, with one group of alternatives at most."""
    names = [test.fact for test in _tests(template)]
    return len(names) == len(set(names)) and sum(len(one) > 1 for one in template.conditions) < 2


def _grant(rng: random.Random, split: Split, reason: Reason) -> ClauseTemplate:
    """Draw a clause that grants for `reason`: written as a whole, or out of phrases."""
    pool = [c for c in bank.clauses(split) if c.kind == "grant" and reason in c.reasons and _readable(c)]
    if not pool or rng.random() < _DRAWN:
        return phrases.grant(rng, split, reason)
    return rng.choice(_weighted(pool, rng))


def _weighted(pool: list[ClauseTemplate], rng: random.Random) -> list[ClauseTemplate]:
    """Return the part of the pool to draw from, so that the share of one bank does not hang on its length."""
    kinds = rng.random() < _KINDS
    return [c for c in pool if c.family.startswith(("kin_", "any_")) == kinds] or pool


def _fill(template: ClauseTemplate, rng: random.Random) -> Filled:
    numbers: dict[str, int] = {}
    for slot, (low, high) in (("N", template.n), ("M", template.m)):
        common = [n for n in _COMMON_DAYS if low <= n <= high]
        numbers[slot] = rng.choice(common) if common and rng.random() < 0.5 else rng.randint(low, high)
    if numbers["M"] == numbers["N"]:
        numbers["M"] += 1
    text = template.text.replace("{N}", str(numbers["N"])).replace("{M}", str(numbers["M"]))
    version = rng.choice(["1", "2", "2025-01", "2024-11", "v3"])
    policy = plain_text_version(f"template {template.id}", version, text)
    return Filled(template, numbers, policy)


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
        for name in entry.template.mentions:
            facts[name] = rng.choice([True, False, False, None])
        weights = {Truth.YES: 42, Truth.NO: 32, Truth.UNKNOWN: 26}
        if index == 0 and scenario == "fallthrough":
            weights = {Truth.YES: 10, Truth.NO: 80, Truth.UNKNOWN: 10}
        target = rng.choices(list(weights), list(weights.values()))[0]
        for other in entry.variants()[1:]:
            _make_true(rng, facts, other, rng.choices(list(weights), list(weights.values()))[0], renamed)
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
                if rng.random() < 0.75 and name != "category":
                    del facts[name]
                continue
            holds = truth is Truth.YES and (index == holder or rng.random() < 0.3)
            facts[name] = worlds.value_for(test, holds, limit_of(test, entry.numbers), rng)


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
