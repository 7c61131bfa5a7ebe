"""Which numbers of a clause may count days, and which are something else."""

import pytest

from policies.numbers import days_in, numbers_in
from services.inference.sheet import _COUNTS_DAYS


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Returns within two weeks of delivery.", (14,)),
        ("A battery below 70 percent within 2 years of delivery is a fault.", (730,)),
        ("Not more than 100 kilometres, and the 30th day from delivery has not gone by.", (30,)),
        ("In business since 1911. Returns for 40 days.", (40,)),
        ("Orders over EUR 50 for a fortnight.", (14,)),
        ("30- or 60-day trial.", (30, 60)),
        ("Up to 2000 days.", (2000,)),
    ],
)
def test_only_what_counts_time_is_a_number_of_days(text, days):
    assert days_in(text) == days


def test_other_facts_may_be_compared_with_any_number():
    assert set(numbers_in("A battery below 70 percent within 2 years is a fault.")) == {2, 70, 730}


@pytest.mark.parametrize(
    ("name", "counts"),
    [("days_since_delivery", True), ("days late", True), ("minutes_lost_per_day", False), ("odometer_km", False)],
)
def test_a_rate_a_day_is_no_number_of_days(name, counts):
    assert bool(_COUNTS_DAYS.search(name)) is counts


def test_ordinals_the_day_after_and_half_are_numbers_too() -> None:
    assert days_in("Until the twelfth day after delivery.") == (12,)
    assert days_in("Up to and including the twenty-first day.") == (21,)
    assert days_in("Tell us on the day of delivery or the day after.") == (1,)
    assert days_in("The 14 days run from the day after delivery.") == (14,)
    assert numbers_in("At least half of the bottles are broken.") == (50,)
    assert numbers_in("Half-timbered toys are sold as seen.") == ()
