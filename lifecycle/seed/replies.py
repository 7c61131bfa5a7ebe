"""Replies for seed cases: a hand-written pattern for the outcome and what the tools really did, its slots filled."""

import random

from lifecycle.seed import bank
from lifecycle.seed.cases import SeedCase
from services.domain.actions import ActionStatus, ToolAction
from services.domain.decision import Outcome, Truth

_DAYS = ("days", "hours", "weeks", "months")


def act(case: SeedCase, rng: random.Random) -> tuple[ToolAction, ...]:
    """Return the actions as recorded; now and then a tool failed, and the reply must not claim it."""
    status = rng.choices(
        [ActionStatus.SUCCEEDED, ActionStatus.FAILED, ActionStatus.AWAITING_APPROVAL], weights=[88, 6, 6]
    )[0]
    calls = case.decision.tool_calls
    return tuple(ToolAction(name=call.name, status=status, arguments=call.arguments) for call in calls)


def write_reply(case: SeedCase, actions: tuple[ToolAction, ...], rng: random.Random) -> str | None:
    """Return a reply in the customer's language where the bank has one, else in English; None where none fits."""
    done = next((action.name for action in actions if action.status is ActionStatus.SUCCEEDED), "none")
    fitting = [r for r in bank.replies() if r.outcome == case.decision.outcome and r.action == done]
    points = {"", point_of(case)}
    fitting = [r for r in fitting if r.point in points]
    facts = case.evidence.facts
    slots = {
        "{item}": facts.item or "item",
        "{policy}": case.decision.policy_id,
        "{order}": facts.order_id,
        "{amount}": _amount(facts.price_cents, facts.currency),
    }
    usable = [r for r in fitting if all(value is not None or slot not in r.text for slot, value in slots.items())]
    local = [r for r in usable if r.lang == case.lang] or [r for r in usable if r.lang == "en"]
    if not local:
        return None
    text = rng.choice(local).text
    for slot, value in slots.items():
        text = text.replace(slot, value or "")
    return text


def point_of(case: SeedCase) -> str:
    """Return what decided the case, so that a reply names no other ground; empty where no single one did."""
    if case.conflict:
        return "conflict"
    decision = case.decision
    governing = next((r for r in decision.readings if r.policy_id == decision.policy_id), None)
    if governing is None or decision.outcome is Outcome.ELIGIBLE:
        return ""
    if decision.outcome is Outcome.REVIEW:
        return "open" if governing.result is Truth.UNKNOWN else ""
    if governing.forbids:
        return "excluded"
    failed = [test for one in governing.conditions if one.result is Truth.NO for test in one.any_of]
    late = [test.relation in {"<=", "<"} and (test.fact or "").startswith(_DAYS) for test in failed]
    return "late" if all(late) else "" if any(late) else "unmet"


def _amount(cents: int | None, currency: str | None) -> str | None:
    if cents is None or currency is None:
        return None
    return f"{cents // 100}.{cents % 100:02d} {currency}"
