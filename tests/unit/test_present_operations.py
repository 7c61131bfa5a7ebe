"""Figures for operators in words: units, tiles that turn, what a night still needs, thinned curves, checks."""

from datetime import UTC, datetime, timedelta

import pytest

from review_ui.present_nights import MOST_POINTS, TimeLeft, curves, measured, plan_rows, shown, time_left
from review_ui.present_operations import Limits, chart, tiles, written
from services.domain.nights import StageStatus
from services.store.desk_history import HOURS, History, Series, beginnings
from services.store.desk_state import DeskState
from services.store.nightly import NightStage

NOW = datetime(2026, 11, 24, 3, 20, tzinfo=UTC)
LIMITS = Limits(timedelta(hours=8), timedelta(minutes=10))


def stage(name: str, status: str, **values) -> NightStage:
    plain = {"night_id": "n", "place": 0, "attempts": 1, "started_at": NOW, "finished_at": None, "seen_at": None}
    plain |= {"seconds": 0.0, "done": 0, "total": 0, "note": "", "figures": {}, "curve": []}
    return NightStage.model_validate(plain | values | {"name": name, "status": status})


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "\N{EN DASH}"),
        (812.4, "ms", "812 ms"),
        (61_000.0, "ms", "61 s"),
        (3.25, "s", "3.2 s"),
        (7_300.0, "s", "2 h"),
        (1_400 * 2**20, "bytes", "1,400 MiB"),
        (0.914, "share", "91.4 %"),
        (12_345.0, "count", "12,345"),
    ],
)
def test_a_number_is_said_in_its_unit(value, unit, text):
    assert written(value, unit)[1] == text


def test_buckets_begin_on_the_hour_and_the_last_one_holds_now():
    moments = beginnings(HOURS, NOW)
    assert len(moments) == 24
    assert moments[-1] == NOW.replace(minute=0)
    assert moments[1] - moments[0] == timedelta(hours=1)


def test_a_chart_lists_the_newest_first_and_leaves_gaps_open():
    moments = beginnings(HOURS, NOW)
    values = [None] * 22 + [250.0, None]
    made = chart("first_token", "lines", "ms", History(moments, [Series("p50", values)]))
    assert made.rows[0].cells[0].value == ""
    assert made.rows[1].cells[0].text == "250 ms"
    assert not made.empty
    assert chart("first_token", "lines", "ms", History(moments, [Series("p50", [None] * 24)])).empty


def test_a_tile_turns_when_its_limit_is_passed_and_only_then():
    calm = DeskState(0, None, 0, 3, NOW - timedelta(hours=7), 0, 10, 6, 1, 900.0, 4, 3)
    late = calm._replace(oldest_review_at=NOW - timedelta(hours=9), jobs_failed=2, first_token_ms=1200.0)
    assert {one.title: one.state for one in tiles(calm, LIMITS, NOW)}["Awaiting review"] == ""
    states = {one.title: one.state for one in tiles(late, LIMITS, NOW)}
    assert (states["Awaiting review"], states["Failed jobs"], states["First token, 24 h"]) == ("bad", "bad", "bad")
    assert {one.title: one.number for one in tiles(calm, LIMITS, NOW)}["Closed by itself, 24 h"] == "60 %"


def test_what_is_left_of_a_night_is_its_stages_pace_and_what_later_ones_took_before():
    now = [
        stage("sft", "running", seconds=100.0, done=25, total=100),
        stage("dpo", "waiting"),
        stage("gate", "waiting"),
    ]
    before = [stage("dpo", "done", seconds=200.0), stage("gate", "skipped", seconds=999.0)]
    assert time_left(now, before) == TimeLeft(timedelta(seconds=500), whole=True)
    assert time_left(now, []) == TimeLeft(timedelta(seconds=300), whole=False), "the first night knows no later stage"
    assert time_left([stage("sft", "running", total=100), stage("dpo", "waiting")], before) is None
    assert time_left([stage("sft", "done")], before) is None


def test_a_plan_is_told_in_words_and_what_was_chosen_stands_where_nothing_was_set():
    plan = {
        "sft_steps": None, "cases": None, "release": True, "fewest_cases": {"must_pass": 40, "injection": 25},
        "chosen": {"steps": {"sft_steps": 3, "seed_pairs": 2, "left_out": ["16 of 19 did not fit"]}},
    }  # fmt: skip
    assert plan_rows(plan) == [
        ("cases", "not chosen yet"),
        ("fewest_cases", "injection 25, must pass 40"),
        ("release", "yes"),
        ("sft_steps", "3"),
        ("seed_pairs", "2"),
    ]


def test_a_stage_that_is_done_is_full_whatever_it_counted():
    (done, running) = shown([stage("sft", "done", done=3, total=9), stage("dpo", "running", done=3, total=9)], NOW)
    assert (done.share, running.share) == (100, 33)
    assert done.status == StageStatus.DONE.value


def test_a_long_curve_is_thinned_and_keeps_its_last_point():
    points = [{"step": step, "loss": 1 / step} for step in range(1, 1000)]
    (made,) = curves([stage("sft", "done", curve=points)])
    assert MOST_POINTS <= len(made.rows) <= 2 * MOST_POINTS
    assert made.rows[0].step == 999
    assert made.rows[-1].step == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "not measured"),
        (0.114, "share", "11.4 %"),
        (3.0, "cases", "3 cases"),
        (-0.52, "nats", "-0.52 nats"),
    ],
)
def test_a_checks_value_is_said_with_its_unit(value, unit, text):
    assert measured(value, unit) == text
