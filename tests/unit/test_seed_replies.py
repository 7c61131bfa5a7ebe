"""A seed reply that names what decided a case is only written for such a case."""

import random
from datetime import date

import pytest

from lifecycle.seed import bank
from lifecycle.seed.cases import SeedCase
from lifecycle.seed.replies import write_reply
from policies import Reason, Truth
from services.domain.decision import ClauseReading, Condition, Decision, FactTest, Outcome
from services.domain.evidence import Evidence
from services.domain.facts import OrderFacts

FACTS = OrderFacts(values={"item": "lamp", "order_id": "A1234", "price_cents": 1250, "currency": "EUR"})
SLOTS = {"{item}": "lamp", "{order}": "A1234", "{amount}": "12.50 EUR", "{policy}": "P-3"}


def filled(text: str) -> str:
    for slot, value in SLOTS.items():
        text = text.replace(slot, value)
    return text


POINTS = {filled(pattern.text): pattern.point for pattern in bank.replies()}
DAYS = FactTest(fact="days_since_delivery", relation="<=", wanted=30, actual=41, result=Truth.NO)
FLAG = FactTest(fact="unopened", relation="is", wanted=True, actual=False, result=Truth.NO)
UNKNOWN = FLAG.model_copy(update={"actual": None, "result": Truth.UNKNOWN})


def points_written(
    outcome: Outcome, *tests: FactTest, forbids: bool = False, conflict: bool = False, lang: str = "en"
) -> set[str]:
    """Return what the replies drawn for such a case name as its ground."""
    conditions = tuple(Condition(any_of=(test,)) for test in tests)
    reading = ClauseReading(policy_id="P-3", evidence="As it says.", conditions=conditions, forbids=forbids)
    decision = Decision(
        reason=Reason.CHANGE_OF_MIND,
        policy_id="P-3",
        policy_version="1",
        evidence=reading.evidence,
        outcome=outcome,
        readings=(reading,),
    )
    evidence = Evidence(message="Back, please.", facts=FACTS, policies=(), asked_on=date(2026, 5, 1))
    case = SeedCase(evidence, decision, conflict, lang, {})
    rng = random.Random(5)
    replies = {reply for _ in range(250) if (reply := write_reply(case, (), rng))}
    return {POINTS[reply] for reply in replies}


@pytest.mark.parametrize("lang", ["en", "de", "fr", "es", "it", "nl"])
def test_a_reply_names_no_other_ground_than_the_case_has(lang: str) -> None:
    assert points_written(Outcome.NOT_ELIGIBLE, DAYS, lang=lang) == {"", "late"}
    assert points_written(Outcome.NOT_ELIGIBLE, FLAG, lang=lang) == {"", "unmet"}
    assert points_written(Outcome.NOT_ELIGIBLE, DAYS, FLAG, lang=lang) == {""}
    assert points_written(Outcome.NOT_ELIGIBLE, FLAG, forbids=True, lang=lang) == {"", "excluded"}
    assert points_written(Outcome.REVIEW, UNKNOWN, lang=lang) == {"", "open"}
    assert points_written(Outcome.REVIEW, DAYS, conflict=True, lang=lang) == {"", "conflict"}


def test_a_minimum_of_days_that_is_not_reached_is_not_called_late() -> None:
    early = DAYS.model_copy(update={"relation": ">=", "actual": 3})
    assert points_written(Outcome.NOT_ELIGIBLE, early) == {"", "unmet"}
