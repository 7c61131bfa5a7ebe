"""The verifier over a whole case: each check with a case that fails it, and blocked by default."""

from datetime import date

import pytest

from policies import PolicyVersion, Reason, ToolGrant, ToolName
from policies.vocabulary import Truth
from services.domain.actions import ActionStatus, ToolAction, ToolCall
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.domain.reading import LexicalClaimReader
from services.domain.remedies import REMEDIES
from services.domain.verdict import Verdict
from services.domain.verify import VerifyOptions, recorded_action, verify, verify_reply

READER = LexicalClaimReader()
TEXT = "Damaged items reported within 30 days of delivery are eligible for return."
CLAUSE = PolicyVersion(
    policy_id="P-7",
    version="1",
    effective_from=date(2025, 1, 1),
    reasons=(Reason.DAMAGED,),
    rule="damage_confirmed && days_since_delivery <= 30",
    tools=(ToolGrant(name=ToolName.CREATE_RETURN_LABEL), ToolGrant(name=ToolName.ISSUE_REFUND, max_amount_cents=5000)),
    text=TEXT,
)
FACTS = {
    "order_id": "A1", "item": "lamp", "price_cents": 4900, "currency": "EUR", "delivered_on": "2025-03-01",
    "requested_on": "2025-03-13", "days_since_delivery": 12, "damage_confirmed": True,
}  # fmt: skip
LABEL = ToolAction(name="create_return_label", status=ActionStatus.SUCCEEDED, arguments={"order_id": "A1"})
REPLY = "Your return is approved. I've created your return label."


def evidence(clause=CLAUSE, **facts):
    values = {**FACTS, **facts}
    return Evidence(message="broken", facts=OrderFacts(values=values), policies=(clause,), asked_on=date(2025, 3, 13))


def decide(**changes):
    base = Decision(
        reason=Reason.DAMAGED,
        policy_id="P-7",
        policy_version="1",
        evidence=TEXT,
        outcome=Outcome.ELIGIBLE,
        tool_calls=(ToolCall(name="create_return_label", arguments={"order_id": "A1"}),),
    )
    return base.model_copy(update=changes)


def judge(case=None, made="default", actions=(LABEL,), reply=REPLY, options=None):
    made = decide() if made == "default" else made
    claims = READER.read(reply or "")
    return verify(case or evidence(), made, actions, reply, claims, options or VerifyOptions())


def failing(verification):
    return {finding.check for finding in verification.findings if not finding.passed}


def test_a_right_decision_with_a_true_reply_passes_every_check():
    verification = judge()
    assert failing(verification) == set()
    assert verification.verdict is Verdict.PASS
    assert verification.claims[0].supported_by == 0


def reading(result):
    test = FactTest(fact="damage_confirmed", relation="is", wanted=True, actual=True, result=result)
    return ClauseReading(policy_id="P-7", evidence=TEXT, conditions=(Condition(any_of=(test,)),))


REFUND_CALL = ToolCall(name="issue_refund", arguments={"order_id": "A1", "amount_cents": 6000, "currency": "EUR"})
FAILURES = [
    ("decision_present", {"made": None, "actions": ()}, Verdict.BLOCK),
    ("clause_in_force", {"made": decide(policy_id="P-8")}, Verdict.BLOCK),
    ("clause_in_force", {"made": decide(policy_version="2")}, Verdict.BLOCK),
    ("clause_in_force", {"made": decide(policy_id=None, policy_version=None, evidence="")}, Verdict.BLOCK),
    ("clause_in_force", {"case": evidence(CLAUSE.model_copy(update={"effective_to": date(2025, 2, 1)}))}, Verdict.BLOCK),  # noqa: E501 - a pattern is read by the line
    ("evidence_verbatim", {"made": decide(evidence="Damaged items are eligible.")}, Verdict.BLOCK),
    ("evidence_verbatim", {"made": decide(evidence="")}, Verdict.BLOCK),
    ("rule_agrees", {"case": evidence(days_since_delivery=40, delivered_on=None)}, Verdict.BLOCK),
    ("rule_agrees", {"case": evidence(damage_confirmed=None)}, Verdict.BLOCK),
    ("no_rule_applied", {"case": evidence(CLAUSE.model_copy(update={"rule": None}))}, Verdict.AMBIGUOUS),
    ("facts_consistent", {"case": evidence(days_since_delivery=3)}, Verdict.BLOCK),
    ("readings_agree", {"made": decide(readings=(reading(Truth.NO),))}, Verdict.BLOCK),
    ("readings_agree", {"made": decide(readings=(reading(Truth.UNKNOWN),))}, Verdict.BLOCK),
    ("tools_allowed", {"made": decide(tool_calls=(ToolCall(name="send_replacement"),))}, Verdict.BLOCK),
    ("tools_allowed", {"made": decide(tool_calls=(ToolCall(name="drop_tables"),))}, Verdict.BLOCK),
    ("amounts_within_grant", {"made": decide(tool_calls=(REFUND_CALL,)), "actions": ()}, Verdict.BLOCK),
    ("actions_of_this_case", {"actions": (LABEL.model_copy(update={"arguments": {"order_id": "B2"}}),)}, Verdict.BLOCK),
    ("reply_present", {"reply": "  "}, Verdict.BLOCK),
    ("reply_length", {"reply": REPLY + " Thank you." * 500}, Verdict.BLOCK),
    ("no_leftovers", {"reply": REPLY + " Dear {customer_name}"}, Verdict.BLOCK),
    ("no_leftovers", {"reply": REPLY + " <|im_end|>"}, Verdict.BLOCK),
    ("readable", {"reply": REPLY + " \u202eabc"}, Verdict.AMBIGUOUS),
    ("agrees_with_outcome", {"reply": "Unfortunately we cannot accept your return."}, Verdict.AMBIGUOUS),
    ("claims_supported", {"reply": "I've refunded €49 to your card."}, Verdict.BLOCK),
    ("past_state_supported", {"reply": "Your lamp was delivered on May 3. " + REPLY}, Verdict.BLOCK),
    ("past_state_supported", {"reply": "Our records show that the refund was issued. " + REPLY}, Verdict.AMBIGUOUS),
]  # fmt: skip


@pytest.mark.parametrize(("check", "changes", "verdict"), FAILURES, ids=[f"{i}-{c[0]}" for i, c in enumerate(FAILURES)])
def test_each_check_fails_where_its_condition_is_broken(check, changes, verdict):
    verification = judge(**changes)
    assert check in failing(verification)
    finding = next(f for f in verification.findings if f.check == check and not f.passed)
    assert finding.severity is verdict
    assert finding.remedy
    assert finding.owner is not None
    assert verification.verdict is not Verdict.PASS


def test_a_clause_that_may_close_without_a_rule_passes_unless_a_rule_is_required():
    clause = CLAUSE.model_copy(update={"rule": None, "closes_without_rule": True})
    assert judge(case=evidence(clause)).verdict is Verdict.PASS
    strict = judge(case=evidence(clause), options=VerifyOptions(require_rule=True))
    assert strict.verdict is Verdict.AMBIGUOUS


def test_a_check_that_cannot_run_is_a_failed_finding():
    def broken(source, facts):
        raise RuntimeError("no evaluator")

    verification = judge(options=VerifyOptions(answer=broken))
    assert "rule_agrees" in failing(verification)
    assert verification.verdict is Verdict.BLOCK


def test_before_the_tools_ran_only_the_decision_is_judged():
    verification = judge(actions=(), reply=None)
    assert verification.verdict is Verdict.PASS
    assert not any(f.check == "claims_supported" for f in verification.findings)


def test_a_decision_that_abstains_is_not_held_against_the_rule():
    made = decide(outcome=Outcome.REVIEW, tool_calls=())
    reply = "A colleague will look at your case."
    assert failing(judge(made=made, actions=(), reply=reply)) == set()


def test_a_statement_that_the_facts_support_passes():
    reply = "Your lamp was delivered on 1 March. " + REPLY
    assert judge(reply=reply).verdict is Verdict.PASS
    assert judge(reply="Your lamp was delivered 12 days ago. " + REPLY).verdict is Verdict.PASS


def test_the_finding_marks_the_words_it_is_about():
    reply = "Thanks for waiting. I've refunded you."
    verification = verify_reply(reply, [], READER)
    finding = next(f for f in verification.findings if not f.passed)
    assert reply[slice(*finding.span)] == "I've refunded you"
    assert "issue refund" in finding.detail


def test_an_unsure_claim_is_ambiguous_and_the_threshold_decides():
    reply = "I've whisked your refund through the tubes."
    assert verify_reply(reply, [], READER).verdict is Verdict.AMBIGUOUS
    assert verify_reply(reply, [], READER, threshold=0.2).verdict is Verdict.BLOCK


def test_a_status_that_is_not_known_is_no_success():
    done = recorded_action({"name": "issue_refund", "status": "complete-ish"})
    assert verify_reply("I've refunded you.", [done], READER).verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "issue_refund", "status": 1}, "status must be a word"),
        ({"status": "succeeded"}, "give a name"),
        ({"name": "x", "status": "succeeded", "arguments": []}, "arguments must be an object"),
        ({"name": "x", "status": "succeeded", "supports": "refund"}, "supports must be a list"),
        (7, "give a name"),
    ],
)
def test_a_malformed_recorded_action_is_named(entry, words):
    with pytest.raises(ValueError, match=words):
        recorded_action(entry)


def test_every_check_has_a_row_in_the_failure_routers_table():
    asked = VerifyOptions(languages=frozenset({"en"}))
    names = {finding.check for finding in judge(options=asked).findings}
    # The router tells these two apart by what they say.
    assert names - {"decision_present", "clause_in_force"} - set(REMEDIES) == set()
    assert len(names) > 25


@pytest.mark.parametrize(
    ("reply", "languages", "held"),
    [
        ("Gracias por escribirnos. P-7 permite la devolución y su etiqueta está lista.", {"en"}, True),
        ("Gracias por escribirnos. P-7 permite la devolución y su etiqueta está lista.", {"en", "es"}, False),
        ("Gracias por escribirnos. P-7 permite la devolución y su etiqueta está lista.", None, False),
        (REPLY, {"en"}, False),
    ],
)
def test_a_reply_in_a_language_that_is_not_trusted_waits_for_a_person(reply, languages, held):
    options = VerifyOptions(languages=languages and frozenset(languages))
    assert ("trusted_language" in failing(judge(reply=reply, options=options))) is held
