"""Runs stateless cases through the real pipeline: for `decide` and `eval`. No database, no broker, dry-run tools.

Reading files and printing are the commands' business.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.adapters.dry_run import DryRunTools
from services.domain.cases import Case, evidence_of
from services.domain.reading import LexicalClaimReader
from services.domain.trace import Generation, Trace
from services.flows.pipeline import Pipeline
from services.ports import Decider
from workers.verifier import verify_options

BATCH = 16


def run_cases(cases: Sequence[Case], decider: Decider, *, require_rule: bool = False) -> Iterator[dict[str, Any]]:
    """Yield one output a case, in order, in the form of contracts.md."""
    pipeline = Pipeline(decider, LexicalClaimReader(), verify_options(require_rule=require_rule))
    tools = DryRunTools()
    for start in range(0, len(cases), BATCH):
        batch = cases[start : start + BATCH]
        evidence = [evidence_of(case, require_rule=require_rule) for case in batch]
        for case, trace in zip(batch, pipeline.run_batch(evidence, tools), strict=True):
            yield output_of(case.id, trace)


def output_of(case_id: str, trace: Trace) -> dict[str, Any]:
    """Return the line of output for a trace; a failed generation has nulls and an `error` that says why."""
    decision, generation = trace.decision, trace.deciding
    checkpoint, _, digest = (generation.checkpoint if generation else "").partition("@")
    return {
        "id": case_id,
        "checkpoint": checkpoint,
        "checkpoint_digest": digest,
        "reason": decision.reason if decision else None,
        "policy_id": decision.policy_id if decision else None,
        "policy_version": decision.policy_version if decision else None,
        "evidence": decision.evidence if decision else "",
        "decision": decision.outcome if decision else "review",
        "tool_calls": [_call(call.name, call.arguments) for call in decision.tool_calls] if decision else [],
        "actions": [{"name": a.name, "status": a.status, "arguments": dict(a.arguments)} for a in trace.actions],
        "reply": trace.reply,
        "verdict": trace.verification.verdict,
        "findings": [{"check": f.check, "passed": f.passed, "detail": f.detail} for f in trace.verification.findings],
        "route": trace.route.name,
        "route_reason": trace.route.reason,
        "ttft_ms": round(generation.ttft_ms) if generation else 0,
        "latency_ms": round(_latency(generation) + _latency(trace.replying)),
        "error": generation.error if generation else None,
        "reply_error": trace.replying.error if trace.replying else None,
        "scratch": generation.raw_output if generation else "",
    }


def _call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": dict(arguments)}


def _latency(generation: Generation | None) -> float:
    return generation.latency_ms if generation else 0.0
