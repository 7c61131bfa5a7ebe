"""A scripted stand-in for the checkpoint: decides by the clause's own rule and writes a fixed reply. For plumbing.

It reads trusted facts only and understands no message: the reason it names is the clause's first. Its checkpoint id
says what it is, so no trace of it can be mistaken for a model's.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from policies import MONEY_TOOLS, PolicyVersion, Reason, ToolName
from policies.rules import RuleError, evaluate
from policies.vocabulary import Truth
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision, Outcome
from services.domain.evidence import Evidence
from services.domain.trace import Generation
from services.ports import Decided, Replied

CHECKPOINT = "scripted-stand-in"
WANTED_TOOLS = (ToolName.CREATE_RETURN_LABEL, ToolName.ISSUE_REFUND)
DELAY_VARIABLE = "SCRIPTED_DELAY_SECONDS"

_SAYS: Mapping[str, str] = {
    ToolName.CREATE_RETURN_LABEL: "Your return label has been created.",
    ToolName.ISSUE_REFUND: "Your refund has been issued.",
}


class ScriptedDecider:
    """Implements `ports.Decider` without weights. `delay_seconds` is what one case takes, as a model's would."""

    def __init__(self, delay_seconds: float | None = None) -> None:
        self._delay = float(os.environ.get(DELAY_VARIABLE, "0")) if delay_seconds is None else delay_seconds

    @property
    def checkpoint_id(self) -> str:
        return CHECKPOINT

    def decide(self, evidence: Sequence[Evidence]) -> Sequence[Decided]:
        """Decide each case by the first clause whose rule knows an answer."""
        return [self._decided(case) for case in evidence]

    def reply(self, cases: Sequence[tuple[Evidence, Decision, Sequence[ToolAction]]]) -> Sequence[Replied]:
        """Write one paragraph a case that claims what succeeded and nothing else."""
        return [self._replied(*case) for case in cases]

    def _decided(self, case: Evidence) -> Decided:
        time.sleep(self._delay)
        decision = _decide(case)
        return Decided(decision, _generation(case, decision.model_dump_json()))

    def _replied(self, case: Evidence, decision: Decision, actions: Sequence[ToolAction]) -> Replied:
        text = _reply(decision, actions)
        return Replied(text, _generation(case, text))


def _decide(case: Evidence) -> Decision:
    answers = [(policy, _answer(policy, case)) for policy in case.policies]
    for wanted, outcome in ((Truth.YES, Outcome.ELIGIBLE), (Truth.NO, Outcome.NOT_ELIGIBLE)):
        policy = next((one for one, answer in answers if answer is wanted), None)
        if policy is not None:
            return Decision(
                reason=policy.reasons[0] if policy.reasons else Reason.UNCLEAR,
                policy_id=policy.policy_id,
                policy_version=policy.version,
                evidence=policy.sentences[0],
                outcome=outcome,
                tool_calls=_calls(policy, case) if outcome is Outcome.ELIGIBLE else (),
            )
    return Decision(
        reason=Reason.UNCLEAR, policy_id=None, policy_version=None, evidence="", outcome=Outcome.REVIEW, tool_calls=()
    )


def _answer(policy: PolicyVersion, case: Evidence) -> Truth:
    if policy.rule is None:
        return Truth.UNKNOWN
    try:
        return evaluate(policy.rule, dict(case.facts.values))
    except RuleError:
        return Truth.UNKNOWN


def _calls(policy: PolicyVersion, case: Evidence) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(name=tool.value, arguments=_arguments(tool, case)) for tool in WANTED_TOOLS if policy.grant(tool)
    )


def _arguments(tool: ToolName, case: Evidence) -> Mapping[str, Any]:
    arguments: dict[str, Any] = {"order_id": case.facts.order_id, "item": case.facts.item}
    if tool in MONEY_TOOLS:
        arguments |= {"amount_cents": case.facts.price_cents, "currency": case.facts.currency}
    return arguments


def _reply(decision: Decision, actions: Sequence[ToolAction]) -> str:
    parts = ["Thank you for your message."]
    if decision.policy_id is not None:
        parts.append(f"Our policy {decision.policy_id} says: {decision.evidence}")
    said = {
        Outcome.ELIGIBLE: "Your return is eligible.",
        Outcome.NOT_ELIGIBLE: "Your return is not eligible.",
        Outcome.REVIEW: "A colleague will look at your request.",
    }
    parts.append(said[decision.outcome])
    parts += [_SAYS[a.name] for a in actions if a.status is ActionStatus.SUCCEEDED and a.name in _SAYS]
    return " ".join(parts)


def _generation(case: Evidence, output: str) -> Generation:
    return Generation(checkpoint=CHECKPOINT, prompt_digest=case.digest, raw_output=output)
