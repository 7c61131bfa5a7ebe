"""What `policies lint` finds: one spoilt clause a finding, and nothing about the sound ones."""

from datetime import date

import pytest

from policies.catalog import load_catalog
from policies.document import parse_policy
from policies.lint import lint
from policies.prose import numbers_in, windows_in
from tests.unit.policy_files import policy_source

TODAY = date(2026, 11, 24)


def findings(*sources: str, today: date | None = None) -> set[str]:
    return {one.code for one in lint([parse_policy(source, "test") for source in sources], today=today)}


def test_the_built_in_policies_agree_with_themselves():
    catalog = load_catalog()
    assert lint(catalog.versions, catalog.facts, TODAY) == ()


def test_a_sound_clause_has_no_finding():
    assert findings(policy_source()) == set()


@pytest.mark.parametrize(
    ("code", "source"),
    [
        ("bad_name", policy_source(id="P/1")),
        ("bad_name", policy_source(version='".."')),
        ("no_title", policy_source(title=None)),
        ("no_start", policy_source(effective_from=None)),
        ("ends_before_start", policy_source(effective_to="2025-12-31")),
        ("tool_twice", policy_source(tools="[send_email, send_email]")),
        ("no_limit", policy_source(tools="[issue_refund]")),
        ("no_limit", policy_source(tools="[issue_store_credit]")),
        ("needless_limit", policy_source(tools="[{name: send_email, max_amount_cents: 5}]")),
        ("needless_exception", policy_source(closes_without_rule="true")),
        ("unknown_predecessor", policy_source(supersedes='"0"')),
        ("unknown_predecessor", policy_source(supersedes='"1"')),
        ("bad_rule", policy_source(rule="damage_confirmed && days_since_delivery <=")),
        ("bad_rule", policy_source(rule="damaged && days_since_delivery <= 30")),
        ("bad_rule", policy_source(rule="damage_confirmed && days_since_delivery <= '30'")),
        ("bad_applies_to", policy_source(applies_to="category = 'food'")),
        ("text_not_in_prose", policy_source(applies_to='category == "food"')),
        (
            "fact_not_in_prose",
            policy_source(rule="damage_confirmed && unopened && days_since_delivery <= 30"),
        ),
        (
            "bound_disagrees",
            policy_source(rule="damage_confirmed && days_since_delivery < 30"),
        ),
        (
            "bound_disagrees",
            policy_source(rule="damage_confirmed && days_since_delivery >= 30"),
        ),
        (
            "condition_not_in_rule",
            policy_source("Damaged items, unused, reported within 30 days of delivery, may come back."),
        ),
        (
            "condition_not_in_rule",
            policy_source("Damaged items reported within 30 days of delivery may come back unless a final sale."),
        ),
        ("never_grants", policy_source(rule="damage_confirmed && !damage_confirmed && days_since_delivery <= 30")),
        ("never_refuses", policy_source(rule="damage_confirmed || !damage_confirmed || days_since_delivery <= 30")),
        (
            "window_not_in_rule",
            policy_source("Damaged items reported within 30 days of delivery, or 14 days for food, may come back."),
        ),
    ],
)
def test_each_kind_of_mistake_has_its_own_finding(code, source):
    assert findings(source) == {code}


def test_a_number_of_the_rule_that_the_prose_does_not_say_is_found_both_ways():
    assert findings(policy_source(rule="damage_confirmed && days_since_delivery <= 7")) == {
        "number_not_in_prose",
        "window_not_in_rule",
    }


@pytest.mark.parametrize(
    ("prose", "days"),
    [
        ("Damaged items come back within fourteen days of delivery.", 14),
        ("Damaged items come back within two weeks of delivery.", 14),
        ("Damaged items come back within a fortnight (one fortnight) of delivery.", 14),
        ("Damaged items come back up to a week after delivery.", 7),
        ("Damaged items come back within one year of delivery.", 365),
        ("Damaged items come back within ninety days of delivery.", 90),
        ("Damaged items come back within twenty-one days of delivery.", 21),
        ("Damaged items may come back no later than 1,000 days after delivery.", 1000),
    ],
)
def test_prose_may_say_the_number_in_words_and_weeks(prose, days):
    assert findings(policy_source(prose, rule=f"damage_confirmed && days_since_delivery <= {days}")) == set()
    assert "number_not_in_prose" in findings(
        policy_source(prose, rule=f"damage_confirmed && days_since_delivery <= {days + 1}")
    )


def test_months_are_not_a_number_of_days_until_the_prose_says_how_many():
    rule = "damage_confirmed && days_since_delivery <= 60"
    assert findings(policy_source("Damaged items: within two months of delivery.", rule=rule)) == {
        "number_not_in_prose"
    }
    assert findings(policy_source("Damaged items: within two months (60 days) of delivery.", rule=rule)) == set()


def test_an_amount_may_stand_in_the_prose_in_units():
    rule = "damage_confirmed && price_cents <= 5000"
    assert findings(policy_source("Damaged items with a price of up to 50.00 may be kept.", rule=rule)) == set()
    assert findings(policy_source("Damaged items with a price of up to 40.00 may be kept.", rule=rule)) == {
        "number_not_in_prose"
    }


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [
        ("dates_overlap", {"effective_to": "2026-06-30"}, {"effective_from": "2026-06-30", "supersedes": '"1"'}),
        ("gap", {"effective_to": "2026-06-30"}, {"effective_from": "2026-07-02", "supersedes": '"1"'}),
        ("no_predecessor", {}, {"effective_from": "2026-06-30"}),
        ("later_predecessor", {"supersedes": '"2"'}, {"effective_from": "2026-06-30", "supersedes": '"1"'}),
    ],
)
def test_versions_that_do_not_follow_each_other_are_found(code, first, second):
    assert findings(policy_source(**first), policy_source(version='"2"', **second)) == {code}


def test_versions_that_follow_each_other_have_no_finding():
    assert (
        findings(
            policy_source(effective_to="2026-06-30"),
            policy_source(version='"2"', effective_from="2026-07-01", supersedes='"1"'),
        )
        == set()
    )


def test_two_versions_of_one_day_are_found_unless_one_corrects_the_other():
    assert findings(policy_source(), policy_source(version='"2"')) == {"no_predecessor", "unreachable"}
    assert findings(policy_source(), policy_source(version='"2"', supersedes='"1"')) == set()


def test_one_version_name_for_two_texts_is_found():
    assert "version_twice" in findings(policy_source(), policy_source(effective_from="2026-05-01", supersedes='"1"'))


def test_a_reason_that_no_clause_covers_is_found_today_and_on_days_to_come():
    assert findings(policy_source(), today=TODAY) == {"reason_uncovered"}
    catalog = load_catalog()
    sources = [version for version in catalog.versions if version.policy_id != "P-15"]
    assert [one.sentence for one in lint(sources, catalog.facts, TODAY)] == [
        "no clause in force on 2026-11-24 names the reason safety_recall; add it to one"
    ]


def test_every_finding_is_one_line_that_names_its_version():
    spoilt = parse_policy(policy_source(title=None, tools="[issue_refund]", rule="oops &&"), "test")
    for finding in lint([spoilt]):
        assert finding.sentence.startswith("P-1@1: ")
        assert "\n" not in finding.sentence


def test_numbers_and_windows_are_read_as_people_write_them():
    assert numbers_in("Up to 49.90, three pieces, twenty-five or 1,200.") >= {49.9, 3.0, 25.0, 1200.0}
    assert 14.0 in numbers_in("two weeks")
    assert [(one.days, one.relations) for one in windows_in("Within 30 days, at least 7 days, 14 days or more.")] == [
        (30, ("<=",)),
        (7, (">=",)),
        (14, (">=",)),
    ]
    assert windows_in("A 30-day return right")[0].days == 30
    assert windows_in("the day of delivery") == ()
