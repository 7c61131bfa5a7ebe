"""Tools that do nothing and say what would be recorded: for `returns-desk decide` and `eval`, never for a customer.

Running calls in earnest, once a key, is the ledger's job.
"""

from collections.abc import Sequence
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
        """Return what would be recorded after the decision's earlier calls; a `RunTool` of the pipeline."""
        earlier: list[ToolAction] = []
        for asked in decision.tool_calls:
            if asked is call or asked == call:
                break
            earlier.append(self._action(evidence, decision, asked, earlier))
        return self._action(evidence, decision, call, earlier)

    def _action(
        self, evidence: Evidence, decision: Decision, call: ToolCall, earlier: Sequence[ToolAction]
    ) -> ToolAction:
        policy = evidence.policy(decision.policy_id)
        permission = permit(call, policy, evidence.facts, earlier=earlier, caps=self.caps)
        if permission.ruling != Ruling.ALLOWED:
            return held(call, permission)
        return ToolAction(
            name=call.name, status=ActionStatus.SUCCEEDED, arguments=call.arguments, result={"dry_run": True}
        )
