"""Words an outcome in one line that begins with the order id. Pure; fetching outcomes is `submit`'s business."""

from collections.abc import Mapping
from typing import Any

LONGEST_QUOTE = 80


def outcome_line(outcome: Mapping[str, Any]) -> str:
    """Return the line of a return at rest: what was decided, on what, what was done, and who answers."""
    parts = [
        f"{outcome['order_id']:<8}",
        outcome["id"],
        f"{(outcome['decision'] or 'undecided'):<12}",
        f"{_policy(outcome):<14}",
        f"{_where(outcome):<10}",
        _findings(outcome),
        _actions(outcome),
    ]
    if outcome.get("evidence"):
        parts.append(f"evidence {_quote(outcome['evidence'])}")
    if outcome["status"] == "closed" and outcome["reply"]:
        parts.append(f"reply {_quote(outcome['reply'])}")
    elif outcome["status"] == "in_review":
        reason = outcome.get("review_reason") or outcome.get("route_reason") or "no reason given"
        detail = outcome.get("review_detail")
        parts.append(f"for a person: {reason}" + (f" ({_short(detail)})" if detail else ""))
    return "  ".join(part for part in parts if part).rstrip()


def refusal_line(order_id: str, problem: Mapping[str, Any]) -> str:
    """Return the line of a request that the API refused."""
    said = problem.get("detail") or problem.get("title") or "refused"
    remedy = problem.get("remedy")
    return f"{order_id:<8}  refused       {said}" + (f" ({remedy})" if remedy else "")


def _policy(outcome: Mapping[str, Any]) -> str:
    if not outcome["policy_id"]:
        return "no clause"
    return f"{outcome['policy_id']} {outcome['policy_version']}"


def _where(outcome: Mapping[str, Any]) -> str:
    return "review" if outcome["status"] == "in_review" else str(outcome["status"])


def _findings(outcome: Mapping[str, Any]) -> str:
    findings = outcome.get("findings") or []
    if not findings:
        return f"verdict {outcome['verdict'] or 'none'}"
    failed = [one["check"] for one in findings if not one["passed"]]
    told = f"{len(findings) - len(failed)} of {len(findings)} checks passed"
    return f"{outcome['verdict']}: {told}" + (f", not {', '.join(failed)}" if failed else "")


def _actions(outcome: Mapping[str, Any]) -> str:
    actions = outcome.get("actions") or []
    if not actions:
        return "no action"
    return ", ".join(
        one["name"] if one["status"] == "succeeded" else f"{one['name']} {one['status']}" for one in actions
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_QUOTE else flat[: LONGEST_QUOTE - 1].rstrip() + "…"


def _quote(text: str) -> str:
    return f"“{_short(text)}”"
