"""The lesson's files: sound, apart from each other, and enough for evaluation and routing on their own."""

import json
from pathlib import Path

from typer.testing import CliRunner

from lifecycle.audit import audit_pairs, audit_worlds
from lifecycle.evaluate import evaluate
from lifecycle.examples import read_worlds
from lifecycle.night_pace import seed_pairs_for, seed_worlds_for
from lifecycle.preferences import read_pairs
from lifecycle.suites import load_suites, read_cases
from services.domain.cases import parse_case
from workers.case_runner import run_cases
from workers.cli import app
from workers.scripted import ScriptedDecider

LESSON = Path(__file__).parents[2] / "lifecycle" / "lesson"
CASES = read_cases(LESSON / "policy_cases.jsonl")


def test_examples_and_pairs_are_sound_and_leak_into_no_case():
    worlds, pairs = list(read_worlds(LESSON / "sft.jsonl")), list(read_pairs(LESSON / "pairs.jsonl"))
    assert audit_worlds(worlds, CASES) == []
    assert audit_pairs(pairs, CASES) == []
    assert sum(case.reply is not None for world in worlds for case in world.cases) >= 12
    assert len(pairs) == 16


def test_the_window_decides_the_same_message_and_every_expected_answer_follows_from_its_rule():
    twins = [case for case in CASES if case["twin"] == "lesson-window"]
    assert len({case["message"] for case in twins}) == 1
    assert {case["expected_decision"] for case in twins} == {"eligible", "not_eligible", "review"}
    for case in CASES:
        window = int(case["truth"]["rule"].split("<= ")[1])
        facts, evidence = case["order_facts"], parse_case(case)
        late, confirmed = facts["days_since_delivery"] > window, facts["damage_confirmed"]
        expected = "not_eligible" if late or confirmed is False else "eligible" if confirmed else "review"
        assert case["expected_decision"] == expected, case["id"]
        assert case["required_evidence"] in {policy.text for policy in evidence.policies}


def test_the_pipeline_itself_trains_on_the_lesson_and_asks_its_cases_first():
    assert seed_worlds_for(1, 17)[0].id == next(read_worlds(LESSON / "sft.jsonl")).id
    assert seed_pairs_for(3, 17) == list(read_pairs(LESSON / "pairs.jsonl"))[:3]
    assert load_suites(17).cases["must_pass"][: len(CASES)] == CASES


def test_evaluation_runs_on_the_lesson_alone():
    outputs = list(run_cases([parse_case(case) for case in CASES], ScriptedDecider()))
    scores = evaluate(CASES, outputs)
    assert (scores["decision_right"].total, scores["twins_both_right"].total) == (8, 1)
    assert scores["clear_sent_to_review"].value == 1.0, "a script reads no clause without a rule"


def test_routing_runs_on_the_lesson_alone_and_names_every_kind_of_owner(tmp_path):
    out = tmp_path / "routed.jsonl"
    result = CliRunner().invoke(app, ["failures", "route", "--in", str(LESSON / "failures.jsonl"), "--out", str(out)])
    assert "6 failures" in result.output
    routed = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    owners = [routed[f"lesson-f{number}"]["owner"] for number in range(1, 7)]
    assert owners[:5] == ["preference_data", "sft_data", "retrieval", "serving", "gate"]
