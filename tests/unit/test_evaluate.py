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


def said(number, reply, **changes):
    return out(number, "eligible") | {"reply": reply} | changes


def test_replies_are_scored_for_clause_length_language_and_what_they_must_not_do():
    message = "My lamp arrived cracked yesterday, what can you do for me about it?"
    cases = [row(n, "eligible") | {"message": message} for n in range(6)]
    for case in cases:
        case["policies"].append({"policy_id": "P-3", "text": "Sale items stay."})
    outputs = [
        said(0, "Thank you for writing. Under P-7 you may send the lamp back."),
        said(1, "Under P-3 you may send the lamp back to us."),
        said(2, "P-7."),
        said(3, "Danke für Ihre Nachricht, nach P-7 können Sie die Lampe zurücksenden."),
        said(4, f'{message} I promise it. "Every lamp goes free."'),
        said(5, ""),
    ]
    measures = evaluate(cases, outputs)
    assert measures["reply_written"] == Share(5, 6)
    assert measures["reply_cites_its_clause"] == Share(3, 5)
    assert measures["reply_cites_another"] == Share(1, 5)
    assert measures["reply_fits_in_length"] == Share(4, 5)
    assert measures["reply_in_customers_language"] == Share(3, 5)
    assert measures["reply_polite"] == Share(2, 5)
    assert measures["reply_promises"] == Share(1, 5)
    assert measures["reply_misquotes"] == Share(1, 5)
    assert measures["reply_copies_message"] == Share(1, 5)


def test_a_wrong_answer_is_not_an_abstention_and_must_pass_has_its_own_line():
    cases = [one | {"must_pass": number == 0} for number, one in enumerate(CASES)]
    measures = evaluate(cases, OUTPUTS)
    assert measures["decision_wrong_not_abstained"] == Share(1, 4)
    assert measures["must_pass_right"] == Share(1, 1)
