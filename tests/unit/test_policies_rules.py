"""A clause's rule: yes, no or unknown on trusted facts, and nothing that the checker cannot vouch for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.facts import STANDARD_FACTS
from policies.rules import RuleError, compile_rule, evaluate
from policies.vocabulary import Truth

DAMAGED = "damage_confirmed && days_since_delivery <= 30"


@pytest.mark.parametrize(
    ("facts", "answer", "why"),
    [
        ({"damage_confirmed": True, "days_since_delivery": 12}, Truth.YES, "all conditions met"),
        ({"damage_confirmed": True, "days_since_delivery": 30}, Truth.YES, "within 30 days includes day 30"),
        ({"damage_confirmed": True, "days_since_delivery": 31}, Truth.NO, "the window has passed"),
        ({"damage_confirmed": False, "days_since_delivery": 3}, Truth.NO, "a condition known to fail"),
        ({"damage_confirmed": None, "days_since_delivery": 3}, Truth.UNKNOWN, "null is not established"),
        ({"days_since_delivery": 3}, Truth.UNKNOWN, "absent is not established"),
        ({"damage_confirmed": True}, Truth.UNKNOWN, "the window cannot be judged"),
        ({"days_since_delivery": 31}, Truth.NO, "the window has passed, so the missing fact decides nothing"),
        ({"damage_confirmed": False}, Truth.NO, "the failed condition stands left of the missing one"),
        ({}, Truth.UNKNOWN, "nothing is established"),
        ({"damage_confirmed": "yes", "days_since_delivery": 3}, Truth.UNKNOWN, "a text is no established yes"),
        ({"damage_confirmed": True, "days_since_delivery": "3"}, Truth.UNKNOWN, "a text is no number of days"),
        ({"damage_confirmed": True, "days_since_delivery": True}, Truth.UNKNOWN, "true is no number of days"),
        ({"damage_confirmed": 1, "days_since_delivery": 3}, Truth.UNKNOWN, "one is no established yes"),
    ],
)
def test_a_rule_answers_in_kleenes_logic(facts, answer, why):
    assert evaluate(DAMAGED, facts) is answer, why


@pytest.mark.parametrize(
    ("rule", "facts", "answer"),
    [
        ("!final_sale", {}, Truth.UNKNOWN),
        ("!final_sale", {"final_sale": True}, Truth.NO),
        ("recalled || days_since_delivery <= 30", {"recalled": True}, Truth.YES),
        ("days_since_delivery <= 30 || recalled", {"recalled": True}, Truth.YES),
        ("recalled || days_since_delivery <= 30", {"recalled": False}, Truth.UNKNOWN),
        ('!(category in ["food", "digital"]) && unopened', {"category": "food"}, Truth.NO),
        ('!(category in ["food", "digital"]) && unopened', {"category": "home"}, Truth.UNKNOWN),
        ('category == "digital"', {"category": ""}, Truth.UNKNOWN),
        ("price_cents * quantity <= 10000", {"price_cents": 2500, "quantity": 4}, Truth.YES),
        ("price_cents * quantity <= 10000", {"price_cents": 2500}, Truth.UNKNOWN),
        (
            "days_late >= 7 && (!delivered || days_since_delivery <= 14)",
            {"days_late": 9, "delivered": False},
            Truth.YES,
        ),
        ("days_late >= 7 && (!delivered || days_since_delivery <= 14)", {"days_late": 3}, Truth.NO),
        ("days_late >= -2", {"days_late": -2}, Truth.YES),
    ],
)
def test_every_connective_keeps_unknown_apart_from_no(rule, facts, answer):
    assert evaluate(rule, facts) is answer


def test_a_rule_says_which_facts_are_missing():
    rule = compile_rule(DAMAGED)
    assert rule.missing({"days_since_delivery": 3}) == ("damage_confirmed",)
    assert rule.missing({"days_since_delivery": "3", "damage_confirmed": None}) == (
        "damage_confirmed",
        "days_since_delivery",
    )


_KLEENE_AND = {Truth.NO: 0, Truth.UNKNOWN: 1, Truth.YES: 2}
_MAYBE = st.sampled_from([True, False, None])


@given(_MAYBE, _MAYBE, _MAYBE)
def test_conjunction_disjunction_and_negation_agree_with_kleenes_tables(first, second, third):
    facts = {"recalled": first, "unopened": second, "is_gift": third}
    rank = [_KLEENE_AND[_truth(value)] for value in (first, second, third)]
    assert _KLEENE_AND[evaluate("recalled && unopened && is_gift", facts)] == min(rank)
    assert _KLEENE_AND[evaluate("recalled || (unopened || is_gift)", facts)] == max(rank)
    assert _KLEENE_AND[evaluate("!recalled && unopened", facts)] == min(2 - rank[0], rank[1])


@given(st.fixed_dictionaries({}, optional={"recalled": _MAYBE, "days_late": st.one_of(st.none(), st.integers())}))
def test_establishing_a_fact_never_turns_a_decided_answer_round(facts):
    rule = "!recalled && (days_late <= 7 || unopened)"
    before = evaluate(rule, facts)
    if before is not Truth.UNKNOWN:
        assert evaluate(rule, facts | {"unopened": True}) is before
        assert evaluate(rule, facts | {"unopened": False}) is before


def _truth(value):
    return Truth.UNKNOWN if value is None else Truth.YES if value else Truth.NO


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("damage_confirmd && unopened", "'damage_confirmd', which no order source states"),
        ("days_since_arrival <= 3", "did you mean 'days_since_delivery'?"),
        ("days_since_delivery", "must answer yes or no"),
        ("unopened && days_since_delivery", "&& and || join yes/no conditions"),
        ("days_since_delivery <= '30'", "'days_since_delivery' is a whole value"),
        ("days_since_delivery <= 30.5", "write a whole one"),
        ("days_since_delivery <= 99999999999", "write a whole one"),
        ("unopened == 1", "not yes_no"),
        ('category < "food"', "< and > compare whole numbers"),
        ("category in 'food'", "`in` needs a list"),
        ("category in []", "`in` needs a list"),
        ('category in ["food", 3]', "not text"),
        ("1 < days_late < 9", "join two with &&"),
        ("unopened ? true : false", "uses '?'"),
        ("order.category == 'x'", "uses '.'"),
        ("size(category) == 1", "outside what a rule may say"),
        ("unopened and recalled", "the word 'and'"),
        ("unopened == null", "the word 'null'"),
        ("unopened &&", "does not parse"),
        ("(unopened", "does not parse"),
        ("unopened) || (recalled", "does not parse"),
        ("", "does not parse"),
        ("true", "mentions no fact"),
        ("days_late ** 2 <= 4", "outside what a rule may say"),
        ("!days_late <= 3", "! turns a yes/no condition round"),
        ("unopened && " * 400 + "unopened", "longer than"),
    ],
)
def test_an_unsound_rule_is_refused_with_one_clear_sentence(rule, says):
    with pytest.raises(RuleError, match="rule") as caught:
        compile_rule(rule)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_type_is_found_even_in_a_branch_that_would_never_run():
    with pytest.raises(RuleError):
        compile_rule("recalled || days_late == 'x'")


def test_the_shape_of_a_rule_names_facts_numbers_texts_and_limits():
    shape = compile_rule('30 >= days_since_delivery && category in ["food", "home"]').shape
    assert shape.facts == ("category", "days_since_delivery")
    assert shape.numbers == (30,)
    assert shape.texts == ("food", "home")
    assert [(one.fact, one.relation, one.number) for one in shape.limits] == [("days_since_delivery", "<=", 30)]
    assert compile_rule("unopened && !final_sale && !(recalled && !is_gift)").shape.wanted == ("is_gift", "unopened")


def test_a_product_beyond_64_bits_is_unknown_and_not_a_crash():
    rule = "price_cents * price_cents * price_cents <= 5"
    assert evaluate(rule, {"price_cents": 2**31}) is Truth.UNKNOWN
    assert evaluate("price_cents <= 5", {"price_cents": 10**30}) is Truth.UNKNOWN


def test_every_declared_fact_can_stand_in_a_rule():
    for name, kind in STANDARD_FACTS.items():
        rule = {"yes_no": name, "whole": f"{name} <= 1", "text": f'{name} == "x"'}[kind.value]
        assert compile_rule(rule).shape.facts == (name,)
