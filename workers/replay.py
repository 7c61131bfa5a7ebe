"""Judges a stored trace again: with today's verifier as it stands, or decided anew by a checkpoint. Changes nothing."""

from typing import Any

from services.adapters.dry_run import DryRunTools
from services.domain.reading import LexicalClaimReader
from services.domain.routing import route
from services.domain.trace import Trace
from services.domain.verify import verify
from services.flows.pipeline import Pipeline
from services.ports import Decider
from services.store.sessions import Sessions
from services.store.traces import StoredTrace, find_trace
from workers.verifier import verify_options

UNAUDITED = 1.0
"""A draw that no audit share reaches: a replay asks what the case itself deserves."""


class TraceNotFound(Exception):
    """No stored trace has this id."""


def load_trace(opener: Sessions, trace_id: str) -> StoredTrace:
    """Return the trace. Raises TraceNotFound."""
    with opener() as session:
        found = find_trace(session, trace_id)
    if found is None:
        raise TraceNotFound(trace_id)
    return found


def judged_again(trace: Trace) -> Trace:
    """Return the trace with the verdict and route that today's rules give to the same evidence, actions and reply."""
    claims = LexicalClaimReader().read(trace.reply) if trace.reply else ()
    verification = verify(trace.evidence, trace.decision, trace.actions, trace.reply, claims, verify_options())
    again = route(verification, trace.decision, trace.actions, UNAUDITED, 0.0)
    return trace.model_copy(update={"verification": verification, "route": again})


def decided_again(trace: Trace, decider: Decider) -> Trace:
    """Return what the checkpoint makes of the same evidence now, with tools that do nothing."""
    return Pipeline(decider, LexicalClaimReader(), verify_options()).run(trace.evidence, DryRunTools())


def comparison(stored: StoredTrace, again: Trace) -> dict[str, Any]:
    """Return both outcomes side by side; `same` is whether decision, clause and verdict agree."""
    before, now = _outcome(stored.trace), _outcome(again)
    agree = all(before[name] == now[name] for name in ("decision", "policy_id", "policy_version", "verdict"))
    return {"trace_id": stored.id, "return_id": stored.return_id, "same": agree, "stored": before, "now": now}


def _outcome(trace: Trace) -> dict[str, Any]:
    decision = trace.decision
    return {
        "checkpoint": trace.deciding.checkpoint if trace.deciding else None,
        "decision": decision.outcome.value if decision else None,
        "policy_id": decision.policy_id if decision else None,
        "policy_version": decision.policy_version if decision else None,
        "verdict": trace.verification.verdict.value,
        "route": trace.route.name.value,
        "route_reason": trace.route.reason,
        "objections": [f"{f.check}: {f.detail}" for f in trace.verification.findings if not f.passed],
        "reply": trace.reply,
    }
