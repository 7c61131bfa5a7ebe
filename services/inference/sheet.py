"""The reading of one clause: for every fact, what the clause asks of it. Text only, like `prompt`.

A clause is read by itself, apart from the customer's message and from other clauses:

    1 Damaged items reported within 30 days of delivery are eligible for return.
    2 The damage must be confirmed by photos.

    damaged 1                            <- the sentence it rests on is chosen
    damage confirmed: true               <- the fact is copied, what stands behind the colon is chosen
    days since delivery: <= 30
    unopened: any                        <- the clause does not ask
    more: no                             <- whether it asks for something that no fact states
    tool: create_return_label

So no condition can be forgotten by not writing it down, a name is never misspelt, and a small model faces one small
question at a time. What a fact is stays hidden from the reader, who would otherwise be tempted to find in the clause
what the order already has (measured: docs/checkpoint.md); only of a text it is asked whether it fits. So a reading
holds for every order with these facts. What follows from it is computed (`services.domain.weighing`).
"""

import re
from collections.abc import Mapping, Sequence

from policies import PolicyVersion, Reason, ToolName
from policies.numbers import days_in, numbers_in
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome, Truth
from services.domain.facts import FactValue
from services.inference.prompt import Segment, Step, readable, value_text

_MONEY = re.compile(
    r"€|\$|£|\b(?:eur|usd|gbp|chf|euros?|dollars?|pounds?|francs?|cents?|price|value|worth|cost|paid)", re.IGNORECASE
)
# `days_late` counts days, `minutes_lost_per_day` does not.
_COUNTS_DAYS = re.compile(r"(?<!per_)(?<!per )(?<!a_)day", re.IGNORECASE)
SHEET_SYSTEM = "Read the clause."
ANY = "any"
_COMPARISONS = ("<=", ">=", "<", ">")
_OR = "or "
_NO_TOOL = "none"
_COMPLETE = 0.5
"""Logits by which a clause is taken to ask for nothing beyond the facts, unless the checkpoint is surer of it."""


def sheet_prompt(policy: PolicyVersion) -> list[Segment]:
    """Return what stands before the reading: the clause, its sentences numbered from 1."""
    lines = "".join(f"{n} {' '.join(s.split())}\n" for n, s in enumerate(policy.sentences, start=1))
    return [
        Segment("<|im_start|>system\n", control=True),
        Segment(SHEET_SYSTEM),
        Segment("<|im_end|>\n<|im_start|>user\n", control=True),
        Segment(lines),
        Segment("<|im_end|>\n<|im_start|>assistant\n", control=True),
    ]


def sheet_facts(policy: PolicyVersion, facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Return the facts that are held against a clause: not the article's name, its price only where money is named."""
    priced = _MONEY.search(policy.text) is not None
    return {n: v for n, v in facts.items() if n != "item" and (priced or not n.startswith("price"))}


def sheet_segments(
    policy: PolicyVersion,
    reason: Reason,
    facts: Mapping[str, FactValue],
    reading: ClauseReading,
    tool: str | None,
) -> list[Segment]:
    """Return the reading as it is taught; copied parts are untrained. Raises KeyError for an unknown sentence."""
    number = sentence_number(policy, reading.evidence)
    segments = [Segment(reason.value), Segment(f" {number}\n", trained=len(policy.sentences) > 1)]
    asked = _asked(reading)
    for name, value in facts.items():
        segments += [Segment(_fact_head(name, value)), Segment(f" {asked.get(name, ANY)}\n", trained=True)]
    missing = any(test.fact is None for condition in reading.conditions for test in condition.any_of)
    segments += [Segment("more:"), Segment(" yes\n" if missing else " no\n", trained=True)]
    options = tool_options(policy)
    if options and (tool is None or tool not in options):
        return segments
    if options:
        segments += [Segment("tool:"), Segment(f" {tool}", trained=True)]
    return [*segments, Segment("<|im_end|>", trained=True, control=True)]


def sheet_steps(policy: PolicyVersion, reason: Reason, facts: Mapping[str, FactValue]) -> list[Step]:
    """Return (copied text, what may be chosen after it) in order: the skeleton that the checkpoint fills in."""
    steps: list[Step] = [(reason.value, tuple(f" {n}\n" for n in range(1, len(policy.sentences) + 1)))]
    for name, value in facts.items():
        steps.append((_fact_head(name, value), tuple(f" {one}\n" for one in _choices(policy, name, value))))
    steps.append(("more:", (" no\n", " yes\n")))
    if options := tool_options(policy):
        steps.append(("tool:", tuple(f" {one}" for one in options)))
    return steps


def sheet_guesses(policy: PolicyVersion, facts: Mapping[str, FactValue]) -> list[str]:
    """Return for each of `sheet_steps` what is probably chosen: cheap, often right, and never decisive."""
    guesses = [" 1\n"]
    days, text = days_in(policy.text), policy.text.lower()
    for name, value in facts.items():
        asked = ANY
        if _COUNTS_DAYS.search(name) and days and not isinstance(value, bool | str):
            asked = f"<= {days[0]}"
        elif (value is None or isinstance(value, bool)) and readable(name).lower() in text:
            asked = "true"
        guesses.append(f" {asked}\n")
    return [*guesses, " no\n", *(f" {one}" for one in tool_options(policy)[:1])]


def sheet_leanings(facts: Mapping[str, FactValue], chosen: Sequence[str]) -> dict[str, float]:
    """Return what speaks against "more: yes" beside the checkpoint: it says so too lightly (docs/checkpoint.md)."""
    return {"no": _COMPLETE} if len(chosen) == len(facts) + 1 else {}


def read_sheet(
    policy: PolicyVersion, facts: Mapping[str, FactValue], chosen: Sequence[str], *, forbids: bool
) -> tuple[ClauseReading, str | None]:
    """Return the reading and the tool that `chosen` states, one choice for every step of `sheet_steps`."""
    chosen = [choice.strip() for choice in chosen]
    sentence = policy.sentences[int(chosen[0]) - 1]
    singles: list[Condition] = []
    alternatives: list[FactTest] = []
    for (name, value), verdict in zip(facts.items(), chosen[1 : len(facts) + 1], strict=True):
        if verdict == ANY:
            continue
        test = _test(name, value, verdict.removeprefix(_OR))
        if verdict.startswith(_OR):
            alternatives.append(test)
        else:
            singles.append(Condition(any_of=(test,)))
    if alternatives:
        singles.append(Condition(any_of=tuple(alternatives)))
    if chosen[len(facts) + 1] == "yes":
        singles.append(Condition(any_of=(NOT_STATED_TEST,)))
    reading = ClauseReading(policy_id=policy.policy_id, evidence=sentence, conditions=tuple(singles), forbids=forbids)
    tool = chosen[len(facts) + 2] if len(chosen) > len(facts) + 2 else None
    return reading, None if tool == _NO_TOOL else tool


NOT_STATED_TEST = FactTest(fact=None, relation="is", wanted=None, actual=None, result=Truth.UNKNOWN)


def sentence_number(policy: PolicyVersion, evidence: str) -> int:
    """Return the number, from 1, of a sentence of the clause. Raises KeyError where it is none."""
    for number, sentence in enumerate(policy.sentences, start=1):
        if sentence == evidence:
            return number
    raise KeyError(evidence)


def tool_of(decision: Decision, reading: ClauseReading) -> str | None:
    """Return the tool that a decision shows the reading's clause to give; None where the decision does not tell."""
    if decision.outcome is not Outcome.ELIGIBLE or reading.policy_id != decision.policy_id:
        return None
    return decision.tool_calls[0].name if decision.tool_calls else _NO_TOOL


def tool_options(policy: PolicyVersion) -> tuple[str, ...]:
    """Return the tools a met clause may lead to; photos are asked for by rule, never chosen here."""
    aside = (ToolName.REQUEST_PHOTOS, ToolName.SEND_EMAIL)
    tools = tuple(grant.name.value for grant in policy.tools if grant.name not in aside)
    return (*tools, _NO_TOOL) if tools else ()


def _fact_head(name: str, value: FactValue) -> str:
    return f"{readable(name)} {value_text(value)}:" if isinstance(value, str) else f"{readable(name)}:"


def _choices(policy: PolicyVersion, name: str, value: FactValue) -> tuple[str, ...]:
    """Return what a clause may ask of a fact with this value; numbers are those that stand in the clause."""
    if isinstance(value, str):
        return (ANY, "fits", "not", f"{_OR}fits", f"{_OR}not")
    asked = ["true", "false"] if value is None or isinstance(value, bool) else []
    if value is None or not isinstance(value, bool):
        numbers = days_in(policy.text) if _COUNTS_DAYS.search(name) else numbers_in(policy.text)
        asked += [f"{relation} {number}" for number in numbers for relation in _COMPARISONS]
    if value is None:
        asked.append("fits")
    return (ANY, *asked, *(f"{_OR}{one}" for one in asked))


def _asked(reading: ClauseReading) -> dict[str, str]:
    """Return fact -> what the reading asks of it, as the sheet writes it."""
    found: dict[str, str] = {}
    for condition in reading.conditions:
        prefix = _OR if len(condition.any_of) > 1 else ""
        for test in condition.any_of:
            if test.fact is not None:
                found.setdefault(test.fact, prefix + _verdict(test))
    return found


def _verdict(test: FactTest) -> str:
    if test.relation == "fits":
        return "not" if test.result is Truth.NO else "fits"
    if test.relation == "is":
        return value_text(test.wanted)
    return f"{test.relation} {value_text(test.wanted)}"


def _test(name: str, value: FactValue, verdict: str) -> FactTest:
    if verdict in ("fits", "not"):
        result = Truth.UNKNOWN if value is None else Truth.YES if verdict == "fits" else Truth.NO
        return FactTest(fact=name, relation="fits", wanted=None, actual=value, result=result)
    if verdict in ("true", "false"):
        return flag_test(name, wanted=verdict == "true", actual=value)
    relation, number = verdict.split(" ")
    return number_test(name, relation, int(number), value)


def flag_test(name: str, wanted: bool, actual: FactValue) -> FactTest:
    """Compare a yes/no fact; one that is not established is unknown."""
    result = Truth.UNKNOWN if actual is None else (Truth.YES if actual is wanted else Truth.NO)
    return FactTest(fact=name, relation="is", wanted=wanted, actual=actual, result=result)


def number_test(name: str, relation: str, wanted: float, actual: FactValue) -> FactTest:
    """Compare a number fact with a number of the clause; "within N days" is `<=` and includes day N."""
    if actual is None or isinstance(actual, bool | str):
        result = Truth.UNKNOWN
    else:
        holds = {"<=": actual <= wanted, ">=": actual >= wanted, "<": actual < wanted, ">": actual > wanted}[relation]
        result = Truth.YES if holds else Truth.NO
    return FactTest(fact=name, relation=relation, wanted=wanted, actual=actual, result=result)
