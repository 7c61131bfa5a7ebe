"""Where a candidate would have answered otherwise than the champion did: two traces of one case compared. Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from services.domain.trace import RouteName, Trace

WORLDLY = frozenset({"audit", "awaiting_approval", "action_not_succeeded", "actions_of_an_earlier_attempt"})
"""Route reasons that come from chance and from tools, which a candidate in the shadow does not meet."""


class Difference(NamedTuple):
    """One field that differs; both values as a person reads them."""

    field: str
    champion: str
    candidate: str


def differences(live: Trace, shadow: Trace) -> tuple[Difference, ...]:
    """Return what differs, the weightiest first. Words of a reply may differ; what it claims may not."""
    return tuple(
        Difference(field, str(ours), str(theirs)) for field, ours, theirs in _compared(live, shadow) if ours != theirs
    )


def _compared(live: Trace, shadow: Trace) -> Iterator[tuple[str, Any, Any]]:
    for field, read in (("decision", _outcome), ("clause", _clause), ("reason", _reason), ("tools", _tools)):
        yield field, read(live), read(shadow)
    if live.route.reason not in WORLDLY:
        yield "verdict", live.verification.verdict.value, shadow.verification.verdict.value
        yield "route", _route(live), _route(shadow)
        yield "claims", _claims(live), _claims(shadow)


def _outcome(trace: Trace) -> str:
    return trace.decision.outcome.value if trace.decision else "none"


def _clause(trace: Trace) -> str:
    decision = trace.decision
    return f"{decision.policy_id}@{decision.policy_version}" if decision and decision.policy_id else "none"


def _reason(trace: Trace) -> str:
    return trace.decision.reason.value if trace.decision else "none"


def _tools(trace: Trace) -> str:
    calls = trace.decision.tool_calls if trace.decision else ()
    return ", ".join(sorted(f"{call.name} {dict(sorted(call.arguments.items()))}" for call in calls)) or "none"


def _route(trace: Trace) -> str:
    return "auto_close" if trace.route.name is RouteName.AUTO_CLOSE else f"review: {trace.route.reason}"


def _claims(trace: Trace) -> str:
    return ", ".join(sorted({claim.effect.value for claim in trace.verification.claims})) or "none"
