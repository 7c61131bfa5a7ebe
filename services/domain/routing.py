"""Where a judged case goes: it closes by itself, or a person sees it, with a stable reason. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from services.domain.actions import ActionStatus, ToolAction
from services.domain.decision import Decision, Outcome
from services.domain.trace import Route, RouteName
from services.domain.verdict import Verdict, Verification


class RouteReason(StrEnum):
    """Why a case goes to review. Stored and filtered by: never reworded, only added to."""

    NO_DECISION = "no_decision"
    BLOCKED = "blocked"
    AMBIGUOUS = "ambiguous"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTION_NOT_SUCCEEDED = "action_not_succeeded"
    DECISION_IS_REVIEW = "decision_is_review"
    AUDIT = "audit"


def route(
    verification: Verification,
    decision: Decision | None,
    actions: Sequence[ToolAction],
    audit_draw: float,
    audit_share: float,
) -> Route:
    """Return the route; the first reason that applies, in the order above, is named.

    `audit_draw` is uniform in [0, 1); a passing case whose draw is below `audit_share` is shown to a person too.
    """
    reason = _reason(verification, decision, actions, audit_draw, audit_share)
    if reason is None:
        return Route(name=RouteName.AUTO_CLOSE)
    return Route(name=RouteName.REVIEW, reason=reason.value)


def _reason(  # noqa: PLR0911 - one line a reason
    verification: Verification,
    decision: Decision | None,
    actions: Sequence[ToolAction],
    audit_draw: float,
    audit_share: float,
) -> RouteReason | None:
    if decision is None:
        return RouteReason.NO_DECISION
    if any(action.status is ActionStatus.AWAITING_APPROVAL for action in actions):
        return RouteReason.AWAITING_APPROVAL
    if decision.outcome is Outcome.REVIEW:
        return RouteReason.DECISION_IS_REVIEW
    if verification.verdict is Verdict.BLOCK:
        return RouteReason.BLOCKED
    if verification.verdict is not Verdict.PASS:
        return RouteReason.AMBIGUOUS
    if not _all_succeeded(actions) or not _all_ran(decision, actions):
        return RouteReason.ACTION_NOT_SUCCEEDED
    return RouteReason.AUDIT if audit_draw < audit_share else None


def _all_ran(decision: Decision, actions: Sequence[ToolAction]) -> bool:
    """Tell whether every tool the decision asked for has a success on record."""
    succeeded = {action.name for action in actions if action.status is ActionStatus.SUCCEEDED}
    return all(call.name in succeeded for call in decision.tool_calls)


def _all_succeeded(actions: Sequence[ToolAction]) -> bool:
    """Tell whether every call ended in success; a failed attempt counts as mended by a later success of its kind."""
    return all(
        action.status is ActionStatus.SUCCEEDED
        or (
            action.status is ActionStatus.FAILED
            and any(
                later.name == action.name
                and later.status is ActionStatus.SUCCEEDED
                and dict(later.arguments) == dict(action.arguments)
                for later in actions[index + 1 :]
            )
        )
        for index, action in enumerate(actions)
    )
