"""Scores on hand-computed numbers: abstaining is no error, and the dangerous error has its own line."""

import pytest

from lifecycle.evaluate import Share, by_group, evaluate

CLAUSE = "Damaged items within 30 days."


def row(number, expected, twin=None):
    return {
        "id": str(number),
        "policies": [{"policy_id": "P-7", "text": CLAUSE}],
        "expected_decision": expected,
        "expected_policy_id": "P-7",
        "twin": twin,
        "category": "a" if number < 2 else "b",
    }


def out(number, decision, evidence=CLAUSE):
    return {
        "id": str(number),
        "decision": decision,
        "reason": "damaged",
        "policy_id": "P-7",
        "evidence": evidence,
        "route": "review" if decision == "review" else "auto_close",
        "findings": [],
    }


CASES = [row(0, "eligible", "t"), row(1, "not_eligible", "t"), row(2, "review"), row(3, "not_eligible")]
OUTPUTS = [out(0, "eligible"), out(1, "eligible"), out(2, "review"), out(3, "review", "something else")]


def test_measures_count_what_they_say():
    measures = evaluate(CASES, OUTPUTS)
    assert measures["decision_right"] == Share(2, 4)
    assert measures["wrong_approvals"] == Share(1, 3)
    assert measures["ambiguous_sent_to_review"] == Share(1, 1)
    assert measures["clear_sent_to_review"] == Share(1, 3)
    assert measures["evidence_verbatim"] == Share(3, 4)
    assert measures["twins_both_right"] == Share(0, 1)
    assert measures["closed_wrongly"] == Share(1, 2)
    assert by_group(CASES, OUTPUTS, "category") == {"a": Share(1, 2), "b": Share(1, 2)}


def test_wilsons_interval_as_published():
    low, high = Share(9, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)


def test_outputs_out_of_order_are_refused():
    with pytest.raises(ValueError, match="keep their order"):
        evaluate(CASES, OUTPUTS[::-1])
