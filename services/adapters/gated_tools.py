"""Every tool call passes the permission layer here, on its way to the ledger or to a dry run.

The ruling itself is `services.domain.permissions`'; the ledger keeps what becomes of the call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.permissions import OrderCaps, Ruling, held, permit
from services.ports import ToolRunner

Hold = Callable[[str, ToolCall, ToolAction], ToolAction]
"""Records (return id, call, what `held` made of it) so that a person finds it; returns the action as recorded."""


@dataclass(frozen=True)
class GatedTools:
    """Runs the permitted calls of one return through the ledger and holds the others for a person.

    `earlier` reads the recorded actions of the same order anew for each call, since the call before may be one.
    """

    return_id: str
    runner: ToolRunner
    hold: Hold
    earlier: Callable[[], Sequence[ToolAction]]
    caps: OrderCaps = field(default_factory=OrderCaps)

    def __call__(self, evidence: Evidence, decision: Decision, call: ToolCall) -> ToolAction:
        """Run or hold `call`; a `RunTool` of the pipeline."""
        key = call.idempotency_key(self.return_id)
        policy = evidence.policy(decision.policy_id)
        permission = permit(call, policy, evidence.facts, earlier=self.earlier(), caps=self.caps, idempotency_key=key)
        if permission.ruling == Ruling.ALLOWED:
            return self.runner.run(self.return_id, call)
        return self.hold(self.return_id, call, held(call, permission, key))


@dataclass
class DryRunTools:
    """Says what the ledger would have recorded, and does nothing: the tools of `returns-desk decide` and `eval`.

    A permitted call is recorded as *succeeded*, as the contract of `decide` has it: the reply is written and judged
    as if the providers had worked, which is what those commands are there to show. Nothing outside moves, the result
    says `"dry_run": true`, and the trace of a dry run never reaches a customer. A call that the clause does not grant
    is held exactly as in earnest, so a reply that claims it is caught.
    """

    caps: OrderCaps = field(default_factory=OrderCaps)

    def __call__(self, evidence: Evidence, decision: Decision, call: ToolCall) -> ToolAction:
        """Return the action of a dry run; a `RunTool` of the pipeline."""
        permission = permit(call, evidence.policy(decision.policy_id), evidence.facts, caps=self.caps)
        return self.run("", call) if permission.ruling == Ruling.ALLOWED else held(call, permission)

    def run(self, return_id: str, call: ToolCall) -> ToolAction:
        """Return a succeeded action without effect; a `ToolRunner`, for calls whose permission was asked before."""
        return ToolAction(
            name=call.name,
            status=ActionStatus.SUCCEEDED,
            arguments=call.arguments,
            result={"dry_run": True},
            idempotency_key=call.idempotency_key(return_id) if return_id else None,
        )
