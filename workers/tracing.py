"""OpenTelemetry spans of the product loop, by the conventions for generative AI: a return, its runs, its tools.

A batch runs many returns at once, so spans cannot simply be opened and closed around code. The moments are noted while
things run, and a return's spans are written when it is settled. Names are `telemetry_names`'; sending is `infra`'s.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.jobs import Lease
from services.domain.returns import ReturnRequest
from services.domain.settled import Settled
from services.domain.trace import Generation, Trace
from services.flows.triage import CaseTools
from services.ports import Decided, Decider, Replied, SampledDecider
from workers import telemetry_names as names

MOST_NOTED = 4_096
"""Moments kept at most: those of returns that never settle here are forgotten, the oldest first."""


class Stretch(NamedTuple):
    """When something began and ended, in nanoseconds since 1970."""

    begin: int
    end: int


class Moments:
    """What was noted by key, within bounds."""

    def __init__(self) -> None:
        self._noted: OrderedDict[str, Stretch] = OrderedDict()

    def note(self, key: str, begin: int, end: int) -> None:
        self._noted[key] = Stretch(begin, end)
        while len(self._noted) > MOST_NOTED:
            self._noted.popitem(last=False)

    def take(self, key: str, otherwise: Stretch) -> Stretch:
        return self._noted.pop(key, otherwise)


class Spans:
    """Writes the spans of returns. `content`: also what customers wrote and the checkpoint answered."""

    def __init__(self, provider: Any, *, content: bool) -> None:
        self._tracer = provider.get_tracer(names.SCOPE, schema_url=names.SCHEMA)
        self._content = content
        self.moments = Moments()

    def begin(self, return_ids: Sequence[str]) -> None:
        """Note that work on these returns began."""
        now = time.time_ns()
        for return_id in return_ids:
            self.moments.note(f"return:{return_id}", now, now)

    def settled(self, return_id: str, settled: Settled) -> None:
        """Write the span of a return with those of its runs and tools."""
        now = time.time_ns()
        began = self.moments.take(f"return:{return_id}", Stretch(now, now)).begin
        root = self._tracer.start_span(
            f"{names.INVOKE_WORKFLOW} {names.WORKFLOW_VALUE}",
            context=_no_parent(),
            start_time=began,
            attributes=_of_return(return_id, settled),
        )
        if settled.trace is not None:
            self._children(root, return_id, settled.trace, Stretch(began, now))
        root.end(end_time=now)

    def _children(self, root: Any, return_id: str, trace: Trace, whole: Stretch) -> None:
        evidence = trace.evidence
        if trace.deciding is not None:
            self._run(root, return_id, "decide", trace.deciding, evidence.message, whole)
        for action in trace.actions:
            self._tool(root, action, whole)
        if trace.replying is not None:
            self._run(root, return_id, "reply", trace.replying, evidence.message, whole)

    def _run(  # noqa: PLR0913, PLR0917 - whose run, which, of what, within what
        self, root: Any, return_id: str, part: str, run: Generation, message: str, whole: Stretch
    ) -> None:
        asked = self.moments.take(run_key(part, run), whole)
        end = min(asked.begin + int(run.latency_ms * 1e6), whole.end) if run.latency_ms else asked.end
        attributes = _of_run(return_id, part, run)
        if self._content:
            attributes[names.INPUT_MESSAGES] = _message("user", message)
            attributes[names.OUTPUT_MESSAGES] = _message("assistant", run.raw_output)
        span = self._tracer.start_span(
            f"{names.TEXT_COMPLETION} {run.checkpoint}",
            context=_under(root),
            start_time=asked.begin,
            attributes=attributes,
        )
        if run.error is not None:
            _mark_failed(span, run.error)
        span.end(end_time=max(end, asked.begin))

    def _tool(self, root: Any, action: ToolAction, whole: Stretch) -> None:
        took = self.moments.take(f"tool:{action.idempotency_key}", whole)
        attributes: dict[str, Any] = {
            names.OPERATION: names.EXECUTE_TOOL,
            names.TOOL_NAME: action.name,
            names.TOOL_TYPE: "function",
            names.TOOL_STATUS: action.status.value,
        }
        if action.idempotency_key is not None:
            attributes[names.TOOL_CALL_ID] = action.idempotency_key
        if self._content:
            attributes[names.TOOL_ARGUMENTS] = json.dumps(dict(action.arguments), default=str)
            attributes[names.TOOL_RESULT] = json.dumps(dict(action.result), default=str)
        span = self._tracer.start_span(
            f"{names.EXECUTE_TOOL} {action.name}", context=_under(root), start_time=took.begin, attributes=attributes
        )
        if action.status is ActionStatus.FAILED:
            _mark_failed(span, action.error or "failed")
        span.end(end_time=took.end)


class TimedDecider:
    """Implements `ports.Decider` around another one and notes when each batch was asked."""

    def __init__(self, inner: Decider, moments: Moments) -> None:
        self._inner, self._moments = inner, moments

    @property
    def checkpoint_id(self) -> str:
        return self._inner.checkpoint_id

    def sampled(self, temperature: float, seed: int) -> Decider:
        """Pass on; second opinions are not traced."""
        return self._inner.sampled(temperature, seed) if isinstance(self._inner, SampledDecider) else self._inner

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        began = time.time_ns()
        found = self._inner.decide(evidence)
        self._note("decide", [one.generation for one in found], began)
        return found

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        began = time.time_ns()
        found = self._inner.reply(cases)
        self._note("reply", [one.generation for one in found], began)
        return found

    def _note(self, part: str, runs: Sequence[Generation], began: int) -> None:
        ended = time.time_ns()
        for run in runs:
            self._moments.note(run_key(part, run), began, ended)


class TimedTools:
    """Implements `flows.triage.CaseTools` around another one and notes when each tool ran."""

    def __init__(self, inner: CaseTools, moments: Moments) -> None:
        self._inner, self._moments = inner, moments

    def run(
        self, lease: Lease, request: ReturnRequest, evidence: Evidence, decision: Decision, call: ToolCall
    ) -> ToolAction:
        """Pass on. Raises what the inner one raises, and then nothing is noted."""
        began = time.time_ns()
        action = self._inner.run(lease, request, evidence, decision, call)
        self._moments.note(f"tool:{action.idempotency_key}", began, time.time_ns())
        return action


def run_key(part: str, run: Generation) -> str:
    """Return what tells a run apart: the same prompt asked twice gives the same answer at the same time."""
    return f"{part}:{run.prompt_digest}"


def _of_return(return_id: str, settled: Settled) -> Mapping[str, Any]:
    trace = settled.trace
    attributes: dict[str, Any] = {
        names.OPERATION: names.INVOKE_WORKFLOW,
        names.WORKFLOW: names.WORKFLOW_VALUE,
        names.CONVERSATION: return_id,
        names.ROUTE: settled.route.name.value,
    }
    if settled.route.reason is not None:
        attributes[names.ROUTE_REASON] = settled.route.reason
    if trace is not None:
        attributes[names.VERDICT] = trace.verification.verdict.value
    if trace is not None and trace.decision is not None:
        attributes[names.DECISION] = trace.decision.outcome.value
        if trace.decision.policy_id is not None:
            attributes[names.CLAUSE] = f"{trace.decision.policy_id}@{trace.decision.policy_version}"
    return attributes


def _of_run(return_id: str, part: str, run: Generation) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        names.OPERATION: names.TEXT_COMPLETION,
        names.PROVIDER: names.PROVIDER_VALUE,
        names.CONVERSATION: return_id,
        names.PART: part,
        names.REQUEST_MODEL: run.checkpoint,
        names.RESPONSE_MODEL: run.checkpoint,
        names.INPUT_TOKENS: run.prompt_tokens,
        names.OUTPUT_TOKENS: run.output_tokens,
        names.FINISH_REASONS: ["error" if run.error is not None else "stop"],
    }
    if run.ttft_ms > 0:
        attributes[names.FIRST_CHUNK_SECONDS] = run.ttft_ms / 1000
    for key, name in (("temperature", names.REQUEST_TEMPERATURE), ("seed", names.REQUEST_SEED)):
        if key in run.sampling:
            attributes[name] = run.sampling[key]
    return attributes


def _message(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}], ensure_ascii=False)


def _mark_failed(span: Any, error: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - only where tracing is on

    span.set_attribute(names.ERROR_TYPE, error.partition(":")[0][:100])
    span.set_status(Status(StatusCode.ERROR))


def _no_parent() -> Any:
    from opentelemetry.context import Context  # noqa: PLC0415 - only where tracing is on

    return Context()


def _under(root: Any) -> Any:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - only where tracing is on

    return set_span_in_context(root)
