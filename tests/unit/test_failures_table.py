"""The failure router's table, as a table: what was seen, who mends it, and whether weights change."""

import pytest

from services.domain.failure_cases import BadFailure, of_row
from services.domain.failures import CURE_EFFORT, EFFORT, Cure, route_failure
from services.domain.remedies import REMEDIES
from services.domain.verdict import FailureOwner

RETRIEVAL, SFT, PREFERENCE = FailureOwner.RETRIEVAL, FailureOwner.SFT_DATA, FailureOwner.PREFERENCE_DATA
SERVING, POLICY, GATE, ASK = FailureOwner.SERVING, FailureOwner.POLICY, FailureOwner.GATE, FailureOwner.INVESTIGATE


def failed(check, detail=""):
    return {"check": check, "passed": False, "detail": detail}


ROWS = [
    ({"findings": [failed("claims_supported", "a refund is claimed")]}, "claims_supported", PREFERENCE),
    ({"verdict": "block", "claims": [{"effect": "issue_refund", "text": "refunded"}]}, "claims_supported", PREFERENCE),
    ({"reply": "Your refund has been issued.", "recorded_actions": []}, "claims_supported", PREFERENCE),
    (
        {"findings": [failed("clause_in_force", "clause P-9 was not among those retrieved")]},
        "clause_not_retrieved",
        RETRIEVAL,
    ),
    (
        {"findings": [failed("clause_in_force", "P-7 2024 is not in force on 2026-01-01")]},
        "clause_not_in_force",
        RETRIEVAL,
    ),
    ({"findings": [failed("clause_in_force", "version 1 of P-7 is cited, 2 is in force")]}, "wrong_clause", SFT),
    (
        {"decision": "eligible", "policy_id": "P-9", "expected_policy_id": "P-7", "policies": [{"policy_id": "P-9"}]},
        "clause_not_retrieved",
        RETRIEVAL,
    ),
    (
        {
            "decision": "eligible",
            "policy_id": "P-9",
            "expected_policy_id": "P-7",
            "policies": [{"policy_id": "P-7"}, {"policy_id": "P-9"}],
        },
        "wrong_clause",
        SFT,
    ),
    ({"decision": "eligible", "expected_decision": "not_eligible"}, "wrong_approval", SFT),
    ({"decision": "not_eligible", "expected_decision": "eligible"}, "wrong_refusal", SFT),
    ({"decision": "eligible", "expected_decision": "review"}, "wrong_approval", SFT),
    ({"decision": "not_eligible", "expected_decision": "review"}, "should_have_abstained", SFT),
    ({"findings": [failed("evidence_verbatim")]}, "evidence_verbatim", SFT),
    ({"findings": [failed("rule_agrees")]}, "rule_agrees", SFT),
    ({"findings": [failed("no_rule_applied")]}, "no_rule_applied", POLICY),
    (
        {"findings": [failed("decision_present")], "error": "GrammarDeadEnd: no token fits"},
        "generation_failed",
        SERVING,
    ),
    ({"findings": [failed("decision_present")], "error": "BadAnswer: no outcome"}, "malformed_answer", SFT),
    ({"findings": [failed("rule_agrees", "the check could not run: RuleError")]}, "check_could_not_run", SERVING),
    ({"verdict": "pass", "ttft_ms": 1800}, "slow_first_token", SERVING),
    ({"verdict": "pass", "worse_than_before": True}, "worse_than_before", GATE),
    (
        {"decision": "eligible", "expected_decision": "not_eligible", "worse_than_before": True},
        "worse_than_before",
        GATE,
    ),
    ({"verdict": "pass", "reviewer_reason": "worse than before the release"}, "worse_than_before", GATE),
    (
        {"verdict": "pass", "reviewer_reason": "It promised a voucher that never happened."},
        "reviewer_preference_data",
        PREFERENCE,
    ),
    ({"reviewer_owner": "gate", "reviewer_reason": "hm", "findings": [failed("rule_agrees")]}, "reviewer_gate", GATE),
    ({"label": {"owner": "retrieval", "reason": "other clause"}}, "reviewer_retrieval", RETRIEVAL),
    ({"verdict": "pass", "reviewer_reason": "I do not like it"}, "unknown", ASK),
    ({"verdict": "block"}, "unknown", ASK),
    ({"findings": [failed("a_check_of_the_future")]}, "unknown", ASK),
    ({"verdict": "pass", "route_reason": "action_not_succeeded"}, "action_not_succeeded", ASK),
]


@pytest.mark.parametrize(("row", "cause", "owner"), ROWS, ids=[cause for _, cause, _ in ROWS])
def test_every_failure_has_one_owner_and_a_next_action(row, cause, owner):
    routed = route_failure(of_row(row | {"id": "x"}, 1).case)
    assert routed is not None
    assert (routed.cause, routed.owner) == (cause, owner)
    assert routed.action
    assert routed.updates_weights is (owner in {SFT, PREFERENCE})


@pytest.mark.parametrize(
    "row",
    [
        {"verdict": "pass", "decision": "eligible", "findings": [{"check": "rule_agrees", "passed": True}]},
        {"verdict": "pass", "decision": "review", "expected_decision": "eligible"},
        {"verdict": "pass", "decision": "eligible", "expected_decision": "eligible"},
        {"verdict": "pass", "ttft_ms": 400},
    ],
    ids=["passed", "abstained", "right", "quick"],
)
def test_passing_and_abstaining_are_no_failures(row):
    assert route_failure(of_row(row, 1).case) is None


def test_the_upstream_cause_is_named_and_the_others_beside_it():
    findings = [
        failed("claims_supported"),
        failed("rule_agrees"),
        failed("clause_in_force", "not among those retrieved"),
    ]
    routed = route_failure(of_row({"id": "x", "findings": findings}, 1).case)
    assert routed.cause == "clause_not_retrieved"
    assert routed.also == ("rule_agrees", "claims_supported")


def test_an_overturned_answer_that_passed_every_check_says_so():
    row = {"verdict": "pass", "decision": "eligible", "expected_decision": "not_eligible"}
    assert "passed_every_check" in route_failure(of_row(row, 1).case).also


def test_a_clause_that_cures_by_evidence_alone_is_preferred_to_training():
    case = of_row({"decision": "eligible", "expected_decision": "not_eligible"}, 1).case
    routed = route_failure(case, Cure("P-7@2026-02", ("the rule",)))
    assert (routed.owner, routed.effort, routed.updates_weights) == (POLICY, CURE_EFFORT, False)
    assert routed.cured_by == "P-7@2026-02"
    assert "prefer this to training" in routed.action
    assert min(EFFORT.values()) > CURE_EFFORT


def test_what_passed_is_cured_by_nothing():
    assert route_failure(of_row({"verdict": "pass"}, 1).case, Cure("P-7@2", ("the rule",))) is None


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["a list"], "JSON object"),
        ({"id": "x"}, "nothing to route by"),
        ({"findings": [{"passed": False}]}, "check"),
        ({"findings": "none"}, "findings"),
        ({"verdict": "fine"}, "verdict"),
        ({"decision": "maybe", "verdict": "block"}, "decided"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_by_field(row, says):
    with pytest.raises(BadFailure, match=says):
        of_row(row, 1)


def test_every_check_of_the_verifier_has_a_row():
    from review_ui.words import CHECKS  # noqa: PLC0415 - the pages name every check there is

    known = set(REMEDIES) | {"clause_in_force", "decision_present"}
    assert set(CHECKS) <= known
