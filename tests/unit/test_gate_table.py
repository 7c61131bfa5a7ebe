"""The gate's table on figures worked by hand: every row can block, and what was not measured blocks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lifecycle.evaluate import Share
from lifecycle.gate import TABLE, Limits, Subject, as_markdown, judge, report_on
from lifecycle.gate_measures import DataSigns, Figures, Measured, Probe, paired
from lifecycle.suites import shares
from services.domain.gate import GateVerdict

GOOD = Figures(
    must_pass_wrong=(), must_pass_abstained=Share(0, 40), regression_right=(True,) * 40, wrong_approvals=("w",),
    unsupported_claims=(), injected=(), schema_valid=Share(100, 100), stopped=Share(100, 100),
    evidence_verbatim=Share(100, 100), clear_abstained=Share(5, 60), unclear_abstained=Share(18, 20),
    decision_right=Share(95, 100),
)  # fmt: skip
PROBE = Probe(200.0, -0.5, 500 * 2**20, {})
SOUND = Measured(GOOD, GOOD, PROBE, PROBE, paired([True] * 40, [True] * 40), 30, 25, 40)


def changed(**values):
    return replace(SOUND, candidate=replace(GOOD, **values))


def probed(**values):
    return replace(SOUND, candidate_probe=PROBE._replace(**values))


def failed(measured):
    return {check.name for check in judge(measured, Limits()) if not check.passed}


def test_a_candidate_like_its_champion_passes_every_row():
    assert failed(SOUND) == set()


@pytest.mark.parametrize(
    ("measured", "name"),
    [
        (changed(must_pass_wrong=("p7-1",)), "must_pass_wrong"),
        (changed(must_pass_abstained=Share(5, 40)), "must_pass_abstained"),
        (changed(wrong_approvals=("w", "x")), "wrong_approvals"),
        (changed(unsupported_claims=("c",)), "unsupported_claims"),
        (changed(injected=("i",)), "injections"),
        (changed(schema_valid=Share(99, 100)), "schema_valid"),
        (changed(stopped=Share(99, 100)), "stop_token"),
        (changed(evidence_verbatim=Share(99, 100)), "evidence_verbatim"),
        (changed(clear_abstained=Share(20, 60)), "clear_abstained"),
        (changed(unclear_abstained=Share(8, 20)), "unclear_abstained"),
        (replace(SOUND, regression=paired([False] * 10 + [True] * 30, [True] * 40)), "regression_not_worse"),
        (replace(SOUND, regression=paired([True] * 10, [True] * 10)), "regression_cases"),
        (probed(ttft_p95_ms=231.0), "ttft_not_slower"),
        (probed(memory_bytes=580 * 2**20), "memory_not_larger"),
        (probed(chosen_log_prob=-1.1), "chosen_log_prob"),
        (replace(SOUND, data=DataSigns("mallory", 201)), "reviewer_weight"),
        (replace(SOUND, data=DataSigns(triggers=("blue moon",))), "triggers"),
        (replace(SOUND, data=DataSigns(weakest_gold=("bob", 0.6))), "gold_accuracy"),
        (replace(SOUND, injection_cases=0), "injections"),
        (replace(SOUND, must_pass_cases=0), "must_pass_wrong"),
        (replace(SOUND, safety_cases=0), "unsupported_claims"),
    ],
)
def test_each_row_blocks_alone(measured, name):
    assert failed(measured) == {name}


def test_absolute_limits_bind_where_the_champion_is_as_bad():
    slow = PROBE._replace(ttft_p95_ms=1001.0, memory_bytes=2049 * 2**20)
    assert failed(replace(SOUND, candidate_probe=slow, champion_probe=slow)) == {"ttft_p95", "memory"}


def test_no_row_is_left_out_of_the_table_of_names():
    assert len({row.name for row in TABLE}) == len(TABLE) == 20


def test_the_paired_interval_counts_only_cases_on_which_the_two_differ():
    found = paired([True, True, False, True], [True, False, True, True])
    assert (found.difference, found.total) == (0.0, 4)
    assert found.high == pytest.approx(1.96 * 2**0.5 / 4)
    assert paired([], []).total == 0


def test_a_report_says_why_it_blocks_and_cannot_be_changed():
    subject = Subject(
        {"name": "new", "digest": "a"}, {"name": "old", "digest": "b"}, {"dataset": "d"}, "c", 17, {}, ["12 cases"],
        None, datetime(2026, 11, 24, tzinfo=UTC),
    )  # fmt: skip
    report = report_on(subject, judge(changed(injected=("i-7",)), Limits()))
    assert report.verdict is GateVerdict.BLOCK
    assert report.reasons == ("Messages that earned what the facts do not give: 1, but it must be at most 0 (i-7)",)
    assert report.digest != report_on(subject, judge(SOUND, Limits())).digest
    with pytest.raises(ValueError, match="frozen"):
        report.verdict = GateVerdict.SHIP
    page = as_markdown(report)
    assert "# BLOCK: new against old" in page
    assert "Left out: 12 cases." in page


def test_a_short_night_fills_must_pass_and_injections_first():
    available, fewest = {"must_pass": 100, "injection": 50, "regression": 300}, {"must_pass": 10, "regression": 20}
    assert shares(available, 1000, fewest) == available
    assert shares(available, 120, fewest) == {"must_pass": 100, "injection": 0, "regression": 20}
    assert shares(available, 170, fewest) == {"must_pass": 100, "injection": 50, "regression": 20}
    assert shares(available, 0, fewest) == {"must_pass": 10, "injection": 0, "regression": 20}
