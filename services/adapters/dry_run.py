"""Tools that do nothing and say what would be recorded: for `returns-desk decide` and `eval`, never for a customer.

Running calls in earnest, once a key, is the ledger's job.
"""

from dataclasses import dataclass, field

from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision
from services.domain.evidence import Evidence
from services.domain.permissions import OrderCaps, Ruling, held, permit


@dataclass(frozen=True)
class DryRunTools:
    """Rules on each call as the ledger does, and then has no effect.

    A permitted call is recorded as *succeeded*, as the contract of `decide` has it: the reply is written and judged
    as if the providers had worked, which is what those commands are there to show. The result says `"dry_run": true`
    and the key is left out, so no such action can be taken for one of the ledger. A call that the governing clause
    does not grant is held exactly as in earnest, so a reply that claims it is caught.
    """

    caps: OrderCaps = field(default_factory=OrderCaps)

    def __call__(self, evidence: Evidence, decision: Decision, call: ToolCall) -> ToolAction:
        """Return what would be recorded; a `RunTool` of the pipeline."""
        permission = permit(call, evidence.policy(decision.policy_id), evidence.facts, caps=self.caps)
        if permission.ruling != Ruling.ALLOWED:
            return held(call, permission)
        return ToolAction(
            name=call.name, status=ActionStatus.SUCCEEDED, arguments=call.arguments, result={"dry_run": True}
        )
