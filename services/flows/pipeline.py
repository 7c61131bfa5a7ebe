"""The product loop on gathered evidence: decide, run tools, reply, verify, route.

Gathering evidence and storing traces are others' jobs.

Nothing here opens a transaction, so a generation of any length holds no database resource.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.domain.actions import ToolAction, ToolCall
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.routing import route
from services.domain.trace import Trace
from services.domain.verify import VerifyOptions, verify
from services.ports import ClaimReader, Decided, Decider, Replied

RunTool = Callable[[Evidence, Decision, ToolCall], ToolAction]
"""Runs one call of the case's decision if its governing clause grants it, or records why it did not run."""


@dataclass(frozen=True)
class Pipeline:
    """The parts that turn evidence into a trace. `audit_share` in [0, 1] is the share of passes people see anyway."""

    decider: Decider
    reader: ClaimReader
    options: VerifyOptions = field(default_factory=VerifyOptions)
    audit_share: float = 0.0

    def run(self, evidence: Evidence, run_tool: RunTool, audit_draw: float = 1.0) -> Trace:
        """Return the trace of one case; `audit_draw` is a uniform number in [0, 1) that decides on auditing."""
        return self.run_batch([evidence], run_tool, [audit_draw])[0]

    def run_batch(
        self, cases: Sequence[Evidence], run_tool: RunTool, audit_draws: Sequence[float] | None = None
    ) -> list[Trace]:
        """Return one trace a case, in order. The checkpoint sees the batch at once; its results do not depend on it."""
        decided = self.decider.decide(cases)
        actions = [self._act(case, one, run_tool) for case, one in zip(cases, decided, strict=True)]
        replies = self._reply(cases, decided, actions)
        draws = audit_draws or [1.0] * len(cases)
        return [
            self._judge(case, one, done, reply, draw)
            for case, one, done, reply, draw in zip(cases, decided, actions, replies, draws, strict=True)
        ]

    def _act(self, evidence: Evidence, decided: Decided, run_tool: RunTool) -> tuple[ToolAction, ...]:
        """Run the decision's tools, unless its own checks already say that it cannot stand.

        A wrong decision must not move money: whatever the verifier finds wrong before any tool ran keeps all tools
        from running.
        """
        decision = decided.decision
        if decision is None or not decision.tool_calls:
            return ()
        before = verify(evidence, decision, (), None, (), self.options)
        if any(not finding.passed for finding in before.findings):
            return ()
        return tuple(run_tool(evidence, decision, call) for call in decision.tool_calls)

    def _reply(
        self, cases: Sequence[Evidence], decided: Sequence[Decided], actions: Sequence[Sequence[ToolAction]]
    ) -> list[Replied | None]:
        """Ask for a reply to every case that has a decision; the others go to a person without one."""
        wanted = [index for index, one in enumerate(decided) if one.decision is not None]
        asked: list[tuple[Evidence, Decision, Sequence[ToolAction]]] = []
        for index in wanted:
            decision = decided[index].decision
            if decision is not None:
                asked.append((cases[index], decision, actions[index]))
        replies: list[Replied | None] = [None] * len(cases)
        for index, reply in zip(wanted, self.decider.reply(asked) if asked else (), strict=True):
            replies[index] = reply
        return replies

    def _judge(
        self, evidence: Evidence, decided: Decided, actions: Sequence[ToolAction], reply: Replied | None, draw: float
    ) -> Trace:
        text = reply.text if reply else ""
        claims = self.reader.read(text) if text else ()
        verification = verify(evidence, decided.decision, actions, text, claims, self.options)
        return Trace(
            evidence=evidence,
            decision=decided.decision,
            actions=tuple(actions),
            reply=text,
            verification=verification,
            route=route(verification, decided.decision, actions, draw, self.audit_share),
            deciding=decided.generation,
            replying=reply.generation if reply else None,
        )
