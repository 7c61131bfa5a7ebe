"""Where a judged case goes, and the reason that is stored."""

import pytest

from policies import Reason
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import Decision, Outcome
from services.domain.routing import RouteReason, route
from services.domain.trace import RouteName
from services.domain.verdict import Verdict, Verification


def decision(outcome="eligible", calls=()):
    return Decision(
        reason=Reason.DAMAGED,
        policy_id="P-7",
        policy_version="1",
        evidence="x",
        outcome=Outcome(outcome),
        tool_calls=calls,
    )


def judged(verdict="pass"):
    return Verification(verdict=Verdict(verdict), findings=())


def act(status, name="issue_refund"):
    return ToolAction(name=name, status=ActionStatus(status), arguments={"order_id": "A1"})


CASES = [
    (judged(), decision(), [], None, "a pass closes by itself"),
    (judged(), decision(), [act("succeeded")], None, "with its action done"),
    (judged(), decision("not_eligible"), [], None, "a refusal that passes closes too"),
    (judged(), decision("review"), [], "decision_is_review", "the checkpoint abstained"),
    (judged("block"), decision(), [], "blocked", "a blocked reply never leaves"),
    (judged("ambiguous"), decision(), [], "ambiguous", "nor an ambiguous one"),
    (judged(), None, [], "no_decision", "there is nothing to close"),
    (judged("block"), None, [], "no_decision", "the missing decision is the reason"),
    (judged(), decision(), [act("awaiting_approval")], "awaiting_approval", "a person must approve first"),
    (judged("block"), decision(), [act("awaiting_approval")], "awaiting_approval", "that is what the person is asked"),
    (judged(), decision(), [act("failed")], "action_not_succeeded", "a promised tool failed"),
    (judged(), decision(), [act("pending")], "action_not_succeeded", "or is not finished"),
    (judged(), decision(), [act("dry_run")], "action_not_succeeded", "or only pretended"),
    (judged(), decision(), [act("failed"), act("succeeded")], None, "a later success mends a failure"),
    (judged(), decision(), [act("succeeded"), act("failed")], "action_not_succeeded", "an earlier one does not"),
]


@pytest.mark.parametrize(("verification", "made", "actions", "reason", "why"), CASES, ids=[case[4] for case in CASES])
def test_a_case_is_routed_with_its_reason(verification, made, actions, reason, why):
    found = route(verification, made, actions, audit_draw=0.5, audit_share=0.0)
    assert found.name is (RouteName.REVIEW if reason else RouteName.AUTO_CLOSE)
    assert found.reason == reason


def test_a_share_of_passes_is_audited_by_a_draw_that_is_passed_in():
    assert route(judged(), decision(), [], 0.04, 0.05).reason == RouteReason.AUDIT.value
    assert route(judged(), decision(), [], 0.05, 0.05).name is RouteName.AUTO_CLOSE


def test_a_call_that_never_ran_is_not_closed():
    asked = decision(calls=(ToolCall(name="issue_refund", arguments={"order_id": "A1"}),))
    assert route(judged(), asked, [], 0.5, 0.0).reason == "action_not_succeeded"
