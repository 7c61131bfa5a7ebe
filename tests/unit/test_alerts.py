"""When operators are told: each rule by a table, episodes that ring once, drift that chance does not set off."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from services.domain.alerts import (
    DESK,
    Alarm,
    AlertKind,
    AlertLimits,
    Observed,
    OpenAlert,
    Shares,
    Withdrawn,
    alarms,
    by_chance,
    changes,
    total_variation,
)

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
LIMITS = AlertLimits()


def observed(**values) -> Observed:
    return Observed(now=NOW, **values)


def ago(**values) -> datetime:
    return NOW - timedelta(**values)


@pytest.mark.parametrize(
    ("seen", "kinds", "because"),
    [
        ({}, [], "an idle desk rings for nothing"),
        ({"last_night": ("n1", "shipped", "")}, [], "a shipped night is good news"),
        ({"last_night": ("n1", "failed", "disk full")}, [AlertKind.RUN_FAILED], "a failed night rings"),
        ({"last_night": ("n1", "blocked", "two wrong")}, [AlertKind.GATE_BLOCKED], "a blocked candidate rings"),
        ({"withdrawn": Withdrawn(7, "c@1", "late")}, [AlertKind.CANARY_WITHDRAWN], "a canary that failed rings"),
        ({"oldest_review_at": ago(hours=8), "review_open": 3}, [], "exactly the limit is not over it"),
        ({"oldest_review_at": ago(hours=9), "review_open": 3}, [AlertKind.BACKLOG_OLD], "a return waits too long"),
        ({"oldest_job_at": ago(minutes=11), "jobs_ready": 1}, [AlertKind.QUEUE_OLD], "no worker takes a job"),
        ({"oldest_job_at": ago(minutes=9), "jobs_ready": 9000}, [], "many jobs are no alarm while they move"),
        ({"shares": [Shares("a", 50, 900), Shares("b", 50, 100)]}, [AlertKind.DRIFT], "10 % became 50 %"),
        ({"shares": [Shares("a", 5, 900), Shares("b", 5, 100)]}, [], "ten decisions say nothing"),
        ({"shares": [Shares("a", 90, 20), Shares("b", 10, 5)]}, [], "nothing to compare with"),
        ({"shares": [Shares("a", 88, 900), Shares("b", 12, 100)]}, [], "about the same"),
    ],
)
def test_each_rule_rings_when_it_should(seen, kinds, because):
    assert [one.kind for one in alarms(observed(**seen), LIMITS)] == kinds, because


def test_an_alarm_says_in_one_sentence_what_is_wrong_with_its_numbers():
    (old,) = alarms(observed(oldest_review_at=ago(hours=31), review_open=1234), LIMITS)
    assert old.said == "The oldest return waits for a person for 31 h, over the limit of 8 h; 1,234 wait."
    (night,) = alarms(observed(last_night=("2026-11-24", "failed", "the disk is full")), LIMITS)
    assert night.said == "The night of 2026-11-24 failed: the disk is full"
    (canary,) = alarms(observed(withdrawn=Withdrawn(7, "night-1@0123456789ab", "approves more")), LIMITS)
    assert canary.said == "The canary night-1@0123456789ab was withdrawn: approves more"
    (drift,) = alarms(observed(shares=[Shares("review/blocked", 60, 50), Shares("auto_close/none", 40, 950)]), LIMITS)
    assert "review/blocked: 5% before, 60% in the last 24 h" in drift.said or "auto_close/none: 95%" in drift.said


def test_drift_rings_for_a_shift_and_hardly_ever_for_chance():
    draw = random.Random(5)
    names, weights = ["auto", "blocked", "ambiguous", "audit", "approval", "held"], [60, 12, 10, 8, 6, 4]

    def day(count, shares):
        return Counter(draw.choices(names, shares, k=count))

    false = shifted = 0
    for _ in range(200):
        before = day(900, weights)
        same, other = day(60, weights), day(60, [25, 45, 10, 8, 6, 6])
        false += bool(alarms(observed(shares=[Shares(n, same[n], before[n]) for n in names]), LIMITS))
        shifted += bool(alarms(observed(shares=[Shares(n, other[n], before[n]) for n in names]), LIMITS))
    assert false <= 2
    assert shifted >= 190


def test_total_variation_and_what_chance_shows():
    assert total_variation([Shares("a", 10, 0), Shares("b", 0, 30)]) == 1
    assert total_variation([Shares("a", 5, 50), Shares("b", 5, 50)]) == 0
    assert total_variation([]) == by_chance([]) == 0
    assert 0 < by_chance([Shares("a", 50, 500), Shares("b", 50, 500)]) < 0.1


ALARM = Alarm(AlertKind.BACKLOG_OLD, DESK, "old", {})


def test_an_episode_is_raised_once_goes_on_and_ends_only_after_quiet():
    first = changes([], [ALARM], NOW, LIMITS.quiet)
    assert (first.raised, first.seen, first.ended) == ((ALARM,), (), ())
    standing = [OpenAlert("a1", AlertKind.BACKLOG_OLD, DESK, NOW)]
    assert changes(standing, [ALARM], NOW, LIMITS.quiet).seen == (("a1", ALARM),)
    soon = changes(standing, [], NOW + timedelta(minutes=29), LIMITS.quiet)
    assert (soon.raised, soon.seen, soon.ended) == ((), (), ())
    assert changes(standing, [], NOW + timedelta(minutes=30), LIMITS.quiet).ended == ("a1",)


def test_another_night_is_another_episode():
    standing = [OpenAlert("a1", AlertKind.RUN_FAILED, "n1", NOW)]
    again = changes(standing, [Alarm(AlertKind.RUN_FAILED, "n2", "failed", {})], NOW, LIMITS.quiet)
    assert [one.subject for one in again.raised] == ["n2"]
    assert again.ended == ()
