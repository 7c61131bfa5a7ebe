"""Counts what triage settled: decisions, verdicts, findings, tokens and times, and hands each outcome to the spans.

Stands around the store, so that only what was really stored is counted, and once. Decides nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from prometheus_client import Counter, Histogram

from services.domain.actions import ToolAction
from services.domain.jobs import Lease
from services.domain.returns import ReturnRequest
from services.domain.settled import Settled
from services.domain.trace import Generation, Trace
from services.flows.triage import TriageStore
from workers.tracing import Spans

TTFT_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
RUN_SECONDS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 60.0)

DECISIONS = Counter("returns_desk_decisions", "Returns triaged, by outcome and route.", ["decision", "route", "reason"])
VERDICTS = Counter("returns_desk_verdicts", "Verdicts of the verifier.", ["verdict"])
FINDINGS = Counter("returns_desk_findings", "Checks of the verifier, by result.", ["check", "result"])
FIRST_TOKEN = Histogram(
    "returns_desk_first_token_seconds", "Time to the first token of a run.", ["part"], buckets=TTFT_SECONDS
)
RUN = Histogram("returns_desk_run_seconds", "Time of a whole run of the checkpoint.", ["part"], buckets=RUN_SECONDS)
TOKENS = Counter("returns_desk_generation_tokens", "Tokens of runs: read and written.", ["part", "kind"])
FAILED_RUNS = Counter("returns_desk_generations_failed", "Runs that gave nothing to read.", ["part"])
ACTIONS = Counter("returns_desk_tool_actions", "Tool actions of decisions, by how they ended.", ["tool", "status"])


class Observed:
    """Implements `flows.triage.TriageStore` around another one."""

    def __init__(self, store: TriageStore, spans: Spans | None) -> None:
        self._store = store
        self._spans = spans

    def begin(self, leases: Sequence[Lease], now: datetime) -> Mapping[str, ReturnRequest]:
        """Pass on; a return's span begins here."""
        found = self._store.begin(leases, now)
        if self._spans is not None:
            self._spans.begin([request.id for request in found.values()])
        return found

    def actions(self, return_id: str) -> Sequence[ToolAction]:
        return self._store.actions(return_id)

    def settle(self, lease: Lease, settled: Settled, now: datetime) -> None:
        """Pass on, then count. Raises LeaseLost, and then nothing is counted."""
        self._store.settle(lease, settled, now)
        count(settled)
        if self._spans is not None:
            self._spans.settled(lease.subject_id, settled)


def count(settled: Settled) -> None:
    """Add one outcome to the metrics of this process."""
    trace = settled.trace
    outcome = trace.decision.outcome.value if trace is not None and trace.decision is not None else "none"
    DECISIONS.labels(outcome, settled.route.name.value, settled.route.reason or "none").inc()
    if trace is not None:
        _count_trace(trace)


def _count_trace(trace: Trace) -> None:
    VERDICTS.labels(trace.verification.verdict.value).inc()
    for finding in trace.verification.findings:
        FINDINGS.labels(finding.check, "passed" if finding.passed else "failed").inc()
    for action in trace.actions:
        ACTIONS.labels(action.name, action.status.value).inc()
    for part, run in (("decide", trace.deciding), ("reply", trace.replying)):
        if run is not None:
            _count_run(part, run)


def _count_run(part: str, run: Generation) -> None:
    if run.ttft_ms > 0:
        FIRST_TOKEN.labels(part).observe(run.ttft_ms / 1000)
    RUN.labels(part).observe(run.latency_ms / 1000)
    TOKENS.labels(part, "input").inc(run.prompt_tokens)
    TOKENS.labels(part, "output").inc(run.output_tokens)
    if run.error is not None:
        FAILED_RUNS.labels(part).inc()
