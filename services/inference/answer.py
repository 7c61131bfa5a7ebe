"""Reads the checkpoint's scratch line back into a Decision: the inverse of `prompt.decision_segments`.

The grammar makes malformed answers impossible for our own engine; a remote one may still send them, so every
step raises BadAnswer with the line it could not read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from policies import MONEY_TOOLS, PolicyVersion, Reason, ToolName
from services.domain.actions import ToolCall
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome, Truth
from services.domain.evidence import Evidence
from services.domain.weighing import FAULTS, weigh
from services.inference.prompt import CONFLICT, FORBIDS, NONE_FITS, NOT_STATED, CaseView
from services.inference.sheet import flag_test, number_test


class BadAnswer(ValueError):
    """The text is no answer to this case."""


def parse_decision(view: CaseView, text: str) -> Decision:
    """Return the decision that `text` states. Raises BadAnswer naming the first line that does not fit the case."""
    lines = text.strip().split("\n")
    if len(lines) < 3 or not lines[-1].startswith("= "):
        raise BadAnswer(f"no final line in {text!r}")
    if lines[0] not in set(Reason):
        raise BadAnswer(f"unknown reason {lines[0]!r}")
    readings = _readings(view, lines[1:-1])
    outcome, letter, tools = _final(view, lines[-1])
    governing = next((r for r in readings if letter and r.policy_id == view.clauses[letter].policy_id), None)
    if letter and governing is None:
        raise BadAnswer(f"{lines[-1]!r} rests on a clause that was not read")
    if outcome is not Outcome.REVIEW and governing is None:
        raise BadAnswer(f"{lines[-1]!r} rests on no clause")
    return Decision(
        reason=Reason(lines[0]),
        policy_id=governing.policy_id if governing else None,
        policy_version=view.clauses[letter].version if governing and letter else None,
        evidence=governing.evidence if governing else "",
        outcome=outcome,
        tool_calls=tuple(ToolCall(name=tool, arguments=arguments_for(tool, view.evidence)) for tool in tools),
        readings=readings,
    )


def settle(evidence: Evidence, reason: Reason, read: Sequence[tuple[ClauseReading, str | None]]) -> Decision:
    """Return the decision that follows from the readings, each with the tool its clause gives once it is met.

    Facts that contradict each other leave every case to a person; a missing proof of a fault is asked for.
    """
    readings = tuple(reading for reading, _ in read)
    outcome, governing = weigh(readings, reason)
    if governing is None:
        return Decision(
            reason=reason, policy_id=None, policy_version=None, evidence="", outcome=Outcome.REVIEW, readings=readings
        )
    if evidence.contradictions:
        outcome = Outcome.REVIEW
    policy = next(one for one in evidence.policies if one.policy_id == governing.policy_id)
    tool = next(tool for reading, tool in read if reading is governing) if outcome is Outcome.ELIGIBLE else None
    if asks_for_proof(outcome, reason, governing, policy) and not evidence.contradictions:
        tool = ToolName.REQUEST_PHOTOS
    calls = (ToolCall(name=tool, arguments=arguments_for(tool, evidence)),) if tool else ()
    return Decision(
        reason=reason,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        evidence=governing.evidence,
        outcome=outcome,
        tool_calls=calls,
        readings=readings,
    )


def asks_for_proof(outcome: Outcome, reason: Reason, governing: ClauseReading, policy: PolicyVersion) -> bool:
    """Tell whether photos may settle the case: only the proof of a fault is missing, and the clause allows asking."""
    unknown = outcome is Outcome.REVIEW and governing.result is Truth.UNKNOWN
    return unknown and reason in FAULTS and policy.grant(ToolName.REQUEST_PHOTOS) is not None


def _readings(view: CaseView, lines: list[str]) -> tuple[ClauseReading, ...]:
    readings: list[ClauseReading] = []
    for line in lines:
        if line in (NONE_FITS, CONFLICT):
            continue
        label = line.removeprefix(FORBIDS)
        if label in view.sentences:
            policy, forbids = view.clauses[label[0]], label != line
            readings.append(
                ClauseReading(
                    policy_id=policy.policy_id, evidence=view.sentences[label], conditions=(), forbids=forbids
                )
            )
        elif readings:
            condition = Condition(any_of=tuple(_test(view, part) for part in line.split(" or ")))
            last = readings[-1]
            readings[-1] = last.model_copy(update={"conditions": (*last.conditions, condition)})
        else:
            raise BadAnswer(f"unknown label {line!r}")
    return tuple(readings)


def _test(view: CaseView, text: str) -> FactTest:
    head, _, tail = text.partition(": ")
    if head == NOT_STATED:
        return FactTest(fact=None, relation="is", wanted=None, actual=None, result=Truth.UNKNOWN)
    name, _, asked = head.partition(" ")
    if name not in view.facts:
        raise BadAnswer(f"unknown fact in {text!r}")
    actual = view.facts[name]
    if asked == "fits":
        result = tail.rsplit(" ", 1)[-1]
        if result not in set(Truth):
            raise BadAnswer(f"no result in {text!r}")
        return FactTest(fact=name, relation="fits", wanted=None, actual=actual, result=Truth(result))
    relation, _, wanted = asked.partition(" ")
    if relation == "is" and wanted in ("true", "false"):
        return flag_test(name, wanted == "true", actual)
    if relation in ("<=", ">=", "<", ">") and wanted.isdigit():
        return number_test(name, relation, int(wanted), actual)
    raise BadAnswer(f"unknown test {text!r}")


def _final(view: CaseView, line: str) -> tuple[Outcome, str | None, list[str]]:
    words = line.removeprefix("= ").split(" ")
    if words[0] not in set(Outcome):
        raise BadAnswer(f"unknown outcome in {line!r}")
    letter = words[1] if len(words) > 1 else None
    if letter is not None and letter not in view.clauses:
        raise BadAnswer(f"unknown clause in {line!r}")
    tools = list(dict.fromkeys(words[2:]))
    if any(tool not in set(ToolName) for tool in tools):
        raise BadAnswer(f"unknown tool in {line!r}")
    return Outcome(words[0]), letter, tools


def arguments_for(tool: str, evidence: Evidence) -> Mapping[str, Any]:
    """Return a tool's arguments, copied from trusted facts; the model never writes an amount or an order number."""
    facts = evidence.facts
    arguments: dict[str, Any] = {"order_id": facts.order_id, "item": facts.item}
    if tool in MONEY_TOOLS:
        arguments |= {"amount_cents": facts.price_cents, "currency": facts.currency}
    return {name: value for name, value in arguments.items() if value is not None}
