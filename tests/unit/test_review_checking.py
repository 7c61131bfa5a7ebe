"""The correction form: what it shows of a decision reads back as that decision, bans included."""

from datetime import date

import pytest
from starlette.datastructures import FormData

from policies import Reason
from policies.plain_text import plain_text_version
from review_ui.checking import draft_of, fields_of
from services.domain.decision import Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts
from services.inference.answer import settle
from services.inference.sheet import read_sheet

GRANT = plain_text_version("P-1", "1", "Unopened goods may be returned within 14 days of delivery.")
BAN = plain_text_version("P-8", "1", "Final sale articles cannot be returned.")


def evidence(**facts):
    values = {"days_since_delivery": 3, "unopened": True, "final_sale": True} | facts
    return Evidence(
        message="I changed my mind.", facts=OrderFacts(values=values), policies=(GRANT, BAN), asked_on=date(2025, 3, 4)
    )


def decision_on(case):
    facts = dict(case.facts.values)
    grant = read_sheet(GRANT, facts, ["1", "<= 14", "true", "any", "no", "create_return_label"], forbids=False)
    ban = read_sheet(BAN, facts, ["1", "any", "any", "false", "no", "none"], forbids=True)
    return settle(case, Reason.CHANGE_OF_MIND, [grant, ban])


@pytest.mark.parametrize(("final_sale", "outcome"), [(True, Outcome.NOT_ELIGIBLE), (False, Outcome.ELIGIBLE)])
def test_a_form_sent_back_untouched_says_what_the_checkpoint_said(final_sale, outcome):
    case = evidence(final_sale=final_sale)
    decision = decision_on(case)
    assert decision.outcome is outcome
    fields = fields_of(case, decision, "")
    form = FormData(
        [*((n, v) for n, v in fields._asdict().items() if n != "tools"), *(("tools", t) for t in fields.tools)]
    )
    draft = draft_of(form, case, decision)
    assert draft.problem == ""
    assert draft.decision is not None
    read = {reading.policy_id: reading.forbids for reading in draft.decision.readings}
    assert read == {"P-1": False, "P-8": True}, "a ban must not come back as a clause that grants"
    assert (draft.decision.outcome, draft.decision.policy_id) == (outcome, decision.policy_id)
