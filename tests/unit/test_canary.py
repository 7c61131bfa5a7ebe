"""The rule on a canary: surely worse is rolled back, chance is not, and a loaded machine is nobody's fault."""

import random

import pytest

from services.domain.canary import Arm, CanaryVerdict, difference_interval, quantile_interval, rule_on, wilson

WATCH, HOLDS, BACK = CanaryVerdict.WATCH, CanaryVerdict.HOLDS, CanaryVerdict.ROLL_BACK
FAST = tuple(float(100 + number % 20) for number in range(400))


def arm(returns, name="v", **figures):
    return Arm(checkpoint=name, returns=returns, **{"ttft_ms": FAST[:returns]} | figures)


@pytest.mark.parametrize(
    ("candidate", "champion", "verdict", "why"),
    [
        (arm(0), arm(0), WATCH, "nothing was seen yet"),
        (arm(10), arm(90), WATCH, "alike, and too few to say that it holds"),
        (arm(200), arm(380), HOLDS, "alike, and enough"),
        (arm(30, unsupported_claims=1), arm(1000), BACK, "one invented effect where the champion has none in 1,000"),
        (arm(3, unsupported_claims=1), arm(3), WATCH, "one in three beside none in three may be chance"),
        (arm(100, unsupported_claims=2), arm(900, unsupported_claims=18), WATCH, "as often as the champion"),
        (arm(20, errors=5), arm(180), BACK, "it fails where the champion does not"),
        (arm(1, errors=1), arm(1), WATCH, "one failure alone is not proof"),
        (arm(100, reviewed=60), arm(900, reviewed=270), BACK, "twice as many go to people"),
        (arm(100, reviewed=35), arm(900, reviewed=270), WATCH, "a few more go to people"),
        (arm(200, reviewed=10), arm(900, reviewed=270), HOLDS, "fewer go to people: the aim, no fault"),
        (arm(150, approved=120), arm(900, approved=450), BACK, "it approves far more of customers who are alike"),
        (arm(150, approved=60), arm(900, approved=450), WATCH, "it approves less"),
        (arm(100, ttft_ms=tuple(one * 2 for one in FAST[:100])), arm(400), BACK, "twice as slow"),
        (arm(100, ttft_ms=tuple(one + 30 for one in FAST[:100])), arm(400), WATCH, "slower within the machine's noise"),
        (arm(5, ttft_ms=(9000.0, 100.0, 100.0, 100.0, 100.0)), arm(400), WATCH, "one slow start proves nothing"),
        (
            arm(100, ttft_ms=tuple(one * 20 for one in FAST[:100])),
            arm(400, ttft_ms=tuple(one * 20 for one in FAST)),
            WATCH,
            "a loaded machine makes both slow",
        ),
        (
            arm(100, ttft_ms=tuple(one + 950 for one in FAST[:100])),
            arm(400, ttft_ms=tuple(one + 850 for one in FAST)),
            BACK,
            "within 1.15 of the champion, but over one second, which the champion keeps",
        ),
    ],
)
def test_a_canary_is_judged_by_what_is_sure(candidate, champion, verdict, why):
    ruling = rule_on(candidate, champion)
    assert ruling.verdict is verdict, (why, ruling.reasons)
    assert ruling.reasons
    assert {one.name for one in ruling.measures} >= {"errors", "unsupported_claims", "reviewed", "ttft_p95_ms"}


def test_the_reason_names_both_figures():
    (reason,) = rule_on(arm(30, unsupported_claims=1), arm(1000)).reasons
    assert "1 of 30" in reason
    assert "0 of 1000" in reason


def test_twins_are_seldom_rolled_back_however_often_one_looks():
    draw, back = random.Random(5), 0
    for _ in range(100):
        ours = theirs = our_bad = their_bad = 0
        for _ in range(300):
            if draw.random() < 0.1:
                ours, our_bad = ours + 1, our_bad + (draw.random() < 0.05)
            else:
                theirs, their_bad = theirs + 1, their_bad + (draw.random() < 0.05)
            if (
                rule_on(arm(ours, unsupported_claims=our_bad), arm(theirs, unsupported_claims=their_bad)).verdict
                is BACK
            ):
                back += 1
                break
    assert back <= 15


def test_intervals_agree_with_known_values():
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.401, 0.96), "worked by hand from Wilson 1927 with z = 2.576"
    assert wilson(0, 0) == (0.0, 1.0)
    below, above = difference_interval(5, 10, 5, 10)
    assert below == pytest.approx(-above)
    assert quantile_interval([float(n) for n in range(1, 1001)], 0.95) == pytest.approx((931, 968), abs=2)
    assert quantile_interval([], 0.95)[0] == 0.0
