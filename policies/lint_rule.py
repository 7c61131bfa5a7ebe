"""Holds one clause's rule against its prose: numbers, windows, facts and texts, both ways.

Dates and tools are `lint`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from policies.facts import STANDARD_FACTS, FactScalar, FactType
from policies.model import PolicyVersion
from policies.prose import Window, mentions, numbers_in, windows_in
from policies.rule_check import RuleShape
from policies.rules import Rule, RuleError, compile_rule
from policies.vocabulary import Truth

_MAX_CASES = 50_000

# Words of which one must stand in the prose of a clause whose rule asks for the fact. Others go by their own name.
_PROSE_OF_FACT: Mapping[str, tuple[str, ...]] = {
    "delivered": ("deliver", "arriv", "way"),
    "unopened": ("unopened", "unused", "opened", "seal", "original packaging"),
    "recalled": ("recall",),
    "mismatch_confirmed": ("differ", "not as described", "mismatch", "match"),
    "spoilage_confirmed": ("spoil", "fresh"),
    "downloaded": ("download",),
    "days_late": ("late", "delay", "past the promised", "promised date"),
    "price_cents": ("price", "cost", "worth", "value", "paid"),
    "prior_returns_12m": ("return",),
}
# The other way round: words that state a condition, and facts of which the rule or the scope must then ask one.
_FACTS_OF_PROSE: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"\b(?:unopened|unused)\b", re.IGNORECASE), ("unopened",)),
    (re.compile(r"\bfinal[ -]sale\b", re.IGNORECASE), ("final_sale",)),
    (re.compile(r"\bas a gift\b", re.IGNORECASE), ("is_gift",)),
    (re.compile(r"\bpast the promised\b", re.IGNORECASE), ("days_late",)),
)
_EMPTY_WORDS = frozenset({"confirmed", "is", "days", "since", "item", "complete", "cents", "on", "has"})


@dataclass(frozen=True)
class Problem:
    code: str
    sentence: str


def rule_problems(version: PolicyVersion, facts: Mapping[str, FactType] = STANDARD_FACTS) -> Iterator[Problem]:
    """Yield what is wrong with the rule and the scope of one version, and where the prose says something else."""
    prose = f"{version.title}\n{version.text}"
    asked: set[str] = set()
    for name, source in (("applies_to", version.applies_to), ("rule", version.rule)):
        if source is None:
            continue
        try:
            rule = compile_rule(source, facts)
        except RuleError as error:
            yield Problem(f"bad_{name}", f"{name}: {error}")
            continue
        asked.update(rule.shape.facts)
        yield from _not_in_prose(name, rule.shape, prose)
        if name == "rule":
            yield from _windows_elsewhere(rule.shape, windows_in(version.text))
            yield from _one_sided(rule)
            yield from _unasked(asked, version.text)


def _unasked(asked: set[str], prose: str) -> Iterator[Problem]:
    """Find conditions that the prose states and neither rule nor scope asks for."""
    for pattern, facts in _FACTS_OF_PROSE:
        stated = pattern.search(prose)
        if stated and asked.isdisjoint(facts):
            yield Problem(
                "condition_not_in_rule",
                f"the prose says {stated.group()!r}, but the rule does not ask for {' or '.join(facts)}",
            )


def _not_in_prose(name: str, shape: RuleShape, prose: str) -> Iterator[Problem]:
    stated = numbers_in(prose)
    for number in dict.fromkeys(shape.numbers):
        in_units = "price_cents" in shape.facts and number / 100 in stated
        if number != 0 and number not in stated and not in_units:
            yield Problem("number_not_in_prose", f"{name} says {number}, which the prose does not; make them agree")
    for text in dict.fromkeys(shape.texts):
        if not mentions(prose, text.replace("_", " ")):
            yield Problem("text_not_in_prose", f"{name} says {text!r}, which the prose does not; name it there")
    for fact in shape.facts:
        if not _fact_in_prose(fact, prose):
            yield Problem("fact_not_in_prose", f"{name} asks for {fact}, of which the prose says nothing; say it there")


def _fact_in_prose(fact: str, prose: str) -> bool:
    if fact in {"category", "currency", "payment_method"}:
        return True  # what counts is the text it is compared with
    words = _PROSE_OF_FACT.get(fact) or tuple(word for word in fact.split("_") if word not in _EMPTY_WORDS)
    return any(mentions(prose, word) for word in words)


def _windows_elsewhere(shape: RuleShape, windows: tuple[Window, ...]) -> Iterator[Problem]:
    """Find spans of time in the prose that the rule does not test, or tests with another bound."""
    for window in windows:
        relations = {limit.relation for limit in shape.limits if limit.number == window.days}
        if window.days not in shape.numbers:
            yield Problem(
                "window_not_in_rule",
                f"the prose says {window.text!r} ({window.days} days), which the rule does not test",
            )
        elif window.relations and relations and not relations & set(window.relations):
            yield Problem(
                "bound_disagrees",
                f"the prose puts the bound at {window.text!r} as {' or '.join(window.relations)}, "
                f"the rule as {' or '.join(sorted(relations))}; 'within N days' includes day N",
            )


def _one_sided(rule: Rule) -> Iterator[Problem]:
    """Try the rule on every combination of telling values; a rule that never grants or never refuses is a slip."""
    answers: set[Truth] = set()
    for tried, case in enumerate(_cases(rule)):
        answers.add(rule.evaluate(case))
        if tried >= _MAX_CASES or {Truth.YES, Truth.NO} <= answers:
            return
    if Truth.YES not in answers:
        yield Problem("never_grants", "the rule is false whatever the facts; no return could be eligible")
    elif Truth.NO not in answers:
        yield Problem("never_refuses", "the rule is true whatever the facts; a clause that refuses nothing has no rule")


def _cases(rule: Rule) -> Iterator[dict[str, FactScalar]]:
    near = sorted({number + step for number in (*rule.shape.numbers, 0) for step in (-1, 0, 1)})
    values: dict[FactType, tuple[FactScalar, ...]] = {
        FactType.YES_NO: (True, False),
        FactType.WHOLE: tuple(near),
        FactType.TEXT: (*dict.fromkeys(rule.shape.texts), "something else"),
    }
    names = [name for name, _ in rule.types]
    for chosen in product(*(values[kind] for _, kind in rule.types)):
        yield dict(zip(names, chosen, strict=True))
